import Cache
import Sessions
import Wire

/// Answers to requests with a secret are held until they were looked through for it (RULES, "Secrets and keys"): an origin that
/// shows what it was sent would give it to the build.
extension FillDriver {
    /// How much of a body is looked through, and as much of what gzip makes of that: nothing but `identity` was asked for, and
    /// not all origins care.
    private static let lookedThrough = 64 << 10

    private static let echo = FillFailure(
        status: 502,
        reason: "the origin's answer shows the secret that the session adds to its requests; it is not delivered")

    /// Whether the head of an answer is no good.
    func lookThrough(_ head: ResponseHead) -> FillFailure? {
        var bytes: [UInt8] = []
        head.serialise(into: &bytes)
        return shows(bytes) ? Self.echo : nil
    }

    /// Takes a piece of the body.
    ///
    /// - Returns: What may go on, from the first byte on; `nil` as long as that is nothing. The fill has begun then.
    /// - Throws: The failure, when the secret is there.
    func lookThrough(_ piece: [UInt8], isEnd: Bool) throws(FillFailure) -> [UInt8]? {
        guard var bytes = held else { return piece }
        held = nil
        bytes += piece
        guard isEnd || bytes.count >= Self.lookedThrough else {
            held = bytes
            return nil
        }
        let first = bytes.count > Self.lookedThrough ? Array(bytes[..<Self.lookedThrough]) : bytes
        guard !shows(first), !shows(Self.decoded(first)) else { throw Self.echo }
        if let admission { fill.begin(admission.head) }
        return bytes
    }

    /// The beginning of what gzip makes of bytes; empty when they are something else.
    private static func decoded(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.starts(with: [0x1f, 0x8b]) else { return [] }
        var text: [UInt8] = []
        do throws(GzipDecoder.Failure) {
            var decoder = try GzipDecoder()
            try decoder.decode(bytes) { (piece) throws(GzipDecoder.Failure) in
                text += piece
                if text.count >= lookedThrough { throw GzipDecoder.Failure(reason: "that is enough") }
            }
        } catch {
            // However it ended, what came before is to be looked through.
        }
        return text
    }

    private func shows(_ bytes: [UInt8]) -> Bool { order.secret?.credentials?.show(in: bytes) ?? false }
}
