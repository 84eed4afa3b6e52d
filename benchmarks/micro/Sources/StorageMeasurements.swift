import Core
import Cryptography
import DiskStore
import SQLiteCatalog
import Storage

/// Digests, commits to the catalog, and compression at rest.
enum StorageMeasurements {
    private static let piece = 256 << 10

    static func digests() -> [Measurement] {
        let small = text(10 << 10)
        let large = text(1 << 20)
        return [
            Measurement(name: "SHA-256 of 10 KiB", repetitions: 2_000) { _ in
                Int(truncatingIfNeeded: SHA256Hasher.digest(small).hashValue)
            },
            Measurement(name: "SHA-256 of 1 MiB in pieces", repetitions: 50) { _ in
                var hasher = SHA256Hasher()
                for _ in 0..<4 { hasher.update(large.span.extracting(0..<piece)) }
                return hasher.finish().hashValue
            },
        ]
    }

    /// Groups of eight stored answers, each with its blob and its facts, in a catalog that grows.
    static func catalog(folder: String) throws -> Measurement {
        let catalog = try SQLiteCatalog(path: folder + "/cache.db")
        let head = Array("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: max-age=60\r\n\r\n".utf8)
        let facts = Array(#"{"conclusive":true,"type":"text/plain","version":1}"#.utf8)
        return Measurement(name: "commit 8 stored answers", repetitions: 500) { number in
            var changes: [CatalogChange] = []
            changes.reserveCapacity(24)
            for member in 0..<8 {
                let name = "http://archive.example/pool/\(number)/\(member)"
                let digest = SHA256Hasher.digest(Array(name.utf8))
                let blob = StoredBlob(
                    digest: digest, logicalSize: 10240, scope: .shared,
                    placement: BlobPlacement(text: "seg/1/\(number)/10296", sizeOnDisk: 10296))
                changes.append(.blob(blob, at: WallTime(seconds: 1_800_000_000)))
                changes.append(
                    .response(
                        StoredResponse(
                            partition: .shared, key: name, head: head, digest: digest, size: 10240,
                            requestTime: 1_800_000_000, responseTime: 1_800_000_000)))
                changes.append(.facts(digest, version: 1, json: facts))
            }
            try catalog.apply(changes)
            return changes.count
        }
    }

    /// Storing text of 4 MiB until it is compressed, and reading that back in pieces.
    static func compression(folder: String) throws -> [Measurement] {
        let store = try DiskStore(root: folder + "/content")
        let original = text(4 << 20)
        let stored = try storeCompressed(original, in: store)
        guard let reader = try store.open(stored) else { throw MicrobenchmarkError("the stored text is gone") }
        var buffer = [UInt8](repeating: 0, count: piece)
        return [
            Measurement(name: "store 4 MiB of text as LZ4", repetitions: 20) { number in
                var body = original
                body.replaceSubrange(0..<8, with: withUnsafeBytes(of: UInt64(number), Array.init))
                let blob = try storeCompressed(body, in: store)
                try store.remove(blob)
                return Int(blob.placement.sizeOnDisk)
            },
            Measurement(name: "read 4 MiB of text from LZ4", repetitions: 50) { _ in
                var position: Int64 = 0
                while position < reader.size {
                    let offset = position
                    position += Int64(try buffer.withUnsafeMutableBytes { try reader.read(at: offset, into: $0) })
                }
                return Int(buffer[piece / 2])
            },
        ]
    }

    private static func storeCompressed(_ body: [UInt8], in store: DiskStore) throws -> StoredBlob {
        let sink = try store.stage(scope: .shared, expectedSize: Int64(body.count))
        try sink.append(body)
        let plain = try sink.commit(digest: SHA256Hasher.digest(body), size: Int64(body.count))
        for _ in 0..<100 {
            if let moved = try store.maintain().first(where: { $0.old == plain }) { return moved.new }
        }
        throw MicrobenchmarkError("text was not compressed")
    }

    /// Words in an order that does not repeat, always the same ones.
    private static func text(_ count: Int) -> [UInt8] {
        let words = ["package ", "library ", "version ", "depends ", "section ", "digest ", "the ", "of ", "and\n"]
        var state: UInt64 = 88_172_645_463_325_252
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 16)
        while bytes.count < count {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            bytes += words[Int(state % 9)].utf8
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
