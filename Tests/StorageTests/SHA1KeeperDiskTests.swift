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

/// The SHA-1 of bodies in each form in which the disk keeps them.
@Suite struct SHA1KeeperDiskTests {
    private static let contents: [(word: String, bytes: [UInt8])] = {
        var random = SplitMix(state: 1)
        return [
            ("fil", (0..<1_000_000).map { _ in UInt8.random(in: 0...255, using: &random) }),
            ("lz4", Array(String(repeating: "Package: sample\n", count: 80_000).utf8)),
            ("seg", Array("small body".utf8)),
        ]
    }()

    private static func store(_ bytes: [UInt8], _ scope: BlobScope, in store: DiskStore) throws -> StoredBlob {
        let digest = SHA256Hasher.digest(bytes)
        guard bytes.count > 64 << 10 else { return try store.put(bytes, digest: digest, scope: scope) }
        let sink = try store.stage(scope: scope, expectedSize: nil)
        try sink.append(bytes)
        return try sink.commit(digest: digest, size: Int64(bytes.count))
    }

    private static func settle(_ cache: ResponseCache) {
        let done = Latch()
        cache.writer.submit([]) { _ in done.signal() }
        #expect(done.wait(atMost: .seconds(20)))
    }

    @Test("Plain, compressed and small bodies, shared and private, have theirs, also after eviction and a restart")
    func everyForm() throws {
        let session = try #require(SessionID("live"))
        for scope in [BlobScope.shared, .session(session)] {
            let folder = try TemporaryFolder()
            let path = "\(folder.path)/cache.db"
            let disk = try DiskStore(root: "\(folder.path)/store")
            let catalog = try SQLiteCatalog(path: path)
            var settings = ResponseCache.Settings()
            settings.sizeCap = 1
            let small = ResponseCache(catalog: catalog, blobs: disk, settings: settings) { Issue.record("\($0)") }
            let roomy = ResponseCache(catalog: catalog, blobs: disk) { Issue.record("\($0)") }
            for content in Self.contents {
                let blob = try Self.store(content.bytes, scope, in: disk)
                try catalog.apply([.blob(blob, at: .now()), .pin(blob.digest, session)])
            }
            // Until the large ones are compressed.
            for _ in 0..<3 { try Evictor(cache: roomy, sha1s: SHA1Keeper(cache: roomy)).run() }
            Self.settle(roomy)
            for (index, content) in Self.contents.enumerated() {
                let digest = SHA256Hasher.digest(content.bytes)
                if scope == .shared {
                    #expect(try catalog.blob(digest, scope: scope)?.placement.text.prefix(3) == content.word[...])
                }
                // The first is left to the evictor.
                guard index > 0 else { continue }
                let answer = SHA1Keeper(cache: roomy).sha1(
                    of: digest, session: session
                ) { true }
                #expect(answer == .known(SHA1Hasher.digest(content.bytes), read: Int64(content.bytes.count)))
            }
            Self.settle(roomy)
            #expect(try Evictor(cache: small, sha1s: SHA1Keeper(cache: small)).run() == 3)
            #expect(try catalog.totals().blobs == 0)
            small.writer.stop()
            roomy.writer.stop()
            try catalog.close()

            let again = try SQLiteCatalog(path: path)
            let cache = ResponseCache(catalog: again, blobs: disk) { Issue.record("\($0)") }
            for content in Self.contents {
                let answer = SHA1Keeper(cache: cache).sha1(
                    of: SHA256Hasher.digest(content.bytes), session: session
                ) { true }
                #expect(answer == .known(SHA1Hasher.digest(content.bytes), read: 0))
            }
            cache.writer.stop()
            try again.close()
        }
    }
}
