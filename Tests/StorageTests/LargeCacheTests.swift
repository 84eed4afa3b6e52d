import Cache
import Core
import Foundation
import Platform
import PlatformTesting
import SQLiteCatalog
import Storage
import Testing

@testable import DiskStore

/// A start does not depend on how much is stored.
@Suite struct LargeCacheTests {
    private static let count: UInt64 = 1_000_000
    private static let runsLongTests = ProcessInfo.processInfo.environment["FETCH_SERVICE_LONG_TESTS"] != nil

    private static func digest(_ number: UInt64) -> SHA256Digest {
        SHA256Digest(words: (number &* 0x9e37_79b9_7f4a_7c15, number &* 0xbf58_476d_1ce4_e5b9, 1, number))
    }

    private static func key(_ number: UInt64) -> String {
        "https://registry.example/packages/ab/cd/package-\(number % 5000)/package-\(number)-1.2.3.tar.gz"
    }

    private static let head = Array(
        """
        HTTP/1.1 200 OK\r
        Content-Type: application/octet-stream\r
        Cache-Control: max-age=365000000, immutable, public\r
        ETag: "0123456789abcdef0123456789abcdef"\r
        Last-Modified: Mon, 06 Oct 2031 07:08:09 GMT\r
        Date: Mon, 06 Oct 2031 07:08:09 GMT\r
        Server: registry\r
        \r\n
        """.utf8)

    private static func fill(_ path: String) throws {
        let catalog = try SQLiteCatalog(path: path)
        for start in stride(from: 0, to: count, by: 5000) {
            try catalog.apply(
                (start..<start + 5000).flatMap { number -> [CatalogChange] in
                    [
                        .blob(
                            StoredBlob(
                                digest: digest(number), logicalSize: 10_000, scope: .shared,
                                placement: BlobPlacement(text: "seg/\(number / 6000 + 1)/0/10056", sizeOnDisk: 10_056)),
                            at: WallTime(seconds: 1_900_000_000 + Int64(number))),
                        .response(
                            StoredResponse(
                                partition: .shared, key: key(number), head: head, digest: digest(number), size: 10_000,
                                requestTime: 1_900_000_000, responseTime: 1_900_000_000)),
                    ]
                })
        }
        try catalog.close()
    }

    /// Bytes of memory that are this process's own.
    private static func memory() throws -> Int {
        let text = String(decoding: try Kernel.contents(of: "/proc/self/status"), as: UTF8.self)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
        return try #require(Int(line.split(whereSeparator: { !$0.isNumber }).first ?? "")) * 1024
    }

    @Test(
        "With a million entries a start takes a second at most, a first hit 5 ms, and all of it little memory",
        .enabled(if: runsLongTests, "takes minutes and 2 GB; set FETCH_SERVICE_LONG_TESTS"))
    func million() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("cache.db")
        try Self.fill(path)
        _ = try DiskStore(root: folder.file("store"))
        // As many segments as a million bodies of 10 KB fill.
        for number in 1...170 {
            let name = String(repeating: "0", count: 6 - "\(number)".count) + "\(number).seg"
            try folder.write([], to: "store/segments/shared/\(name)")
        }
        let began = MonotonicTime.now()
        let catalog = try SQLiteCatalog(path: path)
        let disk = try DiskStore(root: folder.file("store"))
        let cache = ResponseCache(catalog: catalog, blobs: disk) { error in Issue.record("\(error)") }
        defer { cache.writer.stop() }
        let opened = MonotonicTime.now() - began
        #expect(opened < .seconds(1))

        var slowest = Duration.zero
        for number in stride(from: 17, to: Self.count, by: 4999) {
            let began = MonotonicTime.now()
            let entry = try #require(try cache.load(FillKey(partition: .shared, key: Self.key(number))).first)
            #expect(try cache.locate(entry.response.digest, scope: .shared) != nil)
            slowest = max(slowest, MonotonicTime.now() - began)
        }
        #expect(slowest < .milliseconds(5))
        #expect(try cache.catalog.totals().responses == Int64(Self.count))

        // What runs beside the first hits.
        let rounds = MonotonicTime.now()
        try Evictor(cache: cache, sha1s: SHA1Keeper(cache: cache)).run()
        #expect(MonotonicTime.now() - rounds < .seconds(1))
        // Of the whole process, with what filling the catalog took.
        let memory = try Self.memory()
        #expect(memory < 200 << 20)
        print("a million entries: open \(opened), slowest hit \(slowest), memory \(memory >> 20) MiB")
        try catalog.close()
    }
}
