import Glibc

/// A descriptor with several users, closed when the last one lets go.
package final class SharedDescriptor: Sendable {
    /// The number; valid as long as this object is held.
    package let raw: CInt

    package init(adopting descriptor: consuming OwnedDescriptor) {
        raw = descriptor.release()
    }

    /// Takes ownership of `raw`; the caller must not use or close it again.
    package init(adopting raw: CInt) {
        precondition(raw >= 0, "not a descriptor: \(raw)")
        self.raw = raw
    }

    deinit { _ = Glibc.close(raw) }
}
