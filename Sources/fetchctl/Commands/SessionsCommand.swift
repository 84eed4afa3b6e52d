import ArgumentParser
import Core
import Glibc

/// `fetchctl sessions`.
struct SessionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "List the sessions that are alive, the oldest first.",
        discussion: "A pipe gets everything; a terminal what fits, the columns on the right going first.")

    @OptionGroup var service: ServiceOptions
    @Flag(help: "Print the list as the service gives it, as JSON.") var json = false

    func run() throws {
        let locator = service.locator
        let list = try locator.findRunning().control.sessions()
        if json { return Output.write(json: ["sessions": .list(list)]) }
        let style = TerminalStyle(of: STDOUT_FILENO, environment: locator.environment)
        let table = SessionTable(list.compactMap(ListedSession.init), style: style)
        Output.write(table.lines.map { $0 + "\n" }.joined(), to: STDOUT_FILENO)
    }
}

/// The table of live sessions.
struct SessionTable {
    private static let columns: [TextTable.Column] = [
        .init(title: "SESSION", least: 9), .init(title: "NAME", least: 16), .init(title: "STATE"),
        .init(title: "POLICY", rank: 3), .init(title: "AGE", isRight: true),
        .init(title: "LEFT", isRight: true, rank: 2), .init(title: "REQUESTS", isRight: true),
        .init(title: "REFUSED", isRight: true, rank: 4),
        .init(title: "FAILED", isRight: true, rank: 4), .init(title: "DELIVERED", isRight: true),
        .init(title: "LABELS", least: 10, rank: 5),
    ]

    let sessions: [ListedSession]
    let style: TerminalStyle

    init(_ sessions: [ListedSession], style: TerminalStyle) {
        self.sessions = sessions
        self.style = style
    }

    /// All lines.
    var lines: [String] {
        guard !sessions.isEmpty else { return ["No session is alive."] }
        let table = TextTable(Self.columns, sessions.map(Self.row), style: style)
        return [table.titles] + table.lines
    }

    private static func row(_ session: ListedSession) -> [TextTable.Cell] {
        let labels = session.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        return [
            .init(Shown.text(session.id)), .init(Shown.text(session.name, limit: 200)),
            .init(Shown.text(session.state), session.state == "active" ? .green : .yellow),
            .init(Shown.text(session.policy)), .init(Quantity.time(seconds: session.age)),
            .init(Quantity.time(seconds: session.left)), .init("\(session.exchanges)"),
            .init("\(session.refused)", session.refused > 0 ? .yellow : nil),
            .init("\(session.failed)", session.failed > 0 ? .red : nil), .init(Quantity.size(session.delivered)),
            .init(Shown.text(labels, limit: 300)),
        ]
    }
}
