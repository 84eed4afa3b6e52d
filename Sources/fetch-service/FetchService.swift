import ArgumentParser
import Core
import FoundationEssentials
import Glibc
import Logging
import Platform

/// `fetch-service`, the daemon: options → log → ports → ``Service`` → serve until told to stop.
///
/// Exit status: 0 after an idle shutdown, 1 when it cannot start, 2 when the control API cannot listen, 128 and the
/// signal's number after a signal.
@main struct FetchService {
    /// What ends the service, or what it heeds while it runs.
    private enum Event: Sendable {
        case signal(CInt)
        case controlFailed(String)
        case idle
    }

    static func main() {
        // On the main thread and before any other starts, so that all inherit it; hence no `async` here.
        Signals.hold()
        Memory.keepFreed()
        let options = parse()
        if options.settingsReference { leave(SettingsReference.text, status: 0) }
        let configuration = ServiceConfiguration(reading: options, environment: ProcessInfo.processInfo.environment)
        // Whoever may look into /proc need not read it, and no worker gets it.
        Kernel.eraseVariable("FETCH_SERVICE_AUTH")
        if options.checkConfig { check(configuration, isJSON: options.json) }
        let settings = configuration.settings
        let destination: LogDestination
        do {
            destination = try LogDestination(
                path: settings.logFile, format: settings.logFormat, verbosity: settings.verbosity)
        } catch {
            fail("error: cannot open the log file: \(error)", status: 1)
        }
        let log = Logger(destination: destination)
        log.info("fetch-service \(ServiceVersion.text)")
        for warning in configuration.warnings { log.warning("\(warning)") }
        if options.profile { log.warning("--profile: there is no profiler") }
        let hasEnded = Latch()
        let status = Lock<CInt>(1)
        // Detached: the main thread, which waits, is the main actor's.
        Task.detached {
            let end: CInt
            do throws(StartFailure) {
                end = try await serve(configuration, destination, log)
            } catch {
                for line in [error.description] + error.others { log.error("\(line)") }
                end = error.status
            }
            status.withLock { $0 = end }
            hasEnded.signal()
        }
        hasEnded.wait()
        exit(status.withLock { $0 })
    }

    private static func parse() -> ServiceOptions {
        do {
            return try ServiceOptions.parse(ServiceOptions.withoutSurplus(Array(CommandLine.arguments.dropFirst())))
        } catch {
            let text = ServiceOptions.fullMessage(for: error)
            if ServiceOptions.exitCode(for: error).isSuccess {
                print(text)
                exit(0)
            }
            fail(text.hasPrefix("Error: ") ? "error: " + text.dropFirst("Error: ".count) : text, status: 1)
        }
    }

    /// Says what is wrong with the configuration, or what is in force.
    private static func check(_ configuration: ServiceConfiguration, isJSON: Bool) -> Never {
        let check = ConfigurationCheck(configuration)
        write(isJSON ? check.json : check.text, to: isJSON || check.isPassed ? STDOUT_FILENO : STDERR_FILENO)
        exit(check.isPassed ? 0 : 1)
    }

    private static func fail(_ text: String, status: CInt) -> Never {
        write("\(text)\n", to: STDERR_FILENO)
        exit(status)
    }

    private static func leave(_ text: String, status: CInt) -> Never {
        write(text, to: STDOUT_FILENO)
        exit(status)
    }

    /// Writes all of a text; a reader that has gone needs none of it.
    private static func write(_ text: String, to descriptor: CInt) {
        Array(text.utf8).withUnsafeBytes { _ = try? Kernel.writeAll(descriptor, $0) }
    }

    private static func serve(
        _ configuration: ServiceConfiguration, _ destination: LogDestination, _ log: Logger
    ) async throws(StartFailure) -> CInt {
        try configuration.check()
        // Ports first: a taken one is told at once, and clients that come early wait in the backlog.
        var passed = try ManagerDescriptors(environment: configuration.environment)
        let ports = try Ports(configuration.settings, passed: passed)
        do {
            try makeProcessUndumpable()
        } catch {
            log.warning("memory can be dumped: \(error)")
        }
        let (events, sink) = AsyncStream<Event>.makeStream()
        let ending = Lock<CInt?>(nil)
        let isStopping = Lock(false)
        Signals.deliver { signal in
            // Whoever asks twice does not want to wait.
            if Signals.ending.contains(signal), isStopping.withLock({ $0 }) { _exit(128 + signal) }
            if Signals.ending.contains(signal) { ending.withLock { $0 = $0 ?? signal } }
            sink.yield(.signal(signal))
        }
        let manager = ServiceManager(environment: configuration.environment, log: log)
        manager.status("starting")
        let service = try Service(
            configuration, ports: ports, destination: destination, log: log, endedBy: { ending.withLock { $0 } })
        let secrets = SecretKeeping(manager: manager, log: log)
        do {
            let file = passed.takeSecrets()
            try await service.start(secrets.handover(in: file)) { sink.yield(.controlFailed("\($0)")) }
            secrets.wipe(file)
        }
        announce(service, configuration.settings, log)
        if let path = service.file.controlSocket { log.info("local socket: \(path)") }
        manager.ready(service.summary)
        let (watch, watchdog) = startWatching(service, configuration.settings.idleShutdown, manager, log) {
            sink.yield(.idle)
        }
        let status = await wait(for: events, service, destination, manager, log)
        watch.cancel()
        isStopping.withLock { $0 = true }
        manager.stopping("finishing transfers")
        await service.stop(endingSessions: configuration.settings.idleShutdown > .zero)
        await secrets.keep(service.secretsToHandOver())
        watchdog.cancel()
        log.info("stopped")
        return status
    }

    /// Starts what looks at the service from time to time: whether it is idle, and whether it answers.
    private static func startWatching(
        _ service: Service, _ idleShutdown: Duration, _ manager: ServiceManager, _ log: Logger,
        idle: @escaping @Sendable () -> Void
    ) -> (watch: Task<Void, Never>, watchdog: Task<Void, Never>) {
        let watch = Task {
            guard idleShutdown > .zero else { return }
            await waitUntilIdle(service, idleShutdown, log)
            idle()
        }
        // Until the very end: stopping may take longer than the manager waits for a sign of life.
        let watchdog = Task { await manager.watch { await service.answers() } }
        return (watch, watchdog)
    }

    /// Heeds events until one ends the service.
    ///
    /// - Returns: The exit status.
    private static func wait(
        for events: AsyncStream<Event>, _ service: Service, _ destination: LogDestination, _ manager: ServiceManager,
        _ log: Logger
    ) async -> CInt {
        for await event in events {
            switch event {
            case .signal(SIGHUP):
                manager.reloading()
                do throws(SystemError) {
                    try destination.reopen()
                    log.info("the log was opened anew")
                } catch {
                    log.error("the log cannot be opened anew: \(error)")
                }
                await service.reload()
                manager.ready(service.summary)
            case .signal(let signal):
                log.info("stopping: \(Signals.name(of: signal))")
                return 128 + signal
            case .controlFailed(let reason):
                log.error("server error: \(reason)")
                return 2
            case .idle:
                log.info("stopping: idle")
                return 0
            }
        }
        return 1
    }

    private static func waitUntilIdle(_ service: Service, _ limit: Duration, _ log: Logger) async {
        var watch = IdleWatch(limit: limit, now: .now(), activity: await service.activity())
        while !Task.isCancelled {
            try? await Task.sleep(for: min(limit / 4, .milliseconds(250)))
            let sessions = await service.sessionCount()
            switch watch.look(now: .now(), activity: await service.activity(), sessions: sessions) {
            case .goOn: continue
            case .keptBySessions(let count):
                log.info("idle, but \(counted(count, "session")) \(count == 1 ? "is" : "are") alive")
            case .end: return
            }
        }
    }

    /// Says where everything is: in three lines on standard output, or in the log when there is a file for it.
    private static func announce(_ service: Service, _ settings: ServiceSettings, _ log: Logger) {
        let lines = [
            "proxy:       \(service.file.proxyURL) (CA certificate for clients: \(service.file.authorityPath))",
            "control API: \(service.file.controlURL) "
                + "(credentials: \(service.file.credentialsPath ?? "those of FETCH_SERVICE_AUTH"))",
            "state:       \(service.statePath)",
        ]
        guard settings.logFile == nil else {
            for line in lines { log.info("\(line)") }
            return
        }
        let text = lines.map { escapedForDisplay($0) + "\n" }.joined()
        Array(text.utf8).withUnsafeBytes { _ = Kernel.write(STDOUT_FILENO, $0) }
    }
}
