import Core
import SessionsTesting
import Storage
import Testing

@testable import Sessions

/// Sessions whose id and token somebody chose.
@Suite(.timeLimit(.minutes(1))) struct ChosenSessionTests {
    private func id(_ text: String) throws -> SessionID { try #require(SessionID(text)) }

    @Test func theyGetBoth() async throws {
        let bench = try RegistryBench()
        let opened = try await bench.registry.open(SessionRequest(policy: .strict, id: id("build"), token: "chosen"))
        #expect(opened.session.id == (try id("build")) && opened.token == "chosen")
        #expect(opened.session.accepts(token: "chosen") && !opened.session.accepts(token: ""))
    }

    @Test func aTakenIdIsReplacedByAFreshOneAndTheTokenKept() async throws {
        let bench = try RegistryBench()
        let request = SessionRequest(policy: .strict, id: try id("build"), token: "chosen")
        let registry = bench.registry
        let opened = try await withThrowingTaskGroup(of: OpenedSession.self) { group in
            for _ in 0..<8 { group.addTask { try await registry.open(request) } }
            return try await group.reduce(into: [OpenedSession]()) { $0.append($1) }
        }
        #expect(Set(opened.map(\.session.id)).count == 8)
        #expect(opened.count { $0.session.id.text == "build" } == 1)
        #expect(opened.allSatisfy { $0.session.accepts(token: "chosen") })
    }

    @Test func aUsedIdIsRefusedForGood() async throws {
        let bench = try RegistryBench()
        let request = SessionRequest(policy: .strict, id: try id("build"))
        let opened = try await bench.registry.open(request)
        try await bench.registry.finish(opened.session.id)
        for _ in 0..<2 {
            #expect(
                await fails({ if case .usedID = $0 { true } else { false } }) { () async throws(SessionError) in
                    _ = try await bench.registry.open(request)
                })
        }
        #expect(await bench.registry.liveCount == 0)
        _ = try await bench.registry.open(SessionRequest(policy: .strict, id: try id("build2")))
    }
}
