#ifndef REDFERRY_CLOCK_H
#define REDFERRY_CLOCK_H

#include <stdint.h>

enum { CLOCK_TEXT_SIZE = 32 };

/* Nanoseconds on the monotonic clock: for deadlines and rates, never for a date. */
int64_t clock_monotonic(void);

/* Milliseconds on the monotonic clock. */
int64_t clock_monotonic_ms(void);

/* The same as of the system's last tick, at most some 10 ms ago: quick enough for every row. */
int64_t clock_glance_ms(void);

/* Milliseconds since 1970-01-01 UTC. */
int64_t clock_wall_ms(void);

/* Write wall_ms as 2025-03-01T09:00:00.123Z. Returns text. */
const char *clock_text(int64_t wall_ms, char text[CLOCK_TEXT_SIZE]);

/* Read such a time again, with or without a fraction of any length. Returns 0, or -1 and leaves
 * *wall_ms alone. */
int clock_parse(const char *text, int64_t *wall_ms);

/* Write wall_ms as 20250301090000, the stamp of a new migration. Returns text. */
const char *clock_stamp(int64_t wall_ms, char text[CLOCK_TEXT_SIZE]);

/* Waiting times that double from first_ms up to most_ms, each shortened by a random part of up
 * to a quarter so that many waiters do not move in step. {.first_ms, .most_ms} starts one. */
struct clock_backoff {
    int64_t first_ms;
    int64_t most_ms;
    int64_t next_ms; /* 0: not begun */
    uint64_t random; /* state; 0: not seeded */
};

/* The next waiting time in milliseconds, at least 1. */
int64_t clock_backoff_next(struct clock_backoff *backoff);

#endif
