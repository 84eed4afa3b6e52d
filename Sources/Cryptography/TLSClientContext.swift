import COpenSSL
import Core

/// How we speak TLS to origins: whom we trust, and the sessions that can be resumed.
///
/// Certificate and name are always verified; there is no way to turn that off.
package final class TLSClientContext: @unchecked Sendable {
    /// Whose signatures count.
    package enum Trust: Sendable {
        /// The machine's store, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
        case system
        /// The machine's store and these certificates (PEM).
        case systemAnd([UInt8])
        /// These certificates (PEM) only.
        case only([UInt8])
    }

    private struct Session {
        let raw: OpaquePointer
        let stored: MonotonicTime
    }

    /// For how long a session is resumed: not so long that a revoked or expired certificate lives on in it.
    private static let sessionLifetime = Duration.seconds(3600)

    // An SSL_CTX may be used from any thread once it is no longer configured; all of that is in init.
    let raw: OpaquePointer
    private let sessions: Guarded<RecencyTable<String, Session>>

    /// Makes a context that remembers at most `sessionCapacity` sessions, one per key.
    package init(trust: Trust = .system, sessionCapacity: Int = 1000) throws(CertificateError) {
        ErrorQueue.clear()
        guard let raw = SSL_CTX_new(TLS_client_method()) else { throw ErrorQueue.error("cannot make a TLS context") }
        self.raw = raw
        sessions = Guarded(RecencyTable(capacity: sessionCapacity))
        shim_set_modes(raw)
        shim_set_large_read_buffer(raw)
        shim_set_client_options(raw)
        shim_use_own_client_session_cache(raw)
        let http11 = [8] + Array("http/1.1".utf8)
        guard shim_set_versions_from_tls12(raw) == 1,
            SSL_CTX_set_ciphersuites(raw, TLSDefaults.suites) == 1,
            SSL_CTX_set_alpn_protos(raw, http11, CUnsignedInt(http11.count)) == 0
        else { throw ErrorQueue.error("cannot set up TLS") }
        SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nil)
        SSL_CTX_set_cert_verify_callback(raw, { store, _ in TLSConnection.verify(store) }, nil)
        SSL_CTX_sess_set_new_cb(raw) { ssl, session in
            guard let ssl, let session else { return 0 }
            return TLSConnection.of(ssl)?.keep(session) == true ? 1 : 0
        }
        try setTrust(trust)
    }

    private func setTrust(_ trust: Trust) throws(CertificateError) {
        switch trust {
        case .system: try trustSystem()
        case .systemAnd(let pem):
            try trustSystem()
            try add(pem)
        case .only(let pem): try add(pem)
        }
    }

    private func trustSystem() throws(CertificateError) {
        guard SSL_CTX_set_default_verify_paths(raw) == 1 else {
            throw ErrorQueue.error("cannot read the trusted certificates; look at SSL_CERT_FILE and SSL_CERT_DIR")
        }
        ErrorQueue.clear()
    }

    private func add(_ pem: [UInt8]) throws(CertificateError) {
        let certificates = try PEM.certificates(pem)
        defer { certificates.forEach { X509_free($0) } }
        for certificate in certificates {
            guard X509_STORE_add_cert(SSL_CTX_get_cert_store(raw), certificate) == 1 else {
                throw ErrorQueue.error("cannot trust a certificate")
            }
        }
        // Whoever names an intermediate means it: its root need not be there too.
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(raw), UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }

    /// Lets a new connection resume the last session under `key`, if there is one that is young enough.
    func offerSession(_ key: String, to ssl: OpaquePointer) {
        let now = MonotonicTime.now()
        sessions.withLock { sessions in
            guard let session = sessions.value(for: key) else { return }
            if now - session.stored < Self.sessionLifetime, SSL_SESSION_is_resumable(session.raw) == 1 {
                SSL_set_session(ssl, session.raw)
            } else {
                _ = sessions.remove(key)
                SSL_SESSION_free(session.raw)
            }
        }
    }

    /// Takes over a session.
    func store(_ session: OpaquePointer, _ key: String) {
        let new = Session(raw: session, stored: .now())
        let dropped = sessions.withLock { $0.insert(new, for: key) }
        for old in dropped { SSL_SESSION_free(old.raw) }
    }

    /// How many sessions are remembered; a gauge.
    package var sessionCount: Int { sessions.withLock(\.count) }

    /// Forgets all sessions, so that the next connections verify certificates anew.
    package func forgetSessions() {
        let dropped = sessions.withLock { $0.removeAll() }
        for old in dropped { SSL_SESSION_free(old.raw) }
    }

    deinit {
        forgetSessions()
        SSL_CTX_free(raw)
    }
}
