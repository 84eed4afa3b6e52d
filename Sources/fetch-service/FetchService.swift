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
        let destination: LogDestination
        do {
            destination = try LogDestination(path: options.logFile)
        } catch {
            fail("error: cannot open the log file: \(error)", status: 1)
        }
        let log = Logger(destination: destination, verbosity: options.verbosity)
        log.info("fetch-service \(ServiceVersion.text)")
        let hasEnded = Latch()
        let status = Lock<CInt>(1)
        // Detached: the main thread, which waits, is the main actor's.
        Task.detached {
            let end: CInt
            do throws(StartFailure) {
                end = try await serve(options, destination, log)
            } catch {
                log.error("\(error)")
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

    private static func fail(_ text: String, status: CInt) -> Never {
        Array("\(text)\n".utf8).withUnsafeBytes { _ = Kernel.write(STDERR_FILENO, $0) }
        exit(status)
    }

    private static func serve(
        _ options: ServiceOptions, _ destination: LogDestination, _ log: Logger
    ) async throws(StartFailure) -> CInt {
        // Ports first: a taken one is told at once, and clients that come early wait in the backlog.
        let ports = try Ports(options)
        let configuration = try ServiceConfiguration(options, environment: ProcessInfo.processInfo.environment)
        if options.profile { log.warning("--profile: there is no profiler") }
        do {
            try makeProcessUndumpable()
        } catch {
            log.warning("memory can be dumped: \(error)")
        }
        let service = try Service(configuration, ports: ports, log: log)
        let (events, sink) = AsyncStream<Event>.makeStream()
        let stopping = Lock(false)
        Signals.deliver { signal in
            // Whoever asks twice does not want to wait.
            if Signals.ending.contains(signal), stopping.withLock({ $0 }) { _exit(128 + signal) }
            sink.yield(.signal(signal))
        }
        try await service.start { sink.yield(.controlFailed("\($0)")) }
        announce(service, options, log)
        let watch = Task {
            if options.idleShutdown > 0 {
                await waitUntilIdle(service, .seconds(Int64(options.idleShutdown)), log)
                sink.yield(.idle)
            }
        }
        let status = await wait(for: events, service, destination, log)
        watch.cancel()
        stopping.withLock { $0 = true }
        await service.stop(endingSessions: options.idleShutdown > 0)
        log.info("stopped")
        return status
    }

    /// Heeds events until one ends the service.
    ///
    /// - Returns: The exit status.
    private static func wait(
        for events: AsyncStream<Event>, _ service: Service, _ destination: LogDestination, _ log: Logger
    ) async -> CInt {
        for await event in events {
            switch event {
            case .signal(SIGHUP):
                do throws(SystemError) {
                    try destination.reopen()
                    log.info("the log was opened anew")
                } catch {
                    log.error("the log cannot be opened anew: \(error)")
                }
                service.reloadPolicy()
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
            case .keptBySessions(let count): log.info("idle, but \(count) sessions are alive")
            case .end: return
            }
        }
    }

    /// Says where everything is: in three lines on standard output, or in the log when there is a file for it.
    private static func announce(_ service: Service, _ options: ServiceOptions, _ log: Logger) {
        let lines = [
            "proxy:       \(service.file.proxyURL) (CA certificate for clients: \(service.file.authorityPath))",
            "control API: \(service.file.controlURL) "
                + "(credentials: \(service.file.credentialsPath ?? "those of FETCH_SERVICE_AUTH"))",
            "state:       \(service.statePath)",
        ]
        guard options.logFile == nil else {
            for line in lines { log.info("\(line)") }
            return
        }
        let text = lines.map { escapedForDisplay($0) + "\n" }.joined()
        Array(text.utf8).withUnsafeBytes { _ = Kernel.write(STDOUT_FILENO, $0) }
    }
}
