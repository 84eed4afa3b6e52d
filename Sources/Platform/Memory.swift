internal import CLinux

/// How the process deals with the memory that it has freed.
package enum Memory {
    /// Keeps freed memory for the next use instead of giving it back to the kernel at once; once, before threads start.
    ///
    /// Without this the pieces of a relayed body are mapped, faulted in and unmapped one by one (mallopt(3):
    /// M_TRIM_THRESHOLD, M_MMAP_THRESHOLD).
    ///
    /// - Parameter bytes: Up to how many at the top of each arena, and from which size on a piece is mapped by itself.
    package static func keepFreed(_ bytes: Int = 8 << 20) { linux_keep_freed_memory(CInt(bytes)) }
}
