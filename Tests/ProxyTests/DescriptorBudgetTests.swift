import Proxy
import Relay
import RelayTesting
import Testing
import Wire

/// What is derived from the number of descriptors.
@Suite struct DescriptorBudgetTests {
    @Test(arguments: [128, 256, 1_024, 4_096], [1, 2, 8])
    func `all that clients may cost fits beside what is kept`(_ descriptors: Int, _ loops: Int) {
        var settings = ProxySettings()
        settings.loops = loops
        let kept = settings.fit(descriptors: descriptors)
        // Client, origin and file each, and the unused connections of every loop.
        let cost = settings.mostConnections * 3 + settings.relay.idleTotal * loops
        #expect(kept >= 64)
        #expect(cost + kept <= descriptors)
        #expect(settings.mostFillsPerSession <= settings.mostConnections)
    }

    @Test func `many descriptors change no default`() {
        var settings = ProxySettings()
        settings.fit(descriptors: 1 << 20)
        #expect(settings.mostConnections == ProxySettings().mostConnections)
        #expect(settings.relay.idleTotal == RelaySettings().idleTotal)
        #expect(settings.mostFillsPerSession == ProxySettings().mostFillsPerSession)
    }

    @Test func `clients beyond the limit wait until one goes`() async throws {
        var options = ProxyOptions()
        options.settings.loops = 1
        options.settings.mostConnections = 3
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let clients = try (0..<3).map { _ in try proxy.client() }
            for client in clients { #expect(try client.get(origin.url()).head.status == 200) }
            let waiting = try proxy.client(patience: .milliseconds(300))
            try waiting.send("GET", origin.url())
            #expect(throws: ConnectionFault.self) { try waiting.answer() }
            #expect(try clients[0].get(origin.url()).head.status == 200, "those that are there go on")
            clients[1].connection.close()
            let deadline = Deadline()
            while true {
                if let answer = try? waiting.answer() {
                    #expect(answer.head.status == 200)
                    break
                }
                try deadline.check()
            }
        }
    }
}
