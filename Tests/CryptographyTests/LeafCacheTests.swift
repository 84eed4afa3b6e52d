import Core
import Cryptography
import Platform
import Testing

@Suite struct LeafCacheTests {
    /// A clock that stands still until it is told.
    private final class TestClock: Sendable {
        private let time: Lock<WallTime>
        init(_ start: WallTime) { time = Lock(start) }
        var now: WallTime { time.withLock { $0 } }
        func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }
    }

    @Test func aHostGetsItsContextAgain() throws {
        let cache = try LeafCache(authority: makeAuthority())
        #expect(cache.cached("a.example") == nil)
        let first = try cache.context(for: "a.example")
        #expect(first.host == "a.example")
        #expect(try cache.context(for: "a.example") === first)
        #expect(cache.cached("a.example") === first)
        #expect(try cache.context(for: "b.example") !== first)
    }

    @Test func theLongestUnusedGoesFirst() throws {
        let cache = try LeafCache(authority: makeAuthority(), capacity: 3)
        for host in ["a", "b", "c"] { _ = try cache.context(for: host) }
        let a = cache.cached("a")
        _ = try cache.context(for: "d")
        #expect(cache.count == 3)
        #expect(cache.cached("a") === a && a != nil)
        #expect(cache.cached("b") == nil)
    }

    @Test func aContextIsRenewedAfterTwelveHours() throws {
        let clock = TestClock(.now())
        let cache = LeafCache(authority: try makeAuthority(), now: { clock.now })
        let first = try cache.context(for: "a.example")
        clock.advance(by: .seconds(12 * 3600 - 1))
        #expect(cache.cached("a.example") === first)
        clock.advance(by: .seconds(1))
        #expect(cache.cached("a.example") == nil)
        #expect(try cache.context(for: "a.example") !== first)
    }

    @Test func closeToTheEndOfTheAuthorityLeavesAreNotMintedOverAndOver() throws {
        let authority = try makeAuthority()
        let clock = TestClock(authority.notAfter + .seconds(-3600))
        let cache = LeafCache(authority: authority, now: { clock.now })
        let context = try cache.context(for: "a.example")
        #expect(context.renewal == authority.notAfter)
        #expect(try cache.context(for: "a.example") === context)
        clock.advance(by: .seconds(3600))
        #expect(throws: CertificateError.self) { try cache.context(for: "a.example") }
    }

    @Test func aNewAuthorityTakesOverAtOnce() throws {
        let (old, new) = (try makeAuthority("Old"), try makeAuthority("New"))
        let cache = LeafCache(authority: old)
        let before = try cache.context(for: "a.example")
        cache.replace(authority: new)
        #expect(cache.authority === new && cache.count == 0)
        let after = try cache.context(for: "a.example")
        #expect(after !== before)
        let client = try TLSClientContext(trust: .only(new.certificatePEM))
        #expect(try TLSPair(after, client, host: "a.example").shakeHands() == (.count(0), .count(0)))
        #expect(try TLSPair(before, client, host: "a.example").shakeHands().client != .count(0))
    }

    @Test func manyThreadsShareOneContext() throws {
        let cache = try LeafCache(authority: makeAuthority())
        let found = Lock<Set<ObjectIdentifier>>([])
        let contexts = Lock<[TLSServerContext]>([])
        let done = Latch(count: 4)
        for _ in 0..<4 {
            startThread(name: "mint") {
                for index in 0..<50 {
                    guard let context = try? cache.context(for: "host\(index % 5).example") else { continue }
                    found.withLock { _ = $0.insert(ObjectIdentifier(context)) }
                    contexts.withLock { $0.append(context) }
                }
                done.signal()
            }
        }
        done.wait()
        #expect(contexts.withLock { $0.count } == 200)
        #expect(found.withLock { $0.count } == 5)
    }
}
