import Core
import Cryptography
import Platform
import Relay
import Wire

extension Exchange {
    /// Whether the connection should offer bytes of the request's body now.
    var wantsBody: Bool {
        guard hasRequestBody, !isUploadComplete, mayUpload else { return false }
        if let secretUse, secretUse.isInTheWay { return secretUse.isGathering }
        return driver?.takesBody == true
    }

    /// What is left of the request's body is little enough to be read and thrown away.
    var unreadBodyIsSmall: Bool {
        guard case .length(let length) = requestFraming else { return false }
        return length - uploadSize <= Held.wholeUpTo
    }

    /// Takes bytes of the request's body.
    ///
    /// - Returns: How many were taken; the rest is offered again when the origin takes more.
    func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard wantsBody else { return 0 }
        guard uploadSize + Int64(bytes.count) <= settings.largestBody else {
            sourceFailed("the request's body is larger than \(settings.largestBody) bytes", status: 413)
            return 0
        }
        let taken =
            if let secretUse, secretUse.isGathering { gather(bytes, for: secretUse) } else {
                driver?.sendBody(bytes) ?? 0
            }
        if taken > 0 {
            let digest = uploadDigest ?? SHA256Stream()
            uploadDigest = digest
            digest.update(UnsafeRawBufferPointer(rebasing: bytes[..<taken]))
            uploadSize += Int64(taken)
            loop.counters.uploaded.add(taken)
        }
        return taken
    }

    /// The request's body is complete.
    func endBody(trailers: Fields) {
        guard !isUploadComplete else { return }
        isUploadComplete = true
        var fields = trailers
        HopByHop.strip(request: &fields)
        if let secretUse, secretUse.isGathering { return gathered(fields, for: secretUse) }
        driver?.endBody(trailers: fields.isEmpty ? nil : fields)
    }

    func fillWantsBody() {
        guard hasRequestBody, phase == .waiting || phase == .delivering else { return }
        if let secretUse, secretUse.isInTheWay, !sendGathered(of: secretUse) { return }
        if !mayUpload {
            if request.expectation == .continue {
                // The client waits for the origin's word; an origin that says nothing must not keep it waiting for ever.
                guard continueTimer == nil else { return }
                continueTimer = loop.loop.schedule(after: settings.continueWait) { [weak self] in self?.goOn() }
                return
            }
            mayUpload = true
        }
        connection?.bodyWanted()
    }

    func fillInterim(_ head: ResponseHead) {
        if head.status == 100 { return goOn() }
        // Interim answers need no record; a strict session's client gets none that an origin makes up.
        guard !isStrict, request.version == .http11, delivery == nil else { return }
        var fields = head.fields
        HopByHop.strip(response: &fields)
        var bytes: [UInt8] = []
        ResponseHead(status: head.status, reason: head.reason, fields: fields).serialise(into: &bytes)
        connection?.sendNow(bytes)
    }

    /// Tells the client to send its body.
    private func goOn() {
        guard hasRequestBody, !mayUpload, phase == .waiting else { return }
        continueTimer?.cancel()
        mayUpload = true
        if request.expectation == .continue, request.version == .http11 {
            connection?.sendNow(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        }
        connection?.bodyWanted()
    }
}
