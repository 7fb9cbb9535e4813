#ifndef REDFERRY_CONNECTION_H
#define REDFERRY_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct reply;
struct stop;
struct transport;
struct url;

/*
 * A Redis connection that has said who it is (AUTH, SELECT, CLIENT SETNAME redferry), for
 * single calls; pipeline.h is for streams. Errors are sticky: once the wire failed, every call
 * returns -1 with the first error until connection_reopen().
 */
struct connection;

enum { CONNECTION_TIMEOUT_MS = 5000 };

/* Connect and introduce ourselves. url and stop are borrowed until connection_close(). Returns
 * 0 with *out, or -1 with err: ERROR_REDIS_UNREACHABLE, also for a wrong password. */
int connection_open(struct connection **out, const struct url *url, const struct stop *stop,
                    struct error *err);

/* The same connection anew. Returns 0 or -1 with err. */
int connection_reopen(struct connection *connection, struct error *err);

/* NULL is harmless. */
void connection_close(struct connection *connection);

/* Send one command and wait for its reply (at most CONNECTION_TIMEOUT_MS without a byte): 0
 * with *reply borrowed until the next call, whatever Redis answered, an error reply included;
 * -1 with err where there is no answer. Not while a pipeline has something in flight. */
int connection_call(struct connection *connection, size_t count, const char *const *arguments,
                    const size_t *lengths, const struct reply **reply, struct error *err);

/* The same from terminated texts, ended by NULL. An error reply is -1 with err here
 * (redis_error()). */
int connection_ask(struct connection *connection, const struct reply **reply, struct error *err,
                   ...) __attribute__((sentinel));

/* Whether this server may be written to: version 6.2 or newer, ROLE master, not a cluster.
 * Returns 0, or -1 with err that says what it is instead. */
int connection_check_server(struct connection *connection, struct error *err);

/* "7.0.15". Borrowed. NULL before connection_check_server(). */
const char *connection_version(const struct connection *connection);

/* What an error reply asks for. */
enum redis_trouble {
    REDIS_PASSING, /* LOADING BUSY TRYAGAIN MASTERDOWN READONLY CLUSTERDOWN: again, with
                      back-off */
    REDIS_SHORT,   /* OOM MISCONF NOREPLICAS: again briefly */
    REDIS_FINAL    /* everything else */
};
enum redis_trouble redis_trouble(const struct reply *reply);

/* Fill err from an error reply: ERROR_FAILED (NOAUTH, WRONGPASS: ERROR_REDIS_UNREACHABLE).
 * Returns -1. */
int redis_error(const struct reply *reply, struct error *err);

/* For pipeline.c. */
struct transport *connection_transport(struct connection *connection);
struct reply_reader *connection_reader(struct connection *connection);
const struct stop *connection_stop(const struct connection *connection);

#endif
