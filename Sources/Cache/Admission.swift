package import Core
package import Storage
package import Wire

/// What becomes of an origin's answer: what clients get, whether it is decoded, who may be answered with it, what is stored.
///
/// Pure; RULES "What may be shared" and "Content coding", RFC 9111 section 3.
package struct Admission: Sendable {
    /// The request that the answer belongs to.
    package struct Request: Sendable {
        package var method: String
        /// The client's fields, hop-by-hop ones removed, before ours were put in.
        package var fields: Fields
        /// Who could be answered, judging by the request alone.
        package var partition: Partition
        /// Whose request it is.
        package var session: SessionID
        /// Whether we asked the origin for gzip in place of the client.
        package var askedForGzip: Bool
        /// Whether nothing of it may be entered for reuse (a body, `no-store`).
        package var neverStored: Bool
        /// Whether the URL names the bytes that it stands for.
        package var namesItsContent: Bool
        /// Whether a stored answer stands in for errors of the origin, whose place they must not take (RFC 5861).
        package var hidesErrors: Bool

        package init(
            method: String, fields: Fields, partition: Partition, session: SessionID, askedForGzip: Bool,
            neverStored: Bool, namesItsContent: Bool = false, hidesErrors: Bool = false
        ) {
            self.method = method
            self.fields = fields
            self.partition = partition
            self.session = session
            self.askedForGzip = askedForGzip
            self.neverStored = neverStored
            self.namesItsContent = namesItsContent
            self.hidesErrors = hidesErrors
        }
    }

    /// The head for those who read the fill.
    package var head: Fill.Head
    /// The head as it is stored, with the origin's own validators; `nil` when nothing is entered for reuse.
    package var storedHead: ResponseHead?
    /// Seconds of freshness that are assumed because the origin says nothing.
    package var assumedLifetime: Int64
    /// Why nothing is.
    package var notStored: String?
    /// The head for the client whose request this was, with what is meant for nobody else, such as `Set-Cookie`.
    package var ownHead: ResponseHead
    /// Whether gzip must be undone.
    package var mustDecode: Bool
    /// Who may read the body's bytes in the store.
    package var scope: BlobScope

    /// Decides.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - response: The answer's head as the origin sent it.
    ///   - length: The body's length, if the origin said it.
    ///   - responseTime: When the head came, in seconds since the epoch.
    package init(request: Request, response: ResponseHead, length: Int64?, responseTime: Int64) {
        let isShared = request.partition == .shared
        var fields = response.fields
        HopByHop.strip(response: &fields)
        Freshness.supplyDate(in: &fields, responseTime: responseTime)

        mustDecode = request.askedForGzip && ContentCoding.isGzip(fields)
        var reason: String?
        if request.neverStored { reason = "the request forbids it" }
        if reason == nil, request.hidesErrors, ReusePolicy.isError(response.status) {
            reason = "a stored answer stands in for errors"
        }
        if reason == nil {
            let storability = Storability.of(
                method: request.method, requestFields: request.fields, status: response.status, responseFields: fields,
                responseTime: responseTime, shared: isShared)
            if case .notStorable(let why) = storability { reason = why.rawValue }
        }
        if reason == nil, isShared, fields.serialisedSize > SharingRules.largestSharedHead {
            reason = "the head is larger than \(SharingRules.largestSharedHead) bytes"
        }
        notStored = reason
        assumedLifetime =
            request.namesItsContent && response.status == 200 && ContentNaming.isSilent(fields)
            ? ContentNaming.lifetime : 0
        let isReusable = reason == nil
        scope = isReusable ? request.partition.scope : .session(request.session)

        // Framing is ours to say, anew for each client.
        fields.remove("Content-Length")
        if mustDecode {
            for name in ["Content-Encoding", "Content-MD5", "Content-Digest", "Repr-Digest", "Digest"] {
                fields.remove(name)
            }
        }
        var stored = Storability.storedFields(of: fields, shared: isShared)
        stored.remove("Set-Cookie")
        let storedResponse = ResponseHead(status: response.status, reason: response.reason, fields: stored)
        storedHead = isReusable ? storedResponse : nil
        let varyNames = Selection.varyNames(fields)
        ownHead = Self.asServed(
            ResponseHead(status: response.status, reason: response.reason, fields: fields), decoded: mustDecode)
        head = Fill.Head(
            response: Self.asServed(storedResponse, decoded: mustDecode), length: mustDecode ? nil : length,
            partition: request.partition, isShareable: isReusable, varyNames: varyNames,
            variant: Selection.variantKey(names: varyNames ?? [], requestFields: request.fields), isDecoded: mustDecode)
    }

    /// Why inspectors cannot read what comes with these fields, if they cannot: a coding other than gzip.
    package static func obstacle(in fields: Fields) -> String? {
        let codings = ContentCoding.of(fields)
        guard !codings.isEmpty, !ContentCoding.isGzip(fields) else { return nil }
        return "the content coding \(codings.joined(separator: ", ")) cannot be inspected"
    }

    /// A stored head as clients get it: the validator of a decoded body is weak, since the origin's was for other bytes.
    package static func asServed(_ stored: ResponseHead, decoded: Bool) -> ResponseHead {
        guard decoded else { return stored }
        var head = stored
        Validators.weakenTag(in: &head.fields)
        return head
    }
}
