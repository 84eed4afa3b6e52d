import Glibc
import Platform

/// A folder of a test, removed with everything in it when the test lets go of it.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/fetchctl-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError(call: "mkdtemp", code: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file with this mode.
    @discardableResult
    func write(_ name: String, _ text: String, mode: mode_t = 0o600) throws -> String {
        let path = file(name)
        try Kernel.replaceFile(path, with: Array(text.utf8), mode: 0o600)
        try Kernel.chmod(path, mode)
        return path
    }

    func read(_ name: String) throws -> String {
        String(decoding: try Kernel.contents(of: file(name)), as: UTF8.self)
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        for name in (try? Kernel.names(inFolder: path)) ?? [] {
            let inner = path + "/" + name
            var status = stat()
            if lstat(inner, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                remove(inner)
            } else {
                try? Kernel.unlink(inner)
            }
        }
        try? Kernel.rmdir(path)
    }
}
