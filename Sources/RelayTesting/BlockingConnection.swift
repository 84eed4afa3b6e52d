import Core
package import Cryptography
import Glibc
package import Platform
package import Wire

/// How the other side of a blocking connection misbehaved, or that it took too long.
package struct ConnectionFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// What tests tell apart.
    package enum Kind: Sendable, Hashable { case reset, truncated, timeout, tls, malformed, ended }

    /// The sort of fault.
    package var kind: Kind
    /// What happened.
    package var description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}

/// One complete message as a test saw it.
package struct SeenRequest: Sendable, Equatable {
    /// Its head.
    package var head: RequestHead
    /// Its body, free of chunking.
    package var body: [UInt8]
    /// What followed the last chunk.
    package var trailers: Fields

    /// The request target.
    package var target: String { String(decoding: head.target, as: UTF8.self) }
    /// The body as text.
    package var text: String { String(decoding: body, as: UTF8.self) }
}

/// One complete answer as a test saw it.
package struct SeenResponse: Sendable, Equatable {
    /// Interim heads before it.
    package var interim: [ResponseHead]
    /// Its head.
    package var head: ResponseHead
    /// Its body, free of chunking.
    package var body: [UInt8]
    /// What followed the last chunk.
    package var trailers: Fields

    /// The body as text.
    package var text: String { String(decoding: body, as: UTF8.self) }
}

/// A TCP connection for the thread of a test: plain or TLS, every call with a deadline.
///
/// For one thread at a time, which the tests see to.
package final class BlockingConnection: @unchecked Sendable {
    private var descriptor: OwnedDescriptor?
    private let raw: CInt
    private var tls: TLSConnection?
    private var buffer: [UInt8] = []
    /// How long a call waits at most for the peer.
    package var patience: Duration

    /// Takes over a connected socket.
    package init(_ descriptor: consuming OwnedDescriptor, patience: Duration = .seconds(20)) throws(SystemError) {
        raw = descriptor.number
        self.patience = patience
        try Kernel.setNonBlocking(raw, true)
        self.descriptor = consume descriptor
    }

    /// Connects to 127.0.0.1.
    package convenience init(port: UInt16, patience: Duration = .seconds(20)) throws {
        let socket = try Kernel.socket(ipv6: false)
        if case .failed(let code) = Kernel.connect(socket.number, .loopback4(port: port)) {
            throw SystemError(call: "connect", code: code)
        }
        try self.init(socket, patience: patience)
        try wait(for: POLLOUT)
        let code = Kernel.pendingError(raw)
        guard code == 0 else { throw SystemError(call: "connect", code: code) }
    }

    // MARK: TLS

    /// Begins TLS as the server.
    package func startTLS(_ context: TLSServerContext) throws {
        let prefix = buffer
        buffer = []
        tls = try TLSConnection.server(context, descriptor: raw, prefix: prefix)
        try shakeHands()
    }

    /// Begins TLS as the client.
    package func startTLS(_ context: TLSClientContext, host: String) throws {
        tls = try TLSConnection.client(context, descriptor: raw, host: host, sessionKey: "test")
        try shakeHands()
    }

    private func shakeHands() throws {
        while let tls {
            if try step(tls.handshake()) != nil { return }
        }
    }

    /// Whether TLS continued an earlier session.
    package var isResumed: Bool { tls?.isResumed ?? false }

    /// The count of a TLS step, or nil after having waited.
    private func step(_ result: TLSResult) throws -> Int? {
        switch result {
        case .count(let count): return count
        case .wantRead: try wait(for: POLLIN)
        case .wantWrite: try wait(for: POLLOUT)
        case .closed: return -1
        case .truncated: throw ConnectionFault(.truncated, "the peer ended TLS without close_notify")
        case .failed(let reason): throw ConnectionFault(.tls, reason)
        }
        return nil
    }

    // MARK: Bytes

    /// Sends everything.
    package func send(_ bytes: [UInt8]) throws {
        var start = 0
        while start < bytes.count {
            let count = try bytes.withUnsafeBytes { try sendSome(.init(rebasing: $0[start...])) }
            start += count
        }
    }

    /// Sends text as it is.
    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    private func sendSome(_ bytes: UnsafeRawBufferPointer) throws -> Int {
        guard descriptor != nil else { throw ConnectionFault(.ended, "the connection is closed here") }
        if let tls { return max(0, try step(tls.write(bytes)) ?? 0) }
        switch Kernel.send(raw, bytes) {
        case .count(let count): return count
        case .wouldBlock:
            try wait(for: POLLOUT)
            return 0
        case .failed(let code): throw Self.fault(code)
        }
    }

    /// Gives some bytes; none at an orderly end.
    package func readSome() throws -> [UInt8] {
        if !buffer.isEmpty {
            defer { buffer = [] }
            return buffer
        }
        guard descriptor != nil else { throw ConnectionFault(.ended, "the connection is closed here") }
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            if let tls {
                guard let count = try step(piece.withUnsafeMutableBytes { tls.read(into: $0) }) else { continue }
                return Array(piece.prefix(max(0, count)))
            }
            switch piece.withUnsafeMutableBytes({ Kernel.recv(raw, into: $0) }) {
            case .count(let count): return Array(piece.prefix(count))
            case .wouldBlock: try wait(for: POLLIN)
            case .failed(let code): throw Self.fault(code)
            }
        }
    }

    /// Gives everything up to an orderly end.
    package func readToEnd() throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let piece = try readSome()
            if piece.isEmpty { return all }
            all += piece
        }
    }

    /// Gives exactly so many bytes.
    package func read(exactly count: Int) throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            let piece = try readSome()
            if piece.isEmpty { throw ConnectionFault(.ended, "ended after \(all.count) of \(count) bytes") }
            all += piece
        }
        buffer = Array(all[count...])
        return Array(all[..<count])
    }

    private static func fault(_ code: CInt) -> ConnectionFault {
        ConnectionFault(code == ECONNRESET || code == EPIPE ? .reset : .ended, SystemError.text(of: code))
    }

    private func wait(for events: Int32) throws {
        var entry = pollfd(fd: raw, events: Int16(events), revents: 0)
        let count = poll(&entry, 1, Int32(patience.inSeconds * 1000))
        if count == 0 { throw ConnectionFault(.timeout, "nothing happened for \(patience)") }
    }

    // MARK: Messages

    private func readHead() throws -> [UInt8]? {
        var scanner = HeadScanner()
        var bytes: [UInt8] = []
        while true {
            let piece = try readSome()
            if piece.isEmpty {
                if bytes.isEmpty { return nil }
                throw ConnectionFault(.ended, "ended within a head")
            }
            bytes += piece
            guard let length = try scanner.scan(bytes.span) else { continue }
            buffer = Array(bytes[length...])
            return Array(bytes[..<length])
        }
    }

    /// Reads the head of a request and leaves its body; nil when the connection ended before it.
    package func readRequestHead() throws -> RequestHead? {
        guard let bytes = try readHead() else { return nil }
        return try HeadParser.request(bytes.span)
    }

    /// Reads the body that follows a head.
    package func readBody(_ framing: BodyFraming) throws -> (body: [UInt8], trailers: Fields) {
        switch framing {
        case .none: return ([], Fields())
        case .length(let count): return (try read(exactly: Int(count)), Fields())
        case .untilClose: return (try readToEnd(), Fields())
        case .chunked: return try readChunks()
        }
    }

    private func readChunks() throws -> (body: [UInt8], trailers: Fields) {
        var decoder = ChunkedDecoder()
        var body: [UInt8] = []
        while true {
            let piece = try readSome()
            if piece.isEmpty { throw ConnectionFault(.ended, "ended within a chunked body") }
            var offset = 0
            steps: while true {
                switch try decoder.next(piece.span, from: &offset) {
                case .needMore: break steps
                case .data(let range): body += piece[range]
                case .end(let trailers):
                    buffer = Array(piece[offset...])
                    return (body, trailers)
                }
            }
        }
    }

    /// Reads a whole request; nil when the connection ended before it.
    package func readRequest() throws -> SeenRequest? {
        guard let head = try readRequestHead() else { return nil }
        let (body, trailers) = try readBody(try head.framing())
        return SeenRequest(head: head, body: body, trailers: trailers)
    }

    /// Reads a whole answer; nil when the connection ended before it.
    package func readResponse(to method: String = "GET") throws -> SeenResponse? {
        var interim: [ResponseHead] = []
        while let bytes = try readHead() {
            let head = try HeadParser.response(bytes.span)
            if head.isInterim {
                interim.append(head)
                continue
            }
            let (body, trailers) = try readBody(try head.framing(requestMethod: method))
            return SeenResponse(interim: interim, head: head, body: body, trailers: trailers)
        }
        return nil
    }

    // MARK: Ends

    /// Ends our side: close_notify for TLS, FIN.
    package func endWriting() {
        guard descriptor != nil else { return }
        tls?.shutdown()
        Kernel.shutdownWrite(raw)
    }

    /// Ends in order, waiting for the peer's end so that nothing in flight is lost.
    package func finish() {
        endWriting()
        if tls == nil {
            while let piece = try? readSome(), !piece.isEmpty {}
        } else {
            var waste = [UInt8](repeating: 0, count: 4096)
            while true {
                let result = waste.withUnsafeMutableBytes { Kernel.recv(raw, into: $0) }
                if result == .wouldBlock, (try? wait(for: POLLIN)) != nil { continue }
                guard case .count(let count) = result, count > 0 else { break }
            }
        }
        close()
    }

    /// Closes with a reset.
    package func reset() {
        guard descriptor != nil else { return }
        Kernel.setResetOnClose(raw)
        close()
    }

    /// Closes without a word: FIN, but no close_notify.
    package func close() {
        tls = nil
        descriptor = nil
    }
}
