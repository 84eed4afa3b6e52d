import Core

/// What a person reads about a session: the table, what went wrong, and the totals.
struct SummaryText {
    /// More problems than these are only counted.
    private static let mostProblems = 20

    let summary: RunSummary
    let style: TerminalStyle

    /// All lines.
    var lines: [String] {
        var lines = ArtifactTable(summary.artifacts, style: style).lines
        lines += problems
        if !lines.isEmpty { lines.append("") }
        lines.append(style.styled(totals, .bold))
        if let answers = otherAnswers { lines.append(answers) }
        if !summary.unfinished.isEmpty {
            lines.append(
                style.styled("not examined in time: ", .yellow)
                    + summary.unfinished.map { Shown.text($0, limit: 300) }.joined(separator: ", "))
        }
        if let reason = summary.incompleteness {
            lines.append(style.styled("The record is incomplete: ", .red) + Shown.text(reason))
        }
        return lines
    }

    private var problems: [String] {
        var lines: [String] = []
        for artifact in summary.artifacts {
            lines += artifact.objections.map { problem("rejected", artifact.name, $0) }
        }
        lines += summary.problems.map { problem($0.kind, $0.url, $0.reason) }
        guard !lines.isEmpty else { return [] }
        lines = Self.once(lines)
        let hidden = lines.count - Self.mostProblems
        let shown = lines.prefix(Self.mostProblems) + (hidden > 0 ? ["… and \(hidden) more; see the report"] : [])
        return [""] + shown
    }

    /// What a client tried again and again stands there once, with how often.
    private static func once(_ lines: [String]) -> [String] {
        var counts: [String: Int] = [:]
        for line in lines { counts[line, default: 0] += 1 }
        return lines.compactMap { line in
            counts.removeValue(forKey: line).map { $0 == 1 ? line : "\(line) (\($0) times)" }
        }
    }

    private func problem(_ kind: String, _ what: String, _ reason: String) -> String {
        let text = [Shown.text(what, limit: 300), Shown.text(reason, limit: 300)].filter { !$0.isEmpty }
        return style.styled(kind, .red) + " " + text.joined(separator: ": ")
    }

    private var totals: String {
        let size = summary.artifacts.reduce(Int64(0)) { $0 + $1.size }
        guard !summary.artifacts.isEmpty || summary.bytesFromNetwork + summary.bytesFromCache > 0 else {
            return "Nothing was downloaded."
        }
        var text = "\(counted(summary.artifacts.count, "artifact")), \(Quantity.size(size)): "
        text += "\(Quantity.size(summary.bytesFromNetwork)) from the network, "
        text += "\(Quantity.size(summary.bytesFromCache)) from the cache"
        // Less would be shown as nothing.
        if let saved = summary.savedNanoseconds, saved >= 50_000_000 {
            text += ", \(Quantity.time(nanoseconds: saved)) saved"
        }
        return text
    }

    private var otherAnswers: String? {
        let count = summary.otherAnswers.values.reduce(0, +)
        guard count > 0 else { return nil }
        let kinds = summary.otherAnswers.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }
        return "\(counted(count, "other answer")): \(kinds.joined(separator: ", "))"
    }
}
