import Platform
package import Wire

extension OriginConnection {
    /// How far the request has been handed over.
    enum Upload {
        case notStarted
        /// This many bytes of the body are still to come.
        case length(Int64)
        case chunked
        case complete
        /// The origin wants no more of it.
        case stopped
    }

    /// Small chunks are put together with their framing; larger ones are sent from where they are.
    private static var copiedChunk: Int { 16 * 1024 }
    private static var largestChunk: Int { 256 * 1024 }

    /// Whether the origin has the whole request, as far as the socket is concerned.
    var isRequestSent: Bool {
        guard case .complete = upload else { return false }
        return outbox.isEmpty
    }

    /// Whether body bytes are still wanted; when not, ``sendBody(_:)`` swallows them.
    package var wantsBody: Bool {
        switch upload {
        case .length, .chunked: channel != nil
        case .notStarted, .complete, .stopped: false
        }
    }

    /// Puts the head together; `false` when the credentials that it should have are gone.
    func prepare(_ given: RequestHead, _ body: BodyFraming, _ authorization: SecretBytes?) -> Bool {
        var head = given
        head.version = .http11
        if let proxy = key.upstreamProxy, key.scheme == .http {
            let origin = "http://" + key.authority.hostHeader(for: .http)
            head.target = Array(origin.utf8) + (head.target == [UInt8(ascii: "*")] ? [] : head.target)
            if let authorization = proxy.authorization { head.fields.set("Proxy-Authorization", authorization) }
        }
        switch body {
        case .none:
            if head.fields.contains("Content-Length") { head.fields.set("Content-Length", "0") }
            upload = .complete
        case .length(let count):
            if head.fields.all("Content-Length") != [String(count)] { head.fields.set("Content-Length", String(count)) }
            upload = count > 0 ? .length(count) : .complete
        case .chunked:
            head.fields.remove("Content-Length")
            head.fields.set("Transfer-Encoding", "chunked")
            upload = .chunked
        case .untilClose:
            preconditionFailure("a request body cannot end with the connection")
        }
        head.serialise(into: &outbox)
        guard let authorization else { return true }
        return add(authorization)
    }

    /// Writes credentials into the head that stands ready, without a copy elsewhere.
    private func add(_ authorization: SecretBytes) -> Bool {
        let name = Array("Authorization: ".utf8)
        let end: [UInt8] = [13, 10, 13, 10]
        // Room first: memory that the array gives up while it grows would not be wiped.
        outbox.reserveCapacity(outbox.count + name.count + authorization.count + end.count)
        outbox.removeLast(2)
        outbox += name
        holdsCredentials = true
        let written: Void? = authorization.withSpan { value in
            for index in value.indices { outbox.append(value[index]) }
            outbox += end
        }
        return written != nil
    }

    /// Lets go of what waited to be sent.
    func emptyOutbox() {
        if holdsCredentials {
            holdsCredentials = false
            SecretBytes.wipe(&outbox)
        } else {
            outbox.removeAll(keepingCapacity: outbox.capacity <= 4096)
        }
        outboxStart = 0
    }

    /// Sends a piece of the request body.
    ///
    /// - Returns: How many bytes were taken; when not all, go on at `originWritable`. Everything is taken, and thrown away,
    ///   once the origin has answered that it wants no more, or the exchange is over.
    package func sendBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        var taken = 0
        while taken < bytes.count {
            guard wantsBody else { return bytes.count }
            let count = sendPiece(UnsafeRawBufferPointer(rebasing: bytes[taken...]))
            if count == 0 {
                wantsWritable = wantsBody
                return wantsWritable ? taken : bytes.count
            }
            taken += count
        }
        return taken
    }

    private func sendPiece(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard flush(), let stream = channel?.stream else { return 0 }
        switch upload {
        case .length(let remaining):
            guard bytes.count <= remaining else {
                fail(OriginError(.malformed, "the request body is longer than its Content-Length", status: 400))
                return 0
            }
            guard let count = moved(stream.write(bytes)), count > 0 else { return 0 }
            upload = remaining > Int64(count) ? .length(remaining - Int64(count)) : .complete
            if isRequestSent { watch() }
            return count
        case .chunked:
            return sendChunk(bytes, stream)
        case .notStarted, .complete, .stopped:
            return 0
        }
    }

    private func sendChunk(_ bytes: UnsafeRawBufferPointer, _ stream: ByteStream) -> Int {
        let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(Self.largestChunk))
        var framing: [UInt8] = []
        ChunkedEncoder.appendChunkHeader(size: piece.count, to: &framing)
        let end: [UInt8] = [13, 10]
        if piece.count <= Self.copiedChunk {
            outbox = framing + piece + end
            flush()
            return piece.count
        }
        guard let sent = moved(stream.write(head: framing, body: piece, more: true)), sent > 0 else { return 0 }
        // A chunk that has begun must be finished: what the socket did not take waits here.
        if sent < framing.count {
            outbox = framing[sent...] + piece + end
        } else {
            outbox = piece[(sent - framing.count)...] + end
        }
        flush()
        return piece.count
    }

    /// Ends the request body; with `.length` all of it must have been sent.
    package func endBody(trailers: Fields? = nil) {
        switch upload {
        case .chunked:
            upload = .complete
            ChunkedEncoder.appendLastChunk(trailers: trailers ?? Fields(), to: &outbox)
            flush()
        case .length(let remaining):
            fail(OriginError(.malformed, "\(remaining) bytes of the request body are missing", status: 400))
        case .notStarted, .complete, .stopped:
            break
        }
    }

    /// Writes what waits; returns whether nothing is left.
    @discardableResult
    func flush() -> Bool {
        guard let stream = channel?.stream else { return false }
        while outboxStart < outbox.count {
            let start = outboxStart
            guard let count = moved(outbox.withUnsafeBytes { stream.write(.init(rebasing: $0[start...])) }), count > 0
            else { return false }
            outboxStart += count
        }
        if !outbox.isEmpty {
            emptyOutbox()
            if isRequestSent { watch() }
        }
        return true
    }

    /// Sorts out one write: nil when nothing more can be sent.
    private func moved(_ outcome: ByteStream.Outcome) -> Int? {
        switch outcome {
        case .count(let count):
            noteProgress()
            return count
        case .wouldBlock, .end:
            return nil
        case .failed:
            // The answer, or the reason of the failure, may still be there to read.
            stopSending()
            channel?.stream.requestTurn()
            return nil
        }
    }

    /// Sends no more of the request; the connection cannot be used again, unless all was sent already.
    func stopSending() {
        guard !isRequestSent else { return }
        upload = .stopped
        emptyOutbox()
        guard wantsWritable else { return }
        wantsWritable = false
        loop.soon { [weak self] in
            guard let self, channel != nil else { return }
            delegate?.originWritable(self)
        }
    }
}
