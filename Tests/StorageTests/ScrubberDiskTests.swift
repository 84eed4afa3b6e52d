import Cache
import Core
import Cryptography
import Foundation
import Platform
import PlatformTesting
import SQLiteCatalog
import Storage
import Testing

@testable import DiskStore

/// The scrubber over the backends that the service uses.
@Suite struct ScrubberDiskTests {
    private enum Form: CaseIterable { case plain, compressed, segment }

    private static func content(_ form: Form, _ seed: Int) -> [UInt8] {
        var random = SplitMix(state: UInt64(seed))
        return switch form {
        case .plain: (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        case .compressed: Array(String(repeating: "Package: sample-\(seed)\n", count: 40_000).utf8)
        case .segment: Array("small body \(seed)".utf8)
        }
    }

    private static func store(_ bytes: [UInt8], in store: DiskStore) throws -> StoredBlob {
        let digest = SHA256Hasher.digest(bytes)
        guard bytes.count > 64 << 10 else { return try store.put(bytes, digest: digest, scope: .shared) }
        let sink = try store.stage(scope: .shared, expectedSize: nil)
        try sink.append(bytes)
        return try sink.commit(digest: digest, size: Int64(bytes.count))
    }

    @Test("A flipped byte in a plain file, an LZ4 file and a segment is found, over a restart, and fetched again")
    func flippedBytes() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/cache.db"
        var blobs: [Form: [StoredBlob]] = [:]
        var scrubbed = 0
        do {
            let disk = try DiskStore(root: "\(folder.path)/store")
            let catalog = try SQLiteCatalog(path: path)
            for form in Form.allCases {
                for seed in 0..<20 {
                    let blob = try Self.store(Self.content(form, seed), in: disk)
                    try catalog.apply([.blob(blob, at: .now())])
                    blobs[form, default: []].append(blob)
                }
            }
            let cache = ResponseCache(catalog: catalog, blobs: disk) { error in Issue.record("\(error)") }
            let evictor = Evictor(cache: cache, sha1s: SHA1Keeper(cache: cache))
            while disk.hasCompressionToDo { try evictor.run() }
            // The plain files go one call later.
            try evictor.run()
            cache.writer.stop()
            for form in Form.allCases {
                for (index, blob) in (blobs[form] ?? []).enumerated() {
                    let found = try #require(try catalog.blob(blob.digest, scope: .shared))
                    blobs[form]?[index] = found
                    let word = found.placement.text.prefix(3)
                    #expect(word == (form == .plain ? "fil" : form == .compressed ? "lz4" : "seg"))
                }
            }
            for form in Form.allCases {
                try disk.layout.flipByte(of: try #require(blobs[form]?[7]))
            }
            let first = ResponseCache(catalog: catalog, blobs: disk) { error in Issue.record("\(error)") }
            let scrubber = Scrubber(cache: first) { _ in
                true
            } found: { _ in
            }
            #expect(try scrubber.step())
            scrubbed = scrubber.counts.damaged
            first.writer.stop()
            try catalog.close()
        }
        let disk = try DiskStore(root: "\(folder.path)/store")
        let catalog = try SQLiteCatalog(path: path)
        let cache = ResponseCache(catalog: catalog, blobs: disk) { error in Issue.record("\(error)") }
        defer { cache.writer.stop() }
        let damaged = Lock(scrubbed)
        let scrubber = Scrubber(cache: cache) { _ in
            true
        } found: { finding in
            if case .damaged = finding { damaged.withLock { $0 += 1 } }
        }
        while try scrubber.step() {}
        #expect(damaged.withLock { $0 } == 3)
        #expect(scrubber.counts.checked < 60, "the first slices were done before the restart")
        #expect(try catalog.totals().blobs == 57)
        for form in Form.allCases {
            for (index, blob) in (blobs[form] ?? []).enumerated() {
                #expect(try (catalog.blob(blob.digest, scope: .shared) == nil) == (index == 7))
                guard index == 7 else {
                    #expect(try disk.verify(blob))
                    continue
                }
                #expect(try !disk.verify(blob))
                let again = try Self.store(Self.content(form, 7), in: disk)
                #expect(try disk.verify(again))
            }
        }
    }
}
