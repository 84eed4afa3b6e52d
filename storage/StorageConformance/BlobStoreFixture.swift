package import Core
package import Storage
import Testing

/// One store under test, and what a test may do to the medium under it.
package protocol BlobStoreHarness: AnyObject, Sendable {
    var store: any BlobStore { get }

    /// Closes the store as the end of the process would, and opens it again; `nil` when nothing survives.
    func reopen() throws -> (any BlobStore)?

    /// Changes a byte of what is stored of a blob; returns `false` where a test cannot reach it.
    func damage(_ blob: StoredBlob) throws -> Bool

    /// Makes the medium look full, or not any more.
    func setFull(_ isFull: Bool)

    /// What is on the medium and belongs to no blob, such as names of staged files.
    func leftovers() throws -> [String]
}

/// A backend as the shared suite sees it.
package struct BlobStoreFixture: Sendable, CustomTestStringConvertible {
    package let testDescription: String
    /// SHA-256, which this target does not have.
    package let digest: @Sendable ([UInt8]) -> SHA256Digest
    /// Whether large text takes less room after `maintain`.
    package let compresses: Bool
    /// Makes an empty store that asks the plan before every operation on its medium.
    package let make: @Sendable (FaultPlan) throws -> any BlobStoreHarness

    package init(
        _ testDescription: String, compresses: Bool, digest: @escaping @Sendable ([UInt8]) -> SHA256Digest,
        make: @escaping @Sendable (FaultPlan) throws -> any BlobStoreHarness
    ) {
        self.testDescription = testDescription
        self.compresses = compresses
        self.digest = digest
        self.make = make
    }
}

/// A promise that every backend keeps, as a sentence and its proof.
package struct BlobStoreCheck: Sendable, CustomTestStringConvertible {
    package let testDescription: String
    package let run: @Sendable (BlobStoreFixture) async throws -> Void

    init(_ sentence: String, _ run: @escaping @Sendable (BlobStoreFixture) async throws -> Void) {
        testDescription = sentence
        self.run = run
    }

    /// All promises.
    package static let all = writing + reading + removing + surviving + failing
}
