import Core
import Platform
import Testing

@testable import Control

@Suite(.timeLimit(.minutes(2))) struct CacheEndpointTests {
    private func get(_ bench: ControlBench, _ target: String, status: Int = 200) async throws -> JSONValue {
        let reply = try await bench.asAdmin("GET", target)
        #expect(reply.status == status, "\(reply.text)")
        return (try? JSONValue(parsing: reply.body)) ?? .string(reply.text)
    }

    @Test func factsAreTold() async throws {
        try await ControlBench.run { (bench) async throws in
            let facts = try await get(bench, "/cache")
            #expect(facts["entries"]?.integer == 250 && facts["bytes-on-disk"]?.integer == 1 << 30)
            #expect(facts["evictions"] == ["blobs": 3, "bytes": 300])
            #expect(facts["scrubbing"]?["checked"]?.integer == 7)
            #expect(facts["scrubbing"]?["last-pass"]?.text == "2033-05-18T03:33:20.000000000Z")
            #expect(facts["verification"] == .null && facts["collection"] == .null)
        }
    }

    @Test func entriesComePageByPage() async throws {
        try await ControlBench.run { (bench) async throws in
            var numbers: [Int64] = []
            var target = "/cache/entries?limit=60"
            var pages = 0
            while true {
                let page = try await get(bench, target)
                let entries = try #require(page["entries"]?.list)
                numbers += entries.compactMap { $0["number"]?.integer }
                pages += 1
                guard let next = page["next"]?.text else { break }
                target = "/cache/entries?limit=60&after=\(next)"
            }
            #expect(numbers == Array(1...250) && pages == 5)
            let usual = try await get(bench, "/cache/entries")
            #expect(usual["entries"]?.list?.count == 100 && usual["next"]?.text == "100")
            let first = try #require(usual["entries"]?.list?.first)
            #expect(first["url"]?.text == "https://a.example/1" && first["freshness"]?.text == "fresh")
            #expect(first["session-id"] == .null && first["vary"] == ["accept"])
        }
    }

    @Test(arguments: [
        "limit=0", "limit=1001", "limit=x", "limit=-1", "after=-1", "after=x", "after=99999999999999999999",
    ])
    func numbersThatAreNoneAreRefused(_ query: String) async throws {
        try await ControlBench.run { (bench) async throws in
            let text = try await get(bench, "/cache/entries?\(query)", status: 400)
            #expect(text.text?.contains("must be a whole number from") == true)
        }
    }

    @Test func comparingBeginsAndIsWatched() async throws {
        try await ControlBench.run { (bench) async throws in
            #expect(try await get(bench, "/cache/verify") == ["state": "none"])
            let begun = try await bench.asAdmin("POST", "/cache/verify")
            #expect(begun.status == 202)
            #expect(try JSONValue(parsing: begun.body)["state"]?.text == "running")
            bench.cache.state.withLock { state in
                state.verification?.state = .done
                state.verification?.comparison.damaged = 2
            }
            let done = try await get(bench, "/cache/verify")
            #expect(done["state"]?.text == "done" && done["damaged"]?.integer == 2 && done["reason"] == nil)
            #expect(try await get(bench, "/cache")["verification"] == done)
        }
    }

    @Test func collectingTakesAGoal() async throws {
        try await ControlBench.run { (bench) async throws in
            #expect(try await get(bench, "/cache/gc") == ["state": "none"])
            #expect(try await bench.asAdmin("POST", "/cache/gc").status == 202)
            #expect(try await bench.asAdmin("POST", "/cache/gc", #"{"to": 5000, "later": 1}"#).status == 202)
            #expect(try await bench.asAdmin("POST", "/cache/gc", #"{"to": 5000.0}"#).status == 202)
            #expect(try await bench.asAdmin("POST", "/cache/gc", #"{"to": null}"#).status == 202)
            #expect(try await bench.asAdmin("POST", "/cache/gc", #"{"to": 13474036374359459811}"#).status == 202)
            #expect(bench.cache.state.withLock { $0.goals } == [nil, 5000, 5000, nil, .max])
            bench.cache.state.withLock { state in
                state.collection?.state = .failed
                state.collection?.failure = "no disk"
            }
            #expect(try await get(bench, "/cache/gc")["reason"]?.text == "no disk")
            for body in ["{", "[]", #"{"to": -1}"#, #"{"to": 1.5}"#, #"{"to": "1G"}"#] {
                let reply = try await bench.asAdmin("POST", "/cache/gc", body)
                #expect(reply.status == 400 && !reply.text.isEmpty)
            }
            #expect(bench.cache.state.withLock { $0.goals.count } == 5)
        }
    }

    @Test func onlyTheAdministratorIsAnswered() async throws {
        try await ControlBench.run { (bench) async throws in
            for (method, path) in [
                ("GET", "/cache"), ("GET", "/cache/entries"), ("GET", "/cache/verify"), ("POST", "/cache/verify"),
                ("GET", "/cache/gc"), ("POST", "/cache/gc"),
            ] {
                #expect(try await bench.probe.send(method, path).status == 401)
            }
            #expect(try await bench.asAdmin("DELETE", "/cache").status == 405)
            #expect(bench.cache.state.withLock { $0.goals.isEmpty && $0.verification == nil })
        }
    }

    @Test func aCacheThatCannotBeReadIsAServerError() async throws {
        try await ControlBench.run { (bench) async throws in
            bench.cache.state.withLock { $0.isBroken = true }
            #expect(try await bench.asAdmin("GET", "/cache").status == 500)
            #expect(try await bench.asAdmin("GET", "/cache/entries").status == 500)
        }
    }
}

/// A cache of 250 responses.
final class FakeCache: CacheAdministration {
    struct Broken: Error {}

    struct State {
        var isBroken = false
        var goals: [Int64?] = []
        var verification: CacheVerification?
        var collection: CacheCollection?
    }

    let state = Lock(State())

    func facts() throws -> CacheFacts {
        try check()
        var facts = CacheFacts()
        facts.entries = 250
        facts.bytesOnDisk = 1 << 30
        (facts.evictedBlobs, facts.evictedBytes) = (3, 300)
        facts.scrubbed.checked = 7
        facts.scrubPassEnded = WallTime(seconds: 2_000_000_000)
        return facts
    }

    func entries(after: Int64, limit: Int) throws -> [CachedEntry] {
        try check()
        return (1...250).filter { $0 > after }.prefix(limit).map { number in
            CachedEntry(
                number: number, url: "https://a.example/\(number)", status: 200,
                digest: SHA256Digest(words: (UInt64(number), 0, 0, 0)), size: number, stored: WallTime(seconds: 0),
                freshUntil: WallTime(seconds: 60), freshness: .fresh, vary: ["accept"], session: nil)
        }
    }

    private func check() throws { if state.withLock({ $0.isBroken }) { throw Broken() } }

    func verify() -> CacheVerification {
        let new = CacheVerification(started: WallTime(seconds: 0), blobs: 10)
        state.withLock { $0.verification = new }
        return new
    }

    func verification() -> CacheVerification? { state.withLock { $0.verification } }

    func collect(downTo goal: Int64?) -> CacheCollection {
        let new = CacheCollection(started: WallTime(seconds: 0), goal: goal ?? 0, bytesOnDisk: 1)
        state.withLock { state in
            state.goals.append(goal)
            state.collection = new
        }
        return new
    }

    func collection() -> CacheCollection? { state.withLock { $0.collection } }
}
