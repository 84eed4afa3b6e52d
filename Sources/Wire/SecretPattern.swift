internal import Core

/// Why a pattern does not say which requests a secret is for.
package struct SecretPatternError: Error, Sendable, CustomStringConvertible {
    /// What is wrong; the pattern is in it.
    package let description: String
}

/// The URLs that a secret is for: scheme, host and port as they are written, and a glob over path and query.
///
///     https://git.example:443/~builder/project/**
///     https://*.store.example/api/*
///
/// The host is literal, or `*.` and a literal rest, so that no wildcard lets credentials go to a host that nobody named. A
/// port that is left out is the scheme's own; a path that is left out is `/`. Wildcards in the path reach into the query.
package struct SecretPattern: Sendable, Hashable {
    /// As it was written.
    package let pattern: String
    /// The scheme of its URLs.
    package let scheme: Scheme
    /// The host, or what follows `*` (from the dot on).
    private let host: String
    private let hasAnyLabel: Bool
    private let port: UInt16
    private let target: Glob

    /// Reads a pattern.
    ///
    /// - Throws: ``SecretPatternError``.
    package init(_ pattern: String) throws(SecretPatternError) {
        self.pattern = pattern
        func wrong(_ reason: String) -> SecretPatternError {
            SecretPatternError(description: "\(reason) in '\(pattern)'")
        }
        guard pattern.utf8.allSatisfy({ $0 > ASCII.space && $0 != 0x7F }) else {
            throw wrong("there is a blank or a control byte")
        }
        guard !pattern.utf8.contains(ASCII.hash) else { throw wrong("there is a fragment, which no request has,") }
        let bytes = pattern.utf8Span.span
        guard let scheme = Scheme.allCases.last(where: { ASCII.hasPrefixIgnoringCase(bytes, $0.rawValue + "://") })
        else { throw wrong("https:// or http:// is missing") }
        self.scheme = scheme
        let rest = pattern.utf8.dropFirst(scheme.rawValue.utf8.count + 3)
        let end = rest.firstIndex(of: ASCII.slash) ?? rest.endIndex
        var name = String(Substring(rest[..<end]))
        guard !name.utf8.contains(ASCII.at) else { throw wrong("there is a user or a password") }
        hasAnyLabel = name.hasPrefix("*.")
        if hasAnyLabel { name.removeFirst(2) }
        let authority: Authority
        do throws(MessageError) {
            authority = try Authority(parsing: name, defaultPort: scheme.defaultPort)
        } catch {
            throw wrong("host and port must be literal, or '*.' and a literal rest (\(error.reason)),")
        }
        host = hasAnyLabel ? "." + authority.host : authority.host
        port = authority.port
        let path = String(Substring(rest[end...]))
        do throws(GlobError) {
            target = try Glob(path.isEmpty ? "/" : path)
        } catch {
            throw SecretPatternError(description: error.description)
        }
        // The pattern stands in the record and the report, where a secret of its own would be shown.
        var holdsSecret = false
        _ = Redaction.url(path) { value in
            if value.contains(where: { $0 != "*" }) { holdsSecret = true }
            return value
        }
        guard !holdsSecret, !target.alternatives.contains(where: Self.mayHoldSecretParameter) else {
            throw wrong("there is a parameter that may be a secret one, whose value must be written as '*',")
        }
    }

    /// Whether a request is one of those that the secret is for.
    ///
    /// URLs that servers may read differently (``RequestURL/isOrdinary``) are not.
    package func matches(_ url: RequestURL) -> Bool {
        guard url.isOrdinary, url.scheme == scheme, url.authority.port == port else { return false }
        let name = url.authority.host
        guard hasAnyLabel ? name.hasSuffix(host) && name.utf8.count > host.utf8.count : name == host else {
            return false
        }
        return target.matches(url.target)
    }
}
