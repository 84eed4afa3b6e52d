internal import Core

/// The body of `POST /session`.
struct SessionCreation: Sendable, Equatable {
    var policy = SessionPolicy.strict
    /// Lifetime in seconds; 0 for the default.
    var timeout: UInt64 = 0
    /// `inspectors-configuration` as it was sent.
    var configuration: [UInt8]?
    var secrets: [Secret] = []
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
                guard let entries = value.list else { throw Self.wrongType(name, value, "a list") }
                for entry in entries { secrets.append(try Secret(entry)) }
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

/// An entry of `secrets`: credentials for the requests of a session that match `url`.
struct Secret: Sendable, Equatable {
    /// The types, each with the member that holds its credentials.
    private static let types = [
        "basic-auth": "basic-credentials", "macaroon": "macaroon-credentials",
        "keystone-v3": "keystone-v3-credentials",
    ]

    var type = ""
    var url = ""
    var credentials: [String: String] = [:]

    init(_ value: JSONValue) throws(ControlRefusal) {
        guard case .object(let members) = value else {
            throw .badRequest("a secret must be an object, not \(value.kind)")
        }
        for (name, value) in members where value != .null {
            let isCredential = Self.types.values.contains(name)
            guard isCredential || name == "type" || name == "url" else { continue }
            guard let text = value.text else {
                // Never the value: it is a secret.
                throw .badRequest("'\(name)' of a secret must be a string")
            }
            switch name {
            case "type": type = text
            case "url":
                url = text
                do {
                    _ = try Glob(text)
                } catch {
                    throw .badRequest("'url' of a secret: \(error)")
                }
            default: credentials[name] = text
            }
        }
    }

    /// What is wrong with the first faulty entry, in the words of the contract; `nil` when all are right.
    static func fault(in secrets: [Secret]) -> String? {
        secrets.lazy.compactMap(\.fault).first
    }

    private var fault: String? {
        if type.isEmpty { return "Invalid secret: missing type" }
        guard let member = Self.types[type] else { return "Invalid secret: invalid type" }
        if url.isEmpty { return "Invalid secret: missing url" }
        guard credentials[member]?.isEmpty == false else {
            return "Invalid secret: missing credentials for '\(type)'"
        }
        return nil
    }
}
