import ArgumentParser

/// A number of bytes, written as `1000`, `500M` or `20GiB`; the prefixes are powers of 1024.
struct ByteAmount: ExpressibleByArgument, Hashable {
    let bytes: Int64

    init?(argument: String) {
        let digits = argument.prefix { ("0"..."9").contains($0) }
        guard let number = Int64(digits) else { return nil }
        let powers: [Substring: Int64] = [
            "": 0, "b": 0, "k": 1, "kib": 1, "m": 2, "mib": 2, "g": 3, "gib": 3, "t": 4, "tib": 4,
        ]
        guard let power = powers[argument.dropFirst(digits.count).lowercased()[...]] else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << (10 * power))
        guard !overflow else { return nil }
        self.bytes = bytes
    }
}
