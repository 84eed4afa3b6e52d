package import Core
internal import Platform
package import Storage
package import Wire

/// Why secrets cannot be had, in the words of the contract where it has any; no credential is in it.
package struct SecretFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// For whoever wanted to open the session.
    package let description: String
}

/// The secrets of a session, in the order in which requests are compared with them.
package final class SessionSecrets: Sendable {
    /// All of them.
    package let all: [Secret]

    /// The members of an entry in a request.
    package static let members = ["type", "url", "allow-http"] + SecretDeclaration.credentialNames.values.sorted()

    /// How many a session may have.
    package static let most = 64
    /// Bytes of the credentials of one.
    package static let largestCredentials = 16 << 10

    /// Takes up the secrets of a session from before a restart, whose credentials are lost; `nil` when it had none.
    package init?(lost rows: [SecretRow]) {
        guard !rows.isEmpty else { return nil }
        all = rows.enumerated().map { index, row in
            Secret(index: index, row: row, pattern: try? SecretPattern(row.url), credentials: nil)
        }
    }

    /// Takes up the secrets of a session from before a restart with their credentials; `nil` when these are not the
    /// credentials for those.
    ///
    /// - Parameters:
    ///   - rows: As recorded.
    ///   - credentials: In the same order.
    init?(kept rows: [SecretRow], credentials: [SecretBytes]) {
        guard rows.count == credentials.count else { return nil }
        var all: [Secret] = []
        for (index, row) in rows.enumerated() {
            guard let pattern = try? SecretPattern(row.url), var bytes = credentials[index].copy() else { return nil }
            all.append(
                Secret(
                    index: index, row: row, pattern: pattern,
                    credentials: SecretCredentials(row.type, taking: &bytes)))
        }
        self.all = all
    }

    /// Reads the list `secrets` of a request for a session (contract `control-api.md`, section 4).
    ///
    /// First every entry is read, then they are checked in their order, up to the first fault.
    ///
    /// - Throws: ``SecretFault``.
    package init(declared entries: [JSONValue]) throws(SecretFault) {
        guard entries.count <= Self.most else {
            throw SecretFault(description: "there are \(entries.count) secrets, and \(Self.most) at most are possible")
        }
        var declarations: [SecretDeclaration] = []
        for entry in entries { declarations.append(try SecretDeclaration(entry)) }
        var all: [Secret] = []
        for declaration in declarations { all.append(try declaration.secret(index: all.count)) }
        self.all = all
    }

    /// What is recorded of them.
    package var rows: [SecretRow] { all.map(\.row) }

    /// Whether the credentials are those from before a restart, and lost.
    package var areLost: Bool { all.contains { $0.credentials == nil } }

    /// The first secret that a request is one of those for, if there is any; the rest is not looked at.
    package func first(for url: RequestURL) -> Secret? { all.first { $0.isFor(url) } }

    /// Overwrites all credentials.
    package func wipe() {
        for secret in all { secret.credentials?.wipe() }
    }
}

/// An entry of the list as it was sent; it lives as long as the list is read.
private struct SecretDeclaration {
    static let credentialNames: [SecretType: String] = [
        .basicAuth: "basic-credentials", .macaroon: "macaroon-credentials", .keystoneV3: "keystone-v3-credentials",
    ]

    private var type = ""
    private var url = ""
    private var allowsHTTP = false
    private var credentials: [String: String] = [:]

    init(_ value: JSONValue) throws(SecretFault) {
        guard case .object(let members) = value else {
            throw SecretFault(description: "a secret must be an object, not \(value.kind)")
        }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) where value != .null {
            switch name {
            case "type": type = try Self.text(name, value)
            case "url":
                url = try Self.text(name, value)
                do throws(GlobError) {
                    _ = try Glob(url)
                } catch {
                    throw SecretFault(description: "'url' of a secret: \(error)")
                }
            case "allow-http":
                guard let allows = value.bool else {
                    throw SecretFault(description: "'allow-http' of a secret must be true or false")
                }
                allowsHTTP = allows
            case _ where Self.credentialNames.values.contains(name): credentials[name] = try Self.text(name, value)
            default: break
            }
        }
    }

    private static func text(_ name: String, _ value: JSONValue) throws(SecretFault) -> String {
        // Never the value: it may be the secret.
        guard let text = value.text else { throw SecretFault(description: "'\(name)' of a secret must be a string") }
        return text
    }

    /// Checks the entry, in the order of the contract and then ours.
    func secret(index: Int) throws(SecretFault) -> Secret {
        func invalid(_ reason: String) -> SecretFault { SecretFault(description: "Invalid secret: \(reason)") }
        guard !type.isEmpty else { throw invalid("missing type") }
        guard let type = SecretType(rawValue: type), let name = Self.credentialNames[type] else {
            throw invalid("invalid type")
        }
        guard !url.isEmpty else { throw invalid("missing url") }
        guard let text = credentials[name], !text.isEmpty else {
            throw invalid("missing credentials for '\(type.rawValue)'")
        }
        let pattern: SecretPattern
        do throws(SecretPatternError) {
            pattern = try SecretPattern(url)
        } catch {
            throw invalid("url: \(error)")
        }
        var bytes = Array(text.utf8)
        guard bytes.count <= SessionSecrets.largestCredentials else {
            throw invalid("'\(name)' has more than \(SessionSecrets.largestCredentials) bytes")
        }
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw invalid("'\(name)' has a line break or another control character, which no request can carry")
        }
        if type == .keystoneV3, !bytes.contains(UInt8(ascii: ":")) {
            throw invalid("'\(name)' must be a user and a password with a colon in between")
        }
        return Secret(
            index: index, row: SecretRow(type: type, url: url, allowsHTTP: allowsHTTP), pattern: pattern,
            credentials: SecretCredentials(type, taking: &bytes))
    }
}
