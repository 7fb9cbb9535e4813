#ifndef REDFERRY_PLAN_RATE_H
#define REDFERRY_PLAN_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct run;

/* Fewer rows say nothing of the rate of many. */
enum { PLAN_RATE_ROWS = 1000, PLAN_RATE_RUNS = 5 };

/* How fast rows were carried before. */
struct plan_rate {
    double rows_per_second; /* 0: nothing is known */
    const char *text;       /* whose rate it is: "run 3 of this migration"; or NULL */
};

/* Whose rate is asked for. */
struct plan_rate_of {
    int64_t version;
    bool down;
};

/* Find it in count runs, newest first: in the last PLAN_RATE_RUNS of that migration, that way,
 * which read PLAN_RATE_ROWS or more; where there are none, in those of others. The text lives
 * in arena. Pure. Returns 0, or -1 (no memory). */
int plan_rate_find(struct plan_rate *out, const struct run *runs, size_t count,
                   struct plan_rate_of wanted, struct arena *arena);

#endif
