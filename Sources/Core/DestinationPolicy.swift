/// Decides to which addresses and ports the proxy may connect: RULES "Destination check" and the operator's `acl.yaml`.
///
/// The rules of the operator are tried in order and the first that names the address decides, then the default. Above
/// them stand *guarded* ranges (loopback, link-local, cloud metadata …): an address inside one is refused unless a rule
/// allows a network that lies inside the same range, so `allow 0.0.0.0/0` opens nothing of them.
package struct DestinationPolicy: Sendable, Equatable {
    /// What a rule or the default does.
    package enum Access: String, Sendable, Hashable { case allow, deny }

    /// One rule of `acl.yaml`.
    package struct Rule: Sendable, Hashable {
        /// The networks that the rule speaks about.
        package var networks: [IPNetwork]
        /// What happens to addresses in them.
        package var access: Access

        /// Makes a rule for addresses in any of `networks`.
        package init(_ access: Access, _ networks: [IPNetwork]) {
            self.access = access
            self.networks = networks
        }
    }

    /// Why a destination is refused.
    package struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
        /// The address that was asked for.
        package var address: IPAddress
        /// The port that was asked for.
        package var port: UInt16
        /// The rule that refuses it, in words.
        package var rule: String

        /// One line for the client and the log.
        package var description: String { "destination \(address.bracketed):\(port) is refused: \(rule)" }
    }

    /// The operator's rules in the order in which they are tried.
    package let rules: [Rule]

    /// What happens to addresses that no rule names and no range guards.
    package let policy: Access

    private let ownRanges: [Guard]
    private let ownAddresses: Set<IPAddress>
    private let ownPorts: Set<UInt16>

    /// Makes a policy.
    ///
    /// - Parameters:
    ///   - policy: The default for addresses that no rule names.
    ///   - rules: The operator's rules, first match decides.
    ///   - ownAddresses: The addresses of this machine, refused like loopback.
    ///   - ownPorts: The ports on which this service listens; on an address of this machine no rule opens them.
    package init(
        policy: Access = .allow, rules: [Rule] = [], ownAddresses: [IPAddress] = [], ownPorts: Set<UInt16> = []
    ) {
        self.policy = policy
        self.rules = rules
        self.ownPorts = ownPorts
        self.ownAddresses = Set(ownAddresses.map(\.canonical))
        ownRanges = self.ownAddresses.sorted().filter { own in
            !Self.local.contains { $0.range.contains(own) }
        }.map { Guard(range: IPNetwork(single: $0), name: "an address of this machine") }
    }

    /// Makes the same rules for another set of own addresses and ports, as when the listeners are bound.
    package func owning(addresses: [IPAddress], ports: Set<UInt16>) -> DestinationPolicy {
        DestinationPolicy(policy: policy, rules: rules, ownAddresses: addresses, ownPorts: ports)
    }

    /// Tells why a connection to `address` and `port` must not be made; nil when it may.
    ///
    /// Forms that carry an IPv4 address (mapped, NAT64, 6to4, Teredo …) are refused for what they carry, too.
    package func check(_ address: IPAddress, port: UInt16) -> Refusal? {
        if BadPorts.contains(port) {
            return Refusal(address: address, port: port, rule: "no HTTP server uses this port (Fetch standard)")
        }
        let outer = address.canonical
        let embedded = outer.embeddedIPv4
        let forms = [outer] + embedded
        if ownPorts.contains(port), forms.contains(where: isLocal) {
            return Refusal(address: address, port: port, rule: "it is a port of this service, and would loop")
        }
        let guards = forms.flatMap { form in guarding(form).map { (form: form, range: $0) } }
        for (index, rule) in rules.enumerated() {
            switch rule.access {
            case .deny:
                if let network = rule.networks.first(where: { network in forms.contains(where: network.contains) }) {
                    let text = "rule \(index + 1) of the address list denies \(network)"
                    return Refusal(address: address, port: port, rule: text)
                }
            case .allow where guards.isEmpty:
                if rule.names(outer) || (!embedded.isEmpty && embedded.allSatisfy(rule.names)) { return nil }
            case .allow:
                if guards.allSatisfy({ rule.opens($0.form, inside: $0.range.range) }) { return nil }
            }
        }
        if let first = guards.max(by: { $0.range.range.prefixLength < $1.range.range.prefixLength }) {
            let text =
                "\(first.form) is \(first.range.name) (\(first.range.range)), which no rule of the address list opens"
            return Refusal(address: address, port: port, rule: text)
        }
        guard policy == .deny else { return nil }
        return Refusal(address: address, port: port, rule: "no rule of the address list allows it")
    }

    /// Whether `address` leads to this machine.
    private func isLocal(_ address: IPAddress) -> Bool {
        ownAddresses.contains(address) || Self.local.contains { $0.range.contains(address) }
    }

    private func guarding(_ address: IPAddress) -> [Guard] {
        var found: [Guard] = []
        for guards in [Self.local, Self.special, ownRanges] {
            for index in guards.indices where guards[index].range.contains(address) { found.append(guards[index]) }
        }
        return found
    }
}

extension DestinationPolicy.Rule {
    fileprivate func names(_ address: IPAddress) -> Bool { networks.contains { $0.contains(address) } }

    fileprivate func opens(_ address: IPAddress, inside range: IPNetwork) -> Bool {
        networks.contains { $0.contains(address) && range.contains($0) }
    }
}

/// A range that only a rule naming a network inside it opens.
private struct Guard: Sendable, Equatable {
    var range: IPNetwork
    var name: String
}

extension DestinationPolicy {
    /// Ranges that always lead to this machine.
    private static let local = table([
        ("127.0.0.0/8", "a loopback address"), ("::1", "the loopback address"),
        ("0.0.0.0/8", "an address of \"this network\""), ("::", "the unspecified address"),
    ])

    /// Ranges that no build has business with, and the addresses where clouds hand out credentials.
    private static let special = table([
        ("169.254.0.0/16", "a link-local address"), ("fe80::/10", "a link-local address"),
        ("224.0.0.0/4", "a multicast address"), ("ff00::/8", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("169.254.169.254", metadata), ("169.254.170.2", metadata), ("169.254.170.23", metadata),
        ("fd00:ec2::254", metadata), ("fd00:ec2::23", metadata), ("fd20:ce::254", metadata),
        ("100.100.100.200", metadata), ("168.63.129.16", metadata), ("192.0.0.192", metadata),
    ])

    private static let metadata = "a cloud metadata address"

    private static func table(_ rows: [(String, String)]) -> [Guard] {
        rows.map { text, name in
            guard let range = IPNetwork(text) else { preconditionFailure("bad network in a table: \(text)") }
            return Guard(range: range, name: name)
        }
    }
}

/// The ports of the Fetch standard's "bad port" list, section "Port blocking".
private enum BadPorts {
    static func contains(_ port: UInt16) -> Bool { ports.contains(port) }

    private static let ports: Set<UInt16> = [
        0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
        110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530,
        531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190,
        5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
    ]
}
