package import Core

/// What inspectors may trust: the file `inspectors.yaml` and the request member `inspectors-configuration`
/// (contract `inspectors.md`, section 7, and `control-api.md`, section 5).
///
/// Unknown keys are ignored, absent sections are `nil`; a bad glob is an error that names its place.
package struct InspectorsConfiguration: Codable, Sendable, Hashable {
    /// A section that is a list of URL patterns.
    package struct URLs: Codable, Sendable, Hashable {
        package var urls: [URLPattern]

        package init(urls: [URLPattern] = []) { self.urls = urls }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            urls = try container.decodeIfPresent([URLPattern].self, forKey: .urls) ?? []
        }
    }

    /// What a snap's declaration must say.
    package struct Snap: Codable, Sendable, Hashable {
        /// One field and the values that it may have.
        package struct Condition: Codable, Sendable, Hashable {
            package var name: String
            package var value: [String]
        }

        package var declaration: [Condition]

        private enum CodingKeys: String, CodingKey { case declaration = "snap-declaration" }

        package init(declaration: [Condition] = []) { self.declaration = declaration }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            declaration = try container.decodeIfPresent([Condition].self, forKey: .declaration) ?? []
        }
    }

    /// The apt repositories by their names.
    package struct Apt: Codable, Sendable, Hashable {
        package var repositories: [String: AptRepository]

        package init(repositories: [String: AptRepository] = [:]) { self.repositories = repositories }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            repositories = try container.decodeIfPresent([String: AptRepository].self, forKey: .repositories) ?? [:]
        }
    }

    package var git: URLs?
    package var crafts: URLs?
    package var chisel: URLs?
    package var store: URLs?
    package var bldbin: URLs?
    package var snap: Snap?
    package var apt: Apt?
    /// Ours: origins of Python packages that are trusted.
    package var pip: URLs?

    /// The empty configuration, which allows nothing.
    package init() {}

    /// This configuration with each section that the request has in place of its own.
    package func merged(with request: InspectorsConfiguration) -> InspectorsConfiguration {
        var result = self
        result.git = request.git ?? git
        result.crafts = request.crafts ?? crafts
        result.chisel = request.chisel ?? chisel
        result.store = request.store ?? store
        result.bldbin = request.bldbin ?? bldbin
        result.snap = request.snap ?? snap
        result.apt = request.apt ?? apt
        result.pip = request.pip ?? pip
        return result
    }
}

/// One apt repository: where it is, what of it may be used, and who signs it.
package struct AptRepository: Codable, Sendable, Hashable {
    /// Globs over repository roots.
    package var urls: [URLPattern]
    package var suites: [TextPattern]
    package var components: [TextPattern]
    /// Armoured OpenPGP keys, one after another.
    package var publicKey: String
    /// Mirrors with the same alias share what was verified.
    package var baseURLAlias: String?

    private enum CodingKeys: String, CodingKey {
        case urls, suites, components
        /// The name of `suites` in older files.
        case dists
        case publicKey = "public-key"
        case baseURLAlias = "base-url-alias"
    }

    /// Names of older files, each with today's.
    static let olderNames = [CodingKeys.dists.rawValue: CodingKeys.suites.rawValue]

    package init(
        urls: [URLPattern], suites: [TextPattern] = [], components: [TextPattern] = [], publicKey: String = "",
        baseURLAlias: String? = nil
    ) {
        self.urls = urls
        self.suites = suites
        self.components = components
        self.publicKey = publicKey
        self.baseURLAlias = baseURLAlias
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        urls = try container.decodeIfPresent([URLPattern].self, forKey: .urls) ?? []
        suites =
            try container.decodeIfPresent([TextPattern].self, forKey: .suites)
            ?? container.decodeIfPresent([TextPattern].self, forKey: .dists) ?? []
        components = try container.decodeIfPresent([TextPattern].self, forKey: .components) ?? []
        publicKey = try container.decodeIfPresent(String.self, forKey: .publicKey) ?? ""
        baseURLAlias = try container.decodeIfPresent(String.self, forKey: .baseURLAlias)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(urls, forKey: .urls)
        try container.encode(suites, forKey: .suites)
        try container.encode(components, forKey: .components)
        try container.encode(publicKey, forKey: .publicKey)
        try container.encodeIfPresent(baseURLAlias, forKey: .baseURLAlias)
    }
}

/// A glob over a text that is no URL.
package struct TextPattern: Codable, Sendable, Hashable, CustomStringConvertible {
    private let glob: Glob

    package init(_ pattern: String) throws(GlobError) { glob = try Glob(pattern) }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do throws(GlobError) {
            glob = try Glob(text)
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(glob.pattern)
    }

    package var description: String { glob.pattern }

    package func matches(_ text: String) -> Bool { glob.matches(text) }
}
