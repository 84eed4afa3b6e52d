internal import Core
internal import Wire

/// The payload of `create-session`: a JSON object, or the older `<id>:<token>:<timeout>:<mode>`.
struct LocalSessionPayload: Sendable, Equatable {
    /// `nil` has one chosen.
    var id: SessionID?
    /// `nil` has one made.
    var token: String?
    /// Lifetime in seconds; 0 for the default.
    var timeout: UInt64 = 0
    var policy = SessionPolicy.strict
    /// The session's own `inspectors.yaml`.
    var configuration: [UInt8]?

    /// Why something is no payload.
    struct Fault: Error, Sendable, CustomStringConvertible { var description: String }

    init(_ text: String) throws(Fault) {
        if text.utf8.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") {
            try readJSON(text)
        } else {
            try readWords(text)
        }
    }

    private mutating func readJSON(_ text: String) throws(Fault) {
        let document: JSONValue
        do {
            document = try JSONValue(firstIn: Array(text.utf8))
        } catch {
            throw Fault(description: error.description)
        }
        guard case .object(let members) = document else {
            throw Fault(description: "it is \(document.kind): expected a JSON object")
        }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) where value != .null {
            switch name {
            case "session-id": id = try Self.id(try Self.text(name, value))
            case "token": token = try Self.token(try Self.text(name, value))
            case "timeout": timeout = try Self.seconds(value)
            case "mode": policy = try Self.policy(try Self.text(name, value))
            case "inspectors-configuration":
                let encoded = try Self.text(name, value)
                guard let bytes = Base64.decode(encoded) else {
                    throw Fault(description: "'inspectors-configuration' is not base64")
                }
                configuration = bytes.isEmpty ? nil : bytes
            default: break
            }
        }
    }

    private mutating func readWords(_ text: String) throws(Fault) {
        let words = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 4 else {
            throw Fault(description: "expected a JSON object, or <id>:<token>:<timeout>:<mode>")
        }
        id = try Self.id(words[0])
        token = try Self.token(words[1])
        guard words[2].isEmpty || UInt64(words[2]) != nil else {
            throw Fault(description: "the timeout must be a non-negative whole number of seconds")
        }
        timeout = UInt64(words[2]) ?? 0
        policy = try Self.policy(words[3])
    }

    private static func text(_ name: String, _ value: JSONValue) throws(Fault) -> String {
        guard let text = value.text else {
            throw Fault(description: "'\(name)' must be a string, not \(value.kind)")
        }
        return text
    }

    private static func seconds(_ value: JSONValue) throws(Fault) -> UInt64 {
        switch value {
        case .integer(let seconds) where seconds >= 0: return UInt64(seconds)
        // Too large for 64 bits, and so a whole number.
        case .number(let seconds) where seconds >= 0x1p63: return .max
        default: throw Fault(description: "'timeout' must be a non-negative whole number of seconds")
        }
    }

    private static func id(_ text: String) throws(Fault) -> SessionID? {
        if text.isEmpty { return nil }
        guard let id = SessionID(text) else {
            throw Fault(description: "a session id has 1 to 64 characters of a-z and 0-9")
        }
        return id
    }

    /// A token goes into proxy URLs and Basic credentials, where other characters would need care that clients do not take.
    private static func token(_ text: String) throws(Fault) -> String? {
        if text.isEmpty { return nil }
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
            default: false
            }
        }
        guard isPlain, text.utf8.count <= 256 else {
            throw Fault(description: "a token has up to 256 letters, digits and -._~")
        }
        return text
    }

    private static func policy(_ text: String) throws(Fault) -> SessionPolicy {
        if text.isEmpty { return .strict }
        guard let policy = SessionPolicy(rawValue: text) else {
            throw Fault(description: "the mode is strict or permissive, not '\(escapedForDisplay(text, limit: 64))'")
        }
        return policy
    }
}
