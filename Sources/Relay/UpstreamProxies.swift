package import Core
package import Wire

/// A proxy between us and the origins.
package struct UpstreamProxy: Hashable, Sendable, CustomStringConvertible {
    /// Where it listens; reached over plain TCP.
    package let authority: Authority
    /// What `Proxy-Authorization` says to it.
    package let authorization: String?

    /// Makes a proxy; `authorization` is a whole field value.
    package init(authority: Authority, authorization: String? = nil) {
        self.authority = authority
        self.authorization = authorization
    }

    /// Its place, without credentials.
    package var description: String { "upstream proxy \(authority.text)" }
}

/// Why a proxy setting cannot be used.
package struct UpstreamProxyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The environment variable.
    package var variable: String
    /// What is wrong and what to do; without credentials.
    package var reason: String

    /// One line for the operator.
    package var description: String { "\(variable): \(reason)" }
}

/// Which upstream proxy, if any, leads to an origin: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in either case.
package struct UpstreamProxies: Sendable, Hashable {
    /// For plain origins.
    package let http: UpstreamProxy?
    /// For TLS origins.
    package let https: UpstreamProxy?
    private let bypass: ProxyBypass

    /// No upstream proxies.
    package static let none = UpstreamProxies(http: nil, https: nil, bypass: ProxyBypass(""))

    private init(http: UpstreamProxy?, https: UpstreamProxy?, bypass: ProxyBypass) {
        self.http = http
        self.https = https
        self.bypass = bypass
    }

    /// Reads the environment; of two spellings the lower-case one counts, as with most tools.
    package init(environment: [String: String]) throws(UpstreamProxyError) {
        func value(_ name: String) -> (variable: String, text: String)? {
            for variable in [name, name.uppercased()] {
                if let text = environment[variable], !text.isEmpty { return (variable, text) }
            }
            return nil
        }
        http = try value("http_proxy").map(Self.parse)
        https = try value("https_proxy").map(Self.parse)
        bypass = ProxyBypass(value("no_proxy")?.text ?? "")
    }

    /// The proxy on the way to an origin; nil to connect directly.
    package func proxy(for scheme: Scheme, authority: Authority) -> UpstreamProxy? {
        guard let proxy = scheme == .http ? http : https, !bypass.matches(authority) else { return nil }
        return proxy
    }

    /// Refuses settings that would send our own requests back to us.
    ///
    /// `addresses` are those of this machine; names of proxies are compared as text here, and what they resolve to must be
    /// checked by ``refuseOurselves(_:addresses:ports:)`` of the resolved address.
    package func refuseOurselves(addresses: [IPAddress], ports: Set<UInt16>) throws(UpstreamProxyError) {
        for (variable, proxy) in [("HTTP_PROXY", http), ("HTTPS_PROXY", https)] {
            guard let proxy, ports.contains(proxy.authority.port) else { continue }
            let host = proxy.authority.host
            let isOurs = host == "localhost" || IPAddress(host).map { Self.isOurs($0, addresses) } ?? false
            if isOurs { throw Self.loop(variable, proxy) }
        }
    }

    /// The same for what the name of a proxy resolved to.
    package static func refuseOurselves(
        _ proxy: UpstreamProxy, resolvedTo found: [IPAddress], addresses: [IPAddress], ports: Set<UInt16>
    ) throws(UpstreamProxyError) {
        guard ports.contains(proxy.authority.port), found.contains(where: { isOurs($0, addresses) }) else { return }
        throw loop("the upstream proxy", proxy)
    }

    private static func isOurs(_ address: IPAddress, _ addresses: [IPAddress]) -> Bool {
        let plain = address.canonical
        return addresses.contains { $0.canonical == plain } || localRanges.contains { $0.contains(plain) }
    }

    private static let localRanges = ["127.0.0.0/8", "::1", "0.0.0.0/8", "::"].compactMap(IPNetwork.init(_:))

    private static func loop(_ variable: String, _ proxy: UpstreamProxy) -> UpstreamProxyError {
        UpstreamProxyError(
            variable: variable,
            reason: "\(proxy.authority.text) is this service itself; unset the variable or name another proxy")
    }

    /// Reads `http://user:password@host:port/`; the scheme and the rest are optional, the port is 80 by default.
    private static func parse(_ setting: (variable: String, text: String)) throws(UpstreamProxyError) -> UpstreamProxy {
        func refuse(_ reason: String) -> UpstreamProxyError {
            UpstreamProxyError(variable: setting.variable, reason: reason)
        }
        var rest = setting.text[...]
        if let end = rest.range(of: "://") {
            let scheme = rest[..<end.lowerBound].lowercased()
            guard scheme == "http" else {
                throw refuse(
                    "proxies of the kind \(escapedForDisplay(scheme, limit: 32)) are not supported; use http://")
            }
            rest = rest[end.upperBound...]
        }
        if let slash = rest.firstIndex(of: "/") {
            guard rest.index(after: slash) == rest.endIndex else {
                throw refuse("a proxy has no path; use http://host:port")
            }
            rest = rest[..<slash]
        }
        var authorization: String?
        if let at = rest.lastIndex(of: "@") {
            guard let user = percentDecoded(rest[..<at]) else {
                throw refuse("the user name or password has a bad percent escape")
            }
            let hasColon = user.contains(UInt8(ascii: ":"))
            authorization = "Basic " + Base64.encode(hasColon ? user : user + [UInt8(ascii: ":")])
            rest = rest[rest.index(after: at)...]
        }
        do {
            let authority = try Authority(parsing: String(rest), defaultPort: 80)
            return UpstreamProxy(authority: authority, authorization: authorization)
        } catch {
            throw refuse("\(error.reason); use http://host:port")
        }
    }

    private static func percentDecoded(_ text: Substring) -> [UInt8]? {
        var result: [UInt8] = []
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                result.append(byte)
                continue
            }
            guard let high = bytes.popFirst(), let low = bytes.popFirst(),
                let first = Character(UnicodeScalar(high)).hexDigitValue,
                let second = Character(UnicodeScalar(low)).hexDigitValue
            else { return nil }
            result.append(UInt8(first << 4 | second))
        }
        return result
    }
}

extension Substring {
    fileprivate func range(of pattern: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(pattern) { return start..<index(start, offsetBy: pattern.count) }
            formIndex(after: &start)
        }
        return nil
    }
}
