import Core
import Glibc
import Logging
import Platform

/// Where the log goes: a file that can be opened anew for rotation, or standard error.
final class LogDestination: Sendable {
    private let path: String?
    private let file: Lock<SharedDescriptor?>

    /// Opens the file for appending; without one it is standard error.
    init(path: String?) throws(SystemError) {
        self.path = path
        if let path {
            file = Lock(try Self.open(path))
        } else {
            file = Lock(nil)
        }
    }

    private static func open(_ path: String) throws(SystemError) -> SharedDescriptor {
        SharedDescriptor(adopting: try Kernel.open(path, O_WRONLY | O_APPEND | O_CREAT, mode: 0o644))
    }

    /// Opens the file by its name again, after it was renamed.
    func reopen() throws(SystemError) {
        guard let path else { return }
        let opened = try Self.open(path)
        file.withLock { $0 = opened }
    }

    /// Appends a line; what cannot be written is lost, since there is nobody to tell.
    func write(_ line: String) {
        let descriptor = file.withLock { $0 }
        Array(line.utf8).withUnsafeBytes { bytes in
            // One write for a line: with O_APPEND, lines of several threads do not mix.
            _ = Kernel.write(descriptor?.raw ?? STDERR_FILENO, bytes)
        }
        withExtendedLifetime(descriptor) {}
    }
}

/// Writes swift-log's events in the contract's form.
struct ServiceLogHandler: LogHandler {
    let destination: LogDestination
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(destination: LogDestination, level: Logger.Level) {
        self.destination = destination
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        if let own = event.metadata { fields.merge(own) { _, new in new } }
        let session = fields.removeValue(forKey: "session").map { "\($0)" }
        let now = WallTime.now()
        let rest = fields.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        destination.write(
            LogLine.format(
                event.level, event.message.description, session: session, fields: rest, at: now,
                offsetFromUTC: LogLine.localOffset(at: now)))
    }
}

extension Logger {
    /// The log of the service.
    init(destination: LogDestination, verbosity: ServiceOptions.Verbosity) {
        let level: Logger.Level =
            switch verbosity {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        self.init(label: "fetch-service") { _ in ServiceLogHandler(destination: destination, level: level) }
    }
}
