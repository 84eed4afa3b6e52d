import Glibc

/// A point in civil time, in nanoseconds since 1970-01-01T00:00:00Z.
///
/// Good for the years 1678 to 2262; for comparing with other machines, never for measuring durations.
public struct WallTime: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Nanoseconds since the epoch.
    public var nanoseconds: Int64

    /// Makes a time from nanoseconds since the epoch.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Makes a time from whole seconds since the epoch, held within the range that can be expressed.
    public init(seconds: Int64) {
        let (value, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        nanoseconds = overflow ? (seconds < 0 ? .min : .max) : value
    }

    /// Reads the system's civil clock.
    public static func now() -> WallTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Whole seconds since the epoch, rounded down.
    public var seconds: Int64 {
        let (quotient, remainder) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// The later time after `duration`.
    public static func + (time: Self, duration: Duration) -> Self {
        let (sum, overflow) = time.nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
        return WallTime(nanoseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    /// The duration from `earlier` to `later`; negative when the clock was set back between them.
    public static func - (later: Self, earlier: Self) -> Duration {
        .nanoseconds(later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds).partialValue)
    }

    /// How far the civil clock was set, forwards or back, between two readings.
    ///
    /// - Parameters:
    ///   - earlier: The first reading.
    ///   - duration: What has passed since then by a clock that never steps.
    /// - Returns: `nil` for less than a second, which slewing and the order of readings explain.
    package func step(since earlier: WallTime, over duration: Duration) -> Duration? {
        let step = (self - earlier) - duration
        return step >= .seconds(1) || step <= .seconds(-1) ? step : nil
    }

    /// Orders times.
    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The same as ``rfc3339``.
    public var description: String { rfc3339 }

    /// The time in UTC as `2031-04-05T06:07:08.123456789Z` (RFC 3339), the fraction always with nine digits.
    public var rfc3339: String {
        let civil = CivilTime(seconds: seconds)
        // The product of the first second that there is does not fit; the difference does.
        let fraction = Int(nanoseconds &- seconds &* 1_000_000_000)
        // A number of nanoseconds is within three centuries of 1970: the year always has four digits.
        return unsafe String(unsafeUninitializedCapacity: 30) { text in
            var place = 0
            func put(_ value: Int, _ width: Int, _ end: UInt8) {
                var rest = value
                for digit in stride(from: place + width - 1, through: place, by: -1) {
                    unsafe text[digit] = UInt8(ascii: "0") + UInt8(rest % 10)
                    rest /= 10
                }
                unsafe text[place + width] = end
                place += width + 1
            }
            put(civil.year, 4, UInt8(ascii: "-"))
            put(civil.month, 2, UInt8(ascii: "-"))
            put(civil.day, 2, UInt8(ascii: "T"))
            put(civil.hour, 2, UInt8(ascii: ":"))
            put(civil.minute, 2, UInt8(ascii: ":"))
            put(civil.second, 2, UInt8(ascii: "."))
            put(fraction, 9, UInt8(ascii: "Z"))
            return place
        }
    }

    /// Reads the form that ``rfc3339`` writes, with a fraction of 0 to 9 digits; `nil` for anything else.
    public init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z") else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            var value = 0
            for byte in bytes[range] {
                guard (48...57).contains(byte) else { return nil }
                value = value * 10 + Int(byte - 48)
            }
            return value
        }
        let separators = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")]
        guard separators.allSatisfy({ bytes[$0.0] == $0.1.utf8.first }),
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), (1...12).contains(month),
            (1...31).contains(day),
            hour < 24, minute < 60, second < 61
        else { return nil }
        var fraction = 0
        if bytes.count > 20 {
            guard bytes[19] == UInt8(ascii: "."), (22...30).contains(bytes.count),
                let digits = number(20..<bytes.count - 1)
            else { return nil }
            fraction = (0..<(30 - bytes.count)).reduce(digits) { value, _ in value * 10 }
        }
        let days = CivilTime.days(year: year, month: month, day: day)
        let base = WallTime(seconds: Int64(days * 86400 + hour * 3600 + minute * 60 + second))
        self.init(nanoseconds: base.nanoseconds + Int64(fraction))
    }
}

/// A point on the clock that never steps, in nanoseconds since some moment of this boot.
public struct MonotonicTime: Hashable, Comparable, Sendable {
    /// Nanoseconds since that moment.
    public var nanoseconds: UInt64

    /// Makes a time from nanoseconds.
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Reads the clock (`CLOCK_MONOTONIC`; no system call).
    public static func now() -> MonotonicTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    /// The time after `duration`, not before the clock's zero.
    public static func + (time: Self, duration: Duration) -> Self {
        let step = duration.wholeNanoseconds
        let sum =
            step >= 0 ? time.nanoseconds &+ UInt64(step) : time.nanoseconds - min(time.nanoseconds, step.magnitude)
        return MonotonicTime(nanoseconds: sum)
    }

    /// The duration from `earlier` to `later`.
    public static func - (later: Self, earlier: Self) -> Duration {
        .nanoseconds(Int64(bitPattern: later.nanoseconds &- earlier.nanoseconds))
    }

    /// Orders times.
    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension Duration {
    /// The duration in nanoseconds, held within the range of 64 bits.
    package var wholeNanoseconds: Int64 {
        let (whole, fraction) = components
        let (scaled, overflow) = whole.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return whole < 0 ? .min : .max }
        return scaled + fraction / 1_000_000_000
    }

    /// The duration in seconds.
    package var inSeconds: Double { Double(wholeNanoseconds) / 1e9 }
}

/// Calendar arithmetic in the proleptic Gregorian calendar, UTC.
package struct CivilTime: Sendable {
    package let year: Int
    package let month: Int
    package let day: Int
    package let hour: Int
    package let minute: Int
    package let second: Int
    /// 0 for Sunday.
    package let weekday: Int

    /// Splits seconds since the epoch.
    package init(seconds: Int64) {
        let days = Int(seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400)
        let rest = Int(seconds) - days * 86400
        (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60)
        weekday = ((days + 4) % 7 + 7) % 7
        // Eras of 400 years that begin in March, so that the leap day comes last.
        let shifted = days + 719468
        let era = (shifted >= 0 ? shifted : shifted - 146096) / 146097
        let dayOfEra = shifted - era * 146097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days from 1970-01-01 to a date.
    package static func days(year: Int, month: Int, day: Int) -> Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
    }

    /// The date as `2031-04-05`.
    package var date: String { Self.padded(year, 4) + "-" + Self.padded(month, 2) + "-" + Self.padded(day, 2) }

    /// The time of day as `06:07:08`.
    package var time: String { Self.padded(hour, 2) + ":" + Self.padded(minute, 2) + ":" + Self.padded(second, 2) }

    /// A number with zeros in front, up to `width` digits.
    package static func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
