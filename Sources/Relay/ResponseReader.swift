import Wire

/// Takes the answer to one request apart, without any I/O: RFC 9112 as seen by a client.
///
/// Phases: head (again after each interim answer) → body (by length, chunks, or until the end of the connection) → ended.
struct ResponseReader {
    /// What was found next.
    enum Event {
        /// All input is consumed.
        case needMore
        /// A 1xx that is not 101.
        case interim(ResponseHead)
        /// The final head.
        case head(ResponseHead, BodyFraming)
        /// These bytes of the input are content.
        case body(Range<Int>)
        /// The answer is complete; input after the offset does not belong to it.
        case end(Fields)
    }

    private enum Phase {
        case head
        case length(Int64)
        case chunked(ChunkedDecoder)
        case untilClose
        case ended
    }

    private let method: String
    private let settings: RelaySettings
    private var phase = Phase.head
    private var scanner: HeadScanner
    /// The beginning of a head that came in pieces.
    private var partial: [UInt8] = []
    private var interimCount = 0
    private var mayPersist = false

    init(method: String, settings: RelaySettings) {
        self.method = method
        self.settings = settings
        scanner = HeadScanner(limit: settings.headLimit)
    }

    /// Whether the final head has come.
    var hasHead: Bool {
        if case .head = phase { return false }
        return true
    }

    /// Whether the origin will take another request on the connection; meaningful after the end.
    var allowsReuse: Bool {
        guard case .ended = phase else { return false }
        return mayPersist
    }

    /// How many bytes of input are content and nothing else, whatever they are; `nil` where input must be taken apart.
    var plainContent: Int64? {
        switch phase {
        case .length(let remaining): remaining
        case .untilClose: .max
        case .head, .chunked, .ended: nil
        }
    }

    /// So many bytes of plain content were taken without ``next(_:from:)``; at most ``plainContent``.
    mutating func took(plainContent count: Int) {
        guard case .length(let remaining) = phase else { return }
        precondition(count <= remaining, "more was taken than there is content")
        phase = .length(remaining - Int64(count))
    }

    /// Makes one step from `offset`, which moves past what was consumed.
    mutating func next(_ input: UnsafeRawBufferPointer, from offset: inout Int) throws(OriginError) -> Event {
        switch phase {
        case .head:
            return try readHead(input, from: &offset)
        case .length(let remaining):
            if remaining == 0 { return end() }
            let count = Int(min(remaining, Int64(input.count - offset)))
            if count == 0 { return .needMore }
            phase = .length(remaining - Int64(count))
            offset += count
            return .body(offset - count..<offset)
        case .untilClose:
            if offset == input.count { return .needMore }
            defer { offset = input.count }
            return .body(offset..<input.count)
        case .chunked(var decoder):
            // Out of the phase while it changes, so that its buffers are not copied.
            phase = .ended
            let step: ChunkedDecoder.Step
            do {
                step = try decoder.next(input.bindMemory(to: UInt8.self).span, from: &offset)
            } catch {
                throw Self.malformed(error.reason)
            }
            switch step {
            case .needMore:
                phase = .chunked(decoder)
                return .needMore
            case .data(let range):
                phase = .chunked(decoder)
                return .body(range)
            case .end(let trailers):
                return .end(trailers)
            }
        case .ended:
            return .end(Fields())
        }
    }

    /// The connection has ended: gives the end of the answer when that is how it ends.
    ///
    /// `fault` is nil for an orderly end: FIN, for TLS close_notify.
    mutating func inputEnded(fault: String?) throws(OriginError) -> Event {
        let cause = fault ?? "the connection was closed"
        switch phase {
        case .untilClose where fault == nil:
            return end()
        case .untilClose:
            throw OriginError(.closedEarly, "the origin's answer broke off: \(cause)")
        case .head:
            throw OriginError(.closedEarly, "no answer from the origin: \(cause)")
        case .length(let remaining):
            throw OriginError(.closedEarly, "\(remaining) bytes of the origin's answer are missing: \(cause)")
        case .chunked:
            throw OriginError(.closedEarly, "the origin's answer broke off before its last chunk: \(cause)")
        case .ended:
            return .end(Fields())
        }
    }

    private mutating func end() -> Event {
        phase = .ended
        return .end(Fields())
    }

    private mutating func readHead(
        _ input: UnsafeRawBufferPointer, from offset: inout Int
    ) throws(OriginError) -> Event {
        let fresh = UnsafeRawBufferPointer(rebasing: input[offset...])
        if fresh.isEmpty { return .needMore }
        do {
            let head: ResponseHead
            if partial.isEmpty {
                let bytes = fresh.bindMemory(to: UInt8.self).span
                guard let length = try scanner.scan(bytes) else {
                    partial.append(contentsOf: fresh)
                    offset = input.count
                    return .needMore
                }
                head = try HeadParser.response(bytes.extracting(first: length), maxFields: settings.fieldLimit)
                offset += length
            } else {
                let known = partial.count
                partial.append(contentsOf: fresh)
                guard let length = try findEnd() else {
                    offset = input.count
                    return .needMore
                }
                head = try HeadParser.response(partial.span.extracting(first: length), maxFields: settings.fieldLimit)
                offset += length - known
                partial = []
            }
            scanner.reset()
            return try accept(head)
        } catch let error as MessageError {
            throw Self.malformed(error.reason)
        } catch let error as OriginError {
            throw error
        } catch {
            throw Self.malformed("\(error)")
        }
    }

    private mutating func findEnd() throws(MessageError) -> Int? {
        // A copy, since a span of one property and a change of another would overlap.
        var scanner = scanner
        defer { self.scanner = scanner }
        return try scanner.scan(partial.span)
    }

    private mutating func accept(_ head: ResponseHead) throws -> Event {
        if head.status == 101 { throw Self.malformed("the origin switched protocols without being asked") }
        let framing = try head.framing(requestMethod: method)
        if head.isInterim {
            interimCount += 1
            guard interimCount <= settings.interimLimit else {
                throw Self.malformed("the origin sent more than \(settings.interimLimit) interim answers")
            }
            return .interim(head)
        }
        mayPersist = head.allowsPersistence && framing != .untilClose
        switch framing {
        case .none: phase = .length(0)
        case .length(let count): phase = .length(count)
        case .chunked: phase = .chunked(ChunkedDecoder())
        case .untilClose: phase = .untilClose
        }
        return .head(head, framing)
    }

    private static func malformed(_ reason: String) -> OriginError {
        OriginError(.malformed, "the origin's answer is malformed: \(reason)")
    }
}
