import Core
import Glibc
import Platform

/// Connects to the first of several addresses that answers (RFC 8305): one after the other, each with a head start.
///
/// Confined to its loop.
final class ConnectRace: StreamHandler, @unchecked Sendable {
    private let loop: EventLoop
    private let delay: Duration
    private let completion: (Result<ByteStream, OriginError>) -> Void
    private let name: String
    private var waiting: ArraySlice<SocketAddress>
    private var runners: [ByteStream] = []
    private var nextStart: Timer?
    private var failures: [String] = []
    private var isOver = false

    /// No more than this many addresses of one name are tried.
    private static let addressLimit = 16

    /// `completion` runs once, perhaps before ``start()`` returns; `name` is for messages.
    init(
        loop: EventLoop, addresses: [IPAddress], port: UInt16, name: String, delay: Duration,
        completion: @escaping (Result<ByteStream, OriginError>) -> Void
    ) {
        self.loop = loop
        self.name = name
        self.delay = delay
        self.completion = completion
        waiting = Self.interleaved(addresses).prefix(Self.addressLimit).map { SocketAddress($0, port: port) }[...]
    }

    /// Alternates between the families, beginning with that of the first address; keeps the order within each.
    static func interleaved(_ addresses: [IPAddress]) -> [IPAddress] {
        guard let first = addresses.first else { return [] }
        var leading = addresses.filter { $0.isIPv4 == first.isIPv4 }[...]
        var other = addresses.filter { $0.isIPv4 != first.isIPv4 }[...]
        var result: [IPAddress] = []
        while let next = leading.popFirst() {
            result.append(next)
            if let next = other.popFirst() { result.append(next) }
        }
        return result + other
    }

    func start() { startNext() }

    /// Gives up without a word.
    func cancel() {
        isOver = true
        nextStart?.cancel()
        for runner in runners { runner.abort() }
        runners = []
    }

    func streamReady(_ stream: ByteStream) {
        guard !isOver, let code = stream.connectResult() else { return }
        runners.removeAll { $0 === stream }
        if code == 0 {
            stream.handler = nil
            cancel()
            completion(.success(stream))
        } else {
            stream.abort()
            failed(stream.peer, code)
        }
    }

    private func startNext() {
        nextStart?.cancel()
        while let address = waiting.popFirst() {
            do {
                let stream = try ByteStream.connect(loop: loop, to: address)
                stream.handler = self
                runners.append(stream)
                if !waiting.isEmpty {
                    nextStart = loop.schedule(after: delay) { [weak self] in self?.startNext() }
                }
                return
            } catch {
                failures.append("\(address.ip): \(SystemError.text(of: error.code))")
            }
        }
        endIfHopeless()
    }

    private func failed(_ address: SocketAddress, _ code: CInt) {
        failures.append("\(address.ip): \(SystemError.text(of: code))")
        if waiting.isEmpty { endIfHopeless() } else { startNext() }
    }

    private func endIfHopeless() {
        guard !isOver, runners.isEmpty, waiting.isEmpty else { return }
        isOver = true
        let detail = failures.isEmpty ? "it has no address" : failures.joined(separator: "; ")
        completion(.failure(OriginError(.connectFailed, "cannot connect to \(name): \(detail)")))
    }
}
