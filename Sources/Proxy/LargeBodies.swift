import Cache
import Core

/// Sizes of bodies that were too large to be fetched for one range, so that the next range need not find out again.
///
/// Bounded; what is forgotten costs one more request that is given up when its head has come.
// Confined to its loop.
struct LargeBodies {
    private var sizes: [FillKey: (size: Int64, until: MonotonicTime)] = [:]

    /// Bodies that are known at once; beyond it all are forgotten.
    static let most = 256
    /// How long a size is believed.
    static let lifetime = Duration.seconds(60)

    /// Notes the size that an origin told.
    mutating func note(_ key: FillKey, size: Int64, now: MonotonicTime) {
        if sizes.count >= Self.most, sizes[key] == nil { sizes = [:] }
        sizes[key] = (size, now + Self.lifetime)
    }

    /// The size, where it is known.
    mutating func size(of key: FillKey, now: MonotonicTime) -> Int64? {
        guard let known = sizes[key] else { return nil }
        guard now < known.until else {
            sizes[key] = nil
            return nil
        }
        return known.size
    }
}
