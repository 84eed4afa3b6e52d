import Core
import FoundationEssentials
import Glibc
import Platform

/// `fetchctl run`, from finding the service to the summary.
///
/// 1. the report's file is prepared (``ReportFile``)
/// 2. a service is found or started (``ServiceLocator``, ``ServiceLauncher``)
/// 3. signals are held (``HeldSignals``), then the session is opened (``OpenSession``)
/// 4. the files that COMMAND needs are written (``SessionFiles``) and COMMAND is started (``ChildProcess``)
/// 5. it is awaited; signals are passed on, the line at the bottom is drawn (``ProgressLine``)
/// 6. the token is revoked, the report streamed and shown, the session ended
struct Run {
    var locator: ServiceLocator
    var policy: SessionPolicy
    var timeout: Int?
    var bypass: String
    var reportPath: String?
    var isJSON: Bool
    /// COMMAND and its arguments.
    var words: [[UInt8]]

    private var environment: ProcessEnvironment { locator.environment }

    /// Does all of it.
    ///
    /// - Returns: The exit status.
    func run() throws -> Int32 {
        let report: ReportFile?
        do {
            report = try reportPath.map { path throws(SystemError) in
                try ReportFile.named(path, environment: environment)
            }
            // Before signals are held: a start may take seconds, and there is nothing to tidy up yet.
            _ = try locator.findOrStart()
        } catch {
            throw RunFailure(cause: error)
        }
        let held = HeldSignals()
        let session: OpenSession
        do {
            session = try OpenSession.open(with: locator, policy: policy, timeout: timeout)
        } catch let error as PolicyRefused {
            throw error
        } catch {
            throw RunFailure(cause: error)
        }
        let ending: ChildProcess.Ending
        do {
            ending = try command(in: session, held: held)
        } catch let error as Interrupted {
            session.abandon(environment: environment)
            return 128 + error.signal
        } catch {
            session.abandon(environment: environment)
            throw error
        }
        SessionFolder(of: session.id, environment: environment).remove()
        do {
            try session.revoke()
            // From here on the person may stop us: the record is closed.
            held.release()
            try present(session, in: report)
        } catch {
            Output.complain(failure(error))
            try? session.end()
            return ending.exitStatus == 0 ? ExitStatus.ownFailure : ending.exitStatus
        }
        do {
            try session.end()
        } catch {
            Output.complain("session \(session.id) could not be ended and will expire: \(error)")
        }
        return ending.exitStatus
    }

    /// A signal came before COMMAND was started.
    private struct Interrupted: Error {
        var signal: CInt
    }

    /// Runs COMMAND.
    private func command(in session: OpenSession, held: HeldSignals) throws -> ChildProcess.Ending {
        let folder = SessionFolder(of: session.id, environment: environment)
        let access = session.access(bypass: bypass)
        var inherited = environment
        do {
            try folder.make()
            let files = try SessionFiles.write(
                to: folder, service: session.service, access: access, environment: environment)
            inherited.apply(
                SessionVariables.changes(access, files: files, inherited: environment, hidingService: true))
        } catch {
            throw RunFailure(cause: error)
        }
        while let arrival = held.next(within: .zero) {
            if case .ending(let signal, _) = arrival { throw Interrupted(signal: signal) }
        }
        let process: pid_t
        do {
            process = try ChildProcess.start(words, environment: inherited, held: held)
        } catch {
            throw CommandNotStarted(command: String(decoding: words.first ?? [], as: UTF8.self), code: error.code)
        }
        return wait(for: process, session: session, held: held)
    }

    private func wait(for process: pid_t, session: OpenSession, held: HeldSignals) -> ChildProcess.Ending {
        var progress = ProgressLine(on: STDERR_FILENO, environment: environment)
        defer { progress?.erase() }
        let start = MonotonicTime.now()
        var next = start + ProgressLine.delay
        var watch = SessionWatch(session)
        while true {
            var status: CInt = 0
            let gone = waitpid(process, &status, WNOHANG)
            if gone == process { return ChildProcess.Ending(waitStatus: status) }
            guard gone == 0 else { return .exited(ExitStatus.ownFailure) }
            let limit = progress == nil ? nil : max(.zero, next - MonotonicTime.now())
            if case .ending(let signal, fromTerminal: false) = held.next(within: limit) {
                try? Kernel.kill(process, signal)
            }
            let now = MonotonicTime.now()
            if progress != nil, now >= next {
                progress?.show(elapsed: now - start, exchanges: watch.exchanges())
                next = now + ProgressLine.interval
            }
        }
    }

    /// Fetches the report, puts it where it is wanted, and prints the summary.
    private func present(_ session: OpenSession, in report: ReportFile?) throws {
        let file = try report ?? ReportFile.unnamed(environment: environment)
        try session.service.control.copyReport(of: session.id, to: file.descriptor)
        try file.publish()
        let summary = try file.summary()
        let lines =
            isJSON
            ? [try summary.json()]
            : SummaryText(summary: summary, style: TerminalStyle(of: STDERR_FILENO, environment: environment)).lines
        Output.write(lines.map { $0 + "\n" }.joined(), to: STDERR_FILENO)
    }

    private func failure(_ error: any Error) -> String {
        if let error = error as? ControlError, error.kind == .answered(404) {
            return "the session ended before COMMAND did, and its record is gone; give it more time with --timeout"
        }
        return "COMMAND has ended, but its record could not be had: \(error)"
    }
}

/// Asks the service now and then how far a session is.
private struct SessionWatch {
    private let id: String
    private let control: ControlClient
    /// A service that does not answer at once is not asked again: COMMAND's end must not wait for it.
    private var isWorthAsking = true

    init(_ session: OpenSession) {
        id = session.id.text
        control = session.service.control
    }

    mutating func exchanges() -> Int? {
        guard isWorthAsking else { return nil }
        guard let status = try? control.status(patience: .milliseconds(300)) else {
            isWorthAsking = false
            return nil
        }
        return status.activeSessions?.first { $0.id == id }?.exchanges
    }
}
