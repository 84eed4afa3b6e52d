import Core
import Glibc
import Platform

/// Speaks over the local socket of a service: one request and one reply for each connection.
struct LocalClient: Sendable {
    /// A reply that is longer is none.
    private static let longestReply = 256 << 20

    /// Where sockets may be, the best first; the first at which somebody listens is used.
    let paths: [String]
    /// The longest wait for each of connecting, sending and receiving.
    var patience = Duration.seconds(60)

    /// Asks the service to do something.
    ///
    /// - Parameters:
    ///   - operation: What.
    ///   - type: Of what kind; empty for none.
    ///   - validateOnly: Whether it is only to be checked.
    ///   - payload: What is done it with.
    /// - Returns: The service's message, which is text from outside.
    /// - Throws: ``LocalError``.
    func ask(
        _ operation: String, type: String = "", validateOnly: Bool = false, payload: String = ""
    ) throws(LocalError) -> String {
        try exchange(operation, type: type, validateOnly: validateOnly, payload: payload, handing: nil).message
    }

    /// As ``ask(_:type:validateOnly:payload:)``, with an open file for the service.
    func ask(
        _ operation: String, validateOnly: Bool = false, handing file: SharedDescriptor
    ) throws(LocalError) -> String {
        try exchange(operation, type: "", validateOnly: validateOnly, payload: "", handing: file).message
    }

    /// As ``ask(_:type:validateOnly:payload:)``, for an open file from the service.
    func askForFile(_ operation: String) throws(LocalError) -> (message: String, file: SharedDescriptor) {
        let reply = try exchange(operation, type: "", validateOnly: false, payload: "", handing: nil)
        guard let file = reply.file else { throw LocalError(kind: .malformed, reason: "there is no file with it") }
        return (reply.message, file)
    }

    private func exchange(
        _ operation: String, type: String, validateOnly: Bool, payload: String, handing file: SharedDescriptor?
    ) throws(LocalError) -> (message: String, file: SharedDescriptor?) {
        var members: [String: JSONValue] = ["operation": .string(operation)]
        if !type.isEmpty { members["type"] = .string(type) }
        if validateOnly { members["validate-only"] = true }
        if !payload.isEmpty { members["payload"] = .string(payload) }
        let socket = try connect()
        try Self.send(JSONValue.object(members).json, handing: file, to: socket)
        var files: [SharedDescriptor] = []
        let message = try Self.message(of: try Self.receive(from: socket, files: &files))
        return (message, files.first)
    }

    private func connect() throws(LocalError) -> SharedDescriptor {
        var failures: [String] = []
        for path in paths {
            do throws(SystemError) {
                let socket = SharedDescriptor(adopting: try Kernel.localSocket())
                try Kernel.setNonBlocking(socket.raw, false)
                // The kernel keeps the deadlines, connecting included (unix(7), socket(7)).
                let (seconds, fraction) = patience.components
                var limit = timeval(tv_sec: Int(seconds), tv_usec: Int(fraction / 1_000_000_000_000))
                for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
                    _ = setsockopt(socket.raw, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
                }
                try Kernel.connectLocal(socket.raw, path)
                return socket
            } catch {
                if error.code == EAGAIN {
                    throw LocalError(kind: .timedOut, reason: "too many clients wait at \(Shown.text(path))")
                }
                failures.append("\(Shown.text(path)): \(SystemError.text(of: error.code))")
            }
        }
        throw LocalError(kind: .unreachable, reason: failures.joined(separator: "; "))
    }

    private static func send(
        _ bytes: [UInt8], handing file: SharedDescriptor?, to socket: SharedDescriptor
    ) throws(LocalError) {
        var rest = bytes[...]
        var file = file
        while !rest.isEmpty {
            let result = rest.withUnsafeBytes { bytes in
                if let file { return Kernel.send(socket.raw, bytes, handing: file.raw) }
                return Kernel.send(socket.raw, bytes)
            }
            switch result {
            case .count(let count):
                rest = rest.dropFirst(count)
                file = nil
            case .wouldBlock: throw LocalError(kind: .timedOut, reason: "it takes no more of the request")
            // It may have answered before it had read everything; the answer tells more than this error.
            case .failed(EPIPE), .failed(ECONNRESET): return
            case .failed(let code): throw LocalError(kind: .malformed, reason: SystemError.text(of: code))
            }
        }
        Kernel.shutdownWrite(socket.raw)
    }

    private static func receive(
        from socket: SharedDescriptor, files: inout [SharedDescriptor]
    ) throws(LocalError) -> [UInt8] {
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            switch Kernel.recv(socket.raw, into: buffer, descriptors: &files) {
            case .count(0): return bytes
            case .count(let count):
                bytes += buffer[..<count]
                if bytes.count > longestReply {
                    throw LocalError(kind: .malformed, reason: "more than \(longestReply) bytes")
                }
            case .wouldBlock: throw LocalError(kind: .timedOut, reason: "nothing came for too long")
            // What it sent before is there; without any it says why.
            case .failed(ECONNRESET) where !bytes.isEmpty: return bytes
            case .failed(let code): throw LocalError(kind: .malformed, reason: SystemError.text(of: code))
            }
        }
    }

    private static func message(of reply: [UInt8]) throws(LocalError) -> String {
        guard !reply.isEmpty else {
            throw LocalError(kind: .malformed, reason: "the connection ended before the reply")
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: reply)
        } catch {
            throw LocalError(kind: .malformed, reason: error.description)
        }
        guard let result = value["result"]?.text, let message = value["message"]?.text else {
            throw LocalError(kind: .malformed, reason: "it has no result and message; is this a fetch-service?")
        }
        guard result == "ok" else {
            let text = Shown.text(message, limit: 8192)
            throw LocalError(kind: .refused, reason: text.isEmpty ? "the service refused, without a reason" : text)
        }
        return message
    }
}
