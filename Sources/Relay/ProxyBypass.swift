import Core
import Wire

/// The origins that are reached without a proxy: a `NO_PROXY` list.
///
/// Items stand between commas or spaces: `*` (all), `host` (it and what is below it), `.host` and `*.host` (only what is
/// below), an address, a network as `10.0.0.0/8` (for literal addresses), each with an optional `:port`.
struct ProxyBypass: Sendable, Hashable {
    private enum Pattern: Sendable, Hashable {
        case all
        case host(String)
        case below(String)
        case network(IPNetwork)
    }

    private struct Item: Sendable, Hashable {
        var pattern: Pattern
        var port: UInt16?
    }

    private let items: [Item]

    /// Reads a list; items that make no sense match nothing.
    init(_ text: String) {
        items = text.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }).compactMap {
            Self.parse(String($0))
        }
    }

    func matches(_ authority: Authority) -> Bool {
        let address = IPAddress(authority.host)?.canonical
        return items.contains { item in
            guard item.port == nil || item.port == authority.port else { return false }
            return switch item.pattern {
            case .all: true
            case .host(let name): authority.host == name || (address == nil && authority.host.hasSuffix("." + name))
            case .below(let name): address == nil && authority.host.hasSuffix("." + name)
            case .network(let network): address.map(network.contains) ?? false
            }
        }
    }

    private static func parse(_ text: String) -> Item? {
        let lower = text.lowercased()
        if let network = IPNetwork(lower) { return Item(pattern: .network(network), port: nil) }
        let (name, port) = splitPort(lower)
        if let network = IPNetwork(name) { return Item(pattern: .network(network), port: port) }
        if name == "*" { return Item(pattern: .all, port: port) }
        var host = name[...]
        if host.hasSuffix(".") { host = host.dropLast() }
        if host.hasPrefix("*.") { return below(host.dropFirst(2), port) }
        if host.hasPrefix(".") { return below(host.dropFirst(), port) }
        return host.isEmpty ? nil : Item(pattern: .host(String(host)), port: port)
    }

    private static func below(_ host: Substring, _ port: UInt16?) -> Item? {
        host.isEmpty ? nil : Item(pattern: .below(String(host)), port: port)
    }

    /// Takes `[::1]:8080` and `host:8080` apart.
    private static func splitPort(_ text: String) -> (name: String, port: UInt16?) {
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            let name = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            return (name, rest.hasPrefix(":") ? UInt16(rest.dropFirst()) : nil)
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return (text, nil)
        }
        return (String(text[..<colon]), port)
    }
}
