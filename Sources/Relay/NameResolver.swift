package import Core
import Glibc
package import Platform

/// Why a name has no address.
package struct ResolveError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What callers branch on.
    package enum Kind: Sendable, Hashable {
        /// There is no such name, or it has no address.
        case notFound
        /// The name servers gave no answer.
        case unanswered
        /// Too many names are being resolved.
        case busy
    }

    /// The sort of failure.
    package var kind: Kind
    /// The name that was asked for.
    package var host: String
    /// What the resolver said.
    package var detail: String

    /// Makes an error.
    package init(_ kind: Kind, host: String, detail: String) {
        self.kind = kind
        self.host = host
        self.detail = detail
    }

    /// One line for the client and the log.
    package var description: String { "cannot resolve \(host): \(detail)" }
}

/// Turns names into addresses without ever blocking a loop: `getaddrinfo` on a bounded pool, one look-up per name at a time,
/// and a bounded memory of answers.
package final class NameResolver: Sendable {
    /// What one look-up came to.
    package typealias Answer = Result<[IPAddress], ResolveError>
    /// Looks a name up; may block.
    package typealias Lookup = @Sendable (_ host: String) -> Answer

    /// The bounds of a resolver.
    package struct Settings: Sendable, Hashable {
        /// Threads that wait for name servers.
        package var threads = 8
        /// Names that may wait for a thread.
        package var queue = 1024
        /// Names remembered.
        package var entries = 4096
        /// How long addresses are remembered (`getaddrinfo` does not tell the record's own time).
        package var lifetime: Duration = .seconds(30)
        /// How long a failure is remembered.
        package var failureLifetime: Duration = .seconds(2)

        /// Makes the default bounds.
        package init() {}
    }

    private let pool: WorkerPool
    private let lookup: Lookup
    private let clock: @Sendable () -> MonotonicTime
    private let memory: Lock<ResolverMemory>

    /// Makes a resolver with its threads; `lookup` and `clock` are for tests.
    package init(
        settings: Settings = Settings(), lookup: @escaping Lookup = NameResolver.systemLookup,
        clock: @escaping @Sendable () -> MonotonicTime = { .now() }
    ) {
        pool = WorkerPool(name: "resolve", threads: settings.threads, capacity: settings.queue)
        self.lookup = lookup
        self.clock = clock
        memory = Lock(ResolverMemory(settings))
    }

    /// Finds the addresses of `host`, a name or a literal address without brackets.
    ///
    /// `completion` runs on `loop`: at once, before this returns, for literals and remembered names when the caller is on
    /// that loop.
    package func resolve(host: String, loop: EventLoop, completion: @escaping @Sendable (Answer) -> Void) {
        if let literal = IPAddress(host) { return Self.deliver(.success([literal]), loop, completion) }
        let waiter = ResolverMemory.Waiter(loop: loop, completion: completion)
        let now = clock()
        switch memory.withLock({ $0.ask(host, waiter, now: now) }) {
        case .answer(let answer): Self.deliver(answer, loop, completion)
        case .wait: break
        case .look:
            let isTaken = pool.submit { [self] in finish(host, lookup(host)) }
            if !isTaken {
                let detail = "too many names are being resolved; try again later"
                finish(host, .failure(ResolveError(.busy, host: host, detail: detail)))
            }
        }
    }

    /// Ends the threads; names that were accepted are still resolved.
    package func stop() { pool.stop() }

    /// As ``stop()``, but returns at once: a name server may take long.
    package func close() { pool.close() }

    /// How many names wait for a thread; a gauge.
    package var queued: Int { pool.queued }

    /// How the queue of names stands.
    package var gauge: QueueGauge { pool.gauge }

    private func finish(_ host: String, _ answer: Answer) {
        let now = clock()
        for waiter in memory.withLock({ $0.finish(host, answer, now: now) }) {
            Self.deliver(answer, waiter.loop, waiter.completion)
        }
    }

    private static func deliver(
        _ answer: Answer, _ loop: EventLoop, _ completion: @escaping @Sendable (Answer) -> Void
    ) {
        if loop.isOnLoop { return completion(answer) }
        loop.execute { completion(answer) }
    }

    /// Asks the system: hosts file, name servers, whatever it is configured for.
    package static let systemLookup: Lookup = { host in
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        guard code == 0 else {
            let detail = code == EAI_SYSTEM ? SystemError.text(of: errno) : String(cString: gai_strerror(code))
            // -5: EAI_NODATA, which is behind _GNU_SOURCE.
            let kind = code == EAI_NONAME || code == -5 ? ResolveError.Kind.notFound : .unanswered
            return .failure(ResolveError(kind, host: host, detail: detail))
        }
        var addresses: [IPAddress] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            guard let address = entry.pointee.ai_addr.flatMap({ SocketAddress(sockaddr: $0) })?.ipAddress,
                !addresses.contains(address)
            else { continue }
            addresses.append(address)
        }
        guard !addresses.isEmpty else {
            return .failure(ResolveError(.notFound, host: host, detail: "the name has no address"))
        }
        return .success(addresses)
    }
}

/// Decides, without any I/O, who looks a name up and how long the answer is good.
struct ResolverMemory {
    struct Waiter: Sendable {
        var loop: EventLoop
        var completion: @Sendable (NameResolver.Answer) -> Void
    }

    enum Advice {
        /// Known.
        case answer(NameResolver.Answer)
        /// Somebody is looking; the waiter will be told.
        case wait
        /// The caller looks, and calls `finish`.
        case look
    }

    private struct Entry {
        var answer: NameResolver.Answer
        var expires: MonotonicTime
    }

    private let settings: NameResolver.Settings
    private var entries: [String: Entry] = [:]
    private var waiting: [String: [Waiter]] = [:]

    init(_ settings: NameResolver.Settings) { self.settings = settings }

    mutating func ask(_ host: String, _ waiter: Waiter, now: MonotonicTime) -> Advice {
        if let entry = entries[host], now < entry.expires { return .answer(entry.answer) }
        if waiting[host] != nil {
            waiting[host]?.append(waiter)
            return .wait
        }
        waiting[host] = [waiter]
        return .look
    }

    /// Who is to be told.
    mutating func finish(_ host: String, _ answer: NameResolver.Answer, now: MonotonicTime) -> [Waiter] {
        if entries.count >= settings.entries, entries[host] == nil { makeRoom(now) }
        switch answer {
        case .success:
            entries[host] = Entry(answer: answer, expires: now + settings.lifetime)
        case .failure(let error) where error.kind == .busy:
            entries[host] = nil
        case .failure:
            entries[host] = Entry(answer: answer, expires: now + settings.failureLifetime)
        }
        return waiting.removeValue(forKey: host) ?? []
    }

    /// Drops what has expired; when that is too little, an arbitrary quarter (names come back at the price of a look-up).
    private mutating func makeRoom(_ now: MonotonicTime) {
        entries = entries.filter { now < $0.value.expires }
        let target = settings.entries * 3 / 4
        guard entries.count > target else { return }
        for host in entries.keys.prefix(entries.count - target) { entries[host] = nil }
    }

    var count: Int { entries.count }
}
