import Testing
import Wire

@Suite struct HTTPDateTests {
    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Wed Nov 16 08:49:37 1994", 784_975_777),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
        ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000), ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
    ]) func `RFC 9110 section 5.6.7: the three forms`(text: String, seconds: Int64) {
        #expect(HTTPDate.parse(text) == seconds)
    }

    @Test(arguments: [
        "", "0", "-1", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 31 Nov 1994 08:00:00 GMT", "Sun, 00 Nov 1994 08:00:00 GMT", "Wed, 29 Feb 2023 12:00:00 GMT",
        "Xxx, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Xxx 1994 08:49:37 GMT", "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
    ]) func `nothing else is a date`(text: String) { #expect(HTTPDate.parse(text) == nil) }

    @Test func `RFC 9110 section 5.6.7: two digits mean the nearest century, 50 years ahead at most`() {
        let now: Int64 = 1_900_000_000  // 2030
        #expect(
            HTTPDate.parse("Sunday, 06-Nov-80 08:49:37 GMT", now: now)
                == HTTPDate.parse("Sun, 06 Nov 2080 08:49:37 GMT"))
        #expect(
            HTTPDate.parse("Sunday, 06-Nov-81 08:49:37 GMT", now: now)
                == HTTPDate.parse("Sun, 06 Nov 1981 08:49:37 GMT"))
        #expect(
            HTTPDate.parse("Sunday, 06-Nov-05 08:49:37 GMT", now: now)
                == HTTPDate.parse("Sun, 06 Nov 2005 08:49:37 GMT"))
    }

    @Test(arguments: [
        "sun, 06 nov 1994 08:49:37 gmt", "SUN, 06 NOV 1994 08:49:37 GMT", "SUNDAY, 06-nov-94 08:49:37 Gmt",
        "sUN nOV  6 08:49:37 1994",
    ]) func `RFC 9111 section 4.2: the case of letters does not matter`(text: String) {
        #expect(HTTPDate.parse(text) == 784_111_777)
    }

    @Test(arguments: [
        ("Monday", 1), ("Tuesday", 2), ("Wednesday", 3), ("Thursday", 4), ("Friday", 5), ("Saturday", 6), ("Sunday", 0),
    ]) func `RFC 9110 section 5.6.7: every name of a day`(name: String, day: Int64) {
        #expect(HTTPDate.parse("\(name), 06-Nov-94 08:49:37 GMT") == 784_111_777)
        #expect(HTTPDate.parse("\(name.prefix(3)), 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(HTTPDate.format(784_111_777 + day * 86_400).hasPrefix(name.prefix(3) + ", "))
        #expect(HTTPDate.parse("\(name.dropLast()), 06-Nov-94 08:49:37 GMT") == nil)
    }

    @Test func `what is formatted is read back`() {
        #expect(HTTPDate.format(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.format(0) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(HTTPDate.format(.max) == "Fri, 31 Dec 9999 23:59:59 GMT")
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<5000 {
            let seconds = Int64.random(in: -62_167_219_200...253_402_300_799, using: &generator)
            #expect(HTTPDate.parse(HTTPDate.format(seconds)) == seconds)
        }
    }
}
