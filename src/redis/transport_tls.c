/*
 * TLS, as a second table of functions over a connected socket.
 *
 * The server's chain and host name are verified, and there is no switch that turns it off: a
 * private authority is named in the URL (?cacert=FILE) instead. OpenSSL reaches the socket
 * through a BIO of our own, because its own one writes without MSG_NOSIGNAL, and a library may
 * neither die of SIGPIPE nor set a process' signal handlers. Revocation is deliberately not
 * asked about: Redis' authorities are private ones, and a migration cannot hang on a responder.
 */
#include "transport_driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "error.h"
#include "url.h"

struct session {
    BIO_METHOD *method;
    SSL_CTX *context;
    SSL *ssl;
    short read_events;  /* what the last read waited for */
    short write_events; /* what the last write waited for */
};

/* ---- the BIO: OpenSSL's way to the socket ----------------------------------------------- */

static bool must_wait(int code)
{
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

static int bio_write(BIO *bio, const char *bytes, int length)
{
    const struct transport *transport = BIO_get_data(bio);
    ssize_t sent = send(transport->descriptor, bytes, (size_t)length, MSG_NOSIGNAL);
    BIO_clear_retry_flags(bio);
    if (sent < 0 && must_wait(errno)) BIO_set_retry_write(bio);
    return (int)sent;
}

static int bio_read(BIO *bio, char *bytes, int size)
{
    const struct transport *transport = BIO_get_data(bio);
    ssize_t got = recv(transport->descriptor, bytes, (size_t)size, 0);
    BIO_clear_retry_flags(bio);
    if (got < 0 && must_wait(errno)) BIO_set_retry_read(bio);
    if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)got;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return 0;
}

static BIO *bio_open(struct session *session, struct transport *transport)
{
    session->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "redferry");
    if (session->method == NULL || BIO_meth_set_write(session->method, bio_write) != 1 ||
        BIO_meth_set_read(session->method, bio_read) != 1 ||
        BIO_meth_set_ctrl(session->method, bio_control) != 1)
        return NULL;

    BIO *bio = BIO_new(session->method);
    if (bio == NULL) return NULL;
    BIO_set_data(bio, transport);
    BIO_set_init(bio, 1);
    return bio;
}

/* ---- errors ----------------------------------------------------------------------------- */

/* OpenSSL's first complaint, or fallback where it has none, and an empty queue afterwards. */
static const char *complaint(const char *fallback)
{
    unsigned long code = ERR_get_error();
    const char *reason = NULL;
    if (code != 0)
        reason = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code))
                                        : ERR_reason_error_string(code);
    ERR_clear_error();
    return reason == NULL ? fallback : reason;
}

static int fail(const char *what, struct error *err)
{
    return error_set(err, ERROR_REDIS_UNREACHABLE, "%s: %s", what, complaint("TLS failed"));
}

/* Fill err after a call on an established session returned code. */
static int lost(const struct session *session, int code, int saved, struct error *err)
{
    int kind = SSL_get_error(session->ssl, code);
    if (kind == SSL_ERROR_ZERO_RETURN || (kind == SSL_ERROR_SYSCALL && saved == 0)) {
        (void)error_set(err, ERROR_REDIS_UNREACHABLE, "the server closed the connection");
    } else {
        const char *fallback = kind == SSL_ERROR_SYSCALL ? strerror(saved) : "TLS failed";
        (void)error_set(err, ERROR_REDIS_UNREACHABLE, "lost the connection: %s",
                        complaint(fallback));
    }
    err->passing = true;
    return -1;
}

/* The events to wait for after a call returned code; 0 where it failed for good. */
static short wanted(const struct session *session, int code)
{
    int kind = SSL_get_error(session->ssl, code);
    if (kind == SSL_ERROR_WANT_READ) return POLLIN;
    return kind == SSL_ERROR_WANT_WRITE ? POLLOUT : 0;
}

/* ---- the table -------------------------------------------------------------------------- */

static ssize_t tls_read(struct transport *transport, char *bytes, size_t size,
                        struct error *err)
{
    struct session *session = transport->session;
    size_t filled = 0;
    session->read_events = POLLIN;

    /* A record holds 16 KiB at most: only an empty session says that there is no more. */
    while (filled < size) {
        size_t got = 0;
        ERR_clear_error();
        errno = 0;
        int code = SSL_read_ex(session->ssl, bytes + filled, size - filled, &got);
        int saved = errno;
        filled += got;
        if (code == 1) continue;

        short events = wanted(session, code);
        if (events != 0) {
            session->read_events = events;
            break;
        }
        /* What was read before comes first; the next read meets the same end. */
        if (filled == 0) return lost(session, code, saved, err);
        break;
    }
    return (ssize_t)filled;
}

static ssize_t tls_write(struct transport *transport, const struct iovec *spans, int count,
                         struct error *err)
{
    struct session *session = transport->session;
    size_t sent = 0;
    if (count < 1 || spans[0].iov_len == 0) return 0;

    ERR_clear_error();
    errno = 0;
    int code = SSL_write_ex(session->ssl, spans[0].iov_base, spans[0].iov_len, &sent);
    int saved = errno;
    if (code == 1) return (ssize_t)sent;

    short events = wanted(session, code);
    if (events == 0) return lost(session, code, saved, err);
    session->write_events = events;
    return 0;
}

static short tls_events(const struct transport *transport, bool writing)
{
    const struct session *session = transport->session;
    return writing ? (short)(session->read_events | session->write_events)
                   : session->read_events;
}

static void tls_close(struct transport *transport)
{
    struct session *session = transport->session;
    if (session->ssl != NULL && SSL_is_init_finished(session->ssl)) {
        /* A courtesy that is not waited for. */
        ERR_clear_error();
        (void)SSL_shutdown(session->ssl);
    }
    ERR_clear_error();
    SSL_free(session->ssl);
    SSL_CTX_free(session->context);
    BIO_meth_free(session->method);
    free(session);
    transport->session = NULL;
}

static const struct transport_ops tls_ops = {
    .read = tls_read,
    .write = tls_write,
    .events = tls_events,
    .close = tls_close,
};

/* ---- shaking hands ---------------------------------------------------------------------- */

static int trust(SSL_CTX *context, const struct url *url, struct error *err)
{
    if (url->ca_file == NULL) {
        if (SSL_CTX_set_default_verify_paths(context) == 1) return 0;
        return fail("the system's certificate authorities", err);
    }
    if (SSL_CTX_load_verify_file(context, url->ca_file) == 1) return 0;
    (void)fail("cannot be read as certificates", err);
    return error_prefix(err, "cacert '%s' ", url->ca_file);
}

static int introduce(SSL_CTX *context, const struct url *url, struct error *err)
{
    const char *key_file = url->key_file != NULL ? url->key_file : url->cert_file;
    if (url->cert_file == NULL) return 0;
    if (SSL_CTX_use_certificate_chain_file(context, url->cert_file) != 1) {
        (void)fail("cannot be read as a certificate", err);
        return error_prefix(err, "cert '%s' ", url->cert_file);
    }
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        (void)fail("is not the key of this certificate", err);
        return error_prefix(err, "key '%s' ", key_file);
    }
    return 0;
}

/* A private key with a passphrase must not make OpenSSL ask for it on the terminal. */
static int no_passphrase(char *text, int size, int writing, void *context)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static int make_context(struct session *session, const struct url *url, struct error *err)
{
    ERR_clear_error();
    session->context = SSL_CTX_new(TLS_client_method());
    if (session->context == NULL) return fail("TLS", err);
    SSL_CTX_set_default_passwd_cb(session->context, no_passphrase);
    SSL_CTX_set_verify(session->context, SSL_VERIFY_PEER, NULL);
    /* The pipeline offers what did not leave again from another address, never less of it. */
    (void)SSL_CTX_set_mode(session->context,
                           SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_set_min_proto_version(session->context, TLS1_2_VERSION) != 1)
        return fail("TLS 1.2", err);
    if (trust(session->context, url, err) != 0) return -1;
    return introduce(session->context, url, err);
}

/* An address has to stand in the certificate as an address; only a name is sent along (SNI). */
static int expect_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 ? (int)SSL_set_tlsext_host_name(ssl, host) : 0;
}

static int make_session(struct session *session, struct transport *transport,
                        const struct url *url, struct error *err)
{
    if (make_context(session, url, err) != 0) return -1;
    session->ssl = SSL_new(session->context);
    BIO *bio = session->ssl == NULL ? NULL : bio_open(session, transport);
    if (bio == NULL) return error_memory(err);
    SSL_set_bio(session->ssl, bio, bio);
    if (expect_host(session->ssl, url->host) == 1) return 0;
    return fail("the host's name", err);
}

static int refuse(const struct session *session, int code, int saved, struct error *err)
{
    long verdict = SSL_get_verify_result(session->ssl);
    if (verdict == X509_V_OK) {
        (void)lost(session, code, saved, err);
        return error_prefix(err, "TLS: ");
    }
    ERR_clear_error();
    return error_set(
        err, ERROR_REDIS_UNREACHABLE, "the server's certificate is not accepted: %s%s",
        X509_verify_cert_error_string(verdict),
        verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH
            ? ""
            : " (a private authority is named with ?cacert=FILE)");
}

int transport_tls_start(struct transport *transport, const struct url *url,
                        const struct stop *stop, int64_t deadline_ms, struct error *err)
{
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL) return error_memory(err);
    *session = (struct session){.read_events = POLLIN, .write_events = POLLOUT};
    transport->session = session;
    transport->ops = &tls_ops;
    if (make_session(session, transport, url, err) != 0) return -1;

    for (;;) {
        ERR_clear_error();
        errno = 0;
        int code = SSL_connect(session->ssl);
        int saved = errno;
        if (code == 1) return 0;
        short events = wanted(session, code);
        if (events == 0) return refuse(session, code, saved, err);
        if (transport_await(transport->descriptor, events, stop, deadline_ms, err) != 0)
            return -1;
    }
}
