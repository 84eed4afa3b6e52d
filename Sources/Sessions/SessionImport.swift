package import Core
package import Platform
package import Storage

/// Brings sessions of one record into another, each of them as a whole or not at all.
///
/// The life of a session that is brought: checked → begun, seen by nobody → its exchanges, page by page, so that others are
/// recorded in between → there. What fails on the way is removed again.
package struct SessionImport: Sendable {
    /// Bounds of what is recorded as one group, so that nothing else waits long for it.
    private static let mostRows = 128
    private static let mostText = 256 << 10
    private static let mostIDs = 1024

    /// A lifetime in seconds that no session has, 68 years.
    private static let longestTimeout: Int64 = 1 << 31
    /// How much later than the backup's own time something in it may have happened: it takes a while to be made.
    private static let longestBackup = Duration.seconds(86_400)
    /// Bytes of texts that no session has.
    private static let longestText = 64 << 10
    private static let longestConfiguration = 8 << 20

    private let source: any Records
    private let target: any Records
    private let time: WallTime
    private let pool: WorkerPool
    private let commit: @Sendable ([RecordChange]) async throws(StoreError) -> Void
    private let remove: @Sendable (SessionID) async throws(StoreError) -> Void

    /// Prepares an import; nothing is read yet.
    ///
    /// - Parameters:
    ///   - source: Where the sessions are.
    ///   - target: Where they are to be.
    ///   - time: When the source was as it is, if that is over: its sessions end then at the latest.
    ///   - pool: Where blocking calls run.
    ///   - commit: Makes changes to the target: all of them or none.
    ///   - remove: Removes a session of the target.
    package init(
        from source: any Records, to target: any Records, time: WallTime, pool: WorkerPool,
        commit: @escaping @Sendable ([RecordChange]) async throws(StoreError) -> Void,
        remove: @escaping @Sendable (SessionID) async throws(StoreError) -> Void
    ) {
        self.source = source
        self.target = target
        self.time = time
        self.pool = pool
        self.commit = commit
        self.remove = remove
    }

    /// The sessions of the source as they are to be in the target: closed at the time of the source at the latest.
    package func sessions() async throws -> [SessionRow] {
        let source = source
        return try await pool.run { try source.sessions() }.map(closed)
    }

    /// A session that was not over yet ends at that time, and says that it may lack something.
    private func closed(_ row: SessionRow) -> SessionRow {
        var row = row
        if let revoked = row.revoked, revoked < time { return row }
        row.revoked = row.revoked ?? max(time, row.created)
        row.markIncomplete("restored from a backup of \(time.rfc3339); what came after it is not in the record")
        return row
    }

    /// Whether an id was ever used in the target.
    package func isKnown(_ id: SessionID) async throws -> Bool {
        let target = target
        return try await pool.run { try target.wasUsed(id) }
    }

    /// Reads a session and says what is wrong with it, if anything is; nothing changes.
    ///
    /// - Parameters:
    ///   - row: The session as it is to be.
    ///   - mayGoOn: Called before each page.
    /// - Returns: How many exchanges it has.
    /// - Throws: What is wrong.
    package func check(_ row: SessionRow, mayGoOn: @Sendable () throws(StoreError) -> Void) async throws -> Int64 {
        try check(row)
        return try await eachPage(of: row.id) { _ in try mayGoOn() }
    }

    /// Brings a session.
    ///
    /// - Parameters:
    ///   - row: The session as it is to be.
    ///   - mayGoOn: Called before each page; what it throws ends the import of this session.
    /// - Returns: How many exchanges it has.
    /// - Throws: Whatever prevents it; nothing of the session is there then, and its id is as it was before.
    package func bring(_ row: SessionRow, mayGoOn: @Sendable () throws(StoreError) -> Void) async throws -> Int64 {
        try check(row)
        try mayGoOn()
        try await commit([.beginRestoring(row)])
        do {
            let count = try await eachPage(of: row.id) { page in
                try mayGoOn()
                try await commit([.restore(row.id, page)])
            }
            try await commit([.endRestoring(row.id)])
            return count
        } catch {
            // When this fails too, the next start of the service removes it; nobody sees it until then.
            try? await remove(row.id)
            throw error
        }
    }

    /// Notes the ids that were used in the source as used in the target.
    ///
    /// - Parameter excluded: Ids of sessions that could not be brought, which may be tried again.
    /// - Throws: Whatever prevents it; some are noted then.
    package func reserveIDs(except excluded: Set<SessionID>) async throws {
        let source = source
        for key in try await pool.run({ try source.usedIDKeys() }) {
            let without = Set(excluded.map(key.hash))
            var last: Int64?
            while true {
                let start = last
                let page = try await pool.run { try source.usedIDs(key, after: start, limit: Self.mostIDs) }
                guard let end = page.last else { break }
                try await commit([.reserve(page.filter { !without.contains($0) }, key)])
                last = end
            }
        }
    }

    /// Reads a session's exchanges in pieces that can be recorded as one group.
    ///
    /// - Returns: How many there are.
    private func eachPage(
        of id: SessionID, _ body: ([ExchangeRow]) async throws -> Void
    ) async throws -> Int64 {
        let source = source
        var last: Int64 = 0
        while true {
            let start = last
            let rows = try await pool.run {
                let rows = try source.exchanges(of: id, category: nil, after: start, limit: Self.mostRows)
                try Self.check(rows, after: start)
                return rows
            }
            guard let end = rows.last else { return last }
            var page: [ExchangeRow] = []
            var text = 0
            for row in rows {
                page.append(row)
                text += row.download.count + row.judgement.count
                guard text >= Self.mostText else { continue }
                try await body(page)
                (page, text) = ([], 0)
            }
            if !page.isEmpty { try await body(page) }
            last = end.number
        }
    }

    // MARK: - What may be wrong in a file that others have had

    private func check(_ row: SessionRow) throws(StoreError) {
        func require(_ isFine: Bool, _ what: String) throws(StoreError) {
            guard !isFine else { return }
            throw StoreError(.corrupt, "read session \(row.id)", "\(what) is not what it should be")
        }
        let possible = WallTime(nanoseconds: 0)...max(time, WallTime(nanoseconds: 0)) + Self.longestBackup
        try require((0...Self.longestTimeout).contains(row.timeout), "its lifetime")
        try require(possible.contains(row.created), "its time")
        try require(row.revoked.map { (row.created...possible.upperBound).contains($0) } ?? true, "its end time")
        try require(row.redactionKey.count == 32, "its key")
        try require(row.secrets.count <= SessionSecrets.most, "the number of its secrets")
        try require(row.name.utf8.count + row.incompleteReason.utf8.count <= Self.longestText, "its name")
        try require(
            row.labels.count <= Self.longestText && (row.labels.isEmpty || Self.isObject(row.labels)), "its labels")
        try require(
            row.configuration.count <= Self.longestConfiguration
                && (row.configuration.isEmpty || Self.isObject(row.configuration)), "its configuration")
    }

    private static func check(_ rows: [ExchangeRow], after start: Int64) throws(StoreError) {
        for (place, row) in rows.enumerated() {
            let isFine =
                row.number == start + Int64(place) + 1 && isObject(row.download)
                && (row.judgement.isEmpty || isObject(row.judgement))
            guard isFine else {
                throw StoreError(
                    .corrupt, "read session \(row.session)",
                    "its exchange \(start + Int64(place) + 1) is not what it should be")
            }
        }
    }

    private static func isObject(_ text: [UInt8]) -> Bool {
        if case .object = try? JSONValue(parsing: text) { return true }
        return false
    }
}
