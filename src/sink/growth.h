#ifndef REDFERRY_GROWTH_H
#define REDFERRY_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How many rows a batch is to have. A server that has answered all it was sent waits for the
 * next EXEC, a round trip long; with more rows in a batch it waits less often. So where that
 * is seen again and again, batches grow, so far that executing one fills a round trip, or until
 * one EXEC would keep the server from everybody else for too long.
 */
struct growth {
    int64_t rows;      /* of the batches to come */
    bool is_fixed;     /* somebody said how many */
    bool is_tried;     /* one of this size came in time: it may be enough */
    unsigned late;     /* late ones less timely ones of late, from 0 */
    int64_t busy_us;   /* the least that one EXEC of this size kept the server busy */
    int64_t filled_us; /* the most of a round trip for which taking in one of this size did */
};

/* For how long one EXEC may keep the server busy: what Redis takes for slow, unless told
 * otherwise (slowlog-log-slower-than). And a server that is nearer than the other is not waited
 * for: what was seen is chance then. In microseconds. */
enum { GROWTH_MOST_BUSY_US = 10000, GROWTH_NEAR_US = 250 };

/* No server has executed a row sooner than after so many nanoseconds: where it seems so, the
 * round trip is not as long as it was measured. */
enum { GROWTH_LEAST_NS = 250 };

/* Whether batches may well grow, so that few of this size should be made ahead: for a server so
 * far away, before the first one came in time. */
bool growth_is_likely(const struct growth *growth, int64_t round_trip_us);

/* Begin with so many rows, and stay there where is_fixed. */
void growth_begin(struct growth *growth, int64_t rows, bool is_fixed);

/* What is to be seen when a batch is answered. Times are in microseconds. */
struct growth_sign {
    int64_t rows;
    bool is_followed; /* more was there to be sent when its EXEC left */
    int64_t idle_us;  /* for how long its EXEC was waited for by a server that had nothing else
                         to do; negative: so long before it was done came the EXEC */
    int64_t took_us;  /* from when EXEC left until it was answered */
    int64_t round_trip_us;
};
void growth_note(struct growth *growth, const struct growth_sign *sign);

#endif
