import Core
import Glibc
import Sessions
import Platform
import Wire

/// A reply as it came over the wire.
struct Reply: Sendable {
    var status: Int
    var fields: Fields
    var body: [UInt8]
    /// Whether a chunked body came with its last chunk.
    var isComplete: Bool

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of a string member of a flat JSON object.
    func member(_ name: String) -> String? {
        guard let start = text.range(of: "\"\(name)\":\"")?.upperBound else { return nil }
        return String(text[start...].prefix { $0 != "\"" })
    }
}

extension String {
    fileprivate func range(of part: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(part) { return start..<index(start, offsetBy: part.count) }
            start = index(after: start)
        }
        return nil
    }
}

/// Speaks HTTP byte by byte with a server on loopback; its waiting is done on threads of its own.
struct HTTPProbe: Sendable {
    struct Failure: Error { var text: String }

    private static let threads = WorkerPool(name: "probe", threads: 24, capacity: 1024)
    let port: UInt16

    /// Sends a request and reads the reply until the server closes.
    func send(
        _ method: String, _ target: String, _ fields: [(String, String)] = [], body: [UInt8]? = nil,
        host: String? = "localhost"
    ) async throws -> Reply {
        var text = "\(method) \(target) HTTP/1.1\r\nConnection: close\r\n"
        if let host { text += "Host: \(host)\r\n" }
        for (name, value) in fields { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Length: \(body.count)\r\n" }
        return try await exchange(Array("\(text)\r\n".utf8) + (body ?? []), method: method)
    }

    func exchange(_ bytes: [UInt8], method: String = "GET") async throws -> Reply {
        let port = port
        return try await Self.threads.run { try Self.parse(try Self.transfer(bytes, port), method: method) }
    }

    /// Sends bytes and returns all that comes back until the server closes the connection.
    func raw(_ bytes: [UInt8]) async throws -> [UInt8] {
        let port = port
        return try await Self.threads.run { try Self.transfer(bytes, port) }
    }

    private static func transfer(_ bytes: [UInt8], _ port: UInt16) throws -> [UInt8] {
        let socket = try Kernel.socket(ipv6: false)
        try Kernel.setNonBlocking(socket.number, false)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket.number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard Kernel.connect(socket.number, .loopback4(port: port)) == .connected else {
            throw Failure(text: "connect")
        }
        bytes.withUnsafeBytes { part in
            var sent = 0
            // A server that has heard enough closes before it has read everything.
            while sent < part.count,
                case .count(let count) = Kernel.send(socket.number, UnsafeRawBufferPointer(rebasing: part[sent...]))
            { sent += count }
        }
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            switch buffer.withUnsafeMutableBytes({ Kernel.recv(socket.number, into: $0) }) {
            case .count(0): return all
            case .count(let count): all += buffer[..<count]
            case .failed(ECONNRESET): return all
            case .wouldBlock: throw Failure(text: "no reply within 20 s")
            case .failed(let code): throw Failure(text: "recv: \(code)")
            }
        }
    }

    private static func parse(_ bytes: [UInt8], method: String) throws -> Reply {
        var scanner = HeadScanner()
        guard let length = try scanner.scan(bytes.span) else { throw Failure(text: "no head: \(bytes.count) bytes") }
        let (start, rest) = (Array(bytes[..<length]), Array(bytes[length...]))
        let head = try HeadParser.response(start.span)
        guard try head.framing(requestMethod: method) == .chunked else {
            return Reply(status: head.status, fields: head.fields, body: rest, isComplete: true)
        }
        var decoder = ChunkedDecoder()
        var (body, offset) = ([UInt8](), 0)
        while true {
            switch try decoder.next(rest.span, from: &offset) {
            case .data(let range): body += rest[range]
            case .end: return Reply(status: head.status, fields: head.fields, body: body, isComplete: true)
            case .needMore: return Reply(status: head.status, fields: head.fields, body: body, isComplete: false)
            }
        }
    }
}

/// A reply that is read while it comes.
final class ProbeStream: Sendable {
    private static let threads = WorkerPool(name: "streams", threads: 8, capacity: 64)
    private let socket: OwnedDescriptor
    private let received = Lock<[UInt8]>([])

    /// Sends a request.
    init(_ probe: HTTPProbe, _ target: String, _ fields: [(String, String)]) throws {
        socket = try Kernel.socket(ipv6: false)
        try Kernel.setNonBlocking(socket.number, false)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket.number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard Kernel.connect(socket.number, .loopback4(port: probe.port)) == .connected else {
            throw HTTPProbe.Failure(text: "connect")
        }
        let lines = fields.map { "\($0): \($1)\r\n" }.joined()
        let request = Array("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\(lines)\r\n".utf8)
        request.withUnsafeBytes { _ = Kernel.send(socket.number, $0) }
    }

    /// All that has come once this text is in it; what came when the server closes before.
    func read(until text: String) async throws -> String { try await read { $0.hasPart(text) } }

    /// All that comes until the server closes.
    func readToEnd() async throws -> String { try await read { _ in false } }

    private func read(_ isEnough: @escaping @Sendable (ArraySlice<UInt8>) -> Bool) async throws -> String {
        try await Self.threads.run { [self] in
            var buffer = [UInt8](repeating: 0, count: 65536)
            var looked = 0
            while true {
                let all = received.withLock { $0 }
                // What was looked at before may hold the beginning of it.
                if isEnough(all[max(0, looked - 1024)...]) { return String(decoding: all, as: UTF8.self) }
                looked = all.count
                switch buffer.withUnsafeMutableBytes({ Kernel.recv(socket.number, into: $0) }) {
                case .count(0), .failed(ECONNRESET): return String(decoding: all, as: UTF8.self)
                case .count(let count): received.withLock { $0 += buffer[..<count] }
                case .wouldBlock: throw HTTPProbe.Failure(text: "not within 20 s, after \(all.count) bytes")
                case .failed(let code): throw HTTPProbe.Failure(text: "recv: \(code)")
                }
            }
        }
    }
}

extension ArraySlice<UInt8> {
    /// Whether a text stands in these bytes.
    fileprivate func hasPart(_ text: String) -> Bool {
        let part = Array(text.utf8)
        guard let first = part.first else { return true }
        return indices.contains { self[$0] == first && self[$0...].starts(with: part) }
    }
}
