#ifndef REDFERRY_GROWTH_H
#define REDFERRY_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How many rows a batch is to have. A server that has answered all it was sent waits for the
 * next EXEC, a round trip long; with more rows in a batch it waits less often. So where that
 * is seen again and again, batches grow: until it is not seen any more, or until one EXEC
 * would keep the server from everybody else for too long.
 */
struct growth {
    int64_t rows;  /* of the batches to come */
    bool is_fixed; /* somebody said how many */
    unsigned late; /* late ones less timely ones of late, from 0 */
};

/* For how long one EXEC may keep the server busy: half of what Redis logs as slow, unless told
 * otherwise (slowlog-log-slower-than). */
enum { GROWTH_MOST_BUSY_US = 5000 };

/* Begin with so many rows, and stay there where is_fixed. */
void growth_begin(struct growth *growth, int64_t rows, bool is_fixed);

/* A batch of so many rows is answered. was_late: when its EXEC left, the server had nothing
 * left to do, and more was there to be sent. busy_us: for how long EXEC kept it busy, at most,
 * in microseconds. */
void growth_note(struct growth *growth, int64_t rows, bool was_late, int64_t busy_us);

#endif
