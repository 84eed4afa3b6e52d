import Core
import Foundation
import Glibc
import Logging
import Platform
import Sessions
import SessionsTesting
import Storage

@testable import Control

/// The local socket over fakes, in a folder of its own.
final class LocalBench: Sendable {
    let folder: String
    let records = FakeRecords()
    let recorder: Recorder
    let pool = WorkerPool(name: "test", threads: 2, capacity: 64)
    let registry: SessionRegistry
    let server: LocalServer
    let updates = FakeUpdates()
    let archive: FakeArchive
    /// What the artifacts consist of; `nil` in a piece makes it fail there.
    let artifacts = Lock<[[UInt8]?]>([Array("[\n\t\"ü".utf8), Array("\"\n]".utf8)])
    let requests = Lock(0)
    /// The lines of the log.
    let lines = Lock<[String]>([])
    /// So many clients from now on get no thread.
    let missingThreads = Lock(0)

    var path: String { folder + "/run/fetchctl.socket" }
    var probe: LocalProbe { LocalProbe(path: path) }

    init(
        allowsPermissive: Bool = true, isStrict: Bool = false, owner: UInt32 = geteuid(),
        adjust: (inout LocalSettings) -> Void = { _ in }
    ) throws {
        folder = NSTemporaryDirectory() + "local-" + UUID().uuidString
        try Kernel.mkdir(folder)
        archive = FakeArchive(folder: folder)
        recorder = Recorder(records: records)
        let log = Logger(label: "test") { [lines] _ in KeptLog(lines: lines) }
        registry = SessionRegistry(
            settings: SessionSettings(allowsPermissive: allowsPermissive), records: records, recorder: recorder,
            spool: SpoolFolder(path: folder), pool: pool, observer: RecordingObserver(), metadata: FakeMetadata(),
            forget: { _ in }, log: log)
        var settings = LocalSettings()
        adjust(&settings)
        let parts = LocalParts(
            control: ControlParts(
                registry: registry, records: records, pool: pool, report: { _ in FakeReport(pieces: []) },
                artifact: { _, _ in nil }, transfers: { _, limit in OpenTransfers([], atMost: limit) },
                configuration: { given in
                    guard let given else { return Array("{}".utf8) }
                    if given.contains(UInt8(ascii: "[")) { throw HTTPProbe.Failure(text: "bad glob") }
                    return given
                }, unknownKeys: { _ in [] }, onRequest: { [requests] in requests.withLock { $0 += 1 } }),
            version: "1.2.3", artifacts: { [artifacts] _ in FakeReport(pieces: artifacts.withLock { $0 }) },
            inspectorsJSON: { yaml in
                guard !yaml.isEmpty, yaml != Array("bad".utf8) else { throw HTTPProbe.Failure(text: "line 1: bad") }
                return (Array("{\"yaml\":\(yaml.count)}".utf8), yaml == Array("odd".utf8) ? ["git.url"] : [])
            }, isStrict: isStrict, updates: updates, archive: archive)
        server = LocalServer(
            listener: try LocalListener(path: folder + "/run/fetchctl.socket"),
            operations: LocalOperations(parts: parts, log: log), settings: settings, owner: owner,
            startClient: { [missingThreads] body in
                let isMissing = missingThreads.withLock { count in
                    defer { count = max(0, count - 1) }
                    return count > 0
                }
                if isMissing { throw SystemError(call: "pthread_create", code: EAGAIN) }
                startThread(name: "client", body)
            }, log: log)
        server.start()
    }

    /// Sends a request and gives result and message.
    func ask(
        _ operation: String, type: String? = nil, validateOnly: Bool? = nil, payload: String? = nil
    ) async throws -> LocalProbe.Reply {
        var members: [String: JSONValue] = ["operation": .string(operation)]
        if let type { members["type"] = .string(type) }
        if let validateOnly { members["validate-only"] = .bool(validateOnly) }
        if let payload { members["payload"] = .string(payload) }
        return try await probe.ask(JSONValue.object(members).json)
    }

    func end() throws {
        server.stop(grace: .seconds(5))
        recorder.stop()
        pool.stop()
        try FileManager.default.removeItem(atPath: folder)
    }

    /// Runs a test on a bench and takes it down afterwards.
    static func run(
        allowsPermissive: Bool = true, isStrict: Bool = false, owner: UInt32 = geteuid(),
        adjust: (inout LocalSettings) -> Void = { _ in },
        _ body: (LocalBench) async throws -> Void
    ) async throws {
        let bench = try LocalBench(
            allowsPermissive: allowsPermissive, isStrict: isStrict, owner: owner, adjust: adjust)
        let result: Result<Void, any Error>
        do { result = .success(try await body(bench)) } catch { result = .failure(error) }
        try bench.end()
        try result.get()
    }
}

/// Notes what it is told, and refuses what contains "wrong".
final class FakeUpdates: ServiceUpdates {
    struct Update: Equatable {
        var kind: ConfigurationKind?
        var text: String
        var validateOnly: Bool
    }

    let updates = Lock<[Update]>([])

    func updateConfiguration(
        _ kind: ConfigurationKind, to text: [UInt8], validateOnly: Bool
    ) async throws(UpdateFailure) {
        try note(Update(kind: kind, text: String(decoding: text, as: UTF8.self), validateOnly: validateOnly))
    }

    func updateCertificate(_ pem: [UInt8], validateOnly: Bool) async throws(UpdateFailure) {
        try note(Update(kind: nil, text: String(decoding: pem, as: UTF8.self), validateOnly: validateOnly))
    }

    private func note(_ update: Update) throws(UpdateFailure) {
        updates.withLock { $0.append(update) }
        if update.text.contains("wrong") { throw UpdateFailure("acl.yaml:3: 'wrong' is no rule") }
    }
}

/// Speaks over a local socket; its waiting is done on threads of its own.
struct LocalProbe: Sendable {
    struct Reply: Equatable {
        var result: String
        var message: String
    }

    private static let threads = WorkerPool(name: "local-probe", threads: 24, capacity: 1024)
    let path: String

    /// A connection, blocking, that waits 20 s at most.
    func connect() throws -> SharedDescriptor {
        let socket = SharedDescriptor(adopting: try Kernel.localSocket())
        try Kernel.setNonBlocking(socket.raw, false)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket.raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket.raw, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        try Kernel.connectLocal(socket.raw, path)
        return socket
    }

    /// Sends bytes and gives all that comes back; ends its side only when told.
    func raw(_ pieces: [[UInt8]], ending: Bool = false) async throws -> [UInt8] {
        try await Self.threads.run {
            let socket = try connect()
            for piece in pieces where !piece.isEmpty {
                var rest = piece[...]
                while !rest.isEmpty,
                    case .count(let count) = rest.withUnsafeBytes({ Kernel.send(socket.raw, $0) })
                {
                    rest = rest.dropFirst(count)
                }
            }
            if ending { Kernel.shutdownWrite(socket.raw) }
            return try Self.rest(of: socket)
        }
    }

    static func rest(of socket: SharedDescriptor) throws -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            switch buffer.withUnsafeMutableBytes({ Kernel.recv(socket.raw, into: $0) }) {
            case .count(0), .failed(ECONNRESET): return all
            case .count(let count): all += buffer[..<count]
            case .wouldBlock: throw HTTPProbe.Failure(text: "no reply within 20 s")
            case .failed(let code): throw HTTPProbe.Failure(text: "recv: \(code)")
            }
        }
    }

    func ask(_ request: [UInt8], ending: Bool = false) async throws -> Reply {
        try Self.reply(try await raw([request], ending: ending))
    }

    static func reply(_ bytes: [UInt8]) throws -> Reply {
        let value = try JSONValue(parsing: bytes)
        guard let result = value["result"]?.text, let message = value["message"]?.text else {
            throw HTTPProbe.Failure(text: String(decoding: bytes, as: UTF8.self))
        }
        return Reply(result: result, message: message)
    }
}
