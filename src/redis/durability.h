#ifndef REDFERRY_DURABILITY_H
#define REDFERRY_DURABILITY_H

#include <stdbool.h>
#include <stdint.h>

struct connection;
struct error;

/* How safe what was written has to be before it counts as done. */
struct durability {
    int64_t replicas;   /* that many have to have it; 0: none need to */
    bool aof;           /* it has to be on disk, with the server and with each of those */
    int64_t timeout_ms; /* how long to wait for that */
};

/* Whether anything is asked for at all. */
bool durability_is_asked(const struct durability *durability);

/* Whether the server can be asked for it: it knows the command, allows it, and where `aof` is
 * set it has an append-only file. Writes nothing. Returns 0, or -1 with err (ERROR_INVALID). */
int durability_check(struct connection *connection, const struct durability *durability,
                     struct error *err);

/*
 * Wait until everything that this connection wrote, and with it everything that was written
 * before, is as safe as asked. The connection has to have written something: Redis measures by
 * the offset of its last write. Nothing may be in flight. tick is called every
 * DURABILITY_TICK_MS while it waits, with the milliseconds since the beginning; it returns 0,
 * or -1 with err to end it.
 *
 * Returns 0, or -1 with err: too few within the time (ERROR_FAILED, saying how many of how
 * many), what the server or tick said, a stop, no connection. Where it stopped waiting without
 * an answer, the connection is given up and has to be reopened.
 */
enum { DURABILITY_TICK_MS = 250 };
int durability_wait(struct connection *connection, const struct durability *durability,
                    int (*tick)(void *context, int64_t waited_ms, struct error *err),
                    void *context, struct error *err);

#endif
