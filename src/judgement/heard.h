#ifndef REDFERRY_HEARD_H
#define REDFERRY_HEARD_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"

struct error;
struct test_expectation;
struct verdict;

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

/* Add a copy of a message. Returns 0, or -1 with err (no memory). */
int heard_keep(struct heard *heard, const struct heard_message *message, struct error *err);

/* Harmless on {0}. */
void heard_release(struct heard *heard);

/* Hold what was heard against expected->messages, in order, and note what differs in verdict,
 * as of moment. Returns 0, or -1 with err (no memory). */
int heard_compare(const struct heard *heard, const struct test_expectation *expected,
                  const char *moment, struct verdict *verdict, struct error *err);

/* What is promised of a run that was disturbed, going by one that was not. */
struct heard_promise {
    const struct heard *undisturbed;
    size_t often; /* so many of its last messages may come more than once */
    bool once;    /* else all messages may come more than once */
};

/* Hold what was heard against that, in any order, and note what differs. Returns as above. */
int heard_compare_again(const struct heard *heard, const struct heard_promise *promise,
                        const char *moment, struct verdict *verdict, struct error *err);

#endif
