package import Cryptography
import Glibc
import Platform

extension ByteStream {
    /// Whether the stream is encrypted, or about to be.
    package var isTLS: Bool { tls != nil }

    /// Whether the handshake continued an earlier session.
    package var tlsResumed: Bool { tls?.isResumed ?? false }

    /// Begins TLS as the server; `prefix` is what was read of the ClientHello already.
    ///
    /// The handshake goes on by itself. The handler is called when it is over: then ``handshakeDone`` or ``failure`` is set.
    package func startServerTLS(_ context: TLSServerContext, prefix: [UInt8] = []) {
        startTLS { try TLSConnection.server(context, descriptor: raw, prefix: prefix) }
        if !prefix.isEmpty { isReadable = true }
    }

    /// Begins TLS as the client, verifying that the peer is `host`; sessions are resumed under `sessionKey`.
    package func startClientTLS(_ context: TLSClientContext, host: String, sessionKey: String) {
        startTLS { try TLSConnection.client(context, descriptor: raw, host: host, sessionKey: sessionKey) }
    }

    private func startTLS(_ make: () throws -> TLSConnection) {
        precondition(tls == nil, "TLS inside TLS")
        guard isOpen else { return }
        do {
            let tls = try make()
            if !sawHangUp { tls.watch(isReadable: isReadable) }
            self.tls = tls
            handshakeDone = false
            loop.enqueue(self)
        } catch {
            fail("TLS: \(error)")
        }
    }

    func advanceHandshake() {
        guard let tls else { return }
        switch tls.handshake() {
        case .count:
            handshakeDone = true
            noteHandshake(tls.isResumed ? .resumed : .full)
        case .wantRead:
            isReadable = false
        case .wantWrite:
            isWritable = false
        case .closed, .truncated:
            noteHandshake(.failed)
            fail("TLS: the peer closed the connection during the handshake")
        case .failed(let reason):
            noteHandshake(.failed)
            fail("TLS: \(tls.verifyFailure ?? reason)")
        }
    }

    private func noteHandshake(_ result: RelayCounters.Handshake) {
        loop.counters.note(result, isAccepted ? .client : .origin)
    }

    /// Gives the peer one more turn to ask for something, whose answer takes the ticket with it.
    func waitWithTicket() {
        guard let tls, failure == nil, tls.holdsTicket, !tls.hasRead else { return }
        isTicketDue = true
        loop.enqueue(self)
    }

    /// Sends the ticket to a peer that is silent.
    func sendDueTicket() {
        isTicketDue = false
        if let tls, !isReadable, !tls.hasRead { tls.sendTicket() }
    }

    func readTLS(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        guard let tls, handshakeDone else { return .wouldBlock }
        if let outcome = nextOutcome { return outcome }
        var count = 0
        while count < buffer.count, isReadable || tls.hasPendingPlaintext {
            switch tls.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...])) {
            case .count(let more):
                count += more
                if tls.isDrained { isReadable = false }
                continue
            case .wantRead:
                isReadable = false
            case .wantWrite:
                isWritable = false
            case .closed:
                nextOutcome = .end
            case .truncated:
                nextOutcome = .failed("TLS: the connection was truncated (no close_notify)")
            case .failed(let reason):
                nextOutcome = .failed("TLS: \(reason)")
            }
            break
        }
        return count > 0 ? .count(count) : nextOutcome ?? .wouldBlock
    }

    /// Encrypts and sends; what OpenSSL holds back for lack of room is copied and counts as taken.
    ///
    /// OpenSSL wants the very same bytes again after "want write"; keeping them here frees the callers of that rule. At most
    /// one record (16 KiB) is kept, and nothing more is taken until it is sent.
    func writeTLS(_ bytes: UnsafeRawBufferPointer, more: Bool = false) -> Outcome {
        guard let tls, handshakeDone, unsent.isEmpty else { return .wouldBlock }
        var taken = 0
        while taken < bytes.count {
            let piece = UnsafeRawBufferPointer(rebasing: bytes[taken..<min(bytes.count, taken + 16 * 1024)])
            switch tls.write(piece, more: more || taken + piece.count < bytes.count) {
            case .count(let count):
                taken += count
            case .wantWrite:
                unsent = [UInt8](piece)
                isWritable = false
                return .count(taken + piece.count)
            case .wantRead:
                unsent = [UInt8](piece)
                return .count(taken + piece.count)
            case .closed, .truncated:
                return .failed("TLS: the connection is closed")
            case .failed(let reason):
                return .failed("TLS: \(reason)")
            }
        }
        return .count(taken)
    }

    func writeTLS(head: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) -> Outcome {
        let staging = loop.stagingBuffer
        guard head.count < staging.count else { return writeTLS(head) }
        let bodyCount = min(body.count, staging.count - head.count)
        staging.copyMemory(from: head)
        UnsafeMutableRawBufferPointer(rebasing: staging[head.count...])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: body[..<bodyCount]))
        let first = writeTLS(
            UnsafeRawBufferPointer(rebasing: staging[..<(head.count + bodyCount)]), more: bodyCount < body.count)
        guard case .count(let count) = first, count == head.count + bodyCount, bodyCount < body.count, unsent.isEmpty
        else { return first }
        guard case .count(let rest) = writeTLS(UnsafeRawBufferPointer(rebasing: body[bodyCount...])) else {
            return first
        }
        return .count(count + rest)
    }

    /// Offers OpenSSL what it could not send.
    func sendUnsent() {
        guard let tls, !unsent.isEmpty, isWritable, failure == nil else { return }
        let result = unsent.withUnsafeBytes { tls.write($0) }
        switch result {
        case .count(let count):
            unsent.removeFirst(count)
            if unsent.isEmpty { unsent = [] }
        case .wantWrite:
            isWritable = false
        case .wantRead:
            break
        case .closed, .truncated:
            fail("TLS: the connection is closed")
        case .failed(let reason):
            fail("TLS: \(reason)")
        }
    }

    /// Whether bytes that `write` has taken still wait for room.
    package var hasUnsentBytes: Bool { !unsent.isEmpty }
}
