// OpenSSL 3 for Swift: the headers, and functions in place of what Swift cannot import (macros, typed stacks, variable
// arguments) and for the BIO that lies between a TLS connection and its socket. Policy is in Sources/Cryptography.
#ifndef FETCH_OPENSSL_H
#define FETCH_OPENSSL_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// ---- Macros of libssl as functions.

static inline int shim_set_versions_from_tls12(SSL_CTX *context) {
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}
static inline void shim_set_modes(SSL_CTX *context) {
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    // One recv(2) for several records, instead of one for each header and one for each body.
    SSL_CTX_set_read_ahead(context, 1);
}
// For who receives bodies. Clients send heads: for those OpenSSL's own size does, and it is sooner allocated and freed.
static inline void shim_set_large_read_buffer(SSL_CTX *context) {
    SSL_CTX_set_default_read_buffer_len(context, 64 * 1024);
}
// The chain is what was given. Otherwise OpenSSL looks for the issuers of a lone leaf at each handshake.
static inline void shim_send_only_given_chain(SSL_CTX *context) { SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN); }
static inline void shim_set_server_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA);
}
static inline void shim_set_client_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}
static inline void shim_disable_server_session_cache(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}
static inline void shim_use_own_client_session_cache(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
}
static inline int shim_set_groups(SSL_CTX *context, const char *list) {
    return (int)SSL_CTX_set1_groups_list(context, list);
}
static inline int shim_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}
static inline int shim_set_server_name(SSL *ssl, const char *name) { return (int)SSL_set_tlsext_host_name(ssl, name); }

// Chooses http/1.1 when the client offers it; otherwise the handshake goes on as if it had offered nothing.
static int shim_select_http11(SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in,
                              unsigned int in_length, void *argument) {
    (void)ssl;
    (void)argument;
    for (unsigned int i = 0; i < in_length; i += 1u + in[i]) {
        if (in[i] == 8 && i + 9 <= in_length && memcmp(in + i + 1, "http/1.1", 8) == 0) {
            *out = in + i + 1;
            *out_length = 8;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}
static inline void shim_accept_http11(SSL_CTX *context) { SSL_CTX_set_alpn_select_cb(context, shim_select_http11, NULL); }

// ---- The BIO between a TLS connection and its socket.

// What a connection's BIO works on; owned by the TLSConnection, which outlives the SSL.
typedef struct shim_socket {
    int descriptor;
    // Bytes that somebody has read from the socket before TLS began; served first.
    const unsigned char *prefix;
    size_t prefix_length;
    // The peer's FIN has been read.
    int at_end;
    // The errno that broke the socket, or 0.
    int error;
    // Somebody says when the socket has something again, so that it need not be asked.
    int is_watched;
    // The last recv(2) gave less than there was room for, and nothing has been heard of the socket since: it has nothing.
    int is_drained;
    // A session ticket of TLS 1.3, which nobody waits for and which goes out with the first bytes that somebody does.
    unsigned char *held;
    size_t held_length;
    SSL *ssl;
    // More records follow at once: the kernel may fill a packet with them before it sends and wakes the peer.
    int has_more;
} shim_socket;

// Sends what is held and `bytes` behind it; returns how many of `bytes` have gone, or -1 with errno.
static inline ssize_t shim_socket_send(shim_socket *socket, const char *bytes, size_t length) {
    ssize_t result;
    const int flags = socket->has_more ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
    if (socket->held_length == 0) {
        do result = send(socket->descriptor, bytes, length, flags);
        while (result < 0 && errno == EINTR);
        return result;
    }
    struct iovec pieces[2] = {{socket->held, socket->held_length}, {(void *)bytes, length}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = length > 0 ? 2 : 1};
    do result = sendmsg(socket->descriptor, &message, flags);
    while (result < 0 && errno == EINTR);
    if (result < 0) return -1;
    if ((size_t)result < socket->held_length) {
        socket->held_length -= (size_t)result;
        memmove(socket->held, socket->held + result, socket->held_length);
        errno = EAGAIN;
        return -1;
    }
    result -= (ssize_t)socket->held_length;
    OPENSSL_free(socket->held);
    socket->held = NULL;
    socket->held_length = 0;
    if (result == 0 && length > 0) {
        errno = EAGAIN;
        return -1;
    }
    return result;
}
static inline void shim_socket_discard_held(shim_socket *socket) {
    OPENSSL_free(socket->held);
    socket->held = NULL;
    socket->held_length = 0;
}
// Whether it is held: the client of TLS 1.2 waits for its ticket, since the Finished message comes behind it.
static inline int shim_socket_hold(shim_socket *socket, const char *bytes, size_t length) {
    if (SSL_get_state(socket->ssl) != TLS_ST_SW_SESSION_TICKET || SSL_version(socket->ssl) != TLS1_3_VERSION) return 0;
    unsigned char *all = (unsigned char *)OPENSSL_realloc(socket->held, socket->held_length + length);
    if (all == NULL) return 0;
    memcpy(all + socket->held_length, bytes, length);
    socket->held = all;
    socket->held_length += length;
    return 1;
}

static int shim_socket_read(BIO *bio, char *out, size_t capacity, size_t *count) {
    shim_socket *socket = (shim_socket *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (socket->prefix_length > 0) {
        *count = capacity < socket->prefix_length ? capacity : socket->prefix_length;
        memcpy(out, socket->prefix, *count);
        socket->prefix += *count;
        socket->prefix_length -= *count;
        return 1;
    }
    *count = 0;
    if (socket->is_drained) {
        BIO_set_retry_read(bio);
        return 0;
    }
    ssize_t result;
    do result = recv(socket->descriptor, out, capacity, 0);
    while (result < 0 && errno == EINTR);
    if (result > 0) {
        *count = (size_t)result;
        socket->is_drained = socket->is_watched && (size_t)result < capacity;
        return 1;
    }
    if (result == 0) {
        socket->at_end = 1;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        socket->is_drained = socket->is_watched;
        BIO_set_retry_read(bio);
    } else {
        socket->error = errno;
    }
    return 0;
}
static int shim_socket_write(BIO *bio, const char *bytes, size_t length, size_t *count) {
    shim_socket *socket = (shim_socket *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (shim_socket_hold(socket, bytes, length)) {
        *count = length;
        return 1;
    }
    ssize_t result = shim_socket_send(socket, bytes, length);
    if (result >= 0) {
        *count = (size_t)result;
        return 1;
    }
    *count = 0;
    if (errno == EAGAIN || errno == EWOULDBLOCK) BIO_set_retry_write(bio);
    else socket->error = errno;
    return 0;
}
static long shim_socket_control(BIO *bio, int command, long number, void *pointer) {
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return ((shim_socket *)BIO_get_data(bio))->at_end;
    default: return 0;
    }
}
static inline BIO_METHOD *shim_socket_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket with prefix");
    if (method == NULL) return NULL;
    BIO_meth_set_read_ex(method, shim_socket_read);
    BIO_meth_set_write_ex(method, shim_socket_write);
    BIO_meth_set_ctrl(method, shim_socket_control);
    return method;
}
static inline int shim_attach_socket(SSL *ssl, const BIO_METHOD *method, shim_socket *socket) {
    BIO *bio = BIO_new(method);
    if (bio == NULL) return 0;
    BIO_set_data(bio, socket);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    socket->ssl = ssl;
    return 1;
}

// ---- Certificates.

static inline EVP_PKEY *shim_generate_p256(void) { return EVP_EC_gen("P-256"); }

// Refuses keys that want a passphrase, instead of asking at a terminal.
static int shim_no_passphrase(char *buffer, int size, int writing, void *argument) {
    (void)buffer;
    (void)size;
    (void)writing;
    (void)argument;
    return -1;
}
static inline EVP_PKEY *shim_read_private_key(BIO *bio) {
    return PEM_read_bio_PrivateKey(bio, NULL, shim_no_passphrase, NULL);
}
static inline X509 *shim_read_certificate(BIO *bio) { return PEM_read_bio_X509(bio, NULL, shim_no_passphrase, NULL); }
static inline long shim_memory(BIO *bio, char **start) { return BIO_get_mem_data(bio, start); }

// `value` is in the language of x509v3_config(5): never put anything from outside into it.
static inline int shim_add_extension(X509 *certificate, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (extension == NULL) return 0;
    int done = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return done;
}
// One name: the 4 or 16 bytes of an address, or a DNS name.
static inline int shim_add_alternative_name(X509 *certificate, const unsigned char *bytes, int length, int is_address,
                                            int critical) {
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *text = ASN1_STRING_type_new(is_address ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    int done = 0;
    if (names != NULL && name != NULL && text != NULL && ASN1_STRING_set(text, bytes, length)) {
        GENERAL_NAME_set0_value(name, is_address ? GEN_IPADD : GEN_DNS, text);
        text = NULL;
        if (sk_GENERAL_NAME_push(names, name) > 0) {
            name = NULL;
            done = X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, critical, X509V3_ADD_DEFAULT) > 0;
        }
    }
    ASN1_STRING_free(text);
    GENERAL_NAME_free(name);
    GENERAL_NAMES_free(names);
    return done;
}
// The identifier that `issuer` states for its key or, when it states none, the SHA-1 of that key (RFC 5280, 4.2.1.2).
static inline int shim_add_authority_key(X509 *certificate, X509 *issuer) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    AUTHORITY_KEYID *identifier = AUTHORITY_KEYID_new();
    if (identifier == NULL) return 0;
    const ASN1_OCTET_STRING *stated = X509_get0_subject_key_id(issuer);
    if (stated != NULL) {
        identifier->keyid = ASN1_OCTET_STRING_dup(stated);
    } else if (X509_pubkey_digest(issuer, EVP_sha1(), digest, &length)) {
        identifier->keyid = ASN1_OCTET_STRING_new();
        if (identifier->keyid != NULL) ASN1_OCTET_STRING_set(identifier->keyid, digest, (int)length);
    }
    int done = identifier->keyid != NULL && X509_add1_ext_i2d(certificate, NID_authority_key_identifier, identifier, 0,
                                                              X509V3_ADD_DEFAULT) > 0;
    AUTHORITY_KEYID_free(identifier);
    return done;
}
// Writes the certificate's subject as "CN=name,O=organisation" (RFC 2253); always ends with NUL.
static inline void shim_subject(X509 *certificate, char *out, int capacity) {
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    out[0] = 0;
    if (bio == NULL) return;
    X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    long length = BIO_get_mem_data(bio, &text);
    if (length >= capacity) length = capacity - 1;
    if (length > 0) {
        memcpy(out, text, (size_t)length);
        out[length] = 0;
    }
    BIO_free(bio);
}
// Writes the certificate's DNS names and addresses, separated by ", ", as far as there is room; always ends with NUL.
static inline void shim_names(X509 *certificate, char *out, size_t capacity) {
    size_t used = 0;
    GENERAL_NAMES *names =
        (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
    for (int i = 0; i < count; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        char text[256];
        int written = 0;
        if (name->type == GEN_DNS) {
            written = snprintf(text, sizeof text, "%.*s", ASN1_STRING_length(name->d.dNSName),
                               (const char *)ASN1_STRING_get0_data(name->d.dNSName));
        } else if (name->type == GEN_IPADD) {
            const unsigned char *b = ASN1_STRING_get0_data(name->d.iPAddress);
            int length = ASN1_STRING_length(name->d.iPAddress);
            if (length == 4) {
                written = snprintf(text, sizeof text, "%d.%d.%d.%d", b[0], b[1], b[2], b[3]);
            } else if (length == 16) {
                for (int j = 0; j < 16; j += 2)
                    written += snprintf(text + written, sizeof text - (size_t)written, j ? ":%x" : "%x",
                                        b[j] << 8 | b[j + 1]);
            }
        }
        if (written <= 0) continue;
        size_t size = (size_t)written < sizeof text ? (size_t)written : sizeof text - 1;
        if (used + size + 3 > capacity) break;
        if (used > 0) {
            memcpy(out + used, ", ", 2);
            used += 2;
        }
        memcpy(out + used, text, size);
        used += size;
    }
    out[used] = 0;
    GENERAL_NAMES_free(names);
}

#endif
