#ifndef REDFERRY_FENCED_POLICY_H
#define REDFERRY_FENCED_POLICY_H

/* Needs <cmocka.h> before it. */

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint.h"
#include "error.h"
#include "sink_fenced.h"

/*
 * A small stand-in for the run's policy and for the ledger: which run is running, and the
 * origin that it knows. Several sinks, one run each, share one.
 */
struct fenced_ledger {
    int64_t running; /* the one run that the ledger says is running */
    int64_t origin;  /* of the unfinished chain of runs; 0: none has begun to write */
    bool applied;
    int asked;       /* decide was asked so often */
    int asked_again; /* with again */
};

/* One run of it. */
struct fenced_run {
    struct fenced_ledger *ledger;
    int64_t id;
    bool starts_over; /* a checkpoint that is lost is replaced */
};

static inline int fenced_run_decide(void *context, const struct checkpoint *found, bool again,
                                    enum fence_answer *answer, struct error *err)
{
    const struct fenced_run *run = context;
    struct fenced_ledger *ledger = run->ledger;
    ledger->asked++;
    if (again) ledger->asked_again++;
    if (found->present && found->fence_run > run->id)
        return error_set(err, ERROR_OPERATOR, "a later run has the fence");
    if (found->present && again && !found->is_own)
        return error_set(err, ERROR_OPERATOR, "another run has the fence");
    *answer = FENCE_AFRESH;
    if (!found->present)
        return ledger->origin == 0 || run->starts_over
                   ? 0
                   : error_set(err, ERROR_OPERATOR, "the checkpoint is lost");
    if (ledger->origin != 0 && found->origin == ledger->origin) *answer = FENCE_RESUME;
    return 0;
}

static inline int fenced_run_confirm(void *context, int64_t origin, struct error *err)
{
    const struct fenced_run *run = context;
    if (run->ledger->running != run->id)
        return error_set(err, ERROR_OPERATOR, "run %lld was ended", (long long)run->id);
    run->ledger->origin = origin;
    return 0;
}

/* The next run: all others are ended. */
static inline void fenced_run_begin(struct fenced_run *run, struct fenced_ledger *ledger)
{
    *run = (struct fenced_run){.ledger = ledger, .id = ++ledger->running};
}

static inline struct sink_fenced_options fenced_run_options(struct fenced_run *run,
                                                            struct connection *connection)
{
    return (struct sink_fenced_options){
        .fence =
            {
                .connection = connection,
                .retry_for_ms = 5000,
                .ledger_id = "l1",
                .database = "db.example/app",
                .version = 20250301090000,
                .run_id = run->id,
                .checksum = "c0ffee",
                .decide = fenced_run_decide,
                .confirm = fenced_run_confirm,
                .context = run,
            },
    };
}

#endif
