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
        let document: JSONDocument
        do {
            document = try JSONDocument(firstIn: body)
        } catch {
            throw .badRequest(error.description)
        }
        if document == .null { return }
        guard case .object(let members) = document else {
            throw .badRequest("the request body is \(document.kind): expected a JSON object")
        }
        for member in members where member.value != .null {
            switch member.name {
            case "policy":
                guard case .string(let text) = member.value else { throw Self.wrongType(member, "a string") }
                policy = text == "permissive" ? .permissive : .strict
            case "timeout": timeout = try Self.seconds(member)
            case "inspectors-configuration":
                guard case .object = member.value else { throw Self.wrongType(member, "an object") }
                configuration = member.source
            case "secrets":
                guard case .list(let entries) = member.value else { throw Self.wrongType(member, "a list") }
                secrets = []
                for entry in entries { secrets.append(try Secret(entry)) }
            default: unknownMembers.append(member.name)
            }
        }
    }

    private static func seconds(_ member: JSONDocument.Member) throws(ControlRefusal) -> UInt64 {
        guard case .number(let text) = member.value, let seconds = UInt64(text) else {
            throw wrongType(member, "a non-negative whole number of seconds")
        }
        return seconds
    }

    private static func wrongType(_ member: JSONDocument.Member, _ wanted: String) -> ControlRefusal {
        .badRequest(
            "'\(member.name)' must be \(wanted), not \(String(decoding: member.source.prefix(64), as: UTF8.self))")
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

    init(_ document: JSONDocument) throws(ControlRefusal) {
        guard case .object(let members) = document else {
            throw .badRequest("a secret must be an object, not \(document.kind)")
        }
        for member in members where member.value != .null {
            let isCredential = Self.types.values.contains(member.name)
            guard isCredential || member.name == "type" || member.name == "url" else { continue }
            guard case .string(let text) = member.value else {
                // Never the value: it is a secret.
                throw .badRequest("'\(member.name)' of a secret must be a string")
            }
            switch member.name {
            case "type": type = text
            case "url":
                url = text
                do {
                    _ = try Glob(text)
                } catch {
                    throw .badRequest("'url' of a secret: \(error)")
                }
            default: credentials[member.name] = text
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
