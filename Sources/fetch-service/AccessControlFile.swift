import Core
import Yams

/// `acl.yaml`: to which addresses the proxy may connect (contract `proxy.md`, section 6).
///
/// Rules are tried in order, the first that names the address decides, else the policy; a missing policy allows. A rule
/// without `access` is a fault: the reference reads it as allowing, which nobody means.
enum AccessControlFile {
    static let name = "acl.yaml"

    /// Reads the file of a configuration folder; without one everything is allowed that RULES allows.
    static func read(folder: String) throws(ConfigurationFault) -> DestinationPolicy {
        let path = "\(folder)/\(name)"
        guard let document = try ConfigurationFile.document(at: path) else { return DestinationPolicy() }
        return try policy(document, path)
    }

    static func policy(_ document: Node, _ path: String) throws(ConfigurationFault) -> DestinationPolicy {
        guard let top = document.mapping else { throw ConfigurationFault(path, at: document, "expected a mapping") }
        guard let section = top["http-proxy"], !section.isNothing else { return DestinationPolicy() }
        guard let proxy = section.mapping else {
            throw ConfigurationFault(path, at: section, "'http-proxy' must be a mapping")
        }
        let access = try proxy["policy"].map { (node) throws(ConfigurationFault) in try Self.access(node, path) }
        guard let list = proxy["rules"], !list.isNothing else { return DestinationPolicy(policy: access ?? .allow) }
        guard let nodes = list.sequence else { throw ConfigurationFault(path, at: list, "'rules' must be a list") }
        var rules: [DestinationPolicy.Rule] = []
        for node in nodes { rules.append(try rule(node, path)) }
        return DestinationPolicy(policy: access ?? .allow, rules: rules)
    }

    private static func rule(_ node: Node, _ path: String) throws(ConfigurationFault) -> DestinationPolicy.Rule {
        guard let rule = node.mapping else {
            throw ConfigurationFault(path, at: node, "a rule must be a mapping with 'dst' and 'access'")
        }
        guard let access = rule["access"] else {
            throw ConfigurationFault(path, at: node, "the rule has no 'access'; say allow or deny")
        }
        guard let destinations = rule["dst"] else {
            throw ConfigurationFault(path, at: node, "the rule has no 'dst'; give a list of networks")
        }
        guard let entries = destinations.sequence else {
            throw ConfigurationFault(path, at: destinations, "'dst' must be a list of networks or addresses")
        }
        var networks: [IPNetwork] = []
        for entry in entries {
            guard let text = entry.scalar?.string, let network = IPNetwork(text) else {
                throw ConfigurationFault(
                    path, at: entry, "'\(entry.scalar?.string ?? "…")' is no network; write 10.0.0.0/8 or fd00::/8")
            }
            networks.append(network)
        }
        return DestinationPolicy.Rule(try self.access(access, path), networks)
    }

    private static func access(_ node: Node, _ path: String) throws(ConfigurationFault) -> DestinationPolicy.Access {
        guard let text = node.scalar?.string, let access = DestinationPolicy.Access(rawValue: text) else {
            throw ConfigurationFault(path, at: node, "'\(node.scalar?.string ?? "…")' is neither allow nor deny")
        }
        return access
    }
}

extension Node {
    /// Whether it is an empty value, as behind a key that nothing follows.
    fileprivate var isNothing: Bool { scalar.map { ["", "~", "null"].contains($0.string) } ?? false }
}
