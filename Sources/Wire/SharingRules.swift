/// Which requests keep their answers to themselves, whatever the answers say.
package enum SharingRules {
    /// A head over this many bytes keeps its answer private; the caller knows the size.
    package static let largestSharedHead = 8 * 1024

    /// Whether the request has a field by which some servers change their output without `Vary`, or a body.
    ///
    /// - Parameters:
    ///   - fields: the client's fields, before anything is stripped.
    ///   - additional: further field names in lower case, from the configuration.
    /// - Returns: whether the answer must not be shared between sessions.
    package static func requestKeepsPrivate(_ fields: Fields, additional: Set<String> = []) -> Bool {
        var isPrivate = false
        fields.forEachRaw { name, value in
            guard !isPrivate else { return }
            if rewriting.contains(name) || rewrites(byPrefix: name) {
                isPrivate = true
            } else if ASCII.equalIgnoringCase(name, "content-length".utf8Span.span) {
                isPrivate = ASCII.decimal(value) != 0
            } else if !additional.isEmpty {
                isPrivate = additional.contains(ASCII.lowercased(String(copying: name)))
            }
        }
        return isPrivate
    }

    /// The client's own credentials, in the order in which they came, names in lower case.
    ///
    /// Answers to them live in a partition of these values. `Proxy-Authorization` is ours and not among them.
    package static func credentialFields(_ fields: Fields, additional: Set<String> = []) -> [(
        name: String, value: String
    )] {
        var found: [(name: String, value: String)] = []
        fields.forEachRaw { name, value in
            guard
                isCredential(name)
                    || !additional.isEmpty && additional.contains(ASCII.lowercased(String(copying: name)))
            else { return }
            var bytes: [UInt8] = []
            bytes.append(injectively: value)
            found.append((ASCII.lowercased(String(copying: name)), String(copying: bytes.span)))
        }
        return found
    }

    /// Whether a response in the shared partition may answer a request that carries credentials.
    ///
    /// Only a 200 that says `public`, `s-maxage` or `immutable`: the same for everybody by its own word.
    package static func sharedMayAnswerCredentials(status: Int, storedFields: Fields) -> Bool {
        let control = CacheControl(storedFields)
        return status == 200 && (control.isPublic || control.sMaxAge != nil || control.immutable)
    }

    /// Removes the fields by which some servers take a request for another one.
    package static func removeRewriting(from fields: inout Fields) {
        fields.removeAll { name in
            (rewriting.contains(name) || rewrites(byPrefix: name))
                && !ASCII.equalIgnoringCase(name, "transfer-encoding".utf8Span.span)
        }
    }

    /// Fields that some servers use to rewrite their output: whose request it seems to be, and for which URL or method.
    ///
    /// `Transfer-Encoding` is among them since it announces a body.
    private static let rewriting = FieldNameSet([
        "transfer-encoding",
        "forwarded", "x-host", "x-http-host-override", "x-http-method-override", "x-http-method", "x-method-override",
        "x-http-destinationurl", "x-outside-url", "x-rewrite-url", "x-url-scheme", "x-scheme", "x-proxyuser-ip",
        "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-remote-ip", "x-remote-addr", "client-ip",
        "true-client-ip",
        "cf-connecting-ip", "fastly-client-ip", "x-wap-profile", "x-backend-host", "x-server-name", "front-end-https",
        "x-script-name", "x-envoy-original-path", "base-url", "request-uri", "x-proxy-url", "destination", "proxy-host",
    ])
    private static func rewrites(byPrefix name: Span<UInt8>) -> Bool {
        guard name[0] | 0x20 == 0x78 else { return false }
        return rewritingPrefixes.contains { ASCII.hasPrefixIgnoringCase(name, $0) }
    }

    /// All begin with `x`.
    private static let rewritingPrefixes = ["x-forwarded-", "x-original-", "x-accel-", "x-arr-"]

    /// Whether clients send credentials in the field: one of the table, or one whose name says so.
    static func isCredential(_ name: Span<UInt8>) -> Bool {
        if credentials.contains(name) { return true }
        if hasTellingEnding(name) { return true }
        return ASCII.hasPrefixIgnoringCase(name, "x-goog-")
            && !harmlessGoogle.contains { ASCII.hasPrefixIgnoringCase(name, $0) }
    }

    private static let credentials = FieldNameSet([
        "authorization", "cookie", "cookie2", "x-auth", "x-auth-key", "apikey", "x-nuget-apikey", "x-jfrog-art-api",
        "x-amz-server-side-encryption-customer-key", "x-ms-encryption-key", "x-ms-authorization-auxiliary",
        "x-registry-auth", "npm-otp", "macaroons", "snap-device-authorization", "x-device-authorization",
        "x-ubuntu-one-macaroon", "x-chef-authorization",
    ])
    /// `PRIVATE-TOKEN`, `X-Auth-Token`, `X-Subject-Token`, `X-Amz-Security-Token`, `X-Api-Key` and their like.
    private static func hasTellingEnding(_ name: Span<UInt8>) -> Bool {
        switch name[name.count - 1] | 0x20 {
        case UInt8(ascii: "n"): ASCII.hasSuffixIgnoringCase(name, "-token")
        case UInt8(ascii: "t"): ASCII.hasSuffixIgnoringCase(name, "-secret")
        case UInt8(ascii: "d"): ASCII.hasSuffixIgnoringCase(name, "-password")
        case UInt8(ascii: "y"):
            ASCII.hasSuffixIgnoringCase(name, "-api-key") || ASCII.hasSuffixIgnoringCase(name, "-apikey")
                || ASCII.hasSuffixIgnoringCase(name, "-access-key")
        default: false
        }
    }
    /// Beginnings of `X-Goog-…` fields that hold no secret; all others may.
    private static let harmlessGoogle = [
        "x-goog-hash", "x-goog-generation", "x-goog-metageneration", "x-goog-stored-content-", "x-goog-storage-class",
        "x-goog-api-client", "x-goog-component-count", "x-goog-expiration", "x-goog-request-params",
    ]
}
