import Core

/// What a person reads about the cache.
enum CacheText {
    /// The lines of `cache stats`.
    static func facts(_ facts: JSONValue) -> [String] {
        let size = number(facts, "bytes-on-disk")
        let limit = number(facts, "limit")
        let percent = limit > 0 ? Int((Double(size) / Double(limit) * 100).rounded()) : 0
        let share = limit > 0 ? " (\(percent) % of \(Quantity.size(limit)))" : ""
        let evictions = facts["evictions"]
        var lines = [
            ("stored responses", "\(number(facts, "entries"))"),
            ("bodies", "\(number(facts, "blobs")), \(Quantity.size(number(facts, "logical-bytes"))) of content"),
            ("on disk", Quantity.size(size) + share),
            ("free for caching", Quantity.size(number(facts, "space-left"))),
            (
                "evicted",
                "\(counted(Int(number(evictions, "blobs")), "body", plural: "bodies")), "
                    + "\(Quantity.size(number(evictions, "bytes"))) since the start"
            ),
            ("compared", compared(facts["scrubbing"])),
        ]
        if let verification = facts["verification"], verification != .null {
            lines.append(("cache verify", state(verification, verified(verification), verifying(verification))))
        }
        if let collection = facts["collection"], collection != .null {
            lines.append(("cache gc", state(collection, collected(collection), collecting(collection))))
        }
        let width = lines.map(\.0.count).max() ?? 0
        return lines.map { $0 + String(repeating: " ", count: width - $0.count + 2) + $1 }
    }

    private static func compared(_ scrubbing: JSONValue?) -> String {
        let checked = number(scrubbing, "checked")
        let pass = scrubbing?["last-pass"]?.text.map { ", all by \(Shown.text(String($0.prefix(19)), limit: 19))Z" }
        return "\(counted(Int(checked), "body", plural: "bodies")) with their digests since the start"
            + faults(scrubbing) + (pass ?? ", not all yet")
    }

    private static func state(_ work: JSONValue, _ ended: String, _ running: String) -> String {
        work["state"]?.text == "running" ? running : ended
    }

    /// How far a comparison is.
    static func verifying(_ work: JSONValue) -> String {
        "comparing: \(number(work, "checked")) of \(number(work, "blobs")) bodies, \(Quantity.size(number(work, "bytes")))"
            + faults(work)
    }

    /// What a comparison came to.
    static func verified(_ work: JSONValue) -> String {
        if work["state"]?.text == "running" { return verifying(work) }
        let what = counted(Int(number(work, "checked")), "body", plural: "bodies")
        let text = "compared \(what), \(Quantity.size(number(work, "bytes")))"
        return text + (faults(work).isEmpty ? ": all are right" : faults(work)) + failure(work)
    }

    /// How far a collection is.
    static func collecting(_ work: JSONValue) -> String {
        "making room: \(Quantity.size(number(work, "evicted-bytes"))) freed so far"
    }

    /// What a collection came to.
    static func collected(_ work: JSONValue) -> String {
        if work["state"]?.text == "running" { return collecting(work) }
        let what = counted(Int(number(work, "evicted-blobs")), "body", plural: "bodies")
        return "evicted \(what), \(Quantity.size(number(work, "evicted-bytes"))); "
            + "the cache takes \(Quantity.size(number(work, "bytes-on-disk")))" + failure(work)
    }

    private static func failure(_ work: JSONValue) -> String {
        work["state"]?.text == "failed" ? "; it did not come to its end: \(Shown.text(work["reason"]?.text ?? ""))" : ""
    }

    private static func faults(_ work: JSONValue?) -> String {
        ["damaged", "missing", "unreadable"].compactMap { kind in
            let count = number(work, kind)
            return count > 0 ? ", \(count) \(kind)" : nil
        }.joined()
    }

    private static func number(_ value: JSONValue?, _ name: String) -> Int64 { value?[name]?.integer ?? 0 }

    private static let columns: [TextTable.Column] = [
        .init(title: "URL", least: 24, keepsEnd: true), .init(title: "STATUS", isRight: true, rank: 4),
        .init(title: "SIZE", isRight: true), .init(title: "STATE"), .init(title: "STORED", rank: 2),
        .init(title: "SHA-256", least: 13, rank: 3),
        .init(title: "FOR", least: 8, rank: 5),
    ]

    /// The table of stored responses.
    static func table(_ entries: [JSONValue], style: TerminalStyle) -> TextTable {
        let rows = entries.map { entry -> [TextTable.Cell] in
            let freshness = entry["freshness"]?.text ?? ""
            return [
                .init(Shown.text(entry["url"]?.text ?? "", limit: 8192)), .init("\(number(entry, "status"))"),
                .init(Quantity.size(number(entry, "size"))),
                .init(Shown.text(freshness), freshness == "fresh" ? .green : .dim),
                .init(Shown.text(String((entry["stored"]?.text ?? "").prefix(19)))),
                .init(Shown.text(entry["sha256"]?.text ?? ""), .dim),
                .init(Shown.text(entry["session-id"]?.text ?? "all")),
            ]
        }
        return TextTable(columns, rows, style: style)
    }
}
