import Cache
import Core
import Cryptography
import Glibc
import Inspection
import Logging
import MemoryStorage
import Proxy
import Relay
import RelayTesting
import Sessions
import SessionsTesting
import Storage
import Platform
import Testing
import Wire

/// What a test may change about its proxy.
struct ProxyOptions: Sendable {
    var settings: ProxySettings = {
        var settings = ProxySettings()
        settings.loops = 2
        return settings
    }()
    var policy = ScriptedOrigin.loopbackPolicy
    var blobs: any BlobStore = MemoryBlobStore()
    /// Bytes of bodies that memory keeps.
    var bodyMemory = ResponseCache.Settings().bodyMemory
    var inspectors = InspectorsConfiguration()
    var upstream = UpstreamProxies.none
}

/// A whole proxy on a free port over storage in memory, with an authority and sessions of its own.
final class ProxyFixture: Sendable {
    let server: ProxyServer
    let port: UInt16
    let records = ControlledRecords()
    /// The lines of the log, each with its level before it.
    let lines = Lock<[String]>([])
    let catalog: MemoryCatalog
    /// What every change of the catalog fails with.
    let catalogFailure: Lock<StoreError?>
    let cache: ResponseCache
    let recorder: Recorder
    /// Certificates of the proxy's authority.
    let leaves: LeafCache
    /// Trusts the proxy's authority only.
    let trust: TLSClientContext
    /// Two that let everything pass, and one that does not.
    let permissive: Session
    let other: Session
    let strict: Session

    init(_ options: ProxyOptions) async throws {
        // As the service does: sendfile(2) has no other way to say that the client is gone.
        Kernel.ignoreBrokenPipes()
        let listener = try Listener(.loopback4(port: 0))
        port = listener.address.port
        recorder = Recorder(records: records)
        let failure = Lock<StoreError?>(nil)
        catalogFailure = failure
        catalog = MemoryCatalog { () throws(StoreError) in
            if let error = failure.withLock({ $0 }) { throw error }
        }
        var cacheSettings = ResponseCache.Settings()
        cacheSettings.bodyMemory = options.bodyMemory
        cache = ResponseCache(catalog: catalog, blobs: options.blobs, settings: cacheSettings) { _ in }
        let made = try CertificateAuthority.generate(commonName: "proxy under test")
        let authority = try CertificateAuthority.load(certificatePEM: made.certificatePEM, keyPEM: made.keyPEM)
        trust = try TLSClientContext(trust: .only(made.certificatePEM))
        let log = Logger(label: "proxy") { [lines] _ in KeptLog(lines: lines) }
        let inspectors = options.inspectors
        leaves = LeafCache(authority: authority)
        server = try ProxyServer(
            settings: options.settings,
            parts: ProxyServer.Parts(
                listener: listener.descriptor, leaves: leaves,
                trust: try TestCertificates.shared.get().client(), policy: options.policy, upstream: options.upstream,
                cache: cache, recorder: recorder, engine: { _ in InspectionEngine(configuration: inspectors) },
                log: log))
        server.start()
        permissive = try await Self.open("permissive", .permissive, recorder, server)
        other = try await Self.open("other", .permissive, recorder, server)
        strict = try await Self.open("strict", .strict, recorder, server)
    }

    private static func open(
        _ id: String, _ policy: SessionPolicy, _ recorder: Recorder, _ server: ProxyServer
    ) async throws -> Session {
        let row = SessionRow(
            id: try #require(SessionID(id)), policy: policy, created: .now(), timeout: 3_600,
            tokenHash: SHA256Hasher.digest(Array(token(of: id).utf8)), redactionKey: Array(id.utf8))
        try await recorder.commit([.open(row)])
        let session = Session(row: row)
        await server.sessionOpened(session)
        return session
    }

    /// Opens a session with secrets of its own; those of a `lost` one are as after a restart.
    func open(
        _ id: String, _ policy: SessionPolicy = .permissive, secrets declared: [JSONValue], lost: Bool = false
    ) async throws -> Session {
        let secrets = try SessionSecrets(declared: declared)
        let row = SessionRow(
            id: try #require(SessionID(id)), policy: policy, created: .now(), timeout: 3_600,
            tokenHash: SHA256Hasher.digest(Array(Self.token(of: id).utf8)), redactionKey: Array(id.utf8),
            secrets: secrets.rows)
        try await recorder.commit([.open(row)])
        let session = Session(row: row, secrets: lost ? nil : secrets)
        await server.sessionOpened(session)
        return session
    }

    static func token(of id: String) -> String { "tokenof\(id)0123456789" }

    func close() async {
        records.release()
        await server.stop(grace: .zero)
        recorder.stop()
        cache.writer.stop()
    }

    // MARK: - Clients

    /// A connection to the proxy, for bytes of the test's own.
    func connect(patience: Duration = .seconds(20)) throws -> BlockingConnection {
        try BlockingConnection(port: port, patience: patience)
    }

    /// A client of a session; of ``permissive`` unless told.
    func client(_ session: Session? = nil, patience: Duration = .seconds(20)) throws -> ProxyClient {
        ProxyClient(try connect(patience: patience), session ?? permissive)
    }

    /// A client inside a tunnel to an origin, TLS on both sides when the origin speaks it.
    func tunnel(to origin: ScriptedOrigin, _ session: Session? = nil) throws -> ProxyClient {
        var client = try client(session)
        try client.openTunnel(to: "127.0.0.1:\(origin.port)")
        if origin.isTLS { try client.connection.startTLS(trust, host: "127.0.0.1") }
        return client
    }

    // MARK: - The record

    /// The rows of a session, once there are so many.
    func rows(_ session: Session? = nil, atLeast count: Int = 0) throws -> [RecordedExchange] {
        try records.rows(of: (session ?? permissive).id, atLeast: count).map(RecordedExchange.init)
    }

    /// The rows of one kind, once there are so many.
    func rows(
        _ session: Session? = nil, kind category: ExchangeRow.Category, atLeast count: Int = 0
    ) throws -> [RecordedExchange] {
        try records.rows(of: (session ?? permissive).id, atLeast: count) { $0.category == category }
            .map(RecordedExchange.init)
    }

    /// Waits until so many exchanges wait for or read the download of a URL in the shared partition.
    func waitForReaders(_ count: Int, of url: String) throws {
        let key = FillKey(partition: .shared, key: try RequestURL(parsing: url).key)
        let deadline = Deadline()
        while true {
            if let fill = cache.fills.current(key), fill.readers >= count { return }
            try deadline.check()
        }
    }

    /// Waits until the catalog, which is written behind the clients' backs, has a shared blob.
    func storedBlob(_ digest: SHA256Digest) throws -> StoredBlob {
        let deadline = Deadline()
        while true {
            if let blob = try catalog.blob(digest, scope: .shared) { return blob }
            try deadline.check()
        }
    }

    // MARK: - Descriptors

    /// Connections of clients that this process still holds the proxy's side of, each with what the kernel says of it.
    ///
    /// TCP only: a query for a name may have the same number as its port.
    var openConnections: [String] {
        (0..<4096).compactMap { number in
            func option(_ name: CInt) -> CInt? {
                var value: CInt = 0
                var size = socklen_t(MemoryLayout<CInt>.size)
                return getsockopt(CInt(number), SOL_SOCKET, name, &value, &size) == 0 ? value : nil
            }
            guard option(SO_ACCEPTCONN) == 0, option(SO_PROTOCOL) == CInt(IPPROTO_TCP),
                Kernel.localAddress(CInt(number))?.port == port
            else { return nil }
            var state = tcp_info()
            var size = socklen_t(MemoryLayout<tcp_info>.size)
            getsockopt(CInt(number), CInt(IPPROTO_TCP), TCP_INFO, &state, &size)
            let peer = Kernel.peerAddress(CInt(number))?.text ?? "nobody"
            return "descriptor \(number), peer \(peer), TCP state \(state.tcpi_state), "
                + "unconfirmed \(Kernel.unconfirmedBytes(CInt(number)))"
        }
    }
}

/// A row with its JSON read.
struct RecordedExchange: Sendable {
    let row: ExchangeRow
    let download: JSONValue
    let judgement: JSONValue?

    init(_ row: ExchangeRow) throws {
        self.row = row
        download = try JSONValue(parsing: row.download)
        judgement = row.judgement.isEmpty ? nil : try JSONValue(parsing: row.judgement)
    }

    var url: String { download["url"]?.text ?? "" }
    var status: Int64 { download["status-code"]?.integer ?? -1 }
    var source: String { download["source"]?.text ?? "" }
    var reason: String { download["reason"]?.text ?? "" }
    var isTruncated: Bool { row.isTruncated || download["truncated"]?.bool == true }
    /// All of it as text, for looking for what must not be there.
    var text: String { String(decoding: row.download + row.judgement, as: UTF8.self) }
}

/// Runs a test with a proxy of its own, on threads that may block, and sees that nothing is left of it.
func withProxy(
    _ options: ProxyOptions = ProxyOptions(), _ body: @escaping @Sendable (ProxyFixture) async throws -> Void
) async throws {
    await Slots.proxies.take()
    let outcome: Result<Void, any Error>
    do {
        outcome = .success(try await run(options, body))
    } catch {
        outcome = .failure(error)
    }
    await Slots.proxies.giveBack()
    try outcome.get()
}

private func run(
    _ options: ProxyOptions, _ body: @escaping @Sendable (ProxyFixture) async throws -> Void
) async throws {
    let proxy = try await ProxyFixture(options)
    do {
        try await withTaskExecutorPreference(BlockingExecutor.shared) { try await body(proxy) }
    } catch {
        await proxy.close()
        throw error
    }
    let numbers = try [proxy.permissive, proxy.other, proxy.strict].map { try proxy.rows($0).map(\.row.number) }
    await proxy.close()
    for own in numbers where !own.isEmpty { #expect(own == Array(1...Int64(own.count)), "numbers without gaps") }
    // The kernel and the last users of a descriptor may need a moment; a leak stays.
    let deadline = Deadline(.seconds(10))
    while !proxy.openConnections.isEmpty, (try? deadline.check()) != nil {}
    #expect(proxy.openConnections == [], "connections left open")
}
