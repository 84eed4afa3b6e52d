import Core
import Foundation
import Logging
import Sessions
import SessionsTesting
import Storage
import Platform
import Wire

@testable import Control

/// The control API over fakes, on a port of its own.
final class ControlBench: Sendable {
    static let administrator = ("Authorization", BasicCredentials(user: "admin", password: "pa:ss").fieldValue)

    let folder: String
    let records = FakeRecords()
    let recorder: Recorder
    let observer = RecordingObserver()
    let metadata = FakeMetadata()
    let pool = WorkerPool(name: "test", threads: 2, capacity: 64)
    let registry: SessionRegistry
    let server: ControlServer
    let probe: HTTPProbe
    private let running: Task<Void, any Error>

    /// What a report consists of; `nil` in a piece makes it fail there.
    let report = Lock<[[UInt8]?]>([Array("{\"artifacts\":".utf8), Array("[]}".utf8)])
    let clock: SessionClock
    let cache = FakeCache()
    /// What the cache has of artifacts.
    let artifacts = Lock<[SHA256Digest: [UInt8]]>([:])
    /// Requests that count as use.
    let uses = Lock(0)
    /// The lines of the log.
    let lines = Lock<[String]>([])
    /// What is under way.
    let transfers = Lock<[OpenTransfer]>([])

    init(
        allowsPermissive: Bool = true, clock: SessionClock = .system,
        observations: Observations = Observations(metrics: { MetricsSnapshot() }, problems: { [] }),
        onRequest: @escaping @Sendable () -> Void = {}, adjust: (inout ControlSettings) -> Void = { _ in }
    ) throws {
        folder = NSTemporaryDirectory() + "control-" + UUID().uuidString
        try Kernel.mkdir(folder)
        recorder = Recorder(records: records)
        self.clock = clock
        let log = Logger(label: "test") { [lines] _ in KeptLog(lines: lines) }
        registry = SessionRegistry(
            settings: SessionSettings(allowsPermissive: allowsPermissive), records: records, recorder: recorder,
            spool: SpoolFolder(path: folder), pool: pool, observer: observer, metadata: metadata, forget: { _ in },
            log: log)
        var settings = ControlSettings(user: "admin", password: "pa:ss", names: ["Fetch.Example"], spoolPath: folder)
        settings.loginDelay = .zero
        adjust(&settings)
        let parts = ControlParts(
            registry: registry, records: records, pool: pool,
            report: { [report] _ in FakeReport(pieces: report.withLock { $0 }) },
            artifact: { [artifacts] _, digest in artifacts.withLock { $0[digest] }.map(FakeArtifact.init) },
            transfers: { [transfers] session, limit in
                OpenTransfers(
                    transfers.withLock { $0.filter { session == nil || $0.session == session } }, atMost: limit)
            },
            configuration: { given in
                guard let given else { return Array("{}".utf8) }
                if given.contains(UInt8(ascii: "[")) { throw HTTPProbe.Failure(text: "bad glob") }
                return given
            },
            unknownKeys: { given in
                (try JSONValue(parsing: given)["unknown"]?.text ?? "").split(separator: " ").map(String.init)
            }, cache: cache, clock: clock, observations: observations,
            onRequest: { [uses] in
                uses.withLock { $0 += 1 }
                onRequest()
            })
        let listener = try Listener(.loopback4(port: 0))
        probe = HTTPProbe(port: listener.address.port)
        let server = ControlServer(
            api: ControlAPI(settings: settings, parts: parts, log: log), listener: listener.descriptor, log: log)
        self.server = server
        running = Task { try await server.run() }
    }

    /// Sends a request as the administrator.
    func asAdmin(_ method: String, _ target: String, _ body: String? = nil) async throws -> Reply {
        try await probe.send(method, target, [Self.administrator], body: body.map { Array($0.utf8) })
    }

    /// Opens a session over the API.
    func open(_ body: String = "{}") async throws -> (id: String, token: String) {
        let reply = try await asAdmin("POST", "/session", body)
        guard reply.status == 200, let id = reply.member("id"), let token = reply.member("token") else {
            throw HTTPProbe.Failure(text: "\(reply.status) \(reply.text)")
        }
        return (id, token)
    }

    func revoke(_ id: String, _ token: String) async throws -> Reply {
        try await probe.send("DELETE", "/session/\(id)/token", body: Array("{\"token\": \"\(token)\"}".utf8))
    }

    func end() async throws {
        await server.stop(grace: .milliseconds(200))
        try await running.value
        recorder.stop()
        pool.stop()
        try FileManager.default.removeItem(atPath: folder)
    }

    /// Runs a test on a bench and takes it down afterwards.
    static func run(
        allowsPermissive: Bool = true, clock: SessionClock = .system,
        observations: Observations = Observations(metrics: { MetricsSnapshot() }, problems: { [] }),
        onRequest: @escaping @Sendable () -> Void = {}, adjust: (inout ControlSettings) -> Void = { _ in },
        _ body: (ControlBench) async throws -> Void
    ) async throws {
        let bench = try ControlBench(
            allowsPermissive: allowsPermissive, clock: clock, observations: observations, onRequest: onRequest,
            adjust: adjust)
        let result: Result<Void, any Error>
        do { result = .success(try await body(bench)) } catch { result = .failure(error) }
        try await bench.end()
        try result.get()
    }
}

/// An artifact's bytes in memory.
final class FakeArtifact: BlobReader {
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    var size: Int64 { Int64(bytes.count) }
    var plainFile: (descriptor: Int32, offset: Int64)? { nil }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        let part = bytes[min(Int(offset), bytes.count)...].prefix(buffer.count)
        buffer.copyBytes(from: part)
        return part.count
    }
}

/// A report of given pieces.
final class FakeReport: ReportPieces {
    struct Torn: Error {}

    private let pieces: Lock<[[UInt8]?]>

    init(pieces: [[UInt8]?]) { self.pieces = Lock(pieces) }

    func next() throws -> [UInt8]? {
        try pieces.withLock { pieces in
            guard !pieces.isEmpty else { return nil }
            guard let piece = pieces.removeFirst() else { throw Torn() }
            return piece
        }
    }
}
