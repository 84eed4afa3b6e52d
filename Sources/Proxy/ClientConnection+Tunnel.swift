import Core
import Cryptography
import Logging
import Relay
import Sessions
import Platform
import Wire

extension ClientConnection {
    /// Answers CONNECT; what the tunnel carries shows with its first byte.
    func connect(_ head: RequestHead, _ session: Session) -> Bool {
        let authority: Authority
        do throws(MessageError) {
            authority = try Authority(parsing: head.target.span, defaultPort: nil)
        } catch {
            return refuseTunnel(head, session, error)
        }
        if loop.context.leaves.cached(authority.host) == nil,
            let refusal = loop.member(for: session).ledger.addNewHost(now: loop.loop.now)
        {
            return refuseTunnel(head, session, MessageError(status: 429, reason: refusal))
        }
        enterTunnel(Tunnel(session: session, authority: authority, scheme: .https))
        state = .preface
        loop.counters.tunnels.add()
        sendNow(Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8))
        return true
    }

    private func refuseTunnel(_ head: RequestHead, _ session: Session, _ error: MessageError) -> Bool {
        var head = head
        head.fields.remove("Proxy-Authorization")
        let exchange = Exchange(
            loop: loop, connection: self, session: session, request: head, framing: .none, url: nil,
            recordedURL: String(decoding: head.target, as: UTF8.self))
        exchange.mayPersist = false
        state = .busy(exchange)
        exchange.refuse(error.status, error.reason)
        return true
    }

    /// Looks at the first byte of a tunnel: TLS, or plain HTTP to that authority.
    func openTunnel() -> Bool {
        guard inputStart < input.count, var tunnel else {
            if isAtEnd { close() }
            return false
        }
        let prefix = Array(input[inputStart...])
        guard looksLikeTLS(prefix) else {
            tunnel.scheme = .http
            enterTunnel(tunnel)
            state = .head
            return true
        }
        input = []
        inputStart = 0
        if let context = loop.context.leaves.cached(tunnel.authority.host) {
            startTLS(context, prefix)
            return true
        }
        mint(tunnel.authority.host, prefix)
        return false
    }

    /// Has a leaf certificate made off the loop.
    private func mint(_ host: String, _ prefix: [UInt8]) {
        state = .minting
        let leaves = loop.context.leaves
        let eventLoop = loop.loop
        let log = loop.context.log
        let isAccepted = loop.context.mintingPool.submit(lane: tunnel?.session.lane ?? 0) {
            var context: TLSServerContext?
            do throws(CertificateError) {
                context = try leaves.context(for: host)
            } catch {
                log.error("cannot make a certificate for \(escapedForDisplay(host)): \(error)")
            }
            let made = context
            eventLoop.execute { self.minted(made, prefix) }
        }
        if !isAccepted { close(abruptly: true) }
    }

    private func minted(_ context: TLSServerContext?, _ prefix: [UInt8]) {
        guard case .minting = state else { return }
        guard let context else { return close(abruptly: true) }
        startTLS(context, prefix)
        advance()
    }

    private func startTLS(_ context: TLSServerContext, _ prefix: [UInt8]) {
        state = .head
        wait(atMost: loop.settings.handshakeTimeout)
        stream.startServerTLS(context, prefix: prefix)
        stream.requestTurn()
    }
}
