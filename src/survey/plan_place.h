#ifndef REDFERRY_PLAN_PLACE_H
#define REDFERRY_PLAN_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct session;
struct task;

/* Where a migration would begin. Texts live in session->results. */
struct plan_place {
    enum plan_way {
        PLAN_START,   /* at step 1, for the first time or all over again */
        PLAN_RESUME,  /* behind what was done */
        PLAN_RESTART, /* at step 1: what was done is lost, and may be repeated */
        PLAN_REFUSED  /* refusal says why */
    } way;
    int64_t step;         /* from 1 */
    const char *cursor;   /* of that step; or NULL */
    int64_t rows;         /* so many were carried before */
    const char *doubt;    /* what is not certain about it, as a sentence; or NULL */
    struct error refusal; /* in the words of the command that would be refused */
};

/*
 * Find out where task would begin: the ledger's history held against the checkpoint in Redis,
 * which is read where a Redis is given and answers; else as the ledger last heard. Takes no
 * fence. Returns 0, or -1 with err.
 */
int plan_place_find(struct plan_place *out, struct session *session, const struct task *task,
                    struct error *err);

#endif
