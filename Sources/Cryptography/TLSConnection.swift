import COpenSSL
import Core
import Glibc

/// One TLS connection straight on a non-blocking socket, which stays its owner's to close.
///
/// Confined to one event loop. Reading may need the socket writable and the other way round; the results say so. With
/// edge-triggered readiness go on until `.wantRead` or `.wantWrite`: OpenSSL reads ahead, so plaintext can wait here when
/// the socket has nothing. Who calls ``watch(isReadable:)`` spares it reads in vain.
///
/// The session ticket of TLS 1.3, for which nobody waits, goes out with the first bytes after the handshake, unless
/// ``sendTicket()`` is called before; a packet of its own costs as much as the answer's.
package final class TLSConnection {
    /// A record that found the socket full.
    private enum BlockedRecord {
        /// Its bytes: OpenSSL wants the very same again, while the caller may come back with fewer of them.
        case unsent([UInt8])
        /// It has gone since; so many of the next bytes that the caller brings are those.
        case sent(Int)
    }

    /// What our BIO works on.
    private let socket: UnsafeMutablePointer<shim_socket>
    private let prefix: UnsafeMutableRawBufferPointer
    private let ssl: OpaquePointer
    private let client: (context: TLSClientContext, host: String, sessionKey: String)?

    /// An ending that has been told, and is told again at every later call.
    private var ending: TLSResult?
    private var sentCloseNotify = false
    private var blocked: BlockedRecord?

    /// Whether the peer has sent anything after its handshake.
    package private(set) var hasRead = false

    package private(set) var isHandshakeDone = false

    /// Why the origin's certificate was refused, as a sentence.
    package private(set) var verifyFailure: String?

    /// Our side of a client's connection.
    ///
    /// - Parameters:
    ///   - context: Shows the leaf for the host.
    ///   - descriptor: A non-blocking socket that stays open as long as this connection is used.
    ///   - prefix: What has been read from the socket already.
    /// - Returns: The connection; its handshake has not begun.
    /// - Throws: ``CertificateError`` when there is no memory.
    package static func server(
        _ context: TLSServerContext, descriptor: CInt, prefix: [UInt8] = []
    ) throws(CertificateError) -> TLSConnection {
        let connection = try TLSConnection(context.raw, descriptor, prefix: prefix, client: nil)
        SSL_set_accept_state(connection.ssl)
        return connection
    }

    /// Our side of a connection to an origin, whose certificate must be for `host`.
    ///
    /// - Parameters:
    ///   - context: Whom to trust.
    ///   - descriptor: A non-blocking socket that stays open as long as this connection is used.
    ///   - host: A DNS name, which is sent as SNI too, or an address without brackets.
    ///   - sessionKey: Connections with the same key (and host) may resume each other's sessions.
    /// - Returns: The connection; its handshake has not begun.
    /// - Throws: ``CertificateError`` when the host cannot stand in a certificate.
    package static func client(
        _ context: TLSClientContext, descriptor: CInt, host: String, sessionKey: String
    ) throws(CertificateError) -> TLSConnection {
        // A resumed session is not verified again, hence the host belongs to the key.
        let key = "\(host) \(sessionKey)"
        let connection = try TLSConnection(
            context.raw, descriptor, prefix: [], client: (context: context, host: host, sessionKey: key))
        let ssl = connection.ssl
        let name = try LeafName(host)
        if name.isAddress {
            guard X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), name.bytes, name.bytes.count) == 1 else {
                throw ErrorQueue.error("cannot ask for a certificate for \(host)")
            }
        } else {
            SSL_set_hostflags(ssl, CUnsignedInt(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            guard SSL_set1_host(ssl, host) == 1, shim_set_server_name(ssl, host) == 1 else {
                throw ErrorQueue.error("cannot ask for a certificate for \(escapedForDisplay(host))")
            }
        }
        SSL_set_connect_state(ssl)
        context.offerSession(key, to: ssl)
        return connection
    }

    private init(
        _ context: OpaquePointer, _ descriptor: CInt, prefix bytes: [UInt8],
        client: (context: TLSClientContext, host: String, sessionKey: String)?
    ) throws(CertificateError) {
        ErrorQueue.clear()
        guard let ssl = SSL_new(context) else { throw ErrorQueue.error("cannot start TLS") }
        self.ssl = ssl
        self.client = client
        prefix = .allocate(byteCount: bytes.count, alignment: 1)
        prefix.copyBytes(from: bytes)
        socket = .allocate(capacity: 1)
        socket.initialize(
            to: shim_socket(
                descriptor: descriptor, prefix: UnsafePointer(prefix.assumingMemoryBound(to: UInt8.self).baseAddress),
                prefix_length: bytes.count, at_end: 0, error: 0, is_watched: 0, is_drained: 0, held: nil,
                held_length: 0, ssl: nil, has_more: 0))
        guard shim_attach_socket(ssl, Self.method, socket) == 1 else { throw ErrorQueue.error("cannot start TLS") }
        // The callbacks that read this run inside calls on `ssl`, hence while this object lives.
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        // Otherwise a session whose connection was aborted could not be resumed. Nothing is sent.
        if isHandshakeDone, !isBroken { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        SSL_free(ssl)
        shim_socket_discard_held(socket)
        socket.deallocate()
        prefix.deallocate()
    }

    /// Immutable once made.
    private nonisolated(unsafe) static let method: OpaquePointer = {
        guard let method = shim_socket_method() else { preconditionFailure("out of memory for a BIO method") }
        return method
    }()

    // MARK: Moving bytes

    /// Goes on with the handshake; `.count(0)` when it is done, also when it was before.
    package func handshake() -> TLSResult {
        if let ending { return ending }
        if isHandshakeDone { return .count(0) }
        ErrorQueue.clear()
        let result = SSL_do_handshake(ssl)
        guard result == 1 else { return explain(result) }
        isHandshakeDone = true
        return .count(0)
    }

    /// Reads plaintext into `buffer`, several records when they are here already.
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> TLSResult {
        if let ending { return ending }
        guard let start = buffer.baseAddress, buffer.count > 0 else { return .count(0) }
        ErrorQueue.clear()
        var total = 0
        repeat {
            var count = 0
            let result = SSL_read_ex(ssl, start + total, buffer.count - total, &count)
            guard result == 1 else {
                let reason = explain(result)
                return total > 0 ? .count(total) : reason
            }
            isHandshakeDone = true
            hasRead = true
            total += count
        } while total < buffer.count && SSL_has_pending(ssl) == 1
        return .count(total)
    }

    /// Whether a ticket waits to go out with other bytes.
    package var holdsTicket: Bool { socket.pointee.held_length > 0 }

    /// Sends a ticket that waits; when the socket is full it goes with the next bytes after all.
    package func sendTicket() {
        if holdsTicket { _ = shim_socket_send(socket, nil, 0) }
    }

    /// Takes the socket for empty after a short read until ``noteReadable(isHangUp:)``, which the caller promises to call.
    package func watch(isReadable: Bool) {
        socket.pointee.is_watched = 1
        socket.pointee.is_drained = isReadable ? 0 : 1
    }

    /// Says that the socket may have something again; `isHangUp` that its end is near, whereupon it is asked until it has come.
    package func noteReadable(isHangUp: Bool) {
        socket.pointee.is_drained = 0
        if isHangUp { socket.pointee.is_watched = 0 }
    }

    /// Writes plaintext; the count is what the kernel has taken, and may be less than given.
    ///
    /// What was not counted must come again in the next call: part of it may be encrypted already. It may lie elsewhere and
    /// come in smaller pieces than before, which OpenSSL by itself would refuse. With `more` the caller promises to come again
    /// at once with what follows, so that the kernel may wait with a packet that is not full.
    package func write(_ bytes: UnsafeRawBufferPointer, more: Bool = false) -> TLSResult {
        // A peer that has ended its own side in order still reads (RFC 8446, section 6.1).
        if let ending, ending != .closed { return ending }
        guard let start = bytes.baseAddress else { return .count(0) }
        var total = 0
        while total < bytes.count {
            switch blocked {
            case .sent(let count):
                let known = min(count, bytes.count - total)
                total += known
                blocked = known < count ? .sent(count - known) : nil
            case .unsent(let copy):
                let result = copy.withUnsafeBytes { send($0, more: more || copy.count < bytes.count - total) }
                guard case .count(let count) = result else { return total > 0 ? .count(total) : result }
                blocked = .sent(count)
            case nil:
                let piece = UnsafeRawBufferPointer(start: start + total, count: min(16384, bytes.count - total))
                let result = send(piece, more: more || total + piece.count < bytes.count)
                guard case .count(let count) = result else {
                    if result == .wantWrite || result == .wantRead { blocked = .unsent([UInt8](piece)) }
                    return total > 0 ? .count(total) : result
                }
                total += count
            }
        }
        return .count(total)
    }

    /// Writes one record, of all the bytes unless the peer asked for small ones (RFC 6066, section 4).
    private func send(_ piece: UnsafeRawBufferPointer, more: Bool) -> TLSResult {
        ErrorQueue.clear()
        socket.pointee.has_more = more ? 1 : 0
        defer { socket.pointee.has_more = 0 }
        var count = 0
        let result = SSL_write_ex(ssl, piece.baseAddress, piece.count, &count)
        guard result == 1 else { return explain(result) }
        isHandshakeDone = true
        return .count(count)
    }

    /// Ends our side in order, once; later calls only go on sending it.
    ///
    /// `.count(0)` when it is sent or pointless, `.wantWrite` when the socket is full. Not calling it, and closing with a
    /// reset, is how the peer learns that something is missing.
    @discardableResult
    package func shutdown() -> TLSResult {
        guard isHandshakeDone, !sentCloseNotify else { return .count(0) }
        if isBroken { return .count(0) }
        if case .unsent = blocked { return .wantWrite }
        ErrorQueue.clear()
        let result = SSL_shutdown(ssl)
        guard result < 0, SSL_get_error(ssl, result) == SSL_ERROR_WANT_WRITE else {
            sentCloseNotify = true
            ErrorQueue.clear()
            return .count(0)
        }
        return .wantWrite
    }

    // MARK: Facts

    /// Whether a session was resumed instead of verifying anew.
    package var isResumed: Bool { SSL_session_reused(ssl) == 1 }

    /// Whether bytes wait in here, so that a read may give something though the socket has nothing.
    package var hasPendingPlaintext: Bool { SSL_has_pending(ssl) == 1 }

    /// Whether a read would give nothing, as far as is known without asking the kernel.
    package var isDrained: Bool { socket.pointee.is_drained == 1 && SSL_has_pending(ssl) == 0 }

    /// "TLSv1.3", say.
    package var version: String { String(cString: SSL_get_version(ssl)) }

    /// The protocol that both sides chose by ALPN.
    package var applicationProtocol: String? {
        var start: UnsafePointer<UInt8>?
        var count: CUnsignedInt = 0
        SSL_get0_alpn_selected(ssl, &start, &count)
        guard let start, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    /// The name that the client asked for (SNI), unchecked.
    package var requestedName: String? {
        SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
    }

    // MARK: Endings

    private var isBroken: Bool {
        if case .failed = ending { return true }
        return false
    }

    /// Sorts out why a call did not succeed.
    private func explain(_ result: CInt) -> TLSResult {
        let kind = SSL_get_error(ssl, result)
        switch kind {
        case SSL_ERROR_WANT_READ: return .wantRead
        case SSL_ERROR_WANT_WRITE: return .wantWrite
        case SSL_ERROR_ZERO_RETURN: ending = .closed
        default: ending = failure()
        }
        return ending ?? .closed
    }

    private func failure() -> TLSResult {
        let error = ErrorQueue.take()
        if let verifyFailure { return .failed(verifyFailure) }
        // Before looking at the socket's error: at an unexpected end OpenSSL tries to send an alert, which may fail.
        if socket.pointee.at_end == 1, error == nil || error?.code == SSL_R_UNEXPECTED_EOF_WHILE_READING {
            return .truncated
        }
        if socket.pointee.error != 0 { return .failed(String(cString: strerror(socket.pointee.error))) }
        guard let error else { return .failed("TLS failed") }
        switch error.code {
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
            return .failed("the peer does not trust our certificate (\(error.text))")
        default: return .failed(error.text)
        }
    }

    // MARK: Verification

    static func of(_ ssl: OpaquePointer) -> TLSConnection? {
        SSL_get_ex_data(ssl, 0).map { Unmanaged<TLSConnection>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Verifies the peer's chain and name as OpenSSL does, and keeps the reason while the certificate is at hand.
    static func verify(_ store: OpaquePointer?) -> CInt {
        guard let store else { return 0 }
        let result = X509_verify_cert(store)
        guard result != 1,
            let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
            let connection = of(OpaquePointer(ssl))
        else { return result }
        let code = X509_STORE_CTX_get_error(store)
        connection.verifyFailure = connection.sentence(code, X509_STORE_CTX_get0_cert(store))
        return result
    }

    private func sentence(_ code: CInt, _ certificate: OpaquePointer?) -> String {
        let text = String(cString: X509_verify_cert_error_string(Int(code)))
        switch code {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            let names = certificate.map(Self.names) ?? ""
            return
                "hostname mismatch: wanted \(client?.host ?? "?"), certificate is for \(names.isEmpty ? "no host" : names)"
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "certificate is signed by an issuer that is not trusted here (\(text))"
        default: return text
        }
    }

    private static func names(of certificate: OpaquePointer) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { buffer in
            guard let start = buffer.baseAddress else { return "" }
            shim_names(certificate, start, buffer.count)
            return escapedForDisplay(String(cString: start))
        }
    }

    /// Keeps a session that the origin lets us resume; `false` when we do not want it.
    func keep(_ session: OpaquePointer) -> Bool {
        guard let client else { return false }
        client.context.store(session, client.sessionKey)
        return true
    }
}
