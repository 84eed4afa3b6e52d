import Core
import Cryptography
import Platform
import Wire

/// What all connections of a loop to origins share.
struct OriginContext {
    let loop: EventLoop
    let resolver: NameResolver
    let tls: TLSClientContext
    let settings: RelaySettings
    let resolveThroughProxy: Bool
}

/// Makes one connection to an origin; confined to its loop.
///
/// 1. ``start()``: find out whose name to resolve.
/// 2. ``checkDestination(_:)``: through a proxy, every address of the destination must be allowed, since the proxy chooses.
/// 3. ``connect(to:)``: directly, only to the allowed ones; to a proxy, whatever its address.
/// 4. ``connected(_:)``: race won; for TLS behind a proxy open the tunnel (``continueTunnel()``).
/// 5. ``startTLS()``: handshake with verification.
/// 6. ``finish(_:)``.
final class OriginDial: StreamHandler, @unchecked Sendable {
    private let key: OriginKey
    private let context: OriginContext
    private let policy: () -> DestinationPolicy
    private var completion: ((Result<OriginChannel, OriginError>) -> Void)?

    private var destinations: [IPAddress] = []
    private var race: ConnectRace?
    private var stream: ByteStream?
    private var tunnel: ProxyTunnel?
    private var unsentRequest: [UInt8] = []
    private var timer: Timer?

    init(key: OriginKey, context: OriginContext, policy: @escaping () -> DestinationPolicy) {
        self.key = key
        self.context = context
        self.policy = policy
    }

    /// Sets what hears of the end: once unless cancelled, perhaps before ``start()`` returns.
    func onEnd(_ completion: @escaping (Result<OriginChannel, OriginError>) -> Void) { self.completion = completion }

    private var name: String { key.authority.text }

    func start() {
        guard completion != nil else { return }
        limit(context.settings.connectTimeout, .connectTimeout, "connecting to \(name)")
        guard let proxy = key.upstreamProxy else {
            return resolve(key.authority.host) { dial, addresses in dial.connect(to: addresses) }
        }
        if context.resolveThroughProxy, IPAddress(key.authority.host) == nil { return resolveProxy(proxy) }
        resolve(key.authority.host) { dial, addresses in
            guard dial.checkDestination(addresses) else { return }
            dial.resolveProxy(proxy)
        }
    }

    /// Gives up without a word.
    func cancel() { end() }

    /// Gives up and says why.
    func fail(_ error: OriginError) { finish(.failure(error)) }

    private func resolve(_ host: String, then next: @escaping @Sendable (OriginDial, [IPAddress]) -> Void) {
        context.resolver.resolve(host: host, loop: context.loop) { [weak self] answer in
            guard let self, completion != nil else { return }
            switch answer {
            case .success(let addresses): next(self, addresses)
            case .failure(let error): finish(.failure(Self.resolutionError(error, isProxied: key.upstreamProxy != nil)))
            }
        }
    }

    private static func resolutionError(_ error: ResolveError, isProxied: Bool) -> OriginError {
        let hint = isProxied ? " (upstream.resolve: proxy leaves names to the upstream proxy)" : ""
        return OriginError(.resolution, "\(error)\(hint)", status: error.kind == .busy ? 503 : 502)
    }

    private func resolveProxy(_ proxy: UpstreamProxy) {
        resolve(proxy.authority.host) { dial, addresses in
            dial.race(to: addresses, port: proxy.authority.port, name: proxy.description)
        }
    }

    private func checkDestination(_ addresses: [IPAddress]) -> Bool {
        destinations = addresses
        let policy = policy()
        for address in addresses {
            if let refusal = policy.check(address, port: key.authority.port) {
                finish(.failure(OriginError(refusal)))
                return false
            }
        }
        return true
    }

    private func connect(to addresses: [IPAddress]) {
        let policy = policy()
        var allowed: [IPAddress] = []
        var refusal: DestinationPolicy.Refusal?
        for address in addresses {
            if let found = policy.check(address, port: key.authority.port) {
                refusal = refusal ?? found
            } else {
                allowed.append(address)
            }
        }
        if allowed.isEmpty, let refusal { return finish(.failure(OriginError(refusal))) }
        race(to: allowed, port: key.authority.port, name: name)
    }

    private func race(to addresses: [IPAddress], port: UInt16, name: String) {
        let race = ConnectRace(
            loop: context.loop, addresses: addresses, port: port, name: name, delay: context.settings.attemptDelay
        ) { [weak self] result in
            switch result {
            case .success(let stream): if let self { connected(stream) } else { stream.abort() }
            case .failure(let error): self?.finish(.failure(error))
            }
        }
        self.race = race
        race.start()
    }

    private func connected(_ stream: ByteStream) {
        race = nil
        guard completion != nil else { return stream.abort() }
        self.stream = stream
        stream.handler = self
        if key.upstreamProxy == nil { destinations = [stream.peer.ipAddress] }
        switch (key.scheme, key.upstreamProxy) {
        case (.http, _):
            succeed()
        case (.https, nil):
            startTLS()
        case (.https, .some(let proxy)):
            limit(context.settings.connectTimeout, .connectTimeout, "opening a tunnel through \(proxy)")
            let tunnel = ProxyTunnel(through: proxy, to: key.authority, settings: context.settings)
            unsentRequest = tunnel.request
            self.tunnel = tunnel
            continueTunnel()
        }
    }

    private func startTLS() {
        guard let stream else { return }
        limit(context.settings.tlsTimeout, .timeout, "the TLS handshake with \(name)")
        stream.startClientTLS(context.tls, host: key.authority.host, sessionKey: name)
    }

    func streamReady(_ stream: ByteStream) {
        if tunnel != nil { return continueTunnel() }
        if let failure = stream.failure {
            return finish(.failure(OriginError(.tls, "cannot connect securely to \(name): \(failure)")))
        }
        if stream.isTLS, stream.handshakeDone { succeed() }
    }

    private func continueTunnel() {
        guard let stream, let proxy = key.upstreamProxy else { return }
        if !unsentRequest.isEmpty {
            switch unsentRequest.withUnsafeBytes({ stream.write($0) }) {
            case .count(let count): unsentRequest.removeFirst(count)
            case .wouldBlock: break
            case .end: break
            case .failed(let reason): return finish(.failure(OriginError(.proxyRefused, "\(proxy): \(reason)")))
            }
        }
        do {
            let buffer = context.loop.receiveBuffer
            switch stream.read(into: buffer) {
            case .count(let count):
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                guard try tunnel?.receive(bytes) == true else { return stream.requestTurn() }
                tunnel = nil
                startTLS()
            case .wouldBlock:
                return
            case .end:
                throw OriginError(.proxyRefused, "\(proxy) closed the connection instead of opening a tunnel")
            case .failed(let reason):
                throw OriginError(.proxyRefused, "\(proxy): \(reason)")
            }
        } catch let error as OriginError {
            finish(.failure(error))
        } catch {
            finish(.failure(OriginError(.proxyRefused, "\(proxy): \(error)")))
        }
    }

    private func succeed() {
        guard let stream else { return }
        stream.handler = nil
        self.stream = nil
        let channel = OriginChannel(key: key, stream: stream, destinations: destinations)
        // The policy may have changed while we connected.
        if let refusal = channel.refusal(by: policy()) {
            stream.abort()
            return finish(.failure(OriginError(refusal)))
        }
        finish(.success(channel))
    }

    private func limit(_ duration: Duration, _ kind: OriginError.Kind, _ what: String) {
        timer?.cancel()
        timer = context.loop.schedule(after: duration) { [weak self] in
            self?.finish(.failure(OriginError(kind, "\(what) took longer than \(duration.inSeconds) s")))
        }
    }

    private func finish(_ result: Result<OriginChannel, OriginError>) {
        let completion = completion
        end()
        completion?(result)
    }

    private func end() {
        completion = nil
        timer?.cancel()
        race?.cancel()
        race = nil
        stream?.abort()
        stream = nil
    }
}
