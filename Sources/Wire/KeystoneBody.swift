internal import Core

/// Why the body of a request cannot be given other credentials.
package struct KeystoneBodyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong; nothing of the body is in it.
    package let description: String
}

/// The JSON body of a request for a token of a Keystone identity service, and where the identity stands in it.
///
///     {"auth": {"identity": {"methods": […], "password": {"user": {"domain": {…}, …}}}, "scope": {…}}}
///
/// Only the value of `identity` is ever replaced; every byte around it stays.
///
/// - SeeAlso: OpenStack Identity API v3, "Password authentication with scoped authorization".
package struct KeystoneBody: Sendable {
    private let bytes: [UInt8]
    private let identity: Range<Int>
    private let domain: Range<Int>?

    /// Finds the identity.
    ///
    /// - Throws: ``KeystoneBodyError`` when the bytes are no JSON object, or one of the members on the way is missing, no
    ///   object, or there twice.
    package init(_ bytes: [UInt8]) throws(KeystoneBodyError) {
        do throws(JSONSyntaxError) {
            _ = try JSONValue(parsing: bytes)
        } catch {
            throw KeystoneBodyError(description: "the body is no JSON")
        }
        self.bytes = bytes
        var place = 0..<bytes.count
        var path = ""
        for name in ["auth", "identity"] { place = try Self.member(name, bytes, place, &path) }
        identity = place
        for name in ["password", "user"] { place = try Self.member(name, bytes, place, &path) }
        let user = RawObject(Array(bytes[place]))
        guard user.count(of: "domain") < 2 else {
            throw KeystoneBodyError(description: "the body has \(path).domain twice")
        }
        let start = place.lowerBound
        domain = user.range(of: "domain").map { start + $0.lowerBound..<start + $0.upperBound }
    }

    private static func member(
        _ name: String, _ bytes: [UInt8], _ place: Range<Int>, _ path: inout String
    ) throws(KeystoneBodyError) -> Range<Int> {
        let object = RawObject(Array(bytes[place]))
        path += path.isEmpty ? name : "." + name
        guard object.count(of: name) < 2 else { throw KeystoneBodyError(description: "the body has \(path) twice") }
        guard let range = object.range(of: name) else {
            throw KeystoneBodyError(description: "the body has no \(path)")
        }
        let found = place.lowerBound + range.lowerBound..<place.lowerBound + range.upperBound
        guard bytes[found.lowerBound] == UInt8(ascii: "{") else {
            throw KeystoneBodyError(description: "\(path) of the body is no object")
        }
        return found
    }

    /// Gives the body another identity: this user and password, in the domain that it named, as it was written.
    ///
    ///
    /// - Parameters:
    ///   - user: The name, as JSON with its quotes.
    ///   - password: The password, as JSON with its quotes.
    /// - Returns: The body, allocated once, so that whoever wipes it wipes all there is.
    package func naming(user: Span<UInt8>, password: Span<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count + user.count + password.count + 96)
        out += bytes[..<identity.lowerBound]
        out += #"{"methods":["password"],"password":{"user":{"name":"#.utf8
        out.append(copying: user)
        out += #","password":"#.utf8
        out.append(copying: password)
        if let domain {
            out += #","domain":"#.utf8
            out += bytes[domain]
        }
        out += "}}}".utf8
        out += bytes[identity.upperBound...]
        return out
    }
}
