/// A fixed set of field names, asked with raw bytes, without regard to ASCII case and without allocating.
///
/// An open hash table at a quarter of its capacity: most names that are not in it are found out by their hash alone.
package struct FieldNameSet: Sendable {
    private let names: [[UInt8]]
    /// One more than an index into ``names``, or 0 for an empty slot.
    private let slots: [UInt16]

    package init(_ names: [String]) {
        var slots = [UInt16](repeating: 0, count: 4)
        while slots.count < names.count * 4 { slots += slots }
        self.names = names.map { Array(ASCII.lowercased($0).utf8) }
        for (index, name) in self.names.enumerated() {
            var slot = FieldNameSet.hash(name.span) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = UInt16(index + 1)
        }
        self.slots = slots
    }

    package func contains(_ name: Span<UInt8>) -> Bool {
        var slot = FieldNameSet.hash(name) & (slots.count - 1)
        while slots[slot] != 0 {
            let candidate = names[Int(slots[slot]) - 1]
            if ASCII.equalIgnoringCase(candidate.span, name) { return true }
            slot = (slot + 1) & (slots.count - 1)
        }
        return false
    }

    /// FNV-1a over the lower-case bytes; who sends names that collide gains some comparisons of short names.
    private static func hash(_ name: Span<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in name.indices { hash = (hash ^ UInt64(ASCII.lowercased(name[index]))) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: (hash ^ hash >> 32) & 0x7FFF_FFFF)
    }
}
