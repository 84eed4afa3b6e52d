package import Core
package import Sessions
import Platform

/// Notes what the registry tells the proxy.
package final class RecordingObserver: SessionObserver {
    package enum Event: Sendable, Equatable {
        case opened(SessionID)
        case closed(SessionID)
        case removed(SessionID)
    }

    private let log = Lock<[Event]>([])
    private let sink: AsyncStream<Event>.Continuation
    package let events: AsyncStream<Event>

    package init() { (events, sink) = AsyncStream.makeStream() }

    package var all: [Event] { log.withLock { $0 } }

    private func note(_ event: Event) {
        log.withLock { $0.append(event) }
        sink.yield(event)
    }

    package func sessionOpened(_ session: Session) async { note(.opened(session.id)) }
    package func sessionClosed(_ session: Session) async { note(.closed(session.id)) }
    package func sessionRemoved(_ session: Session) async { note(.removed(session.id)) }

    /// Returns when an event has come.
    package func wait(for wanted: Event) async {
        for await event in events where event == wanted { return }
    }
}
