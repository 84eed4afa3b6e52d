import Cache
import Core
import Cryptography
import Inspection
import Relay
import Sessions
import Storage
import Platform

/// What one loop owns: its connections, exchanges, downloads and its copy of the list of sessions.
// Confined to its loop.
final class ProxyLoop: @unchecked Sendable {
    let loop: EventLoop
    let context: ProxyContext
    let pool: OriginPool
    let upstream: UpstreamProxies
    let counters = LoopCounters()
    /// Whether what is idle closes, and every connection after the answer that is due on it.
    private(set) var isDraining = false
    /// Whether everything ends now.
    private(set) var isEnding = false

    /// A session as this loop has it.
    final class Member {
        let session: Session
        let engine: InspectionEngine
        /// What the session uses on all loops.
        let ledger: SessionLedger
        fileprivate var connections: [ObjectIdentifier: ClientConnection] = [:]
        fileprivate var exchanges: [ObjectIdentifier: Exchange] = [:]
        /// To be told when the last exchange has ended.
        fileprivate var waiting: [@Sendable () -> Void] = []

        fileprivate init(_ session: Session, _ engine: InspectionEngine, _ ledger: SessionLedger) {
            self.session = session
            self.engine = engine
            self.ledger = ledger
        }
    }

    private var members: [SessionID: Member] = [:]
    private var connections: [ObjectIdentifier: ClientConnection] = [:]
    private var downloads: [ObjectIdentifier: FillDriver] = [:]
    /// Answers that can go out again as they are.
    var ready = ReadyAnswers()
    /// Small bodies on their way into the store.
    let arrived: ArrivedBodies
    /// What is too large to be fetched for a range.
    var largeBodies = LargeBodies()
    /// The time that was written last.
    var timeText = TimeText(WallTime(nanoseconds: 0))
    /// Rows that go to the recorder together, each with whose it is.
    private var rows: [ExchangeRow] = []
    private var recording: [Exchange] = []

    /// Rows that do not wait for an idle moment any more.
    private static let mostRows = 256

    init(loop: EventLoop, context: ProxyContext, pool: OriginPool, upstream: UpstreamProxies) {
        self.loop = loop
        self.context = context
        self.pool = pool
        self.upstream = upstream
        arrived = ArrivedBodies(loop: loop, pool: context.storagePool)
    }

    var settings: ProxySettings { context.settings }
    var cache: ResponseCache { context.cache }

    /// Starts the round that closes what has been silent for too long.
    func startSweeping() {
        loop.schedule(after: .seconds(1)) { [weak self] in
            guard let self else { return }
            for connection in Array(connections.values) { connection.sweep(now: loop.now) }
            for driver in Array(downloads.values) { driver.sweep(now: loop.now) }
            ready.sweep(now: loop.now)
            startSweeping()
        }
    }

    // MARK: - Connections

    func accept(_ descriptor: consuming OwnedDescriptor, _ peer: SocketAddress) {
        let stream = ByteStream(loop: loop, descriptor: descriptor, peer: peer)
        guard !isEnding else { return stream.abort() }
        let connection = ClientConnection(loop: self, stream: stream)
        connections[ObjectIdentifier(connection)] = connection
        counters.acceptedConnections.add()
        counters.openConnections.add()
        stream.handler = connection
        guard context.unauthenticated.add(stream.peer.ipAddress) else { return connection.refuseForAddress() }
        counters.unauthenticatedConnections.add()
        connection.isTallied = true
    }

    func remove(_ connection: ClientConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        counters.openConnections.add(-1)
    }

    // MARK: - Sessions

    func session(_ id: SessionID) -> Session? { members[id]?.session }

    /// What this loop has of a session; of one that has gone, something that goes with the caller.
    func member(for session: Session) -> Member {
        members[session.id]
            ?? Member(session, context.engine(session.row), SessionLedger(limits: context.settings))
    }

    func add(_ session: Session, _ engine: InspectionEngine, _ ledger: SessionLedger) {
        guard members[session.id] == nil else { return }
        members[session.id] = Member(session, engine, ledger)
    }

    /// Ends everything that a session has here; `done` is called when its last row is committed.
    func close(_ id: SessionID, _ done: @escaping @Sendable () -> Void) {
        guard let member = members[id] else { return done() }
        for exchange in Array(member.exchanges.values) { exchange.cut("the session was closed") }
        for connection in Array(member.connections.values) where connection.isIdle { connection.close() }
        if member.exchanges.isEmpty { done() } else { member.waiting.append(done) }
    }

    func forget(_ id: SessionID) {
        ready.remove(id)
        guard let member = members.removeValue(forKey: id) else { return }
        for connection in Array(member.connections.values) { connection.close(abruptly: true) }
    }

    /// Counts a connection for its session; the refusal when that has its share.
    func joined(_ connection: ClientConnection, _ session: Session) -> String? {
        guard let member = members[session.id] else { return nil }
        if let refusal = member.ledger.addConnection() { return refusal }
        member.connections[ObjectIdentifier(connection)] = connection
        return nil
    }

    func left(_ connection: ClientConnection, _ session: Session) {
        guard let member = members[session.id],
            member.connections.removeValue(forKey: ObjectIdentifier(connection)) != nil
        else { return }
        member.ledger.removeConnection()
    }

    func opened(_ exchange: Exchange) {
        counters.exchangeStarted()
        exchange.member.exchanges[ObjectIdentifier(exchange)] = exchange
    }

    func closed(_ exchange: Exchange) {
        counters.exchangeEnded(exchange.outcome, after: exchange.nanoseconds)
        let member = exchange.member
        member.exchanges[ObjectIdentifier(exchange)] = nil
        guard member.exchanges.isEmpty, !member.waiting.isEmpty else { return }
        let waiting = member.waiting
        member.waiting = []
        for done in waiting { done() }
    }

    /// The exchanges that are under way, of one session or of all; in no order, and of many only so many.
    func openExchanges(of session: SessionID?, atMost limit: Int) -> [Exchange] {
        var open: [Exchange] = []
        for member in session.map({ id in members[id].map { [$0] } ?? [] }) ?? Array(members.values) {
            open += member.exchanges.values.prefix(limit - open.count)
            if open.count == limit { break }
        }
        return open
    }

    // MARK: - The record

    /// Has a row made durable, together with those of other exchanges that come to it now.
    func record(_ row: ExchangeRow, of exchange: Exchange) {
        exchange.recordingSince = loop.now
        rows.append(row)
        recording.append(exchange)
        if rows.count == 1 { loop.whenIdle { [self] in submitRows() } }
        if rows.count >= Self.mostRows { submitRows() }
    }

    private func submitRows() {
        guard !rows.isEmpty else { return }
        if let numbers = context.recorder.recordAtOnce(rows) {
            let exchanges = recording
            rows = []
            recording = []
            for (exchange, number) in zip(exchanges, numbers) { exchange.recorded(.success(number)) }
            return
        }
        let exchanges = LoopBound(recording)
        let (health, eventLoop) = (context.health, loop)
        context.recorder.submit(rows: rows) { results in
            health.note(results)
            eventLoop.execute {
                for (exchange, result) in zip(exchanges.value, results) { exchange.recorded(result) }
            }
        }
        rows = []
        recording = []
    }

    // MARK: - Downloads

    func started(_ driver: FillDriver) { downloads[ObjectIdentifier(driver)] = driver }

    func ended(_ driver: FillDriver) { downloads[ObjectIdentifier(driver)] = nil }

    // MARK: - The end

    /// Closes what has been used and is idle; whoever has just connected, or has begun to ask, is answered first.
    func drain() {
        isDraining = true
        for connection in Array(connections.values) where connection.mayEndQuietly { connection.close() }
    }

    /// Whether a client waits for an answer, or is about to ask for the first time.
    var hasOpenRequests: Bool { connections.values.contains { !$0.mayEndQuietly } }

    /// Ends what is left, recorded as truncated; `done` is called when all rows are committed.
    func cutEverything(_ done: @escaping @Sendable () -> Void) {
        isEnding = true
        for connection in Array(connections.values) where connection.isIdle { connection.close() }
        for driver in Array(downloads.values) { driver.cancel("the service is stopping") }
        let ids = Array(members.keys)
        let left = Countdown(ids.count, done)
        for id in ids { close(id) { left.one() } }
    }
}

/// Calls once, when all of several things are done.
final class Countdown: Sendable {
    private let left: Lock<Int>
    private let done: @Sendable () -> Void

    init(_ count: Int, _ done: @escaping @Sendable () -> Void) {
        left = Lock(count)
        self.done = done
        if count == 0 { done() }
    }

    func one() {
        let isLast = left.withLock { left in
            left -= 1
            return left == 0
        }
        if isLast { done() }
    }
}
