import Core
import Yams

/// `service.yaml`: the settings that the operator wrote down.
///
/// A key is written whole (`cache.size: 20G`), or below its section:
///
///     cache:
///       size: 20G
struct SettingsFile: Sendable {
    static let name = "service.yaml"

    /// What stands in the file, in its order.
    private(set) var given: [GivenSetting] = []
    /// What in it is no setting.
    private(set) var faults: [ConfigurationFault] = []
    /// Whether there is such a file.
    private(set) var isThere = false

    private let path: String
    private var lines: [String: Int] = [:]

    /// Reads the file of a configuration folder; a missing one gives nothing.
    init(folder: String) {
        path = "\(folder)/\(Self.name)"
        do throws(ConfigurationFault) {
            guard let document = try ConfigurationFile.document(at: path) else { return }
            isThere = true
            take(document)
        } catch {
            isThere = true
            faults.append(error)
        }
    }

    /// Reads what would be the content of the file at a path.
    init(text: [UInt8], path: String) {
        self.path = path
        isThere = true
        do throws(ConfigurationFault) {
            if let document = try ConfigurationFile.document(text, path) { take(document) }
        } catch {
            faults.append(error)
        }
    }

    private mutating func take(_ document: Node) {
        guard let top = document.mapping else {
            return complain(document, "expected keys with values, such as 'cache: {size: 20G}'")
        }
        take(top, below: "")
    }

    private mutating func take(_ mapping: Node.Mapping, below section: String) {
        for (name, value) in mapping {
            guard let word = name.scalar?.string else {
                complain(name, "a key must be a word")
                continue
            }
            let key = section.isEmpty ? word : "\(section).\(word)"
            if let below = value.mapping {
                if Setting.named(key) != nil {
                    complain(value, "'\(key)' takes a value and has no keys below it")
                } else if Setting.all.contains(where: { $0.section == key }) {
                    take(below, below: key)
                } else {
                    complain(name, ResolvedSettings.unknown(key))
                }
            } else if let first = lines[key] {
                complain(name, "'\(escapedForDisplay(key))' stands twice; the other one is in line \(first)")
            } else if let value = read(value, of: key, at: name) {
                lines[key] = name.mark?.line ?? 0
                given.append(GivenSetting(key: key, value: value, origin: .file(path, line: name.mark?.line)))
            }
        }
    }

    private mutating func read(_ node: Node, of key: String, at name: Node) -> GivenValue? {
        if let items = node.sequence {
            let words = items.compactMap { $0.scalar?.string }
            if words.count == items.count { return .list(words) }
            complain(node, "the elements of '\(escapedForDisplay(key))' must be words")
        } else if let scalar = node.scalar {
            let isPlain = scalar.style == .plain || scalar.style == .any
            if !isPlain || !["", "~", "null"].contains(scalar.string) { return .text(scalar.string) }
            complain(name, "'\(escapedForDisplay(key))' has no value; write one, or remove the key")
        } else {
            complain(node, "the value of '\(escapedForDisplay(key))' cannot be read")
        }
        return nil
    }

    private mutating func complain(_ node: Node, _ what: String) {
        faults.append(ConfigurationFault(path, at: node, what))
    }
}
