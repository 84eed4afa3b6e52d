import Core
import Glibc

/// One reading of one body.
struct Extraction {
    let inspectors: [any Inspector]
    let limits: ExtractionLimits
    var now: () -> MonotonicTime = MonotonicTime.now

    func run(_ bytes: any BlobBytes) -> BlobFacts {
        UTF8Locale.use {
            var facts = BlobFacts(detectedType: "application/octet-stream")
            do throws(ExtractionError) {
                facts.detectedType = try TypeDetector.detect(bytes, budget: budget(bytes))
            } catch {
                facts.isConclusive = false
                for inspector in inspectors { facts.errors[inspector.id] = error.description }
                return facts
            }
            for inspector in inspectors {
                do throws(ExtractionError) {
                    let found = try inspector.extract(from: bytes, type: facts.detectedType, budget: budget(bytes))
                    if let found { facts.extractions[inspector.id] = found }
                } catch {
                    facts.errors[inspector.id] = error.description
                    switch error {
                    case .timeout, .unreadable: facts.isConclusive = false
                    case .limit, .malformed: break
                    }
                }
            }
            return facts
        }
    }

    private func budget(_ bytes: any BlobBytes) -> ExtractionBudget {
        ExtractionBudget(limits: limits, size: bytes.size, now: now)
    }
}

extension BlobBytes {
    /// Reads with the error that extraction understands.
    func readPiece(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(ExtractionError) -> Int {
        do {
            return try read(at: offset, into: buffer)
        } catch {
            throw .unreadable("the body could not be read: \(error)")
        }
    }

    /// The first bytes, as many as there are up to a limit.
    func prefix(_ limit: Int) throws(ExtractionError) -> [UInt8] {
        let count = Int(min(size, Int64(limit)))
        guard count > 0 else { return [] }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { buffer.deallocate() }
        var filled = 0
        while filled < count {
            let more = try readPiece(
                at: Int64(filled), into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            guard more > 0 else { break }
            filled += more
        }
        return Array(buffer[..<filled])
    }
}

/// libarchive turns member names into the thread's character set, so the thread needs one that can express them.
enum UTF8Locale {
    // Made once and never freed or changed.
    private nonisolated(unsafe) static let locale: locale_t? = newlocale(1 << LC_CTYPE, "C.UTF-8", nil)

    /// Runs `body` while this thread, and no other, uses UTF-8.
    static func use<Result>(_ body: () -> Result) -> Result {
        let previous = uselocale(locale)
        defer { _ = uselocale(previous) }
        return body()
    }
}
