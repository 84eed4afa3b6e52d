import Cache
import Core
import Cryptography
import Storage
import Wire

extension Exchange {
    /// What opening a stored body came to.
    private enum Opened: Sendable {
        /// All of it in memory, and the reader that it came from where memory may let it go again soon.
        case bytes([UInt8], (any BlobReader)?)
        /// A reader, and whether the bytes were compared with their digest since the start.
        case reader(any BlobReader, StoredBlob, isVerified: Bool)
        case gone
    }

    /// Sends a stored answer; `status` tells the client why it is one.
    func serve(_ entry: StoredEntry, age: Int64, as status: CacheStatus) {
        let response = entry.response
        cacheStatus = status
        source = attempts > 1 && source == .revalidated ? .revalidated : .cache
        if let bytes = loop.cache.rememberedBody(response.digest) {
            return serve(entry, age: age, .bytes(bytes, nil))
        }
        let cache = loop.cache
        let scope = response.partition.scope
        onPool {
            Self.open(response.digest, size: response.size, scope: scope, cache)
        } then: { [self] opened in
            guard phase == .lookingUp else { return }
            serve(entry, age: age, opened)
        }
    }

    private static func open(
        _ digest: SHA256Digest, size: Int64, scope: BlobScope, _ cache: ResponseCache
    ) -> Opened {
        do throws(StoreError) {
            guard let blob = try cache.locate(digest, scope: scope), blob.logicalSize == size,
                let reader = try cache.open(blob)
            else { return .gone }
            let isVerified = cache.isVerified(digest, scope: scope)
            guard size <= cache.settings.largestBodyInMemory else {
                return .reader(reader, blob, isVerified: isVerified)
            }
            let isSmall = size <= Fill.smallBody
            guard let bytes = try reader.all(), isVerified && !isSmall || SHA256Hasher.digest(bytes) == digest else {
                try? cache.blobs.remove(blob)
                return .gone
            }
            cache.markVerified(digest, scope: scope)
            cache.rememberBody(bytes, digest, scope: scope)
            return .bytes(bytes, isSmall ? nil : reader)
        } catch {
            return .gone
        }
    }

    private func serve(_ entry: StoredEntry, age: Int64, _ opened: Opened) {
        let response = entry.response
        let deliverySource: Delivery.Source
        let body: Examiner.Body
        var unverified: StoredBlob?
        switch opened {
        case .gone:
            // A row without its bytes is a miss.
            loop.cache.drop(
                response.digest, scope: response.partition.scope,
                of: FillKey(partition: response.partition, key: response.key))
            source = .none
            cacheStatus = nil
            proxyStatus = nil
            return lookUp()
        case .bytes(let bytes, let reader):
            bodyReader = reader
            deliverySource = .bytes(bytes)
            body = .bytes(bytes)
        case .reader(let reader, let blob, let isVerified):
            deliverySource = .reader(reader)
            body = .reader(reader)
            if !isVerified { unverified = blob }
        }
        whole = (response.digest, response.size, body, response.partition.scope)
        fillNanoseconds = response.fillNanoseconds
        served = (entry, age)
        var head = Admission.asServed(entry.head, decoded: response.decoded)
        head.fields.set("Age", String(age))
        if head.status == 200, !head.fields.contains("Repr-Digest"),
            DigestFields.isWelcome(request.fields, "Want-Repr-Digest")
        {
            head.fields.append("Repr-Digest", DigestFields.value(response.digest))
        }
        guard answerConditions(&head, size: response.size) else { return }
        if isStrict, !(200..<300).contains(head.status), form == .whole { return replaceForStrict(head) }
        if let obstacle = obstacle(to: head.fields, size: response.size) { return refuse(403, obstacle) }
        startDelivery(head, from: deliverySource, size: response.size)
        streamAhead(received: response.size, total: response.size)
        conclude(verifying: unverified)
    }

    /// Answers the client's conditions and range from a complete answer; changes the head accordingly.
    ///
    /// - Parameters:
    ///   - head: The answer's head.
    ///   - size: The body's length; without one no range is cut.
    /// - Returns: `false` when the request was refused.
    func answerConditions(_ head: inout ResponseHead, size: Int64?) -> Bool {
        switch Conditions.evaluate(
            requestFields: request.fields, method: request.method, storedFields: head.fields, storedStatus: head.status)
        {
        case .notModified:
            form = .notModified
            head = ResponseHead(status: 304, fields: Conditions.notModifiedFields(of: head.fields))
            return true
        case .preconditionFailed:
            refuse(412, "the request's condition does not hold", category: .response)
            return false
        case .proceed: break
        }
        guard let size else { return true }
        let plan = RangePlan.of(
            method: request.method, requestFields: request.fields, status: head.status, responseFields: head.fields,
            size: size)
        switch plan {
        case .whole: return true
        case .single(let range, _): form = .range(range)
        case .parts(let parts): form = .parts(parts)
        case .unsatisfiable:
            refuse(
                416, "the body has \(size) bytes, the range asked for begins behind them", category: .response,
                fields: [("Content-Range", ByteRange.unsatisfiedContentRange(size: size))])
            return false
        }
        wholeSize = size
        wholeType = head.fields.first("Content-Type")
        head = plan.head(for: head)
        return true
    }
}

extension BlobReader {
    /// The whole body in memory; `nil` when it is shorter than it says.
    func all() throws(StoreError) -> [UInt8]? {
        let wanted = Int(size)
        guard wanted > 0 else { return [] }
        // The initialiser of an array rethrows untyped errors only, so the outcome leaves in a variable.
        var failure: StoreError?
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { room, filled in
            do throws(StoreError) {
                while filled < wanted {
                    let rest = UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(room)[filled..<wanted])
                    let count = try read(at: Int64(filled), into: rest)
                    guard count > 0 else { break }
                    filled += count
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes.count == wanted ? bytes : nil
    }
}
