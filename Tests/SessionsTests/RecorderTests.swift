import Core
import SessionsTesting
import Storage
import Platform
import Testing

@testable import Sessions

@Suite struct RecorderTests {
    let one: SessionID
    let two: SessionID

    init() throws {
        one = try #require(SessionID("one"))
        two = try #require(SessionID("two"))
    }

    @Test func eachSessionIsNumberedFromOneWithoutGaps() async throws {
        let recorder = Recorder(records: FakeRecords())
        defer { recorder.stop() }
        #expect(try await recorder.commit([exchange(one), exchange(two), exchange(one)]) == [1, 1, 2])
        #expect(try await recorder.commit([exchange(one)]) == [3])
        #expect(try await recorder.commit([.revoke(one, at: .now())]) == [])
        #expect(try await recorder.commit([exchange(two)]) == [2])
    }

    @Test func whatIsRecordedAtOnceAndWhatWaitsShareTheirNumbers() async throws {
        let records = FakeRecords(isQuick: true)
        let recorder = Recorder(records: records)
        #expect(recorder.recordAtOnce([row(one)]) == nil, "nobody knows yet where the numbers stand")
        _ = try await recorder.commit([exchange(one), exchange(two)])
        let atOnce = Lock(0)
        await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<500 {
                        if recorder.recordAtOnce([row(one), row(two), row(one)]) != nil {
                            atOnce.withLock { $0 += 1 }
                        } else {
                            recorder.submit(rows: [row(one), row(two), row(one)]) { _ in }
                        }
                    }
                }
                group.addTask { for _ in 0..<500 { recorder.submit([exchange(two)]) { _ in } } }
            }
        }
        await recorder.drain()
        recorder.stop()
        #expect(atOnce.withLock { $0 } > 0)
        let exchanges = records.state.withLock { $0.exchanges }
        for (session, count) in [(one, 4_001), (two, 4_001)] {
            let numbers = exchanges.filter { $0.session == session }.map(\.number)
            #expect(numbers == Array(1...Int64(count)), "of session \(session)")
        }
        #expect(recorder.recordAtOnce([row(one)]) == nil, "it is stopped")
    }

    @Test func nothingIsRecordedAtOnceWhileAGroupIsBeingCommitted() async throws {
        let (entered, gate) = (Latch(), Latch())
        let isHeld = Lock(false)
        let records = FakeRecords(
            isQuick: true,
            beforeApply: {
                guard isHeld.withLock({ $0 }) else { return }
                entered.signal()
                gate.wait()
            })
        let recorder = Recorder(records: records)
        defer { recorder.stop() }
        _ = try await recorder.commit([exchange(one)])
        #expect(recorder.recordAtOnce([row(one)]) == [2])
        isHeld.withLock { $0 = true }
        async let third = recorder.commit([exchange(one)])
        entered.wait()
        #expect(recorder.recordAtOnce([row(one)]) == nil)
        isHeld.withLock { $0 = false }
        gate.signal()
        #expect(try await third == [3])
        #expect(recorder.recordAtOnce([row(one)]) == [4])
    }

    @Test func numbersGoOnAfterARestart() async throws {
        let records = FakeRecords()
        let first = Recorder(records: records)
        _ = try await first.commit([exchange(one), exchange(one)])
        first.stop()
        let second = Recorder(records: records)
        defer { second.stop() }
        #expect(try await second.commit([exchange(one)]) == [3])
    }

    /// Holds the writer at its first group, so that what follows is one group.
    private func recordAsOneGroup(
        _ submissions: [[RecordChange]], isBad: @escaping @Sendable (RecordChange) -> Bool = { _ in false }
    ) async -> (records: FakeRecords, results: [Result<[Int64], StoreError>]) {
        let (entered, gate) = (Latch(), Latch())
        let records = FakeRecords(
            isBad: isBad,
            beforeApply: {
                entered.signal()
                gate.wait()
            })
        let recorder = Recorder(records: records)
        defer { recorder.stop() }
        recorder.submit([.revoke(one, at: .now())]) { _ in }
        entered.wait()
        let results = await withTaskGroup { group in
            for (index, changes) in submissions.enumerated() {
                let result = AsyncStream<Result<[Int64], StoreError>>.makeStream()
                recorder.submit(changes) {
                    result.continuation.yield($0)
                    result.continuation.finish()
                }
                group.addTask {
                    for await value in result.stream { return (index, value) }
                    return (index, .success([]))
                }
            }
            gate.signal()
            var results = [Int: Result<[Int64], StoreError>]()
            for await (index, result) in group { results[index] = result }
            return results.sorted { $0.key < $1.key }.map(\.value)
        }
        return (records, results)
    }

    @Test func whatWaitsTogetherIsOneTransaction() async throws {
        let (records, results) = await recordAsOneGroup([[exchange(one)], [exchange(two)], [exchange(one)]])
        #expect(try results.map { try $0.get() } == [[1], [1], [2]])
        #expect(records.state.withLock { $0.groups } == [1, 3])
    }

    @Test func whatCouldNotBeRecordedMakesTheRecordIncomplete() async throws {
        let records = FakeRecords()
        let recorder = Recorder(records: records)
        defer { recorder.stop() }
        let rows = [one, two].map { id in
            SessionRow(
                id: id, policy: .permissive, created: .now(), timeout: 60,
                tokenHash: SHA256Digest(words: (1, 2, 3, 4)), redactionKey: [1])
        }
        try await recorder.commit(rows.map { .open($0) })
        try await recorder.commit([exchange(one)])
        records.state.withLock { $0.isWritable = false }
        await #expect(throws: StoreError.self) { try await recorder.commit([exchange(one)]) }
        records.state.withLock { $0.isWritable = true }
        #expect(try await recorder.commit([exchange(two), exchange(one)]) == [1, 2])
        let reasons = try records.sessions().map(\.incompleteReason)
        #expect(reasons[0].contains("an exchange could not be recorded") && reasons[1].isEmpty)
    }

    @Test func aBadSubmissionFailsAloneAndUsesUpNoNumber() async throws {
        let (records, results) = await recordAsOneGroup(
            [[exchange(one)], [exchange(one), exchange(one, marker: 666)], [exchange(one)]],
            isBad: { change in
                guard case .exchange(let row) = change else { return false }
                return row.size == 666
            })
        #expect(try results[0].get() == [1])
        #expect(throws: StoreError.self) { try results[1].get() }
        #expect(try results[2].get() == [2])
        #expect(try records.exchanges(of: one, category: nil, after: 0, limit: 10).map(\.number) == [1, 2])
    }

    @Test func nothingIsNumberedWhenTheRecordCannotBeWritten() async throws {
        let records = FakeRecords()
        let recorder = Recorder(records: records)
        defer { recorder.stop() }
        records.state.withLock { $0.isWritable = false }
        await #expect(throws: StoreError.self) { try await recorder.commit([exchange(one)]) }
        records.state.withLock { $0.isWritable = true }
        #expect(try await recorder.commit([exchange(one)]) == [1])
    }

    @Test func aCommitThatWaitsIsSeen() async throws {
        let gate = Latch()
        let recorder = Recorder(records: FakeRecords(beforeApply: { gate.wait() }))
        defer { recorder.stop() }
        #expect(recorder.waitingSince == nil)
        let before = MonotonicTime.now()
        recorder.submit([exchange(one)]) { _ in }
        let since = try #require(recorder.waitingSince)
        #expect(since >= before)
        gate.signal()
        await recorder.drain()
    }

    @Test func removalComesAfterWhatWasSubmittedBefore() async throws {
        let records = FakeRecords()
        let recorder = Recorder(records: records)
        defer { recorder.stop() }
        recorder.submit([exchange(one), exchange(one)]) { _ in }
        try await recorder.remove(one)
        #expect(records.state.withLock { $0.exchanges.isEmpty })
    }

    @Test func aStoppedRecorderRefusesInsteadOfLosing() async throws {
        let recorder = Recorder(records: FakeRecords())
        recorder.stop()
        await #expect(throws: StoreError.self) { try await recorder.commit([exchange(one)]) }
        await #expect(throws: StoreError.self) { try await recorder.remove(one) }
    }
}
