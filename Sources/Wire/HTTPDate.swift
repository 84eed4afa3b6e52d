/// Dates in fields (RFC 9110, section 5.6.7), as seconds since 1970 in UTC.
package enum HTTPDate {
    /// Reads any of the three forms, whatever the case of its letters (RFC 9111, section 4.2); allocates nothing.
    ///
    /// - Parameters:
    ///   - bytes: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or `Sun Nov  6 08:49:37 1994`.
    ///   - now: the present, which decides the century of two-digit years; without it 70 to 99 mean 1970 to 1999.
    /// - Returns: nil for all else; what an unreadable date means is said by the field's RFC.
    package static func parse(_ bytes: Span<UInt8>, now: Int64? = nil) -> Int64? {
        switch bytes.count {
        case 24: asctime(bytes)
        case 29: fixDate(bytes)
        // The long names of days have 6 to 9 letters.
        case 30...33: rfc850(bytes, nameLength: bytes.count - 24, now: now)
        default: nil
        }
    }

    /// Reads a text; see ``parse(_:now:)-(Span<UInt8>,_)``.
    package static func parse(_ text: String, now: Int64? = nil) -> Int64? { parse(text.utf8Span.span, now: now) }

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

    // MARK: - The three forms, whose places are fixed

    /// `Sun, 06 Nov 1994 08:49:37 GMT`.
    private static func fixDate(_ bytes: Span<UInt8>) -> Int64? {
        guard index(bytes, 0..<3, in: days) != nil, isText(bytes, 3, ", "), let day = number(bytes, 5..<7),
            bytes[7] == ASCII.space, let month = index(bytes, 8..<11, in: months), bytes[11] == ASCII.space,
            let year = number(bytes, 12..<16), bytes[16] == ASCII.space, let time = time(bytes, 17),
            isText(bytes, 25, " GMT")
        else { return nil }
        return seconds(year, month + 1, day, time)
    }

    /// `Sunday, 06-Nov-94 08:49:37 GMT`.
    private static func rfc850(_ bytes: Span<UInt8>, nameLength: Int, now: Int64?) -> Int64? {
        let start = nameLength
        guard index(bytes, 0..<start, in: longDays) != nil, isText(bytes, start, ", "),
            let day = number(bytes, start + 2..<start + 4), bytes[start + 4] == 0x2D,
            let month = index(bytes, start + 5..<start + 8, in: months), bytes[start + 8] == 0x2D,
            let short = number(bytes, start + 9..<start + 11), bytes[start + 11] == ASCII.space,
            let time = time(bytes, start + 12), isText(bytes, start + 20, " GMT")
        else { return nil }
        guard let now else { return seconds(short < 70 ? 2000 + short : 1900 + short, month + 1, day, time) }
        // More than 50 years ahead means the last such year in the past (RFC 9110, section 5.6.7).
        let thisYear = civil(now / 86_400).year
        var year = thisYear / 100 * 100 + 100 + short
        while year > thisYear + 50 { year -= 100 }
        return seconds(year, month + 1, day, time)
    }

    /// `Sun Nov  6 08:49:37 1994`.
    private static func asctime(_ bytes: Span<UInt8>) -> Int64? {
        guard index(bytes, 0..<3, in: days) != nil, bytes[3] == ASCII.space,
            let month = index(bytes, 4..<7, in: months), bytes[7] == ASCII.space,
            let day = number(bytes, bytes[8] == ASCII.space ? 9..<10 : 8..<10), bytes[10] == ASCII.space,
            let time = time(bytes, 11), bytes[19] == ASCII.space, let year = number(bytes, 20..<24)
        else { return nil }
        return seconds(year, month + 1, day, time)
    }

    private static func seconds(_ year: Int64, _ month: Int, _ day: Int64, _ time: Int64) -> Int64? {
        let month = Int64(month)
        let first = dayNumber(year: year, month: month, day: 1)
        let next = dayNumber(year: month == 12 ? year + 1 : year, month: month % 12 + 1, day: 1)
        guard day >= 1, day <= next - first else { return nil }
        return (first + day - 1) * 86_400 + time
    }

    private static func isText(_ bytes: Span<UInt8>, _ start: Int, _ text: String) -> Bool {
        ASCII.equalIgnoringCase(bytes.extracting(start..<start + text.utf8.count), text.utf8Span.span)
    }

    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int64? {
        ASCII.decimal(bytes.extracting(range))
    }

    private static func index(_ bytes: Span<UInt8>, _ range: Range<Int>, in names: [String]) -> Int? {
        let name = bytes.extracting(range)
        let first = ASCII.lowercased(name[0])
        for index in names.indices {
            // Most are told apart by their first letter.
            let candidate = names[index].utf8
            guard candidate.first.map(ASCII.lowercased) == first else { continue }
            if ASCII.equalIgnoringCase(name, names[index].utf8Span.span) { return index }
        }
        return nil
    }

    /// Seconds of the day in `08:49:37`; a leap second is the first second of the next minute.
    private static func time(_ bytes: Span<UInt8>, _ start: Int) -> Int64? {
        guard let hour = number(bytes, start..<start + 2), hour < 24, bytes[start + 2] == ASCII.colon,
            let minute = number(bytes, start + 3..<start + 5), minute < 60, bytes[start + 5] == ASCII.colon,
            let second = number(bytes, start + 6..<start + 8), second <= 60
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }
}
