/// A bounded dictionary that forgets what was used longest ago.
///
/// When it is full an eighth goes at once, so that the search for the oldest is rare.
struct RecencyTable<Key: Hashable, Value> {
    private var entries: [Key: (value: Value, lastUse: UInt64)] = [:]
    private var uses: UInt64 = 0
    let capacity: Int

    init(capacity: Int) { self.capacity = max(1, capacity) }

    var count: Int { entries.count }

    /// The value, which counts as a use.
    mutating func value(for key: Key) -> Value? {
        guard let index = entries.index(forKey: key) else { return nil }
        uses += 1
        entries.values[index].lastUse = uses
        return entries.values[index].value
    }

    /// Stores a value and gives the ones that had to go for it.
    mutating func insert(_ value: Value, for key: Key) -> [Value] {
        uses += 1
        if let old = entries.updateValue((value, uses), forKey: key) { return [old.value] }
        guard entries.count > capacity else { return [] }
        let oldest = entries.map { (key: $0.key, lastUse: $0.value.lastUse) }.sorted { $0.lastUse < $1.lastUse }
        return oldest.prefix(max(1, capacity / 8)).compactMap { entries.removeValue(forKey: $0.key)?.value }
    }

    mutating func remove(_ key: Key) -> Value? { entries.removeValue(forKey: key)?.value }

    /// Empties the table and gives what was in it.
    mutating func removeAll() -> [Value] {
        defer { entries.removeAll() }
        return entries.values.map(\.value)
    }
}
