import FoundationEssentials

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
}
