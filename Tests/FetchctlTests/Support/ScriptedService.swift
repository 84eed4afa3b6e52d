import Core
import Glibc
import Platform
import Wire

/// A control API on loopback whose answers a test writes, one thread per connection.
final class ScriptedService: Sendable {
    struct Request: Sendable {
        var method: String
        var target: String
        var fields: Fields
        var body: String

        /// "POST /session".
        var call: String { "\(method) \(target)" }
    }

    /// What goes back: pieces sent one by one, then the connection is closed.
    struct Answer: Sendable {
        var pieces: [[UInt8]]
        /// Leave the connection open and silent instead of closing it.
        var staysSilent = false

        init(raw: String) { pieces = [Array(raw.utf8)] }
        init(pieces: [[UInt8]]) { self.pieces = pieces }

        static func json(_ body: String, status: Int = 200) -> Answer {
            Answer(raw: "HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }

        static let silence: Answer = {
            var answer = Answer(pieces: [])
            answer.staysSilent = true
            return answer
        }()
    }

    let listener: Listener
    private let log = Lock<[Request]>([])
    private let stopped = Latch()

    /// What was asked so far.
    var requests: [Request] { log.withLock { $0 } }
    var calls: [String] { requests.map(\.call) }
    var url: String { "http://\(listener.address)" }

    init(_ answer: @escaping @Sendable (Request) -> Answer) throws {
        listener = try Listener(.loopback4(port: 0))
        let (listener, log, stopped) = (listener, log, stopped)
        startThread(name: "scripted") {
            while !stopped.isOpen {
                var wait = pollfd(fd: listener.descriptor.raw, events: Int16(POLLIN), revents: 0)
                _ = poll(&wait, 1, 100)
                guard case .accepted(let connection, _) = Kernel.accept4(listener.descriptor.raw) else { continue }
                let shared = SharedDescriptor(adopting: connection)
                startThread(name: "connection") {
                    guard let request = Self.read(shared.raw) else { return }
                    log.withLock { $0.append(request) }
                    let reply = answer(request)
                    for piece in reply.pieces { try? piece.withUnsafeBytes { try Kernel.writeAll(shared.raw, $0) } }
                    if reply.staysSilent { stopped.wait(atMost: .seconds(30)) }
                }
            }
        }
    }

    func stop() { stopped.signal() }

    private static func read(_ connection: CInt) -> Request? {
        try? Kernel.setNonBlocking(connection, false)
        var bytes: [UInt8] = []
        var scanner = HeadScanner()
        var head: (RequestHead, Int)?
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            if head == nil, let length = try? scanner.scan(bytes.span),
                let parsed = try? HeadParser.request(bytes.span.extracting(0..<length))
            {
                head = (parsed, length)
            }
            if let (head, length) = head {
                let size = head.fields.first("Content-Length").flatMap { Int($0) } ?? 0
                if bytes.count >= length + size {
                    return Request(
                        method: head.method, target: String(decoding: head.target, as: UTF8.self), fields: head.fields,
                        body: String(decoding: bytes[length..<length + size], as: UTF8.self))
                }
            }
            let result = buffer.withUnsafeMutableBytes { Kernel.recv(connection, into: $0) }
            guard case .count(let count) = result, count > 0 else { return nil }
            bytes += buffer[..<count]
        }
    }
}
