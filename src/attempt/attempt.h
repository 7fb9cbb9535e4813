#ifndef REDFERRY_ATTEMPT_H
#define REDFERRY_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger.h"
#include "ledger_run.h"
#include "progress.h"
#include "recovery.h"

struct error;
struct fence_look;
struct session;
struct sink;
struct step;
struct step_work;
struct steps;

/*
 * One attempt at one migration, up or down: a row of data_migration_runs from its beginning to
 * its end. The session has the lock and Redis.
 */
struct attempt {
    struct session *session;
    struct ledger_beginning beginning; /* which migration, which way */
    const struct steps *steps;
    int64_t run_id; /* 0: not begun */
    struct ledger_position position;
    const char *behind;      /* the cursor behind which the step at work began, or NULL */
    struct step_work *works; /* one for each step */
    struct recovery recovery;
    struct fence_look *look; /* at the checkpoint, before the run began; or NULL */
    struct sink *sink;       /* sink_fenced; NULL until the fence is taken */
    struct progress progress;
    int64_t mirrored_ms;            /* monotonic: when the ledger was last told */
    enum request asked;             /* what it answered: an operator's wish, not obeyed yet */
    bool is_interrupted;            /* a wait was ended because of it: obedience_look() */
    bool is_cancelled;              /* the wish was that, and it ends with it */
    bool is_settled;                /* the checkpoint says all, and nothing was sent since */
    const struct step *failed_step; /* the one at work, or that failed; NULL: between steps */
    bool lost_lock;                 /* so it stopped */
    bool finished;                  /* the ledger says succeeded */
};

/* Do the whole of it: begin, every step from where an earlier run stopped (afresh: from the
 * first one), finish, announce. beginning is filled in but for the target. Returns 1: done; 0:
 * another runner did it; -1 with err, the ledger told as far as it could be. attempt->progress
 * and ->position say what was done. attempt is caller's storage, yours to attempt_release(). */
int attempt_run(struct attempt *attempt, struct session *session,
                const struct ledger_beginning *beginning, bool afresh, struct error *err);

/* Free what the attempt holds. Harmless on {0}. */
void attempt_release(struct attempt *attempt);

/* What a step calls between two batches, and while it waits: tells of the progress, tells the
 * ledger and checks the lock where half a second has passed. Returns 0, or -1 with err: the run
 * was ended by another, the lock is gone (ERROR_OPERATOR). */
int attempt_tick(struct attempt *attempt, struct error *err);

/* Tell the ledger where it stands, at once, and check the lock. Returns as above. */
int attempt_report(struct attempt *attempt, struct error *err);

/* Wait for what is in flight, and have the checkpoint say that its answers were read, so that
 * the next run need not find it out. Where that fails, it says what it said. */
void attempt_settle(struct attempt *attempt);

/* What a step calls before each batch: whether it is known, without asking, that the lock is
 * gone. Returns 0, or -1 with err (ERROR_OPERATOR). */
int attempt_glance(struct attempt *attempt, struct error *err);

/* Whether the ledger has not been told for half a second: within a batch whose rows are slow.
 */
bool attempt_is_due(const struct attempt *attempt);

/* Whether the attempt is to stop at the next batch boundary: 0, or -1 with err (ERROR_STOPPED +
 * signal; ERROR_INCOMPLETE: --max-time). */
int attempt_check_stop(const struct attempt *attempt, struct error *err);

/* The same while somebody else's lock keeps it from doing anything: --max-time counts then,
 * though nothing may have been done yet. */
int attempt_check_blocked(const struct attempt *attempt, struct error *err);

#endif
