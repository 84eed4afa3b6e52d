import Core
package import Platform
package import Wire

/// Who asked an origin something; all calls come on the loop of the connection.
package protocol OriginDelegate: AnyObject {
    /// An interim answer came (1xx but 101).
    func originInterim(_ connection: OriginConnection, _ head: ResponseHead)
    /// The final head came.
    func originHead(_ connection: OriginConnection, _ head: ResponseHead, _ framing: BodyFraming)
    /// A piece of the content came, free of chunking.
    func originBody(_ connection: OriginConnection, _ bytes: [UInt8])
    /// The answer is complete; the connection has gone back to the pool by itself if it can be used again.
    func originEnd(_ connection: OriginConnection, _ trailers: Fields)
    /// The exchange has failed, perhaps in mid-body; the connection is closed.
    func originFailed(_ connection: OriginConnection, _ error: OriginError)
    /// More of the request body may be sent.
    func originWritable(_ connection: OriginConnection)
}

/// One exchange with an origin over HTTP/1.1: one request, its answer, and the connection for so long.
///
/// 1. ``OriginPool/acquire(_:fresh:completion:)`` gives it, connected.
/// 2. ``start(head:body:)`` sends the request; ``sendBody(_:)`` and ``endBody(trailers:)`` its body.
/// 3. The ``delegate`` hears of the answer: interim heads, the head, body pieces, the end.
/// 4. ``complete(_:leftover:)`` returns the connection to the pool or closes it; ``fail(_:)`` or ``cancel()`` resets it.
///
/// After `originEnd`, `originFailed` or ``cancel()`` this object has no connection any more and all calls are without effect:
/// a late ``cancel()`` cannot hit the next user. The pool holds it while it has a connection, and it holds its delegate
/// until then. Confined to its loop.
package final class OriginConnection: StreamHandler, @unchecked Sendable {
    /// What it is connected to.
    package let key: OriginKey
    /// The address at the other end: the origin's, or the upstream proxy's.
    package let peerAddress: SocketAddress
    /// Whether earlier requests went through this connection.
    package let isReused: Bool
    /// Whether TLS continued an earlier session.
    package let tlsResumed: Bool
    /// Whether a single byte of the answer has come; if not, an idempotent request may be sent again on a fresh connection.
    package private(set) var hasReceivedAnything = false
    /// Who is told of the answer; let go when the exchange is over.
    package var delegate: (any OriginDelegate)?

    let loop: EventLoop
    private(set) var channel: OriginChannel?
    private let settings: RelaySettings
    private weak var pool: OriginPool?

    var upload = Upload.notStarted
    /// Bytes on their way to the socket: the head, framing of chunks.
    var outbox: [UInt8] = []
    var outboxStart = 0
    /// Whether there are credentials among them, so that they are wiped.
    var holdsCredentials = false
    var wantsWritable = false

    private var reader: ResponseReader?
    private var isPaused = false
    private var mayBeShared = true
    private var lastProgress: MonotonicTime
    private var deadline: Timer?

    /// Bytes taken from the socket in one turn before others are served.
    private static let fairShare = 256 * 1024
    /// Room for a piece of content that is read into memory of its own.
    private static let largestPiece = 128 * 1024
    /// What is shorter is read with whatever else came, and copied.
    private static let smallestPiece = 16 * 1024
    private var pieceSize = largestPiece

    init(channel: OriginChannel, pool: OriginPool) {
        self.channel = channel
        self.pool = pool
        key = channel.key
        peerAddress = channel.stream.peer
        isReused = channel.exchanges > 0
        tlsResumed = channel.stream.tlsResumed
        loop = channel.stream.loop
        settings = pool.settings
        lastProgress = loop.now
        channel.stream.handler = self
    }

    // MARK: The request

    /// Sends the head of the request, and what the loop can of it at once.
    ///
    /// The target is in origin-form; it becomes absolute-form for an upstream proxy. The fields are sent as they are, but
    /// for framing: `Content-Length` follows `.length`, `Transfer-Encoding` follows `.chunked`. Any method but CONNECT.
    ///
    /// - Parameters:
    ///   - head: The head.
    ///   - body: How the body will be framed.
    ///   - authorization: The value of an `Authorization` field that is added, and nowhere else; when it was wiped, the
    ///     exchange fails and nothing is sent.
    package func start(head: RequestHead, body: BodyFraming, authorization: SecretBytes? = nil) {
        loop.preconditionOnLoop()
        guard let channel, case .notStarted = upload else { return }
        channel.exchanges += 1
        reader = ResponseReader(method: head.method, settings: settings)
        mayBeShared = !Self.bindsConnection(head.fields)
        guard prepare(head, body, authorization) else {
            return fail(OriginError(.closedEarly, "the session has ended", status: 503))
        }
        lastProgress = loop.now
        watch()
        flush()
        channel.stream.requestTurn()
    }

    /// NTLM and Negotiate authenticate the connection, not the request (RFC 4559, section 6): nobody else may have it.
    private static func bindsConnection(_ fields: Fields) -> Bool {
        fields.all("authorization").contains { value in
            let scheme = value.prefix { $0 != " " }.lowercased()
            return scheme == "ntlm" || scheme == "negotiate"
        }
    }

    // MARK: The answer

    /// Says for whom it is, see ``EventLoop``.
    package func belongs(to lane: Int) { channel?.stream.lane = lane }

    /// Stops reading from the origin; what was read already (128 KiB at most) still comes.
    package func pauseReading() { isPaused = true }

    /// Goes on reading, from the next turn on.
    package func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        lastProgress = loop.now
        channel?.stream.requestTurn()
    }

    /// Ends the exchange with a reset, without further calls of the delegate.
    package func cancel() {
        guard let channel = letGo() else { return }
        channel.stream.abort()
        delegate = nil
    }

    package func streamReady(_ stream: ByteStream) {
        guard channel != nil else { return }
        if let failure = stream.failure, reader == nil {
            return fail(OriginError(.closedEarly, "the connection to the origin is broken: \(failure)"))
        }
        flush()
        if wantsWritable, outbox.isEmpty, stream.isWritable {
            wantsWritable = false
            delegate?.originWritable(self)
        }
        receive()
    }

    private func receive() {
        let buffer = loop.receiveBuffer
        var share = Self.fairShare
        while !isPaused, reader != nil, let stream = channel?.stream {
            guard share > 0 else { return stream.requestTurn() }
            var piece: [UInt8]?
            let outcome: ByteStream.Outcome
            if stream.mayBring, let content = reader?.plainContent, content >= Self.smallestPiece {
                outcome = readPiece(content, stream, &piece)
            } else {
                outcome = stream.read(into: buffer)
            }
            switch outcome {
            case .count(let count):
                hasReceivedAnything = true
                // A head has one deadline, however it trickles in; a body has one from piece to piece.
                if reader?.hasHead == true { lastProgress = loop.now }
                share -= count
                if let piece {
                    reader?.took(plainContent: count)
                    delegate?.originBody(self, piece)
                    // The end of a body follows from its length, without further input.
                    digest(UnsafeRawBufferPointer(start: nil, count: 0))
                } else {
                    digest(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                }
            case .wouldBlock:
                return
            case .end:
                return inputEnded(fault: nil)
            case .failed(let reason):
                return inputEnded(fault: reason)
            }
        }
    }

    /// Reads content into the memory in which it stays, so that nobody copies it.
    ///
    /// The room follows what came the last times; of what came into much too large a room a copy is kept.
    private func readPiece(_ content: Int64, _ stream: ByteStream, _ piece: inout [UInt8]?) -> ByteStream.Outcome {
        let room = min(pieceSize, Int(clamping: content))
        var outcome = ByteStream.Outcome.wouldBlock
        let bytes = [UInt8](unsafeUninitializedCapacity: room) { bytes, filled in
            outcome = stream.read(into: UnsafeMutableRawBufferPointer(bytes))
            if case .count(let count) = outcome { filled = count }
        }
        guard case .count(let count) = outcome else { return outcome }
        if count == room {
            pieceSize = min(pieceSize * 2, Self.largestPiece)
        } else if count < room / 2 {
            pieceSize = max(pieceSize / 2, Self.smallestPiece)
        }
        piece = count < room / 2 ? bytes.withUnsafeBytes { Array($0) } : bytes
        return outcome
    }

    private func digest(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while channel != nil {
            let event: ResponseReader.Event
            do throws(OriginError) {
                guard let next = try reader?.next(bytes, from: &offset) else { return }
                event = next
            } catch {
                return fail(error)
            }
            switch event {
            case .needMore:
                return
            case .interim(let head):
                watch()
                delegate?.originInterim(self, head)
            case .head(let head, let framing):
                accept(head, framing)
            case .body(let range):
                delegate?.originBody(self, Array(bytes[range]))
            case .end(let trailers):
                return complete(trailers, leftover: offset < bytes.count)
            }
        }
    }

    private func accept(_ head: ResponseHead, _ framing: BodyFraming) {
        if head.status == 407, let proxy = key.upstreamProxy, key.scheme == .http {
            let text = "\(proxy) wants credentials: put user:password@ into its setting"
            return fail(OriginError(.proxyRefused, text))
        }
        // RFC 9112, section 9.5: an answer that needs no body is not waited for; a 2xx may answer while it reads.
        if head.status >= 300 { stopSending() }
        watch()
        delegate?.originHead(self, head, framing)
    }

    private func inputEnded(fault: String?) {
        do throws(OriginError) {
            guard case .end(let trailers)? = try reader?.inputEnded(fault: fault) else { return }
            complete(trailers, leftover: true)
        } catch {
            fail(error)
        }
    }

    private func complete(_ trailers: Fields, leftover: Bool) {
        let isReusable = reader?.allowsReuse == true && !leftover && isRequestSent && mayBeShared
        let wasSent = isRequestSent
        guard let channel = letGo() else { return }
        if isReusable, let pool {
            pool.park(channel)
        } else if wasSent {
            channel.stream.closeOrderly()
        } else {
            channel.stream.abort()
        }
        let delegate = delegate
        self.delegate = nil
        delegate?.originEnd(self, trailers)
    }

    func fail(_ error: OriginError) {
        guard let channel = letGo() else { return }
        channel.stream.abort()
        let delegate = delegate
        self.delegate = nil
        delegate?.originFailed(self, error)
    }

    /// The policy changed: ends the exchange if it now forbids the destination.
    func recheck(_ policy: DestinationPolicy) {
        if let refusal = channel?.refusal(by: policy) { fail(OriginError(refusal)) }
    }

    /// Separates from the connection, which is then the caller's.
    func letGo() -> OriginChannel? {
        guard let channel else { return nil }
        self.channel = nil
        channel.stream.handler = nil
        deadline?.cancel()
        emptyOutbox()
        pool?.ended(self)
        return channel
    }

    // MARK: Deadlines

    /// Notes that something moved, from our side.
    func noteProgress() { lastProgress = loop.now }

    /// Starts waiting for the next thing.
    func watch() {
        lastProgress = loop.now
        let limit = waitingFor.limit
        if let deadline, deadline.isPending { return deadline.postpone(until: loop.now + limit) }
        deadline = loop.schedule(after: limit) { [weak self] in self?.checkDeadline() }
    }

    private var waitingFor: (limit: Duration, what: String) {
        if reader?.hasHead == true { return (settings.idleTimeout, "sent nothing more of its answer") }
        if isRequestSent { return (settings.headTimeout, "did not answer") }
        return (settings.idleTimeout, "took nothing more of the request")
    }

    private func checkDeadline() {
        let (limit, what) = waitingFor
        // Whoever waits for us (a slow client, backpressure) is not the origin.
        let waitsForUs = isPaused || (reader?.hasHead != true && !isRequestSent && outbox.isEmpty && !wantsWritable)
        if waitsForUs { lastProgress = loop.now }
        let due = lastProgress + limit
        guard loop.now >= due else {
            deadline = loop.schedule(after: due - loop.now) { [weak self] in self?.checkDeadline() }
            return
        }
        fail(OriginError(.timeout, "the origin \(key.authority.text) \(what) for \(limit.inSeconds) s"))
    }
}
