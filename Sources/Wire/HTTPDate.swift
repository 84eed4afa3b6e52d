/// Dates in fields (RFC 9110, section 5.6.7), as seconds since 1970 in UTC.
package enum HTTPDate {
    /// Reads any of the three forms.
    ///
    /// - Parameters:
    ///   - text: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or `Sun Nov  6 08:49:37 1994`.
    ///   - now: the present, which decides the century of two-digit years; without it 70 to 99 mean 1970 to 1999.
    /// - Returns: nil for all else; what an unreadable date means is said by the field's RFC.
    package static func parse(_ text: String, now: Int64? = nil) -> Int64? {
        var reader = Reader(bytes: Array(text.utf8))
        if let name = reader.word() {
            if reader.skip(", ") {
                return days.contains(name) ? reader.fixDate() : longDays.contains(name) ? reader.rfc850(now: now) : nil
            }
            if reader.skip(" "), days.contains(name) { return reader.asctime() }
        }
        return nil
    }

    /// The preferred form: `Sun, 06 Nov 1994 08:49:37 GMT`.
    ///
    /// Years outside 0 to 9999 have no such form and are held at its ends.
    package static func format(_ seconds: Int64) -> String {
        let held = min(max(seconds, -62_167_219_200), 253_402_300_799)
        let day = held >= 0 ? held / 86_400 : (held - 86_399) / 86_400
        let time = held - day * 86_400
        let (year, month, dayOfMonth) = civil(day)
        var out: [UInt8] = []
        out.reserveCapacity(29)
        out.append(copying: days[Int(((day + 4) % 7 + 7) % 7)].utf8Span.span)
        out.append(copying: ", ".utf8Span.span)
        append(dayOfMonth, digits: 2, to: &out)
        out.append(ASCII.space)
        out.append(copying: months[month - 1].utf8Span.span)
        out.append(ASCII.space)
        append(year, digits: 4, to: &out)
        out.append(ASCII.space)
        append(time / 3600, digits: 2, to: &out)
        out.append(ASCII.colon)
        append(time / 60 % 60, digits: 2, to: &out)
        out.append(ASCII.colon)
        append(time % 60, digits: 2, to: &out)
        out.append(copying: " GMT".utf8Span.span)
        return String(copying: out.span)
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let longDays = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func append(_ value: Int64, digits: Int, to out: inout [UInt8]) {
        var divisor: Int64 = digits == 4 ? 1000 : 10
        while divisor > 0 {
            out.append(ASCII.zero + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }

    /// Days since 1970 of a date in the Gregorian calendar.
    private static func dayNumber(year: Int64, month: Int64, day: Int64) -> Int64 {
        // Years begin in March here, so that the leap day is the last day of a year.
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The date of a number of days since 1970; the inverse of ``dayNumber(year:month:day:)``.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), Int(month), dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private struct Reader {
        var bytes: [UInt8]
        var cursor = 0

        mutating func word() -> String? {
            let start = cursor
            while cursor < bytes.count, ASCII.isLetter(bytes[cursor]) { cursor += 1 }
            return cursor > start ? String(copying: bytes.span.extracting(start..<cursor)) : nil
        }

        mutating func skip(_ text: String) -> Bool {
            let end = cursor + text.utf8.count
            guard end <= bytes.count, bytes[cursor..<end].elementsEqual(text.utf8) else { return false }
            cursor = end
            return true
        }

        mutating func number(digits: Int) -> Int64? {
            guard cursor + digits <= bytes.count else { return nil }
            defer { cursor += digits }
            return ASCII.decimal(bytes.span.extracting(cursor..<cursor + digits))
        }

        mutating func month() -> Int64? {
            guard let name = word(), let index = HTTPDate.months.firstIndex(of: name) else { return nil }
            return Int64(index + 1)
        }

        /// Seconds of the day; a leap second is the first second of the next minute.
        mutating func time() -> Int64? {
            guard let hour = number(digits: 2), hour < 24, skip(":"), let minute = number(digits: 2), minute < 60,
                skip(":"), let second = number(digits: 2), second <= 60
            else { return nil }
            return hour * 3600 + minute * 60 + second
        }

        func seconds(_ year: Int64, _ month: Int64, _ day: Int64, _ time: Int64) -> Int64? {
            let first = HTTPDate.dayNumber(year: year, month: month, day: 1)
            let next = HTTPDate.dayNumber(year: month == 12 ? year + 1 : year, month: month % 12 + 1, day: 1)
            guard cursor == bytes.count, day >= 1, day <= next - first else { return nil }
            return (first + day - 1) * 86_400 + time
        }

        mutating func fixDate() -> Int64? {
            guard let day = number(digits: 2), skip(" "), let month = month(), skip(" "),
                let year = number(digits: 4), skip(" "), let time = time(), skip(" GMT")
            else { return nil }
            return seconds(year, month, day, time)
        }

        mutating func rfc850(now: Int64?) -> Int64? {
            guard let day = number(digits: 2), skip("-"), let month = month(), skip("-"),
                let short = number(digits: 2), skip(" "), let time = time(), skip(" GMT")
            else { return nil }
            guard let now else { return seconds(short < 70 ? 2000 + short : 1900 + short, month, day, time) }
            // More than 50 years ahead means the last such year in the past (RFC 9110, section 5.6.7).
            let thisYear = HTTPDate.civil(now / 86_400).year
            var year = thisYear / 100 * 100 + 100 + short
            while year > thisYear + 50 { year -= 100 }
            return seconds(year, month, day, time)
        }

        mutating func asctime() -> Int64? {
            guard let month = month(), skip(" ") else { return nil }
            guard let day = skip(" ") ? number(digits: 1) : number(digits: 2), skip(" "), let time = time(),
                skip(" "), let year = number(digits: 4)
            else { return nil }
            return seconds(year, month, day, time)
        }
    }
}
