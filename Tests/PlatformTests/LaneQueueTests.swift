import Platform
import Testing

@Suite struct LaneQueueTests {
    @Test func lanesTakeTurnsHoweverLongTheirQueues() {
        var queue = LaneQueue<String>()
        for index in 0..<5 { queue.append("a\(index)", lane: 1) }
        queue.append("b0", lane: 2)
        queue.append("c0", lane: 3)
        queue.append("b1", lane: 2)
        var order: [String] = []
        while let next = queue.popFirst() { order.append(next) }
        #expect(order == ["a0", "b0", "c0", "a1", "b1", "a2", "a3", "a4"])
        #expect(queue.isEmpty && queue.count(lane: 1) == 0)
    }

    @Test func aQueueKeepsItsOrderThroughManyRefills() {
        var queue = FIFO<Int>()
        var next = 0
        for step in 0..<2000 {
            queue.append(step)
            if step % 3 != 0 {
                #expect(queue.popFirst() == next)
                next += 1
            }
        }
        #expect(queue.count == 2000 - next)
        while let value = queue.popFirst() {
            #expect(value == next)
            next += 1
        }
        #expect(next == 2000)
        #expect(queue.isEmpty)
    }
}
