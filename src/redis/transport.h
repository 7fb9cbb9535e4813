#ifndef REDFERRY_TRANSPORT_H
#define REDFERRY_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct iovec;
struct stop;
struct url;

/*
 * Bytes to and from Redis over TCP, a Unix socket, or TLS, never blocking. Each kind is a table
 * of functions; nothing above knows which one it is. Errors are ERROR_REDIS_UNREACHABLE, with
 * err->passing where trying again may help.
 */
struct transport;

/* Connect within timeout_ms: TCP with keepalive and no delay (every address of the name is
 * tried), a Unix socket, or TLS, which verifies chain and host name. stop (borrowed, may be
 * NULL) ends the wait. Returns 0 with *out yours to transport_close(), or -1 with err, which
 * names the URL without its password. */
int transport_open(struct transport **out, const struct url *url, const struct stop *stop,
                   int64_t timeout_ms, struct error *err);

/* Disconnect and free. NULL is harmless. */
void transport_close(struct transport *transport);

/* Read at most size bytes. Returns how many, 0 where none are there yet, or -1 with err (the
 * end of the stream included). Fewer than size: that was all there is for now. Just size: read
 * again before waiting, for TLS may hold more than the descriptor shows. */
ssize_t transport_read(struct transport *transport, char *bytes, size_t size,
                       struct error *err);

/* Write from the front of count spans. Returns how many bytes left, 0 where the wire is full,
 * or -1 with err. What did not leave must be offered again first, unchanged. Never raises
 * SIGPIPE. */
ssize_t transport_write(struct transport *transport, const struct iovec *spans, int count,
                        struct error *err);

/* What to poll, and for which events, when the last read (or, where writing, also the last
 * write) had to wait. TLS may need to write in order to read. */
int transport_descriptor(const struct transport *transport);
short transport_events(const struct transport *transport, bool writing);

#endif
