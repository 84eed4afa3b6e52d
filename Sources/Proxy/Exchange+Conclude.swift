import Cache
import Core
import Cryptography
import Inspection
import Logging
import Relay
import Sessions
import Storage
import Platform
import Wire

extension Exchange {
    /// All bytes are known: judge them if they are an artifact, record the exchange, and release what is held.
    ///
    /// - Parameter blob: Stored bytes that must be compared with their digest before the last of them goes.
    func conclude(verifying blob: StoredBlob?) {
        phase = .concluding
        pump()
        guard phase == .concluding, let whole else { return }
        startTrickle()
        if let blob {
            let (cache, body) = (loop.cache, whole.body)
            return onPool {
                // What is sent, not what the store has now: it may have been evicted or moved since it was opened.
                guard Self.isRight(body, blob) else { return false }
                let isStillThere = (try? cache.locate(blob.digest, scope: blob.scope)) ?? nil
                if isStillThere != nil { cache.markVerified(blob.digest, scope: blob.scope) }
                return true
            } then: { [self] isRight in
                guard phase == .concluding else { return }
                isRight ? conclude(verifying: nil) : storedBodyIsWrong(blob)
            }
        }
        // Any 2xx that carries a body is something a build may have used.
        let status = responseHead?.status ?? 0
        let isArtifact =
            (form != .whole || status == 200 || (201..<300).contains(status) && whole.size > 0)
            && request.method != "HEAD"
        guard isArtifact, let verdict else { return recordAndRelease(.response) }
        let use = ArtifactUse(
            digest: whole.digest, size: whole.size, url: recordedURL, method: request.method,
            status: responseHead?.status ?? 0,
            contentType: wholeType ?? responseHead?.fields.first("Content-Type") ?? "",
            request: verdict, policy: session.policy)
        if let outcome = loop.context.examiner.examineKnown(use, engine: engine) { return examined(outcome) }
        if !isStrict {
            inspectionTimer = loop.loop.schedule(after: settings.inspectionWait) { [weak self] in
                guard let self, phase == .concluding else { return }
                recordAndRelease(.artifact)
            }
        }
        let eventLoop = loop.loop
        loop.context.examiner.examine(use, body: whole.body, engine: engine, for: session, member.ledger) {
            [self] outcome in
            eventLoop.execute { self.examined(outcome) }
        }
    }

    /// Reads a stored body and compares it with its digest; `false` also when it cannot be read.
    private static func isRight(_ body: Examiner.Body, _ blob: StoredBlob) -> Bool {
        switch body {
        case .bytes(let bytes): return SHA256Hasher.digest(bytes) == blob.digest
        case .none: return false
        case .reader(let reader):
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
            defer { buffer.deallocate() }
            var hasher = SHA256Hasher()
            var offset: Int64 = 0
            while true {
                guard let count = try? reader.read(at: offset, into: buffer) else { return false }
                if count == 0 { break }
                hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                offset += Int64(count)
            }
            let digest = hasher.finish()
            return offset == blob.logicalSize && digest == blob.digest
        }
    }

    /// The stored bytes are not what their digest says: nobody may take them for complete.
    private func storedBodyIsWrong(_ blob: StoredBlob) {
        loop.context.log.error("stored body \(blob.digest) is damaged and was dropped")
        loop.counters.damagedBodies.add()
        let cache = loop.cache
        if let url { cache.drop(blob.digest, scope: blob.scope, of: FillKey(partition: partition, key: url.key)) }
        onPool {
            try? cache.blobs.remove(blob)
        } then: { _ in
        }
        if delivery?.hasBegun == true {
            sourceFailed("the stored body was damaged")
        } else {
            delivery = nil
            whole = nil
            form = .whole
            lookUp()
        }
    }

    private func examined(_ outcome: Examiner.Outcome) {
        inspectionTimer?.cancel()
        let result: ExchangeRow.Result =
            switch outcome.verdict.result {
            case .approved: .approved
            case .rejected: .rejected
            case .unknown: .unknown
            }
        guard phase == .concluding else {
            // The answer did not wait; the record learns the verdict now.
            if hasUnconcludedRow {
                if let number {
                    conclude(number, result, outcome.judgement)
                } else {
                    lateOutcome = (result, outcome.judgement)
                }
            }
            return
        }
        if isStrict, result != .approved {
            return reject(outcome.verdict.refusalReason, result: result, judgement: outcome.judgement)
        }
        recordAndRelease(.artifact, result: result, judgement: outcome.judgement)
    }

    private func conclude(_ number: Int64, _ result: ExchangeRow.Result, _ judgement: [UInt8]) {
        let health = loop.context.health
        loop.context.recorder.submit([.conclude(session.id, number: number, result: result, judgement: judgement)]) {
            if case .failure(let error) = $0 { health.note(error) }
        }
    }

    // MARK: - The record

    private func recordAndRelease(
        _ category: ExchangeRow.Category, result: ExchangeRow.Result? = nil, judgement: [UInt8] = []
    ) {
        if category == .artifact {
            if let result { learn(result: result, judgement: judgement) } else { hasUnconcludedRow = true }
        }
        var log = log(category)
        log.result = result
        log.judgement = judgement
        // What is recorded is what will have been given when the release is over.
        log.delivered = expectedDelivery
        phase = .recording
        record(log) { [self] in release() }
    }

    private var expectedDelivery: Int64 {
        switch form {
        case .notModified: 0
        case .range(let range): range.count
        case .parts(let parts): parts.parts.reduce(0) { $0 + $1.count }
        case .whole: request.method == "HEAD" ? 0 : whole?.size ?? 0
        }
    }

    /// The exchange as it is recorded.
    func log(_ category: ExchangeRow.Category) -> ExchangeLog {
        var log = ExchangeLog(
            category: category, started: started, ended: .now(), duration: .now() - startedMonotonic,
            method: request.method, url: recordedURL, address: client.text, requestFields: request.fields)
        if let head = responseHead {
            log.status = head.status
            log.reasonPhrase = head.reason
            log.responseFields = head.fields
        }
        log.source = source
        log.fillNanoseconds = fillNanoseconds
        log.delivered = delivery?.delivered ?? 0
        if let whole, request.method != "HEAD" {
            log.digest = whole.digest
            log.size = whole.size
        }
        switch form {
        case .whole: break
        case .notModified: log.standsFor = whole?.digest.hex ?? "unknown"
        case .range(let range): log.range = range.contentRange(size: whole?.size ?? wholeSize ?? 0)
        case .parts(let parts):
            let list = parts.parts.map { "\($0.first)-\($0.last)" }.joined(separator: ",")
            log.range = "bytes \(list)/\(parts.size)"
        }
        if let relayReason, responseHead?.status == 206 {
            // What is known is the digest of the part alone.
            log.isPartial = true
            log.range = responseHead?.fields.first("Content-Range")
            log.reason = relayReason
            if form == .notModified { log.standsFor = "unknown" }
        }
        if hasRequestBody, isUploadComplete || uploadDigest != nil {
            // A chunked body may have no byte at all.
            log.requestBody = (uploadSize, (uploadDigest ?? SHA256Stream()).finish())
            uploadDigest = nil
        }
        if let secretUse { log.secret = (secretUse.secret.index, secretUse.unusedBecause) }
        if let verdict, category != .artifact { log.requestInspection = verdict.json }
        if category == .artifact, isLeader, log.reason.isEmpty, let why = driver?.admission?.notStored {
            log.reason = driver?.keepsBody == false ? "not kept: it may hold a token" : "not cached: \(why)"
        }
        return log
    }

    /// Makes the record durable, then goes on; nothing that is held goes without it.
    func record(_ log: ExchangeLog, then: @escaping () -> Void) {
        let row = log.row(session: session)
        if row.category == .artifact, let digest = row.digest { loop.cache.pin(digest, for: session.id) }
        afterRecord = then
        loop.record(row, of: self)
    }

    /// The row is durable, or cannot be.
    func recorded(_ result: Result<Int64, StoreError>) {
        let then = afterRecord
        afterRecord = nil
        switch result {
        case .success(let number):
            self.number = number
            if let late = lateOutcome {
                lateOutcome = nil
                conclude(number, late.result, late.judgement)
            }
            if let then { then() } else { release() }
        case .failure(let error):
            unrecorded(error)
        }
    }

    /// The record could not be written: what is held stays here for ever.
    private func unrecorded(_ error: StoreError) {
        guard phase != .ended else { return }
        loop.context.log.error("[\(session.id)] an exchange could not be recorded: \(error)")
        guard delivery?.hasBegun != true, connection != nil, !isCut else { return abort() }
        answerUnrecorded(503, "the record cannot be written: \(error.inPublic)")
    }

    /// Lets go what was held.
    private func release() {
        guard phase == .recording else { return }
        if isCut { return cutRecorded() }
        phase = .released
        delivery?.release()
        pump()
    }

    // MARK: - Ends from outside

    /// The session's token is gone: the transfer ends here, recorded as truncated.
    func cut(_ reason: String) {
        if !isCut { cutReason = reason }
        isCut = true
        switch phase {
        case .ended, .recording: break  // a record under way comes first, then `release` sees the cut
        case .released: cutRecorded()
        case .starting, .lookingUp, .waiting, .delivering, .concluding:
            var log = log(.failure)
            log.isTruncated = true
            log.reason = reason
            phase = .recording
            record(log) { [self] in abort() }
        }
    }

    /// The record says delivered, which is not so any more.
    private func cutRecorded() {
        truncateRecord(cutReason) { [self] in abort() }
    }

    private func truncateRecord(_ reason: String, then: @escaping () -> Void) {
        guard let number, let delivery, delivery.delivered < expectedDelivery || !delivery.hasBegun else {
            return then()
        }
        phase = .recording
        recordingSince = loop.loop.now
        let back = LoopBound(then)
        let eventLoop = loop.loop
        loop.context.recorder.submit([
            .delivered(session.id, number: number, bytes: delivery.delivered, truncated: reason)
        ]) { _ in eventLoop.execute { back.value() } }
    }

    /// The client's connection is of no use any more.
    func clientFailed(_ reason: String) {
        switch phase {
        case .ended: break
        case .recording:
            if !isCut { cutReason = reason }
            isCut = true
        case .released: truncateRecord(reason) { [self] in abort() }
        case .starting, .lookingUp, .waiting, .delivering, .concluding:
            var log = log(.failure)
            log.isTruncated = true
            log.reason = reason
            phase = .recording
            record(log) { [self] in abort() }
        }
    }
}
