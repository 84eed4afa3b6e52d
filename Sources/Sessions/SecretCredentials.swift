package import Core
package import Platform
package import Wire

/// The credentials of one secret, in the forms in which they are needed.
///
/// All of them are wiped together, after which nothing can be made of them.
package final class SecretCredentials: Sendable {
    /// The value of `Authorization` for requests; `nil` for a secret that goes into the body.
    package let authorization: SecretBytes?
    /// Name and password as JSON with their quotes, for a secret that goes into the body.
    private let identity: (user: SecretBytes, password: SecretBytes)?
    /// As they were given, for the next process of the service.
    package let original: SecretBytes
    /// What would show the credentials in an answer.
    private let forms: [Form]

    private struct Form {
        let plain: SecretBytes
        /// To be found in text without escapes.
        let unescaped: SecretBytes

        /// Wipes the bytes where they were.
        init(taking bytes: inout [UInt8]) {
            var unescaped = Unescaping.text(of: bytes)
            if unescaped.count < SecretCredentials.shortestForm {
                SecretBytes.wipe(&unescaped)
                unescaped = Array(bytes)
            }
            self.unescaped = SecretBytes(taking: &unescaped)
            plain = SecretBytes(taking: &bytes)
        }
    }

    /// Shorter forms are found in anything.
    private static let shortestForm = 4
    /// A password by itself, which may be a word, is looked for from this length on.
    private static let shortestPassword = 6

    /// Takes credentials of a type, and wipes them where they were.
    ///
    /// - Parameters:
    ///   - type: For ``SecretType/keystoneV3`` with a colon between name and password.
    ///   - bytes: Without control bytes.
    package init(_ type: SecretType, taking bytes: inout [UInt8]) {
        var secret: [UInt8]
        switch type {
        case .basicAuth:
            var value = Array("Basic ".utf8)
            value.reserveCapacity(8 + bytes.count * 4 / 3)
            value += Base64.encode(bytes).utf8
            authorization = SecretBytes(taking: &value)
            identity = nil
            secret = bytes
        case .macaroon:
            var value = Array("macaroon ".utf8)
            value.reserveCapacity(9 + bytes.count)
            value += bytes
            authorization = SecretBytes(taking: &value)
            identity = nil
            secret = bytes
        case .keystoneV3:
            let colon = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            var user = JSONValue.string(String(decoding: bytes[..<colon], as: UTF8.self)).json
            secret = Array(bytes[colon...].dropFirst())
            var password = JSONValue.string(String(decoding: secret, as: UTF8.self)).json
            authorization = nil
            identity = (SecretBytes(taking: &user), SecretBytes(taking: &password))
        }
        var found = SecretForms.of(secret).filter { $0.count >= Self.shortestForm }
        if type == .basicAuth, let colon = secret.firstIndex(of: UInt8(ascii: ":")) {
            var password = Array(secret[colon...].dropFirst())
            if password.count >= Self.shortestPassword { found += SecretForms.of(password) }
            SecretBytes.wipe(&password)
        }
        forms = found.indices.map { Form(taking: &found[$0]) }
        SecretBytes.wipe(&secret)
        original = SecretBytes(taking: &bytes)
    }

    /// Whether the credentials stand in bytes of an answer, in any of their forms, escaped in any way; `true` as well once they
    /// are wiped and nobody can tell.
    package func show(in bytes: [UInt8]) -> Bool {
        let text = Unescaping.text(of: bytes)
        return forms.contains {
            $0.plain.isPart(of: bytes.span) ?? true || $0.unescaped.isPart(of: text.span) ?? true
        }
    }

    /// The body of a request for a token with these credentials in it; `nil` once they are wiped.
    package func body(of body: KeystoneBody) -> SecretBytes? {
        guard let identity else { return nil }
        var bytes: [UInt8] = []
        identity.user.withSpan { user in
            identity.password.withSpan { password in bytes = body.naming(user: user, password: password) }
        }
        guard !bytes.isEmpty else { return nil }
        return SecretBytes(taking: &bytes)
    }

    /// Overwrites all of it.
    package func wipe() {
        original.wipe()
        authorization?.wipe()
        identity?.user.wipe()
        identity?.password.wipe()
        for form in forms {
            form.plain.wipe()
            form.unescaped.wipe()
        }
    }
}

extension SecretCredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Says nothing of them.
    package var description: String { "(credentials)" }

    /// The same as ``description``.
    package var debugDescription: String { description }

    /// A mirror of nothing.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
