import COpenSSL
package import Core

/// What our side of a client's TLS connection needs: a leaf for one host, its key, ciphers and ticket keys.
///
/// TLS 1.2 and 1.3; `http/1.1` is chosen when the client offers protocols (ALPN); sessions are resumed by tickets whose
/// keys belong to this context and end with it.
package final class TLSServerContext: @unchecked Sendable {
    // An SSL_CTX may be used from any thread once it is no longer configured; all of that is in init.
    let raw: OpaquePointer

    /// The host that the leaf is for.
    package let host: String
    /// From then on a new context should be made.
    package let renewal: WallTime

    init(
        host: String, leaf: OpaquePointer, key: OpaquePointer, chain: [OpaquePointer], renewal: WallTime
    ) throws(CertificateError) {
        ErrorQueue.clear()
        guard let raw = SSL_CTX_new(TLS_server_method()) else { throw ErrorQueue.error("cannot make a TLS context") }
        self.raw = raw
        self.host = host
        self.renewal = renewal
        shim_set_modes(raw)
        shim_set_server_options(raw)
        shim_send_only_given_chain(raw)
        shim_disable_server_session_cache(raw)
        shim_accept_http11(raw)
        let identifier = Array("fetch-service".utf8)
        guard shim_set_versions_from_tls12(raw) == 1,
            SSL_CTX_set_ciphersuites(raw, TLSDefaults.suites) == 1,
            SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1,
            shim_set_groups(raw, "X25519:P-256:P-384") == 1,
            SSL_CTX_set_session_id_context(raw, identifier, CUnsignedInt(identifier.count)) == 1,
            // One ticket is enough: each resumption brings a new one.
            SSL_CTX_set_num_tickets(raw, 1) == 1,
            SSL_CTX_use_certificate(raw, leaf) == 1, SSL_CTX_use_PrivateKey(raw, key) == 1,
            chain.allSatisfy({ shim_add_chain_certificate(raw, $0) == 1 })
        else { throw ErrorQueue.error("cannot set up TLS for \(host)") }
    }

    deinit { SSL_CTX_free(raw) }
}

/// What both sides agree on.
enum TLSDefaults {
    /// AES-128 first: as safe as we need, and a quarter faster than AES-256 on the relay path.
    static let suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
}
