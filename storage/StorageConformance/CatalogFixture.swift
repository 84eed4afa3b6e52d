import Core
package import Storage
import Testing

/// One catalog under test, and what a test may do to the medium under it.
package protocol CatalogHarness: AnyObject, Sendable {
    var catalog: any Catalog { get }

    /// Opens what is on the medium at this moment, as after the sudden end of the process; `nil` when nothing survives.
    func crash() throws -> (any Catalog)?

    /// Makes the medium look full, or not any more.
    func setFull(_ isFull: Bool) throws
}

/// A backend as the shared suite sees it.
package struct CatalogFixture: Sendable, CustomTestStringConvertible {
    package let testDescription: String
    /// Makes an empty catalog.
    package let make: @Sendable () throws -> any CatalogHarness

    package init(_ testDescription: String, make: @escaping @Sendable () throws -> any CatalogHarness) {
        self.testDescription = testDescription
        self.make = make
    }
}

/// A promise that every backend keeps, as a sentence and its proof.
package struct CatalogCheck: Sendable, CustomTestStringConvertible {
    package let testDescription: String
    package let run: @Sendable (any CatalogHarness) throws -> Void

    init(_ sentence: String, _ run: @escaping @Sendable (any CatalogHarness) throws -> Void) {
        testDescription = sentence
        self.run = run
    }

    /// All promises.
    package static let all = responses + blobs + sessions + groups
}

/// Values for the checks.
enum CatalogSample {
    static let key = "https://a.example/x"

    static func id(_ text: String) throws -> SessionID { try #require(SessionID(text)) }

    static func digest(_ number: UInt64) -> SHA256Digest { SHA256Digest(words: (number << 60 | number, 2, 3, number)) }

    static func time(_ seconds: Int64) -> WallTime { WallTime(seconds: seconds) }

    static func blob(_ number: UInt64, _ scope: BlobScope = .shared, onDisk: Int64 = 5) -> StoredBlob {
        StoredBlob(
            digest: digest(number), logicalSize: Int64(number) * 10, scope: scope,
            placement: BlobPlacement(text: "p/\(number)/\(onDisk)", sizeOnDisk: onDisk))
    }

    static func response(
        _ variant: String = "", partition: Partition = .shared, key: String = key, names: [String] = ["accept"],
        digest number: UInt64 = 1
    ) -> StoredResponse {
        StoredResponse(
            partition: partition, key: key, varyNames: names, variant: variant, status: 203,
            head: Array("HTTP/1.1 203 Fine\r\nX: \(variant)\r\n\r\n".utf8), digest: digest(number), size: 1 << 40,
            requestTime: 1_900_000_000, responseTime: 1_900_000_001, decoded: variant == "gzip")
    }
}

extension Catalog {
    /// The responses of a key without their ids.
    func stored(_ partition: Partition = .shared, key: String = CatalogSample.key) throws -> [StoredResponse] {
        try responses(in: partition, key: key).map { response in
            var response = response
            response.id = 0
            return response
        }
    }

    /// All blobs by pages.
    func allBlobs(limit: Int) throws -> [StoredBlob] {
        var result: [StoredBlob] = []
        while true {
            let page = try blobs(after: result.last?.digest, limit: limit)
            if page.isEmpty { return result }
            result += page
        }
    }

    /// Removes everything that removals have left, and says in how many slices.
    @discardableResult
    func endRemovals() throws -> Int {
        var slices = 1
        while try !removeSlice() { slices += 1 }
        return slices
    }

    /// Counts what is there the slow way and compares.
    func expectTotals(_ keys: [(Partition, String)] = [(.shared, CatalogSample.key)], _ comment: Comment? = nil) throws
    {
        let blobs = try allBlobs(limit: 100)
        let responses = try keys.reduce(0) { try $0 + self.responses(in: $1.0, key: $1.1).count }
        let expected = CatalogTotals(
            blobs: Int64(blobs.count), bytesOnDisk: blobs.reduce(0) { $0 + $1.placement.sizeOnDisk },
            logicalBytes: blobs.reduce(0) { $0 + $1.logicalSize }, responses: Int64(responses))
        #expect(try totals() == expected, comment)
    }
}
