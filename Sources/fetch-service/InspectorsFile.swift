import Inspection
import Yams

/// `inspectors.yaml`: what inspectors may trust (contract `inspectors.md`, section 7).
enum InspectorsFile {
    static let name = "inspectors.yaml"

    /// Reads the file of a configuration folder; without one nothing is trusted.
    static func read(folder: String) throws(ConfigurationFault) -> InspectorsConfiguration {
        let path = "\(folder)/\(name)"
        guard let document = try ConfigurationFile.document(at: path) else { return InspectorsConfiguration() }
        do {
            return try YAMLDecoder().decode(InspectorsConfiguration.self, from: document)
        } catch {
            let line = Self.path(of: error).flatMap { ConfigurationFile.line(of: $0, in: document) }
            throw ConfigurationFault(path, line: line, "\(InspectorsConfigurationError(error))")
        }
    }

    private static func path(of error: any Error) -> [any CodingKey]? {
        switch error as? DecodingError {
        case .dataCorrupted(let context), .typeMismatch(_, let context), .valueNotFound(_, let context),
            .keyNotFound(_, let context):
            context.codingPath
        default: nil
        }
    }
}
