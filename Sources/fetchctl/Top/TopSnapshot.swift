import Core

/// What the service showed at one moment.
struct TopSnapshot: Sendable, Equatable {
    let sessions: [ListedSession]
    let transfers: [ListedTransfer]
    let taken: MonotonicTime
    /// The same moment in civil time.
    let time: WallTime
    /// The transfers of each session.
    private let transfersOfSession: [String: [ListedTransfer]]

    init(sessions: [ListedSession], transfers: [ListedTransfer], taken: MonotonicTime, time: WallTime) {
        self.sessions = sessions
        self.transfers = transfers
        self.taken = taken
        self.time = time
        transfersOfSession = Dictionary(grouping: transfers, by: \.session)
    }

    /// Body bytes that a session's clients have, those of transfers under way included.
    func delivered(of session: ListedSession) -> Int64 {
        transfers(of: session.id).reduce(session.delivered) { $0 + $1.delivered }
    }

    /// The transfers of a session.
    func transfers(of id: String) -> [ListedTransfer] { transfersOfSession[id] ?? [] }
}

/// What is computed from one snapshot and those before it: bytes a second.
struct TopRates: Sendable, Equatable {
    private(set) var sessions: [String: Double] = [:]
    private(set) var transfers: [String: Double] = [:]

    var total: Double { sessions.values.reduce(0, +) }

    /// By what a transfer is known again.
    static func key(_ transfer: ListedTransfer) -> String {
        "\(transfer.session) \(transfer.started) \(transfer.method) \(transfer.url)"
    }

    /// Takes the next snapshot; a new rate is the mean of what is measured and the rate before, so that it does not jump.
    mutating func update(from old: TopSnapshot, to new: TopSnapshot) {
        let seconds = (new.taken - old.taken).inSeconds
        guard seconds > 0 else { return }
        func smoothed(_ bytes: Int64, _ before: Double?) -> Double {
            let measured = Double(max(0, bytes)) / seconds
            return before.map { ($0 + measured) / 2 } ?? measured
        }
        let sessionsBefore = Dictionary(old.sessions.map { ($0.id, old.delivered(of: $0)) }, uniquingKeysWith: { $1 })
        var sessions: [String: Double] = [:]
        for session in new.sessions {
            guard let before = sessionsBefore[session.id] else { continue }
            sessions[session.id] = smoothed(new.delivered(of: session) - before, self.sessions[session.id])
        }
        let transfersBefore = Dictionary(
            old.transfers.map { (Self.key($0), $0.delivered) }, uniquingKeysWith: { $1 })
        var transfers: [String: Double] = [:]
        for transfer in new.transfers {
            let key = Self.key(transfer)
            guard let before = transfersBefore[key] else { continue }
            transfers[key] = smoothed(transfer.delivered - before, self.transfers[key])
        }
        (self.sessions, self.transfers) = (sessions, transfers)
    }
}
