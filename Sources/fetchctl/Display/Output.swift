import Core
import Glibc
import Platform

/// Writes whole texts to standard output and error.
enum Output {
    /// Writes a text; where nobody reads it any more, that is their choice.
    static func write(_ text: String, to descriptor: CInt) {
        Array(text.utf8).withUnsafeBytes { bytes in
            try? Kernel.writeAll(descriptor, bytes)
        }
    }

    /// Writes a line of JSON to standard output.
    static func write(json: JSONValue) {
        write(escapedForDisplay(json: String(decoding: json.json, as: UTF8.self)) + "\n", to: STDOUT_FILENO)
    }

    /// Tells the person about a failure.
    static func complain(_ text: String) { write("fetchctl: \(text)\n", to: STDERR_FILENO) }
}
