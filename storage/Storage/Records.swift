public import Core

/// A session as it is kept over restarts.
public struct SessionRow: Hashable, Sendable {
    /// The session's id, never used again.
    public var id: SessionID
    /// Strict or permissive.
    public var policy: SessionPolicy
    /// When it was opened.
    public var created: WallTime
    /// Its lifetime in seconds, counted from `created`.
    public var timeout: Int64
    /// SHA-256 of the token; the token itself is nowhere.
    public var tokenHash: SHA256Digest
    /// A key for redaction marks, of this session only.
    public var redactionKey: [UInt8]
    /// The first revocation of the token, which is also the report's end time.
    public var revoked: WallTime?
    /// The inspectors' configuration captured at creation, as JSON.
    public var configuration: [UInt8]
    /// The secrets that the session was opened with, in their order.
    public var secrets: [SecretRow]
    /// What whoever opened the session calls it; empty without a name.
    public var name: String
    /// What whoever opened the session says about it, as a JSON object; empty without any.
    public var labels: [UInt8]
    /// Boot id of the machine when the session was opened.
    public var bootID: String
    /// Why the record is not complete; empty when it is.
    public var incompleteReason: String

    /// Makes a row.
    public init(
        id: SessionID, policy: SessionPolicy, created: WallTime, timeout: Int64, tokenHash: SHA256Digest,
        redactionKey: [UInt8], revoked: WallTime? = nil, configuration: [UInt8] = [], secrets: [SecretRow] = [],
        bootID: String = "", incompleteReason: String = "", name: String = "", labels: [UInt8] = []
    ) {
        self.id = id
        self.policy = policy
        self.created = created
        self.timeout = timeout
        self.tokenHash = tokenHash
        self.redactionKey = redactionKey
        self.revoked = revoked
        self.configuration = configuration
        self.secrets = secrets
        self.bootID = bootID
        self.incompleteReason = incompleteReason
        self.name = name
        self.labels = labels
    }

    /// Adds a reason why the record is not complete, once.
    ///
    /// - Parameter reason: One clause; cut at 1024 characters in all.
    public mutating func markIncomplete(_ reason: String) {
        guard !incompleteReason.contains(reason) else { return }
        let whole = incompleteReason.isEmpty ? reason : incompleteReason + "; " + reason
        incompleteReason = String(whole.prefix(1024))
    }
}

/// What is kept of a secret over restarts: which requests it is for, never its credentials.
public struct SecretRow: Hashable, Sendable {
    /// How it gets into a request.
    public var type: SecretType
    /// The pattern of the URLs that it is for.
    public var url: String
    /// Whether it may go over plain HTTP.
    public var allowsHTTP: Bool

    /// Makes a row.
    public init(type: SecretType, url: String, allowsHTTP: Bool = false) {
        self.type = type
        self.url = url
        self.allowsHTTP = allowsHTTP
    }
}

/// One exchange of a session: a request and what became of it.
public struct ExchangeRow: Hashable, Sendable {
    /// Which list of the report the exchange belongs to.
    public enum Category: String, Hashable, Sendable, CaseIterable {
        /// A body with status 200 (or a 304 that stands for one) that was examined.
        case artifact
        /// An answer of the origin that is no artifact: another status, no body.
        case response
        /// A request that we refused.
        case refusal
        /// A transfer that did not come to its end.
        case failure
    }

    /// What the inspectors concluded.
    public enum Result: String, Hashable, Sendable, CaseIterable {
        /// Every inspector that claimed the exchange is content.
        case approved = "Approved"
        /// At least one inspector rejects it.
        case rejected = "Rejected"
        /// Nobody vouches for it.
        case unknown = "Unknown"
    }

    /// Whose exchange it is.
    public var session: SessionID
    /// Gap-free, from 1 on; given by the recorder.
    public var number: Int64
    /// Which list it belongs to.
    public var category: Category
    /// SHA-256 of the whole body, when the whole was seen.
    public var digest: SHA256Digest?
    /// Bytes of the whole body, or of what was seen of it.
    public var size: Int64
    /// Body bytes given to the client.
    public var delivered: Int64
    /// Whether the client got less than the whole; said by a `.delivered` change after the row was written.
    public var isTruncated: Bool
    /// The verdict, for artifacts.
    public var result: Result?
    /// The exchange as one JSON object: the contract's download (`report.md`, section 4) and our additional keys.
    public var download: [UInt8]
    /// For artifacts one JSON object with `request-inspection`, `response-inspection` and `metadata`; else empty.
    public var judgement: [UInt8]

    /// Makes a row.
    public init(
        session: SessionID, number: Int64 = 0, category: Category, digest: SHA256Digest? = nil, size: Int64 = 0,
        delivered: Int64 = 0, isTruncated: Bool = false, result: Result? = nil, download: [UInt8],
        judgement: [UInt8] = []
    ) {
        self.session = session
        self.number = number
        self.category = category
        self.digest = digest
        self.size = size
        self.delivered = delivered
        self.isTruncated = isTruncated
        self.result = result
        self.download = download
        self.judgement = judgement
    }
}

/// A change to the records; a group of them is one transaction.
///
/// A change of a session or an exchange that is not there is an error of kind `.rejected`.
public enum RecordChange: Sendable {
    /// A new session. An id that was ever used is an error (`.rejected`).
    case open(SessionRow)
    /// The first revocation of a session's token; a later one changes nothing.
    case revoke(SessionID, at: WallTime)
    /// Says that and why a session's record has a gap; see ``SessionRow/markIncomplete(_:)``.
    case markIncomplete(SessionID, reason: String)
    /// One exchange. A number other than the session's last one plus 1 is an error (`.rejected`).
    case exchange(ExchangeRow)
    /// What the inspectors concluded after the exchange was recorded; a later conclusion replaces an earlier one.
    case conclude(SessionID, number: Int64, result: ExchangeRow.Result, judgement: [UInt8])
    /// Sets how many bytes a transfer recorded earlier delivered in the end, and why that was less than the whole.
    ///
    /// `truncated` is `nil` for the whole. The row's JSON says it too, see ``ExchangeRow/ended(delivered:truncated:)``.
    case delivered(SessionID, number: Int64, bytes: Int64, truncated: String?)
    /// Begins to bring back a session of another record. An id that was ever used is an error (`.rejected`).
    ///
    /// Nobody sees it and its id counts as unused until `.endRestoring`; what has not come that far when the record is
    /// opened again is gone.
    case beginRestoring(SessionRow)
    /// More exchanges of a session that is being brought back, with their numbers as for `.exchange`.
    case restore(SessionID, [ExchangeRow])
    /// A session that was being brought back is there from now on, as if it had been opened here.
    case endRestoring(SessionID)
    /// Ids that were used in another record are used here too, by their hashes under that record's key.
    case reserve([Int64], UsedIDKey)
}

/// The key of the hashes by which a record knows ids that were used, after all else of their sessions has gone.
public struct UsedIDKey: Hashable, Sendable {
    /// The key's first half.
    public var first: UInt64
    /// The key's second half.
    public var second: UInt64

    /// How many keys of other records a record has at most; another one is an error (`.rejected`).
    public static let most = 64

    /// Makes a key of its halves.
    public init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }

    /// The hash of an id under this key.
    public func hash(_ id: SessionID) -> Int64 {
        var hash = SipHash(key: (first, second))
        hash.add(id.text.utf8)
        return Int64(bitPattern: hash.finish())
    }
}

/// Totals of one session's exchanges.
public struct SessionTotals: Hashable, Sendable {
    /// The highest number given.
    public var lastNumber: Int64
    /// Exchanges of all categories.
    public var exchanges: Int64
    /// Body bytes given to clients.
    public var delivered: Int64

    /// Makes totals.
    public init(lastNumber: Int64 = 0, exchanges: Int64 = 0, delivered: Int64 = 0) {
        self.lastNumber = lastNumber
        self.exchanges = exchanges
        self.delivered = delivered
    }
}

/// The precious half of the storage: sessions and their exchanges.
///
/// Calls block. `apply` comes from one writer thread, `remove` and reads may come from any thread at the same time. What
/// is read of a session that is not there is empty. A call that returns has made its change survive the end of the
/// process.
public protocol Records: AnyObject, Sendable {
    /// Makes all changes or none.
    ///
    /// - Parameter changes: Made in this order; one may build on those before it.
    /// - Throws: ``StoreError``; nothing of the group is there then.
    func apply(_ changes: [RecordChange]) throws(StoreError)

    /// Records exchanges, all of them or none, if that can be done now and without waiting for a disk.
    ///
    /// May be called while nobody is in ``apply(_:)``, from any thread.
    ///
    /// - Parameter rows: Each with its session's next number.
    /// - Returns: `false` when nothing was recorded and ``apply(_:)`` should be asked, which will tell why.
    func recordAtOnce(_ rows: [ExchangeRow]) -> Bool

    /// All sessions that were not removed, oldest first.
    ///
    /// - Returns: The rows in the order in which they were opened.
    /// - Throws: ``StoreError``.
    func sessions() throws(StoreError) -> [SessionRow]

    /// One session.
    ///
    /// - Parameter id: Whose.
    /// - Returns: `nil` when it was never opened or was removed.
    /// - Throws: ``StoreError``.
    func session(_ id: SessionID) throws(StoreError) -> SessionRow?

    /// Whether an id was ever used, also by a session that was removed.
    ///
    /// - Parameter id: The id to ask for.
    /// - Returns: Whether a session with it must not be opened.
    /// - Throws: ``StoreError``.
    func wasUsed(_ id: SessionID) throws(StoreError) -> Bool

    /// The keys under which the hashes of used ids are kept: the record's own first, then those of other records.
    ///
    /// - Returns: The keys.
    /// - Throws: ``StoreError``.
    func usedIDKeys() throws(StoreError) -> [UsedIDKey]

    /// The hashes of used ids under one key in ascending order, in pages.
    ///
    /// - Parameters:
    ///   - key: One of ``usedIDKeys()``.
    ///   - after: The last hash of the page before; `nil` for the first page.
    ///   - limit: How many at most.
    /// - Returns: The hashes.
    /// - Throws: ``StoreError``.
    func usedIDs(_ key: UsedIDKey, after: Int64?, limit: Int) throws(StoreError) -> [Int64]

    /// The number of a session's last exchange, for going on after a restart; costs the same however many there are.
    ///
    /// - Parameter session: Whose.
    /// - Returns: 0 when there is none.
    /// - Throws: ``StoreError``.
    func lastNumber(of session: SessionID) throws(StoreError) -> Int64

    /// Totals of one session; looks at every exchange.
    ///
    /// - Parameter session: Whose.
    /// - Returns: Zeros when there is nothing.
    /// - Throws: ``StoreError``.
    func totals(of session: SessionID) throws(StoreError) -> SessionTotals

    /// Reads a session's exchanges in the order of their numbers, in pages, so that no reader holds a transaction long.
    ///
    /// - Parameters:
    ///   - session: Whose.
    ///   - category: Only this one, or all.
    ///   - after: Start behind this number; 0 for the first page.
    ///   - limit: How many at most.
    /// - Returns: The rows.
    /// - Throws: ``StoreError``.
    func exchanges(
        of session: SessionID, category: ExchangeRow.Category?, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow]

    /// Reads the exchanges of one artifact of a session in the order of their numbers, in pages.
    ///
    /// - Parameters:
    ///   - session: Whose.
    ///   - digest: The artifact's digest; exchanges of other categories with the same body are left out.
    ///   - after: Start behind this number; 0 for the first page.
    ///   - limit: How many at most.
    /// - Returns: The rows.
    /// - Throws: ``StoreError``.
    func exchanges(
        of session: SessionID, digest: SHA256Digest, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow]

    /// The artifacts of a session in the order of their first exchange, in pages.
    ///
    /// - Parameters:
    ///   - session: Whose.
    ///   - after: The number of the first exchange of the last artifact seen; 0 for the first page.
    ///   - limit: How many at most.
    /// - Returns: Each digest with the number of its first exchange.
    /// - Throws: ``StoreError``.
    func artifacts(
        of session: SessionID, after: Int64, limit: Int
    ) throws(StoreError) -> [(digest: SHA256Digest, firstNumber: Int64)]

    /// Artifacts whose inspection has not concluded (`result` is `nil`), in the order of their numbers.
    ///
    /// - Parameters:
    ///   - session: Whose.
    ///   - limit: How many at most.
    /// - Returns: The rows.
    /// - Throws: ``StoreError``.
    func unconcluded(of session: SessionID, limit: Int) throws(StoreError) -> [ExchangeRow]

    /// Removes a session and all its exchanges; the id stays used. Removing what is not there is no error.
    ///
    /// One that is being brought back vanishes as if it had never been begun.
    ///
    /// It works in slices of about 10 ms and lets `apply` in between them, so call it from a thread of its own.
    /// Afterwards nothing of the session can be found in the files.
    ///
    /// - Parameter session: One that gets no changes any more.
    /// - Throws: ``StoreError``; a second call goes on where this one stopped.
    func remove(_ session: SessionID) throws(StoreError)

    /// Commits a change without meaning, which fails as `apply` would.
    ///
    /// - Throws: ``StoreError`` when nothing can be recorded now.
    func checkWritable() throws(StoreError)
}

extension Records {
    /// Records nothing: this backend always waits for its disk.
    public func recordAtOnce(_ rows: [ExchangeRow]) -> Bool { false }
}
