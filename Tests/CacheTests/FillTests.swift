import Cache
import Core
import Platform
import Storage
import Testing
import Wire

/// One download with any number of readers.
@Suite struct FillTests {
    private static let piece = DrivenFill.piece

    @Test func `readers at any offset see the same bytes`() throws {
        let driven = try DrivenFill()
        let early = driven.fill.enter {}
        driven.begin()
        for index in 1...40 {
            #expect(driven.receive(Self.piece) == .goOn)
            try driven.stage(to: Int64(index) * Self.piece)
        }
        let late = driven.fill.enter {}
        let total = 40 * Self.piece
        for offset in [0, 1, Self.piece - 1, Self.piece, total / 2, total - Fill.window, total - 1] {
            #expect(try driven.drain(from: offset, late).reached == total)
        }
        #expect(try driven.drain(from: 0, early).reached == total)
        guard case .notYet = driven.fill.bytes(at: total, for: early) else {
            Issue.record("there is nothing behind the end")
            return
        }
    }

    @Test func `bytes are there before they are staged`() throws {
        let driven = try DrivenFill()
        let token = driven.fill.enter {}
        driven.begin()
        _ = driven.receive(1_000)
        #expect(try driven.drain(from: 0, token).reached == 1_000)
        #expect(driven.fill.allBytes() == DrivenFill.bytes(0..<1_000))
    }

    @Test func `only a window behind the staged bytes stays in memory`() throws {
        let driven = try DrivenFill()
        let token = driven.fill.enter {}
        driven.begin()
        for index in 1...40 {
            _ = driven.receive(Self.piece)
            try driven.stage(to: Int64(index) * Self.piece)
        }
        let total = 40 * Self.piece
        guard case .staged = driven.fill.bytes(at: 0, for: token) else {
            Issue.record("the beginning is still in memory")
            return
        }
        guard case .memory = driven.fill.bytes(at: total - Fill.window, for: token) else {
            Issue.record("the window is not in memory")
            return
        }
        #expect(driven.fill.allBytes() == nil)
    }

    @Test func `the producer pauses when too much waits for staging and goes on afterwards`() throws {
        let driven = try DrivenFill()
        driven.begin()
        driven.receiveUntilPaused()
        #expect(driven.fill.look(nil).received == Fill.mostUnstaged)
        #expect(driven.fill.isPaused)
        try driven.stage(to: Self.piece)
        #expect(driven.resumed.withLock { $0 } == 1)
        #expect(!driven.fill.isPaused)
        // Once for each pause.
        try driven.stage(to: 2 * Self.piece)
        #expect(driven.resumed.withLock { $0 } == 1)
    }

    @Test func `a reader is told once until it looks`() throws {
        let driven = try DrivenFill()
        let calls = Lock(0)
        let token = driven.fill.enter { calls.withLock { $0 += 1 } }
        driven.begin()
        _ = driven.receive(10)
        _ = driven.receive(10)
        #expect(calls.withLock { $0 } == 1)
        #expect(driven.fill.look(token).received == 20)
        _ = driven.receive(10)
        #expect(calls.withLock { $0 } == 2)
        driven.fill.leave(token)
        _ = driven.receive(10)
        #expect(calls.withLock { $0 } == 2)
        #expect(driven.fill.readers == 0)
    }

    @Test func `a reader that leaves does not end the download`() throws {
        let driven = try DrivenFill()
        let first = driven.fill.enter {}
        let second = driven.fill.enter {}
        driven.begin()
        _ = driven.receive(100)
        driven.fill.leave(first)
        _ = driven.receive(100)
        driven.complete()
        #expect(try driven.drain(from: 0, second).reached == 200)
        guard case .complete(let completion) = driven.fill.look(second).progress else {
            Issue.record("it is not complete")
            return
        }
        #expect(completion.size == 200)
    }

    @Test func `what has failed stays failed and what is complete stays complete`() throws {
        let failed = try DrivenFill()
        failed.begin()
        failed.fill.fail(FillFailure(status: 502, reason: "broken"))
        guard case .failed(let failure) = failed.fill.look(nil).progress else {
            Issue.record("it has not failed")
            return
        }
        #expect(failure == FillFailure(status: 502, reason: "broken"))
        let complete = try DrivenFill()
        complete.begin()
        complete.complete()
        complete.fill.fail(FillFailure(status: 502, reason: "late"))
        guard case .complete = complete.fill.look(nil).progress else {
            Issue.record("it is not complete any more")
            return
        }
    }

    // MARK: Without staging

    private static let full = StoreError(.full, "write", "no space left")

    @Test func `without staging bytes stay until the reader has passed them and the producer waits`() throws {
        let driven = try DrivenFill()
        let token = driven.fill.enter {}
        driven.begin()
        driven.fill.stagingFailed(Self.full)
        driven.receiveUntilPaused()
        #expect(driven.fill.isPaused)
        #expect(driven.fill.look(token).stagingFailure?.kind == .full)
        let reached = try driven.drain(from: 0, token).reached
        #expect(reached == Fill.mostUnstaged)
        #expect(driven.resumed.withLock { $0 } == 1, "the producer goes on")
        #expect(driven.receive(Self.piece) == .goOn)
        #expect(try driven.drain(from: reached, token).reached == reached + Self.piece)
    }

    @Test func `a producer that waits for staging goes on when staging fails`() throws {
        let driven = try DrivenFill()
        let token = driven.fill.enter {}
        driven.begin()
        driven.receiveUntilPaused()
        let reached = try driven.drain(from: 0, token).reached
        #expect(driven.fill.isPaused, "nothing is staged yet")
        driven.fill.stagingFailed(Self.full)
        #expect(driven.resumed.withLock { $0 } == 1)
        #expect(!driven.fill.isPaused)
        _ = driven.receive(Self.piece)
        #expect(try driven.drain(from: reached, token).reached == reached + Self.piece)
    }

    @Test func `a reader within the window survives the end of staging`() throws {
        let driven = try DrivenFill()
        let token = driven.fill.enter {}
        driven.begin()
        for index in 1...20 {
            _ = driven.receive(Self.piece)
            try driven.stage(to: Int64(index) * Self.piece)
        }
        let near = 20 * Self.piece - Fill.window + 100
        _ = driven.fill.bytes(at: near, for: token)
        driven.fill.stagingFailed(Self.full)
        for _ in 0..<8 { _ = driven.receive(Self.piece) }
        let end = try driven.drain(from: near, token)
        #expect(!end.isGone)
        #expect(end.reached == 28 * Self.piece)
    }

    @Test func `a reader that is alone is waited for however far behind it is`() throws {
        let driven = try DrivenFill()
        let token = driven.fill.enter {}
        driven.begin()
        for index in 1...40 {
            _ = driven.receive(Self.piece)
            try driven.stage(to: Int64(index) * Self.piece)
        }
        _ = driven.fill.bytes(at: 0, for: token)
        driven.fill.stagingFailed(Self.full)
        driven.receiveUntilPaused()
        let end = try driven.drain(from: 0, token)
        #expect(!end.isGone)
        #expect(end.reached == driven.fill.look(token).received)
        #expect(driven.resumed.withLock { $0 } == 1)
    }

    @Test func `a reader far behind does not hold up one at the head and is told that it has lost`() throws {
        let driven = try DrivenFill()
        let slow = driven.fill.enter {}
        let quick = driven.fill.enter {}
        driven.begin()
        for index in 1...40 {
            _ = driven.receive(Self.piece)
            try driven.stage(to: Int64(index) * Self.piece)
        }
        var reached = try driven.drain(from: 0, quick).reached
        _ = driven.fill.bytes(at: 10, for: slow)
        driven.fill.stagingFailed(Self.full)
        for _ in 0..<40 {
            #expect(driven.receive(Self.piece) == .goOn)
            reached = try driven.drain(from: reached, quick).reached
        }
        #expect(reached == 80 * Self.piece)
        let lost = try driven.drain(from: 10, slow)
        #expect(lost.isGone)
        #expect(lost.reached == 40 * Self.piece, "what was staged can still be read")
    }
}
