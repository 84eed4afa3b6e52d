import Cache
import Control
import Core
import Cryptography
import DiskStore
import FoundationEssentials
import Glibc
import Inspection
import Logging
import Proxy
import RecordJournal
import Relay
import Reports
import SQLiteCatalog
import Sessions
import Storage
import Platform

/// The service with all its parts: the composition root.
///
/// Its life: ``init(_:ports:destination:log:endedBy:)`` makes the parts, ``start()`` takes up the sessions and begins to accept,
/// ``stop(endingSessions:)`` ends transfers, commits and closes.
final class Service: Sendable {
    /// What `fetchctl` is told.
    let file: ServiceFile
    /// Path of the state folder.
    let statePath: String

    private let serviceFilePath: String
    private let stopTimeout: Lock<Duration>
    /// Changes what may change while the service runs.
    let reloader: Reloader
    private let stores: Stores
    private let registry: SessionRegistry
    private let proxy: ProxyServer
    private let observer: ProxyObserver
    private let control: ControlServer
    private let localListener: LocalListener?
    private let local = Lock<LocalServer?>(nil)
    private let localParts: LocalParts
    private let archive: RecordCare
    private let controlRequests: Lock<UInt64>
    private let copyUntil: Lock<MonotonicTime?>
    private let pool: WorkerPool
    private let care: CacheCare
    private let maintenance = Lock<Maintenance?>(nil)
    private let retention = Lock<Task<Void, Never>?>(nil)
    private let scrubbing: Scrubber.Settings
    private let log: Logger
    /// Held as long as the service lives: its lock is ours.
    private let folder: StateFolder

    /// Makes the parts; nothing is accepted and no session taken up yet.
    ///
    /// - Parameters:
    ///   - configuration: What was chosen.
    ///   - ports: Where it listens.
    ///   - destination: Where the log goes.
    ///   - log: The log.
    ///   - endedBy: The signal that has told the process to end, asked while something is waited for.
    /// - Throws: ``StartFailure``.
    init(
        _ configuration: ServiceConfiguration, ports: Ports, destination: LogDestination, log: Logger,
        endedBy: () -> CInt? = { nil }
    ) throws(StartFailure) {
        let settings = configuration.settings
        self.log = log
        let stopTimeout = Lock(settings.stopTimeout)
        self.stopTimeout = stopTimeout
        scrubbing = settings.scrubber
        folder = try StateFolder(
            path: configuration.spool, cacheFolder: settings.cacheFolder,
            patience: ports.areHandedOver ? settings.lockPatience : nil, endedBy: endedBy, log: log)
        statePath = folder.path
        serviceFilePath = folder.serviceFile

        let own = try OwnAuthority.load(configuration.authorityFiles, folder: folder)
        let credentials =
            if let given = configuration.credentials {
                given
            } else if let file = settings.credentialsFile {
                try AdminCredentials.read(file)
            } else {
                try AdminCredentials.kept(at: folder.credentials)
            }
        let (policy, givenInspectors) = try Self.rules(configuration.configFolder)
        let inspectors = Lock(givenInspectors)
        stores = try Stores(folder, settings, log: log)

        let network = try Self.network(configuration, ports)
        let engines = Engines(log: log)
        let leaves = LeafCache(authority: own.authority, capacity: settings.proxy.leafCapacity)
        do {
            var limits = settings.proxy
            limits.loops = settings.loops ?? Kernel.processorCount
            limits.resolvesThroughProxy = settings.upstreamResolver == .proxy
            limits.holdsStrictBodies = settings.strictDelivery == .hold
            try Self.fit(&limits, log)
            proxy = try ProxyServer(
                settings: limits,
                parts: ProxyServer.Parts(
                    listener: ports.proxy.descriptor, leaves: leaves,
                    trust: try TLSClientContext(),
                    policy: policy.owning(addresses: network.addresses, ports: network.ports),
                    upstream: network.upstream, cache: stores.cache, recorder: stores.recorder,
                    engine: { engines.engine(for: $0) }, log: log))
        } catch {
            throw .service("cannot start service: \(error)")
        }
        observer = ProxyObserver(proxy)
        pool = WorkerPool(name: "control", threads: 4, capacity: 1024)
        copyUntil = Lock(nil)
        let sha1s = SHA1Keeper(cache: stores.cache)
        care = CacheCare(cache: stores.cache, disk: stores.disk, sha1s: sha1s) { Maintenance.tell($0, log) }

        let spool = SpoolFolder(path: folder.path)
        let sha1 = Self.sha1Lookup(sha1s, until: copyUntil)
        let reportContext: @Sendable (SessionRow) -> ReportContext = { row in
            ReportContext(
                version: ServiceVersion.text, inspectors: engines.engine(for: row).ids,
                spoolPath: spool.folder(of: row.id).path, sha1: sha1)
        }
        let (records, cache) = (stores.records, stores.cache)
        registry = SessionRegistry(
            settings: settings.sessions, records: records,
            recorder: stores.recorder, spool: spool, pool: pool, observer: observer,
            metadata: FinishedSession(
                records: records, artifacts: StoredArtifacts(cache: cache),
                spaceLeft: { [disk = stores.disk] in disk.spaceLeft() }, context: reportContext, copyUntil: copyUntil,
                log: log),
            forget: { id in await Self.forget(id, cache, log) }, log: log)

        let view = OperatorView(
            OperatorView.Parts(
                proxy: proxy, stores: stores, registry: registry, pool: pool,
                scrubbed: { [maintenance] in maintenance.withLock { $0?.scrubbed } ?? Scrubber.Counts() },
                isStopping: { [copyUntil] in copyUntil.withLock { $0 != nil } }))
        let requests = Lock<UInt64>(0)
        controlRequests = requests
        let parts = ControlParts(
            registry: registry, records: records, pool: pool,
            report: { row in
                StreamedReport(
                    SessionReportStream(
                        session: try row.withGaps(in: records), records: records, context: reportContext(row)))
            },
            artifact: { session, digest in try StoredArtifacts(cache: cache).open(digest, of: session) },
            transfers: { [observer] session, limit in await observer.transfers(of: session, atMost: limit) },
            configuration: { given in
                let inspectors = inspectors.withLock { $0 }
                guard let given else { return try inspectors.json() }
                return try inspectors.merged(with: InspectorsConfiguration(json: given)).json()
            }, unknownKeys: { try InspectorsConfiguration(json: $0).unreadKeys(ofJSON: $0) },
            cache: care, observations: view.observations, onRequest: { requests.withLock { $0 &+= 1 } })
        var access = settings.control
        (access.user, access.password) = (credentials.user, credentials.password)
        access.names = Set(configuration.controlNames.map { $0.lowercased() })
        access.spoolPath = folder.path
        access.proxyPort = ports.proxy.address.port
        let api = ControlAPI(settings: access, parts: parts, log: log)
        control = ControlServer(api: api, listener: ports.control.descriptor, log: log)
        archive = RecordCare(
            stores: stores, registry: registry, pool: pool, folder: folder.archive, minFree: settings.disk.minFree)
        localParts = LocalParts(
            control: parts, version: ServiceVersion.text,
            artifacts: { row in
                StreamedArtifacts(ArtifactListStream(session: row, records: records, context: reportContext(row)))
            },
            inspectorsJSON: { text in
                let own = try InspectorsFile.read(text: text, path: InspectorsFile.name)
                return (try own.json(), try InspectorsFile.unreadKeys(of: text, readAs: own))
            }, isStrict: settings.control.isStrict, archive: archive)
        localListener = try LocalSocketPlace.listen(
            named: settings.controlSocket,
            candidates: LocalSocketPlace.candidates(
                named: settings.controlSocket, environment: configuration.environment, user: geteuid(),
                stateFolder: folder.path), log: log)
        file = ServiceFile(
            controlURL: ServiceFile.url(of: ports.control.address), proxyURL: ServiceFile.url(of: ports.proxy.address),
            authorityPath: own.files.certificate,
            credentialsPath: configuration.credentials == nil ? settings.credentialsFile ?? folder.credentials : nil,
            isPermissive: settings.sessions.allowsPermissive, controlSocket: localListener?.path)
        reloader = Reloader(
            configuration, authorityFiles: own.files,
            targets: Reloader.Targets(
                proxy: proxy, addresses: network.addresses, ports: network.ports, leaves: leaves,
                inspectors: inspectors, registry: registry, cache: cache, stopTimeout: stopTimeout, file: file,
                path: serviceFilePath, log: log),
            destination: destination, log: log)
    }

    /// Takes up the sessions of the last process, serves, and tells `fetchctl` where.
    ///
    /// - Parameters:
    ///   - handover: The credentials of the sessions.
    ///   - controlEnded: Called when the control API has stopped by itself.
    /// - Throws: ``StartFailure`` when the sessions cannot be taken up.
    func start(
        _ handover: SecretHandover, controlEnded: @escaping @Sendable (any Error) -> Void
    ) async throws(StartFailure) {
        proxy.startLoops()
        do {
            try await registry.restore(handover)
            try await removeForgottenSessions()
            // Only now: a client of a restored session must not be told that there is no such session.
            proxy.accept()
            serveLocally()
            try file.write(to: serviceFilePath)
        } catch {
            throw .service("cannot start service: \(error)")
        }
        maintenance.withLock {
            $0 = Maintenance(
                cache: stores.cache, care: care, disk: stores.disk, records: stores.database, scrubbing: scrubbing,
                log: log)
        }
        let cleaning = Task { [registry] in
            while !Task.isCancelled {
                await registry.removeOldFiles()
                try? await Task.sleep(for: Self.retentionPause)
            }
        }
        retention.withLock { $0 = cleaning }
        Task { [control] in
            do {
                try await control.run()
            } catch {
                controlEnded(error)
            }
        }
    }

    /// How often is looked for files of sessions that are too old.
    private static let retentionPause = Duration.seconds(600)

    /// Serves the local socket, where there is one.
    private func serveLocally() {
        guard let localListener else { return }
        var parts = localParts
        parts.updates = self
        let server = LocalServer(listener: localListener, operations: LocalOperations(parts: parts, log: log), log: log)
        local.withLock { $0 = server }
        server.start()
    }

    /// Removes what is cached for sessions that ended while their removal was cut short.
    private func removeForgottenSessions() async throws(StoreError) {
        for id in try stores.disk.privateSessions() where try stores.records.session(id) == nil {
            await Self.forget(id, stores.cache, log)
            log.info("removed what was left of a session that had ended", metadata: ["session": "\(id)"])
        }
    }

    /// Counters that change when something happens.
    func activity() async -> [UInt64] {
        [UInt64(clamping: proxy.activity), controlRequests.withLock { $0 }, await registry.activity]
    }

    /// How many sessions are alive.
    func sessionCount() async -> Int { await registry.liveCount }

    /// Whether the loops do what they are told; also when they have ended as they should.
    func answers() async -> Bool { await proxy.answers(within: .seconds(5)) }

    /// Where it serves, in one line.
    var summary: String { "proxy at \(file.proxyURL), control API at \(file.controlURL)" }

    /// Stops accepting, gives transfers their time, ends the rest recorded as truncated, commits and closes.
    ///
    /// - Parameter endingSessions: Whether the sessions end with the service, or go on after its next start.
    func stop(endingSessions: Bool) async {
        let stopTimeout = stopTimeout.withLock { $0 }
        copyUntil.withLock { $0 = MonotonicTime.now() + stopTimeout }
        _ = try? Kernel.unlinkIfPresent(serviceFilePath)
        retention.withLock { $0 }?.cancel()
        archive.stop()
        async let localStopped: Void = stopLocally(stopTimeout)
        async let controlStopped: Void = control.stop(grace: stopTimeout)
        await proxy.stop(grace: stopTimeout)
        await controlStopped
        await localStopped
        // Not before: who asks for a session while the service stops gets one, which goes on after the next start.
        await registry.stop()
        observer.proxyHasStopped()
        if endingSessions { await registry.finishAll() }
        care.stop()
        maintenance.withLock { $0 }?.stop()
        pool.stop()
        stores.close(log)
    }

    /// The credentials of the sessions that go on after the next start; once the service has stopped.
    func secretsToHandOver() async -> SecretBytes? { await registry.secretsToHandOver() }

    /// Waits on a thread of the pool, since the local socket's clients have threads of their own.
    private func stopLocally(_ grace: Duration) async {
        let (server, listener) = (local.withLock { $0 }, localListener)
        _ = try? await pool.run {
            if let server { server.stop(grace: grace) } else { listener?.close() }
        }
    }

    // MARK: Parts

    /// The rules and the inspectors' configuration; what is wrong in one file does not hide what is wrong in the other.
    private static func rules(_ folder: String) throws(StartFailure) -> (DestinationPolicy, InspectorsConfiguration) {
        var failures: [StartFailure] = []
        var (policy, inspectors) = (DestinationPolicy(), InspectorsConfiguration())
        do throws(ConfigurationFaults) {
            policy = try AccessControlFile.read(folder: folder)
        } catch {
            failures.append(.service("cannot start service: proxy rules", error))
        }
        do throws(ConfigurationFaults) {
            inspectors = try InspectorsFile.read(folder: folder)
        } catch {
            failures.append(.service("cannot start service: inspectors configuration", error))
        }
        guard var failure = failures.first else { return (policy, inspectors) }
        for other in failures.dropFirst() { failure.others += [other.description] + other.others }
        throw failure
    }

    private struct Network {
        var addresses: [IPAddress]
        var ports: Set<UInt16>
        var upstream: UpstreamProxies
    }

    private static func network(_ configuration: ServiceConfiguration, _ ports: Ports) throws(StartFailure) -> Network {
        do {
            let network = Network(
                addresses: try LocalAddresses.current(),
                ports: [ports.proxy.address.port, ports.control.address.port],
                upstream: try UpstreamProxies(environment: configuration.upstreamVariables))
            try network.upstream.refuseOurselves(addresses: network.addresses, ports: network.ports)
            return network
        } catch {
            throw .service("cannot start service: \(error)")
        }
    }

    /// Derives how many connections there may be from how many descriptors.
    private static func fit(_ settings: inout ProxySettings, _ log: Logger) throws(SystemError) {
        let descriptors = try ProcessLimits.raised().softDescriptors
        let kept = settings.fit(descriptors: descriptors)
        log.info(
            """
            limits: \(descriptors) descriptors, \(kept) of them kept for the record, control and log; \
            \(settings.mostConnections) client connections, \(settings.relay.idleTotal) unused ones to origins on each \
            of \(settings.loops) loops
            """)
    }

    /// How reports find the SHA-1 of an artifact; once the service is stopping, only for so long.
    private static func sha1Lookup(
        _ keeper: SHA1Keeper, until limit: Lock<MonotonicTime?>
    ) -> @Sendable (SessionID, SHA256Digest) -> ReportedSHA1 {
        { session, digest in
            let answer = keeper.sha1(of: digest, session: session) {
                limit.withLock { $0 }.map { MonotonicTime.now() < $0 } ?? true
            }
            return switch answer {
            case .known(let text, let read): .known(text, read: read)
            case .unknown(let reason): .unknown(reason: reason)
            case .stopped: .unknown(reason: "the service was stopping")
            }
        }
    }

    /// Removes the private part of the cache of a session.
    private static func forget(_ id: SessionID, _ cache: ResponseCache, _ log: Logger) async {
        let failure: StoreError? = await withCheckedContinuation { continuation in
            cache.removeSession(id) { continuation.resume(returning: $0) }
        }
        if let failure { log.warning("cached data is left behind: \(failure)", metadata: ["session": "\(id)"]) }
    }
}
