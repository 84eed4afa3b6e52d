import Platform
import Testing

@Suite struct FairLanesTests {
    private func drain(_ lanes: inout FairLanes<String>, cost: (String) -> UInt64 = { _ in 0 }) -> [String] {
        var order: [String] = []
        while let (element, lane) = lanes.popFirst() {
            order.append(element)
            lanes.charge(cost(element), lane: lane)
        }
        return order
    }

    @Test func lanesTakeTurnsHoweverLongTheirQueues() {
        var lanes = FairLanes<String>()
        for index in 0..<5 { lanes.append("a\(index)", lane: 1) }
        lanes.append("b0", lane: 2)
        lanes.append("c0", lane: 3)
        lanes.append("b1", lane: 2)
        #expect(lanes.waitingLanes == 3 && lanes.count == 8 && lanes.count(lane: 1) == 5)
        #expect(drain(&lanes) == ["a0", "b0", "c0", "a1", "b1", "a2", "a3", "a4"])
        #expect(lanes.isEmpty && lanes.count(lane: 1) == 0 && lanes.waitingLanes == 0)
    }

    @Test func aLaneWhoseElementsCostMuchIsServedAsMuchLessOften() {
        var lanes = FairLanes<String>()
        for _ in 0..<100 {
            lanes.append("dear", lane: 1)
            lanes.append("cheap", lane: 2)
        }
        let order = drain(&lanes) { $0 == "dear" ? 1_000_000 : 100_000 }
        let dear = order.prefix(55).count { $0 == "dear" }
        #expect((4...6).contains(dear), "\(dear) of the first 55")
    }

    @Test func whatALaneOwesIsNotForgottenWhenNothingOfItWaits() {
        var lanes = FairLanes<String>()
        lanes.append("dear", lane: 1)
        #expect(lanes.popFirst()?.element == "dear")
        lanes.charge(1_000_000, lane: 1)
        lanes.append("dear again", lane: 1)
        for index in 0..<3 { lanes.append("cheap \(index)", lane: 2) }
        #expect(drain(&lanes) { _ in 100_000 } == ["cheap 0", "cheap 1", "cheap 2", "dear again"])
    }

    @Test func aLaneThatWasAwayHasSavedNothingUp() {
        var lanes = FairLanes<String>()
        for index in 0..<50 { lanes.append("a\(index)", lane: 1) }
        for _ in 0..<40 {
            let taken = lanes.popFirst()
            lanes.charge(1_000_000, lane: taken?.lane ?? 0)
        }
        for index in 0..<10 { lanes.append("b\(index)", lane: 2) }
        let order = drain(&lanes) { _ in 1_000_000 }
        // It is not served until it has had as much in all as the other.
        #expect(order.prefix(8).count { $0.hasPrefix("a") } >= 3, "\(order)")
    }

    @Test func lanesThatWereServedOnceAreForgotten() {
        var lanes = FairLanes<String>()
        for lane in 0..<10_000 {
            lanes.append("once", lane: lane)
            #expect(lanes.popFirst()?.lane == lane)
            lanes.charge(1_000_000, lane: lane)
        }
        #expect(lanes.rememberedLanes <= 65)
    }

    @Test func lanesThatMayNotBeServedKeepTheirPlace() {
        var lanes = FairLanes<String>()
        lanes.append("a", lane: 1)
        lanes.append("b", lane: 2)
        #expect(lanes.popFirst { $0 != 1 }?.element == "b")
        #expect(lanes.popFirst { $0 != 1 } == nil)
        #expect(lanes.popFirst()?.element == "a")
    }

}

@Suite struct FIFOTests {
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
