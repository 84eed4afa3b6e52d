import Glibc

/// Owns one open file descriptor and closes it exactly once.
package struct OwnedDescriptor: ~Copyable, Sendable {
    private let raw: CInt

    /// Takes ownership of `raw`; the caller must not use or close it again.
    package init(adopting raw: CInt) {
        precondition(raw >= 0, "not a descriptor: \(raw)")
        self.raw = raw
    }

    /// Lends the number for one call; do not store it.
    package borrowing func withRaw<R: ~Copyable, E: Error>(_ body: (CInt) throws(E) -> R) throws(E) -> R {
        try body(raw)
    }

    /// The number, for the calls of ``Kernel``; valid as long as this value lives.
    package var number: CInt { raw }

    /// Closes now, reporting the error that `deinit` has to swallow.
    ///
    /// Never retried on `EINTR`: Linux has already released the number (close(2)).
    package consuming func close() throws(SystemError) {
        let raw = raw
        discard self
        guard Glibc.close(raw) == 0 else { throw SystemError(call: "close", code: errno) }
    }

    /// Gives the number away without closing it; whoever takes it must close it.
    package consuming func release() -> CInt {
        let raw = raw
        discard self
        return raw
    }

    deinit { _ = Glibc.close(raw) }
}
