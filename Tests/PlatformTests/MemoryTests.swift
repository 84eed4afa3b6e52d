import Core
import Testing

@testable import Platform

@Suite struct MemoryTests {
    @Test("Mapped memory is empty, and can be written up to its end")
    func mapping() {
        let memory = Memory.map(256 << 10)
        defer { Memory.unmap(memory) }
        #expect(memory.count == 256 << 10)
        #expect(memory.allSatisfy { $0 == 0 })
        memory[memory.count - 1] = 1
        #expect(memory.last == 1)
    }

    @Test("What this process may have is something, and not more than the machine has")
    func limit() throws {
        let text = String(decoding: try Kernel.contents(of: "/proc/meminfo"), as: UTF8.self)
        let total = try #require(text.split(separator: "\n").first { $0.hasPrefix("MemTotal:") })
        let kilobytes = try #require(Int64(total.filter(\.isNumber)))
        #expect(Memory.limit() > 0)
        #expect(Memory.limit() <= kilobytes << 10)
    }
}
