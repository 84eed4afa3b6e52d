import Cache
import Inspection
import Sessions
import Storage
import Wire

/// Ranges of what is not stored.
extension Exchange {
    /// Whether a range is asked for that may be asked of the origin: not in strict sessions, whose ranges come from a
    /// whole that was judged.
    var asksForRange: Bool {
        !isStrict && relayReason == nil && request.method == "GET" && request.fields.contains("Range")
    }

    /// Whether one range is asked for of a body that is too large to be fetched for it.
    func isRelayable(size: Int64) -> Bool {
        guard asksForRange, size > settings.largestFillForRange,
            case .range(let range) = ByteRange.single(request.fields, size: size)
        else { return false }
        return range.count < size
    }

    /// Why the origin is asked for the range alone, for the record.
    func tooLarge(_ size: Int64) -> String {
        "the whole has \(size) bytes, more than the \(settings.largestFillForRange) that are fetched for a range"
    }

    /// Whether the whole, which has begun to come, is too much for the one range that is asked for.
    func isLoneRange(of head: ResponseHead, length: Int64) -> Bool {
        guard isLeader, isRelayable(size: length), fill?.readers == 1 else { return false }
        let plan = RangePlan.of(
            method: request.method, requestFields: request.fields, status: head.status, responseFields: head.fields,
            size: length)
        guard case .single = plan else { return false }
        return true
    }

    /// Asks the origin for the range, as it came.
    func relayRange(_ reason: String) {
        relayReason = reason
        source = .none
        fillAlone(partition: partition)
    }

    /// Lets go what may go before the record is durable (DESIGN, "Two promises").
    ///
    /// `total` is the body's length where it is known, `received` how much of it is there.
    func streamAhead(received: Int64, total: Int64?) {
        guard request.method != "HEAD", received > 0, let verdict,
            verdict.mayStream(policy: session.policy, holdsStrict: loop.settings.holdsStrictBodies)
        else { return }
        switch form {
        case .whole:
            guard (total ?? received) > Held.wholeUpTo else { return }
            delivery?.allow(upTo: (total ?? received) - Held.tail)
        case .range(let range):
            guard range.count > Held.wholeUpTo else {
                return showHead(before: range.first)
            }
            delivery?.allow(upTo: range.last + 1 - Held.tail)
            startTrickle()
        case .parts(let parts): showHead(before: parts.parts[0].first)
        case .notModified: return
        }
    }

    /// Lets the head of held ranges go, and a byte now and then, since the end of the whole may be far.
    private func showHead(before first: Int64) {
        guard !isStrict, phase == .delivering, fill != nil else { return }
        delivery?.allow(upTo: first)
        startTrickle()
    }
}
