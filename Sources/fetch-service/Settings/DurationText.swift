/// Durations as people write them: `250ms`, `30s`, `5m`, `6h`, `7d`; a plain number is seconds.
enum DurationText {
    private static let second: Int64 = 1_000_000_000
    /// The units and their nanoseconds, the largest first.
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("d", 86_400 * second), ("h", 3_600 * second), ("m", 60 * second), ("s", second), ("ms", 1_000_000),
    ]

    /// Reads a duration.
    ///
    /// - Parameter text: Digits, maybe with a fraction of up to nine digits, and a unit.
    /// - Returns: `nil` for anything else, and for what is longer than three centuries.
    static func read(_ text: String) -> Duration? {
        let number = text.prefix { $0 == "." || ("0"..."9").contains($0) }
        let unit = text.dropFirst(number.count)
        guard let factor = unit.isEmpty ? second : units.first(where: { $0.name == unit })?.nanoseconds else {
            return nil
        }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = Int64(parts[0]) else { return nil }
        var (sum, overflow) = whole.multipliedReportingOverflow(by: factor)
        guard !overflow else { return nil }
        if parts.count == 2 {
            guard (1...9).contains(parts[1].count), let fraction = Int64(parts[1]) else { return nil }
            let scale = (0..<parts[1].count).reduce(Int64(1)) { scale, _ in scale * 10 }
            let high = (Int128(fraction) * Int128(factor)) / Int128(scale)
            (sum, overflow) = sum.addingReportingOverflow(Int64(high))
            guard !overflow else { return nil }
        }
        return .nanoseconds(sum)
    }

    /// Writes a duration with the largest unit that gives a whole number.
    static func write(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = Int128(seconds) * Int128(second) + Int128(attoseconds / second)
        guard nanoseconds != 0 else { return "0s" }
        for unit in units where nanoseconds.isMultiple(of: Int128(unit.nanoseconds)) {
            return "\(nanoseconds / Int128(unit.nanoseconds))\(unit.name)"
        }
        var digits = String(Int64(attoseconds / second))
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(seconds).\(digits)s"
    }
}
