import Core
import Cryptography
import Platform

/// A client and a server on a pair of sockets, driven by one thread.
final class TLSPair {
    let client: TLSConnection
    let server: TLSConnection
    private(set) var clientSocket: SharedDescriptor?
    private(set) var serverSocket: SharedDescriptor?

    // `prefixLength`: how many of the client's first bytes the server has read before TLS begins.
    init(
        _ serverContext: TLSServerContext, _ clientContext: TLSClientContext, host: String,
        key: String = "", prefixLength: Int = 0
    ) throws {
        let pair = try Kernel.socketPair()
        var sockets: [SharedDescriptor] = []
        pair.take { first, second in
            sockets = [SharedDescriptor(adopting: first), SharedDescriptor(adopting: second)]
        }
        clientSocket = sockets[0]
        serverSocket = sockets[1]
        client = try TLSConnection.client(clientContext, descriptor: sockets[0].raw, host: host, sessionKey: key)
        var prefix = [UInt8](repeating: 0, count: prefixLength)
        if prefixLength > 0 {
            _ = client.handshake()
            let result = prefix.withUnsafeMutableBytes { Kernel.recv(sockets[1].raw, into: $0) }
            guard case .count(let count) = result else { throw SystemError(call: "recv", code: 0) }
            prefix.removeLast(prefixLength - count)
        }
        server = try TLSConnection.server(serverContext, descriptor: sockets[1].raw, prefix: prefix)
    }

    /// Lets both sides go on until neither can; gives what each came to.
    @discardableResult
    func shakeHands() -> (client: TLSResult, server: TLSResult) {
        var results = (client: TLSResult.wantRead, server: TLSResult.wantRead)
        for _ in 0..<20 {
            results = (client.handshake(), server.handshake())
            if results == (.count(0), .count(0)) { break }
        }
        return results
    }

    func closeServerSocket() { serverSocket = nil }
}

extension TLSConnection {
    func write(_ text: String) -> TLSResult { Array(text.utf8).withUnsafeBytes { write($0) } }

    func write(_ bytes: ArraySlice<UInt8>) -> TLSResult { bytes.withUnsafeBytes { write($0) } }

    /// Reads once; the bytes, or why there are none.
    func read(upTo limit: Int = 65536) -> (bytes: [UInt8], result: TLSResult) {
        var buffer = [UInt8](repeating: 0, count: limit)
        let result = buffer.withUnsafeMutableBytes { read(into: $0) }
        guard case .count(let count) = result else { return ([], result) }
        return (Array(buffer[..<count]), result)
    }
}
