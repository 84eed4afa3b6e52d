import Core
import Cryptography
import SessionsTesting
import Storage
import Testing

@testable import Sessions

@Suite struct SessionTests {
    private func row(token: String = "secret", key: UInt8 = 1, timeout: Int64 = 60) throws -> SessionRow {
        SessionRow(
            id: try #require(SessionID("abc")), policy: .strict, created: ManualClock.start, timeout: timeout,
            tokenHash: SHA256Hasher.digest(Array(token.utf8)), redactionKey: [UInt8](repeating: key, count: 32))
    }

    @Test func onlyItsOwnTokenIsAccepted() throws {
        let session = Session(row: try row())
        #expect(session.accepts(token: "secret"))
        for token in ["", "secre", "secret ", "Secret"] { #expect(!session.accepts(token: token)) }
    }

    @Test func itIsOpenUntilItsLifetimeIsOver() throws {
        let clock = ManualClock()
        let session = Session(row: try row(), clock: clock.clock)
        clock.advance(by: .milliseconds(59_999))
        #expect(session.isOpen)
        clock.advance(by: .milliseconds(1))
        #expect(!session.isOpen)
    }

    @Test func itsLifetimeGoesOnWhileTheServiceIsDown() throws {
        let clock = ManualClock()
        clock.advance(by: .seconds(50))
        let restored = Session(row: try row(), clock: clock.clock)
        clock.advance(by: .seconds(9))
        #expect(restored.isOpen)
        clock.advance(by: .seconds(1))
        #expect(!restored.isOpen)
    }

    @Test func closingIsForGoodAndARevokedRowIsClosed() throws {
        let session = Session(row: try row(), clock: ManualClock().clock)
        session.close()
        #expect(!session.isOpen)
        var revoked = try row()
        revoked.revoked = ManualClock.start
        #expect(!Session(row: revoked, clock: ManualClock().clock).isOpen)
    }

    @Test func marksTellEqualSecretsAndNothingElse() throws {
        let session = Session(row: try row())
        let mark = session.mark("Bearer abc")
        #expect(mark == session.mark("Bearer abc"))
        #expect(mark != session.mark("Bearer abd"))
        #expect(mark != Session(row: try row(key: 2)).mark("Bearer abc"))
        #expect(mark.hasPrefix("redacted:") && mark.utf8.count == 17)
    }

    @Test(
        arguments: [(0, 21_600), (1, 1), (604_800, 604_800), (604_801, 604_800), (.max, 604_800)] as [(UInt64, Int64)])
    func lifetimesAreBounded(wish: UInt64, effective: Int64) {
        #expect(SessionSettings().timeout(for: wish) == effective)
    }
}
