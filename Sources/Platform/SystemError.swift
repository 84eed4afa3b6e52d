import Glibc

/// A system call that failed: which one, and with which `errno`.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name of the call, with the path where there is one.
    package var call: String
    package var code: CInt

    package init(call: String, code: CInt) {
        self.call = call
        self.code = code
    }

    /// "open /x: No such file or directory".
    package var description: String { "\(call): \(Self.text(of: code))" }

    /// The sentence that the C library has for an `errno` value.
    package static func text(of code: CInt) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let start = buffer.baseAddress, strerror_r(code, start, buffer.count) == 0 else {
                return "error \(code)"
            }
            return String(cString: start)
        }
    }
}
