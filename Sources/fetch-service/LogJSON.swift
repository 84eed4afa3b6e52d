import Core
import Logging

/// The other form of the log: one JSON object per line (`log.format: json`).
///
/// | Member | Holds |
/// |---|---|
/// | `time` | when, in UTC (RFC 3339) |
/// | `level` | `debug`, `info`, `warning` or `error` |
/// | `message` | what the same line says as text |
/// | `session` | the id of the session that it is about, if any |
/// | others | further fields of the event, as text |
enum LogJSON {
    /// Longest text of one member, in characters.
    private static let longestText = 8192

    /// Formats an event.
    ///
    /// Texts are escaped as in lines of text before they become JSON, so that who reads the log in a terminal is safe too.
    static func format(
        _ level: Logger.Level, _ message: String, session: String? = nil, fields: [(String, String)] = [],
        at time: WallTime
    ) -> String {
        var bytes = Array("{".utf8)
        func add(_ name: String, _ value: String) {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            JSONText.appendQuoted(name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            JSONText.appendQuoted(escapedForDisplay(value, limit: longestText), to: &bytes)
        }
        add("time", time.rfc3339)
        add("level", name(of: level))
        add("message", message)
        if let session { add("session", session) }
        for (name, value) in fields where !["time", "level", "message", "session"].contains(name) { add(name, value) }
        bytes += Array("}\n".utf8)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func name(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug"
        case .info, .notice: "info"
        case .warning: "warning"
        case .error, .critical: "error"
        }
    }
}
