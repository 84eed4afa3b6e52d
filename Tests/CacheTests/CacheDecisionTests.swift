import Cache
import Core
import Storage
import Testing
import Wire

/// What stored answers mean for a request (RFC 9111, section 4; RULES "What may be shared").
@Suite struct CacheDecisionTests {
    private enum Outcome: Equatable {
        case use(Int64), stale(Int64, CacheStatus.StaleUse), validate, absent, unsatisfiable
    }

    private func decide(
        _ entries: [StoredEntry], _ request: KeyValuePairs<String, String> = [:], gzip: Bool = false,
        credentials: Bool = false, validatedSince: Int64? = nil, at now: Int64 = noon + 10
    ) -> Outcome {
        switch CacheDecision.of(
            entries, for: fields(request), acceptsGzip: gzip, hasOwnCredentials: credentials,
            validatedSince: validatedSince, now: now)
        {
        case .use(_, let age): .use(age)
        case .useStale(_, let age, let use): .stale(age, use)
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
        #expect(decide([entry()], ["Cache-Control": "max-stale=100"], at: noon + 1050) == .stale(1050, .maxStale))
    }

    // MARK: Stale answers

    private func stale(_ control: String) -> StoredEntry {
        entry(fields: ["Cache-Control": "max-age=1000" + control, "ETag": "\"1\""])
    }

    @Test func `RFC 5861 section 3: stale-while-revalidate is used for as long as it says`() {
        let entry = stale(", stale-while-revalidate=50")
        #expect(decide([entry], at: noon + 1050) == .stale(1050, .whileRevalidating))
        #expect(decide([entry], at: noon + 1051) == .validate)
        #expect(decide([entry], ["Cache-Control": "no-cache"], at: noon + 1010) == .validate)
        #expect(
            decide([entry], ["Cache-Control": "only-if-cached"], at: noon + 1010) == .stale(1010, .whileRevalidating))
    }

    @Test(arguments: ["must-revalidate", "proxy-revalidate", "s-maxage=1000", "no-cache"])
    func `RFC 9111 section 4.2.4: what forbids stale use is obeyed`(_ directive: String) {
        #expect(decide([stale(", stale-while-revalidate=50, \(directive)")], at: noon + 1010) == .validate)
        let taking: KeyValuePairs = ["Cache-Control": "max-stale=100"]
        #expect(decide([stale(", \(directive)")], taking, at: noon + 1010) == .validate)
    }

    @Test func `a fresh variant goes before a stale one, whatever came later`() {
        let old = entry(fields: ["Cache-Control": "max-age=5, stale-while-revalidate=500", "ETag": "\"1\""])
        #expect(decide([old, entry()]) == .use(10))
    }

    @Test func `only what everybody shares is revalidated behind the client's back`() {
        let own = Partition.session(session("s1"), credentials: digest(""))
        let control = "max-age=1000, public, stale-while-revalidate=50"
        let mine = entry(partition: own, fields: ["Cache-Control": control, "ETag": "\"1\""])
        #expect(decide([mine], at: noon + 1010) == .validate)
        let shared = entry(fields: ["Cache-Control": control, "ETag": "\"1\""])
        #expect(decide([shared], ["Authorization": "x"], credentials: true, at: noon + 1010) == .validate)
        #expect(decide([shared], at: noon + 1010) == .stale(1010, .whileRevalidating))
    }

    @Test func `RFC 9211 section 2.2: the decision tells why the origin is asked`() {
        func why(_ entries: [StoredEntry], _ request: KeyValuePairs<String, String> = [:], at now: Int64 = noon + 10)
            -> CacheStatus.Forward?
        {
            switch CacheDecision.of(
                entries, for: fields(request), acceptsGzip: false, hasOwnCredentials: request.isEmpty == false, now: now
            )
            {
            case .validate(_, let why), .absent(let why, _): why
            default: nil
            }
        }
        #expect(why([]) == .uriMiss)
        #expect(why([entry(vary: ["accept"], request: fields(["Accept": "json"]))]) == .varyMiss)
        #expect(why([entry(decoded: true)]) == .varyMiss)
        #expect(why([entry()], ["Authorization": "x"]) == .miss)
        #expect(why([entry()], at: noon + 1000) == .stale)
        let noValidator = entry(fields: ["Cache-Control": "max-age=1"])
        #expect(why([noValidator]) == .stale)
        let open = entry(fields: ["Cache-Control": "public, max-age=1000", "ETag": "\"1\""])
        #expect(why([open], ["Cache-Control": "no-cache"]) == .request)
    }

    @Test func `RFC 5861 section 4: what may stand in is told even when it cannot be validated`() {
        let noValidator = entry(fields: ["Cache-Control": "max-age=1, stale-if-error=100"])
        guard
            case .absent(_, let standIn?) = CacheDecision.of(
                [noValidator], for: Fields(), acceptsGzip: false, hasOwnCredentials: false, now: noon + 10)
        else {
            Issue.record("nothing stands in")
            return
        }
        #expect(standIn === noValidator)
        #expect(standIn.policy.allowsUseOnError(at: noon + 101, requestFields: Fields()))
        #expect(!standIn.policy.allowsUseOnError(at: noon + 102, requestFields: Fields()))
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

    @Test func `requests with a secret of the session are by themselves, each secret's`() throws {
        func partition(_ secret: Int?, _ request: KeyValuePairs<String, String> = [:]) throws -> (Partition, Bool) {
            CacheDecision.partition(
                session: session("s1"), fields: fields(request), url: try RequestURL(parsing: "https://a.example/x"),
                secret: secret, digest: { digest(String(decoding: $0, as: UTF8.self)) })
        }
        let found = try [
            partition(nil), partition(nil, ["Cookie": "a"]), partition(0), partition(1), partition(0, ["Cookie": "a"]),
            partition(0, ["Cookie": "b"]),
        ]
        #expect(Set(found.map(\.0)).count == found.count)
        // Only the client's own credentials let what is shared be an answer.
        #expect(found.map(\.1) == [false, true, false, false, false, false])
        #expect(try partition(1).0 == found[3].0)
    }
}
