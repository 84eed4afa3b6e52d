package import Core
internal import Foundation
internal import GRDB
package import Storage

extension SQLiteCatalog {
    package func responses(in partition: Partition, key: String) throws(StoreError) -> [StoredResponse] {
        try file.read("look up a response") { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT \(Self.responseColumns) WHERE key_hash = ? AND \(Self.isThere) ORDER BY responses.id DESC
                    """)
            let rows = try Row.fetchCursor(statement, arguments: [hash(partition, key)])
            var result: [StoredResponse] = []
            while let row = try rows.next() {
                let response = try Self.response(row)
                if response.key == key, response.partition == partition { result.append(response) }
            }
            return result
        }
    }

    package func responses(after: Int64, limit: Int) throws(StoreError) -> [StoredResponse] {
        try file.read("list the responses") { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT \(Self.responseColumns)
                    WHERE responses.id > ? AND \(Self.isThere) ORDER BY responses.id LIMIT ?
                    """)
            let rows = try Row.fetchCursor(statement, arguments: [after, max(limit, 0)])
            var result: [StoredResponse] = []
            while let row = try rows.next() { result.append(try Self.response(row)) }
            return result
        }
    }

    private static let responseColumns = """
        responses.id, status, size, request_time, response_time, decoded, digest, credentials, key, vary, variant, head,
        scopes.id, assumed_lifetime, fill_nanoseconds
        FROM responses LEFT JOIN scopes ON scopes.no = scope
        """

    private static func response(_ row: Row) throws -> StoredResponse {
        let vary = try row.text(9)
        var response = StoredResponse(
            id: try row.number(0), partition: try partition(row), key: try row.text(8),
            varyNames: vary.isEmpty ? [] : vary.split(separator: "\n").map(String.init), variant: try row.text(10),
            status: Int(try row.number(1)), head: try row.bytes(11), digest: try row.digest(6), size: try row.number(2),
            requestTime: try row.number(3), responseTime: try row.number(4), decoded: try row.number(5) != 0)
        response.assumedLifetime = try row.number(13)
        response.fillNanoseconds = try row.number(14)
        return response
    }

    private static func partition(_ row: Row) throws -> Partition {
        guard let credentials = try row.optionalDigest(7) else { return .shared }
        return .session(try session(row, 12), credentials: credentials)
    }

    private static func session(_ row: Row, _ index: Int) throws -> SessionID {
        guard let id = SessionID(try row.text(index)) else { throw Row.damage(index) }
        return id
    }

    private static let blobColumns = """
        digest, logical_size, placement, size_on_disk, scope, scopes.id
        FROM blobs LEFT JOIN scopes ON scopes.no = scope
        """
    /// Leaves out what is being removed.
    private static let isThere = "(scope = 0 OR scopes.id IS NOT NULL)"

    package func scrubMark() throws(StoreError) -> ScrubMark {
        try file.read("read how far the scrubber has come") { db in
            let statement = try db.cachedStatement(sql: "SELECT scrub_position, scrub_ended FROM settings")
            guard let row = try Row.fetchOne(statement) else { throw Row.damage(0) }
            return ScrubMark(
                position: try row.optionalDigest(0),
                passEnded: try row.optionalNumber(1).map(WallTime.init(nanoseconds:)))
        }
    }

    package func blob(_ digest: SHA256Digest, scope: BlobScope) throws(StoreError) -> StoredBlob? {
        try file.read("look up a blob") { db in
            let sql =
                switch scope {
                case .shared: "SELECT \(Self.blobColumns) WHERE digest = ? AND scope = 0"
                case .session:
                    "SELECT \(Self.blobColumns) WHERE digest = ? AND scope = (SELECT no FROM scopes WHERE id_hash = ?)"
                }
            var arguments: StatementArguments = [digest.column]
            if case .session(let id) = scope { arguments += [hash(id)] }
            guard let row = try Row.fetchOne(try db.cachedStatement(sql: sql), arguments: arguments) else { return nil }
            let blob = try Self.blob(row)
            return blob.scope == scope ? blob : nil
        }
    }

    private static func blob(_ row: Row) throws -> StoredBlob {
        StoredBlob(
            digest: try row.digest(0), logicalSize: try row.number(1),
            scope: try row.number(4) == 0 ? .shared : .session(try session(row, 5)),
            placement: BlobPlacement(text: try row.text(2), sizeOnDisk: try row.number(3)))
    }

    private static func blobs(_ rows: RowCursor) throws -> [StoredBlob] {
        var result: [StoredBlob] = []
        while let row = try rows.next() { result.append(try blob(row)) }
        return result
    }

    package func facts(_ digest: SHA256Digest, version: Int) throws(StoreError) -> [UInt8]? {
        try file.read("look up facts") { db in
            let statement = try db.cachedStatement(sql: "SELECT json FROM facts WHERE digest = ? AND version = ?")
            return try Row.fetchOne(statement, arguments: [digest.column, version])?.bytes(0)
        }
    }

    package func sha1(_ digest: SHA256Digest) throws(StoreError) -> [UInt8]? {
        try file.read("look up a SHA-1") { db in
            let statement = try db.cachedStatement(sql: "SELECT sha1 FROM sha1s WHERE digest = ?")
            return try Row.fetchOne(statement, arguments: [digest.column])?.bytes(0)
        }
    }

    package func evictionCandidates(limit: Int, includingPinned: Bool) throws(StoreError) -> [StoredBlob] {
        try file.read("choose blobs to evict") { db in
            // The compound select merges walks along the indices.
            func walk(_ pinned: Int) -> String {
                """
                SELECT digest, logical_size, placement, size_on_disk, scope, NULL, used
                FROM blobs INDEXED BY blobs_use WHERE scope = 0 AND pinned = \(pinned)
                """
            }
            // CROSS JOIN keeps the order of the walk.
            let privates = """
                SELECT digest, logical_size, placement, size_on_disk, scope, scopes.id, used
                FROM blobs INDEXED BY blobs_private_use CROSS JOIN scopes ON scopes.no = scope WHERE scope <> 0
                """
            let sql = includingPinned ? "\(walk(0)) UNION ALL \(walk(1)) UNION ALL \(privates)" : walk(0)
            let statement = try db.cachedStatement(sql: "\(sql) ORDER BY used LIMIT ?")
            return try Self.blobs(try Row.fetchCursor(statement, arguments: [max(limit, 0)]))
        }
    }

    package func blobs(after: SHA256Digest?, limit: Int) throws(StoreError) -> [StoredBlob] {
        guard limit > 0 else { return [] }
        return try file.read("list the blobs") { db in
            let page = try db.cachedStatement(
                sql: "SELECT \(Self.blobColumns) WHERE digest > ? AND \(Self.isThere) ORDER BY digest, scope LIMIT ?")
            let start = after?.column ?? Data()
            var result = try Self.blobs(try Row.fetchCursor(page, arguments: [start, limit]))
            guard result.count == limit, let last = result.last?.digest else { return result }
            // The last digest may be cut in the middle of its scopes.
            let rest = try db.cachedStatement(
                sql: "SELECT \(Self.blobColumns) WHERE digest = ? AND \(Self.isThere) ORDER BY scope")
            result.removeAll { $0.digest == last }
            result += try Self.blobs(try Row.fetchCursor(rest, arguments: [last.column]))
            return result
        }
    }
}
