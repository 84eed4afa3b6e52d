import Core
import Platform
import Synchronization

/// What one session uses, counted once for all loops.
///
/// A limit means the same however the session's connections are spread. What every request touches is atomic; only a host
/// that was not met before takes a lock. The counts begin at 0 with the process.
final class SessionLedger: Sendable {
    private struct Minute {
        var began = MonotonicTime(nanoseconds: 0)
        var newHosts = 0
    }

    private let limits: ProxySettings
    private let mostInspectionNanoseconds: Int64
    private let connections = Atomic<Int>(0)
    private let exchanges = Atomic<Int64>(0)
    private let fills = Atomic<Int>(0)
    private let staged = Atomic<Int64>(0)
    private let inspectionNanoseconds = Atomic<Int64>(0)
    private let minute = Lock(Minute())
    private let hasFailedTLS = Atomic<Bool>(false)

    init(limits: ProxySettings) {
        self.limits = limits
        mostInspectionNanoseconds = limits.mostInspectionTimePerSession.wholeNanoseconds
    }

    // MARK: - Connections and requests

    /// Counts a connection; the refusal when the session has its share.
    func addConnection() -> String? {
        let count = connections.add(1, ordering: .relaxed).newValue
        guard count > limits.mostConnectionsPerSession else { return nil }
        removeConnection()
        return "the session has \(counted(limits.mostConnectionsPerSession, "connection")), the most that it may have"
    }

    func removeConnection() { connections.subtract(1, ordering: .relaxed) }

    /// Whether the next request crosses no limit, unless other loops count one at the same moment.
    var hasRoomForExchange: Bool {
        exchanges.load(ordering: .relaxed) < limits.mostExchangesPerSession
            && inspectionNanoseconds.load(ordering: .relaxed) < mostInspectionNanoseconds
    }

    /// Counts a request; the refusal when the session may make no more.
    func addExchange() -> String? {
        let count = exchanges.add(1, ordering: .relaxed).newValue
        if count > limits.mostExchangesPerSession {
            return
                "the session has made \(counted(limits.mostExchangesPerSession, "request")), the most that one may make"
        }
        if inspectionNanoseconds.load(ordering: .relaxed) >= mostInspectionNanoseconds {
            return "the inspection of the session's artifacts has taken \(limits.mostInspectionTimePerSession), "
                + "the most that it may take"
        }
        return nil
    }

    /// Counts a host that needs a certificate; the refusal when the session has met too many in a minute.
    func addNewHost(now: MonotonicTime) -> String? {
        let count = minute.withLock { minute in
            if now > minute.began + .seconds(60) { minute = Minute(began: now) }
            minute.newHosts += 1
            return minute.newHosts
        }
        guard count > limits.mostNewHostsPerMinute else { return nil }
        return
            "the session has met \(counted(limits.mostNewHostsPerMinute, "new host")) in a minute, the most that it may"
    }

    // MARK: - Downloads

    /// Counts a download; the refusal when so many of the session's own are under way.
    func addFill() -> String? {
        let count = fills.add(1, ordering: .relaxed).newValue
        guard count > limits.mostFillsPerSession else { return nil }
        removeFill()
        return "the session has \(counted(limits.mostFillsPerSession, "download")) under way, the most that it may have"
    }

    func removeFill() { fills.subtract(1, ordering: .relaxed) }

    /// Counts bytes of a download that are staged or will be; the refusal when they are too many beside the others.
    ///
    /// One download alone may be as large as any: what bounds it is `largestBody`.
    ///
    /// - Parameters:
    ///   - bytes: How many more.
    ///   - own: How many were counted for this download before.
    /// - Returns: The refusal; nothing is counted then.
    func addStaged(_ bytes: Int64, own: Int64) -> String? {
        let (before, after) = staged.add(bytes, ordering: .relaxed)
        guard after > limits.mostStagedPerSession, before > own else { return nil }
        removeStaged(bytes)
        return
            "the session's downloads have \(limits.mostStagedPerSession) bytes under way, the most that they may have"
    }

    func removeStaged(_ bytes: Int64) { staged.subtract(bytes, ordering: .relaxed) }

    // MARK: - Failures

    /// Notes that a client could not be spoken to in TLS; whether that is the first time in this session.
    func noteFailedTLS() -> Bool { !hasFailedTLS.exchange(true, ordering: .relaxed) }

    // MARK: - Inspection

    /// Adds time that looking into the session's artifacts and judging them took.
    func addInspection(_ time: Duration) {
        inspectionNanoseconds.add(max(0, time.wholeNanoseconds), ordering: .relaxed)
    }
}
