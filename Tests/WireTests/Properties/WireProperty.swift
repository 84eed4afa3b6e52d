import Wire

/// What must hold for any bytes at all; fuzz targets look for bytes for which it does not, tests replay what they found.
///
/// One case for each folder in `Tests/Fuzzing/corpora` and each file in `Tests/Fuzzing/Targets`.
enum WireProperty: String, CaseIterable, Sendable {
    case requestHead
    case responseHead
    case chunked
    case structuredFields
    case cacheControl
    case httpDate
    case url
    case ranges
    case vary

    /// Longer inputs are cut: the limits have tests of their own, and short inputs are found faster.
    static let longestInput = 4096

    /// What does not hold for the bytes, or nil; traps are for the sanitizer to see.
    func violation(_ input: [UInt8]) -> String? {
        let bytes = Array(input.prefix(Self.longestInput))
        do {
            switch self {
            case .requestHead: try HeadProperties.request(bytes)
            case .responseHead: try HeadProperties.response(bytes)
            case .chunked: try ChunkedProperties.check(bytes)
            case .structuredFields: try StructuredProperties.check(bytes)
            case .cacheControl: try CachingProperties.cacheControl(bytes)
            case .httpDate: try CachingProperties.date(bytes)
            case .url: try URLProperties.check(bytes)
            case .ranges: try RangeProperties.check(bytes)
            case .vary: try CachingProperties.vary(bytes)
            }
            return nil
        } catch {
            return "\(error)"
        }
    }
}

/// Something does not hold.
struct Violation: Error, CustomStringConvertible {
    let description: String
}

/// Throws with the text unless the condition holds.
func hold(_ condition: Bool, _ text: @autoclosure () -> String) throws {
    guard condition else { throw Violation(description: text()) }
}

/// The lines of an input, cut at line feeds, at most so many; the last holds the rest.
func lines(_ bytes: [UInt8], most: Int) -> [[UInt8]] {
    bytes.split(separator: 0x0A, maxSplits: most - 1, omittingEmptySubsequences: false).map(Array.init)
}

/// Fields with one line for each value; what no field holds is replaced as ``Fields/append(_:_:)`` says.
func fields(_ name: String, raw values: [[UInt8]]) -> Fields {
    var fields = Fields()
    for value in values { fields.append(name: name.utf8Span.span, value: value.span) }
    return fields
}

/// Places to cut an input in two: all of a short one, some of a long one.
func cuts(_ bytes: [UInt8]) -> [Int] {
    if bytes.count <= 96 { return Array(0...bytes.count) }
    var places: Set<Int> = [0, 1, bytes.count - 1, bytes.count]
    // What decides is near line ends, and in the middle of nowhere.
    for (index, byte) in bytes.enumerated() where byte == 0x0D || byte == 0x0A {
        places.insert(index)
        places.insert(index + 1)
        if places.count > 48 { break }
    }
    for step in 1..<8 { places.insert(bytes.count * step / 8) }
    return places.sorted()
}
