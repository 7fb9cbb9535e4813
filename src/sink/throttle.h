#ifndef REDFERRY_THROTTLE_H
#define REDFERRY_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How a run makes itself smaller where Redis takes longer to answer than it may: it waits
 * between two batches, and has fewer rows in one, until answers are timely again. {0} never
 * does.
 */
struct throttle {
    int64_t limit_us; /* what an answer may take; 0: that is not looked at */
    bool is_fixed;    /* somebody said how many rows a batch is to have */
    int64_t full;     /* rows of a batch where nothing is in the way */
    int64_t rows;     /* of the batches to come */
    int64_t wait_us;  /* between two of them */
    int64_t took_us;  /* the last answer, as far as could be told */
};

/* However few rows help, a batch has so many; and so long a wait is the longest. */
enum { THROTTLE_LEAST_ROWS = 10, THROTTLE_LONGEST_US = 1000000 };

/* Begin a step with so many rows a batch. What Redis was seen to be like still counts. */
void throttle_begin(struct throttle *throttle, int64_t rows, bool is_fixed);

/* An answer took at least least_us and at most most_us: the first is when it was not there yet,
 * the second when it was seen. */
void throttle_note(struct throttle *throttle, int64_t least_us, int64_t most_us);

/* Whether it slows the run down now. */
bool throttle_is_on(const struct throttle *throttle);

#endif
