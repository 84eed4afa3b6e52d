package import Core
internal import Cryptography
package import Storage
internal import Synchronization

/// A live session: whose requests the proxy accepts, and under which policy.
///
/// Shared by the registry, which opens and closes it, and the loops, which ask ``isOpen`` at every request.
package final class Session: Sendable {
    /// What was recorded when the session was opened; a later revocation is in ``SessionRegistry/row(of:)``.
    package let row: SessionRow
    /// When its lifetime is over.
    package let deadline: MonotonicTime
    /// What is added to its requests; `nil` for most sessions.
    package let secrets: SessionSecrets?

    private let tokenHash: [UInt8]
    private let clock: SessionClock
    private let isClosed: Atomic<Bool>

    /// Makes a session from its row.
    ///
    /// - Parameters:
    ///   - row: As recorded; a row with a revocation makes a closed session.
    ///   - secrets: Those of the row with their credentials; without them, those of the row count as lost.
    ///   - clock: What its lifetime is measured with.
    package init(row: SessionRow, secrets: SessionSecrets? = nil, clock: SessionClock = .system) {
        self.row = row
        self.secrets = secrets ?? SessionSecrets(lost: row.secrets)
        self.clock = clock
        tokenHash = row.tokenHash.bytes
        isClosed = Atomic(row.revoked != nil)
        deadline = clock.monotonic() + ((row.created + .seconds(row.timeout)) - clock.wall())
    }

    /// The session's id.
    package var id: SessionID { row.id }

    /// Strict or permissive.
    package var policy: SessionPolicy { row.policy }

    /// Whether `token` is this session's; the time does not depend on where they differ.
    package func accepts(token: String) -> Bool {
        equalInConstantTime(SHA256Hasher.digest(Array(token.utf8)).bytes, tokenHash)
    }

    /// Whether requests may still be made: not revoked, not expired, not ended.
    package var isOpen: Bool { !isClosed.load(ordering: .acquiring) && clock.monotonic() < deadline }

    /// Ends the session for new requests, for good.
    package func close() { isClosed.store(true, ordering: .releasing) }

    /// What stands in the record in place of a secret: equal for equal secrets of this session, and only of this one.
    package func mark(_ secret: String) -> String {
        let code = HMAC.sha256(key: row.redactionKey, Array(secret.utf8))
        return "redacted:" + Hex.encode(Array(code.prefix(4)))
    }
}
