/// A number of bytes, written as `1000`, `500M` or `20GiB`; the prefixes are powers of 1024.
struct ByteAmount: Hashable, Sendable {
    let bytes: Int64

    init(bytes: Int64) { self.bytes = bytes }

    /// Reads an amount; `nil` for anything else, and for what does not fit.
    init?(_ text: String) {
        let digits = text.prefix { ("0"..."9").contains($0) }
        guard let number = Int64(digits) else { return nil }
        let powers: [Substring: Int64] = [
            "": 0, "b": 0, "k": 1, "kib": 1, "m": 2, "mib": 2, "g": 3, "gib": 3, "t": 4, "tib": 4,
        ]
        guard let power = powers[text.dropFirst(digits.count).lowercased()[...]] else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << (10 * power))
        guard !overflow else { return nil }
        self.bytes = bytes
    }

    /// The amount with the largest prefix that gives a whole number.
    var text: String {
        guard bytes != 0 else { return "0" }
        for (power, prefix) in [(4, "T"), (3, "G"), (2, "M"), (1, "K")] where bytes % (1 << (10 * power)) == 0 {
            return "\(bytes >> (10 * power))\(prefix)"
        }
        return "\(bytes)"
    }
}
