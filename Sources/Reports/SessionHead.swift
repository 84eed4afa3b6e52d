import Core
package import Storage

/// The session-level keys of a report, in the contract's order and then ours.
package struct SessionHead {
    let session: SessionRow
    let context: ReportContext
    let secretUses: SecretUses

    /// Takes the session with how often its secrets were used.
    package init(session: SessionRow, context: ReportContext, secretUses: SecretUses) {
        self.session = session
        self.context = context
        self.secretUses = secretUses
    }

    private static let comment =
        "Keys may be added; artifact-metadata-version tells when something changes its meaning."

    /// The keys up to the lists, without the braces around them.
    var members: [UInt8] {
        var json: [UInt8] = []
        func member(_ name: String, _ value: JSONValue) {
            if !json.isEmpty { json.append(UInt8(ascii: ",")) }
            JSONText.appendQuoted(name, to: &json)
            json.append(UInt8(ascii: ":"))
            value.append(to: &json)
        }
        let end = session.revoked ?? context.finished
        member("generator", .string("fetch-service \(context.version)"))
        member("comment", .string(Self.comment))
        member("session-id", .string(session.id.text))
        member("start-time", .string(session.created.rfc3339))
        member("end-time", .string(end?.rfc3339 ?? "0001-01-01T00:00:00Z"))
        member("inspectors", .texts(context.inspectors))
        member("spool-path", .string(context.spoolPath))
        member("policy", .string(session.policy.rawValue))
        // Only what whoever opened the session has given: readers of the contract know neither.
        if !session.name.isEmpty { member("name", .string(session.name)) }
        if !session.labels.isEmpty { member("labels", (try? JSONValue(parsing: session.labels)) ?? [:]) }
        member("state", session.revoked == nil ? "active" : "revoked")
        member("record-complete", .bool(session.incompleteReason.isEmpty))
        if !session.secrets.isEmpty { member("secrets", .list(session.secrets.indices.map(secret))) }
        return json
    }

    /// What is said of a secret: which it is, and whether it was any use.
    private func secret(_ index: Int) -> JSONValue {
        let (row, count) = (session.secrets[index], secretUses.counts[index])
        var members: [String: JSONValue] = [
            "index": .integer(Int64(index)), "type": .string(row.type.rawValue), "url": .string(row.url),
            "uses": .integer(count.uses),
        ]
        if row.allowsHTTP { members["allow-http"] = true }
        if count.unused > 0 { members["unused"] = .integer(count.unused) }
        if count.isEmpty {
            let isPlain = row.url.lowercased().hasPrefix("http:") && !row.allowsHTTP
            members["reason"] = .string(
                isPlain
                    ? "no request matched: without allow-http: true none over plain http does"
                    : "no request matched the url")
        }
        return .object(members)
    }

    /// What `session.json` in the spool holds: the session-level keys, indented by tabs.
    package var json: [UInt8] {
        var indenter = JSONIndenter()
        var json = indenter.indented([UInt8(ascii: "{")] + members + [UInt8(ascii: "}")])
        json.append(UInt8(ascii: "\n"))
        return json
    }
}
