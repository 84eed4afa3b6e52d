import Wire

/// The opening of a tunnel through an upstream proxy, without any I/O: CONNECT and its answer (RFC 9110, section 9.3.6).
struct ProxyTunnel {
    private let proxy: UpstreamProxy
    private let target: Authority
    private let settings: RelaySettings
    private var scanner: HeadScanner
    private var answer: [UInt8] = []

    init(through proxy: UpstreamProxy, to target: Authority, settings: RelaySettings) {
        self.proxy = proxy
        self.target = target
        self.settings = settings
        scanner = HeadScanner(limit: settings.headLimit)
    }

    /// The request to send.
    var request: [UInt8] {
        var head = RequestHead(method: "CONNECT", target: target.text)
        head.fields.append("Host", target.text)
        if let authorization = proxy.authorization { head.fields.append("Proxy-Authorization", authorization) }
        var bytes: [UInt8] = []
        head.serialise(into: &bytes)
        return bytes
    }

    /// Takes what came; `true` when the tunnel is open.
    mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(OriginError) -> Bool {
        answer.append(contentsOf: bytes)
        do {
            while let length = try findEnd() {
                let head = try HeadParser.response(
                    answer.span.extracting(first: length), maxFields: settings.fieldLimit)
                answer.removeFirst(length)
                scanner.reset()
                if head.isInterim, head.status != 101 { continue }
                try judge(head)
                return true
            }
            return false
        } catch let error as MessageError {
            throw OriginError(.proxyRefused, "\(proxy) answered what is no HTTP: \(error.reason)")
        } catch let error as OriginError {
            throw error
        } catch {
            throw OriginError(.proxyRefused, "\(proxy): \(error)")
        }
    }

    private mutating func findEnd() throws(MessageError) -> Int? {
        // A copy, since a span of one property and a change of another would overlap.
        var scanner = scanner
        defer { self.scanner = scanner }
        return try scanner.scan(answer.span)
    }

    private func judge(_ head: ResponseHead) throws(OriginError) {
        switch head.status {
        case 200..<300:
            // A TLS server does not speak first: bytes here are not the origin's.
            guard answer.isEmpty else {
                throw OriginError(.proxyRefused, "\(proxy) sent bytes before the tunnel was used")
            }
        case 407:
            throw OriginError(.proxyRefused, "\(proxy) wants credentials: put user:password@ into its setting")
        default:
            throw OriginError(.proxyRefused, "\(proxy) answered \(head.status) to CONNECT \(target.text)")
        }
    }
}
