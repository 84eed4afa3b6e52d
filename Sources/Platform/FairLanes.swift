/// Waiting elements in lanes that share time: what is taken next is of the lane that has used least.
///
/// Each taken element costs its lane ``leastCost``, and what ``charge(_:lane:)`` adds when it is known. So lanes whose
/// elements cost little take turns, and one whose elements cost much is passed over until the others have had as much. A
/// lane of which nothing waits saves nothing up, and what it owes is kept until the others have caught up. Within a lane the
/// order is that of arrival.
///
/// Taking is linear in the number of lanes that wait, all else is O(1) amortised, and cheap for the lane of the call before.
///
/// - SeeAlso: P. Goyal, H. Vin, H. Cheng, "Start-Time Fair Queueing", SIGCOMM 1996.
package struct FairLanes<Element> {
    private struct Lane {
        var id: Int
        var waiting = FIFO<Element>()
        /// Nanoseconds used, on a scale that all lanes share.
        var used: UInt64
    }

    /// Nanoseconds that anything costs.
    package static var leastCost: UInt64 { 5_000 }
    /// Lanes that are remembered while nothing of them waits.
    private static var mostRemembered: Int { 64 }

    private var lanes: [Lane] = []
    /// Where in ``lanes`` a lane stands.
    private var places: [Int: Int] = [:]
    /// The place that was looked up last.
    private var recent = 0
    /// The places of lanes of which something waits, each once, in the order in which they began to.
    private var active: [Int] = []
    /// Where on the scale the lane stood that was served last: a lane that begins to wait begins there.
    private var clock: UInt64 = 0

    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }

    /// Lanes that are known, of which something waits or not; a gauge.
    package var rememberedLanes: Int { lanes.count }

    /// Of how many lanes something waits.
    package var waitingLanes: Int { active.count }

    /// How many wait in one lane.
    package func count(lane: Int) -> Int { places[lane].map { lanes[$0].waiting.count } ?? 0 }

    package mutating func append(_ element: Element, lane: Int) {
        if lanes.count > active.count + Self.mostRemembered { forgetSome() }
        let place = place(of: lane) ?? remember(lane)
        if lanes[place].waiting.isEmpty {
            lanes[place].used = max(lanes[place].used, clock)
            active.append(place)
        }
        lanes[place].waiting.append(element)
        count += 1
    }

    /// Takes the next element, with its lane.
    ///
    /// - Parameter mayServe: Whether a lane may be served now.
    /// - Returns: Nothing when nothing waits, or when no lane of which something waits may be served.
    package mutating func popFirst(where mayServe: (Int) -> Bool = { _ in true }) -> (element: Element, lane: Int)? {
        var best: Int?
        for (index, place) in active.enumerated() where mayServe(lanes[place].id) {
            if let best, lanes[active[best]].used <= lanes[place].used { continue }
            best = index
        }
        guard let best else { return nil }
        let place = active[best]
        return (take(place, at: best), lanes[place].id)
    }

    /// Takes the next element of a lane, if there is one.
    package mutating func popFirst(of lane: Int) -> Element? {
        guard let place = place(of: lane), let index = active.firstIndex(of: place) else { return nil }
        return take(place, at: index)
    }

    private mutating func take(_ place: Int, at index: Int) -> Element {
        guard let element = lanes[place].waiting.popFirst() else { preconditionFailure("an active lane has something") }
        count -= 1
        clock = max(clock, lanes[place].used)
        lanes[place].used += Self.leastCost
        if lanes[place].waiting.isEmpty { active.remove(at: index) }
        return element
    }

    /// Adds what an element of a lane has cost.
    package mutating func charge(_ nanoseconds: UInt64, lane: Int) {
        guard nanoseconds > Self.leastCost, let place = place(of: lane) else { return }
        lanes[place].used += nanoseconds - Self.leastCost
    }

    private mutating func place(of lane: Int) -> Int? {
        if recent < lanes.count, lanes[recent].id == lane { return recent }
        guard let place = places[lane] else { return nil }
        recent = place
        return place
    }

    private mutating func remember(_ lane: Int) -> Int {
        recent = lanes.count
        places[lane] = recent
        lanes.append(Lane(id: lane, used: clock))
        return recent
    }

    /// Forgets lanes that owe nothing, so that what is remembered stays bounded by those that wait or owe.
    ///
    /// When nothing waits, nobody is owed anything: the scale goes on where the one that has used most stands.
    private mutating func forgetSome() {
        if isEmpty { clock = lanes.reduce(clock) { max($0, $1.used) } }
        let order = active.map { lanes[$0].id }
        lanes.removeAll { $0.waiting.isEmpty && $0.used <= clock }
        places = Dictionary(uniqueKeysWithValues: lanes.enumerated().map { ($1.id, $0) })
        active = order.compactMap { places[$0] }
    }
}
