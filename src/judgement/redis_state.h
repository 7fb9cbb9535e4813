#ifndef REDFERRY_REDIS_STATE_H
#define REDFERRY_REDIS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "test_expectation.h"

struct connection;
struct error;

/* What the values of a type are made of. */
enum redis_state_parts {
    REDIS_WHOLE,    /* one text */
    REDIS_ELEMENTS, /* of a list, by their places */
    REDIS_MEMBERS,  /* of a set */
    REDIS_PAIRS,    /* names and values */
    REDIS_ENTRIES   /* of a stream: ids and fields, by their places */
};

struct redis_state_type {
    const char *name;     /* "hash"; NULL: any that is not in the table, as a module's */
    const char *words[6]; /* the command that reads all of it; "%" stands for the key */
    size_t count;
    enum redis_state_parts parts;
    const char *part; /* what a part is called */
};

/* A key of Redis and all that it holds. */
struct redis_state_key {
    const char *name;
    size_t length;
    const char *type;         /* "hash"; of a module's type its own name */
    int64_t ttl_ms;           /* -1: none */
    struct test_value value;  /* in an order of its own where the type has none */
    int64_t *field_ttls_ms;   /* of a hash: one for each pair, -1: none; NULL: none has any */
    struct test_value groups; /* of a stream: its consumer groups, names and what they are */
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

/* What is known of a type, by its name. Constant, never NULL. */
const struct redis_state_type *redis_state_type_of(const char *name);

#endif
