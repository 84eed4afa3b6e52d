import Core
import Sessions

/// The answers of one loop that can go out again without being worked out anew.
///
/// Bounded by their memory; what has not been used for a while goes, and with it the files that it holds open.
// Confined to its loop.
struct ReadyAnswers {
    private var sections: [RepeatedSection.Key: RepeatedSection] = [:]
    private var count = 0
    private var cost = 0
    private var lastSweep = MonotonicTime(nanoseconds: 0)

    private static let mostSections = 512
    private static let mostAnswers = 4_096
    private static let mostBytes = 16 << 20
    /// Bodies beyond a few KiB hold a file open.
    private static let unusedFor = Duration.seconds(10)

    /// The section with these bytes, made when it is not there.
    mutating func section(_ key: RepeatedSection.Key, make: () -> RepeatedSection) -> RepeatedSection {
        if let present = sections[key] { return present }
        if sections.count >= Self.mostSections { removeAll() }
        let made = make()
        sections[key] = made
        return made
    }

    /// The section with these bytes when it is there.
    func known(_ key: RepeatedSection.Key) -> RepeatedSection? { sections.isEmpty ? nil : sections[key] }

    mutating func learn(_ answer: ReadyAnswer, in section: RepeatedSection) {
        if count >= Self.mostAnswers || cost >= Self.mostBytes {
            removeAll()
            sections[section.key] = section
        }
        section.learn(answer)
        count += 1
        cost += answer.cost
    }

    /// Forgets everything of a session.
    mutating func remove(_ session: SessionID) {
        for section in sections.values where section.session.id == session { section.removeAll() }
        sections = sections.filter { $0.key.session != session }
    }

    /// Forgets what has not been used for a while; called once a second.
    mutating func sweep(now: MonotonicTime) {
        guard now > lastSweep + Self.unusedFor else { return }
        let limit = lastSweep
        lastSweep = now
        for section in sections.values { section.forget(unusedSince: limit) }
        sections = sections.filter { $0.value.count > 0 }
        count = sections.values.reduce(0) { $0 + $1.count }
        cost = sections.values.reduce(0) { $0 + $1.cost }
    }

    private mutating func removeAll() {
        // Connections may hold a section for longer than this table does.
        for section in sections.values { section.removeAll() }
        sections = [:]
        (count, cost) = (0, 0)
    }
}
