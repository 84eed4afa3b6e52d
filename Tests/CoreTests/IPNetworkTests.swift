import Core
import Testing

@Suite struct IPNetworkTests {
    @Test(arguments: [
        ("10.1.2.3/8", "10.0.0.0/8"), ("192.0.2.7", "192.0.2.7/32"), ("FD00::1/8", "fd00::/8"), ("::1", "::1/128"),
        ("0.0.0.0/0", "0.0.0.0/0"), ("::/0", "::/0"), ("2001:db8:ffff::/33", "2001:db8:8000::/33"),
        ("1:2:3:4:5:6:7:8/64", "1:2:3:4::/64"), ("1:2:3:4:5:6:7:8/65", "1:2:3:4::/65"),
        ("::ffff:10.1.1.1/104", "10.0.0.0/8"), ("::ffff:10.1.1.1", "10.1.1.1/32"),
    ])
    func `a network is read with its host bits masked`(_ text: String, _ expected: String) throws {
        #expect(try #require(IPNetwork(text)).description == expected)
    }

    @Test(arguments: [
        "", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "host.example/8",
    ])
    func `nonsense is no network`(_ text: String) {
        #expect(IPNetwork(text) == nil)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("0.0.0.0/0", "::1", false),
        ("::/0", "1.2.3.4", false), ("fe80::/10", "febf::1", true), ("fe80::/10", "fec0::1", false),
        ("2001:db8::/65", "2001:db8::7fff:0:0:1", true), ("2001:db8::/65", "2001:db8::8000:0:0:1", false),
    ])
    func `membership follows the prefix and the family`(_ network: String, _ address: String, _ inside: Bool) throws {
        #expect(try #require(IPNetwork(network)).contains(try #require(IPAddress(address))) == inside)
    }

    @Test func `a narrower network lies inside a wider one only`() throws {
        let wide = try #require(IPNetwork("10.0.0.0/8"))
        let narrow = try #require(IPNetwork("10.1.0.0/16"))
        #expect(wide.contains(narrow) && wide.contains(wide) && !narrow.contains(wide))
    }
}
