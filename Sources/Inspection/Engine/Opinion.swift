package import Core

/// What an inspector thinks of a request or a response (contract `inspectors.md`, section 2).
package enum Opinion: String, Codable, Sendable, Hashable {
    /// Recognised but not vouched for, or not recognised.
    case unknown = "Unknown"
    /// It must not happen; vetoes everything.
    case rejected = "Rejected"
    /// Recognised and verified; responses only.
    case approved = "Approved"
    /// Recognised, the response decides; requests only.
    case pending = "Pending"
}

/// One inspector's opinion with its reasons.
package struct Inspection: Sendable, Hashable, Codable {
    package var opinion: Opinion
    /// Free text for people.
    package var reason: String
    /// Left out of the JSON when empty.
    package var annotations: [String: JSONValue]

    package init(_ opinion: Opinion, _ reason: String, annotations: [String: JSONValue] = [:]) {
        self.opinion = opinion
        self.reason = reason
        self.annotations = annotations
    }

    private enum CodingKeys: String, CodingKey { case opinion, reason, annotations }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        opinion = try container.decode(Opinion.self, forKey: .opinion)
        reason = try container.decodeIfPresent(String.self, forKey: .reason) ?? ""
        annotations = try container.decodeIfPresent([String: JSONValue].self, forKey: .annotations) ?? [:]
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(opinion, forKey: .opinion)
        try container.encode(reason, forKey: .reason)
        if !annotations.isEmpty { try container.encode(annotations, forKey: .annotations) }
    }

    /// Appends the inspection as compact JSON.
    package func append(to json: inout [UInt8]) {
        json += "{\"opinion\":\"\(opinion.rawValue)\",\"reason\":".utf8
        JSONText.appendQuoted(reason, to: &json)
        if !annotations.isEmpty {
            json += ",\"annotations\":".utf8
            JSONValue.object(annotations).append(to: &json)
        }
        json.append(UInt8(ascii: "}"))
    }

    /// Appends inspections as one JSON object, in the order in which they were made.
    static func append(_ inspections: [(id: String, inspection: Inspection)], to json: inout [UInt8]) {
        json.append(UInt8(ascii: "{"))
        for (index, entry) in inspections.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            JSONText.appendQuoted(entry.id, to: &json)
            json.append(UInt8(ascii: ":"))
            entry.inspection.append(to: &json)
        }
        json.append(UInt8(ascii: "}"))
    }
}
