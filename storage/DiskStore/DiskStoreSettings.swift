/// What the operator may choose about blobs on disk.
package struct DiskStoreSettings: Sendable {
    /// What a blob that was reported as stored survives.
    package enum Durability: Sendable {
        /// The end of the process, however it ends.
        case process
        /// The end of the machine: every file and segment is synchronised before it is reported.
        case power
    }

    /// What a stored blob survives.
    package var durability = Durability.process
    /// Bytes that stay free; `nil` means 256 MiB or 2 % of the file system, whichever is smaller.
    package var minFree: Int64?
    /// Bodies up to this many bytes share segment files; at most 64 KiB.
    package var segmentedSize = 64 << 10
    /// A segment file that has grown to this many bytes is followed by a new one.
    package var segmentSize: Int64 = 64 << 20
    /// Whether anything is compressed.
    package var compresses = true
    /// How hard LZ4 tries with small bodies: 1 is its default, each step more is about 3 % faster and finds less.
    package var smallAcceleration: Int32 = 4
    /// Large blobs that wait for the background; beyond this many the oldest stays plain.
    package var compressionQueue = 4096
    /// Bytes that one call of `maintain` reads for compressing, about; bounds how long it takes: 7 ms for text.
    package var maintenanceBytes: Int64 = 1 << 20
    /// Bytes of compressed bodies that are kept decoded in memory while they are asked for again and again.
    package var decodedMemory = 64 << 20
    /// Bytes of files that are mapped while they are sent again and again; the kernel's memory for files, which the process
    /// is shown as having.
    package var mappedFiles = 256 << 20

    package init() {}
}
