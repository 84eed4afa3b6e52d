internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import Sessions
internal import Storage

extension ControlAPI {
    static let liveRoutes: [Route] = [
        Route(.get, "/session/{id}/live", .administrator, answersHead: false, isUse: false, .live) {
            api, request, context in
            try await api.live(request, try session(of: context))
        }
    ]

    /// `GET /session/{id}/live`: what happens in a session, while it happens.
    private func live(_ request: Request, _ id: SessionID) async throws -> Response {
        let after = try Self.lastNumber(request)
        guard await parts.registry.row(of: id) != nil else { throw SessionError.unknown }
        guard let listener = listeners.enter(id) else {
            throw ControlRefusal(
                status: .serviceUnavailable,
                text: "\(settings.mostListeners) live streams are listened to, the most that there may be: close one")
        }
        let stream = LiveStream(id, after: after, parts: parts, settings: settings)
        let body = ResponseBody { [self] writer in
            // A listener that goes away is noticed at once, and not only when there is something to send.
            try await request.body.consumeWithInboundCloseHandler { _ in
                try await tell(stream, listener, &writer)
            } onInboundClosed: {
                listener.stop()
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "text/event-stream"], body: body)
    }

    @concurrent
    private func tell(
        _ stream: LiveStream, _ listener: LiveListener, _ writer: inout any ResponseBodyWriter
    ) async throws {
        var stream = stream
        var silentSince = parts.clock.monotonic()
        do {
            while true {
                // Before the record is asked: who comes later waits for the next time.
                let waiting = listener.waiting
                guard let news = try await stream.next() else { return }
                let now = parts.clock.monotonic()
                if !news.isEmpty {
                    try await writer.write(ByteBuffer(bytes: news))
                    silentSince = now
                    // There may be more, unless the service stops.
                    if await listener.pause(.zero, parts.clock) { continue }
                    return
                }
                if now - silentSince >= settings.liveSilence {
                    try await writer.write(ByteBuffer(string: ": nothing new\n\n"))
                    silentSince = now
                }
                listener.hasToldAll(to: waiting)
                guard await listener.pause(settings.livePoll, parts.clock) else { return }
            }
        } catch let error as StoreError {
            log.error("a live stream ends: \(error)")
            throw error
        }
    }

    /// Behind which number to begin: what a client that comes back heard last, or what it asks for.
    private static func lastNumber(_ request: Request) throws -> Int64 {
        let heard = request.headers[.lastEventID]
        guard let text = heard ?? request.query("after") else { return 0 }
        guard let number = Int64(text), number >= 0 else {
            let name = heard == nil ? "'after'" : "Last-Event-ID"
            throw ControlRefusal.badRequest("\(name) must be the number of an exchange, or 0 for all")
        }
        return number
    }
}
