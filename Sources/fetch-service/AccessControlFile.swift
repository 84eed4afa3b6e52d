import Core
import Yams

/// `acl.yaml`: to which addresses the proxy may connect (contract `proxy.md`, section 6).
///
/// Rules are tried in order, the first that names the address decides, else the policy; a missing policy allows. A rule
/// without `access` is a fault, and so is an unknown key: the reference reads both as allowing, which nobody means.
enum AccessControlFile {
    static let name = "acl.yaml"

    /// Reads the file of a configuration folder; without one everything is allowed that RULES allows.
    static func read(folder: String) throws(ConfigurationFaults) -> DestinationPolicy {
        let path = "\(folder)/\(name)"
        return try policy(path) { () throws(ConfigurationFault) in try ConfigurationFile.document(at: path) }
    }

    /// Reads what would be the content of the file at a path.
    static func read(text: [UInt8], path: String) throws(ConfigurationFaults) -> DestinationPolicy {
        try policy(path) { () throws(ConfigurationFault) in try ConfigurationFile.document(text, path) }
    }

    private static func policy(
        _ path: String, _ document: () throws(ConfigurationFault) -> Node?
    ) throws(ConfigurationFaults) -> DestinationPolicy {
        let found: Node?
        do throws(ConfigurationFault) {
            found = try document()
        } catch {
            throw ConfigurationFaults(faults: [error])
        }
        guard let found else { return DestinationPolicy() }
        var reader = Reader(path: path)
        let policy = reader.policy(found)
        guard reader.faults.isEmpty else { throw ConfigurationFaults(faults: reader.faults) }
        return policy
    }

    /// Reads as much as can be read and collects what is wrong.
    private struct Reader {
        let path: String
        var faults: [ConfigurationFault] = []

        mutating func policy(_ document: Node) -> DestinationPolicy {
            guard let top = document.mapping else {
                complain(document, "expected a mapping")
                return DestinationPolicy()
            }
            refuseOthers(in: top, than: ["http-proxy"])
            guard let section = top["http-proxy"], !section.isNothing else { return DestinationPolicy() }
            guard let proxy = section.mapping else {
                complain(section, "'http-proxy' must be a mapping")
                return DestinationPolicy()
            }
            refuseOthers(in: proxy, than: ["policy", "rules"])
            let access = proxy["policy"].flatMap { self.access($0) } ?? .allow
            guard let list = proxy["rules"], !list.isNothing else { return DestinationPolicy(policy: access) }
            guard let nodes = list.sequence else {
                complain(list, "'rules' must be a list")
                return DestinationPolicy(policy: access)
            }
            return DestinationPolicy(policy: access, rules: nodes.compactMap { rule($0) })
        }

        private mutating func rule(_ node: Node) -> DestinationPolicy.Rule? {
            guard let rule = node.mapping else {
                complain(node, "a rule must be a mapping with 'dst' and 'access'")
                return nil
            }
            refuseOthers(in: rule, than: ["dst", "access"])
            if rule["access"] == nil { complain(node, "the rule has no 'access'; say allow or deny") }
            if rule["dst"] == nil { complain(node, "the rule has no 'dst'; give a list of networks") }
            let networks = rule["dst"].map { self.networks($0) }
            guard let access = rule["access"].flatMap({ self.access($0) }), let networks else { return nil }
            return DestinationPolicy.Rule(access, networks)
        }

        private mutating func networks(_ destinations: Node) -> [IPNetwork] {
            guard let entries = destinations.sequence else {
                complain(destinations, "'dst' must be a list of networks or addresses")
                return []
            }
            return entries.compactMap { entry in
                if let text = entry.scalar?.string, let network = IPNetwork(text) { return network }
                complain(entry, "'\(entry.scalar?.string ?? "…")' is no network; write 10.0.0.0/8 or fd00::/8")
                return nil
            }
        }

        private mutating func access(_ node: Node) -> DestinationPolicy.Access? {
            if let text = node.scalar?.string, let access = DestinationPolicy.Access(rawValue: text) { return access }
            complain(node, "'\(node.scalar?.string ?? "…")' is neither allow nor deny")
            return nil
        }

        /// What is misspelt would allow what it was to deny.
        private mutating func refuseOthers(in mapping: Node.Mapping, than names: [String]) {
            for key in mapping.keys where !names.contains(key.scalar?.string ?? "") {
                complain(key, "unknown key '\(key.scalar?.string ?? "…")'; there are \(names.joined(separator: ", "))")
            }
        }

        private mutating func complain(_ node: Node, _ what: String) {
            faults.append(ConfigurationFault(path, at: node, what))
        }
    }
}

extension Node {
    /// Whether it is an empty value, as behind a key that nothing follows.
    fileprivate var isNothing: Bool { scalar.map { ["", "~", "null"].contains($0.string) } ?? false }
}
