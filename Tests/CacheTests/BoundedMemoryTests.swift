import Cache
import Testing

/// A dictionary with a budget (SIEVE).
@Suite struct BoundedMemoryTests {
    @Test func `what was entered is found until it must make room`() {
        var memory = BoundedMemory<String, Int>(budget: 3)
        for (index, key) in ["a", "b", "c"].enumerated() { memory.set(key, index, cost: 1) }
        #expect(["a", "b", "c"].map { memory.use($0) } == [0, 1, 2])
        #expect(memory.count == 3)
        #expect(memory.cost == 3)
        #expect(memory.use("d") == nil)
    }

    @Test func `the oldest unused entry goes first`() {
        var memory = BoundedMemory<String, Int>(budget: 3)
        for key in ["a", "b", "c"] { memory.set(key, 0, cost: 1) }
        _ = memory.use("a")
        memory.set("d", 0, cost: 1)
        #expect(memory.use("a") != nil)
        #expect(memory.use("b") == nil)
        #expect(memory.count == 3)
    }

    @Test func `a scan of things used once does not drive out what is used again`() {
        var memory = BoundedMemory<Int, Int>(budget: 100)
        for key in 0..<50 { memory.set(key, key, cost: 1) }
        for key in 0..<50 { _ = memory.use(key) }
        for key in 1000..<5000 {
            memory.set(key, key, cost: 1)
            // The working set goes on being used, now and then.
            _ = memory.use(key % 50)
        }
        #expect((0..<50).allSatisfy { memory.use($0) == $0 })
    }

    @Test func `a replaced value counts with its new cost`() {
        var memory = BoundedMemory<String, Int>(budget: 10)
        memory.set("a", 1, cost: 4)
        memory.set("a", 2, cost: 6)
        #expect(memory.cost == 6)
        #expect(memory.use("a") == 2)
        #expect(memory.remove("a") == 2)
        #expect(memory.cost == 0)
        #expect(memory.remove("a") == nil)
    }

    @Test func `entries that must stay are kept over the budget`() {
        var memory = BoundedMemory<String, Int>(budget: 2)
        for key in ["a", "b", "c", "d"] { memory.set(key, 0, cost: 1) { _ in false } }
        #expect(memory.count == 4)
        // As soon as one may go, the next change makes room.
        memory.set("e", 0, cost: 1) { _ in true }
        #expect(memory.cost <= 2)
    }

    @Test func `asking whether something is there does not make it stay`() {
        var memory = BoundedMemory<String, Int>(budget: 3)
        for key in ["a", "b", "c"] { memory.set(key, 0, cost: 1) }
        #expect(memory.contains("a") && !memory.contains("x"))
        memory.set("d", 0, cost: 1)
        #expect(!memory.contains("a"))
    }

    /// The seed is in the failure's message.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func `whatever is done the budget and the sum of costs hold`(_ seed: UInt64) {
        var random = Numbers(state: seed)
        let budget = 64
        var memory = BoundedMemory<Int, Int>(budget: budget)
        var model: [Int: (value: Int, cost: Int)] = [:]
        for step in 0..<5_000 {
            let key = Int(random.next() % 40)
            switch random.next() % 4 {
            case 0, 1:
                let cost = Int(random.next() % 16) + 1
                memory.set(key, step, cost: cost)
                model[key] = (step, cost)
            case 2:
                if let found = memory.use(key) { #expect(found == model[key]?.value, "seed \(seed) step \(step)") }
            default:
                memory.remove(key)
                model[key] = nil
            }
            // What is gone from the memory is gone from the model; all the rest must be equal.
            var sum = 0
            for (known, entry) in model {
                if memory.use(known) == nil { model[known] = nil } else { sum += entry.cost }
            }
            #expect(memory.count == model.count, "seed \(seed) step \(step)")
            #expect(memory.cost == sum, "seed \(seed) step \(step)")
            #expect(memory.cost <= budget, "seed \(seed) step \(step)")
        }
    }
}

/// Random numbers that a seed repeats (xorshift).
struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
