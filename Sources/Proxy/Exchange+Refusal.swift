import Cache
import Core
import Inspection
import Logging
import Sessions
import Storage
import Wire

extension Exchange {
    /// Answers with a status and text of our own, recorded before it goes.
    ///
    /// When a part of another answer is already with the client, the transfer is cut instead.
    func refuse(
        _ status: Int, _ text: String, category: ExchangeRow.Category = .refusal, fields: [(String, String)] = [],
        result: ExchangeRow.Result? = nil, judgement: [UInt8] = [], error: ProxyStatus.Failure? = nil
    ) {
        guard phase != .ended, phase != .recording, phase != .released else { return }
        let failure = error ?? ProxyStatus.Failure(status: status, category: category)
        if let failure { loop.counters.note(failure) }
        switch category {
        case .refusal, .artifact: ending = .refused
        case .failure: ending = .failed
        case .response: break
        }
        if delivery?.hasBegun == true {
            var log = log(category)
            log.isTruncated = true
            log.reason = text
            log.result = result
            log.judgement = judgement
            phase = .recording
            return record(log) { [self] in abort() }
        }
        // The size and digest of what was judged stay in the record; the client gets the text.
        let kept = category == .artifact ? whole : nil
        whole = kept
        form = .whole
        // An answer that is our own is no use of the cache (RFC 9211, section 2).
        if category != .response { cacheStatus = nil }
        proxyStatus = failure.map { ProxyStatus($0) }
        startText(status, text, fields: fields)
        var log = log(category)
        log.reason = text
        log.result = result
        log.judgement = judgement
        log.delivered = 0
        phase = .recording
        record(log) { [self] in
            guard phase == .recording else { return }
            // The record says refused, which stays right whatever the client read of it.
            if isCut { return abort() }
            phase = .released
            delivery?.release()
            pump()
        }
    }

    /// A strict session's inspectors have not approved the body.
    func reject(_ reasons: String, result: ExchangeRow.Result, judgement: [UInt8]) {
        let text = "Download not authorized" + (reasons.isEmpty ? "" : ": \(reasons)")
        refuse(403, text, category: .artifact, result: result, judgement: judgement)
    }

    /// Why a strict session must not have an answer, where its fields or its size tell (RULES, "Strict means strict").
    func obstacle(to fields: Wire.Fields, size: Int64?) -> String? {
        guard isStrict else { return nil }
        if let reason = Admission.obstacle(in: fields) { return "Download not authorized: \(reason)" }
        guard let limit = verdict?.bodyLimit, let size, size > limit else { return nil }
        return "Download not authorized: the body is larger than the \(limit) bytes that the claim covers"
    }

    /// The bytes for the client ended before their end, or the origin could not be asked.
    func sourceFailed(_ reason: String, status: Int = 502, error: ProxyStatus.Failure? = nil) {
        switch phase {
        case .starting, .lookingUp, .waiting, .delivering, .concluding:
            refuse(status, reason, category: .failure, error: error)
        case .released: clientFailed(reason)
        case .recording:
            if !isCut { cutReason = reason }
            isCut = true
        case .ended: break
        }
    }

    /// What the client may read of a failure of the storage; the log gets all of it.
    func inPublic(_ error: StoreError?) -> String {
        guard let error else { return "it could not be stored" }
        loop.context.log.error("[\(session.id)] \(error)")
        return error.inPublic
    }

    /// In strict sessions a body that no inspector sees is replaced by a short text (RULES, "Strict means strict").
    func replaceForStrict(_ head: ResponseHead) {
        let kept = ["Location", "WWW-Authenticate", "Retry-After"].flatMap { name in
            head.fields.all(name).map { (name, $0) }
        }
        refuse(head.status, "\(head.status) \(ReasonPhrase.of(head.status))", category: .response, fields: kept)
    }

    /// An answer that cannot be recorded because nothing can: the one kind that goes without.
    func answerUnrecorded(_ status: Int, _ text: String) {
        guard phase != .ended else { return }
        whole = nil
        form = .whole
        cacheStatus = nil
        proxyStatus = ProxyStatus(.internalError)
        ending = .failed
        loop.counters.note(.internalError)
        startText(status, text, fields: [("Retry-After", "5")])
        phase = .released
        delivery?.release()
        pump()
    }

    private func startText(_ status: Int, _ text: String, fields: [(String, String)]) {
        let body = Array((escapedForDisplay(text) + "\n").utf8)
        var head = ResponseHead(status: status)
        head.fields.append("Date", HTTPDate.format(WallTime.now().seconds))
        head.fields.append("Content-Type", "text/plain; charset=utf-8")
        for (name, value) in fields { head.fields.append(name, value) }
        let count = Int64(body.count)
        if let fill {
            self.fill = nil
            fill.leave(fillToken)
            if isLeader, let driver {
                driver.owner = nil
                if fill.key.partition != .shared || driver.admission?.head.isShareable == false { driver.cancel(text) }
            }
            driver = nil
        }
        pendingHead = nil
        startDelivery(head, source: .bytes(body), end: count, length: count)
    }
}
