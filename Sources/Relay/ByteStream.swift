import Core
import Cryptography
import Glibc
package import Platform

/// Who uses a stream.
package protocol StreamHandler: AnyObject {
    /// Something changed: there may be bytes to read, room to write, an end, an error, or a handshake that is over.
    ///
    /// Called at most once per turn of the loop. Read until `.wouldBlock`, or stop after a fair share and call
    /// ``ByteStream/requestTurn()``. The stream may be closed in the call.
    func streamReady(_ stream: ByteStream)
}

/// A connected TCP socket, plain or TLS, on one loop.
///
/// It knows from the edges that the kernel reports, and from short reads and writes, whether a call can move anything, and
/// answers `.wouldBlock` without a system call when it cannot (epoll(7): "the condition that the read/write I/O space is
/// exhausted can also be detected by checking the amount of data read from / written to the target file descriptor").
///
/// The loop holds it until it is closed, and it holds its handler until then: a connection lives as long as its socket.
/// Confined to its loop (checked by `preconditionOnLoop` where it is made).
package final class ByteStream: LoopMember, @unchecked Sendable {
    /// What one call came to.
    package enum Outcome: Sendable, Equatable {
        /// So many bytes moved.
        case count(Int)
        /// Nothing moves now; ``StreamHandler/streamReady(_:)`` comes when that changes.
        case wouldBlock
        /// The peer has ended its side in order: FIN, or close_notify for TLS. Writing may go on.
        case end
        /// The connection is broken, in words.
        case failed(String)
    }

    /// The address at the other end; an IPv4 peer of a dual-stack listener is given as IPv4.
    package let peer: SocketAddress

    /// Who is told of changes; let go when the stream closes.
    package var handler: (any StreamHandler)?

    /// Whether the connection was made by the peer, and counts against the limit of the acceptor.
    let isAccepted: Bool
    // Nil once closed. `raw` is its number, valid as long; kept apart so that the hot calls need no closure.
    private var descriptor: OwnedDescriptor?
    let raw: CInt

    /// Whether a read may give something, to the best of our knowledge.
    package internal(set) var isReadable = false
    /// Whether a write may take something, to the best of our knowledge.
    package internal(set) var isWritable: Bool
    /// The peer ended its side or the connection broke: a short read does not mean that all was read.
    var sawHangUp = false
    /// Everything that the peer sent has been read, its FIN included.
    var reachedEnd = false
    /// Why the connection is of no use any more.
    package internal(set) var failure: String?

    var tls: TLSConnection?
    /// Whether there is no handshake or it is over.
    package internal(set) var handshakeDone = true
    /// Bytes that were accepted by `write` and that OpenSSL could not send yet; the same ones must be offered again.
    var unsent: [UInt8] = []
    /// What a read found after the bytes that it returned; told by the next read.
    var nextOutcome: Outcome?
    /// Whether a session ticket goes out in the next turn if the peer asks for nothing until then.
    var isTicketDue = false
    var wantsShutdown = false
    var hasShutDown = false
    var closing: Closing?

    /// Takes over an accepted connection.
    ///
    /// Only on the loop. When the kernel refuses to watch it, the stream begins with a ``failure``.
    package convenience init(loop: EventLoop, descriptor: consuming OwnedDescriptor, peer: SocketAddress) {
        self.init(loop: loop, descriptor: descriptor, peer: peer.unmapped, isAccepted: true)
        loop.acceptedOpened()
    }

    init(loop: EventLoop, descriptor: consuming OwnedDescriptor, peer: SocketAddress, isAccepted: Bool) {
        self.peer = peer
        self.isAccepted = isAccepted
        isWritable = isAccepted
        raw = descriptor.number
        self.descriptor = consume descriptor
        super.init(loop: loop)
        do {
            try loop.add(self, raw, [.readable, .writable, .peerClosed, .edgeTriggered])
        } catch {
            fail("cannot watch the connection: \(error)")
        }
    }

    /// Starts connecting; the handler is called when the attempt has ended, see ``connectResult()``.
    static func connect(loop: EventLoop, to address: SocketAddress) throws(SystemError) -> ByteStream {
        let descriptor = try Kernel.socket(ipv6: address.isIPv6)
        Kernel.setNoDelay(descriptor.number)
        if case .failed(let code) = Kernel.connect(descriptor.number, address) {
            throw SystemError(call: "connect", code: code)
        }
        return ByteStream(loop: loop, descriptor: descriptor, peer: address, isAccepted: false)
    }

    /// What an attempt to connect came to: nil while it goes on, 0 or the `errno`.
    func connectResult() -> CInt? {
        guard isOpen else { return ECONNABORTED }
        if failure != nil { return ENOMEM }
        return isWritable ? Kernel.pendingError(raw) : nil
    }

    /// Whether it can still be used.
    package var isOpen: Bool { descriptor != nil && closing == nil }

    // MARK: Reading

    /// Whether reading may bring something or an end; `false` only when ``read(into:)`` would say `.wouldBlock`.
    package var mayBring: Bool {
        guard isOpen, failure == nil else { return true }
        return isReadable || nextOutcome != nil || tls?.hasPendingPlaintext == true
    }

    /// Reads what is there, up to the size of `buffer`, which must not be 0.
    ///
    /// A TLS stream that ends without close_notify is `.failed`: somebody may have cut it.
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        precondition(!buffer.isEmpty, "reading into nothing")
        guard isOpen else { return .failed("the connection is closed") }
        if let failure { return .failed(failure) }
        if tls != nil { return readTLS(into: buffer) }
        guard isReadable else { return .wouldBlock }
        switch Kernel.recv(raw, into: buffer) {
        case .count(0):
            reachedEnd = true
            return .end
        case .count(let count):
            if count < buffer.count, !sawHangUp { isReadable = false }
            return .count(count)
        case .wouldBlock:
            isReadable = false
            return .wouldBlock
        case .failed(let code):
            return fail(SystemError.text(of: code))
        }
    }

    /// Looks at the next bytes of a plain stream without taking them.
    package func peek(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        precondition(!buffer.isEmpty && tls == nil, "peeking is for plain streams and needs room")
        guard isOpen else { return .failed("the connection is closed") }
        if let failure { return .failed(failure) }
        guard isReadable else { return .wouldBlock }
        switch Kernel.recv(raw, into: buffer, flags: CInt(MSG_PEEK)) {
        case .count(0): return .end
        case .count(let count): return .count(count)
        case .wouldBlock:
            isReadable = false
            return .wouldBlock
        case .failed(let code):
            return fail(SystemError.text(of: code))
        }
    }

    // MARK: Writing

    /// Writes as much as goes; `more` says that more follows at once, so that the kernel may wait with a short packet.
    package func write(_ bytes: UnsafeRawBufferPointer, more: Bool = false) -> Outcome {
        if let refusal = refusalToWrite() { return refusal }
        if bytes.isEmpty { return .count(0) }
        if tls != nil { return writeTLS(bytes) }
        return wrote(Kernel.send(raw, bytes, more: more), of: bytes.count)
    }

    /// Writes two pieces with one system call (one record for TLS, when they are small); the count covers both.
    package func write(head: [UInt8], body: UnsafeRawBufferPointer, more: Bool = false) -> Outcome {
        head.withUnsafeBytes { write(head: $0, body: body, more: more) }
    }

    /// Writes two pieces with one system call (one record for TLS, when they are small); the count covers both.
    package func write(head: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, more: Bool = false) -> Outcome {
        if body.isEmpty { return write(head, more: more) }
        if head.isEmpty { return write(body, more: more) }
        if let refusal = refusalToWrite() { return refusal }
        if tls != nil { return writeTLS(head: head, body: body) }
        return wrote(Kernel.send(raw, head, body, more: more), of: head.count + body.count)
    }

    /// The same with bytes of a ``MappedFile``; plain streams only.
    ///
    /// `.end` means that the file is shorter than it should be, or cannot be read.
    package func write(head: UnsafeRawBufferPointer, mapped: UnsafeRawBufferPointer) -> Outcome {
        precondition(tls == nil, "a mapped file must not be read here")
        if let refusal = refusalToWrite() { return refusal }
        let result = Kernel.send(raw, head, mapped, mayFault: true)
        if case .failed(EFAULT) = result { return .end }
        // As with a file that is sent: fewer bytes may be the file's fault.
        if case .count(let sent) = result { return .count(sent) }
        return wrote(result, of: head.count + mapped.count)
    }

    /// Whether ``sendFile(_:offset:count:)`` may be used.
    package var canSendFile: Bool { tls == nil }

    /// Sends a part of a file without copying it through this process; plain streams only.
    ///
    /// `.end` means that the file is shorter than it should be.
    package func sendFile(_ file: SharedDescriptor, offset: Int64, count: Int) -> Outcome {
        sendFile(descriptor: file.raw, offset: offset, count: count)
    }

    /// The same for a descriptor that the caller keeps open during the call.
    package func sendFile(descriptor file: CInt, offset: Int64, count: Int) -> Outcome {
        precondition(canSendFile, "a file cannot be sent through TLS without being read")
        if let refusal = refusalToWrite() { return refusal }
        let result = Kernel.sendfile(to: raw, from: file, offset: offset, count: count)
        if case .count(0) = result, count > 0 { return .end }
        // Fewer bytes than asked for may be the file's fault: only "would block" tells that the socket is full.
        if case .count(let sent) = result { return .count(sent) }
        return wrote(result, of: count)
    }

    private func refusalToWrite() -> Outcome? {
        guard isOpen else { return .failed("the connection is closed") }
        if let failure { return .failed(failure) }
        if wantsShutdown { return .failed("writing has been ended") }
        return isWritable ? nil : .wouldBlock
    }

    private func wrote(_ result: IOResult, of wanted: Int) -> Outcome {
        switch result {
        case .count(let count):
            if count < wanted { isWritable = false }
            return .count(count)
        case .wouldBlock:
            isWritable = false
            return .wouldBlock
        case .failed(let code):
            // Not a failure of the stream: what the peer sent before it stopped reading may still be read.
            return .failed(SystemError.text(of: code))
        }
    }

    /// Bytes that were written and that the peer has not confirmed yet, those included that OpenSSL holds back.
    package var unconfirmed: Int { isOpen ? Kernel.unconfirmedBytes(raw) + unsent.count : 0 }

    // MARK: Turns

    /// Asks for another call of the handler in the next turn, after stopping for fairness.
    package func requestTurn() {
        if isOpen { loop.enqueue(self) }
    }

    override func note(_ events: EventMask) -> Bool {
        var isNews = false
        if events.allowsRead {
            isReadable = true
            isNews = true
        }
        if events.tellsEnd { sawHangUp = true }
        if isNews { tls?.noteReadable(isHangUp: sawHangUp) }
        if !isWritable, events.allowsWrite {
            isWritable = true
            isNews = true
        }
        return isNews
    }

    override func takeTurn() {
        guard descriptor != nil else { return }
        if closing != nil { return continueClosing() }
        if tls != nil, failure == nil {
            if !handshakeDone {
                advanceHandshake()
                guard handshakeDone || failure != nil else { return }
                handler?.streamReady(self)
                return waitWithTicket()
            }
            if isTicketDue { sendDueTicket() }
            sendUnsent()
            if wantsShutdown { shutDownWhenSent() }
        }
        handler?.streamReady(self)
    }

    override func loopEnded() {
        // What has ended in order stays so: the kernel has all of it and sends it.
        if closing != nil, hasShutDown { close() } else { abort() }
    }

    @discardableResult
    func fail(_ reason: String) -> Outcome {
        if failure == nil {
            failure = reason
            loop.enqueue(self)
        }
        return .failed(reason)
    }

    // MARK: Ending

    /// Closes at once with a reset and without close_notify, so that the peer sees that something is missing.
    package func abort() {
        guard descriptor != nil else { return }
        Kernel.setResetOnClose(raw)
        close()
    }

    /// Lets everything go; the kernel sends what it has taken, or a reset if bytes of the peer are unread.
    func close() {
        guard descriptor != nil else { return }
        closing?.timer.cancel()
        closing = nil
        handler = nil
        tls = nil
        loop.remove(self)
        descriptor = nil
        if isAccepted { loop.acceptedClosed() }
    }
}
