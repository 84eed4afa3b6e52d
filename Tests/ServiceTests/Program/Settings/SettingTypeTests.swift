import Testing

@testable import fetch_service

@Suite struct SettingTypeTests {
    @Test(
        arguments: [
            ("0", .zero), ("30", .seconds(30)), ("30s", .seconds(30)), ("0.8", .milliseconds(800)),
            ("250ms", .milliseconds(250)), ("1.5m", .seconds(90)), ("6h", .seconds(21_600)), ("7d", .seconds(604_800)),
            ("0.000000001", .nanoseconds(1)),
        ] as [(String, Duration)])
    func durationsAreRead(text: String, duration: Duration) {
        #expect(DurationText.read(text) == duration)
        #expect(DurationText.read(DurationText.write(duration)) == duration)
    }

    @Test(arguments: ["", "s", "-1", "1 s", "1w", ".5", "1.", "1.2.3", "1e3", "0.0000000001", "9223372036854775807d"])
    func whatIsNoDurationIsRefused(text: String) { #expect(DurationText.read(text) == nil) }

    @Test(
        arguments: [
            (.zero, "0s"), (.milliseconds(800), "800ms"), (.seconds(90), "90s"), (.seconds(120), "2m"),
            (.seconds(21_600), "6h"), (.seconds(604_800), "7d"), (.microseconds(1_500), "0.0015s"),
        ] as [(Duration, String)])
    func durationsAreWrittenWithTheLargestUnit(duration: Duration, text: String) {
        #expect(DurationText.write(duration) == text)
    }

    @Test(
        arguments: [
            ("1000", 1000), ("2k", 2048), ("500M", 500 << 20), ("20GiB", 20 << 30), ("1t", 1 << 40), ("7B", 7),
        ] as [(String, Int64)])
    func amountsAreRead(text: String, bytes: Int64) { #expect(ByteAmount(text)?.bytes == bytes) }

    @Test(arguments: ["", "M", "-1", "1.5G", "1X", "9223372036854775807K", "1 G"])
    func whatIsNoAmountIsRefused(text: String) { #expect(ByteAmount(text) == nil) }

    @Test(arguments: [(0, "0"), (1000, "1000"), (2048, "2K"), (20 << 30, "20G")] as [(Int64, String)])
    func amountsAreWrittenWithTheLargestPrefix(bytes: Int64, text: String) {
        #expect(ByteAmount(bytes: bytes).text == text)
    }

    @Test func valuesBeyondTheirLimitsAreRefusedWithWhatToWrite() throws {
        let type = SettingType<Int>.count(1...10)
        #expect(try type.read(.text("10")) == 10)
        for text in ["0", "11", "x", ""] {
            #expect { try type.read(.text(text)) } throws: { "\($0)".contains("from 1 to 10") }
        }
        #expect(throws: SettingProblem.self) { try type.read(.list(["1"])) }
    }

    @Test func autoLeavesTheChoiceToTheService() throws {
        let type = SettingType<Int?>.orAuto(.count(1...10), "something")
        #expect(try type.read(.text("auto")) == nil)
        #expect(try type.read(.text("3")) == 3)
        #expect(type.write(nil) == "auto" && type.write(3) == "3")
    }

    @Test func wordsComeAsAListOrInOneText() throws {
        let type = SettingType<[String]>.words
        #expect(try type.read(.text("a.example, b.example c")) == ["a.example", "b.example", "c"])
        #expect(try type.read(.list(["a b"])) == ["a b"])
    }

    @Test func thePasswordOfAProxyIsShownNowhere() throws {
        let type = SettingType<String>.upstreamProxy
        let url = "http://user:hidden@proxy.example:3128"
        #expect(try type.read(.text(url)) == url)
        #expect(type.write(url) == "http://***@proxy.example:3128")
        #expect { try type.read(.text("ftp://user:hidden@proxy.example")) } throws: { !"\($0)".contains("hidden") }
    }
}
