/// One IPv4 or IPv6 address, without port or zone.
///
/// Ordering and hashing keep the families apart: `::ffff:10.0.0.1` differs from `10.0.0.1` until ``canonical``.
package struct IPAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Whether this is an IPv4 address.
    package let isIPv4: Bool

    /// The first 64 bits of an IPv6 address, zero for IPv4.
    package let high: UInt64

    /// The last 64 bits of an IPv6 address, or the 32 bits of an IPv4 address.
    package let low: UInt64

    /// Makes an IPv4 address from its number in host byte order: `0x7F000001` is `127.0.0.1`.
    package init(v4 number: UInt32) {
        isIPv4 = true
        high = 0
        low = UInt64(number)
    }

    /// Makes an IPv6 address from its two halves in host byte order.
    package init(v6High high: UInt64, low: UInt64) {
        isIPv4 = false
        self.high = high
        self.low = low
    }

    /// Makes an address from 4 or 16 bytes in network byte order; other counts give nil.
    package init?(bytes: [UInt8]) {
        switch bytes.count {
        case 4:
            self.init(v4: bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            self.init(
                v6High: bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) },
                low: bytes[8...].reduce(0) { $0 << 8 | UInt64($1) })
        default:
            return nil
        }
    }

    /// Reads an address as people write it: four decimal numbers, or RFC 4291 §2.2 without brackets and zone.
    ///
    /// Strict where parsers differ: no leading zeros, no octal or hexadecimal IPv4, no short forms as `127.1`.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        if bytes.contains(UInt8(ascii: ":")) {
            guard let groups = Self.parseIPv6(bytes[...]) else { return nil }
            self.init(
                v6High: groups[..<4].reduce(0) { $0 << 16 | UInt64($1) },
                low: groups[4...].reduce(0) { $0 << 16 | UInt64($1) })
        } else {
            guard let number = Self.parseIPv4(bytes[...]) else { return nil }
            self.init(v4: number)
        }
    }

    /// The address in network byte order: 4 or 16 bytes.
    package var bytes: [UInt8] {
        if isIPv4 { return (0..<4).map { UInt8(truncatingIfNeeded: low >> (24 - 8 * $0)) } }
        return [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * $0)) } }
    }

    /// The number of bits in an address of this family.
    package var bitWidth: Int { isIPv4 ? 32 : 128 }

    /// Orders IPv4 before IPv6, then by number.
    package static func < (one: IPAddress, other: IPAddress) -> Bool {
        if one.isIPv4 != other.isIPv4 { return one.isIPv4 }
        return (one.high, one.low) < (other.high, other.low)
    }

    /// The text of RFC 5952, without brackets.
    package var description: String {
        if isIPv4 { return bytes.map(String.init).joined(separator: ".") }
        if let mapped = mappedIPv4 { return "::ffff:\(mapped)" }
        let groups = [high, low].flatMap { half in (0..<4).map { UInt16(truncatingIfNeeded: half >> (48 - 16 * $0)) } }
        let gap = Self.longestZeroRun(groups)
        let text = { (part: ArraySlice<UInt16>) in part.map { String($0, radix: 16) }.joined(separator: ":") }
        guard let gap else { return text(groups[...]) }
        return text(groups[..<gap.lowerBound]) + "::" + text(groups[gap.upperBound...])
    }

    /// The text as it stands in a URL: IPv6 in brackets.
    package var bracketed: String { isIPv4 ? description : "[\(description)]" }

    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start >= 2, end - start > (best?.count ?? 0) { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }

    private static func parseIPv4(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var number: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var value: UInt32 = 0
            for digit in part {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
                value = value * 10 + UInt32(digit - UInt8(ascii: "0"))
            }
            guard value <= 255 else { return nil }
            number = number << 8 | value
        }
        return number
    }

    private static func parseIPv6(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        var gap: Int?
        for index in text.indices.dropLast() where text[index] == colon && text[index + 1] == colon {
            guard gap == nil else { return nil }
            gap = index
        }
        guard let gap else {
            guard let groups = parseGroups(text), groups.count == 8 else { return nil }
            return groups
        }
        let head = text[..<gap]
        let tail = text[(gap + 2)...]
        guard tail.first != colon, !head.contains(UInt8(ascii: ".")), let before = parseGroups(head),
            let after = parseGroups(tail), before.count + after.count <= 7
        else { return nil }
        return before + Array(repeating: 0, count: 8 - before.count - after.count) + after
    }

    private static func parseGroups(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        if text.isEmpty { return [] }
        let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let number = parseIPv4(part) else { return nil }
                groups += [UInt16(number >> 16), UInt16(truncatingIfNeeded: number)]
                continue
            }
            guard (1...4).contains(part.count) else { return nil }
            var value: UInt16 = 0
            for digit in part {
                guard let nibble = Character(UnicodeScalar(digit)).hexDigitValue else { return nil }
                value = value << 4 | UInt16(nibble)
            }
            groups.append(value)
        }
        return groups
    }
}

extension IPAddress {
    /// The IPv4 address inside `::ffff:a.b.c.d`, which the kernel connects to as IPv4.
    package var mappedIPv4: IPAddress? {
        guard !isIPv4, high == 0, low >> 32 == 0xFFFF else { return nil }
        return IPAddress(v4: UInt32(truncatingIfNeeded: low))
    }

    /// This address with an IPv4-mapped form replaced by the IPv4 address.
    package var canonical: IPAddress { mappedIPv4 ?? self }

    /// The IPv4 addresses to which a translator or relay may carry packets sent to this IPv6 address.
    ///
    /// Mapped (RFC 4291), compatible (same), translated (RFC 2765), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo
    /// server and client (RFC 4380), ISATAP (RFC 5214). Empty for IPv4 and ordinary IPv6 addresses.
    package var embeddedIPv4: [IPAddress] {
        if isIPv4 { return [] }
        let last = IPAddress(v4: UInt32(truncatingIfNeeded: low))
        if high == 0 {
            switch low >> 32 {
            case 0xFFFF, 0xFFFF_0000: return [last]
            case 0: return low > 1 ? [last] : []
            default: return []
            }
        }
        if high == 0x0064_FF9B_0000_0000, low >> 32 == 0 { return [last] }
        if high >> 16 == 0x0064_FF9B_0001 {
            // RFC 8215 leaves the length of the prefix to the network: every place of RFC 6052 §2.2 is looked at.
            let after48 = UInt32(truncatingIfNeeded: (high & 0xFFFF) << 16 | (low >> 40) & 0xFFFF)
            let after56 = UInt32(truncatingIfNeeded: (high & 0xFF) << 24 | (low >> 32) & 0xFF_FFFF)
            let after64 = UInt32(truncatingIfNeeded: low >> 24)
            return [last] + [after48, after56, after64].map(IPAddress.init(v4:))
        }
        if high >> 48 == 0x2002 { return [IPAddress(v4: UInt32(truncatingIfNeeded: high >> 16))] }
        if high >> 32 == 0x2001_0000 {
            return [
                IPAddress(v4: UInt32(truncatingIfNeeded: high)), IPAddress(v4: ~UInt32(truncatingIfNeeded: low)),
            ]
        }
        let interface = low >> 32
        return interface == 0x0000_5EFE || interface == 0x0200_5EFE ? [last] : []
    }
}
