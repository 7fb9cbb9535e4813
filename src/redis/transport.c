/*
 * Connections to Redis: TCP and Unix sockets, and the front that TLS is hidden behind.
 *
 * hiredis could connect, but it blocks, knows no stop, leaves checking a certificate's name to
 * others, and cannot write while it reads. So sockets are opened here: never blocking, every
 * address of a name within one deadline, and with the kernel told to notice a peer that went
 * away. Nothing here knows Redis' protocol, and nothing reconnects. One wait is not bounded
 * here: getaddrinfo()'s, which follows resolv.conf.
 */
#include "transport.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "stop.h"
#include "transport_driver.h"
#include "url.h"

enum {
    KEEPALIVE_IDLE_S = 15,
    KEEPALIVE_INTERVAL_S = 5,
    KEEPALIVE_PROBES = 3,
    UNACKNOWLEDGED_MS = 30000,
    FULL_BACKLOG_MS = 10
};

static int fail(struct error *err, const char *what, int code)
{
    const char *colon = *what == '\0' ? "" : ": ";
    (void)error_set(err, ERROR_REDIS_UNREACHABLE, "%s%s%s", what, colon, strerror(code));
    err->passing = true;
    return -1;
}

/* ---- bytes over a plain socket ---------------------------------------------------------- */

static ssize_t plain_read(struct transport *transport, char *bytes, size_t size,
                          struct error *err)
{
    ssize_t got = 0;
    do {
        got = recv(transport->descriptor, bytes, size, 0);
    } while (got < 0 && errno == EINTR);

    if (got > 0 || size == 0) return got;
    if (got == 0) {
        (void)error_set(err, ERROR_REDIS_UNREACHABLE, "the server closed the connection");
        err->passing = true;
        return -1;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    return fail(err, "lost the connection", errno);
}

static ssize_t plain_write(struct transport *transport, const struct iovec *spans, int count,
                           struct error *err)
{
    /* sendmsg() only reads the spans, but its struct does not say so. */
    struct iovec copies[16];
    if (count > (int)(sizeof copies / sizeof *copies))
        count = (int)(sizeof copies / sizeof *copies);
    memcpy(copies, spans, (size_t)count * sizeof *copies);
    const struct msghdr message = {.msg_iov = copies, .msg_iovlen = (size_t)count};

    ssize_t sent = 0;
    do {
        sent = sendmsg(transport->descriptor, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);

    if (sent >= 0) return sent;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return 0;
    return fail(err, "lost the connection", errno);
}

static short plain_events(const struct transport *transport, bool writing)
{
    (void)transport;
    return writing ? POLLIN | POLLOUT : POLLIN;
}

static void plain_close(struct transport *transport)
{
    (void)transport;
}

static const struct transport_ops plain_ops = {
    .read = plain_read,
    .write = plain_write,
    .events = plain_events,
    .close = plain_close,
};

/* ---- connecting ------------------------------------------------------------------------- */

int transport_await(int descriptor, short events, const struct stop *stop, int64_t deadline_ms,
                    struct error *err)
{
    struct stop_poll wire = {.descriptor = descriptor, .events = events};
    int64_t left = deadline_ms - clock_monotonic_ms();
    int ready = stop_wait(stop, &wire, 1, left < 0 ? 0 : left, true, err);
    if (ready != 0) return ready < 0 ? -1 : 0;
    return fail(err, "", ETIMEDOUT);
}

/* What became of a connect() that could not finish at once. */
static int finish(int descriptor, const struct stop *stop, int64_t deadline_ms,
                  struct error *err)
{
    int code = 0;
    socklen_t size = sizeof code;
    if (transport_await(descriptor, POLLOUT, stop, deadline_ms, err) != 0) return -1;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
    return code == 0 ? 0 : fail(err, "", code);
}

/* Connect transport to address. Returns 0 or -1 with err; its descriptor is -1 then. */
static int dial(struct transport *transport, const struct sockaddr *address, socklen_t length,
                const struct stop *stop, int64_t deadline_ms, struct error *err)
{
    int result = -1;
    int descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return fail(err, "socket", errno);

    while (connect(descriptor, address, length) != 0) {
        if (errno == EINPROGRESS || errno == EINTR) {
            if (finish(descriptor, stop, deadline_ms, err) != 0) goto done;
            break;
        }
        /* A Unix socket whose server is too busy to accept: nothing to poll for. */
        if (errno != EAGAIN || clock_monotonic_ms() >= deadline_ms) {
            (void)fail(err, "", errno);
            goto done;
        }
        if (stop_sleep(stop, FULL_BACKLOG_MS, err) != 0) goto done;
    }
    transport->descriptor = descriptor;
    descriptor = -1;
    result = 0;
done:
    if (descriptor >= 0) (void)close(descriptor);
    return result;
}

static int open_unix(struct transport *transport, const struct url *url,
                     const struct stop *stop, int64_t deadline_ms, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(url->path);
    if (length >= sizeof address.sun_path) {
        return error_set(err, ERROR_REDIS_UNREACHABLE,
                         "the path of a socket has at most %zu bytes, this one has %zu",
                         sizeof address.sun_path - 1, length);
    }
    memcpy(address.sun_path, url->path, length + 1);
    return dial(transport, (const struct sockaddr *)&address, sizeof address, stop, deadline_ms,
                err);
}

/* The addresses of the URL's host, yours to freeaddrinfo(). */
static int look_up(struct addrinfo **out, const struct url *url, struct error *err)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char port[16];
    (void)snprintf(port, sizeof port, "%d", url->port);

    int code = getaddrinfo(url->host, port, &hints, out);
    if (code == 0) return 0;
    (void)error_set(err, ERROR_REDIS_UNREACHABLE, "'%s': %s", url->host,
                    code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
    err->passing = true;
    return -1;
}

/* These make a dead peer noticed sooner; a kernel that has not got one of them still works. */
static void tune(int descriptor)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        (void)setsockopt(descriptor, options[i].level, options[i].name, &options[i].value,
                         sizeof options[i].value);
    }
}

/* Say which of the name's addresses it was. */
static int name_address(const struct addrinfo *address, struct error *err)
{
    char text[INET6_ADDRSTRLEN + 16] = "";
    if (getnameinfo(address->ai_addr, address->ai_addrlen, text, sizeof text, NULL, 0,
                    NI_NUMERICHOST) == 0)
        (void)error_prefix(err, "%s: ", text);
    return -1;
}

static int open_tcp(struct transport *transport, const struct url *url, const struct stop *stop,
                    int64_t deadline_ms, struct error *err)
{
    struct addrinfo *addresses = NULL;
    int left = 0;
    int result = -1;
    if (look_up(&addresses, url, err) != 0) return -1;
    for (struct addrinfo *one = addresses; one != NULL; one = one->ai_next) left++;

    for (struct addrinfo *one = addresses; one != NULL && result != 0; one = one->ai_next) {
        /* A black hole gets its share of the time, and leaves the others theirs. */
        int64_t now = clock_monotonic_ms();
        int64_t until = deadline_ms > now ? now + (deadline_ms - now) / left-- : deadline_ms;
        result = dial(transport, one->ai_addr, one->ai_addrlen, stop, until, err);
        if (result == 0) {
            tune(transport->descriptor);
        } else if (stop_requested(stop)) {
            break;
        } else {
            (void)name_address(one, err);
        }
    }
    freeaddrinfo(addresses);
    return result;
}

/* ---- the front -------------------------------------------------------------------------- */

static int connect_to(struct transport *transport, const struct url *url,
                      const struct stop *stop, int64_t deadline_ms, struct error *err)
{
    if (url->kind == URL_REDIS_UNIX) return open_unix(transport, url, stop, deadline_ms, err);
    if (open_tcp(transport, url, stop, deadline_ms, err) != 0) return -1;
    if (url->kind != URL_REDIS_TLS) return 0;
    return transport_tls_start(transport, url, stop, deadline_ms, err);
}

int transport_open(struct transport **out, const struct url *url, const struct stop *stop,
                   int64_t timeout_ms, struct error *err)
{
    struct transport *transport = calloc(1, sizeof *transport);
    if (transport == NULL) return error_memory(err);
    *transport = (struct transport){.ops = &plain_ops, .descriptor = -1};

    if (connect_to(transport, url, stop, clock_monotonic_ms() + timeout_ms, err) == 0) {
        *out = transport;
        return 0;
    }
    transport_close(transport);
    if (err->code == ERROR_REDIS_UNREACHABLE)
        (void)error_prefix(err, "cannot connect to '%s': ", url->redacted);
    return -1;
}

void transport_close(struct transport *transport)
{
    if (transport == NULL) return;
    transport->ops->close(transport);
    if (transport->descriptor >= 0) (void)close(transport->descriptor);
    free(transport);
}

ssize_t transport_read(struct transport *transport, char *bytes, size_t size, struct error *err)
{
    return transport->ops->read(transport, bytes, size, err);
}

ssize_t transport_write(struct transport *transport, const struct iovec *spans, int count,
                        struct error *err)
{
    return transport->ops->write(transport, spans, count, err);
}

int transport_descriptor(const struct transport *transport)
{
    return transport->descriptor;
}

short transport_events(const struct transport *transport, bool writing)
{
    return transport->ops->events(transport, writing);
}
