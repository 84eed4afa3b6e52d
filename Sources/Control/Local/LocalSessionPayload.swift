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
    /// Members that we do not know.
    var unknownMembers: [String] = []

    /// The members of the object.
    static let members = ["inspectors-configuration", "mode", "session-id", "timeout", "token"]

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
            case "timeout":
                guard let lifetime = value.lifetime else { throw Self.wrongTimeout }
                timeout = lifetime
            case "mode": policy = try Self.policy(try Self.text(name, value))
            case "inspectors-configuration":
                let encoded = try Self.text(name, value)
                guard let bytes = Base64.decode(encoded) else {
                    throw Fault(description: "'inspectors-configuration' is not base64")
                }
                configuration = bytes.isEmpty ? nil : bytes
            default: unknownMembers.append(name)
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
        guard words[2].utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { throw Self.wrongTimeout }
        // So many digits that they do not fit are too many seconds as well.
        timeout = words[2].isEmpty ? 0 : UInt64(words[2]) ?? .max
        policy = try Self.policy(words[3])
    }

    private static let wrongTimeout = Fault(
        description: "'timeout' must be a non-negative whole number of seconds")

    private static func text(_ name: String, _ value: JSONValue) throws(Fault) -> String {
        guard let text = value.text else {
            throw Fault(description: "'\(name)' must be a string, not \(value.kind)")
        }
        return text
    }

    private static func id(_ text: String) throws(Fault) -> SessionID? {
        if text.isEmpty { return nil }
        guard let id = SessionID(text) else {
            throw Fault(description: "a session id has 1 to 64 characters of a-z and 0-9")
        }
        return id
    }

    /// What is accepted unless the API is strict.
    ///
    /// - Parameters:
    ///   - longest: The longest lifetime in seconds.
    ///   - unknownKeys: Paths of the keys within `inspectors-configuration` that nothing reads.
    /// - Returns: In the order in which they are to be told.
    func oddities(longest: Int64, unknownKeys: [String]) -> [RequestOddity] {
        [
            .unknownKeys(unknownMembers, allowed: "known are \(Self.members.joined(separator: ", "))"),
            .unknownKeys(inConfiguration: unknownKeys), .timeout(timeout, longest: longest),
        ].compactMap { $0 }
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
