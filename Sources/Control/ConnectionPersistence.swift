internal import Core
internal import NIOCore
internal import NIOHTTP1
internal import Platform
internal import Wire

/// What HTTP/1 asks of a server about a connection and its router does not see: versions, `Expect`, when it closes and how.
///
/// - A client of HTTP/1.0 gets no chunks, and the end of the connection behind its answer; so does one that asks for `close`
///   (RFC 9112, sections 6.1 and 9.6), or sends a body that nobody will read. The answer says so.
/// - `Expect: 100-continue` is answered once it is that request's turn, unless the body is too large anyway (RFC 9110,
///   section 10.1.1).
/// - Behind a last answer the connection is closed in one direction first, and what the client still sends is read and
///   dropped for a moment: closing at once would send a reset that may take the answer away from it.
/// - What cannot be parsed is refused here, since nobody behind gets to see it.
///
/// Stands before the codec of the shared HTTP types, which know no version. Confined to its channel's loop.
final class ConnectionPersistence: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// A request that has no whole answer yet.
    private struct Pending {
        /// Its client speaks HTTP/1.0.
        var isOld: Bool
        var closes: Bool
        /// The client waits for a 100 before it sends the body.
        var awaitsContinue: Bool
    }

    private let largestBody: Int
    private let patience: TimeAmount
    private var pending: [Pending] = []
    /// Nothing that comes is of interest any more: a last request is whole, or something could not be parsed.
    private var ignoresInput = false
    /// The last answer is written.
    private var isLingering = false
    private var isStopping = false
    private var timer: Scheduled<Void>?

    /// Makes a handler.
    ///
    /// - Parameters:
    ///   - largestBody: No client is told to go on with a body of more bytes.
    ///   - patience: How long a client may go on sending behind its last answer.
    init(largestBody: Int, patience: Duration = .seconds(5)) {
        self.largestBody = largestBody
        self.patience = TimeAmount(patience)
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !ignoresInput, !isLingering else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): receive(head, context)
        case .body: context.fireChannelRead(data)
        case .end:
            ignoresInput = pending.last?.closes ?? false
            context.fireChannelRead(data)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // Whoever is behind does not ask for more.
        if isLingering { context.read() }
    }

    private func receive(_ received: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var head = received
        let options = head.headers[canonicalForm: "connection"].map { $0.lowercased() }
        let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        let isOld = head.version.major < 1 || head.version == .http1_0
        let closes = isOld || options.contains("close") || length > largestBody
        // In the one form that is understood further on.
        if closes { head.headers.replaceOrAdd(name: "Connection", value: "close") }
        // Which it need not send.
        if isOld, !head.headers.contains(name: "host") { head.headers.add(name: "Host", value: "") }
        let expects =
            !isOld && length <= largestBody
            && head.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
        pending.append(Pending(isOld: isOld, closes: closes, awaitsContinue: expects))
        context.fireChannelRead(wrapInboundOut(.head(head)))
        if pending.count == 1 { letContinue(context) }
    }

    private func letContinue(_ context: ChannelHandlerContext) {
        guard pending.first?.awaitsContinue == true else { return }
        pending[0].awaitsContinue = false
        context.writeAndFlush(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { isStopping = true }
        context.fireUserInboundEventTriggered(event)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            if let request = pending.first {
                // The encoder frames for the version that is named here.
                head.version = request.isOld ? .http1_0 : .http1_1
                if request.closes || isStopping { head.headers.replaceOrAdd(name: "Connection", value: "close") }
            }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            context.write(data, promise: promise)
            let closes = pending.isEmpty || pending.removeFirst().closes
            if closes || ignoresInput && pending.isEmpty { linger(context) } else { letContinue(context) }
        }
    }

    /// What cannot be parsed is answered, and the client gets a moment to read that.
    ///
    /// Whoever is busy with a request hears of it instead: it may be in that request's body, and the answer comes from there.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !ignoresInput, !isLingering else { return }
        let isOfConnection = error is IOError || error is ChannelError
        ignoresInput = !isOfConnection
        guard !isOfConnection, pending.isEmpty else { return context.fireErrorCaught(error) }
        let text = ByteBuffer(string: escapedForDisplay("the request cannot be read: \(error)", limit: 256))
        let isTooLong = (error as? HTTPParserError) == .headerOverflow
        let fields: HTTPHeaders = [
            "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store", "Date": HTTPDate.format(WallTime.now().seconds),
            "Content-Length": "\(text.readableBytes)", "Connection": "close",
        ]
        let head = HTTPResponseHead(
            version: .http1_1, status: isTooLong ? .requestHeaderFieldsTooLarge : .badRequest, headers: fields)
        for part in [HTTPServerResponsePart.head(head), .body(.byteBuffer(text)), .end(nil)] {
            context.write(wrapOutboundOut(part), promise: nil)
        }
        context.flush()
        context.close(mode: .output, promise: nil)
        linger(context)
    }

    private func linger(_ context: ChannelHandlerContext) {
        isLingering = true
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
        context.read()
    }
}
