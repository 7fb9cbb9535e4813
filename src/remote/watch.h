#ifndef REDFERRY_WATCH_H
#define REDFERRY_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "agenda.h"

struct error;
struct session;

/* What was watched. Texts live in session->results. */
struct watch {
    int64_t run_id; /* in; 0: the one that is running, else the latest */
    struct run run; /* as it was seen last; id 0: nothing ever ran */
    bool followed;  /* it was running when the watching began */
    bool crashed;   /* it says that it runs, and nobody holds the lock */
};

/*
 * Follow a run from beside, through the ledger, until it ends: what it does is told as the
 * events of an own run. Nothing is written. The session is connected. Returns 0 where the run
 * succeeded, or where there is none; else -1 with err: ERROR_FAILED: it failed;
 * ERROR_INCOMPLETE: it was interrupted, or crashed; ERROR_OPERATOR: it was cancelled;
 * ERROR_INVALID: no such run; a stop, which ends the watching alone. watch is filled in either
 * way.
 */
int watch_run(struct session *session, struct watch *watch, struct error *err);

#endif
