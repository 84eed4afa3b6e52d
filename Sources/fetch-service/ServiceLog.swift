import Core
import Glibc
import Logging
import Platform

/// Where the log goes, in which form, and how much of it; all of that may change while it is written.
final class LogDestination: Sendable {
    private struct State {
        var path: String?
        /// `nil` for standard error.
        var file: SharedDescriptor?
        var format: ServiceSettings.LogFormat
        var level: Logger.Level
    }

    private let state: Lock<State>
    private let stream: LogStream

    /// Opens the file for appending; without one it is standard error.
    init(
        path: String?, format: ServiceSettings.LogFormat = .text, verbosity: ServiceSettings.Verbosity = .info,
        stream: LogStream = LogStream(STDERR_FILENO)
    ) throws(SystemError) {
        self.stream = stream
        let file = try Self.open(path)
        state = Lock(State(path: path, file: file, format: format, level: Self.level(of: verbosity)))
    }

    private static func open(_ path: String?) throws(SystemError) -> SharedDescriptor? {
        guard let path else { return nil }
        return SharedDescriptor(adopting: try Kernel.open(path, O_WRONLY | O_APPEND | O_CREAT, mode: 0o644))
    }

    /// Throws when the file could not be opened; nothing is made.
    static func check(_ path: String) throws(SystemError) {
        guard let status = try Kernel.stat(path) else {
            let folder = path[..<(path.lastIndex(of: "/") ?? path.startIndex)] + "/"
            return try Kernel.mayAccess(String(folder), W_OK | X_OK)
        }
        guard !status.isDirectory else { throw SystemError(call: "open \(path)", code: EISDIR) }
        try Kernel.mayAccess(path, W_OK)
    }

    private static func level(of verbosity: ServiceSettings.Verbosity) -> Logger.Level {
        switch verbosity {
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }

    /// Opens the file by its name again, after it was renamed.
    func reopen() throws(SystemError) {
        let opened = try Self.open(state.withLock { $0.path })
        state.withLock { $0.file = opened }
    }

    /// Goes on in another file, form and measure.
    ///
    /// - Throws: ``SystemError`` when the file cannot be opened; nothing has changed then.
    func change(
        path: String?, format: ServiceSettings.LogFormat, verbosity: ServiceSettings.Verbosity
    ) throws(SystemError) {
        let isOther = state.withLock { $0.path } != path
        let opened = isOther ? try Self.open(path) : nil
        state.withLock { state in
            if isOther { (state.path, state.file) = (path, opened) }
            state.format = format
            state.level = Self.level(of: verbosity)
        }
    }

    /// The least that is logged.
    var level: Logger.Level { state.withLock { $0.level } }

    /// Appends an event; what cannot be written is lost, since there is nobody to tell.
    func write(
        _ level: Logger.Level, _ message: String, session: String?, fields: [(String, String)], at time: WallTime
    ) {
        let (file, form) = state.withLock { ($0.file, $0.format) }
        func format(
            _ level: Logger.Level, _ message: String, session: String? = nil, fields: [(String, String)] = []
        ) -> String {
            switch form {
            case .text:
                LogLine.format(
                    level, message, session: session, fields: fields, at: time,
                    offsetFromUTC: LogLine.localOffset(at: time))
            case .json: LogJSON.format(level, message, session: session, fields: fields, at: time)
            }
        }
        let line = format(level, message, session: session, fields: fields)
        guard let file else {
            return stream.write(line) {
                format(.warning, "lost \(counted($0, "line")) of the log, which nobody read in time")
            }
        }
        Array(line.utf8).withUnsafeBytes { bytes in
            // One write for a line: with O_APPEND, lines of several threads do not mix.
            _ = Kernel.write(file.raw, bytes)
        }
        withExtendedLifetime(file) {}
    }
}

/// Writes swift-log's events to a destination, whose level counts unless this copy of the logger has one of its own.
struct ServiceLogHandler: LogHandler {
    let destination: LogDestination
    private var ownLevel: Logger.Level?
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(destination: LogDestination) { self.destination = destination }

    var logLevel: Logger.Level {
        get { ownLevel ?? destination.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        if let own = event.metadata { fields.merge(own) { _, new in new } }
        let session = fields.removeValue(forKey: "session").map { "\($0)" }
        let rest = fields.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        destination.write(event.level, event.message.description, session: session, fields: rest, at: .now())
    }
}

extension Logger {
    /// The log of the service.
    init(destination: LogDestination) {
        self.init(label: "fetch-service") { _ in ServiceLogHandler(destination: destination) }
    }
}
