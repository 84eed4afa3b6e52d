import Core

/// Why a URL pattern cannot be used.
package struct URLPatternError: Error, Sendable, CustomStringConvertible {
    package var description: String
}

/// A glob over URLs that keeps scheme, host and port apart from the path: no wildcard crosses from one into the other.
///
/// The part before the path is matched without regard to case. A scheme's own port may be written or left out.
package struct URLPattern: Hashable, Sendable, CustomStringConvertible {
    /// As it was written.
    package let pattern: String
    private let origin: Glob
    /// `nil` when the pattern ends with the host.
    private let path: Glob?
    private let matchesEverything: Bool

    /// Compiles a pattern such as `https://*.files.example:443/packages/**`.
    ///
    /// Without `://` it matches nothing, but for `**`, which matches everything.
    ///
    /// - Throws: ``URLPatternError`` for a bad glob, and for braces that hold both host and path.
    package init(_ pattern: String) throws(URLPatternError) {
        self.pattern = pattern
        matchesEverything = pattern == "**"
        let whole = try Self.glob(pattern)
        guard let scheme = pattern.firstRange(of: "://") else {
            origin = whole
            path = nil
            return
        }
        let start = try Self.pathStart(in: pattern, behind: scheme.upperBound)
        origin = try Self.glob(pattern[..<start].lowercased())
        path = start < pattern.endIndex ? try Self.glob(String(pattern[start...])) : nil
    }

    package var description: String { pattern }

    /// Whether origin and path match; a pattern without a path matches only the root.
    package func matches(_ url: InspectedURL) -> Bool { matches(url, path: url.path) }

    /// Whether the URL's origin and the given path match.
    package func matches(_ url: InspectedURL, path candidate: String) -> Bool {
        if matchesEverything { return true }
        guard url.origins.contains(where: origin.matches) else { return false }
        return path?.matches(candidate) ?? (candidate.isEmpty || candidate == "/")
    }

    /// Like ``matches(_:)``, but a pattern without a path covers its whole host.
    package func covers(_ url: InspectedURL) -> Bool {
        if path == nil, url.origins.contains(where: origin.matches) { return true }
        return matches(url)
    }

    private static func glob(_ pattern: String) throws(URLPatternError) -> Glob {
        do throws(GlobError) {
            return try Glob(pattern)
        } catch {
            throw URLPatternError(description: error.description)
        }
    }

    /// The first slash behind the host and outside of sets.
    private static func pathStart(in pattern: String, behind start: String.Index) throws(URLPatternError)
        -> String.Index
    {
        var depth = 0
        var isInSet = false
        var index = start
        while index < pattern.endIndex {
            switch pattern[index] {
            case "\\":
                index = pattern.index(after: index)
                guard index < pattern.endIndex else { return index }
            case "[": isInSet = true
            case "]": isInSet = false
            case "{" where !isInSet: depth += 1
            case "}" where !isInSet: depth -= 1
            case "/" where !isInSet:
                guard depth == 0 else {
                    throw URLPatternError(
                        description: "pattern '\(pattern)' has braces around both host and path; write two patterns")
                }
                return index
            default: break
            }
            index = pattern.index(after: index)
        }
        return index
    }
}

extension URLPattern: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do throws(URLPatternError) {
            try self.init(text)
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(pattern)
    }
}
