import COpenSSL

/// Why a certificate, a key or a TLS context could not be had; the reason says what to do.
package struct CertificateError: Error, Hashable, Sendable, CustomStringConvertible {
    package var reason: String

    package init(reason: String) { self.reason = reason }

    package var description: String { reason }
}

/// OpenSSL's queue of errors, one per thread.
enum ErrorQueue {
    static func clear() { ERR_clear_error() }

    /// The reason code of the first error, and its sentence; empties the queue.
    static func take() -> (code: CInt, text: String)? {
        let error = ERR_peek_error()
        guard error != 0 else { return nil }
        defer { ERR_clear_error() }
        let text = ERR_reason_error_string(error).map { String(cString: $0) }
        return (ERR_GET_REASON(error), text ?? "OpenSSL error \(error)")
    }

    /// An error of ours with OpenSSL's reason behind it.
    static func error(_ what: String) -> CertificateError {
        CertificateError(reason: take().map { "\(what): \($0.text)" } ?? what)
    }
}
