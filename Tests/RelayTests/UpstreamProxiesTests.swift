import Core
import Relay
import Testing
import Wire

@Suite struct UpstreamProxiesTests {
    private func authority(_ text: String, _ port: UInt16 = 80) throws -> Authority {
        try Authority(parsing: text, defaultPort: port)
    }

    @Test func `each scheme has its proxy, lower case counts first`() throws {
        let proxies = try UpstreamProxies(environment: [
            "HTTP_PROXY": "http://upper.example:1", "http_proxy": "http://lower.example:3128/",
            "HTTPS_PROXY": "plain.example:8080", "NO_PROXY": "",
        ])
        #expect(
            proxies.proxy(for: .http, authority: try authority("host.example"))?.authority.text == "lower.example:3128")
        #expect(
            proxies.proxy(for: .https, authority: try authority("host.example"))?.authority.text == "plain.example:8080"
        )
        #expect(UpstreamProxies.none.proxy(for: .http, authority: try authority("host.example")) == nil)
        #expect(try UpstreamProxies(environment: ["http_proxy": ""]) == .none)
    }

    @Test func `credentials become a field and are not shown`() throws {
        let proxies = try UpstreamProxies(environment: ["http_proxy": "http://user:p%40ss@proxy.example"])
        let proxy = try #require(proxies.http)
        #expect(proxy.authorization == "Basic " + Base64.encode(Array("user:p@ss".utf8)))
        #expect(proxy.authority.port == 80)
        #expect(!proxy.description.contains("ss"))
    }

    @Test(arguments: [
        "https://proxy.example", "socks5://proxy.example", "http://proxy.example/path", "http://u%zz:p@proxy.example",
        "http://", "http://proxy.example:0x50", "http://proxy.example:99999",
    ])
    func `settings that cannot work are errors that name the variable`(_ text: String) throws {
        let error = try #require(throws: UpstreamProxyError.self) {
            try UpstreamProxies(environment: ["HTTPS_PROXY": text])
        }
        #expect(error.description.hasPrefix("HTTPS_PROXY: "))
    }

    @Test(arguments: [
        ("*", "any.example", 80, true), ("host.example", "host.example", 80, true),
        ("host.example", "sub.host.example", 80, true), ("host.example", "nothost.example", 80, false),
        (".host.example", "host.example", 80, false), (".host.example", "a.host.example", 80, true),
        ("*.host.example", "a.b.host.example", 80, true), ("*.host.example", "host.example", 80, false),
        ("host.example:8080", "host.example", 80, false), ("host.example:8080", "host.example", 8080, true),
        ("a.example, host.example b.example", "host.example", 80, true), ("HOST.Example.", "host.example", 80, true),
        ("10.0.0.0/8", "10.1.2.3", 80, true), ("10.0.0.0/8", "11.1.2.3", 80, false),
        ("fd00::/8", "[fd00::1]", 80, true), ("[::1]:8080", "[::1]", 8080, true), ("[::1]:8080", "[::1]", 80, false),
        ("192.0.2.1", "192.0.2.1", 80, true), ("2.1", "192.0.2.1", 80, false), ("", "host.example", 80, false),
        ("192.0.2.1:81", "192.0.2.1", 81, true),
    ])
    func `the bypass list is read like other tools read it`(
        _ list: String, _ host: String, _ port: Int, _ bypassed: Bool
    ) throws {
        let proxies = try UpstreamProxies(environment: ["http_proxy": "proxy.example:3128", "no_proxy": list])
        let proxy = proxies.proxy(for: .http, authority: try authority(host, UInt16(port)))
        #expect((proxy == nil) == bypassed)
    }

    @Test func `a proxy that is this service is an error`() throws {
        let own = [IPAddress("192.0.2.77"), IPAddress("127.0.0.1")].compactMap { $0 }
        for text in [
            "localhost:9988", "127.0.0.1:9988", "127.1.2.3:9988", "[::1]:9988", "192.0.2.77:9988", "0.0.0.0:9988",
        ] {
            let proxies = try UpstreamProxies(environment: ["https_proxy": text])
            #expect(throws: UpstreamProxyError.self) {
                try proxies.refuseOurselves(addresses: own, ports: [9988, 9999])
            }
        }
        for text in ["localhost:3128", "192.0.2.78:9988", "proxy.example:9988"] {
            let proxies = try UpstreamProxies(environment: ["https_proxy": text])
            #expect(throws: Never.self) { try proxies.refuseOurselves(addresses: own, ports: [9988, 9999]) }
        }
        let named = try #require(try UpstreamProxies(environment: ["https_proxy": "proxy.example:9988"]).https)
        #expect(throws: UpstreamProxyError.self) {
            try UpstreamProxies.refuseOurselves(named, resolvedTo: own, addresses: own, ports: [9988])
        }
    }

    @Test func `the addresses of this machine include loopback`() throws {
        #expect(try LocalAddresses.current().contains(IPAddress(v4: 0x7F00_0001)))
    }
}
