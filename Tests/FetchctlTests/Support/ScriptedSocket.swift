import Core
import Glibc
import Platform
import PlatformTesting

@testable import fetchctl

/// A local socket whose replies a test writes, one thread per connection.
final class ScriptedSocket: Sendable {
    private let folder: TemporaryFolder
    private let listener: SharedDescriptor
    private let log = Lock<[JSONValue]>([])
    private let handed = Lock<[String]>([])
    private let stopped = Latch()

    var path: String { folder.file("fetchctl.socket") }
    /// What was asked so far.
    var requests: [JSONValue] { log.withLock { $0 } }
    /// What was in the files that came with it.
    var files: [String] { handed.withLock { $0 } }

    /// Listens; `answer` makes the bytes that go back, `nil` leaves the connection open and silent.
    ///
    /// - Parameters:
    ///   - file: Path of a file that is handed over with each reply.
    ///   - answer: Gets what was asked.
    /// - Throws: When it cannot listen.
    init(handing file: String? = nil, _ answer: @escaping @Sendable (JSONValue) -> [UInt8]?) throws {
        folder = try TemporaryFolder()
        listener = SharedDescriptor(adopting: try Kernel.localSocket())
        try Kernel.bindLocal(listener.raw, folder.file("fetchctl.socket"))
        try Kernel.listen(listener.raw, backlog: 16)
        let (listener, log, handed, stopped) = (listener, log, handed, stopped)
        startThread(name: "scripted") {
            while !stopped.isOpen {
                var wait = pollfd(fd: listener.raw, events: Int16(POLLIN), revents: 0)
                _ = poll(&wait, 1, 100)
                guard case .accepted(let socket, _) = Kernel.accept4(listener.raw) else { continue }
                let shared = SharedDescriptor(adopting: socket)
                startThread(name: "connection") {
                    guard let request = Self.read(shared.raw, handed) else { return }
                    log.withLock { $0.append(request) }
                    guard let reply = answer(request) else { return _ = stopped.wait(atMost: .seconds(30)) }
                    guard let file, let opened = try? Kernel.open(file, O_RDONLY) else {
                        try? reply.withUnsafeBytes { try Kernel.writeAll(shared.raw, $0) }
                        return
                    }
                    _ = reply.withUnsafeBytes { Kernel.send(shared.raw, $0, handing: opened.number) }
                }
            }
        }
    }

    /// One that always replies the same.
    convenience init(_ result: String, _ message: String) throws {
        try self.init { _ in Self.reply(result, message) }
    }

    static func reply(_ result: String, _ message: String) -> [UInt8] {
        JSONValue.object(["result": .string(result), "message": .string(message)]).json
    }

    func stop() { stopped.signal() }

    private static func read(_ socket: CInt, _ handed: Lock<[String]>) -> JSONValue? {
        try? Kernel.setNonBlocking(socket, false)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        var files: [SharedDescriptor] = []
        while case .count(let count) = buffer.withUnsafeMutableBytes({
            Kernel.recv(socket, into: $0, descriptors: &files)
        }), count > 0 {
            bytes += buffer[..<count]
        }
        for file in files where (try? Kernel.fstat(file.raw).isRegular) == true {
            let text = try? Kernel.contents(of: "/proc/self/fd/\(file.raw)")
            handed.withLock { $0.append(String(decoding: text ?? [], as: UTF8.self)) }
        }
        return try? JSONValue(parsing: bytes)
    }
}
