import Core
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("192.0.2.255", "192.0.2.255"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
        ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("fe80:0:0:0:1:2:3:4", "fe80::1:2:3:4"),
    ])
    func `an address is read and written as RFC 5952 says`(_ text: String, _ expected: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == expected)
        #expect(IPAddress(expected) == address)
        #expect(IPAddress(bytes: address.bytes) == address)
    }

    @Test(arguments: [
        "", "1", "127.1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "0x7f.0.0.1", "1.2.3.4 ", "1..2.3", "1.2.3.-4",
        ":",
        ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "::g", "fe80::1%eth0",
        "[::1]",
        "::1.2.3", "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:",
    ])
    func `what two parsers could read differently is no address`(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: [
        ("::ffff:127.0.0.1", ["127.0.0.1"]), ("::127.0.0.1", ["127.0.0.1"]), ("::ffff:0:127.0.0.1", ["127.0.0.1"]),
        ("64:ff9b::7f00:1", ["127.0.0.1"]), ("2002:7f00:1::", ["127.0.0.1"]),
        ("2001:0:c000:201::80ff:fffe", ["192.0.2.1", "127.0.0.1"]), ("2001:db8::5efe:127.0.0.1", ["127.0.0.1"]),
        ("2001:db8::1", []), ("::1", []), ("::", []), ("127.0.0.1", []),
    ])
    func `an IPv4 address inside an IPv6 address is found`(_ text: String, _ expected: [String]) throws {
        let address = try #require(IPAddress(text))
        #expect(address.embeddedIPv4.map(\.description) == expected)
    }

    @Test func `the local NAT64 prefix is looked at in every place of RFC 6052`() throws {
        for text in ["64:ff9b:1:7f00:0:100::", "64:ff9b:1:7f:0:1::", "64:ff9b:1:0:7f:0:100::", "64:ff9b:1::127.0.0.1"] {
            let address = try #require(IPAddress(text))
            #expect(address.embeddedIPv4.contains(IPAddress(v4: 0x7F00_0001)), "\(text)")
        }
    }

    @Test func `addresses are ordered by family and number`() {
        let sorted = ["::", "255.255.255.255", "10.0.0.1", "ff::", "::2"].compactMap(IPAddress.init(_:)).sorted()
        #expect(sorted.map(\.description) == ["10.0.0.1", "255.255.255.255", "::", "::2", "ff::"])
    }
}
