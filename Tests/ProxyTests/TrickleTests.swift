import Core
import Inspection
import RelayTesting
import Storage
import Testing
import Wire

@testable import Proxy

/// While a verdict is awaited a byte of what is held goes now and then, and never the last one.
@Suite struct TrickleTests {
    @Test func `a byte at a time goes and never the last`() {
        var delivery = Delivery(head: [], source: .none, framing: .length, end: 100)
        #expect(!delivery.mayTrickle, "before the head may go nothing does")
        delivery.allow(upTo: 97)
        for _ in 0..<10 { delivery.trickle() }
        #expect(delivery.limit == 99)
        #expect(!delivery.mayTrickle)
        var unknown = Delivery(head: [], source: .none, framing: .chunked, end: nil)
        unknown.allow(upTo: 10)
        #expect(!unknown.mayTrickle, "where the end is not known, neither is the last byte")
    }

    private static let streamed =
        "/packages/aa/bb/" + String(repeating: "c", count: 60) + "/" + SampleWheel.fileName

    @Test(arguments: [false, true])
    func `a large body trickles until its verdict comes`(_ isRejected: Bool) async throws {
        let store = HoldingStore()
        var options = ProxyOptions()
        options.blobs = store
        options.settings.trickleInterval = .milliseconds(20)
        options.inspectors.pip = InspectorsConfiguration.URLs(urls: [try URLPattern("http://127.0.0.1:*/packages/**")])
        try await withProxy(options) { proxy in
            let wheel = SampleWheel.bytes(tampered: isRejected, padding: 500_000)
            let origin = try ScriptedOrigin(serving: wheel)
            let client = try proxy.client(proxy.strict)
            try client.send("GET", origin.url(Self.streamed))
            let early = wheel.count - (16 << 10)
            let start = try client.connection.readUntil {
                $0.count >= early && $0.suffix(5) == wheel[early..<early + 5]
            }
            #expect(start.suffix(early + 5) == wheel[..<(early + 5)])
            store.release()
            if isRejected {
                do {
                    _ = try client.connection.readToEnd()
                    Issue.record("the end of what is rejected came, or an end that looks like one")
                } catch let fault as ConnectionFault {
                    #expect(fault.kind == .reset)
                }
                #expect(try proxy.rows(proxy.strict, atLeast: 1).first?.row.result == .rejected)
            } else {
                let got = try client.connection.readUntil { (start + $0).suffix(1_000) == wheel.suffix(1_000) }
                #expect((start + got).suffix(wheel.count) == wheel[...])
            }
        }
    }
}
