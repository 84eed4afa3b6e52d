/// Why a glob pattern cannot be used.
public struct GlobError: Error, Sendable, CustomStringConvertible {
    /// What is wrong, with the pattern.
    public let description: String
}

/// A pattern over whole strings with `/` as separator.
///
/// `*` any run without `/`, `**` any run, `?` one character but `/`, `[a-z]` and `[!a-z]` one of a set or not of it
/// (never `/`), `{a,b}` alternatives with patterns inside, `\x` the literal x.
///
/// Matching walks all positions of the pattern together, so its cost is at most length of the text times length of
/// the pattern, whatever the pattern.
public struct Glob: Hashable, Sendable, CustomStringConvertible {
    /// The pattern as it was written.
    public let pattern: String
    /// What it matches, one after another, for each plain pattern that `{…}` unfolds to.
    package let alternatives: [[Piece]]

    /// How many plain alternatives `{…}` may unfold to.
    private static let mostAlternatives = 256

    /// How many characters a pattern may have; this also bounds the nesting of braces.
    private static let longestPattern = 2048

    /// A part of a pattern.
    package enum Piece: Hashable, Sendable {
        case literal(Unicode.Scalar)
        case oneOf([ClosedRange<Unicode.Scalar>], negated: Bool)
        case any
        case run
        case deepRun
    }

    /// Compiles a pattern.
    ///
    /// - Throws: ``GlobError`` for an unclosed `[` or `{`, a trailing `\`, an empty set, or braces that unfold to more
    ///   than 256 patterns.
    public init(_ pattern: String) throws(GlobError) {
        guard pattern.unicodeScalars.count <= Self.longestPattern else {
            throw GlobError(description: "a pattern is longer than \(Self.longestPattern) characters")
        }
        self.pattern = pattern
        var alternatives: [[Piece]] = []
        for text in try Self.unfold(Array(pattern.unicodeScalars), pattern) {
            alternatives.append(try Self.pieces(text, pattern))
        }
        self.alternatives = alternatives
    }

    /// The same as ``pattern``.
    public var description: String { pattern }

    /// The characters before the first wildcard of the pattern, or all of them.
    package var literalPrefix: String {
        var prefix = String.UnicodeScalarView()
        for piece in alternatives.count == 1 ? alternatives[0] : [] {
            guard case .literal(let scalar) = piece else { break }
            prefix.append(scalar)
        }
        return String(prefix)
    }

    /// Whether the whole of `text` fits the pattern.
    public func matches(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        return alternatives.contains { Self.matches($0, scalars) }
    }

    private static func matches(_ pieces: [Piece], _ text: [Unicode.Scalar]) -> Bool {
        var active = [Bool](repeating: false, count: pieces.count + 1)
        /// Marks a position and those behind runs, which may be empty.
        func reach(_ position: Int, _ states: inout [Bool]) {
            var position = position
            while !states[position] {
                states[position] = true
                guard position < pieces.count, pieces[position] == .run || pieces[position] == .deepRun else { return }
                position += 1
            }
        }
        reach(0, &active)
        for scalar in text {
            var next = [Bool](repeating: false, count: pieces.count + 1)
            for position in pieces.indices where active[position] {
                switch pieces[position] {
                case .literal(let wanted): if scalar == wanted { reach(position + 1, &next) }
                case .any: if scalar != "/" { reach(position + 1, &next) }
                case .oneOf(let ranges, let negated):
                    if scalar != "/", ranges.contains(where: { $0.contains(scalar) }) != negated {
                        reach(position + 1, &next)
                    }
                case .run: if scalar != "/" { reach(position, &next) }
                case .deepRun: reach(position, &next)
                }
            }
            active = next
        }
        return active[pieces.count]
    }

    /// Unfolds `{a,b}` into plain patterns.
    private static func unfold(_ text: [Unicode.Scalar], _ pattern: String) throws(GlobError) -> [[Unicode.Scalar]] {
        var index = 0
        while index < text.count {
            if text[index] == "\\" {
                index += 2
                continue
            }
            if text[index] == "[" {
                index = try endOfSet(text, index, pattern) + 1
                continue
            }
            guard text[index] == "{" else {
                index += 1
                continue
            }
            let (branches, end) = try self.branches(text, index, pattern)
            var result: [[Unicode.Scalar]] = []
            for branch in branches {
                for whole in try unfold(Array(text[..<index]) + branch + Array(text[(end + 1)...]), pattern) {
                    result.append(whole)
                    guard result.count <= mostAlternatives else {
                        throw GlobError(
                            description: "pattern '\(pattern)' has more than \(mostAlternatives) alternatives")
                    }
                }
            }
            return result
        }
        return [text]
    }

    /// The alternatives of the brace at `start` and the index of its end.
    private static func branches(
        _ text: [Unicode.Scalar], _ start: Int, _ pattern: String
    ) throws(GlobError) -> ([[Unicode.Scalar]], Int) {
        var branches: [[Unicode.Scalar]] = [[]]
        var depth = 0
        var index = start
        while index < text.count {
            let scalar = text[index]
            switch scalar {
            case "\\":
                guard index + 1 < text.count else { break }
                branches[branches.count - 1] += [scalar, text[index + 1]]
                index += 1
            case "{":
                depth += 1
                if depth > 1 { branches[branches.count - 1].append(scalar) }
            case "}":
                depth -= 1
                if depth == 0 { return (branches, index) }
                branches[branches.count - 1].append(scalar)
            case "," where depth == 1: branches.append([])
            default: branches[branches.count - 1].append(scalar)
            }
            index += 1
        }
        throw GlobError(description: "pattern '\(pattern)' has a '{' without its '}'")
    }

    private static func endOfSet(_ text: [Unicode.Scalar], _ start: Int, _ pattern: String) throws(GlobError) -> Int {
        var index = start + 1
        if index < text.count, text[index] == "!" { index += 1 }
        if index < text.count, text[index] == "]" {
            throw GlobError(description: "pattern '\(pattern)' has an empty set")
        }
        while index < text.count {
            if text[index] == "]" { return index }
            index += text[index] == "\\" ? 2 : 1
        }
        throw GlobError(description: "pattern '\(pattern)' has a '[' without its ']'")
    }

    private static func pieces(_ text: [Unicode.Scalar], _ pattern: String) throws(GlobError) -> [Piece] {
        var pieces: [Piece] = []
        var index = 0
        while index < text.count {
            switch text[index] {
            case "\\":
                guard index + 1 < text.count else {
                    throw GlobError(description: "pattern '\(pattern)' ends in a lone backslash")
                }
                pieces.append(.literal(text[index + 1]))
                index += 2
            case "*":
                var end = index
                while end < text.count, text[end] == "*" { end += 1 }
                pieces.append(end - index > 1 ? .deepRun : .run)
                index = end
            case "?":
                pieces.append(.any)
                index += 1
            case "[":
                let end = try endOfSet(text, index, pattern)
                pieces.append(try set(text[(index + 1)..<end], pattern))
                index = end + 1
            default:
                pieces.append(.literal(text[index]))
                index += 1
            }
        }
        return pieces
    }

    private static func set(_ text: ArraySlice<Unicode.Scalar>, _ pattern: String) throws(GlobError) -> Piece {
        var members: [(scalar: Unicode.Scalar, literal: Bool)] = []
        var rest = text
        let negated = rest.first == "!"
        if negated { rest.removeFirst() }
        while let scalar = rest.popFirst() {
            if scalar == "\\", let escaped = rest.popFirst() {
                members.append((escaped, true))
            } else {
                members.append((scalar, false))
            }
        }
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        var index = 0
        while index < members.count {
            let low = members[index].scalar
            if index + 2 < members.count, members[index + 1].scalar == "-", !members[index + 1].literal {
                let high = members[index + 2].scalar
                guard low <= high else {
                    throw GlobError(description: "pattern '\(pattern)' has the range \(low)-\(high), which is empty")
                }
                ranges.append(low...high)
                index += 3
            } else {
                ranges.append(low...low)
                index += 1
            }
        }
        return .oneOf(ranges, negated: negated)
    }
}
