import Core

/// The table of a session's artifacts.
///
/// In a pipe every cell is whole, so that digests can be compared. A terminal gets what fits, and gives up one thing
/// after the other: the digest becomes 12 digits, the type loses its first half, the type goes, names are cut.
struct ArtifactTable {
    private enum Column: Int, CaseIterable {
        case name, version, type, size, digest, source, verdict

        var title: String {
            switch self {
            case .name: "NAME"
            case .version: "VERSION"
            case .type: "TYPE"
            case .size: "SIZE"
            case .digest: "SHA-256"
            case .source: "FROM"
            case .verdict: "VERDICT"
            }
        }
    }

    /// Between two columns.
    private static let gap = "  "
    private static let shortDigest = 12
    /// Names and versions are cut no further.
    private static let leastText = 8

    private var columns = Column.allCases
    private var rows: [[String]]
    private let style: TerminalStyle

    init(_ artifacts: [RunSummary.Artifact], style: TerminalStyle) {
        self.style = style
        rows = artifacts.map { artifact in
            [
                Self.cell(artifact.name), Self.cell(artifact.version), Self.cell(artifact.type),
                Quantity.size(artifact.size), Self.cell(artifact.sha256),
                Self.cell(artifact.sources.map(\.rawValue).joined(separator: "+")), Self.cell(artifact.verdict),
            ]
        }
        if let width = style.width { fit(into: width) }
    }

    private static func cell(_ text: String) -> String { text.isEmpty ? "-" : Shown.text(text, limit: 300) }

    private mutating func fit(into width: Int) {
        if totalWidth <= width { return }
        change(.digest) { $0.count > Self.shortDigest ? $0.prefix(Self.shortDigest) + "…" : $0 }
        if totalWidth <= width { return }
        change(.type) { type in type.lastIndex(of: "/").map { String(type[type.index(after: $0)...]) } ?? type }
        if totalWidth <= width { return }
        columns.removeAll { $0 == .type }
        for column in [Column.name, .version] {
            let excess = totalWidth - width
            if excess <= 0 { return }
            let target = max(Self.leastText, self.width(of: column) - excess)
            change(column) { DisplayWidth.cut($0, to: target) }
        }
    }

    private mutating func change(_ column: Column, _ body: (String) -> String) {
        for index in rows.indices { rows[index][column.rawValue] = body(rows[index][column.rawValue]) }
    }

    private func width(of column: Column) -> Int {
        rows.reduce(column.title.count) { max($0, DisplayWidth.of($1[column.rawValue])) }
    }

    private var totalWidth: Int {
        columns.reduce(Self.gap.count * (columns.count - 1)) { $0 + width(of: $1) }
    }

    /// The lines of the table, the titles first; none without artifacts.
    var lines: [String] {
        guard !rows.isEmpty else { return [] }
        let widths = columns.map(width)
        let titles = zip(columns, widths).map { column, width in
            (aligned(column.title, column, width), TerminalStyle.Look?.some(.bold))
        }
        let cells = rows.map { row in
            zip(columns, widths).map { column, width in
                (aligned(row[column.rawValue], column, width), look(of: column, row))
            }
        }
        return ([titles] + cells).map(line)
    }

    private func aligned(_ text: String, _ column: Column, _ width: Int) -> String {
        let padding = String(repeating: " ", count: max(0, width - DisplayWidth.of(text)))
        return column == .size ? padding + text : text + padding
    }

    private func look(of column: Column, _ row: [String]) -> TerminalStyle.Look? {
        switch column {
        case .verdict:
            switch row[Column.verdict.rawValue] {
            case "Approved": .green
            case "Rejected": .red
            default: .yellow
            }
        case .digest: .dim
        default: nil
        }
    }

    /// Joins cells without spaces at the end of the line.
    private func line(_ cells: [(text: String, look: TerminalStyle.Look?)]) -> String {
        var cells = cells
        if let last = cells.popLast() { cells.append((Shown.trimmedEnd(last.text), last.look)) }
        return cells.map { style.styled($0.text, $0.look) }.joined(separator: Self.gap)
    }
}
