import CZlib

/// Undoes gzip (RFC 1952) piece by piece, several members in a row included.
///
/// Used by one job at a time.
struct GzipDecoder: ~Copyable {
    /// Why the bytes are no gzip.
    struct Failure: Error {
        let reason: String
    }

    private let stream: UnsafeMutablePointer<z_stream>
    private var isInside = false
    private var hasEnded = false
    /// Room for one step of output.
    private static let step = 128 << 10

    init() throws(Failure) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 16 more than the window size: gzip and nothing else.
        let code = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            stream.deallocate()
            throw Failure(reason: "zlib cannot start: \(code)")
        }
    }

    /// Decodes a piece; `emit` gets the decoded bytes in pieces and may refuse by throwing.
    mutating func decode(_ input: [UInt8], emit: ([UInt8]) throws(Failure) -> Void) throws(Failure) {
        var offset = 0
        while offset < input.count {
            if hasEnded {
                // Another member may follow the first (RFC 1952, section 2.2).
                inflateReset(stream)
                hasEnded = false
            }
            isInside = true
            let (output, used, code) = inflateOnce(input, from: offset)
            offset += used
            if !output.isEmpty { try emit(output) }
            switch code {
            case Z_STREAM_END:
                hasEnded = true
                isInside = false
            case Z_OK: break
            case Z_BUF_ERROR where used > 0 || !output.isEmpty: break
            default:
                let text = stream.pointee.msg.map { String(cString: $0) } ?? "code \(code)"
                throw Failure(reason: "the gzip stream is damaged: \(text)")
            }
        }
        // Output may wait inside zlib although all input is taken.
        while isInside {
            let (output, _, code) = inflateOnce([], from: 0)
            if !output.isEmpty { try emit(output) }
            if code == Z_STREAM_END {
                hasEnded = true
                isInside = false
            } else if output.count < Self.step {
                break
            }
        }
    }

    /// Whether the stream ended where a member ended.
    var isComplete: Bool { hasEnded }

    private func inflateOnce(_ input: [UInt8], from offset: Int) -> (output: [UInt8], used: Int, code: CInt) {
        var code: CInt = Z_OK
        var used = 0
        let output = [UInt8](unsafeUninitializedCapacity: Self.step) { buffer, count in
            input.withUnsafeBufferPointer { bytes in
                stream.pointee.next_in = bytes.baseAddress.map { UnsafeMutablePointer(mutating: $0 + offset) }
                stream.pointee.avail_in = UInt32(bytes.count - offset)
                stream.pointee.next_out = buffer.baseAddress
                stream.pointee.avail_out = UInt32(Self.step)
                code = inflate(stream, Z_NO_FLUSH)
                used = bytes.count - offset - Int(stream.pointee.avail_in)
                count = Self.step - Int(stream.pointee.avail_out)
            }
        }
        return (output, used, code)
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }
}
