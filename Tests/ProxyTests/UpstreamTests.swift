import Core
import Proxy
import Relay
import RelayTesting
import Testing
import Wire

/// Origins behind another proxy.
@Suite struct UpstreamTests {
    private static func options(_ upstream: ScriptedOrigin, userinfo: String = "") throws -> ProxyOptions {
        var options = ProxyOptions()
        options.upstream = try UpstreamProxies(environment: [
            "http_proxy": "http://\(userinfo)127.0.0.1:\(upstream.port)",
            "https_proxy": "http://\(userinfo)127.0.0.1:\(upstream.port)", "no_proxy": "direct.example,127.0.0.1",
        ])
        // The upstream proxy itself is exempt, the destinations are not.
        options.policy = DestinationPolicy(rules: [
            DestinationPolicy.Rule(.allow, ["192.0.2.0/24"].compactMap { IPNetwork($0) })
        ])
        return options
    }

    @Test func `plain requests reach it in absolute form with its credentials and not ours`() async throws {
        let upstream = try ScriptedOrigin { (200, Array($0.target.utf8)) }
        try await withProxy(Self.options(upstream, userinfo: "user:pass@")) { proxy in
            let answer = try proxy.client().get("http://192.0.2.7/a?b")
            #expect(answer.text == "http://192.0.2.7/a?b")
            let seen = try #require(upstream.requests.first)
            #expect(seen.head.fields.all("Proxy-Authorization") == ["Basic " + Base64.encode(Array("user:pass".utf8))])
            #expect(seen.head.fields.all("Host") == ["192.0.2.7"])
            let row = try #require(try proxy.rows().first)
            #expect(row.url == "http://192.0.2.7/a?b")
            #expect(!row.text.contains(Base64.encode(Array("user:pass".utf8))))
        }
    }

    @Test func `a destination that is not allowed does not reach it`() async throws {
        let upstream = try ScriptedOrigin { _ in (200, []) }
        try await withProxy(Self.options(upstream)) { proxy in
            for host in ["169.254.169.254", "[::ffff:169.254.169.254]", "10.0.0.1.invalid"] {
                let answer = try proxy.client().get("http://\(host)/")
                #expect([403, 502].contains(answer.head.status), "\(host): \(answer.head.status)")
            }
            #expect(upstream.requests.isEmpty)
        }
    }

    @Test func `its 407 is 502 here`() async throws {
        let upstream = try ScriptedOrigin { _ in (407, []) }
        try await withProxy(Self.options(upstream)) { proxy in
            let plain = try proxy.client().get("http://192.0.2.7/")
            #expect(plain.head.status == 502)
            #expect(plain.text.contains("credentials"))
        }
    }
}
