internal import Core
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes
internal import Platform
internal import Wire

/// Tells a connection on which nothing has been asked since the service began to stop that it has waited long enough.
struct FirstRequestOverdue: Sendable {}

/// Closes a connection whose client takes too long: for a whole request, between two, or for taking the answer; or when the
/// service stops.
///
/// A client expects that a connection which it has used may end, and asks again on another. One that was just made must not:
/// when the service stops, its first request has a moment to come, and is answered.
///
/// Counted for all of a request, not from byte to byte, so that trickling does not help. An answer may take as long as it
/// likes, as live streams do, while the client takes what there is of it. Confined to its channel's loop.
final class RequestDeadline: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limit: TimeAmount
    private let stallLimit: TimeAmount
    private var isUsed = false
    /// Told to end before anything was asked.
    private var mustEnd = false
    private var timer: Scheduled<Void>?
    private var stallTimer: Scheduled<Void>?
    private var unanswered = 0

    /// Makes a watch.
    ///
    /// - Parameters:
    ///   - limit: How long a client may take.
    ///   - stallLimit: How long a client may leave an answer without taking enough of it.
    init(limit: Duration, stallLimit: Duration) {
        self.limit = TimeAmount(limit)
        self.stallLimit = TimeAmount(stallLimit)
    }

    func handlerAdded(context: ChannelHandlerContext) { arm(context) }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        stallTimer?.cancel()
    }

    /// Unwritable while more than the high water mark (64 KiB) waits for the client, until it is below the low one (32 KiB).
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stallTimer?.cancel()
        if !context.channel.isWritable {
            let channel = context.channel
            stallTimer = context.eventLoop.scheduleTask(in: stallLimit) { channel.close(promise: nil) }
        }
        context.fireChannelWritabilityChanged()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            unanswered += 1
            isUsed = true
        case .body: break
        case .end: timer?.cancel()
        }
        context.fireChannelRead(data)
        guard mustEnd, isUsed else { return }
        mustEnd = false
        // Whoever hears it now waits for the answer.
        context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is FirstRequestOverdue:
            if mustEnd { context.close(promise: nil) }
        case is ChannelShouldQuiesceEvent where !isUsed: mustEnd = true
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            unanswered -= 1
            if unanswered <= 0 { arm(context) }
        }
        context.write(data, promise: promise)
    }

    private func arm(_ context: ChannelHandlerContext) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }
}
