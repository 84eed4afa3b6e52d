internal import Core
internal import Foundation
internal import GRDB
internal import Storage

extension SQLiteCatalog {
    /// How many variants of a key are kept in a partition.
    private static let mostVariants = 16

    /// Makes the changes of a group, inside a transaction of the writer, and counts them.
    ///
    /// Pins go first, those of blobs that come in the same group with them: what is entered pinned takes its place in the
    /// order of eviction once instead of twice.
    func make(_ changes: [CatalogChange], _ totals: inout CatalogTotals, in db: Database) throws {
        entered.removeAll(keepingCapacity: true)
        var owners = Self.owners(changes)
        for case .pin(let digest, let session) in changes where owners[digest] != session {
            try pin(digest, session, in: db)
        }
        for change in changes {
            switch change {
            case .pin: continue
            case .blob(let blob, let time):
                let owner = blob.scope == .shared ? owners.removeValue(forKey: blob.digest) : nil
                try enter(blob, time, owner, &totals, in: db)
            default: try make(change, &totals, in: db)
            }
        }
    }

    /// The first sessions that pin shared blobs of the same group.
    private static func owners(_ changes: [CatalogChange]) -> [SHA256Digest: SessionID] {
        var sessions: [SHA256Digest: SessionID] = [:]
        for change in changes {
            switch change {
            case .pin(let digest, let session): if sessions[digest] == nil { sessions[digest] = session }
            // What these do depends on whether the pin is there already.
            case .removeSession, .sha1: return [:]
            default: continue
            }
        }
        guard !sessions.isEmpty else { return [:] }
        var owners: [SHA256Digest: SessionID] = [:]
        for case .blob(let blob, _) in changes where blob.scope == .shared {
            owners[blob.digest] = sessions[blob.digest]
        }
        return owners
    }

    /// Makes one change.
    private func make(_ change: CatalogChange, _ totals: inout CatalogTotals, in db: Database) throws {
        switch change {
        case .blob(let blob, let time): try enter(blob, time, nil, &totals, in: db)
        case .moved(let blob):
            if let scope = try scopeNumber(blob.scope, in: db) {
                try update(blob, scope, used: .min, &totals, in: db)
            }
        case .response(let response): try enter(response, &totals, in: db)
        case .refresh(let id, let head, let requestTime, let responseTime):
            try refresh(id, head, requestTime, responseTime, in: db)
        case .forget(let id):
            try db.cachedStatement(sql: "DELETE FROM responses WHERE id = ?").execute(arguments: [id])
            totals.responses -= Int64(db.changesCount)
        case .invalidate(let partition, let key):
            for variant in try variants(partition, key, in: db) {
                try make(.forget(id: variant.id), &totals, in: db)
            }
        case .forgetBlob(let digest, let scope): try forget(digest, scope, &totals, in: db)
        case .facts(let digest, let version, let json): try enterFacts(digest, version, json, in: db)
        case .sha1(let digest, let bytes):
            try db.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO sha1s SELECT ?1, ?2
                    WHERE EXISTS (SELECT 1 FROM blobs WHERE digest = ?1) OR EXISTS (SELECT 1 FROM pins WHERE digest = ?1)
                    """
            ).execute(arguments: [digest.column, Data(bytes)])
        case .pin(let digest, let session): try pin(digest, session, in: db)
        case .removeSession(let session): try beginRemoval(of: session, in: db)
        case .used(let digests, let time):
            let statement = try db.cachedStatement(sql: "UPDATE blobs SET used = ?1 WHERE digest = ?2 AND used < ?1")
            for digest in digests { try statement.execute(arguments: [time.nanoseconds, digest.column]) }
        case .scrubbed(let mark):
            try db.cachedStatement(sql: "UPDATE settings SET scrub_position = ?, scrub_ended = ?").execute(
                arguments: [mark.position?.column, mark.passEnded?.nanoseconds])
        }
    }

    // MARK: - Scopes

    private static let mostScopeNumbers = 1_024

    func scopeNumber(_ scope: BlobScope, in db: Database) throws -> Int64? {
        guard case .session(let id) = scope else { return 0 }
        if let number = scopeNumbers[id] { return number }
        let statement = try db.cachedStatement(sql: "SELECT no, id FROM scopes WHERE id_hash = ?")
        guard let row = try Row.fetchOne(statement, arguments: [hash(id)]), try row.text(1) == id.text else {
            return nil
        }
        let number = try row.number(0)
        if scopeNumbers.count >= Self.mostScopeNumbers { scopeNumbers = [:] }
        scopeNumbers[id] = number
        return number
    }

    private func enterScope(_ scope: BlobScope, in db: Database) throws -> Int64 {
        if let number = try scopeNumber(scope, in: db) { return number }
        guard case .session(let id) = scope else { preconditionFailure("everybody's scope has a number") }
        let padding = CatalogSchema.padding
        try db.cachedStatement(sql: "INSERT INTO scopes VALUES (NULL, ?, zeroblob(?), ?, zeroblob(?))").execute(
            arguments: [hash(id), padding.front, id.text, padding.tail(text: id.text.utf8.count, rest: 16)])
        return db.lastInsertedRowID
    }

    /// Zeros before and behind the text of a row: none for what everybody may see.
    private static func zeros(_ scope: Int64, text: Int, rest: Int) -> (front: Int, tail: Int) {
        guard scope != 0 else { return (0, 0) }
        let padding = CatalogSchema.padding
        return (padding.front, padding.tail(text: text, rest: rest))
    }

    // MARK: - Blobs

    private static let insertBlob = """
        INSERT INTO blobs VALUES (
            NULL, ?1, ?2, ?3, ?4, ?1 = 0 AND (?9 <> 0 OR EXISTS (SELECT 1 FROM pins WHERE digest = ?5)), ?5, ?6, ?7, ?8, ?9
        ) ON CONFLICT (digest, scope) DO NOTHING
        """

    /// Enters a blob, pinned by a session at once when `owner` says so.
    private func enter(
        _ blob: StoredBlob, _ time: WallTime, _ owner: SessionID?, _ totals: inout CatalogTotals, in db: Database
    ) throws {
        let scope = try enterScope(blob.scope, in: db)
        let placement = blob.placement
        let zeros = Self.zeros(scope, text: placement.text.utf8.count, rest: 64)
        direct.add(scope)
        direct.add(blob.logicalSize)
        direct.add(placement.sizeOnDisk)
        direct.add(time.nanoseconds)
        direct.add(blob.digest)
        direct.add(zeros: zeros.front)
        direct.add(placement.text)
        direct.add(zeros: zeros.tail)
        direct.add(try owner.map { try enterScope(.session($0), in: db) } ?? 0)
        try direct.run(Self.insertBlob, in: db)
        guard db.changesCount > 0 else {
            try update(blob, scope, used: time.nanoseconds, &totals, in: db)
            if let owner { try pin(blob.digest, owner, in: db) }
            return
        }
        entered[blob.digest] = (scope, db.lastInsertedRowID)
        totals.blobs += 1
        totals.logicalBytes += blob.logicalSize
        totals.bytesOnDisk += placement.sizeOnDisk
    }

    /// Changes the row of a blob that is there; returns whether it is.
    @discardableResult
    private func update(
        _ blob: StoredBlob, _ scope: Int64, used: Int64, _ totals: inout CatalogTotals, in db: Database
    ) throws -> Bool {
        let find = try db.cachedStatement(
            sql: "SELECT no, logical_size, size_on_disk FROM blobs WHERE digest = ? AND scope = ?")
        guard let old = try Row.fetchOne(find, arguments: [blob.digest.column, scope]) else { return false }
        let (logical, onDisk) = (try old.number(1), try old.number(2))
        let placement = blob.placement
        let zeros = Self.zeros(scope, text: placement.text.utf8.count, rest: 64)
        try db.cachedStatement(
            sql: """
                UPDATE blobs SET logical_size = ?, size_on_disk = ?, used = max(used, ?), placement = ?,
                    tail = zeroblob(?)
                WHERE no = ?
                """
        ).execute(arguments: [
            blob.logicalSize, placement.sizeOnDisk, used, placement.text, zeros.tail, try old.number(0),
        ])
        totals.logicalBytes += blob.logicalSize - logical
        totals.bytesOnDisk += placement.sizeOnDisk - onDisk
        return true
    }

    private func forget(
        _ digest: SHA256Digest, _ scope: BlobScope, _ totals: inout CatalogTotals, in db: Database
    ) throws {
        guard let number = try scopeNumber(scope, in: db) else { return }
        let find = try db.cachedStatement(
            sql: "SELECT no, logical_size, size_on_disk FROM blobs WHERE digest = ? AND scope = ?")
        let old = try Row.fetchOne(find, arguments: [digest.column, number])
        let blob = try old?.number(0)
        if try deleteResponses(of: digest, blob, number, before: .max, &totals, in: db) {
            // There are too many for one transaction.
            try db.cachedStatement(
                sql: "INSERT INTO removals SELECT NULL, ?, ?, max(id) + 1, 0, ? FROM responses"
            ).execute(arguments: [number, digest.column, blob])
        }
        guard let old else { return }
        totals.blobs -= 1
        totals.logicalBytes -= try old.number(1)
        totals.bytesOnDisk -= try old.number(2)
        try deleteBlob(try old.number(0), digest, in: db)
    }

    /// Deletes a blob's row and, when it was the digest's last one, the facts, and the SHA-1 unless a session pins it.
    ///
    /// The pin of the row's owner stays.
    func deleteBlob(_ number: Int64, _ digest: SHA256Digest, in db: Database) throws {
        entered[digest] = nil
        try db.cachedStatement(
            sql: "INSERT OR IGNORE INTO pins SELECT digest, owner FROM blobs WHERE no = ? AND owner <> 0"
        ).execute(arguments: [number])
        try db.cachedStatement(sql: "DELETE FROM blobs WHERE no = ?").execute(arguments: [number])
        try db.cachedStatement(
            sql: "DELETE FROM facts WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM blobs WHERE digest = ?1)"
        ).execute(arguments: [digest.column])
        try deleteSHA1(digest, in: db)
    }

    /// Deletes the SHA-1 of what is neither there nor pinned.
    func deleteSHA1(_ digest: SHA256Digest, in db: Database) throws {
        try db.cachedStatement(
            sql: """
                DELETE FROM sha1s WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM blobs WHERE digest = ?1)
                    AND NOT EXISTS (SELECT 1 FROM pins WHERE digest = ?1)
                """
        ).execute(arguments: [digest.column])
    }

    private func enterFacts(_ digest: SHA256Digest, _ version: Int, _ json: [UInt8], in db: Database) throws {
        let find = try db.cachedStatement(sql: "SELECT 1 FROM blobs WHERE digest = ? AND scope = 0")
        let isShared = try Row.fetchOne(find, arguments: [digest.column]) != nil
        let zeros = Self.zeros(isShared ? 0 : 1, text: json.count, rest: 48)
        try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO facts VALUES (
                    (SELECT no FROM facts WHERE digest = ?2), ?1, ?2, zeroblob(?3), ?4, zeroblob(?5)
                )
                """
        ).execute(arguments: [version, digest.column, zeros.front, Data(json), zeros.tail])
    }

    private func pin(_ digest: SHA256Digest, _ session: SessionID, in db: Database) throws {
        let scope = try enterScope(.session(session), in: db)
        let find = try db.cachedStatement(sql: "SELECT no, owner FROM blobs WHERE digest = ? AND scope = 0")
        guard let blob = try Row.fetchOne(find, arguments: [digest.column]), try blob.number(1) != 0 else {
            try db.cachedStatement(sql: "UPDATE blobs SET pinned = 1, owner = ? WHERE digest = ? AND scope = 0")
                .execute(
                    arguments: [scope, digest.column])
            if db.changesCount == 0 { try enterPin(digest, scope, in: db) }
            return
        }
        if try blob.number(1) != scope { try enterPin(digest, scope, in: db) }
    }

    private func enterPin(_ digest: SHA256Digest, _ scope: Int64, in db: Database) throws {
        try db.cachedStatement(sql: "INSERT OR IGNORE INTO pins VALUES (?, ?)").execute(
            arguments: [digest.column, scope])
    }

    // MARK: - Responses

    private struct Variant {
        var id: Int64
        var vary: String
        var variant: String
    }

    /// The stored variants of a key in a partition, the oldest first.
    private func variants(_ partition: Partition, _ key: String, in db: Database) throws -> [Variant] {
        guard let scope = try scopeNumber(partition.scope, in: db) else { return [] }
        let find = try db.cachedStatement(
            sql:
                "SELECT id, key, vary, variant, credentials FROM responses WHERE key_hash = ? AND scope = ? ORDER BY id"
        )
        let rows = try Row.fetchCursor(find, arguments: [hash(partition, key), scope])
        var result: [Variant] = []
        while let row = try rows.next() {
            guard try row.text(1) == key, try row.optionalDigest(4) == partition.credentials else { continue }
            result.append(Variant(id: try row.number(0), vary: try row.text(2), variant: try row.text(3)))
        }
        return result
    }

    private func enter(_ response: StoredResponse, _ totals: inout CatalogTotals, in db: Database) throws {
        let vary = response.varyNames.joined(separator: "\n")
        let keyHash = hash(response.partition, response.key)
        let scope = try enterScope(response.partition.scope, in: db)
        direct.add(keyHash)
        direct.add(scope)
        if try direct.run("SELECT 1 FROM responses WHERE key_hash = ? AND scope = ?", in: db) {
            let present = try variants(response.partition, response.key, in: db)
            var (going, staying) = (present.filter { $0.vary == vary && $0.variant == response.variant }, present)
            staying.removeAll { $0.vary == vary && $0.variant == response.variant }
            going += staying.prefix(max(0, staying.count - (Self.mostVariants - 1)))
            for variant in going { try make(.forget(id: variant.id), &totals, in: db) }
        }
        let text =
            response.key.utf8.count + vary.utf8.count + response.variant.utf8.count + response.head.count
        let zeros = Self.zeros(scope, text: text, rest: 125)
        direct.add(keyHash)
        direct.add(scope)
        direct.add(Int64(response.status))
        direct.add(response.size)
        direct.add(response.requestTime)
        direct.add(response.responseTime)
        direct.add(response.decoded ? 1 : 0)
        direct.add(response.assumedLifetime)
        direct.add(response.fillNanoseconds)
        direct.add(try blobNumber(response.digest, scope, in: db) ?? response.digest.indexKey)
        direct.add(response.digest)
        if let credentials = response.partition.credentials { direct.add(credentials) } else { direct.addNull() }
        direct.add(zeros: zeros.front)
        direct.add(response.key)
        direct.add(vary)
        direct.add(response.variant)
        direct.add(response.head)
        direct.add(zeros: zeros.tail)
        try direct.run(
            "INSERT INTO responses VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", in: db)
        totals.responses += 1
    }

    /// The number of a blob's row.
    private func blobNumber(_ digest: SHA256Digest, _ scope: Int64, in db: Database) throws -> Int64? {
        if let present = entered[digest], present.scope == scope { return present.number }
        let find = try db.cachedStatement(sql: "SELECT no FROM blobs WHERE digest = ? AND scope = ?")
        return try Row.fetchOne(find, arguments: [digest.column, scope])?.number(0)
    }

    private func refresh(
        _ id: Int64, _ head: [UInt8], _ requestTime: Int64, _ responseTime: Int64, in db: Database
    ) throws {
        let find = try db.cachedStatement(
            sql: """
                SELECT scope, length(CAST(key AS BLOB)) + length(CAST(vary AS BLOB)) + length(CAST(variant AS BLOB))
                FROM responses WHERE id = ?
                """)
        guard let row = try Row.fetchOne(find, arguments: [id]) else { return }
        let zeros = Self.zeros(try row.number(0), text: Int(try row.number(1)) + head.count, rest: 125)
        try db.cachedStatement(
            sql: "UPDATE responses SET head = ?, request_time = ?, response_time = ?, tail = zeroblob(?) WHERE id = ?"
        ).execute(arguments: [Data(head), requestTime, responseTime, zeros.tail, id])
    }
}

extension Partition {
    /// The credentials of a private partition.
    fileprivate var credentials: SHA256Digest? {
        if case .session(_, let credentials) = self { credentials } else { nil }
    }
}
