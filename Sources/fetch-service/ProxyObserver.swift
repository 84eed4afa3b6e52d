import Core
import Proxy
import Sessions
import Platform

/// Tells the proxy of sessions, and asks it, as long as its loops run; afterwards there is nobody to tell or to ask.
final class ProxyObserver: SessionObserver {
    private let proxy: Lock<ProxyServer?>

    init(_ proxy: ProxyServer) { self.proxy = Lock(proxy) }

    /// Called when the loops have ended, and with them every transfer.
    func proxyHasStopped() { proxy.withLock { $0 = nil } }

    /// The transfers that are under way.
    func transfers(of session: SessionID?, atMost limit: Int) async -> OpenTransfers {
        await proxy.withLock { $0 }?.transfers(of: session, atMost: limit) ?? OpenTransfers([], atMost: limit)
    }

    func sessionOpened(_ session: Session) async { await proxy.withLock { $0 }?.sessionOpened(session) }
    func sessionClosed(_ session: Session) async { await proxy.withLock { $0 }?.sessionClosed(session) }
    func sessionRemoved(_ session: Session) async { await proxy.withLock { $0 }?.sessionRemoved(session) }
}
