import Wire

/// Parses a whole request head written as text.
func request(_ text: String) throws -> RequestHead { try HeadParser.request(Array(text.utf8).span) }

/// Parses a whole response head written as text.
func response(_ text: String) throws -> ResponseHead { try HeadParser.response(Array(text.utf8).span) }

/// The status with which `body` fails, or nil when it succeeds.
func failure<R>(_ body: () throws -> R) -> Int? {
    do {
        _ = try body()
        return nil
    } catch let error as MessageError {
        return error.status
    } catch {
        return -1
    }
}

/// Fields from pairs.
func fields(_ pairs: (String, String)...) -> Fields {
    var fields = Fields()
    for (name, value) in pairs { fields.append(name, value) }
    return fields
}

/// The bytes of a value that serialises itself.
func bytes(_ head: RequestHead) -> [UInt8] {
    var out: [UInt8] = []
    head.serialise(into: &out)
    return out
}

func bytes(_ head: ResponseHead) -> [UInt8] {
    var out: [UInt8] = []
    head.serialise(into: &out)
    return out
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// A reproducible source of random numbers (SplitMix64); tests print its seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

extension Redaction {
    /// The fields as the record shows them, in order.
    static func fields(_ fields: Fields, mark: (String) -> String) -> [(String, String)] {
        var out: [(String, String)] = []
        fields.forEachRaw { name, value in
            out.append((String(copying: name), Redaction.value(of: name, value, mark: mark)))
        }
        return out
    }
}
