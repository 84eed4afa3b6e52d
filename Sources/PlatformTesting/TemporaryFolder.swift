import Foundation
import Platform

/// A folder of a test's own, removed with everything in it when the test lets go of it.
package final class TemporaryFolder: Sendable {
    /// Where it is.
    package let path: String

    /// Makes one.
    ///
    /// - Parameter inMemory: Whether in memory, where there is such a file system: for those who synchronise thousands of
    ///   files.
    /// - Throws: When it cannot be made.
    package init(inMemory: Bool = false) throws {
        let memory = URL(fileURLWithPath: "/dev/shm", isDirectory: true)
        let isThere = FileManager.default.isWritableFile(atPath: memory.path)
        let parent = inMemory && isThere ? memory : FileManager.default.temporaryDirectory
        path = parent.appendingPathComponent("fetch-service-test-\(UUID().uuidString)").path
        try Kernel.mkdir(path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in it.
    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file as a whole.
    ///
    /// - Returns: Its path.
    /// - Throws: `SystemError`.
    @discardableResult
    package func write(_ bytes: [UInt8], to name: String, mode: UInt32 = 0o600) throws -> String {
        try Kernel.replaceFile(file(name), with: bytes)
        // Whatever the mask of the process.
        try Kernel.chmod(file(name), mode)
        return file(name)
    }

    /// Writes a file of text as a whole.
    ///
    /// - Returns: Its path.
    /// - Throws: `SystemError`.
    @discardableResult
    package func write(_ text: String, to name: String, mode: UInt32 = 0o600) throws -> String {
        try write(Array(text.utf8), to: name, mode: mode)
    }

    /// The bytes of a file.
    ///
    /// - Throws: `SystemError`.
    package func bytes(_ name: String) throws -> [UInt8] { try Kernel.contents(of: file(name), limit: 1 << 30) }

    /// The text of a file; empty when there is none.
    package func text(_ name: String) -> String { String(decoding: (try? bytes(name)) ?? [], as: UTF8.self) }

    /// The names of what is in it, in order.
    ///
    /// - Throws: `SystemError`.
    package func names() throws -> [String] { try Kernel.names(inFolder: path).sorted() }
}
