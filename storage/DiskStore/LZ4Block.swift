import CLZ4

/// LZ4 blocks without a frame around them.
enum LZ4Block {
    /// Compresses into a buffer whose size says what is worth it.
    ///
    /// - Parameters:
    ///   - source: The content.
    ///   - target: Room for the result, and no more than it may take.
    ///   - acceleration: 1 searches best; higher is faster.
    /// - Returns: The bytes written, or `nil` when the result does not fit.
    static func compress(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, acceleration: Int32 = 1
    ) -> Int? {
        let count = LZ4_compress_fast(
            source.baseAddress, target.baseAddress, Int32(source.count), Int32(target.count), acceleration)
        return count > 0 ? Int(count) : nil
    }

    /// Undoes ``compress``; safe for any input.
    ///
    /// - Returns: Whether the target was filled exactly.
    static func decompress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool {
        let count = LZ4_decompress_safe(
            source.baseAddress, target.baseAddress, Int32(source.count), Int32(target.count))
        return Int(count) == target.count
    }
}
