#ifndef REDFERRY_CONNECTION_H
#define REDFERRY_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct iovec;
struct reply;
struct stop;
struct stop_poll;
struct url;

/*
 * A Redis connection that has said who it is (AUTH, SELECT, CLIENT SETNAME redferry), for
 * single calls; pipeline.h is for streams. Errors are sticky: once the wire failed, every call
 * returns -1 with the first error until connection_reopen().
 */
struct connection;

enum { CONNECTION_TIMEOUT_MS = 5000 };

/* Connect and introduce ourselves. url and stop (may be NULL) are borrowed until
 * connection_close(). Returns 0 with *out, or -1 with err: ERROR_REDIS_UNREACHABLE (of a
 * password that is missing or wrong ERROR_OPERATOR); err->passing where trying again may help,
 * as while the server loads. */
int connection_open(struct connection **out, const struct url *url, const struct stop *stop,
                    struct error *err);

/* The same connection anew. Nothing may be in flight any more. Returns 0 or -1 with err. */
int connection_reopen(struct connection *connection, struct error *err);

/* NULL is harmless. */
void connection_close(struct connection *connection);

/* Send one command and wait for its reply (at most CONNECTION_TIMEOUT_MS without a byte): 0
 * with *reply borrowed until the next call, whatever Redis answered, an error reply included;
 * -1 with err where there is no answer. Not while a pipeline has something in flight. */
int connection_call(struct connection *connection, size_t count, const char *const *arguments,
                    const size_t *lengths, const struct reply **reply, struct error *err);

/* The same from terminated texts, ended by NULL. An error reply is -1 with err here
 * (reply_error()). */
int connection_ask(struct connection *connection, const struct reply **reply, struct error *err,
                   ...) __attribute__((sentinel));

/* Several questions in one write: send what bytes hold (RESP, copied), to be followed by one
 * connection_answer() for each of its commands, before anything else is asked. Returns 0 or -1
 * with err. */
int connection_call_all(struct connection *connection, const char *bytes, size_t length,
                        struct error *err);

/* Wait for the next of those answers, as connection_call() does. */
int connection_answer(struct connection *connection, const struct reply **reply,
                      struct error *err);

/* Whether this server may be written to, as it said when it was connected to; asks nothing.
 * Returns 0, or -1 with err that says what it is instead: a replica or a sentinel
 * (ERROR_OPERATOR, passing: it may be promoted), a cluster or a version before 6.2
 * (ERROR_INVALID). */
int connection_check_server(struct connection *connection, struct error *err);

/* "7.0.15". Borrowed until connection_reopen(). NULL where the server does not say. */
const char *connection_version(const struct connection *connection);

/* ---- for pipeline.c --------------------------------------------------------------------- */

/* Returns 0, or -1 with err where the connection has failed. */
int connection_check(const struct connection *connection, struct error *err);

/* Remember err as what ended this connection, with the URL (no password) in front, and
 * disconnect. Where it had failed before, err becomes that first error. Returns -1. */
int connection_break(struct connection *connection, struct error *err);

/* Write from the front of count spans, as transport_write(). */
ssize_t connection_write(struct connection *connection, const struct iovec *spans, int count,
                         struct error *err);

/* The next reply that is there without waiting: 1 with *reply borrowed until the next call, 0:
 * none, -1 with err. */
int connection_receive(struct connection *connection, const struct reply **reply,
                       struct error *err);

/* What to poll after connection_write() or connection_receive() returned 0. */
struct stop_poll connection_poll(const struct connection *connection, bool writing);

/* When the last byte came or left, in clock_monotonic_ms(). */
int64_t connection_moved_ms(const struct connection *connection);

/* How far away the server is: the least that an answer took that was waited for, in
 * nanoseconds; 0 before the first one. */
int64_t connection_round_trip(const struct connection *connection);

/* An answer took so long that a pipeline waited for, while nothing else was in flight. */
void connection_note_round_trip(struct connection *connection, int64_t took_ns);

/* Borrowed; may be NULL. */
const struct stop *connection_stop(const struct connection *connection);

#endif
