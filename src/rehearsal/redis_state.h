#ifndef REDFERRY_REDIS_STATE_H
#define REDFERRY_REDIS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "test_file.h"

struct connection;
struct error;
struct verdict;

/* A key of Redis and all that it holds. */
struct redis_state_key {
    const char *name;
    size_t length;
    const char *type;        /* "hash"; of a module's type its own name */
    int64_t ttl_ms;          /* -1: none */
    struct test_value value; /* in an order of its own where the type has none */
};

/* All keys of a Redis but redferry's own, by name. They live in its arena. {0} is empty. */
struct redis_state {
    struct redis_state_key *keys;
    size_t count, room;
    int64_t taken_ms; /* on the wall's clock */
    struct arena arena;
};

/* Read all of it into *state, which is emptied first and yours to redis_state_release().
 * Returns 0 or -1 with err. */
int redis_state_take(struct redis_state *state, struct connection *connection,
                     struct error *err);

/* Harmless on {0}. */
void redis_state_release(struct redis_state *state);

/* Move redferry's own keys to another database of the server, where no check sees them, or (not
 * aside) back. All that they hold stays, TTLs included. Returns 0 or -1 with err. */
int redis_state_set_aside(struct connection *connection, bool aside, struct error *err);

/* How two states are compared. */
struct redis_state_manner {
    int64_t since_ms;   /* wall clock: ids of streams whose time is not before this are as good
                           as the same; 0: none are */
    const char *moment; /* of the differences */
};

/* Note in verdict what differs, key by key. TTLs may be some seconds apart. Returns 0, or -1
 * with err (no memory). */
int redis_state_compare(const struct redis_state *expected, const struct redis_state *got,
                        const struct redis_state_manner *manner, struct verdict *verdict,
                        struct error *err);

#endif
