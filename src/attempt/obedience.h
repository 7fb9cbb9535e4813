#ifndef REDFERRY_OBEDIENCE_H
#define REDFERRY_OBEDIENCE_H

#include <stdint.h>

struct attempt;
struct db;
struct error;

/*
 * What operators ask of an attempt while it works: to pause, to go on, to be cancelled. The
 * ledger tells of it when the attempt reports (attempt->asked); it is obeyed only where nothing
 * is in flight and no statement is open.
 */

/* Do what is asked, where anything is: a pause lasts until somebody has the run go on, or until
 * it is stopped. Nothing may be in flight, and no statement open. Returns 0: go on; or -1 with
 * err: cancelled (ERROR_OPERATOR, attempt->is_cancelled), or as attempt_tick() and
 * attempt_check_stop(). */
int obedience_heed(struct attempt *attempt, struct error *err);

/* The same where the ledger was not asked for a while: behind a step. */
int obedience_check(struct attempt *attempt, struct error *err);

/*
 * A db_watch's look(), with the attempt as its context. Where rows are waited for, the ledger
 * hears of the run, as of attempt_tick(), a lock of somebody else's is told, and what an
 * operator asks, a stop and --max-time end the wait (where a lock causes it, --max-time counts
 * though nothing was done yet). Where the ledger itself is waited for, or the very file that it
 * is in, nothing can be asked; a stop and --max-time end the wait for a lock. Where it fails,
 * obedience_take_up() is due.
 */
int obedience_look(struct db *db, int64_t waited_ms, void *context, struct error *err);

/* Have obedience_look() watch over the waits of the session's connections while the attempt's
 * run is at work. */
void obedience_begin(struct attempt *attempt);

/* No more: what is left is to tell the ledger, and that is waited for. */
void obedience_end(struct attempt *attempt);

/* A lock of somebody else's, for which db has waited waited_ms, is told, and no excuse to go on
 * behind --max-time. Returns 0 or -1 with err. */
int obedience_see_lock(struct attempt *attempt, struct db *db, int64_t waited_ms,
                       struct error *err);

/* Where err is that of a wait which obedience_look() ended because of what is asked: do that,
 * as obedience_heed(), with nothing in flight and no statement open. Returns 0: what was
 * interrupted is to be begun anew; or -1 with err. */
int obedience_take_up(struct attempt *attempt, struct error *err);

/* Have it that a run which works is asked to go on: it does. At any time. Returns 0 or -1 with
 * err. */
int obedience_dismiss(struct attempt *attempt, struct error *err);

#endif
