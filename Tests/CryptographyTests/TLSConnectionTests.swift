import Core
import Cryptography
import Platform
import Testing

@Suite(.timeLimit(.minutes(1))) struct TLSConnectionTests {
    let authority: CertificateAuthority
    let trusting: TLSClientContext

    init() throws {
        authority = try makeAuthority()
        trusting = try TLSClientContext(trust: .only(authority.certificatePEM))
    }

    private func pair(_ host: String = "origin.example", prefixLength: Int = 0) throws -> TLSPair {
        try TLSPair(authority.makeServerContext(host: host), trusting, host: host, prefixLength: prefixLength)
    }

    @Test(arguments: ["origin.example", "a_b.origin.example", "192.0.2.1", "2001:db8::1", longHost])
    func aHandshakeVerifiesTheHostAndChoosesHTTP11(_ host: String) throws {
        let pair = try pair(host)
        #expect(pair.shakeHands() == (.count(0), .count(0)))
        #expect(pair.client.version == "TLSv1.3")
        #expect(pair.client.applicationProtocol == "http/1.1")
        #expect(pair.server.applicationProtocol == "http/1.1")
        #expect(pair.client.verifyFailure == nil)
        let isName = host.contains { $0.isLetter } && !host.contains(":")
        #expect(pair.server.requestedName == (isName ? host : nil))
        #expect(pair.client.write("hello") == .count(5))
        #expect(pair.server.read().bytes == Array("hello".utf8))
        #expect(pair.server.read().result == .wantRead)
    }

    static let longHost = Array(repeating: "label", count: 20).joined(separator: ".") + ".example"

    @Test(arguments: [1, 2, 5, 6, 100, 4096])
    func bytesReadBeforehandAreServedFirst(_ length: Int) throws {
        let pair = try pair(prefixLength: length)
        #expect(pair.shakeHands() == (.count(0), .count(0)))
        #expect(pair.client.write("hello") == .count(5))
        #expect(pair.server.read().bytes == Array("hello".utf8))
    }

    @Test func anOrderlyEndIsToldFromATruncation() throws {
        let orderly = try pair()
        orderly.shakeHands()
        #expect(orderly.server.write("last words") == .count(10))
        #expect(orderly.server.shutdown() == .count(0))
        #expect(orderly.server.shutdown() == .count(0))
        orderly.closeServerSocket()
        #expect(orderly.client.read(upTo: 10).bytes.count == 10)
        #expect(orderly.client.read().result == .closed)
        #expect(orderly.client.read().result == .closed)

        let cut = try pair()
        cut.shakeHands()
        #expect(cut.server.write("last words") == .count(10))
        cut.closeServerSocket()
        #expect(cut.client.read(upTo: 10).bytes.count == 10)
        #expect(cut.client.read().result == .truncated)
        #expect(cut.client.read().result == .truncated)
    }

    @Test func anEndDuringTheHandshakeIsATruncation() throws {
        let pair = try pair()
        _ = pair.client.handshake()
        pair.closeServerSocket()
        #expect(pair.client.handshake() == .truncated || pair.client.handshake() == .failed("Connection reset by peer"))
    }

    @Test func whatIsNotTLSFailsWithAReason() throws {
        let pair = try pair()
        let socket = try #require(pair.clientSocket)
        _ = Array("GET / HTTP/1.1\r\n\r\n".utf8).withUnsafeBytes { Kernel.send(socket.raw, $0) }
        #expect(pair.server.handshake() == .failed("http request"))
        #expect(pair.server.handshake() == .failed("http request"))
    }

    /// Each retry comes in pieces of another size, from another place, and must arrive as one stream.
    @Test(arguments: [1, 700, 5000, 16384, 100_000])
    func aFullSocketLosesAndRepeatsNothing(_ retrySize: Int) throws {
        let pair = try pair()
        pair.shakeHands()
        Kernel.setSendBuffer(try #require(pair.serverSocket).raw, 4096)
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        var (sent, blocked) = (0, 0)
        var received: [UInt8] = []
        while received.count < bytes.count {
            var size = 70_000
            while sent < bytes.count {
                let end = min(sent + size, bytes.count)
                let result = pair.server.write(bytes[sent..<end])
                guard case .count(let count) = result else {
                    #expect(result == .wantWrite)
                    blocked += 1
                    break
                }
                if sent + count < end { size = retrySize }
                sent += count
            }
            let (piece, result) = pair.client.read()
            #expect(!piece.isEmpty || result == .wantRead)
            received += piece
        }
        #expect(blocked > 0)
        #expect(received == bytes)
        #expect(pair.server.shutdown() == .count(0))
        #expect(pair.client.read().result == .closed)
    }

    @Test func smallReadsLeaveTheRestPending() throws {
        let pair = try pair()
        pair.shakeHands()
        #expect(pair.client.write("0123456789") == .count(10))
        #expect(pair.server.read(upTo: 4).bytes == Array("0123".utf8))
        #expect(pair.server.hasPendingPlaintext)
        #expect(pair.server.read(upTo: 100).bytes == Array("456789".utf8))
        #expect(!pair.server.hasPendingPlaintext)
    }

    @Test func aWatchedSocketIsNotAskedUntilItHasSomething() throws {
        let pair = try pair()
        pair.shakeHands()
        pair.server.watch(isReadable: false)
        #expect(pair.server.isDrained)
        #expect(pair.client.write("one") == .count(3))
        #expect(pair.server.read().result == .wantRead)
        pair.server.noteReadable(isHangUp: false)
        #expect(!pair.server.isDrained)
        #expect(pair.server.read().bytes == Array("one".utf8))
        #expect(pair.server.isDrained)
        #expect(pair.client.write("two") == .count(3))
        #expect(pair.server.read().result == .wantRead)
        // The end follows without a further word.
        pair.server.noteReadable(isHangUp: true)
        #expect(pair.server.read().bytes == Array("two".utf8))
        #expect(!pair.server.isDrained)
        pair.client.shutdown()
        #expect(pair.server.read().result == .closed)
    }

    @Test func severalRecordsComeInOneRead() throws {
        let pair = try pair()
        pair.shakeHands()
        for _ in 0..<10 { #expect(pair.client.write("0123456789") == .count(10)) }
        #expect(pair.server.read().bytes.count == 100)
    }

    // MARK: Refusals

    @Test func aCertificateForAnotherHostIsRefused() throws {
        let pair = try TLSPair(
            authority.makeServerContext(host: "other.example"), trusting, host: "origin.example")
        let sentence = "hostname mismatch: wanted origin.example, certificate is for other.example"
        #expect(pair.shakeHands().client == .failed(sentence))
        #expect(pair.client.verifyFailure == sentence)
    }

    @Test func aCertificateForAnotherAddressIsRefused() throws {
        let pair = try TLSPair(authority.makeServerContext(host: "192.0.2.1"), trusting, host: "192.0.2.2")
        let sentence = "hostname mismatch: wanted 192.0.2.2, certificate is for 192.0.2.1"
        #expect(pair.shakeHands().client == .failed(sentence))
    }

    @Test func anUnknownIssuerIsRefusedAndTheServerLearnsWhy() throws {
        let stranger = try TLSClientContext(trust: .only(makeAuthority("Stranger").certificatePEM))
        let pair = try TLSPair(authority.makeServerContext(host: "origin.example"), stranger, host: "origin.example")
        let results = pair.shakeHands()
        #expect(
            results.client
                == .failed(
                    "certificate is signed by an issuer that is not trusted here (unable to get local issuer certificate)"
                ))
        #expect(
            results.server == .failed("the peer does not trust our certificate (tlsv1 alert unknown ca)"))
    }

    @Test func theSystemStoreDoesNotKnowOurAuthority() throws {
        let pair = try TLSPair(
            authority.makeServerContext(host: "origin.example"), TLSClientContext(), host: "origin.example")
        guard case .failed = pair.shakeHands().client else {
            Issue.record("an unknown authority was trusted")
            return
        }
    }

    @Test func anExpiredCertificateIsRefused() throws {
        let then = WallTime.now() + .seconds(-200 * 86400)
        let old = try makeAuthority(now: then)
        let pair = try TLSPair(
            old.makeServerContext(host: "origin.example", now: then),
            TLSClientContext(trust: .only(old.certificatePEM)), host: "origin.example")
        #expect(pair.shakeHands().client == .failed("certificate has expired"))
    }

    @Test func aHostThatIsNoHostIsRefused() {
        for host in ["", "a,IP:1.2.3.4", "UPPER.example", "a..b", "*.example", "a b", "x\0y", "-\n"] {
            #expect(throws: CertificateError.self) { try authority.makeServerContext(host: host) }
            #expect(throws: CertificateError.self) {
                try TLSConnection.client(trusting, descriptor: 0, host: host, sessionKey: "")
            }
        }
    }

    // MARK: Resumption

    /// Connects, exchanges a byte each way so that tickets arrive, and ends the way that `ending` says.
    private func connect(
        _ context: TLSServerContext, host: String = "origin.example", key: String = "", aborted: Bool = false
    ) throws -> Bool {
        let pair = try TLSPair(context, trusting, host: host, key: key)
        #expect(pair.shakeHands() == (.count(0), .count(0)))
        #expect(pair.server.write("x") == .count(1))
        #expect(pair.client.read().bytes == [120])
        if !aborted { pair.client.shutdown() }
        #expect(pair.client.isResumed == pair.server.isResumed)
        return pair.client.isResumed
    }

    @Test func theNextConnectionResumesTheSession() throws {
        let context = try authority.makeServerContext(host: "origin.example")
        #expect(try !connect(context))
        #expect(try connect(context))
        #expect(try connect(context, aborted: true))
        #expect(try connect(context))
        #expect(try !connect(context, key: "another pool"))
        #expect(trusting.sessionCount == 2)
        trusting.forgetSessions()
        #expect(try !connect(context))
    }

    /// What the kernel holds for the client.
    private func arrived(_ pair: TLSPair) throws -> IOResult {
        let socket = try #require(pair.clientSocket)
        var bytes = [UInt8](repeating: 0, count: 1000)
        return bytes.withUnsafeMutableBytes { Kernel.recv(socket.raw, into: $0, flags: 2) }
    }

    /// A pair whose server holds its ticket, with a request read.
    private func pairWithTicket(_ context: TLSServerContext) throws -> TLSPair {
        let pair = try TLSPair(context, trusting, host: "origin.example")
        #expect(pair.shakeHands() == (.count(0), .count(0)))
        #expect(pair.client.write("ask") == .count(3))
        #expect(pair.server.read().bytes == Array("ask".utf8))
        #expect(pair.server.holdsTicket)
        return pair
    }

    @Test func aTicketGoesOutWithTheFirstAnswer() throws {
        let context = try authority.makeServerContext(host: "origin.example")
        let pair = try pairWithTicket(context)
        #expect(try arrived(pair) == .wouldBlock)
        #expect(pair.server.write("answer") == .count(6))
        #expect(!pair.server.holdsTicket)
        #expect(pair.client.read().bytes == Array("answer".utf8))
        #expect(try connect(context))
    }

    @Test func aTicketGoesOutByItselfWhenAsked() throws {
        let context = try authority.makeServerContext(host: "origin.example")
        let pair = try pairWithTicket(context)
        pair.server.sendTicket()
        #expect(!pair.server.holdsTicket)
        #expect(pair.client.read().result == .wantRead)
        #expect(try connect(context))
    }

    @Test func aTicketThatFindsTheSocketFullComesBeforeWhatFollows() throws {
        let context = try authority.makeServerContext(host: "origin.example")
        let pair = try pairWithTicket(context)
        let (server, client) = (try #require(pair.serverSocket), try #require(pair.clientSocket))
        let filler = [UInt8](repeating: 0, count: 997)
        var left = 0
        while case .count(let count) = filler.withUnsafeBytes({ Kernel.send(server.raw, $0) }) { left += count }
        pair.server.sendTicket()
        #expect(pair.server.write("answer") == .wantWrite)
        while left > 0 {
            var bytes = [UInt8](repeating: 1, count: min(left, 997))
            guard case .count(let count) = bytes.withUnsafeMutableBytes({ Kernel.recv(client.raw, into: $0) }) else {
                break
            }
            left -= count
        }
        #expect(left == 0)
        #expect(pair.server.write("answer") == .count(6))
        #expect(pair.client.read().bytes == Array("answer".utf8))
        #expect(try connect(context))
    }

    @Test func anotherContextOfTheSameHostDoesNotResume() throws {
        #expect(try !connect(authority.makeServerContext(host: "origin.example")))
        #expect(try !connect(authority.makeServerContext(host: "origin.example")))
    }

    @Test func sessionsAreBounded() throws {
        let context = try TLSClientContext(trust: .only(authority.certificatePEM), sessionCapacity: 8)
        let server = try authority.makeServerContext(host: "origin.example")
        for index in 0..<40 {
            let pair = try TLSPair(server, context, host: "origin.example", key: "\(index)")
            pair.shakeHands()
            _ = pair.server.write("x")
            _ = pair.client.read()
        }
        #expect((1...8).contains(context.sessionCount))
    }

    @Test func theFirstBytesTellTLS() {
        #expect(looksLikeTLS([0x16]) && looksLikeTLS([0x16, 3]) && looksLikeTLS([0x16, 3, 1, 0]))
        #expect(!looksLikeTLS([]) && !looksLikeTLS(Array("GET".utf8)) && !looksLikeTLS([0x16, 4]))
    }
}
