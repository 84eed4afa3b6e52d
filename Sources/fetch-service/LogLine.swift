import Core
import Glibc
import Logging

/// The form of the log: `YYYY/MM/DD HH:MM:SS.micros LEVEL: text`, in local time, one line for an event.
enum LogLine {
    /// Longest text of one line, in characters.
    private static let longestText = 8192

    /// Formats an event.
    ///
    /// Text is escaped, so that what comes from outside cannot forge lines or colour terminals. What concerns a session
    /// has its id in front.
    static func format(
        _ level: Logger.Level, _ message: String, session: String? = nil, fields: [(String, String)] = [],
        at time: WallTime, offsetFromUTC: Int64
    ) -> String {
        let civil = CivilTime(seconds: time.seconds + offsetFromUTC)
        let micros = (time.nanoseconds - time.seconds * 1_000_000_000) / 1000
        let date = civil.date.split(separator: "-").joined(separator: "/")
        var text = session.map { "[\($0)] " } ?? ""
        text += message
        for (name, value) in fields { text += " \(name)=\(value)" }
        let stamp = "\(date) \(civil.time).\(CivilTime.padded(Int(micros), 6))"
        return "\(stamp) \(name(of: level)): \(escapedForDisplay(text, limit: longestText))\n"
    }

    private static func name(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "DEBUG"
        case .info, .notice: "INFO "
        case .warning: "WARN "
        case .error, .critical: "ERROR"
        }
    }

    /// Seconds that local time is ahead of UTC at a time.
    static func localOffset(at time: WallTime) -> Int64 {
        var seconds = time_t(time.seconds)
        var local = tm()
        guard localtime_r(&seconds, &local) != nil else { return 0 }
        return Int64(local.tm_gmtoff)
    }
}
