import Glibc
import Platform

/// Reads files that go to the service; `-` is standard input.
enum InputFile {
    /// The longest that the service takes.
    static let longest = 4 << 20

    /// The bytes of a file.
    static func bytes(of path: String) throws(ServiceError) -> [UInt8] {
        do {
            return try Kernel.contents(of: path == "-" ? "/dev/stdin" : path, limit: longest)
        } catch {
            if error.code == EFBIG {
                throw ServiceError("\(Shown.text(path)) is longer than the \(longest) bytes that a service takes")
            }
            throw ServiceError("cannot read \(Shown.text(path)): \(SystemError.text(of: error.code))")
        }
    }

    /// The text of a file.
    static func text(of path: String) throws(ServiceError) -> String {
        guard let text = String(validating: try bytes(of: path), as: UTF8.self) else {
            throw ServiceError("\(Shown.text(path)) is not UTF-8 text")
        }
        return text
    }
}
