#ifndef REDFERRY_OBEDIENCE_H
#define REDFERRY_OBEDIENCE_H

struct attempt;
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

/* Have it that a run which works is asked to go on: it does. At any time. Returns 0 or -1 with
 * err. */
int obedience_dismiss(struct attempt *attempt, struct error *err);

#endif
