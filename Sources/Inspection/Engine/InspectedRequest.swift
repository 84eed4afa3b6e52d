package import Core
package import Wire

/// A request as inspectors see it, before anything is sent to the origin.
package struct InspectedRequest: Sendable {
    package var method: String
    /// The URL in its recorded form (contract `proxy.md`, "URL normalisation").
    package var url: String
    /// Whether two readers see the same path in it; if not, the request is never claimed.
    package var isOrdinary: Bool
    package var fields: Fields
    package var policy: SessionPolicy

    package init(method: String, url: String, isOrdinary: Bool = true, fields: Fields = Fields(), policy: SessionPolicy)
    {
        self.method = method
        self.url = url
        self.isOrdinary = isOrdinary
        self.fields = fields
        self.policy = policy
    }

    /// Whether the request brings a body.
    var hasBody: Bool {
        if fields.contains("Transfer-Encoding") { return true }
        guard let length = fields.first("Content-Length") else { return false }
        return length != "0"
    }
}

/// What the inspectors say about a request.
package struct RequestVerdict: Sendable {
    /// In the order in which the inspectors ran.
    package var inspections: [(id: String, inspection: Inspection)]
    /// Whether bytes may reach the client of a strict session before the verdict; with several claims the strictest.
    package var delivery: Delivery
    /// How many bytes the answer may have; no limit when nobody claims the request.
    package var bodyLimit: Int64

    package init(
        inspections: [(id: String, inspection: Inspection)] = [], delivery: Delivery = .held, bodyLimit: Int64 = .max
    ) {
        self.inspections = inspections
        self.delivery = delivery
        self.bodyLimit = bodyLimit
    }

    /// Whether somebody forbids it.
    package var isRejected: Bool { inspections.contains { $0.inspection.opinion == .rejected } }

    /// Whether somebody claims it and nobody forbids it: what a strict session needs.
    package var isPending: Bool { !isRejected && inspections.contains { $0.inspection.opinion == .pending } }

    /// Why a strict session refuses the request: the reasons of those who forbid it, or else of those who said anything.
    package var refusalReason: String {
        let rejections = inspections.filter { $0.inspection.opinion == .rejected }
        let speakers = rejections.isEmpty ? inspections.filter { $0.inspection.opinion == .unknown } : rejections
        return speakers.map { "\($0.id): \($0.inspection.reason)" }.joined(separator: "; ")
    }

    /// One inspector's opinion.
    package subscript(id: String) -> Inspection? { inspections.first { $0.id == id }?.inspection }

    /// The inspections as one JSON object: `request-inspection` of a download.
    package var json: [UInt8] {
        var json: [UInt8] = []
        Inspection.append(inspections, to: &json)
        return json
    }
}
