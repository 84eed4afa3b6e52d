import Core
import Cryptography
import Glibc
import Logging
import Relay
import Sessions
import Storage
import Platform
import Wire

/// One client's connection: heads in, answers out, one exchange at a time.
///
/// What it does with the bytes that come, by ``State``:
///
///     head      waits for a request head                  readHead()
///     busy      an exchange is under way                  feedBody(_:)
///     skipping  throws away the rest of a request's body  skipBody()
///     preface   a tunnel waits for its first byte         openTunnel()       ClientConnection+Tunnel
///     minting   a leaf certificate is being made          startTLS(_:)       ClientConnection+Tunnel
///     closed    nothing more
///
/// Pipelined requests wait in ``input`` until the answer before them is sent.
// Confined to its loop.
final class ClientConnection: StreamHandler, @unchecked Sendable {
    enum State {
        case head, busy(Exchange), skipping, preface, minting, closed
    }

    /// What CONNECT opened: whose it is and where everything in it goes.
    struct Tunnel {
        var session: Session
        var authority: Authority
        var scheme: Scheme

        /// What tells it from other tunnels of the session.
        var name: String { "\(scheme.rawValue)://\(authority.text)" }
    }

    let loop: ProxyLoop
    let stream: ByteStream
    var state = State.head
    var tunnel: Tunnel?
    /// When the connection is closed unless something happens before.
    private(set) var deadline: MonotonicTime

    /// Bytes that have come and are not used yet, from `inputStart` on.
    var input: [UInt8] = []
    var inputStart = 0
    private var scanner: HeadScanner
    private var body = RequestBody(framing: .none)
    private var hasEnded = false
    private var outbox: [UInt8] = []
    private var closesWhenSent = false
    private var isAdvancing = false
    /// Whose connection it is, from the first request with credentials on.
    var session: Session?
    /// Whether it is counted for ``session``.
    var isCounted = false
    /// The credentials that were accepted last.
    var accepted: (credentials: [UInt8], session: Session)?
    /// Whether it stands in the tally of what has not been authenticated.
    var isTallied = false
    let address: ClientAddress
    /// The fields that this client sends again and again.
    private var section: RepeatedSection?
    /// Whether the next head is the first of its tunnel.
    private var isFirstHead = false
    /// The bytes of the field section that was read last, when they are not the section's.
    private var sectionBytes: [UInt8] = []

    /// Bytes that wait at most, beside a head.
    private static let mostInput = 64 << 10

    init(loop: ProxyLoop, stream: ByteStream) {
        self.loop = loop
        self.stream = stream
        address = ClientAddress(stream.peer.text)
        scanner = HeadScanner(limit: loop.settings.headLimit)
        deadline = loop.loop.now + loop.settings.headTimeout
    }

    /// Whether an answer has gone out, here or in the tunnel: a client expects that such a connection may end, and asks again
    /// on another.
    private var hasAnswered = false

    /// Whether it may close because the service stops: nothing is under way, and its client will not take that for a failure.
    var mayEndQuietly: Bool { isIdle && hasAnswered && inputStart == input.count && outbox.isEmpty }

    /// Whether further requests may come on this connection.
    var mayStay: Bool { !closesWhenSent && !loop.isDraining && (!hasEnded || inputStart < input.count) }

    // MARK: - Events

    func streamReady(_ stream: ByteStream) {
        if stream.isTLS, !stream.handshakeDone, let failure = stream.failure {
            logFailedTLS(failure)
            return close(abruptly: true)
        }
        guard readInput() else { return }
        advance()
        if case .busy(let exchange) = state { exchange.pump() } else { _ = flush() }
    }

    /// A client that does not know our CA certificate makes no request that a report could show: whoever looks for the
    /// reason finds it here, once for each session.
    private func logFailedTLS(_ failure: String) {
        let log = loop.context.log
        let text = "TLS with \(stream.peer) failed: \(escapedForDisplay(failure))"
        guard let tunnel else { return log.debug("\(text)") }
        let line = "[\(tunnel.session.id)] \(tunnel.name): \(text)"
        guard loop.member(for: tunnel.session).ledger.noteFailedTLS() else { return log.debug("\(line)") }
        log.warning("\(line). Does the client trust this service's CA certificate? (told once for a session)")
    }

    /// Reads what has come, as much as may wait.
    ///
    /// - Returns: `false` when the connection has gone.
    private func readInput() -> Bool {
        if case .minting = state { return true }
        if case .preface = state, inputStart < input.count { return true }
        while input.count - inputStart < Self.mostInput, !hasEnded {
            let room = UnsafeMutableRawBufferPointer(rebasing: loop.loop.scratch[..<Self.mostInput])
            switch stream.read(into: room) {
            case .count(let count):
                if inputStart > 0 {
                    input.removeFirst(inputStart)
                    inputStart = 0
                }
                input.append(contentsOf: room[..<count])
                progressed()
            case .wouldBlock: return true
            case .end: hasEnded = true
            case .failed(let reason):
                lost(reason)
                return false
            }
        }
        return true
    }

    /// Does what the bytes at hand allow.
    func advance() {
        guard !isAdvancing else { return }
        isAdvancing = true
        defer { isAdvancing = false }
        var goesOn = true
        while goesOn {
            switch state {
            case .head: goesOn = readHead()
            case .busy(let exchange): goesOn = feedBody(exchange)
            case .skipping: goesOn = skipBody()
            case .preface: goesOn = openTunnel()
            case .minting, .closed: goesOn = false
            }
        }
        if inputStart == input.count, !input.isEmpty {
            // An idle connection keeps no buffer.
            input = []
            inputStart = 0
        }
    }

    // MARK: - Heads

    private func readHead() -> Bool {
        guard inputStart < input.count else {
            if hasEnded { closeAfterClient() }
            return false
        }
        if loop.isEnding {
            close()
            return false
        }
        if isFirstHead {
            isFirstHead = false
            section = sectionOfOthers()
        }
        if let section, let match = section.match(input, from: inputStart), begin(match, section) { return true }
        let head: RequestHead
        let framing: BodyFraming
        do throws(MessageError) {
            guard let length = try scanner.scan(input.span.extracting(inputStart..<input.count)) else {
                if hasEnded { close() }
                return false
            }
            head = try HeadParser.request(input.span.extracting(inputStart..<inputStart + length))
            framing = try head.framing()
            if framing == .none, head.method == "GET" { keepSection(of: head, length) }
            inputStart += length
            scanner.reset()
        } catch {
            refuseUnread(error)
            return false
        }
        body = RequestBody(framing: framing)
        progressed()
        return take(head, framing)
    }

    /// The section that another connection has sent into such a tunnel, when what has come ends with it.
    ///
    /// On the proxy port itself the section says whose the connection is, which must be looked at first.
    private func sectionOfOthers() -> RepeatedSection? {
        guard let tunnel, let end = input[inputStart...].firstIndex(of: 0x0a) else { return nil }
        return loop.ready.known(
            RepeatedSection.Key(session: tunnel.session.id, tunnel: tunnel.name, bytes: Array(input[(end + 1)...])))
    }

    /// Answers a request that consists of known bytes; `false` when it must be read in the ordinary way.
    private func begin(_ match: RepeatedSection.Match, _ section: RepeatedSection) -> Bool {
        let session = section.session
        let isOwn = tunnel.map { $0.session === session } ?? (isCounted && self.session === session)
        let member = loop.member(for: session)
        guard isOwn, session.isOpen, mayStay, member.ledger.hasRoomForExchange,
            loop.context.health.refusal(now: loop.loop.now) == nil
        else { return false }
        guard let source = match.answer.use(loop.cache, now: .now(), at: loop.loop.now) else {
            section.forget(match.answer)
            return false
        }
        inputStart += match.length
        scanner.reset()
        body = RequestBody(framing: .none)
        progressed()
        let exchange = Exchange(
            loop: loop, connection: self, member: member, section: section, answer: match.answer)
        state = .busy(exchange)
        exchange.begin(match.answer, from: source, in: section)
        return true
    }

    /// Keeps the bytes of a field section, which may come again.
    private func keepSection(of head: RequestHead, _ length: Int) {
        let line = head.method.utf8.count + head.target.count + 12
        guard length > line, input[inputStart + line - 1] == 0x0a, input[inputStart + line - 2] == 0x0d else {
            sectionBytes = []
            return
        }
        let bytes = input[inputStart + line..<inputStart + length]
        if let section, section.key.bytes.elementsEqual(bytes) { return sectionBytes.removeAll() }
        sectionBytes.removeAll(keepingCapacity: true)
        sectionBytes.append(contentsOf: bytes)
    }

    /// The section that the exchange's request came with.
    func repeatedSection(for exchange: Exchange) -> RepeatedSection? {
        guard !sectionBytes.isEmpty else { return section?.session === exchange.session ? section : nil }
        let key = RepeatedSection.Key(
            session: exchange.session.id, tunnel: tunnel?.name ?? "", bytes: sectionBytes)
        sectionBytes = []
        let found = loop.ready.section(key) {
            RepeatedSection(key, session: exchange.session, fields: exchange.request.fields)
        }
        section = found
        return found
    }

    /// Begins the exchange that a head asks for.
    private func take(_ head: RequestHead, _ framing: BodyFraming) -> Bool {
        if let tunnel {
            guard tunnel.session.isOpen else {
                // Nothing can be recorded any more, and nothing is asked of anybody.
                answer(
                    403, "download authorization denied: session \(tunnel.session.id) is not active any more",
                    close: true)
                return false
            }
            return begin(head, framing, tunnel.session) { () throws(MessageError) in
                try RequestURL.tunnelled(head, scheme: tunnel.scheme, authority: tunnel.authority)
            }
        }
        guard let session = authenticate(head) else {
            refuseAuthentication(framing, mayStay: head.wantsPersistence)
            return true
        }
        guard admit(session) else { return false }
        if head.method == "CONNECT" { return connect(head, session) }
        return begin(head, framing, session) { () throws(MessageError) in try RequestURL.proxied(head) }
    }

    private func begin(
        _ head: RequestHead, _ framing: BodyFraming, _ session: Session, _ parse: () throws(MessageError) -> RequestURL
    ) -> Bool {
        var head = head
        head.fields.remove("Proxy-Authorization")
        if let refusal = loop.context.health.refusal(now: loop.loop.now) {
            answer(503, refusal, fields: [("Retry-After", "5")], close: true)
            return false
        }
        let url: RequestURL
        do throws(MessageError) {
            url = try parse()
        } catch {
            let exchange = Exchange(
                loop: loop, connection: self, session: session, request: head, framing: framing, url: nil,
                recordedURL: describe(head))
            exchange.mayPersist = false
            state = .busy(exchange)
            exchange.refuse(error.status, error.reason)
            return true
        }
        let exchange = Exchange(
            loop: loop, connection: self, session: session, request: head, framing: framing, url: url,
            recordedURL: url.recorded)
        state = .busy(exchange)
        if let limit = exchange.limitCrossed {
            exchange.refuse(429, limit, fields: [("Retry-After", "10")])
        } else {
            exchange.begin()
        }
        return true
    }

    /// What stands in the record for a target that is no URL.
    private func describe(_ head: RequestHead) -> String {
        let target = String(decoding: head.target, as: UTF8.self)
        guard let tunnel else { return target }
        return "\(tunnel.scheme.rawValue)://\(tunnel.authority.text) \(target)"
    }

    // MARK: - Heads that cannot be read

    /// A head that cannot be read: answered and closed, recorded where the session is known.
    private func refuseUnread(_ error: MessageError) {
        inputStart = input.count
        guard let tunnel, tunnel.session.isOpen, loop.context.health.refusal(now: loop.loop.now) == nil else {
            return answer(error.status, error.reason, close: true)
        }
        let head = RequestHead(method: "", target: "")
        let exchange = Exchange(
            loop: loop, connection: self, session: tunnel.session, request: head, framing: .none, url: nil,
            recordedURL: describe(head))
        exchange.mayPersist = false
        state = .busy(exchange)
        exchange.refuse(error.status, error.reason)
    }

    // MARK: - Bodies of requests

    private func feedBody(_ exchange: Exchange) -> Bool {
        guard exchange.wantsBody else { return false }
        var isStuck = false
        do throws(MessageError) {
            try body.advance(&input, &inputStart) { bytes in
                let taken = exchange.takeBody(bytes)
                if taken < bytes.count { isStuck = true }
                return taken
            }
        } catch {
            exchange.mayPersist = false
            exchange.sourceFailed(error.reason, status: error.status)
            return false
        }
        progressed()
        if body.isComplete {
            exchange.endBody(trailers: body.trailers)
            return false
        }
        if hasEnded {
            exchange.clientFailed("the client ended its connection in the middle of the request's body")
            return false
        }
        if !isStuck { _ = readMoreSoon() }
        return false
    }

    /// The exchange takes bytes of the body now.
    func bodyWanted() {
        // Not from inside: the exchange may be in the middle of something.
        loop.loop.soon { [weak self] in
            guard let self, self.readInput() else { return }
            self.advance()
        }
    }

    /// There is room again: what the kernel holds can be read.
    private func readMoreSoon() -> Bool {
        stream.requestTurn()
        return false
    }

    private func skipBody() -> Bool {
        do throws(MessageError) {
            try body.advance(&input, &inputStart) { $0.count }
        } catch {
            close()
            return false
        }
        if body.isComplete {
            state = .head
            deadline = loop.loop.now + loop.settings.idleTimeout
            return true
        }
        if hasEnded { close() }
        return false
    }

    // MARK: - Answers

    /// Queues an answer of our own that belongs to no exchange.
    func answer(_ status: Int, _ text: String, fields: [(String, String)] = [], close: Bool) {
        let content = Array(escapedForDisplay(text).utf8)
        var head = ResponseHead(status: status)
        head.fields.append("Date", HTTPDate.format(WallTime.now().seconds))
        head.fields.append("Content-Type", "text/plain; charset=utf-8")
        for (name, value) in fields { head.fields.append(name, value) }
        if let error = ProxyStatus.Failure(status: status, category: .failure) {
            ProxyStatus(error).append(to: &head.fields, proxy: loop.context.pseudonym)
            // Most clients ask without credentials first: that is no error.
            if status != 407 { loop.counters.note(error) }
        }
        head.fields.append("Content-Length", String(content.count))
        hasAnswered = true
        if close { head.fields.append("Connection", "close") }
        head.serialise(into: &outbox)
        outbox += content
        if close {
            closesWhenSent = true
            state = .closed
        }
        _ = flush()
    }

    /// Queues bytes that go before the answer: interim heads.
    func sendNow(_ bytes: [UInt8]) {
        outbox += bytes
        _ = flush()
    }

    /// Sends what is queued.
    ///
    /// - Returns: Whether nothing is left and the connection is still there.
    @discardableResult
    func flush() -> Bool {
        guard stream.isOpen else { return false }
        while !outbox.isEmpty {
            switch outbox.withUnsafeBytes({ stream.write($0) }) {
            case .count(let count):
                outbox.removeFirst(count)
                progressed()
            case .wouldBlock: return false
            case .end, .failed:
                lost("the client is gone")
                return false
            }
        }
        if closesWhenSent {
            close()
            return false
        }
        return true
    }

    /// The exchange is over and its answer sent.
    func exchangeEnded(_ exchange: Exchange, mayPersist: Bool) {
        guard case .busy(let current) = state, current === exchange else { return }
        hasAnswered = true
        guard mayPersist, mayStay || inputStart < input.count else { return close() }
        state = body.isComplete ? .head : .skipping
        deadline = loop.loop.now + loop.settings.idleTimeout
        if case .head = state, inputStart == input.count, !stream.isTLS, !stream.isReadable, !hasEnded { return }
        // Not from inside, since the next request may be answered at once, and the next; and when it is this lane's turn.
        stream.requestTurn()
    }

    // MARK: - Ends

    /// Something moved: the client is alive.
    func progressed() {
        deadline = loop.loop.now + loop.settings.stallTimeout
        if case .head = state, inputStart < input.count {
            // A head must come in one go; its bytes do not buy time one by one.
            headStarted = headStarted ?? loop.loop.now
            deadline = (headStarted ?? loop.loop.now) + loop.settings.headTimeout
        } else {
            headStarted = nil
        }
    }

    private var headStarted: MonotonicTime?

    /// Closes the connection unless something comes within that time.
    func wait(atMost limit: Duration) { deadline = loop.loop.now + limit }

    /// Called once a second.
    func sweep(now: MonotonicTime) {
        if case .busy(let exchange) = state { exchange.sweep(now: now) }
        guard now > deadline else { return }
        switch state {
        case .head where inputStart < input.count:
            answer(408, "the request's head did not come in time", close: true)
            if stream.isOpen { close() }
        case .busy(let exchange):
            // Waiting for the origin or the record is not the client's fault; not taking or giving bytes is.
            guard exchange.phase == .delivering || exchange.phase == .released || exchange.wantsBody else { return }
            guard !stream.isWritable || exchange.wantsBody else { return }
            exchange.clientFailed("the client neither sent nor took anything for \(loop.settings.stallTimeout)")
        default:
            close()
        }
    }

    /// The socket is broken.
    private func lost(_ reason: String) {
        if case .busy(let exchange) = state {
            exchange.clientFailed("the client is gone: \(reason)")
        }
        close(abruptly: true)
    }

    /// Ends with a reset, so that the client sees that something is missing.
    func abort() { close(abruptly: true) }

    func close(abruptly: Bool = false) {
        state = .closed
        guard stream.isOpen else { return forget() }
        if abruptly { stream.abort() } else { stream.closeOrderly() }
        forget()
    }

    /// The client has ended its side after an answer, or before any request.
    private func closeAfterClient() {
        state = .closed
        stream.closeAfterPeer()
        forget()
    }

    private var isForgotten = false

    private func forget() {
        guard !isForgotten else { return }
        isForgotten = true
        if let session, isCounted { loop.left(self, session) }
        untally()
        loop.remove(self)
    }

    /// Opens the tunnel's way of reading: everything after is the tunnel's.
    func enterTunnel(_ tunnel: Tunnel) {
        self.tunnel = tunnel
        isFirstHead = true
        hasAnswered = false
        section = nil
        sectionBytes = []
        scanner.reset()
        body = RequestBody(framing: .none)
    }

    var isAtEnd: Bool { hasEnded }

    /// Whether no exchange is under way.
    var isIdle: Bool {
        if case .busy = state { return false }
        return true
    }
}
