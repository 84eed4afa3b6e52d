internal import Hummingbird
internal import Logging
internal import NIOCore

/// What the control API knows of a request beside the request.
struct ControlContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The client's address without port; empty when it is gone already.
    let address: String

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        address = source.channel.remoteAddress?.ipAddress ?? ""
    }
}
