import Wire

/// Heads: a split changes nothing, what is accepted is written and read back as the same, no rule traps on it.
enum HeadProperties {
    static func request(_ bytes: [UInt8]) throws {
        let end = try scanned(bytes)
        let length = end ?? bytes.count
        guard let head = try? HeadParser.request(bytes.span.extracting(first: length)) else { return }
        try hold(end != nil, "the parser takes what the scanner does not see the end of")
        var once: [UInt8] = []
        head.serialise(into: &once)
        let again = try HeadParser.request(once.span)
        try hold(again == head, "read back as another request")
        var twice: [UInt8] = []
        again.serialise(into: &twice)
        try hold(twice == once, "written twice, it differs")
        // A line may grow by the blank after its colon.
        try hold(once.count <= length + head.fields.count, "it grows")
        try exercise(head)
    }

    static func response(_ bytes: [UInt8]) throws {
        let end = try scanned(bytes)
        let length = end ?? bytes.count
        guard let head = try? HeadParser.response(bytes.span.extracting(first: length)) else { return }
        try hold((100...999).contains(head.status), "a status that is none")
        var once: [UInt8] = []
        head.serialise(into: &once)
        let again = try HeadParser.response(once.span)
        try hold(again.status == head.status && again.fields == head.fields, "read back as another response")
        var twice: [UInt8] = []
        again.serialise(into: &twice)
        // A reason that is no UTF-8 is shown with replacement characters, three bytes each.
        try hold(twice == once, "written twice, it differs")
        try hold(once.count <= 3 * length + head.fields.count + 8, "it grows")
        for method in ["GET", "HEAD", "CONNECT"] { _ = try? head.framing(requestMethod: method) }
        try exercise(head)
    }

    /// The end of the head, after checking that it does not depend on how the bytes arrive.
    private static func scanned(_ bytes: [UInt8]) throws -> Int? {
        func scan(_ pieces: [Int]) -> String {
            var scanner = HeadScanner()
            do {
                for end in pieces {
                    if let length = try scanner.scan(bytes.span.extracting(first: end)) { return "\(length)" }
                }
                return "more"
            } catch {
                return "\(error)"
            }
        }
        let whole = scan([bytes.count])
        for cut in cuts(bytes) {
            let parts = scan([cut, bytes.count])
            try hold(parts == whole, "cut at \(cut): \(parts) instead of \(whole)")
        }
        try hold(scan(Array(0...bytes.count)) == whole, "byte by byte: not \(whole)")
        return Int(whole)
    }

    /// Applies the rules that read requests; only traps count, and what they promise about each other.
    private static func exercise(_ head: RequestHead) throws {
        _ = try? head.framing()
        _ = (head.wantsPersistence, head.expectation, head.isIdempotent)
        var stripped = head.fields
        HopByHop.strip(request: &stripped)
        var twice = stripped
        HopByHop.strip(request: &twice)
        try hold(twice == stripped, "stripping twice differs from stripping once")
        try hold(!stripped.contains("connection") && !stripped.contains("proxy-authorization"), "a hop's field stays")
        if let url = try? RequestURL.proxied(head) {
            _ = (url.key, url.recorded, Redaction.url(url.recorded) { _ in "x" })
        }
        if let authority = try? Authority(parsing: "h.example:443", defaultPort: nil),
            let url = try? RequestURL.tunnelled(head, scheme: .https, authority: authority)
        {
            try hold(url.authority == authority, "another authority than the tunnel's")
        }
        _ = SharingRules.requestKeepsPrivate(head.fields)
        _ = SharingRules.credentialFields(head.fields)
        _ = Redaction.fields(head.fields) { _ in "x" }
        _ = ContentCoding.acceptsGzip(head.fields)
        _ = BasicCredentials(fieldValue: head.fields.first("proxy-authorization") ?? "")
        _ = DigestFields.isWelcome(head.fields, "want-repr-digest")
        _ = RangePlan.of(
            method: head.method, requestFields: head.fields, status: 200, responseFields: head.fields, size: 1000)
        for method in ["GET", "PUT"] {
            _ = Conditions.evaluate(
                requestFields: head.fields, method: method, storedFields: head.fields, storedStatus: 200)
        }
        var conditional = head.fields
        if Validators.addConditions(to: &conditional, from: head.fields) {
            let answer = Conditions.evaluate(
                requestFields: conditional, method: "GET", storedFields: head.fields, storedStatus: 200)
            try hold(answer == .notModified, "our own conditions do not recognise the response they are made from")
        }
    }

    private static func exercise(_ head: ResponseHead) throws {
        for shared in [true, false] {
            let stored = Storability.storedFields(of: head.fields, shared: shared)
            try hold(
                Storability.storedFields(of: stored, shared: shared) == stored,
                "stored fields are not stored as they are")
            var fresh = stored
            Validators.freshen(stored: &fresh, with: head.fields, shared: shared)
            var again = fresh
            Validators.freshen(stored: &again, with: head.fields, shared: shared)
            try hold(again == fresh, "the same 304 twice differs from once")
        }
        if Validators.etag(head.fields) != nil {
            try hold(Validators.selects(stored: head.fields, by: head.fields), "a response is not its own")
        }
        _ = Selection.varyNames(head.fields)
        _ = ContentRange(head.fields)
        _ = DigestFields.sha256(head.fields, "repr-digest")
        _ = PartialContent(status: head.status, fields: head.fields, received: 10)
        if let url = try? RequestURL(parsing: "https://h.example/a/b") {
            for affected in Invalidation.alsoAffected(head.fields, of: url) {
                try hold(affected.authority == url.authority && affected.scheme == .https, "another origin is affected")
            }
        }
    }
}
