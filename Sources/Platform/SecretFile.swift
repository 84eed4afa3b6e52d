internal import CLinux
internal import Glibc

/// A file that is in memory only (memfd_create(2)), in which secret bytes go from one process to the next.
///
/// It has no name in any folder, is never written to a disk, and has gone with its last descriptor.
package final class SecretFile: Sendable {
    /// Whoever is given it reads the bytes.
    package let descriptor: SharedDescriptor

    /// More bytes are not taken from anybody.
    package static let largest = 64 << 20

    /// Makes a file with a copy of bytes; empty when they are wiped.
    ///
    /// - Parameters:
    ///   - name: What `/proc` calls it.
    ///   - bytes: What it holds.
    /// - Throws: ``SystemError``.
    package init(_ name: String, holding bytes: SecretBytes) throws(SystemError) {
        descriptor = SharedDescriptor(adopting: try Kernel.checked("memfd_create", name) { linux_memory_file(name) })
        var failure: SystemError?
        bytes.withSpan { span in
            span.withUnsafeBytes { bytes in
                do throws(SystemError) {
                    try Kernel.pwriteAll(descriptor.raw, bytes, offset: 0)
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
    }

    /// Takes over such a file that this process was started with, closed on `exec` from then on; `nil` when it is none.
    ///
    /// - Parameter number: Its descriptor, which nobody else uses.
    package init?(adopting number: CInt) {
        // Only files in memory can be sealed at all.
        guard linux_seals(number) >= 0, fcntl(number, F_SETFD, FD_CLOEXEC) == 0 else { return nil }
        descriptor = SharedDescriptor(adopting: number)
    }

    /// A copy of what it holds.
    ///
    /// - Throws: ``SystemError``; `EFBIG` when it holds more than ``largest``.
    package func contents() throws(SystemError) -> SecretBytes {
        let size = try Kernel.fstat(descriptor.raw).size
        guard size <= Self.largest else { throw SystemError(call: "read the file in memory", code: EFBIG) }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let failure: SystemError? = bytes.withUnsafeMutableBytes { room in
            do throws(SystemError) {
                _ = try Kernel.preadFully(descriptor.raw, into: room, offset: 0)
                return nil
            } catch {
                return error
            }
        }
        let contents = SecretBytes(taking: &bytes)
        if let failure { throw failure }
        return contents
    }

    /// Overwrites what it holds, for all who have it.
    package func wipe() throws(SystemError) {
        try Kernel.writeZeros(descriptor.raw, offset: 0, count: Int(try Kernel.fstat(descriptor.raw).size))
        try Kernel.ftruncate(descriptor.raw, 0)
    }
}
