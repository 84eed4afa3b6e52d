import Proxy
import Sessions
import Platform

/// Tells the proxy of sessions as long as its loops run; afterwards there is nobody to tell.
final class ProxyObserver: SessionObserver {
    private let proxy: Lock<ProxyServer?>

    init(_ proxy: ProxyServer) { self.proxy = Lock(proxy) }

    /// Called when the loops have ended, and with them every transfer.
    func proxyHasStopped() { proxy.withLock { $0 = nil } }

    func sessionOpened(_ session: Session) async { await proxy.withLock { $0 }?.sessionOpened(session) }
    func sessionClosed(_ session: Session) async { await proxy.withLock { $0 }?.sessionClosed(session) }
    func sessionRemoved(_ session: Session) async { await proxy.withLock { $0 }?.sessionRemoved(session) }
}
