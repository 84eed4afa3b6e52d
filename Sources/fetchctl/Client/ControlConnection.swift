import Core
import Glibc
import Platform
import Wire

/// One TCP connection for one request and its answer, with a deadline on every wait.
///
/// The kernel keeps the deadlines (`SO_RCVTIMEO`, `SO_SNDTIMEO`), so reads and writes simply block.
struct ControlConnection: ~Copyable {
    private let socket: OwnedDescriptor
    private let call: String
    /// Bytes received and not yet used.
    private var received: [UInt8] = []

    /// Connects to the first of the host's addresses that takes the connection.
    ///
    /// - Parameters:
    ///   - endpoint: Where to.
    ///   - patience: The longest wait for each of connecting, sending and receiving.
    ///   - call: What is asked, for errors.
    /// - Throws: ``ControlError`` when none does.
    init(to endpoint: ControlEndpoint, patience: Duration, call: String) throws(ControlError) {
        self.call = call
        var failure = "\(endpoint): no address"
        for address in try Self.addresses(of: endpoint, call: call) {
            do {
                socket = try Self.connect(to: address, patience: patience)
                return
            } catch {
                failure = "\(endpoint): \(SystemError.text(of: error.code))"
            }
        }
        throw ControlError(kind: .unreachable, call: call, reason: failure)
    }

    private static func addresses(
        of endpoint: ControlEndpoint, call: String
    ) throws(ControlError) -> [SocketAddress] {
        let (host, port) = (endpoint.authority.host, endpoint.authority.port)
        if let literal = SocketAddress(ip: host, port: port) { return [literal] }
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0, let list else {
            throw ControlError(
                kind: .unreachable, call: call, reason: "\(endpoint): \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(list) }
        return sequence(first: list, next: { $0.pointee.ai_next })
            .compactMap { $0.pointee.ai_addr.flatMap { SocketAddress(sockaddr: $0) } }
    }

    private static func connect(
        to address: SocketAddress, patience: Duration
    ) throws(SystemError) -> OwnedDescriptor {
        let socket = try Kernel.socket(ipv6: address.isIPv6)
        switch Kernel.connect(socket.number, address) {
        case .connected: break
        case .failed(let code): throw SystemError(call: "connect", code: code)
        case .inProgress:
            var wait = pollfd(fd: socket.number, events: Int16(POLLOUT), revents: 0)
            guard poll(&wait, 1, CInt(clamping: patience.wholeNanoseconds / 1_000_000)) > 0 else {
                throw SystemError(call: "connect", code: ETIMEDOUT)
            }
            let code = Kernel.pendingError(socket.number)
            guard code == 0 else { throw SystemError(call: "connect", code: code) }
        }
        Kernel.setNoDelay(socket.number)
        try Kernel.setNonBlocking(socket.number, false)
        let (seconds, fraction) = patience.components
        var limit = timeval(tv_sec: Int(seconds), tv_usec: Int(fraction / 1_000_000_000_000))
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            _ = setsockopt(socket.number, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        return socket
    }

    /// Sends a whole request.
    mutating func send(_ head: RequestHead, body: [UInt8]) throws(ControlError) {
        var bytes: [UInt8] = []
        head.serialise(into: &bytes)
        bytes += body
        var sent = 0
        while sent < bytes.count {
            let result = bytes.withUnsafeBytes {
                Kernel.send(socket.number, UnsafeRawBufferPointer(rebasing: $0[sent...]))
            }
            switch result {
            case .count(let count): sent += count
            case .wouldBlock: throw ControlError(kind: .timedOut, call: call, reason: "it takes no more of the request")
            // It may have answered before it had read everything; the answer tells more than this error.
            case .failed(EPIPE), .failed(ECONNRESET): return
            case .failed(let code): throw failure(code)
            }
        }
    }

    /// Receives the head of the final answer; interim ones are skipped.
    mutating func receiveHead() throws(ControlError) -> ResponseHead {
        var scanner = HeadScanner()
        while true {
            if let head = try nextHead(&scanner) {
                if !head.isInterim { return head }
                scanner.reset()
            } else if try !receive() {
                throw ended("before the answer")
            }
        }
    }

    /// Takes a head from the bytes received, `nil` when it is not complete.
    private mutating func nextHead(_ scanner: inout HeadScanner) throws(ControlError) -> ResponseHead? {
        do {
            guard let length = try scanner.scan(received.span) else { return nil }
            let head = try HeadParser.response(received.span.extracting(0..<length))
            received.removeFirst(length)
            return head
        } catch {
            throw malformed(error.reason)
        }
    }

    /// Receives the body, handing on each piece as it arrives.
    ///
    /// - Throws: ``ControlError`` when the body ends early, and what `sink` throws.
    mutating func receiveBody(
        of head: ResponseHead, method: String, to sink: (UnsafeRawBufferPointer) throws(ControlError) -> Void
    ) throws(ControlError) {
        let framing: BodyFraming
        do {
            framing = try head.framing(requestMethod: method)
        } catch {
            throw malformed(error.reason)
        }
        switch framing {
        case .none: return
        case .length(let length): try receive(length, to: sink)
        case .chunked: try receiveChunks(to: sink)
        case .untilClose:
            repeat { try hand(received.indices, to: sink) } while try refill()
        }
    }

    private mutating func receive(
        _ length: Int64, to sink: (UnsafeRawBufferPointer) throws(ControlError) -> Void
    ) throws(ControlError) {
        var missing = length
        while missing > 0 {
            if received.isEmpty, try !receive() { throw ended("\(missing) bytes too early") }
            let count = Int(min(Int64(received.count), missing))
            try hand(0..<count, to: sink)
            received.removeFirst(count)
            missing -= Int64(count)
        }
    }

    private mutating func receiveChunks(
        to sink: (UnsafeRawBufferPointer) throws(ControlError) -> Void
    ) throws(ControlError) {
        var decoder = ChunkedDecoder()
        var offset = 0
        while true {
            let step: ChunkedDecoder.Step
            do {
                step = try decoder.next(received.span, from: &offset)
            } catch {
                throw malformed(error.reason)
            }
            switch step {
            case .data(let range): try hand(range, to: sink)
            case .end: return
            case .needMore:
                offset = 0
                guard try refill() else { throw ended("within the body") }
            }
        }
    }

    private func hand(
        _ range: Range<Int>, to sink: (UnsafeRawBufferPointer) throws(ControlError) -> Void
    ) throws(ControlError) {
        guard !range.isEmpty else { return }
        try received.withUnsafeBufferPointer { (bytes) throws(ControlError) in
            try sink(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[range])))
        }
    }

    /// Forgets the used bytes and waits for others; `false` at the end of the stream.
    private mutating func refill() throws(ControlError) -> Bool {
        received.removeAll(keepingCapacity: true)
        return try receive()
    }

    /// Waits for more bytes; `false` at the end of the stream.
    private mutating func receive() throws(ControlError) -> Bool {
        let start = received.count
        let room = 1 << 16
        received.append(contentsOf: repeatElement(0, count: room))
        let result = received.withUnsafeMutableBytes {
            Kernel.recv(socket.number, into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
        }
        guard case .count(let count) = result else {
            received.removeLast(room)
            if case .failed(let code) = result { throw failure(code) }
            throw ControlError(kind: .timedOut, call: call, reason: "nothing came for too long")
        }
        received.removeLast(room - count)
        return count > 0
    }

    private func failure(_ code: CInt) -> ControlError {
        ControlError(kind: .malformed, call: call, reason: SystemError.text(of: code))
    }

    private func ended(_ place: String) -> ControlError { malformed("the connection ended \(place)") }

    private func malformed(_ reason: String) -> ControlError {
        ControlError(kind: .malformed, call: call, reason: Shown.text(reason))
    }
}
