import Core
package import Storage

/// The session-level keys of a report, in the contract's order and then ours.
package struct SessionHead {
    let session: SessionRow
    let context: ReportContext

    package init(session: SessionRow, context: ReportContext) {
        self.session = session
        self.context = context
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
        member("state", session.revoked == nil ? "active" : "revoked")
        member("record-complete", .bool(session.incompleteReason.isEmpty))
        return json
    }

    /// What `session.json` in the spool holds: the session-level keys, indented by tabs.
    package var json: [UInt8] {
        var indenter = JSONIndenter()
        var json = indenter.indented([UInt8(ascii: "{")] + members + [UInt8(ascii: "}")])
        json.append(UInt8(ascii: "\n"))
        return json
    }
}
