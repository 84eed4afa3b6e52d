/// Sizes and times for people.
enum Quantity {
    /// Three digits or so, in powers of 1000: "812 B", "4.1 kB", "133 kB", "1.2 MB".
    static func size(_ bytes: Int64) -> String {
        guard bytes >= 1000 else { return "\(bytes) B" }
        var value = Double(bytes)
        var unit = 0
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        // 999.5 would be written as 1000 of the smaller unit.
        while value >= 999.5, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return (value < 9.95 ? tenths(value) : "\(Int(value.rounded()))") + " " + units[unit]
    }

    /// "0.4 s", "12 s", "3 min 5 s", "2 h 7 min".
    static func time(nanoseconds: Int64) -> String {
        let seconds = Double(max(0, nanoseconds)) / 1e9
        if seconds < 9.95 { return tenths(seconds) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole / 60 % 60) min"
    }

    /// "4 s", "3 min 5 s", "2 h 7 min", "3 d 4 h".
    static func time(seconds: Int64) -> String {
        switch max(0, seconds) {
        case let seconds where seconds < 60: "\(seconds) s"
        case let seconds where seconds < 86_400: time(nanoseconds: seconds * 1_000_000_000)
        case let seconds: "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
        }
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
