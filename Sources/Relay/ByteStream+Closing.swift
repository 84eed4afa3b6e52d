import Cryptography
import Glibc
import Platform

extension ByteStream {
    /// An orderly end in progress: what was accepted is sent, then FIN, then what still comes is thrown away.
    ///
    /// Closing with unread bytes makes the kernel send a reset, which may destroy our last bytes before the peer has read
    /// them (RFC 9112, section 9.6); hence the wait, bounded in time and bytes.
    struct Closing {
        var timer: Timer
        var bytesLeft = 256 * 1024
    }

    private static var lingerTimeout: Duration { .seconds(2) }

    /// Ends the stream so that everything written arrives: close_notify, FIN, a short wait for the peer's end, close.
    ///
    /// The handler is let go at once. After 2 s or 256 KiB of late bytes the socket is closed anyway.
    package func closeOrderly() {
        guard isOpen else { return }
        handler = nil
        guard failure == nil else { return close() }
        let timer = loop.schedule(after: Self.lingerTimeout) { [weak self] in self?.close() }
        closing = Closing(timer: timer)
        continueClosing()
    }

    /// Ends the stream after its peer has ended its own side between two messages.
    ///
    /// Nobody waits for a close_notify then, which would only be answered with a reset. Anything unsent is still sent, and the
    /// end is then orderly.
    package func closeAfterPeer() {
        guard isOpen else { return }
        guard failure == nil, unsent.isEmpty, reachedEnd || nextOutcome == .end else { return closeOrderly() }
        close()
    }

    /// Ends our side: the peer may go on sending, nothing may be written afterwards.
    package func shutdownWrite() {
        guard isOpen, !wantsShutdown else { return }
        wantsShutdown = true
        shutDownWhenSent()
    }

    /// Sends close_notify and FIN once nothing is left to send; returns whether that is done.
    @discardableResult
    func shutDownWhenSent() -> Bool {
        if hasShutDown { return true }
        guard unsent.isEmpty else { return false }
        if handshakeDone, tls?.shutdown() == .wantWrite {
            isWritable = false
            return false
        }
        Kernel.shutdownWrite(raw)
        hasShutDown = true
        return true
    }

    func continueClosing() {
        guard var state = closing else { return }
        // Nothing of the peer is unread or will come, so that closing sends no reset.
        if reachedEnd { return close() }
        sendUnsent()
        if failure != nil { return close() }
        guard shutDownWhenSent() else { return }
        while isReadable {
            switch Kernel.recv(raw, into: loop.stagingBuffer) {
            case .count(0), .failed:
                return close()
            case .wouldBlock:
                isReadable = false
            case .count(let count):
                if count < loop.stagingBuffer.count, !sawHangUp { isReadable = false }
                state.bytesLeft -= count
                closing = state
                if state.bytesLeft <= 0 { return close() }
            }
        }
    }
}
