import Proxy
import RelayTesting
import Sessions
import Storage
import Testing

/// What a session that asks for more than anybody else costs another (RULES, "Limits").
@Suite struct FairnessTests {
    @Test func `a session with hundreds of busy connections does not keep another one waiting`() async throws {
        var options = ProxyOptions()
        options.settings.loops = 1
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.respond(fields: ["Cache-Control": "max-age=1000"], text: "hit")
                }
            }
            let url = origin.url("/hit")
            let modest = try proxy.client(proxy.other)
            #expect(try modest.get(url).text == "hit")
            // Each has more to do than it can be done with in this test.
            let greedy = try (0..<300).map { _ in try proxy.client() }
            for client in greedy {
                let request = "GET \(url) HTTP/1.1\r\nHost: x\r\n\(client.authorization)\r\n"
                try client.connection.send(String(repeating: request, count: 100))
            }
            let before = try proxy.records.lastNumber(of: proxy.permissive.id)
            for _ in 0..<10 { #expect(try modest.get(url).text == "hit") }
            let after = try proxy.records.lastNumber(of: proxy.permissive.id)
            // Without lanes each of the ten waits for a request of each of the 300.
            #expect(after < 30_000 && after - before < 1_500, "\(after - before) requests of the other meanwhile")
        }
    }
}
