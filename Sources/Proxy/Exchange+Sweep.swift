import Core
import Logging
import Relay
import Sessions

extension Exchange {
    /// Called once a second while the client's connection is busy with this exchange.
    func sweep(now: MonotonicTime) {
        switch phase {
        case .recording where now > recordingSince + settings.mostRecordWait: giveUpRecord()
        case .delivering, .concluding, .released: watchReader(now)
        case .starting, .lookingUp, .waiting, .recording, .ended: break
        }
    }

    /// The client is not kept waiting any longer; the row, once it is written, is told what the client really got.
    private func giveUpRecord() {
        if !isCut {
            isCut = true
            cutReason = "the record was not written within \(settings.mostRecordWait)"
        }
        loop.context.log.error("[\(session.id)] \(cutReason)")
        leaveClient()
    }

    /// Ends the answer of a client that takes less than it must.
    private func watchReader(_ now: MonotonicTime) {
        guard let delivery, let connection else { return }
        let taken = max(0, delivery.sent - Int64(connection.stream.unconfirmed))
        if taken > takenBefore {
            takenBefore = taken
            // It takes what it is given, slowly as it may be.
            connection.progressed()
        }
        let limits = settings.slowReaders
        guard pace.isTooSlow(taken: taken, limits: limits, now: now) else { return }
        clientFailed("the client took less than \(limits.leastRate) bytes a second for \(limits.window)")
    }

    // MARK: - A large body that waits for its verdict

    /// Whether what comes next for the client waits for something else than its bytes: a verdict, or the end of the whole.
    private var isHeld: Bool {
        switch form {
        case .range, .parts: phase == .delivering || phase == .concluding
        case .whole, .notModified: phase == .concluding
        }
    }

    /// Lets a byte of what is held go from time to time, for clients that take silence for an end.
    func startTrickle() {
        guard trickleTimer == nil, let delivery, delivery.mayTrickle else { return }
        trickleTimer = loop.loop.schedule(after: settings.trickleInterval) { [weak self] in
            guard let self else { return }
            trickleTimer = nil
            guard isHeld else { return }
            self.delivery?.trickle()
            pump()
            if isHeld { startTrickle() }
        }
    }
}
