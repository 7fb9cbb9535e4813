#ifndef REDFERRY_PLAN_COMPARE_H
#define REDFERRY_PLAN_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct session;
struct step_work;

/* A command of a step, and what is in Redis of it now. Texts live in session->results. */
struct plan_compared {
    const char *command; /* as its file has it */
    const char *reason;  /* why it, or some of it, is not compared; NULL: all of it is */
    int64_t fresh;       /* nothing of what it names is there */
    int64_t equal;       /* to send it would change nothing */
    int64_t different;
    int64_t overwritten; /* it differs, and a later row writes to the same place */
    int64_t untold;      /* not compared, for the reason */
};

/* What came of it. */
struct plan_comparison {
    struct plan_compared *lines; /* one for each command of `write` */
    size_t count;
    int64_t rows; /* that were read */
};

/*
 * Read all rows of work, which is prepared, and hold what their commands would leave against
 * what Redis holds. The session has Redis. Returns 0 with *out; -1 with err: a row that is
 * refused, in the words of a run, *out then telling of those before it; or, with *is_lost,
 * Redis does not answer any more.
 */
int plan_compare(struct plan_comparison *out, struct step_work *work, struct session *session,
                 bool *is_lost, struct error *err);

#endif
