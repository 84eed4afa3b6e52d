import Core

/// Draws what `top` shows into lines.
struct TopScreen {
    private static let sessionColumns: [TextTable.Column] = [
        .init(title: "SESSION", least: 9), .init(title: "NAME", least: 16, rank: 4), .init(title: "STATE", rank: 2),
        .init(title: "POLICY", rank: 6), .init(title: "AGE", isRight: true, rank: 3),
        .init(title: "LEFT", isRight: true, rank: 7), .init(title: "REQUESTS", isRight: true, rank: 1),
        .init(title: "NOW", isRight: true, rank: 5), .init(title: "RATE", isRight: true),
        .init(title: "DELIVERED", isRight: true),
    ]
    private static let transferColumns: [TextTable.Column] = [
        .init(title: "TRANSFER", least: 32, keepsEnd: true), .init(title: "STAGE", rank: 5),
        .init(title: "FROM", rank: 4),
        .init(title: "DONE", isRight: true, rank: 1), .init(title: "SIZE", isRight: true, rank: 3),
        .init(title: "RATE", isRight: true, rank: 2), .init(title: "TIME", isRight: true, rank: 6),
    ]
    private static let marker = "> "
    private static let noMarker = "  "

    let model: TopModel
    /// Where the service is.
    let place: String
    let style: TerminalStyle

    /// The whole screen, of exactly so many lines or fewer, none wider than the style says.
    func lines(rows: Int) -> [String] {
        var lines = header
        let footer = rows >= 8 ? [footer] : []
        let room = max(0, rows - lines.count - footer.count)
        if let session = model.selectedSession, model.showsDetails {
            lines += details(of: session, room: room)
        } else {
            lines += overview(room: room)
        }
        lines = Array(lines.prefix(max(0, rows - footer.count)))
        lines += [String](repeating: "", count: max(0, rows - footer.count - lines.count))
        return lines + footer
    }

    /// How many sessions are on a screen of so many rows.
    func page(rows: Int) -> Int { sessionRoom(in: max(0, rows - header.count - (rows >= 8 ? 1 : 0))) }

    /// One look at everything, for a pipe.
    var report: [String] {
        let sessions = SessionTable(model.sessions, style: style).lines
        guard let transfers = model.snapshot?.transfers, !transfers.isEmpty else { return sessions }
        let table = transferTable(transfers, style)
        return sessions + ["", table.titles] + table.lines
    }

    // MARK: Parts

    private var header: [String] {
        guard let snapshot = model.snapshot else { return [bold("fetchctl top  \(place)"), status, ""] }
        let title = "fetchctl top  \(place)"
        let clock = String(snapshot.time.rfc3339.dropFirst(11).prefix(8)) + " UTC"
        let gap = (style.width ?? 80) - DisplayWidth.of(title) - clock.count
        let first = gap > 0 ? bold(title) + String(repeating: " ", count: gap) + clock : bold(title)
        return [first, status, ""]
    }

    private var status: String {
        if let problem = model.problem {
            let since = model.snapshot.map { "  (shown: \($0.time.rfc3339.dropFirst(11).prefix(8)) UTC)" } ?? ""
            return style.styled(fitted(Shown.text(problem) + since), .red)
        }
        guard let snapshot = model.snapshot else { return "asking the service …" }
        let active = snapshot.sessions.count { $0.state == "active" }
        let delivered = snapshot.sessions.reduce(Int64(0)) { $0 + snapshot.delivered(of: $1) }
        return fitted(
            "\(counted(snapshot.sessions.count, "session")), \(active) active · "
                + "\(counted(snapshot.transfers.count, "transfer")) · \(Self.rate(model.rates.total)) · "
                + "\(Quantity.size(delivered)) delivered · sorted by \(model.order.rawValue)")
    }

    private var footer: String {
        let keys =
            model.showsDetails
            ? "Enter or Esc back   q back" : "↑↓ select   Enter details   s sort   g G first, last   q quit"
        return style.styled(fitted(keys), .dim)
    }

    /// Of some rows, how many sessions they show: all that there are, but the transfers get a half when they need it.
    private func sessionRoom(in room: Int) -> Int {
        let transfers = model.snapshot?.transfers.count ?? 0
        let needed = transfers == 0 ? 0 : min(transfers + 2, max(3, room / 2))
        return max(1, min(model.sessions.count, room - 1 - needed))
    }

    private func overview(room: Int) -> [String] {
        guard let snapshot = model.snapshot else { return [] }
        let sessions = model.sessions
        guard !sessions.isEmpty else { return ["No session is alive."] }
        let shownSessions = sessionRoom(in: room)
        let selected = model.selectedIndex ?? 0
        // The selected one is always there, in the middle where that can be.
        let first = min(max(0, selected - shownSessions / 2), max(0, sessions.count - shownSessions))
        let table = TextTable(Self.sessionColumns, sessions.map { row($0, snapshot) }, style: narrowed)
        var lines = [Self.noMarker + table.titles]
        for index in first..<min(sessions.count, first + shownSessions) {
            lines.append(marked(table, index, isSelected: index == selected))
        }
        let left = room - lines.count - 2
        guard !snapshot.transfers.isEmpty, left > 0 else { return lines }
        return lines + [""] + transferLines(snapshot.transfers, room: left + 1)
    }

    private func details(of session: ListedSession, room: Int) -> [String] {
        guard let snapshot = model.snapshot else { return [] }
        var facts = [
            ("session", session.id), ("name", session.name.isEmpty ? "-" : session.name),
            ("state", "\(session.state), \(session.policy)"),
            ("began", "\(String(session.startTime.prefix(19)))Z, \(Quantity.time(seconds: session.age)) ago"),
            ("expires", "in \(Quantity.time(seconds: session.left))"),
            (
                "requests",
                "\(session.exchanges), of these \(session.refused) refused and \(session.failed) failed"
            ),
            (
                "delivered",
                "\(Quantity.size(snapshot.delivered(of: session))), now \(Self.rate(model.rates.sessions[session.id] ?? 0))"
            ),
        ]
        for (name, value) in session.labels.sorted(by: { $0.key < $1.key }) { facts.append(("label \(name)", value)) }
        let width = facts.map { DisplayWidth.of(Shown.text($0.0, limit: 60)) }.max() ?? 0
        var lines = facts.map { name, value in
            let name = Shown.text(name, limit: 60)
            let padding = String(repeating: " ", count: width - DisplayWidth.of(name) + 2)
            return fitted(name + padding + Shown.text(value, limit: 500))
        }
        let own = snapshot.transfers(of: session.id)
        guard !own.isEmpty else { return lines + ["", "No transfer is under way."] }
        lines.append("")
        return lines + transferLines(own, room: max(1, room - lines.count))
    }

    /// The table of transfers in so many rows; the last one says how many there is no room for.
    private func transferLines(_ transfers: [ListedTransfer], room: Int) -> [String] {
        let table = transferTable(transfers, narrowed)
        let all = table.lines
        var lines = [table.titles] + all.prefix(max(0, room - 1))
        if all.count > room - 1, room > 1 { lines[lines.count - 1] = "… and \(all.count - room + 2) more" }
        return lines.map { Self.noMarker + $0 }
    }

    private func transferTable(_ transfers: [ListedTransfer], _ style: TerminalStyle) -> TextTable {
        let rows = transfers.map { transfer -> [TextTable.Cell] in
            let done = transfer.size.map { size in
                size > 0 ? "\(min(100, transfer.delivered * 100 / max(1, size))) %" : "-"
            }
            // Where room is short, the method that nearly all have says nothing.
            let method = transfer.method == "GET" && style.width != nil ? "" : "\(transfer.method) "
            return [
                .init(Shown.text(method + transfer.url, limit: 8192)), .init(Shown.text(transfer.stage)),
                .init(Shown.text(transfer.source), transfer.source == "network" ? .yellow : .green),
                .init(done ?? Quantity.size(transfer.delivered)), .init(transfer.size.map(Quantity.size) ?? "?"),
                .init(Self.rate(model.rates.transfers[TopRates.key(transfer)] ?? 0)), .init(time(of: transfer)),
            ]
        }
        return TextTable(Self.transferColumns, rows, style: style)
    }

    private func time(of transfer: ListedTransfer) -> String {
        guard let now = model.snapshot?.time, let began = WallTime(rfc3339: transfer.started) else { return "?" }
        return Quantity.time(seconds: Int64(max(0, (now - began).inSeconds)))
    }

    private func row(_ session: ListedSession, _ snapshot: TopSnapshot) -> [TextTable.Cell] {
        let rate = model.rates.sessions[session.id] ?? 0
        return [
            .init(Shown.text(session.id)), .init(Shown.text(session.name, limit: 200)),
            .init(Shown.text(session.state), session.state == "active" ? .green : .yellow),
            .init(Shown.text(session.policy)), .init(Quantity.time(seconds: session.age)),
            .init(Quantity.time(seconds: session.left)), .init("\(session.exchanges)"),
            .init("\(snapshot.transfers(of: session.id).count)"), .init(Self.rate(rate), rate > 0 ? .bold : nil),
            .init(Quantity.size(snapshot.delivered(of: session))),
        ]
    }

    private func marked(_ table: TextTable, _ index: Int, isSelected: Bool) -> String {
        guard isSelected else { return Self.noMarker + table.lines[index] }
        let text = Self.marker + table.plainLine(index)
        let padding = String(repeating: " ", count: max(0, (style.width ?? 0) - DisplayWidth.of(text)))
        return style.styled(text + padding, .reverse)
    }

    // MARK: Texts

    private static func rate(_ bytes: Double) -> String { "\(Quantity.size(Int64(min(bytes, 1e18))))/s" }

    private func bold(_ text: String) -> String { style.styled(fitted(text), .bold) }

    /// For what stands behind the marker.
    private var narrowed: TerminalStyle {
        TerminalStyle(width: style.width.map { max(1, $0 - Self.marker.count) }, hasColour: style.hasColour)
    }

    private func fitted(_ text: String) -> String { style.width.map { DisplayWidth.cut(text, to: $0) } ?? text }
}
