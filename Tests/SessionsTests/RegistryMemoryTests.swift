import CLinux
import Core
import Platform
import SessionsTesting
import Testing

@testable import Sessions

@Suite struct RegistryMemoryTests {
    /// Bytes that are allocated.
    private static func allocated() -> Int {
        let info = mallinfo2()
        return Int(info.uordblks + info.hblkhd)
    }

    /// It was once wrapped in another function for each session.
    @Test func whatIsCalledBeforeARemovalDoesNotGrow() async throws {
        let bench = try RegistryBench()
        let id = try await bench.open().session.id
        let calls = Lock(0)
        bench.registry.beforeRemoval { _ in calls.withLock { $0 += 1 } }
        func call(_ count: Int) async { for _ in 0..<count { await bench.registry.prepareRemoval(of: id) } }
        await call(100)
        // Others in this process allocate, too, but not all the time.
        var growth: [Int] = []
        for _ in 0..<5 {
            let before = Self.allocated()
            await call(2_000)
            growth.append(Self.allocated() - before)
        }
        #expect(growth.min() ?? .max < 40_000, "\(growth)")
        #expect(calls.withLock { $0 } == 10_100)
    }
}
