/// Writes the chunked coding (RFC 9112, section 7.1).
///
/// One chunk is its header, its data, and the CR LF that the caller appends.
package enum ChunkedEncoder {
    /// Appends the size line of a chunk.
    ///
    /// - Precondition: the size is above zero; a chunk of no bytes would end the body.
    package static func appendChunkHeader(size: Int, to out: inout [UInt8]) {
        precondition(size > 0, "an empty chunk would end the body")
        var shift = (UInt64.bitWidth - UInt64(size).leadingZeroBitCount - 1) / 4 * 4
        while shift >= 0 {
            out.append(ASCII.hexDigit(UInt8(truncatingIfNeeded: UInt64(size) >> UInt64(shift)) & 15))
            shift -= 4
        }
        out.append(ASCII.carriageReturn)
        out.append(ASCII.lineFeed)
    }

    /// Appends the last chunk, the trailers and the empty line.
    package static func appendLastChunk(trailers: Fields = Fields(), to out: inout [UInt8]) {
        out.append(ASCII.zero)
        out.append(ASCII.carriageReturn)
        out.append(ASCII.lineFeed)
        trailers.serialise(into: &out)
        out.append(ASCII.carriageReturn)
        out.append(ASCII.lineFeed)
    }
}
