/// The URL of a Debian package in the pool of a configured repository
/// (contract `inspectors-apt.md`, section 0; archives at a host's root are ours).
struct PoolURL: Equatable {
    /// The configuration entry that names the repository.
    var entry: String
    /// The repository's root: origin and the path before `pool`.
    var repository: String
    var component: String
    var name: String
    var version: String
    var architecture: String

    /// Recognises a URL; `nil` when it is no package's or its repository is not configured.
    ///
    /// Of several entries that match, the one with the longest pattern is taken, then the first by name.
    init?(_ url: InspectedURL, repositories: [String: AptRepository]) {
        guard let segments = url.segments, let file = FileName(segments.last ?? "") else { return nil }
        // The raw path has as many pieces as the decoded one: no escape makes a slash.
        let pieces = url.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        // Behind `pool` come a component, at least one folder, and the file.
        for (index, segment) in segments.enumerated() where segment == "pool" && segments.count - index >= 4 {
            let inside = segments[(index + 1)...].dropLast()
            guard inside.allSatisfy(Self.isPlain) else { continue }
            let root = pieces.prefix(index).map { "/" + $0 }.joined()
            guard let entry = Self.entry(for: url, root: root, in: repositories) else { continue }
            self.entry = entry
            repository = url.recordedOrigin + root
            component = segments[index + 1]
            (name, version, architecture) = (file.name, file.version, file.architecture)
            return
        }
        return nil
    }

    private static func entry(
        for url: InspectedURL, root: String, in repositories: [String: AptRepository]
    ) -> String? {
        var best: (name: String, length: Int)?
        for (name, repository) in repositories.sorted(by: { $0.key < $1.key }) {
            for pattern in repository.urls
            where pattern.matches(url, path: root) || pattern.matches(url, path: root + "/") {
                let length = pattern.pattern.utf8.count
                if length > best?.length ?? -1 { best = (name, length) }
            }
        }
        return best?.name
    }

    private static func isPlain(_ segment: String) -> Bool {
        !segment.isEmpty && segment.utf8.allSatisfy { isAlphanumeric($0) || "_-.+~".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: false
        }
    }

    /// `<name>_<version>_<arch>.deb`; the version stands without its epoch, or with `:` before the rest.
    private struct FileName {
        var name: String
        var version: String
        var architecture: String

        init?(_ text: String) {
            guard text.hasSuffix(".deb") else { return nil }
            let parts = text.dropLast(4).split(separator: "_", omittingEmptySubsequences: false)
            guard parts.count == 3, !parts.contains(where: \.isEmpty) else { return nil }
            let isPlain = text.utf8.allSatisfy { PoolURL.isAlphanumeric($0) || "_-.+~:".utf8.contains($0) }
            guard isPlain, parts[2].utf8.allSatisfy({ PoolURL.isAlphanumeric($0) || $0 == UInt8(ascii: "-") }) else {
                return nil
            }
            name = String(parts[0])
            version = String(parts[1])
            architecture = String(parts[2])
        }
    }
}
