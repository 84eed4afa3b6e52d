import Core
import SessionsTesting
import Storage
import Platform
import Testing

@testable import Sessions

@Suite struct SessionRegistryTests {
    @Test func aSessionIsRecordedAndKnownToTheProxyBeforeItIsAnnounced() async throws {
        let bench = try RegistryBench()
        let opened = try await bench.open(.permissive, timeout: 60)
        let id = opened.session.id
        #expect(id.text.utf8.count == 32)
        #expect(opened.token.utf8.count >= 22)
        #expect(opened.token.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "z") ~= $0 })
        #expect(bench.observer.all == [.opened(id)])
        let row = try #require(try bench.records.session(id))
        #expect(row.policy == .permissive && row.timeout == 60 && row.bootID == "boot-1")
        #expect(opened.session.accepts(token: opened.token) && opened.session.isOpen)
        #expect(await bench.registry.openedCount == 1)
    }

    @Test func permissiveSessionsNeedPermission() async throws {
        let bench = try RegistryBench(allowsPermissive: false)
        #expect(
            await fails({ if case .permissiveRefused = $0 { true } else { false } }) { () throws(SessionError) in
                _ = try await bench.open(.permissive)
            })
        _ = try await bench.open(.strict)
    }

    @Test func aSessionThatCannotBeRecordedIsNotOpened() async throws {
        let bench = try RegistryBench()
        bench.records.state.withLock { $0.isWritable = false }
        #expect(
            await fails({ if case .storage = $0 { true } else { false } }) { () throws(SessionError) in
                _ = try await bench.open()
            })
        #expect(bench.observer.all.isEmpty)
        #expect(await bench.registry.liveCount == 0)
    }

    @Test func theFirstRevocationFixesTheEnd() async throws {
        let bench = try RegistryBench()
        let opened = try await bench.open()
        let id = opened.session.id
        bench.clock.advance(by: .seconds(5))
        let end = try await bench.registry.revoke(id, token: opened.token).revoked
        #expect(end == ManualClock.start + .seconds(5))
        bench.clock.advance(by: .seconds(5))
        #expect(try await bench.registry.revoke(id, token: opened.token).revoked == end)
        #expect(try bench.records.session(id)?.revoked == end)
        #expect(!opened.session.isOpen)
        #expect(bench.observer.all == [.opened(id), .closed(id)])
        #expect(await bench.registry.summaries().map { $0.revoked != nil } == [true])
    }

    @Test func aWrongTokenOrIdRevokesNothing() async throws {
        let bench = try RegistryBench()
        let opened = try await bench.open()
        let none = try #require(SessionID("none"))
        #expect(
            await fails({ if case .wrongToken = $0 { true } else { false } }) { () throws(SessionError) in
                _ = try await bench.registry.revoke(opened.session.id, token: "")
            })
        #expect(
            await fails({ if case .unknown = $0 { true } else { false } }) { () throws(SessionError) in
                _ = try await bench.registry.revoke(none, token: opened.token)
            })
        #expect(opened.session.isOpen)
    }

    @Test func aRevocationThatCannotBeRecordedStillClosesAndCanBeRepeated() async throws {
        let bench = try RegistryBench()
        let opened = try await bench.open()
        bench.records.state.withLock { $0.isWritable = false }
        await #expect(throws: SessionError.self) {
            try await bench.registry.revoke(opened.session.id, token: opened.token)
        }
        #expect(!opened.session.isOpen)
        bench.clock.advance(by: .seconds(3))
        bench.records.state.withLock { $0.isWritable = true }
        let row = try await bench.registry.revoke(opened.session.id, token: opened.token)
        #expect(row.revoked == ManualClock.start)
        #expect(try bench.records.session(opened.session.id)?.revoked == ManualClock.start)
    }

    @Test func finishingWritesTheFilesAndForgetsTheSession() async throws {
        let bench = try RegistryBench()
        let id = try await bench.open().session.id
        _ = try await bench.recorder.commit([exchange(id)])
        try await bench.registry.finish(id)
        #expect(bench.has("\(id.text)/session.json") && bench.has("\(id.text)/assets/a.json"))
        #expect(bench.observer.all == [.opened(id), .closed(id), .removed(id)])
        #expect(bench.forgotten.withLock { $0 } == [id])
        #expect(try bench.records.session(id) == nil)
        #expect(try bench.records.wasUsed(id))
        #expect(await bench.registry.row(of: id) == nil)
        #expect(
            await fails({ if case .unknown = $0 { true } else { false } }) { () throws(SessionError) in
                _ = try await bench.registry.finish(id)
            })
    }

    @Test func theEndTimeOfAnUnrevokedSessionIsThatOfItsFinish() async throws {
        let bench = try RegistryBench()
        let id = try await bench.open().session.id
        bench.clock.advance(by: .seconds(7))
        try await bench.registry.finish(id)
        let written = try Kernel.contents(of: "\(bench.folder)/\(id.text)/session.json")
        #expect(String(decoding: written, as: UTF8.self) == (ManualClock.start + .seconds(7)).rfc3339)
    }

    @Test func aSessionWhoseFilesCannotBeWrittenStays() async throws {
        let bench = try RegistryBench()
        let id = try await bench.open().session.id
        bench.metadata.isBroken.withLock { $0 = true }
        #expect(
            await fails({ if case .spool = $0 { true } else { false } }) { () throws(SessionError) in
                _ = try await bench.registry.finish(id)
            })
        #expect(await bench.registry.row(of: id) != nil)
        #expect(try bench.records.session(id) != nil)
        bench.metadata.isBroken.withLock { $0 = false }
        try await bench.registry.finish(id)
        #expect(await bench.registry.liveCount == 0)
    }

    @Test func twoFinishesAtOnceDoTheWorkOnce() async throws {
        let bench = try RegistryBench()
        let id = try await bench.open().session.id
        let finishes = (0..<2).map { _ in Task { try await bench.registry.finish(id) } }
        var successes = 0
        for finish in finishes { successes += (try? await finish.value) == nil ? 0 : 1 }
        #expect(successes == 1)
        #expect(bench.observer.all.count { $0 == .removed(id) } == 1)
    }

    @Test func filesThatAreTooOldGoAndThoseOfLiveSessionsStay() async throws {
        let bench = try RegistryBench()
        let finished = try await bench.open().session.id
        let live = try await bench.open().session.id
        try await bench.registry.finish(finished)
        // As if it had been finished before, which a session with files of this name has not.
        let folder = SpoolFolder(path: bench.folder).folder(of: live)
        try folder.make()
        try folder.write("session.json", [])
        await bench.registry.removeOldFiles()
        #expect(bench.has("\(finished)/session.json"), "without a limit files stay for ever")
        // The clock of the test is years ahead of the files' own.
        var settings = bench.registry.settings
        settings.filesLast = ManualClock.start - .now() + .seconds(3_600)
        bench.registry.update(settings: settings)
        await bench.registry.removeOldFiles()
        #expect(bench.has("\(finished)/session.json"))
        bench.clock.advance(by: .seconds(7_200))
        await bench.registry.removeOldFiles()
        #expect(!bench.has("\(finished)") && bench.has("\(live)/session.json"))
    }

    @Test func whatSessionsMayBeLikeCanChange() async throws {
        let bench = try RegistryBench(allowsPermissive: false)
        let before = try await bench.open().session.row
        bench.registry.update(
            settings: SessionSettings(allowsPermissive: true, defaultTimeout: 60, maximumTimeout: 90))
        #expect(try await bench.open(.permissive).session.row.timeout == 60)
        #expect(try await bench.open(timeout: 1_000).session.row.timeout == 90)
        #expect(await bench.registry.row(of: before.id)?.timeout == before.timeout)
    }

    @Test func resourcesGoOnlyWhenTheSessionIsNotAlive() async throws {
        let bench = try RegistryBench()
        let id = try await bench.open().session.id
        #expect(
            await fails({ if case .notFinished = $0 { true } else { false } }) { () throws(SessionError) in
                _ = try await bench.registry.deleteResources(of: id)
            })
        try await bench.registry.finish(id)
        #expect(bench.has(id.text))
        try await bench.registry.deleteResources(of: id)
        #expect(!bench.has(id.text))
        try await bench.registry.deleteResources(of: id)
    }

    @Test(.timeLimit(.minutes(1)))
    func sessionsExpireInTheirOrderAndLeaveNothing() async throws {
        let bench = try RegistryBench()
        let long = try await bench.open(timeout: 120).session.id
        let short = try await bench.open(timeout: 60).session.id
        try SpoolFolder(path: bench.folder).folder(of: short).make()
        while bench.clock.sleeping < 2 { await Task.yield() }
        bench.clock.advance(by: .seconds(60))
        await bench.observer.wait(for: .removed(short))
        #expect(!bench.has(short.text))
        #expect(await bench.registry.summaries().map(\.id) == [long])
        bench.clock.advance(by: .seconds(60))
        await bench.observer.wait(for: .removed(long))
        #expect(try bench.records.sessions().isEmpty)
    }

    @Test(.timeLimit(.minutes(1)))
    func anExpiredSessionThatCannotBeRemovedIsTriedAgain() async throws {
        let bench = try RegistryBench()
        let id = try await bench.open(timeout: 60).session.id
        while bench.clock.sleeping < 1 { await Task.yield() }
        bench.records.state.withLock { $0.isWritable = false }
        bench.clock.advance(by: .seconds(60))
        await bench.observer.wait(for: .closed(id))
        while bench.clock.sleeping < 1 { await Task.yield() }
        bench.records.state.withLock { $0.isWritable = true }
        bench.clock.advance(by: .seconds(60))
        await bench.observer.wait(for: .removed(id))
        #expect(await bench.registry.liveCount == 0)
    }

    @Test func sessionsGoOnAfterARestart() async throws {
        let records = FakeRecords()
        let clock = ManualClock()
        let first = try RegistryBench(records: records, clock: clock)
        let opened = try await first.open(.permissive, timeout: 100)
        let revoked = try await first.open(timeout: 100)
        _ = try await first.registry.revoke(revoked.session.id, token: revoked.token)
        await first.registry.stop()
        clock.advance(by: .seconds(50))

        let second = try RegistryBench(records: records, clock: clock)
        try await second.registry.restore()
        let session = try #require(await second.registry.session(opened.session.id))
        #expect(session.isOpen && session.accepts(token: opened.token) && session.policy == .permissive)
        #expect(await second.registry.session(revoked.session.id)?.isOpen == false)
        #expect(await second.registry.summaries().map(\.age) == [50, 50])
        #expect(await second.registry.openedCount == 0)
        _ = try await second.registry.revoke(opened.session.id, token: opened.token)
    }

    @Test(.timeLimit(.minutes(1)))
    func expiryIsCaughtUpAfterARestart() async throws {
        let records = FakeRecords()
        let clock = ManualClock()
        let first = try RegistryBench(records: records, clock: clock)
        let id = try await first.open(timeout: 10).session.id
        await first.registry.stop()
        let second = try RegistryBench(records: records, clock: ManualClock())
        second.clock.advance(by: .seconds(11))
        try await second.registry.restore()
        await second.observer.wait(for: .removed(id))
        #expect(try records.sessions().isEmpty)
    }

    @Test func aSessionOpenAcrossARebootIsRevokedAndIncomplete() async throws {
        let records = FakeRecords()
        let clock = ManualClock()
        let first = try RegistryBench(records: records, clock: clock)
        let opened = try await first.open()
        let revoked = try await first.open()
        _ = try await first.registry.revoke(revoked.session.id, token: revoked.token)
        let second = try RegistryBench(records: records, clock: clock, bootID: "boot-2")
        try await second.registry.restore()
        let row = try #require(await second.registry.row(of: opened.session.id))
        #expect(row.revoked != nil && row.incompleteReason.contains("restarted"))
        #expect(try records.session(opened.session.id)?.incompleteReason == row.incompleteReason)
        #expect(await second.registry.session(opened.session.id)?.isOpen == false)
        #expect(await second.registry.row(of: revoked.session.id)?.incompleteReason == "")
    }

    @Test func finishingAllEndsEverySessionAndOpensNoMore() async throws {
        let bench = try RegistryBench()
        for _ in 0..<3 { _ = try await bench.open() }
        await bench.registry.finishAll()
        #expect(await bench.registry.liveCount == 0)
        #expect(
            await fails({ if case .stopping = $0 { true } else { false } }) { () throws(SessionError) in
                _ = try await bench.open()
            })
    }
}
