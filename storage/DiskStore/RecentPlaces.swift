import Core
import Storage

/// Where small bodies were put lately, so that the same content again does not take room again.
///
/// A hint only: whoever asks must look whether the record is still there. Beyond its capacity it forgets the oldest; what
/// is then stored twice has one row in the catalog, and the other record goes with a later run's sweep.
struct RecentPlaces {
    private struct Key: Hashable {
        var digest: SHA256Digest
        var scope: BlobScope
    }

    private let capacity: Int
    private var places: [Key: DiskPlacement] = [:]
    /// A ring of the keys, the oldest at `next` once it is full.
    private var order: [Key] = []
    private var next = 0

    init(capacity: Int) { self.capacity = capacity }

    func place(of digest: SHA256Digest, _ scope: BlobScope) -> DiskPlacement? {
        places[Key(digest: digest, scope: scope)]
    }

    mutating func remember(_ place: DiskPlacement, of digest: SHA256Digest, _ scope: BlobScope) {
        let key = Key(digest: digest, scope: scope)
        guard places.updateValue(place, forKey: key) == nil else { return }
        guard order.count == capacity else { return order.append(key) }
        places[order[next]] = nil
        order[next] = key
        next = (next + 1) % capacity
    }
}
