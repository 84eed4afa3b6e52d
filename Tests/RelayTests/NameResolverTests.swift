import Core
import Platform
import Testing

@testable import Relay

@Suite(.timeLimit(.minutes(1))) struct NameResolverTests {
    private final class Names: Sendable {
        let asked = Monitor<[String]>([])
        let clock = Monitor(MonotonicTime(nanoseconds: 1_000_000_000_000))
        let gate = Semaphore()
        let isGated: Bool
        let resolver: Monitor<NameResolver?> = Monitor(nil)
        let test: TestLoop

        init(isGated: Bool = false, settings: NameResolver.Settings = NameResolver.Settings()) throws {
            self.isGated = isGated
            test = try TestLoop()
            let (asked, gate, clock) = (asked, gate, clock)
            let made = NameResolver(
                settings: settings,
                lookup: { host in
                    asked.change { $0.append(host) }
                    if isGated { gate.wait() }
                    if host.hasPrefix("missing") {
                        return .failure(ResolveError(.notFound, host: host, detail: "no such name"))
                    }
                    return .success([IPAddress(v4: 0xC000_0201)])
                }, clock: { clock.withLock { $0 } })
            resolver.change { $0 = made }
        }

        deinit { resolver.withLock { $0 }?.stop() }

        func ask(_ host: String) -> Monitor<NameResolver.Answer?> {
            let answer = Monitor<NameResolver.Answer?>(nil)
            let loop = test.loop
            resolver.withLock { $0 }?.resolve(host: host, loop: loop) { result in
                #expect(loop.isOnLoop)
                answer.change { $0 = result }
            }
            return answer
        }

        func wait(_ host: String) throws -> NameResolver.Answer {
            let answer = ask(host)
            return try #require(answer.wait(until: .now() + .seconds(20)) { $0 })
        }

        func pass(_ duration: Duration) { clock.change { $0 = $0 + duration } }
    }

    @Test(arguments: ["192.0.2.7", "2001:db8::1", "::ffff:127.0.0.1"])
    func `literal addresses are never looked up`(_ text: String) throws {
        let names = try Names()
        #expect(try names.wait(text).get() == [try #require(IPAddress(text))])
        #expect(names.asked.withLock { $0 }.isEmpty)
    }

    @Test func `an answer is remembered for its time, a failure for a shorter one`() throws {
        let names = try Names()
        for _ in 0..<3 { _ = try names.wait("host.example") }
        for _ in 0..<3 { #expect(throws: ResolveError.self) { try names.wait("missing.example").get() } }
        #expect(names.asked.withLock { $0 } == ["host.example", "missing.example"])
        names.pass(.seconds(3))
        _ = try names.wait("host.example")
        _ = try names.wait("missing.example")
        #expect(names.asked.withLock { $0 } == ["host.example", "missing.example", "missing.example"])
        names.pass(.seconds(28))
        _ = try names.wait("host.example")
        #expect(names.asked.withLock { $0.count } == 4)
    }

    @Test func `one look-up serves all who ask meanwhile`() throws {
        let names = try Names(isGated: true)
        let answers = (0..<10).map { _ in names.ask("host.example") }
        names.gate.signal()
        for answer in answers { #expect(answer.wait(until: .now() + .seconds(20)) { $0 } != nil) }
        #expect(names.asked.withLock { $0 } == ["host.example"])
    }

    @Test func `too many names are refused, and asked again later`() throws {
        var settings = NameResolver.Settings()
        settings.threads = 1
        settings.queue = 1
        let names = try Names(isGated: true, settings: settings)
        let answers = (0..<20).map { names.ask("host\($0).example") }
        let refused = answers.filter { answer in
            guard case .failure(let error)? = answer.wait(until: .now() + .milliseconds(200), for: { $0 }) else {
                return false
            }
            return error.kind == .busy
        }
        #expect(refused.count >= 15)
        for _ in 0..<40 { names.gate.signal() }
        for answer in answers { #expect(answer.wait(until: .now() + .seconds(20)) { $0 } != nil) }
        #expect(throws: Never.self) { try names.wait("host19.example").get() }
    }

    @Test func `the memory of names is bounded`() throws {
        var settings = NameResolver.Settings()
        settings.entries = 100
        var memory = ResolverMemory(settings)
        for index in 0..<1000 {
            let now = MonotonicTime(nanoseconds: UInt64(index))
            _ = memory.finish("host\(index).example", .success([]), now: now)
            #expect(memory.count <= 100)
        }
    }

    @Test func `localhost resolves as the system says`() throws {
        let addresses = try NameResolver.systemLookup("localhost").get()
        #expect(addresses.allSatisfy { DestinationPolicy().check($0, port: 80) != nil })
        #expect(!addresses.isEmpty)
    }

    @Test func `addresses written in odd ways are seen by the policy as what they are`() throws {
        for text in ["127.1", "0x7f000001", "2130706433", "0177.0.0.1"] {
            guard case .success(let addresses) = NameResolver.systemLookup(text) else { continue }
            #expect(addresses.allSatisfy { DestinationPolicy().check($0, port: 80) != nil }, "\(text)")
        }
    }
}
