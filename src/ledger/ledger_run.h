#ifndef REDFERRY_LEDGER_RUN_H
#define REDFERRY_LEDGER_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "agenda.h"

struct error;
struct ledger;
struct migration;

/* The life of a run, from its row to its result. */

/* A run about to begin. */
struct ledger_beginning {
    const struct migration *migration;
    bool down;
    bool again;        /* also where it is applied already */
    const char *redis; /* the target, without credentials */
};

/*
 * The first safe transaction of SPEC §3: lock the ledger's row, read the version's entry again,
 * end every other run that says running or paused (as interrupted), insert the own run. Returns
 * 1 with *run_id; 0 where there is nothing to do any more (up: applied by another; down:
 * neither applied nor stopped half-way); -1 with err (ERROR_OPERATOR: up of what is half
 * undone).
 */
int ledger_begin(struct ledger *ledger, const struct ledger_beginning *beginning,
                 int64_t *run_id, struct error *err);

/* Whether run_id is still running. Returns 0, or -1 with err: ERROR_OPERATOR where the run was
 * ended by another. */
int ledger_check_running(struct ledger *ledger, int64_t run_id, struct error *err);

/* The run holds the fence: record whose checkpoint it goes on with (its own id: a new one),
 * where it is still running. Until then it may not write. Returns 0, or -1 with err as
 * ledger_check_running(). */
int ledger_confirm(struct ledger *ledger, int64_t run_id, int64_t origin, struct error *err);

/* Add to what an earlier run, killed_id, could still say it did, where run_id is still running:
 * whoever was ended may be late, and another have added it. Returns 0, or -1 with err:
 * ERROR_OPERATOR where run_id was ended by another. */
int ledger_credit(struct ledger *ledger, int64_t run_id, int64_t killed_id,
                  const struct tally *missing, struct error *err);

/* Where a run stands. */
struct ledger_position {
    int64_t step; /* from 1; 0: none yet */
    const char *step_name;
    const char *cursor; /* JSON, or NULL */
    int64_t rows_total; /* -1: not known */
    struct tally tally;
};

/* Write where run_id stands. *request (may be NULL) becomes what an operator asked of it.
 * Returns 0, or -1 with err: ERROR_OPERATOR where the run was ended by another. */
int ledger_mirror(struct ledger *ledger, int64_t run_id, const struct ledger_position *position,
                  enum request *request, struct error *err);

/* An `sql` step: one transaction that updates the own run row where it is still running, runs
 * statement, and records the step (position, with cursor "[]": done) with *changed added. */
int ledger_run_sql(struct ledger *ledger, int64_t run_id, const char *statement,
                   struct ledger_position *position, struct error *err);

/*
 * The second safe transaction: lock the ledger's row; the own run must still be running; write
 * the result: up: the row of data_migrations (its tally is that of all its runs since it was
 * last undone), down: delete it; the run succeeded. Returns 0, or -1 with err (ERROR_OPERATOR:
 * the run was ended by another).
 */
int ledger_finish(struct ledger *ledger, int64_t run_id,
                  const struct ledger_beginning *beginning,
                  const struct ledger_position *position, struct error *err);

/* End run_id unsuccessfully (RUN_FAILED, RUN_INTERRUPTED, RUN_CANCELLED) with a message, where
 * it is still running or paused. position may be NULL. */
int ledger_stop(struct ledger *ledger, int64_t run_id, enum run_status status,
                const char *message, const struct ledger_position *position, struct error *err);

/* Set announced_at of what run_id applied; of nothing, where that was undone since. Ends
 * nobody's run. Returns 0, or -1 with err. */
int ledger_announced(struct ledger *ledger, int64_t run_id, struct error *err);

/* Whether version still is applied, by the run run_id, and not announced: 1 with *rows, those
 * that all its runs have read; 0 or, with err, -1, *rows being left alone. */
int ledger_is_unannounced(struct ledger *ledger, int64_t version, int64_t run_id, int64_t *rows,
                          struct error *err);

/* End every run that still says it runs; by is who does it, for their rows. Returns 0 or -1
 * with err. */
int ledger_end_crashed(struct ledger *ledger, const char *by, struct error *err);

#endif
