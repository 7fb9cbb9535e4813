#ifndef REDFERRY_TRANSPORT_DRIVER_H
#define REDFERRY_TRANSPORT_DRIVER_H

/*
 * Between transport.c, which connects and speaks plainly, and transport_tls.c, which takes a
 * connected transport over. For these two only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct iovec;
struct stop;
struct transport;
struct url;

/* What a kind of transport offers: transport.h's functions, one by one. close frees what is
 * the driver's own, not the descriptor. */
struct transport_ops {
    ssize_t (*read)(struct transport *transport, char *bytes, size_t size, struct error *err);
    ssize_t (*write)(struct transport *transport, const struct iovec *spans, int count,
                     struct error *err);
    short (*events)(const struct transport *transport, bool writing);
    void (*close)(struct transport *transport);
};

struct transport {
    const struct transport_ops *ops;
    int descriptor; /* connected, non-blocking */
    void *session;  /* the driver's own */
};

/* Shake hands on a connected transport until deadline_ms (monotonic), verify who is there, and
 * take the transport over. Returns 0, or -1 with err; what was begun then goes with
 * transport_close(). */
int transport_tls_start(struct transport *transport, const struct url *url,
                        const struct stop *stop, int64_t deadline_ms, struct error *err);

/* Wait until the descriptor is ready for events. Returns 0, or -1 with err: the deadline is
 * over ("timed out"), or a stop was asked for. */
int transport_await(int descriptor, short events, const struct stop *stop, int64_t deadline_ms,
                    struct error *err);

#endif
