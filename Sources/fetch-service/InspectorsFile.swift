import Inspection
import Yams

/// `inspectors.yaml`: what inspectors may trust (contract `inspectors.md`, section 7).
enum InspectorsFile {
    static let name = "inspectors.yaml"

    /// Faults that are told at most.
    private static let mostFaults = 50

    /// Reads the file of a configuration folder; without one nothing is trusted.
    static func read(folder: String) throws(ConfigurationFaults) -> InspectorsConfiguration {
        let path = "\(folder)/\(name)"
        return try decode(path) { () throws(ConfigurationFault) in try ConfigurationFile.document(at: path) }
    }

    /// Reads what would be the content of the file at a path.
    static func read(text: [UInt8], path: String) throws(ConfigurationFaults) -> InspectorsConfiguration {
        try decode(path) { () throws(ConfigurationFault) in try ConfigurationFile.document(text, path) }
    }

    /// The paths of the keys that are unknown in what was read as a configuration.
    static func unreadKeys(of text: [UInt8], readAs configuration: InspectorsConfiguration) throws -> [String] {
        guard let document = try ConfigurationFile.document(text, name) else { return [] }
        return try configuration.unreadKeys(of: document) { node in
            switch node {
            case .mapping(let mapping):
                // What is merged in is another mapping's.
                .members(
                    mapping.filter { $0.key.string != "<<" && $0.value.null == nil }.map {
                        ($0.key.string ?? "", $0.value)
                    })
            case .sequence(let sequence): .elements(Array(sequence))
            default: .none
            }
        }
    }

    /// Decodes the document; after each fault once more, without what was wrong, so that all are found.
    private static func decode(
        _ path: String, _ read: () throws(ConfigurationFault) -> Node?
    ) throws(ConfigurationFaults) -> InspectorsConfiguration {
        var document: Node
        do throws(ConfigurationFault) {
            guard let found = try read() else { return InspectorsConfiguration() }
            document = found
        } catch {
            throw ConfigurationFaults(faults: [error])
        }
        var faults: [ConfigurationFault] = []
        var last: [String]?
        while faults.count < mostFaults {
            do {
                let configuration = try YAMLDecoder().decode(InspectorsConfiguration.self, from: document)
                guard faults.isEmpty else { break }
                return configuration
            } catch {
                let place = Self.path(of: error) ?? []
                let names = place.map(\.stringValue)
                // What is wrong becomes a word that fits wherever a word is expected; where none is, the key goes.
                let isRepeated = names == last
                last = names
                if !isRepeated {
                    let line = ConfigurationFile.line(of: place, in: document)
                    faults.append(ConfigurationFault(path, line: line, "\(InspectorsConfigurationError(error))"))
                }
                guard let rest = document.replacing(place[...], with: isRepeated ? nil : "none") else { break }
                document = rest
            }
        }
        throw ConfigurationFaults(faults: faults)
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

extension Node {
    /// The node with another one, or none, where a coding path leads.
    ///
    /// - Returns: `nil` when the path leads nowhere, or is empty.
    fileprivate func replacing(_ path: ArraySlice<any CodingKey>, with replacement: Node?) -> Node? {
        guard let key = path.first else { return nil }
        let rest = path.dropFirst()
        if let index = key.intValue, var list = sequence, list.indices.contains(index) {
            guard let element = rest.isEmpty ? replacement : list[index].replacing(rest, with: replacement) else {
                guard rest.isEmpty else { return nil }
                list.remove(at: index)
                return .sequence(list)
            }
            list[index] = element
            return .sequence(list)
        }
        guard var mapping, let value = mapping[key.stringValue] else { return nil }
        if rest.isEmpty {
            mapping[key.stringValue] = replacement
        } else {
            guard let changed = value.replacing(rest, with: replacement) else { return nil }
            mapping[key.stringValue] = changed
        }
        return .mapping(mapping)
    }
}
