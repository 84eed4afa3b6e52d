import Core
import Testing

@Suite struct DestinationPolicyTests {
    private func policy(
        _ policy: DestinationPolicy.Access = .allow, _ rules: [(DestinationPolicy.Access, [String])] = [],
        own: [String] = [], ports: Set<UInt16> = []
    ) -> DestinationPolicy {
        DestinationPolicy(
            policy: policy,
            rules: rules.map { DestinationPolicy.Rule($0.0, $0.1.compactMap(IPNetwork.init(_:))) },
            ownAddresses: own.compactMap(IPAddress.init(_:)), ownPorts: ports)
    }

    private func refusal(_ policy: DestinationPolicy, _ address: String, _ port: UInt16 = 443) throws -> String? {
        policy.check(try #require(IPAddress(address)), port: port)?.description
    }

    static let guarded = [
        "127.0.0.1", "127.255.255.254", "::1", "0.0.0.0", "0.1.2.3", "::", "169.254.1.1", "fe80::1", "224.0.0.1",
        "239.255.255.255", "ff02::1", "240.0.0.1", "255.255.255.255", "169.254.169.254", "169.254.170.2",
        "fd00:ec2::254",
        "100.100.100.200", "168.63.129.16", "192.0.2.77", "2001:db8::77",
    ]

    @Test(arguments: guarded)
    func `every guarded class is refused by default and under a broad allow rule`(_ address: String) throws {
        let own = ["192.0.2.77", "2001:db8::77"]
        #expect(try refusal(policy(own: own), address) != nil)
        #expect(try refusal(policy(.allow, [(.allow, ["0.0.0.0/0", "::/0"])], own: own), address) != nil)
    }

    @Test(arguments: guarded)
    func `a rule that names the very address opens it`(_ address: String) throws {
        let own = ["192.0.2.77", "2001:db8::77"]
        #expect(try refusal(policy(.deny, [(.allow, [address])], own: own), address) == nil)
    }

    @Test(arguments: [
        "::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b:1::169.254.169.254",
        "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:7f00:1::1", "2001::80ff:fffe", "2001:db8::5efe:10.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::",
    ])
    func `a form that carries a refused IPv4 address is refused`(_ address: String) throws {
        #expect(try refusal(policy(.allow, [(.deny, ["10.0.0.0/8"])]), address) != nil)
    }

    @Test func `carried addresses are opened by naming what they carry`() throws {
        let opened = policy(.deny, [(.allow, ["127.0.0.0/8", "192.0.2.0/24"])])
        #expect(try refusal(opened, "::ffff:127.0.0.1") == nil)
        #expect(try refusal(opened, "64:ff9b::192.0.2.1") == nil)
        #expect(try refusal(opened, "64:ff9b::198.51.100.1") != nil)
        #expect(try refusal(policy(.allow, [(.allow, ["64:ff9b::/96"])]), "64:ff9b::127.0.0.1") != nil)
    }

    @Test func `metadata addresses stay closed when their link-local range is opened`() throws {
        let opened = policy(.allow, [(.allow, ["169.254.0.0/16"])])
        #expect(try refusal(opened, "169.254.7.7") == nil)
        #expect(try refusal(opened, "169.254.169.254")?.contains("metadata") == true)
    }

    @Test func `the first rule that names an address decides`() throws {
        let broadFirst = policy(
            .deny, [(.allow, ["10.0.0.0/8"]), (.deny, ["10.1.0.0/16"]), (.allow, ["10.1.2.0/24"])])
        #expect(try refusal(broadFirst, "10.1.2.3") == nil)
        let narrowFirst = policy(
            .allow, [(.allow, ["10.1.2.0/24"]), (.deny, ["10.1.0.0/16"]), (.allow, ["10.0.0.0/8"])])
        #expect(try refusal(narrowFirst, "10.1.2.3") == nil)
        #expect(try refusal(narrowFirst, "10.1.3.3")?.contains("rule 2") == true)
        #expect(try refusal(narrowFirst, "192.0.2.1") == nil)
    }

    @Test func `a deny rule before the opening rule keeps a guarded address closed`() throws {
        let mixed = policy(.allow, [(.deny, ["127.0.0.0/31"]), (.allow, ["127.0.0.0/8"])])
        #expect(try refusal(mixed, "127.0.0.1") != nil)
        #expect(try refusal(mixed, "127.0.0.2") == nil)
    }

    @Test func `a broad allow rule before the opening rule does not hide it`() throws {
        let mixed = policy(.deny, [(.allow, ["0.0.0.0/0"]), (.allow, ["127.0.0.0/8"])])
        #expect(try refusal(mixed, "127.0.0.1") == nil)
    }

    @Test func `the default policy decides the rest`() throws {
        #expect(try refusal(policy(), "192.0.2.1") == nil)
        #expect(try refusal(policy(.deny), "192.0.2.1")?.contains("no rule") == true)
    }

    @Test(arguments: [0, 1, 22, 25, 53, 6000, 6667, 10080] as [UInt16])
    func `ports that no HTTP server uses are refused`(_ port: UInt16) throws {
        #expect(try refusal(policy(.allow, [(.allow, ["192.0.2.1"])]), "192.0.2.1", port)?.contains("port") == true)
    }

    @Test(arguments: ["127.0.0.1", "127.9.9.9", "::1", "192.0.2.77", "::ffff:192.0.2.77", "0.0.0.0"])
    func `no rule opens our own ports on this machine`(_ address: String) throws {
        let opened = policy(
            .allow, [(.allow, ["127.0.0.0/8", "::1", "192.0.2.77", "0.0.0.0/8"])], own: ["192.0.2.77"], ports: [9988])
        #expect(try refusal(opened, address, 9988)?.contains("loop") == true)
        #expect(try refusal(opened, address, 9987) == nil)
        #expect(try refusal(opened, "198.51.100.1", 9988) == nil)
    }

    @Test func `the refusal names address and rule`() throws {
        let text = try #require(try refusal(policy(), "::1", 80))
        #expect(text.contains("[::1]:80") && text.contains("loopback"))
    }
}
