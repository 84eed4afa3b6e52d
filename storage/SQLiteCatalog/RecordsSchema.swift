internal import GRDB
internal import Storage

/// The tables of `records.db`.
///
/// **sessions**: one row each; `id_hash` is what they are found by, `state` 1 says that removal has begun, 2 that
/// it is being brought back from a backup (``State``). A number is never used again, so that a reader that holds one cannot meet another session's exchanges. `secrets` is a list as
/// ``SecretColumn`` says, `labels` a JSON object; both are empty without any.
/// **used_ids**: the hash of every id ever used; all that stays of a removed session.
/// **chunks**: exchanges that were committed together (``RecordChunk``); `key` is session number × 2³² + the first one's
/// number, so that a session's chunks stand together in order. `others` are the bits of the kinds that are no artifacts,
/// `unconcluded` counts artifacts without a verdict, `firsts` those that are the first of their digest.
/// **uses**: which chunks of a session have artifacts with a digest, by its first eight bytes.
/// **other_records**, **other_ids**: the same for ids that were used in records of which backups were taken in, each with the
/// key of its own hash.
/// **settings**: one row: the key of the hash, and a counter that `checkWritable` moves.
///
/// `front`, `tail`: see ``OverflowPadding``; everything between them is text, and what was added behind `tail` is as well.
enum RecordsSchema {
    /// "FSrc".
    static let versions = SchemaVersions(
        applicationID: 0x4653_7263, pageSize: 2048, steps: [first, second, third, fourth],
        probes: [
            "SELECT * FROM settings", "SELECT no, id, labels FROM sessions ORDER BY no DESC LIMIT 1",
            "SELECT id_hash FROM sessions INDEXED BY sessions_id WHERE id_hash > 0 LIMIT 1",
            "SELECT hash FROM used_ids LIMIT 1", "SELECT key, rows FROM chunks ORDER BY key LIMIT 1",
            "SELECT key, rows FROM chunks ORDER BY key DESC LIMIT 1", "SELECT key FROM uses WHERE session > 0 LIMIT 1",
        ])

    static let padding = OverflowPadding(pageSize: versions.pageSize)

    @Sendable private static func first(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE settings (
                    one INTEGER PRIMARY KEY CHECK (one = 1), hash_key0 INTEGER NOT NULL, hash_key1 INTEGER NOT NULL,
                    probe INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE used_ids (hash INTEGER PRIMARY KEY) STRICT;
                CREATE TABLE sessions (
                    no INTEGER PRIMARY KEY AUTOINCREMENT, id_hash INTEGER NOT NULL, state INTEGER NOT NULL,
                    policy TEXT NOT NULL, created INTEGER NOT NULL, timeout INTEGER NOT NULL, revoked INTEGER,
                    secret_count INTEGER NOT NULL,
                    front BLOB NOT NULL, id TEXT NOT NULL, token_hash BLOB NOT NULL, redaction_key BLOB NOT NULL,
                    boot_id TEXT NOT NULL, incomplete TEXT NOT NULL, configuration BLOB NOT NULL, tail BLOB NOT NULL
                ) STRICT;
                CREATE UNIQUE INDEX sessions_id ON sessions (id_hash);
                CREATE TABLE exchanges (
                    key INTEGER PRIMARY KEY, kind INTEGER NOT NULL, size INTEGER NOT NULL, delivered INTEGER NOT NULL,
                    truncated INTEGER NOT NULL, result INTEGER, session INTEGER, digest_key INTEGER, digest BLOB,
                    front BLOB NOT NULL, download BLOB NOT NULL, judgement BLOB NOT NULL, tail BLOB NOT NULL
                ) STRICT;
                CREATE INDEX exchanges_digest ON exchanges (session, digest_key) WHERE session IS NOT NULL;
                CREATE INDEX exchanges_other ON exchanges (kind) WHERE kind >= 2;
                CREATE INDEX exchanges_open ON exchanges (result) WHERE result IS NULL AND kind < 2;
                """)
        try db.execute(
            sql: "INSERT INTO settings VALUES (1, ?, ?, 0)",
            arguments: [Int64.random(in: .min ... .max), Int64.random(in: .min ... .max)])
    }

    /// Exchanges that had a row each are put together.
    @Sendable private static func second(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE chunks (
                    key INTEGER PRIMARY KEY, count INTEGER NOT NULL, others INTEGER NOT NULL,
                    unconcluded INTEGER NOT NULL, firsts INTEGER NOT NULL, delivered INTEGER NOT NULL,
                    front BLOB NOT NULL, rows BLOB NOT NULL, tail BLOB NOT NULL
                ) STRICT;
                CREATE INDEX chunks_others ON chunks (key) WHERE others > 0;
                CREATE INDEX chunks_unconcluded ON chunks (key) WHERE unconcluded > 0;
                CREATE INDEX chunks_firsts ON chunks (key) WHERE firsts > 0;
                CREATE TABLE uses (
                    session INTEGER NOT NULL, digest_key INTEGER NOT NULL, key INTEGER NOT NULL,
                    PRIMARY KEY (session, digest_key, key)
                ) STRICT, WITHOUT ROWID;
                """)
        try RecordChunk.takeOver(db)
        try db.execute(sql: "DROP TABLE exchanges")
    }

    @Sendable private static func third(_ db: Database) throws {
        try db.execute(
            sql: """
                ALTER TABLE sessions ADD COLUMN secrets BLOB NOT NULL DEFAULT X'';
                ALTER TABLE sessions ADD COLUMN name TEXT NOT NULL DEFAULT '';
                ALTER TABLE sessions ADD COLUMN labels BLOB NOT NULL DEFAULT X'';
                """)
    }

    @Sendable private static func fourth(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE other_records (
                    no INTEGER PRIMARY KEY, hash_key0 INTEGER NOT NULL, hash_key1 INTEGER NOT NULL,
                    UNIQUE (hash_key0, hash_key1)
                ) STRICT;
                CREATE TABLE other_ids (
                    record INTEGER NOT NULL, hash INTEGER NOT NULL, PRIMARY KEY (record, hash)
                ) STRICT, WITHOUT ROWID;
                """)
    }

    /// `state` of a session.
    enum State: Int64 {
        /// Everybody sees it.
        case present = 0
        /// Nobody sees it any more.
        case leaving = 1
        /// Nobody sees it yet.
        case arriving = 2
    }
}

/// The key of an exchange in the table.
struct ExchangeKey {
    /// Numbers of exchanges and sessions are below this.
    static let limit: Int64 = 1 << 31

    /// The session's number in the file.
    let session: Int64

    /// The session's part of its keys.
    var base: Int64 { session << 32 }

    /// The key behind every exchange of the session.
    var end: Int64 { base + (1 << 32) }

    /// The key of one exchange; any number is brought into the session's range.
    func key(_ number: Int64) -> Int64 { base + min(max(number, 0), Self.limit) }

    /// The number in a key.
    static func number(_ key: Int64) -> Int64 { key & 0xffff_ffff }
}

/// `kind` in a chunk.
enum ExchangeKind {
    static let firstOfArtifact: Int64 = 0
    static let laterOfArtifact: Int64 = 1

    /// Of artifacts, that of the later ones.
    static func code(_ category: ExchangeRow.Category) -> Int64 {
        switch category {
        case .artifact: laterOfArtifact
        case .response: 2
        case .refusal: 3
        case .failure: 4
        }
    }

    static func category(_ code: Int64) -> ExchangeRow.Category? {
        switch code {
        case firstOfArtifact, laterOfArtifact: .artifact
        case 2: .response
        case 3: .refusal
        case 4: .failure
        default: nil
        }
    }
}
