internal import NIOCore
internal import NIOHTTPTypes

/// Closes a connection whose client takes too long: for a whole request, or between two.
///
/// Counted for all of a request, not from byte to byte, so that trickling does not help. Confined to its channel's loop.
final class RequestDeadline: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limit: TimeAmount
    private var timer: Scheduled<Void>?
    private var unanswered = 0

    init(limit: Duration) { self.limit = TimeAmount(limit) }

    func handlerAdded(context: ChannelHandlerContext) { arm(context) }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: unanswered += 1
        case .body: break
        case .end: timer?.cancel()
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            unanswered -= 1
            if unanswered <= 0 { arm(context) }
        }
        context.write(data, promise: promise)
    }

    /// What cannot be parsed has been answered by the codec: the client gets a moment to read that.
    ///
    /// Closing at once would send a reset, since there are bytes that nobody has read.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
        context.close(mode: .output, promise: nil)
        context.fireErrorCaught(error)
    }

    private func arm(_ context: ChannelHandlerContext) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }
}
