import Core

/// What `top` shows and how keys change it; no terminal and no service in it.
struct TopModel: Sendable {
    /// In which order the sessions stand.
    enum Order: String, CaseIterable, Sendable {
        case age, rate, delivered, requests, name
    }

    /// What a key asks of whoever has the terminal.
    enum Effect: Equatable {
        case nothing
        case quit
    }

    private(set) var snapshot: TopSnapshot?
    private(set) var rates = TopRates()
    private(set) var order = Order.age
    private(set) var selected: String?
    /// Whether one session is shown alone.
    private(set) var showsDetails = false
    /// Why there is nothing newer; `nil` when there is.
    var problem: String?

    /// The sessions in their order.
    var sessions: [ListedSession] {
        guard let snapshot else { return [] }
        func byID(_ left: ListedSession, _ right: ListedSession) -> Bool { left.id < right.id }
        return snapshot.sessions.sorted { left, right in
            switch order {
            case .age: left.age != right.age ? left.age > right.age : byID(left, right)
            case .rate:
                rate(left) != rate(right) ? rate(left) > rate(right) : byID(left, right)
            case .delivered:
                left.delivered != right.delivered ? left.delivered > right.delivered : byID(left, right)
            case .requests:
                left.exchanges != right.exchanges ? left.exchanges > right.exchanges : byID(left, right)
            case .name: left.name != right.name ? left.name < right.name : byID(left, right)
            }
        }
    }

    /// Where the selected session stands.
    var selectedIndex: Int? { sessions.firstIndex { $0.id == selected } }

    var selectedSession: ListedSession? { snapshot?.sessions.first { $0.id == selected } }

    private func rate(_ session: ListedSession) -> Double { rates.sessions[session.id] ?? 0 }

    /// Takes what the service shows now.
    mutating func take(_ new: TopSnapshot) {
        let before = selectedIndex
        if let snapshot { rates.update(from: snapshot, to: new) }
        snapshot = new
        problem = nil
        guard selectedSession == nil else { return }
        // The selected one is gone: its details too, and the next in its place is selected.
        showsDetails = false
        let sessions = sessions
        selected = sessions.isEmpty ? nil : sessions[min(before ?? 0, sessions.count - 1)].id
    }

    /// Does what a key says.
    ///
    /// - Parameters:
    ///   - key: Which.
    ///   - page: How many sessions are on the screen.
    /// - Returns: What is left to do for whoever has the terminal.
    mutating func press(_ key: TopKey, page: Int) -> Effect {
        switch key {
        case .up: move(by: -1)
        case .down: move(by: 1)
        case .pageUp: move(by: -max(1, page))
        case .pageDown: move(by: max(1, page))
        case .first: move(by: -sessions.count)
        case .last: move(by: sessions.count)
        case .sort:
            let all = Order.allCases
            order = all[((all.firstIndex(of: order) ?? 0) + 1) % all.count]
        case .enter: showsDetails = !showsDetails && selectedSession != nil
        case .back:
            guard showsDetails else { return .nothing }
            showsDetails = false
        case .quit:
            guard showsDetails else { return .quit }
            showsDetails = false
        }
        return .nothing
    }

    private mutating func move(by distance: Int) {
        let sessions = sessions
        guard !sessions.isEmpty else { return }
        let index = (sessions.firstIndex { $0.id == selected } ?? 0) + distance
        selected = sessions[min(max(0, index), sessions.count - 1)].id
    }
}

/// A key that `top` knows.
enum TopKey: Equatable, Sendable {
    case up, down, pageUp, pageDown, first, last, enter, back, sort, quit

    /// Reads what a terminal sent in one piece; what it does not know is left out.
    static func keys(in bytes: [UInt8]) -> [TopKey] {
        var keys: [TopKey] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "k"): keys.append(.up)
            case UInt8(ascii: "j"): keys.append(.down)
            case UInt8(ascii: "g"): keys.append(.first)
            case UInt8(ascii: "G"): keys.append(.last)
            case UInt8(ascii: "s"): keys.append(.sort)
            case UInt8(ascii: "q"), UInt8(ascii: "Q"): keys.append(.quit)
            case 0x0a, 0x0d: keys.append(.enter)
            case 0x7f, 0x08: keys.append(.back)
            case 0x1b: if let key = escaped(&rest) { keys.append(key) }
            default: break
            }
        }
        return keys
    }

    /// Reads what comes behind an escape character: a sequence such as `[A` or `[5~`; nothing is the key itself.
    private static func escaped(_ rest: inout ArraySlice<UInt8>) -> TopKey? {
        guard let kind = rest.first, kind == UInt8(ascii: "[") || kind == UInt8(ascii: "O") else { return .back }
        rest.removeFirst()
        var parameters = ""
        while let byte = rest.popFirst() {
            // ECMA-48: parameters, then one byte from @ to ~ ends it.
            guard (0x40...0x7e).contains(byte) else {
                parameters.unicodeScalars.append(Unicode.Scalar(byte))
                continue
            }
            switch (byte, parameters) {
            case (UInt8(ascii: "A"), _): return .up
            case (UInt8(ascii: "B"), _): return .down
            case (UInt8(ascii: "H"), _), (UInt8(ascii: "~"), "1"), (UInt8(ascii: "~"), "7"): return .first
            case (UInt8(ascii: "F"), _), (UInt8(ascii: "~"), "4"), (UInt8(ascii: "~"), "8"): return .last
            case (UInt8(ascii: "~"), "5"): return .pageUp
            case (UInt8(ascii: "~"), "6"): return .pageDown
            default: return nil
            }
        }
        return nil
    }
}
