/// How the end of a body is found (RFC 9112, section 6.3).
package enum BodyFraming: Sendable, Equatable {
    /// No body at all; the next byte belongs to the next message.
    case none
    /// This many bytes, perhaps none.
    case length(Int64)
    /// Chunks and trailers.
    case chunked
    /// Everything until an orderly end of the connection; responses only.
    case untilClose
}

extension RequestHead {
    /// How this request's body ends.
    ///
    /// Two `Content-Length`s are an error even when they agree (RFC 9112, section 6.3, allows to refuse them).
    ///
    /// - Throws: 400 for framing that two parsers could read differently; 501 for a transfer coding that we do not know.
    package func framing() throws(MessageError) -> BodyFraming {
        let framing = try fields.declaredFraming(version: version, fault: .request, unknownCoding: 501)
        guard method == "CONNECT" else { return framing ?? .none }
        // CONNECT has no content (RFC 9110, section 9.3.6); what follows belongs to the tunnel.
        guard framing == nil || framing == .length(0) else { throw .bad("CONNECT has no body") }
        return .none
    }
}

extension ResponseHead {
    /// How this response's body ends.
    ///
    /// The fields are checked even where no body follows, since they are forwarded. A 101 and a 2xx to CONNECT have no
    /// body; what follows is another protocol's, and the caller's.
    ///
    /// - Throws: 502 for contradictory or unknown framing: an origin's fault.
    package func framing(requestMethod: String) throws(MessageError) -> BodyFraming {
        let framing = try fields.declaredFraming(version: version, fault: .response, unknownCoding: 502)
        if requestMethod == "HEAD" || status < 200 || status == 204 || status == 304 { return .none }
        if requestMethod == "CONNECT", status < 300 { return .none }
        return framing ?? .untilClose
    }
}

extension Fields {
    /// What `Content-Length` and `Transfer-Encoding` say; nil when neither is there.
    fileprivate func declaredFraming(version: HTTPVersion, fault: SectionFault, unknownCoding: Int) throws(MessageError)
        -> BodyFraming?
    {
        let lengths = count(of: "content-length")
        let codings = count(of: "transfer-encoding")
        guard lengths == 0 || codings == 0 else {
            throw fault.error("both Content-Length and Transfer-Encoding are given")
        }
        if codings > 0 {
            guard version == .http11 else { throw fault.error("Transfer-Encoding in HTTP/1.0") }
            if codings == 1, hasValue("transfer-encoding", "chunked") { return .chunked }
            for coding in list("transfer-encoding") {
                let name = ASCII.trimmed(coding.split(separator: ";", omittingEmptySubsequences: false)[0])
                guard Fields.isValidName(name) else { throw fault.error("Transfer-Encoding is malformed") }
                if !ASCII.equalIgnoringCase(name, "chunked") {
                    throw MessageError(status: unknownCoding, reason: "only the transfer coding chunked is known here")
                }
            }
            throw fault.error("Transfer-Encoding is not exactly \"chunked\"")
        }
        guard lengths > 0 else { return nil }
        guard lengths == 1 else { throw fault.error("more than one Content-Length") }
        guard let length = withFirst("content-length", ASCII.decimal) ?? nil else {
            throw fault.error("Content-Length is not one decimal number")
        }
        return .length(length)
    }
}
