import Platform
import Yams

/// A fault in the configuration, with its place.
struct ConfigurationFault: Error, Sendable, CustomStringConvertible {
    /// The file, the variable or the flag; `nil` when it is in none of them alone.
    let origin: SettingOrigin?
    let text: String

    var description: String { origin.map { "\($0): \(text)" } ?? text }

    init(at origin: SettingOrigin?, _ what: String) {
        self.origin = origin
        text = what
    }

    init(_ path: String, line: Int? = nil, _ what: String) { self.init(at: .file(path, line: line), what) }

    init(_ path: String, at node: Node, _ what: String) { self.init(path, line: node.mark?.line, what) }
}

extension Sequence {
    /// The same by the places of faults: files by name and line, then variables, flags, and what is in no place alone.
    func ordered(by fault: (Element) -> ConfigurationFault) -> [Element] {
        func place(_ origin: SettingOrigin?) -> (Int, String, Int) {
            switch origin {
            case .file(let path, let line): (0, path, line ?? 0)
            case .variable(let name): (1, name, 0)
            case .flag(let name): (2, name, 0)
            case .builtIn, nil: (3, "", 0)
            }
        }
        return map { (place(fault($0).origin), $0) }.enumerated().sorted {
            $0.element.0 == $1.element.0 ? $0.offset < $1.offset : $0.element.0 < $1.element.0
        }.map(\.element.1)
    }
}

/// All that is wrong with a configuration, in the order of its lines.
struct ConfigurationFaults: Error, Sendable, CustomStringConvertible {
    let faults: [ConfigurationFault]

    init(faults: [ConfigurationFault]) { self.faults = faults.ordered { $0 } }

    var description: String { faults.map(\.description).joined(separator: "; ") }
}

/// Reads the YAML files of the configuration folder.
enum ConfigurationFile {
    /// The longest file, in bytes.
    static let longest = 4 << 20

    /// The document in a file.
    ///
    /// - Returns: `nil` when the file is missing or empty.
    /// - Throws: ``ConfigurationFault`` when it cannot be read or is no YAML.
    static func document(at path: String) throws(ConfigurationFault) -> Node? {
        let bytes: [UInt8]
        do {
            guard try Kernel.stat(path) != nil else { return nil }
            bytes = try Kernel.contents(of: path, limit: longest)
        } catch {
            throw ConfigurationFault(path, "\(error)")
        }
        return try document(bytes, path)
    }

    /// The document in what would be the content of the file at a path.
    static func document(_ bytes: [UInt8], _ path: String) throws(ConfigurationFault) -> Node? {
        guard bytes.count <= longest else { throw ConfigurationFault(path, "longer than \(longest) bytes") }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw ConfigurationFault(path, "not UTF-8") }
        do {
            guard let node = try Yams.compose(yaml: text) else { return nil }
            if case .scalar(let scalar) = node, ["", "~", "null"].contains(scalar.string) { return nil }
            return node
        } catch {
            throw fault(path, error)
        }
    }

    private static func fault(_ path: String, _ error: any Error) -> ConfigurationFault {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            ConfigurationFault(path, line: mark.line, problem)
        case .duplicatedKeysInMapping(let keys, let context):
            ConfigurationFault(
                path, line: context.mark.line, "a key stands twice: \(keys.joined(separator: ", "))")
        case .reader(let problem, _, _, _): ConfigurationFault(path, problem)
        default: ConfigurationFault(path, "\(error)")
        }
    }

    /// The line of the value that a coding path leads to, or of the last part of the path that there is.
    static func line(of path: [any CodingKey], in document: Node) -> Int? {
        var node = document
        for key in path {
            let next: Node? =
                if let index = key.intValue {
                    node.sequence.flatMap { $0.indices.contains(index) ? $0[index] : nil }
                } else {
                    node.mapping?[key.stringValue]
                }
            guard let next else { break }
            node = next
        }
        return node.mark?.line
    }
}
