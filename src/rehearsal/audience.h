#ifndef REDFERRY_AUDIENCE_H
#define REDFERRY_AUDIENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"

struct connection;
struct error;
struct migration;
struct stop;
struct test_expectation;
struct url;
struct verdict;

/*
 * Whoever listens to all channels of a Redis while a migration is rehearsed, on a connection of
 * its own, and what was heard.
 */
struct audience {
    struct connection *connection;
};

/* A message that was heard. */
struct heard_message {
    const char *channel;
    size_t channel_length;
    const char *message;
    size_t message_length;
};

/* Messages in the order in which they came; they live in its arena. {0} is an empty one. */
struct heard {
    struct heard_message *items;
    size_t count, room;
    struct arena arena;
};

/* Subscribe to every channel but those of shards. url and stop are borrowed until
 * audience_close(). Returns 0 or -1 with err. */
int audience_open(struct audience *audience, const struct url *url, const struct stop *stop,
                  struct error *err);

/* Listen to shard channels as well where this migration may send to some. What was published
 * so far and not taken is lost. Returns 0 or -1 with err. */
int audience_attend(struct audience *audience, const struct migration *migration,
                    struct error *err);

/* Harmless on {0}. */
void audience_close(struct audience *audience);

/* Everything that was published since the last time and before this call, into *heard, which is
 * emptied first and yours to heard_release(). Returns 0 or -1 with err. */
int audience_take(struct audience *audience, struct heard *heard, struct error *err);

/* Harmless on {0}. */
void heard_release(struct heard *heard);

/* Hold what was heard against expected->messages, in order, and note what differs in verdict,
 * as of moment. Returns 0, or -1 with err (no memory). */
int audience_compare(const struct heard *heard, const struct test_expectation *expected,
                     const char *moment, struct verdict *verdict, struct error *err);

/* What is promised of a run that was disturbed, going by one that was not. */
struct audience_promise {
    const struct heard *undisturbed;
    size_t often;      /* so many of its last messages may come more than once */
    bool numbers_vary; /* and their numbers may be others: ${rows} */
    bool once;         /* else all messages may come more than once */
};

/* Hold what was heard against that, in any order, and note what differs. Returns as above. */
int audience_compare_again(const struct heard *heard, const struct audience_promise *promise,
                           const char *moment, struct verdict *verdict, struct error *err);

#endif
