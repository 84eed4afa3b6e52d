/// Waiting elements in lanes, taken from each lane in turn.
///
/// Within a lane the order is that of arrival. A lane that waits is served after at most one element of each other lane,
/// however long their queues are. All operations are O(1) amortised.
package struct LaneQueue<Element> {
    private var lanes: [Int: FIFO<Element>] = [:]
    /// The lanes that have something, each once, in the order in which they will be served.
    private var turns = FIFO<Int>()

    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }

    /// How many wait in one lane.
    package func count(lane: Int) -> Int { lanes[lane]?.count ?? 0 }

    package mutating func append(_ element: Element, lane: Int) {
        if lanes[lane] == nil { turns.append(lane) }
        lanes[lane, default: FIFO()].append(element)
        count += 1
    }

    package mutating func popFirst() -> Element? {
        guard let lane = turns.popFirst(), let element = lanes[lane]?.popFirst() else { return nil }
        count -= 1
        if lanes[lane]?.isEmpty == false {
            turns.append(lane)
        } else {
            lanes[lane] = nil
        }
        return element
    }
}

/// A queue over an array with O(1) amortised operations at both ends.
package struct FIFO<Element> {
    private var elements: [Element?] = []
    private var head = 0

    package init() {}

    package var count: Int { elements.count - head }
    package var isEmpty: Bool { head == elements.count }

    package mutating func append(_ element: Element) { elements.append(element) }

    package mutating func popFirst() -> Element? {
        guard head < elements.count, let element = elements[head].take() else { return nil }
        head += 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: elements.count <= 64)
            head = 0
        } else if head > 32, head * 2 > elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }
}
