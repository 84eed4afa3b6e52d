internal import Core
internal import Sessions

/// The body of `POST /session`.
struct SessionCreation: Sendable {
    var policy = SessionPolicy.strict
    /// Lifetime in seconds; 0 for the default.
    var timeout: UInt64 = 0
    /// `inspectors-configuration` as it was sent.
    var configuration: [UInt8]?
    /// `nil` without any.
    var secrets: SessionSecrets?
    /// Members that we do not know, for the log.
    var unknownMembers: [String] = []

    /// Reads a body.
    ///
    /// A policy that is not `permissive` is strict, absent or misspelt. `null` is the same as absent.
    init(_ body: [UInt8]) throws(ControlRefusal) {
        guard !body.isEmpty else { throw .badRequest("the request body is empty (EOF): expected a JSON object") }
        let document: JSONValue
        do {
            document = try JSONValue(firstIn: body)
        } catch {
            throw .badRequest(error.description)
        }
        if document == .null { return }
        guard case .object(let members) = document else {
            throw .badRequest("the request body is \(document.kind): expected a JSON object")
        }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) where value != .null {
            switch name {
            case "policy":
                guard let text = value.text else { throw Self.wrongType(name, value, "a string") }
                policy = text == "permissive" ? .permissive : .strict
            case "timeout": timeout = try Self.seconds(name, value)
            case "inspectors-configuration":
                guard case .object = value else { throw Self.wrongType(name, value, "an object") }
                configuration = value.json
            case "secrets":
                // The reply must not show what was sent.
                guard let entries = value.list else { throw .badRequest("'secrets' must be a list, not \(value.kind)") }
                do throws(SecretFault) {
                    if !entries.isEmpty { secrets = try SessionSecrets(declared: entries) }
                } catch {
                    throw .badRequest(error.description)
                }
            default: unknownMembers.append(name)
            }
        }
    }

    private static func seconds(_ name: String, _ value: JSONValue) throws(ControlRefusal) -> UInt64 {
        switch value {
        case .integer(let seconds) where seconds >= 0: return UInt64(seconds)
        // Too large for 64 bits, and so a whole number.
        case .number(let seconds) where seconds >= 0x1p63: return .max
        default: throw wrongType(name, value, "a non-negative whole number of seconds")
        }
    }

    private static func wrongType(_ name: String, _ value: JSONValue, _ wanted: String) -> ControlRefusal {
        .badRequest("'\(name)' must be \(wanted), not \(String(decoding: value.json.prefix(64), as: UTF8.self))")
    }
}
