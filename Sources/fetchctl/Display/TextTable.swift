/// A table of texts that fits into a terminal.
///
/// In a pipe every cell is whole. A terminal gets what fits: first the columns that may be cut give room, down to their
/// least width, then columns go, those with the highest `rank` first.
struct TextTable {
    struct Column {
        var title: String
        var isRight = false
        /// To how many columns it may be cut; `nil` leaves it whole.
        var least: Int?
        /// Whether it is cut in its middle, as is right for URLs.
        var keepsEnd = false
        /// When it goes; 0 stays.
        var rank = 0
    }

    /// A cell with its look.
    struct Cell {
        var text: String
        var look: TerminalStyle.Look?

        init(_ text: String, _ look: TerminalStyle.Look? = nil) {
            self.text = text.isEmpty ? "-" : text
            self.look = look
        }
    }

    /// Between two columns.
    private static let gap = "  "

    private var columns: [Column]
    private var widths: [Int]
    private var shown: [Int]
    private let rows: [[Cell]]
    private let style: TerminalStyle

    /// Makes a table; each row has a cell for every column.
    init(_ columns: [Column], _ rows: [[Cell]], style: TerminalStyle) {
        self.columns = columns
        self.rows = rows
        self.style = style
        shown = Array(columns.indices)
        widths = columns.indices.map { index in
            rows.reduce(columns[index].title.count) { max($0, DisplayWidth.of($1[index].text)) }
        }
        if let width = style.width { fit(into: width) }
    }

    private var totalWidth: Int { shown.reduce(Self.gap.count * (shown.count - 1)) { $0 + widths[$1] } }

    private mutating func fit(into width: Int) {
        let whole = widths
        // What is left in the end goes back to those that were cut, the first first.
        defer {
            for index in shown where widths[index] < whole[index] {
                widths[index] += min(whole[index] - widths[index], max(0, width - totalWidth))
            }
        }
        while totalWidth > width {
            let excess = totalWidth - width
            // The widest gives first.
            let cuttable = shown.filter { widths[$0] > max(columns[$0].least ?? .max, columns[$0].title.count) }
            if let index = cuttable.max(by: { widths[$0] < widths[$1] }), let least = columns[index].least {
                widths[index] = max(least, columns[index].title.count, widths[index] - excess)
            } else if let index = shown.max(by: { columns[$0].rank < columns[$1].rank }), columns[index].rank > 0 {
                shown.removeAll { $0 == index }
            } else {
                return
            }
        }
    }

    /// The line of titles.
    var titles: String { line(columns.map { Cell($0.title, .bold) }) }

    /// The lines of the rows.
    var lines: [String] { rows.map(line) }

    /// One row without looks, for a line that has one look as a whole.
    func plainLine(_ index: Int) -> String { line(rows[index].map { Cell($0.text) }) }

    private func line(_ cells: [Cell]) -> String {
        var parts = shown.map { index -> (text: String, look: TerminalStyle.Look?) in
            let cut = columns[index].keepsEnd ? DisplayWidth.cutInside : DisplayWidth.cut
            let text = cut(cells[index].text, widths[index])
            let padding = String(repeating: " ", count: max(0, widths[index] - DisplayWidth.of(text)))
            return (columns[index].isRight ? padding + text : text + padding, cells[index].look)
        }
        if let last = parts.popLast() { parts.append((Shown.trimmedEnd(last.text), last.look)) }
        return parts.map { style.styled($0.text, $0.look) }.joined(separator: Self.gap)
    }
}
