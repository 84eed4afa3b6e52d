import Cache
import Core
import Storage
import Testing
import Wire

/// What stored answers mean for a request (RFC 9111, section 4; RULES "What may be shared").
@Suite struct CacheDecisionTests {
    private enum Outcome: Equatable { case use(Int64), validate, absent, unsatisfiable }

    private func decide(
        _ entries: [StoredEntry], _ request: KeyValuePairs<String, String> = [:], gzip: Bool = false,
        credentials: Bool = false, validatedSince: Int64? = nil, at now: Int64 = noon + 10
    ) -> Outcome {
        switch CacheDecision.of(
            entries, for: fields(request), acceptsGzip: gzip, hasOwnCredentials: credentials,
            validatedSince: validatedSince, now: now)
        {
        case .use(_, let age): .use(age)
        case .validate: .validate
        case .absent: .absent
        case .unsatisfiable: .unsatisfiable
        }
    }

    @Test func `a fresh answer is used and a stale one validated`() {
        #expect(decide([entry()]) == .use(10))
        #expect(decide([entry()], at: noon + 999) == .use(999))
        #expect(decide([entry()], at: noon + 1000) == .validate)
        #expect(decide([]) == .absent)
    }

    @Test func `a stale answer that cannot be validated is absent`() {
        #expect(decide([entry(fields: ["Cache-Control": "max-age=1000"])], at: noon + 2000) == .absent)
    }

    @Test func `the request's wishes count`() {
        #expect(decide([entry()], ["Cache-Control": "no-cache"]) == .validate)
        #expect(decide([entry()], ["Pragma": "no-cache"]) == .validate)
        #expect(decide([entry()], ["Cache-Control": "max-age=0"]) == .validate)
        #expect(decide([entry()], ["Cache-Control": "max-age=5"]) == .validate)
        #expect(decide([entry()], ["Cache-Control": "min-fresh=995"]) == .validate)
        #expect(decide([entry()], ["Cache-Control": "max-stale=100"], at: noon + 1050) == .use(1050))
    }

    @Test func `only-if-cached is a hit or unsatisfiable`() {
        #expect(decide([entry()], ["Cache-Control": "only-if-cached"]) == .use(10))
        #expect(decide([], ["Cache-Control": "only-if-cached"]) == .unsatisfiable)
        #expect(decide([entry()], ["Cache-Control": "only-if-cached"], at: noon + 2000) == .unsatisfiable)
    }

    @Test func `only a variant that fits is used`() {
        let json = entry(vary: ["accept"], request: fields(["Accept": "json"]))
        #expect(decide([json], ["Accept": "json"]) == .use(10))
        #expect(decide([json], ["Accept": "html"]) == .absent)
        #expect(decide([json]) == .absent)
    }

    @Test func `what was decoded is for those who accept gzip`() {
        #expect(decide([entry(decoded: true)], gzip: true) == .use(10))
        #expect(decide([entry(decoded: true)], gzip: false) == .absent)
        #expect(decide([entry(decoded: true), entry()], gzip: false) == .use(10))
        // Plain content serves everybody.
        #expect(decide([entry()], gzip: true) == .use(10))
    }

    @Test(arguments: [
        ("max-age=1000", 200, false), ("public, max-age=1000", 200, true), ("s-maxage=1000", 200, true),
        ("max-age=1000, immutable", 200, true), ("public, max-age=1000", 404, false),
    ])
    func `a shared answer serves credentials only by its own word`(_ control: String, _ status: Int, _ may: Bool) {
        let shared = entry(status: status, fields: ["Cache-Control": control])
        #expect(decide([shared], ["Authorization": "x"], credentials: true) == (may ? .use(10) : .absent))
        #expect(decide([shared]) == .use(10))
    }

    @Test func `an answer validated for this request needs no second validation`() {
        let stale = entry(fields: ["Cache-Control": "no-cache", "ETag": "\"1\""])
        #expect(decide([stale]) == .validate)
        #expect(decide([stale], validatedSince: noon) == .use(10))
        #expect(decide([stale], validatedSince: noon + 1) == .validate)
    }

    // MARK: Partitions

    private func partition(_ request: KeyValuePairs<String, String>, _ url: String = "http://a.example/x") throws
        -> Partition
    {
        CacheDecision.partition(
            session: session("s1"), fields: fields(request), url: try RequestURL(parsing: url),
            digest: { digest(String(decoding: $0, as: UTF8.self)) }
        ).0
    }

    @Test func `an ordinary request is shared`() throws {
        #expect(try partition([:]) == .shared)
        #expect(try partition(["Accept": "x", "User-Agent": "y"]) == .shared)
    }

    @Test(arguments: [
        ("X-Forwarded-For", "1"), ("Forwarded", "for=1"), ("X-Original-URL", "/"), ("X-Rewrite-URL", "/"),
        ("X-Host", "a"), ("X-HTTP-Method-Override", "PUT"), ("X-Outside-Url", "/"), ("Content-Length", "1"),
        ("Transfer-Encoding", "chunked"), ("X-Filler", String(repeating: "x", count: 9000)),
    ])
    func `what may change the answer without saying so keeps it private`(_ name: String, _ value: String) throws {
        guard case .session(session("s1"), _) = try partition([name: value]) else {
            Issue.record("\(name) is shared")
            return
        }
    }

    @Test(arguments: [
        "http://a.example/../x", "http://a.example/%2e%2e/x", "http://a.example/a\\b", "http://a.example/ä",
    ])
    func `paths that can be read in two ways are private`(_ url: String) throws {
        #expect(try partition([:], url) != .shared)
    }

    @Test func `credentials have partitions of their own that cannot be confused`() throws {
        let requests: [KeyValuePairs<String, String>] = [
            ["Authorization": "a"], ["Authorization": "b"], ["Cookie": "a"], ["Authorization": "a", "Cookie": "b"],
            ["Authorization": "aCookie", "X-Auth-Token": "b"], ["X-Auth-Token": "a"], ["PRIVATE-TOKEN": "a"],
        ]
        let partitions = try requests.map { try partition($0) }
        #expect(Set(partitions).count == requests.count)
        #expect(!partitions.contains(.shared))
        #expect(try partition(["Authorization": "a"]) == partitions[0])
    }
}
