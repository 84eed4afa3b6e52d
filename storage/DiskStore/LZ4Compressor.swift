import CLZ4

/// Compresses many blocks, one after the other, at one level.
///
/// Confined to whoever made it.
final class LZ4Compressor {
    /// How hard it tries.
    enum Level {
        /// About 750 MB/s; package lists come to 0.38 of their size.
        case fast
        /// `LZ4HC_CLEVEL_MIN`, about 150 MB/s; package lists come to 0.31. Every level above costs more than it finds: the
        /// ninth takes twice as long for 0.30.
        case high
    }

    let level: Level
    /// What the high level works with (256 KiB), so that it is not allocated for each block.
    private let state: UnsafeMutableRawPointer?

    init(_ level: Level) {
        self.level = level
        state =
            switch level {
            case .fast: nil
            case .high: .allocate(byteCount: Int(LZ4_sizeofStateHC()), alignment: 16)
            }
    }

    deinit { state?.deallocate() }

    /// Compresses into a buffer whose size says what is worth it.
    ///
    /// - Returns: The bytes written, or `nil` when the result does not fit.
    func compress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
        guard let state else { return LZ4Block.compress(source, into: target) }
        let count = LZ4_compress_HC_extStateHC(
            state, source.baseAddress, target.baseAddress, Int32(source.count), Int32(target.count), LZ4HC_CLEVEL_MIN)
        return count > 0 ? Int(count) : nil
    }
}
