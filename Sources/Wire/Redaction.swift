/// Takes secrets out of what is recorded: the one table of secret fields and query parameters.
///
/// A secret is replaced by `mark(secret)`, which gives `redacted:` and eight hexadecimal digits of a keyed hash.
package enum Redaction {
    /// Whether a field of that name is shown as it came: it holds neither a secret nor URLs.
    package static func isHarmless(_ name: Span<UInt8>) -> Bool { !isSecret(name) && !urlFields.contains(name) }

    /// A field's value with its secrets replaced.
    ///
    /// Secret fields lose their whole value; fields that hold URLs lose userinfo and secret query parameters.
    package static func value(of name: Span<UInt8>, _ value: Span<UInt8>, mark: (String) -> String) -> String {
        let value = String(copying: value)
        if isSecret(name) { return mark(value) }
        return urlFields.contains(name) ? urls(in: value, mark: mark) : value
    }

    /// Whether the whole value of a field is a secret.
    package static func isSecretField(_ name: String) -> Bool { !name.isEmpty && isSecret(name.utf8Span.span) }

    private static func isSecret(_ name: Span<UInt8>) -> Bool {
        secretFields.contains(name) || SharingRules.isCredential(name)
    }

    /// Whether a query parameter of that name, percent-encoded or not, holds a secret.
    package static func isSecretParameter(_ name: some StringProtocol) -> Bool {
        let lower = ASCII.lowercased(decoded(name))
        return secretParameters.contains(lower) || secretEndings.contains { lower.hasSuffix($0) }
    }

    /// Whether the name of a parameter that holds a secret may end so, percent-encoded or not.
    package static func isSecretParameter(endingIn end: some StringProtocol) -> Bool {
        let lower = ASCII.lowercased(decoded(end))
        return isSecretParameter(end) || secretParameters.contains { $0.hasSuffix(lower) }
            || secretEndings.contains { $0.hasSuffix(lower) }
    }

    /// A URL, absolute or relative, without userinfo and without the values of secret parameters.
    ///
    /// Parameters are looked for in the query and in the fragment, separated by `&`, or by `;` inside of values that are
    /// not secret as a whole.
    package static func url(_ text: String, mark: (String) -> String) -> String {
        let utf8 = text.utf8
        guard let mark1 = utf8.firstIndex(where: { $0 == ASCII.question || $0 == ASCII.hash }) else {
            return withoutUserinfo(text, mark: mark)
        }
        var out = withoutUserinfo(String(text[..<mark1]), mark: mark)
        var start = mark1
        // The query and the fragment are each redacted as parameters.
        while start < utf8.endIndex {
            let next = utf8.index(after: start)
            let end =
                utf8[start] == ASCII.question
                ? utf8[next...].firstIndex(of: ASCII.hash) ?? utf8.endIndex : utf8.endIndex
            out += text[start..<next]
            out += parameters(text[next..<end], mark: mark)
            start = end
        }
        return out
    }

    private static func parameters(_ text: Substring, mark: (String) -> String) -> String {
        text.split(separator: "&", omittingEmptySubsequences: false).map { pair in
            if let hidden = parameter(pair, mark: mark) { return hidden }
            return pair.split(separator: ";", omittingEmptySubsequences: false).map { part in
                parameter(part, mark: mark) ?? String(part)
            }.joined(separator: ";")
        }.joined(separator: "&")
    }

    /// `name=mark` for a secret parameter with a value, else nil.
    private static func parameter(_ pair: Substring, mark: (String) -> String) -> String? {
        guard let equals = pair.utf8.firstIndex(of: ASCII.equals) else { return nil }
        let value = pair[pair.utf8.index(after: equals)...]
        guard !value.isEmpty, isSecretParameter(pair[..<equals]) else { return nil }
        return pair[...equals] + mark(String(value))
    }

    private static func withoutUserinfo(_ text: String, mark: (String) -> String) -> String {
        // An authority follows `scheme://`, or `//` at the very beginning; other double slashes are of the path.
        guard let slashes = text.range(ofFirst: text.hasPrefix("//") ? "//" : "://") else { return text }
        let start = slashes.upperBound
        let end = text.utf8[start...].firstIndex { $0 == ASCII.slash || $0 == ASCII.backslash } ?? text.utf8.endIndex
        guard let at = text.utf8[start..<end].lastIndex(of: ASCII.at) else { return text }
        return text[..<start] + mark(String(text[start..<at])) + text[at...]
    }

    /// Redacts a field value that is a URL or holds URLs: `Link: <…>; rel=…`, `Refresh: 0; url=…`.
    private static func urls(in value: String, mark: (String) -> String) -> String {
        if value.utf8.contains(0x3C) {
            var out = ""
            for (index, piece) in value.split(separator: "<", omittingEmptySubsequences: false).enumerated() {
                if index > 0 { out += "<" }
                let end = piece.utf8.firstIndex(of: 0x3E) ?? piece.endIndex
                out += index > 0 ? url(String(piece[..<end]), mark: mark) : String(piece[..<end])
                out += piece[end...]
            }
            return out
        }
        if let marker = ASCII.lowercased(value).range(ofFirst: "url=") {
            return value[..<marker.upperBound] + url(String(value[marker.upperBound...]), mark: mark)
        }
        return url(value, mark: mark)
    }

    private static func decoded(_ text: some StringProtocol) -> String {
        let bytes = Array(text.utf8)
        guard bytes.contains(ASCII.percent) else { return String(text) }
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if let byte = ASCII.escapedByte(bytes.span, at: index) {
                out.append(byte)
                index += 3
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static let secretFields = FieldNameSet([
        "proxy-authorization", "set-cookie", "set-cookie2", "authentication-info", "proxy-authentication-info",
        "x-fetch-session-id", "x-secret", "x-hub-signature", "x-hub-signature-256", "x-signature",
    ])
    private static let urlFields = FieldNameSet([
        "location", "content-location", "referer", "link", "refresh", "destination", "x-original-url", "x-rewrite-url",
        "x-outside-url", "x-forwarded-uri", "x-forwarded-url", "docker-content-location", "sourcemap", "x-sourcemap",
        "x-amz-website-redirect-location",
    ])

    /// Names of query parameters that hold secrets.
    private static let secretParameters: Set<String> = [
        "sig", "auth", "authorization", "key", "api-key", "api_key", "apikey", "access_key", "accesskey", "secret_key",
        "private_key", "code", "jwt", "hmac", "pass", "passwd", "password", "pwd", "pw", "secret", "session",
        "sessionid",
        "session_id", "sid", "ticket", "otp", "awsaccesskeyid", "googleaccessid", "hdnts", "hdnea", "__gda__",
        "credential", "credentials", "assertion", "client_assertion", "samlrequest", "samlresponse",
    ]
    /// Endings of such names: `X-Amz-Signature`, `access_token`, `client_secret` and their like.
    private static let secretEndings = [
        "signature", "token", "secret", "password", "passphrase", "apikey", "api_key", "api-key", "-credential",
    ]
}

extension String {
    /// Where an ASCII text stands first.
    fileprivate func range(ofFirst needle: String) -> Range<String.Index>? {
        let wanted = Array(needle.utf8)
        var start = utf8.startIndex
        while start < utf8.endIndex {
            if utf8[start...].starts(with: wanted) { return start..<utf8.index(start, offsetBy: wanted.count) }
            start = utf8.index(after: start)
        }
        return nil
    }
}
