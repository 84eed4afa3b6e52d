import Core
import RelayTesting
import Storage
import Testing
import Wire

@testable import Proxy

/// Slow readers are closed, and only they.
@Suite struct ReaderPaceTests {
    private static var limits: ProxySettings.SlowReaders {
        var limits = ProxySettings.SlowReaders()
        limits.leastRate = 100
        limits.window = .seconds(10)
        return limits
    }

    private static func at(_ seconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    private static func isSlow(_ pace: inout ReaderPace, _ taken: Int64, _ seconds: UInt64) -> Bool {
        pace.isTooSlow(taken: taken, limits: limits, now: at(seconds))
    }

    @Test func `a full socket whose client takes too little is slow after the window`() {
        var pace = ReaderPace()
        pace.note(isFull: true, now: Self.at(0))
        #expect(Self.isSlow(&pace, 0, 9) == false)
        #expect(Self.isSlow(&pace, 999, 10) == true)
    }

    @Test func `one that takes enough is judged anew in each window`() {
        var pace = ReaderPace()
        pace.note(isFull: true, now: Self.at(0))
        #expect(Self.isSlow(&pace, 1_000, 10) == false)
        // What it took before does not count twice.
        #expect(Self.isSlow(&pace, 1_900, 20) == true)
    }

    @Test func `time in which there is nothing to give does not count`() {
        var pace = ReaderPace()
        pace.note(isFull: true, now: Self.at(0))
        pace.note(isFull: false, now: Self.at(4))
        #expect(Self.isSlow(&pace, 0, 1_000) == false)
        pace.note(isFull: true, now: Self.at(1_000))
        #expect(Self.isSlow(&pace, 0, 1_005) == false)
        #expect(Self.isSlow(&pace, 500, 1_006) == true)
    }

    @Test func `a slow reader is cut with a reset, and a client whose origin is slow is not`() async throws {
        var options = ProxyOptions()
        options.settings.slowReaders.leastRate = 1 << 30
        options.settings.slowReaders.window = .milliseconds(500)
        try await withProxy(options) { proxy in
            let halting = try ScriptedOrigin { session in
                guard try session.readRequest() != nil else { return }
                try session.send(head(200, [], length: 600_000) + noise(300_000))
                try session.waitForRelease()
                try session.send(Array(noise(600_000)[300_000...]))
            }
            let patient = try proxy.client(proxy.other)
            try patient.send("GET", halting.url("/a"))
            let early = try patient.connection.read(exactly: 200_000)

            let origin = try ScriptedOrigin(serving: noise(60_000_000))
            let slow = try proxy.client()
            try slow.send("GET", origin.url("/b"))
            let deadline = Deadline()
            var fault: ConnectionFault.Kind?
            while fault == nil {
                // Some 10 MB/s at most.
                do { _ = try slow.connection.readSome() } catch let error as ConnectionFault { fault = error.kind }
                for _ in 0..<10 { try deadline.check() }
            }
            #expect(fault == .reset)
            let row = try #require(try proxy.rows(atLeast: 1).first)
            #expect(row.isTruncated)
            #expect(row.reason.contains("less than 1073741824 bytes a second"), "\(row.reason)")

            halting.release()
            let rest = try patient.connection.readUntil { early.count + $0.count >= 600_000 }
            #expect((early + rest).suffix(100_000) == noise(600_000).suffix(100_000))
        }
    }

    @Test func `one that takes bytes all the time is not taken for one that takes none`() async throws {
        var options = ProxyOptions()
        options.settings.stallTimeout = .seconds(3)
        options.settings.loops = 1
        try await withProxy(options) { proxy in
            let body = noise(30_000_000)
            let origin = try ScriptedOrigin(serving: body)
            let slow = try proxy.client()
            try slow.send("GET", origin.url("/a"))
            let stalled = try proxy.client(proxy.other)
            try stalled.send("GET", origin.url("/b"))
            var got: [UInt8] = []
            let deadline = Deadline()
            // 260 KB/s at most: far less than what makes the proxy's socket writable again within the time.
            while try proxy.rows(proxy.other).first?.isTruncated != true {
                got += try slow.connection.readSome()
                let next = MonotonicTime.now() + .milliseconds(250)
                while MonotonicTime.now() < next { try deadline.check() }
            }
            got += try slow.connection.readUntil { got.count + $0.count >= body.count + 100 }
            #expect(got.suffix(body.count) == body[...])
        }
    }
}
