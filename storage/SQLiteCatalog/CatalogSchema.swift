internal import GRDB

/// The tables of `cache.db`.
///
/// **scopes**: a number for each session that has something here; scope 0 is everybody. Numbers are never used again.
/// **blobs**: one row for each digest and scope. `pinned` is 1 when a session pins the digest; it is kept here so that the
/// order of eviction is an index. `owner` is the scope of the first session that does so, 0 without one: most blobs are
/// pinned by the session that fetched them and by no other, and rows of `pins` stand in random order.
/// **pins**: the other sessions' pins, and those of digests that have no shared blob.
/// **responses**: `key_hash` is a keyed hash of partition and key, short enough for an index of a million rows; the
/// whole key is compared after. `digest_key` is the number of the blob's row, so that the index on it grows at its end;
/// the first eight bytes of the digest when there is no blob, or in rows of the first three versions. The whole digest is
/// compared after.
/// **facts**: what extraction found; goes with the last blob of the digest.
/// **sha1s**: the SHA-1 of a blob's content, for the report; goes with the last blob and the last pin of the digest.
/// **settings**: one row: the key of the hash, the totals as of the last group, and how far the scrubber has come.
/// **removals**: what is being deleted slice by slice: all of a scope that no session has any more, or, with `digest`,
/// the responses before `below` that had it as their body, by the number `blob`. `done` is 1 when only the log may still hold what was deleted.
///
/// `front`, `tail`: see ``OverflowPadding``; only rows that are private to a session have them, since only those must
/// leave nothing behind.
enum CatalogSchema {
    /// "FSca".
    static let versions = SchemaVersions(
        applicationID: 0x4653_6361, pageSize: 4096, steps: [first, second, third, fourth],
        probes: [
            "SELECT * FROM settings", "SELECT no, id FROM scopes ORDER BY no DESC LIMIT 1",
            "SELECT no, placement FROM blobs ORDER BY no LIMIT 1",
            "SELECT no, placement FROM blobs ORDER BY no DESC LIMIT 1",
            "SELECT digest FROM blobs INDEXED BY blobs_digest ORDER BY digest LIMIT 1",
            "SELECT used FROM blobs INDEXED BY blobs_use WHERE scope = 0 AND pinned = 0 ORDER BY used LIMIT 1",
            "SELECT id, head FROM responses ORDER BY id LIMIT 1",
            "SELECT id, head FROM responses ORDER BY id DESC LIMIT 1",
            "SELECT key_hash FROM responses INDEXED BY responses_key ORDER BY key_hash LIMIT 1",
            "SELECT digest_key FROM responses INDEXED BY responses_digest ORDER BY digest_key LIMIT 1",
            "SELECT no, json FROM facts ORDER BY no DESC LIMIT 1", "SELECT digest FROM pins LIMIT 1",
            "SELECT no FROM removals LIMIT 1",
            "SELECT used FROM blobs INDEXED BY blobs_private_use WHERE scope <> 0 ORDER BY used LIMIT 1",
            "SELECT sha1 FROM sha1s ORDER BY digest LIMIT 1",
            "SELECT owner FROM blobs INDEXED BY blobs_owner WHERE owner <> 0 ORDER BY owner LIMIT 1",
        ])

    static let padding = OverflowPadding(pageSize: versions.pageSize)

    @Sendable private static func first(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE settings (
                    one INTEGER PRIMARY KEY CHECK (one = 1), hash_key0 INTEGER NOT NULL, hash_key1 INTEGER NOT NULL,
                    blobs INTEGER NOT NULL, bytes_on_disk INTEGER NOT NULL, logical_bytes INTEGER NOT NULL,
                    responses INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE scopes (
                    no INTEGER PRIMARY KEY AUTOINCREMENT, id_hash INTEGER NOT NULL,
                    front BLOB NOT NULL, id TEXT NOT NULL, tail BLOB NOT NULL
                ) STRICT;
                CREATE UNIQUE INDEX scopes_id ON scopes (id_hash);
                CREATE TABLE blobs (
                    no INTEGER PRIMARY KEY, scope INTEGER NOT NULL, logical_size INTEGER NOT NULL,
                    size_on_disk INTEGER NOT NULL, used INTEGER NOT NULL, pinned INTEGER NOT NULL, digest BLOB NOT NULL,
                    front BLOB NOT NULL, placement TEXT NOT NULL, tail BLOB NOT NULL
                ) STRICT;
                CREATE UNIQUE INDEX blobs_digest ON blobs (digest, scope);
                CREATE INDEX blobs_use ON blobs (pinned, used) WHERE scope = 0;
                CREATE INDEX blobs_scope ON blobs (scope) WHERE scope <> 0;
                CREATE TABLE pins (
                    digest BLOB NOT NULL, scope INTEGER NOT NULL, PRIMARY KEY (digest, scope)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX pins_scope ON pins (scope);
                CREATE TABLE responses (
                    id INTEGER PRIMARY KEY AUTOINCREMENT, key_hash INTEGER NOT NULL, scope INTEGER NOT NULL,
                    status INTEGER NOT NULL, size INTEGER NOT NULL, request_time INTEGER NOT NULL,
                    response_time INTEGER NOT NULL, decoded INTEGER NOT NULL, assumed_lifetime INTEGER NOT NULL,
                    fill_nanoseconds INTEGER NOT NULL, digest_key INTEGER NOT NULL,
                    digest BLOB NOT NULL, credentials BLOB, front BLOB NOT NULL, key TEXT NOT NULL, vary TEXT NOT NULL,
                    variant TEXT NOT NULL, head BLOB NOT NULL, tail BLOB NOT NULL
                ) STRICT;
                CREATE INDEX responses_key ON responses (key_hash);
                CREATE INDEX responses_digest ON responses (digest_key);
                CREATE INDEX responses_scope ON responses (scope) WHERE scope <> 0;
                CREATE TABLE facts (
                    no INTEGER PRIMARY KEY, version INTEGER NOT NULL, digest BLOB NOT NULL,
                    front BLOB NOT NULL, json BLOB NOT NULL, tail BLOB NOT NULL
                ) STRICT;
                CREATE UNIQUE INDEX facts_digest ON facts (digest);
                """)
        try db.execute(
            sql: "INSERT INTO settings VALUES (1, ?, ?, 0, 0, 0, 0)",
            arguments: [Int64.random(in: .min ... .max), Int64.random(in: .min ... .max)])
    }

    @Sendable private static func second(_ db: Database) throws {
        try db.execute(
            sql: """
                ALTER TABLE settings ADD COLUMN scrub_position BLOB;
                ALTER TABLE settings ADD COLUMN scrub_ended INTEGER;
                CREATE TABLE removals (
                    no INTEGER PRIMARY KEY, scope INTEGER NOT NULL, digest BLOB, below INTEGER, done INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX blobs_private_use ON blobs (used) WHERE scope <> 0;
                """)
    }

    @Sendable private static func third(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE sha1s (digest BLOB PRIMARY KEY, sha1 BLOB NOT NULL) STRICT, WITHOUT ROWID;
                """)
    }

    @Sendable private static func fourth(_ db: Database) throws {
        try db.execute(
            sql: """
                ALTER TABLE blobs ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;
                CREATE INDEX blobs_owner ON blobs (owner) WHERE owner <> 0;
                ALTER TABLE removals ADD COLUMN blob INTEGER;
                """)
    }
}
