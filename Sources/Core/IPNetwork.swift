/// A range of addresses with a common prefix, as `10.0.0.0/8` or `fd00::/8`.
package struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
    /// The first address; bits beyond the prefix are zero.
    package let address: IPAddress

    /// The number of leading bits that all members share: 0–32 or 0–128.
    package let prefixLength: Int

    /// Makes the network of `prefixLength` bits that holds `address`; nil when the family has fewer bits.
    ///
    /// Bits beyond the prefix are masked off. An IPv4-mapped network of 96 bits or more becomes the IPv4 network.
    package init?(_ address: IPAddress, prefixLength: Int) {
        guard (0...address.bitWidth).contains(prefixLength) else { return nil }
        if let mapped = address.mappedIPv4, prefixLength >= 96 {
            self.address = Self.masked(mapped, prefixLength - 96)
            self.prefixLength = prefixLength - 96
        } else {
            self.address = Self.masked(address, prefixLength)
            self.prefixLength = prefixLength
        }
    }

    /// Makes the network that holds only `address`.
    package init(single address: IPAddress) {
        self.address = address.canonical
        prefixLength = self.address.bitWidth
    }

    /// Reads `address` or `address/bits`; a bare address is a network of one.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
        switch parts.count {
        case 1:
            self.init(single: address)
        case 2:
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (48...57).contains($0) }),
                let length = Int(parts[1])
            else { return nil }
            self.init(address, prefixLength: length)
        default:
            return nil
        }
    }

    /// Whether `candidate` lies in this network; families never match each other.
    package func contains(_ candidate: IPAddress) -> Bool {
        candidate.isIPv4 == address.isIPv4 && Self.masked(candidate, prefixLength) == address
    }

    /// Whether every address of `other` lies in this network.
    package func contains(_ other: IPNetwork) -> Bool {
        other.prefixLength >= prefixLength && contains(other.address)
    }

    /// `address/bits`.
    package var description: String { "\(address)/\(prefixLength)" }

    private static func masked(_ address: IPAddress, _ length: Int) -> IPAddress {
        if address.isIPv4 {
            let mask = UInt32.max.leading(length)
            return IPAddress(v4: UInt32(truncatingIfNeeded: address.low) & mask)
        }
        return IPAddress(
            v6High: address.high & UInt64.max.leading(length), low: address.low & UInt64.max.leading(length - 64))
    }
}

extension FixedWidthInteger {
    /// This value's first `count` bits, the others zero; counts outside the width are clamped.
    fileprivate func leading(_ count: Int) -> Self {
        if count <= 0 { return 0 }
        return count >= Self.bitWidth ? self : self & (~0 << Self(Self.bitWidth - count))
    }
}
