internal import Core
internal import FoundationEssentials

/// Why a configuration cannot be used, with the place of the fault.
package struct InspectorsConfigurationError: Error, Sendable, CustomStringConvertible {
    package var description: String

    /// Says in one line what a decoder found, such as `apt.repositories.default.urls[0]: pattern … has …`.
    package init(_ error: any Error) {
        switch error {
        case DecodingError.dataCorrupted(let context), DecodingError.typeMismatch(_, let context),
            DecodingError.valueNotFound(_, let context):
            let cause = context.underlyingError.map { "; \($0)" } ?? ""
            description = Self.place(context.codingPath) + context.debugDescription + cause
        case DecodingError.keyNotFound(let key, let context):
            description = Self.place(context.codingPath) + "the key '\(key.stringValue)' is missing"
        default: description = "\(error)"
        }
    }

    private static func place(_ path: [any CodingKey]) -> String {
        var text = ""
        for key in path {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : "." + key.stringValue
            }
        }
        return text.isEmpty ? "" : text + ": "
    }
}

extension InspectorsConfiguration {
    /// Reads the configuration that a session's row keeps; no bytes are the empty configuration.
    package init(json: [UInt8]) throws(InspectorsConfigurationError) {
        guard !json.isEmpty else {
            self.init()
            return
        }
        do {
            self = try JSONDecoder().decode(InspectorsConfiguration.self, from: Data(json))
        } catch {
            throw InspectorsConfigurationError(error)
        }
    }

    /// The configuration as a session's row keeps it; absent sections stay absent.
    package func json() throws(InspectorsConfigurationError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(self))
        } catch {
            throw InspectorsConfigurationError(error)
        }
    }

    /// The paths of the keys of a document that this configuration, which was read from it, has nothing of: they are unknown.
    ///
    /// Only what the configuration has something of is looked into.
    package func unreadKeys<Node>(of document: Node, parts: (Node) -> DocumentParts<Node>) throws -> [String] {
        Self.unreadKeys(of: document, readAs: try JSONValue(parsing: try json()), path: "", parts)
    }

    /// The same for a document in JSON.
    package func unreadKeys(ofJSON document: [UInt8]) throws -> [String] {
        try unreadKeys(of: try JSONValue(parsing: document)) { value in
            switch value {
            case .object(let members): .members(members.filter { $0.value != .null }.map { ($0.key, $0.value) })
            case .list(let elements): .elements(elements)
            default: .none
            }
        }
    }

    private static func unreadKeys<Node>(
        of document: Node, readAs read: JSONValue, path: String, _ parts: (Node) -> DocumentParts<Node>
    ) -> [String] {
        switch (parts(document), read) {
        case (.members(let members), .object):
            members.sorted { $0.name < $1.name }.flatMap { name, value in
                let place = path.isEmpty ? name : "\(path).\(name)"
                let known = read[name] ?? AptRepository.olderNames[name].flatMap { read[$0] }
                return known.map { unreadKeys(of: value, readAs: $0, path: place, parts) } ?? [place]
            }
        case (.elements(let elements), .list(let known)):
            zip(elements, known).enumerated().flatMap { index, pair in
                unreadKeys(of: pair.0, readAs: pair.1, path: "\(path)[\(index)]", parts)
            }
        default: []
        }
    }
}

/// What a value of a document consists of.
package enum DocumentParts<Node> {
    /// The members of an object, without those that are null.
    case members([(name: String, value: Node)])
    case elements([Node])
    case none
}
