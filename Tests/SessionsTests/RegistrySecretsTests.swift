import Core
import Platform
import SessionsTesting
import Storage
import Testing
import Wire

@testable import Sessions

@Suite struct RegistrySecretsTests {
    private func secrets(_ count: Int = 3) throws -> SessionSecrets {
        try SessionSecrets(
            declared: (0..<count).map { index in
                [
                    "type": "basic-auth", "url": .string("https://a\(index).example/**"),
                    "basic-credentials": .string("user\(index):hunter2"),
                ]
            })
    }

    private func exchange(_ session: SessionID, _ members: String) -> RecordChange {
        .exchange(ExchangeRow(session: session, category: .response, download: Array("{\(members)}".utf8)))
    }

    @Test func `what is for which requests is recorded, and no credential`() async throws {
        let bench = try RegistryBench()
        let given = try secrets()
        let opened = try await bench.open(secrets: given)
        let row = try #require(try bench.records.session(opened.session.id))
        #expect(row.secrets == given.rows)
        #expect(!"\(row)".contains("hunter2"))
        #expect(opened.session.secrets === given)
        #expect(bench.lines.withLock { $0 } == ["info create strict session", "info secrets: 3"])
    }

    @Test func `a session without secrets has none, and its log says nothing of them`() async throws {
        let bench = try RegistryBench()
        let opened = try await bench.open()
        #expect(opened.session.secrets == nil)
        _ = try await bench.registry.revoke(opened.session.id, token: opened.token)
        #expect(bench.lines.withLock { $0 } == ["info create strict session"])
    }

    @Test func `the end of the session wipes them, and names those that were for nothing`() async throws {
        let bench = try RegistryBench()
        let given = try secrets()
        let opened = try await bench.open(secrets: given)
        let id = opened.session.id
        try await bench.recorder.commit([
            exchange(id, #""secret":1"#), exchange(id, #""method":"GET""#),
            exchange(id, #""secret":1,"secret-unused":"why""#), exchange(id, #""secret":7"#),
        ])
        #expect(given.all.allSatisfy { $0.credentials?.authorization?.isWiped == false })
        _ = try await bench.registry.revoke(id, token: opened.token)
        #expect(given.all.allSatisfy { $0.credentials?.authorization?.isWiped == true })
        let lines = bench.lines.withLock { $0 }
        #expect(lines.last == "warning no request matched the url of these secrets (counted from 0): 0, 2")
        #expect(!lines.joined().contains("hunter2"))
        let row = try #require(try bench.records.session(id))
        let uses = try SecretUses(of: row, in: bench.records)
        #expect(uses.counts.map(\.uses) == [0, 1, 0] && uses.counts.map(\.unused) == [0, 1, 0])
    }

    @Test func `finishing and expiring wipe them as well`() async throws {
        let bench = try RegistryBench()
        let finished = try secrets(1)
        try await bench.registry.finish(try await bench.open(secrets: finished).session.id)
        #expect(finished.all[0].credentials?.authorization?.isWiped == true)

        let expired = try secrets(1)
        let id = try await bench.open(timeout: 60, secrets: expired).session.id
        while bench.clock.sleeping < 1 { await Task.yield() }
        bench.clock.advance(by: .seconds(60))
        await bench.observer.wait(for: .removed(id))
        #expect(expired.all[0].credentials?.authorization?.isWiped == true)
    }

    @Test func `a session that cannot be recorded leaves no credentials`() async throws {
        let bench = try RegistryBench()
        bench.records.state.withLock { $0.isWritable = false }
        weak var credentials: SecretCredentials?
        do {
            let given = try secrets(1)
            credentials = given.all[0].credentials
            #expect(
                await fails({ if case .storage = $0 { true } else { false } }) { () throws(SessionError) in
                    _ = try await bench.open(secrets: given)
                })
        }
        #expect(credentials == nil)
    }

    @Test func `after a restart they are lost, which the log says`() async throws {
        let records = FakeRecords()
        let clock = ManualClock()
        let first = try RegistryBench(records: records, clock: clock)
        let id = try await first.open(secrets: try secrets(2)).session.id
        await first.registry.stop()

        let second = try RegistryBench(records: records, clock: clock)
        try await second.registry.restore()
        let session = try #require(await second.registry.session(id))
        #expect(session.isOpen && session.secrets?.areLost == true)
        let url = try RequestURL(parsing: "https://a1.example/x")
        #expect(session.secrets?.first(for: url)?.index == 1)
        #expect(second.lines.withLock { $0.contains { $0.hasPrefix("warning session secrets lost") } })
    }

    @Test func `over a restart that was planned open sessions keep them, and revoked ones do not`() async throws {
        let records = FakeRecords()
        let clock = ManualClock()
        let first = try RegistryBench(records: records, clock: clock)
        let open = try await first.open(secrets: try secrets(2))
        let revoked = try await first.open(secrets: try secrets(1))
        _ = try await first.registry.revoke(revoked.session.id, token: revoked.token)
        await first.registry.stop()
        let handover = try SecretHandover(try #require(await first.registry.secretsToHandOver()))
        #expect(handover.count == 1)

        let second = try RegistryBench(records: records, clock: clock)
        try await second.registry.restore(handover)
        let session = try #require(await second.registry.session(open.session.id))
        #expect(session.secrets?.areLost == false)
        let url = try RequestURL(parsing: "https://a1.example/x")
        let value = session.secrets?.first(for: url)?.credentials?.authorization?.copy()
        #expect(value == open.session.secrets?.all[1].credentials?.authorization?.copy() && value != nil)
        #expect(!second.lines.withLock { $0.contains { $0.contains("secrets lost") } })
        _ = try await second.registry.revoke(open.session.id, token: open.token)
        #expect(session.secrets?.all[0].credentials?.original.isWiped == true)
    }
}
