#ifndef REDFERRY_RECOVERY_H
#define REDFERRY_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "resume.h"

struct attempt;
struct error;
struct migration;
struct run;
struct session;

/*
 * Where an attempt begins: the ledger's history and the checkpoint in Redis are read and held
 * against each other (resume.h), the fence is taken, and what an earlier run left unsettled is
 * settled. Belongs to its attempt, which it borrows.
 */
struct recovery {
    struct attempt *attempt;
    struct resume resume;
    struct run *runs; /* of this version, newest first; the own one is kept true */
    struct migration *before;
    int64_t step;       /* the step to begin with; behind the last one: none is left */
    const char *cursor; /* how far that step has come, or NULL; the sink's */
    bool has_warned;    /* that the checkpoint is gone, since the place was last looked for */
    struct arena arena;
};

/*
 * Study what the runs of resume->migration have left, that way (both, and `afresh`, are filled
 * in), as a run would find it that is yet to begin; resume_decide() then says what it would
 * make of a checkpoint. The runs live in arena; *before is yours to migration_free(), and
 * borrowed by *resume. Returns 0 or -1 with err.
 */
int recovery_study(struct resume *resume, struct session *session, struct migration **before,
                   struct arena *arena, struct error *err);

/*
 * Look at the checkpoint (attempt->look) and find out whether the run would be refused that
 * attempt is about to begin: then it begins none. It would be one that attempted nothing; and a
 * ledger that was restored must not give the number of the run whose fence it does not know to
 * another one, which the next would take for it. Returns 0, also where that cannot be told yet,
 * or -1 with err (ERROR_OPERATOR). A run that had crashed is ended before it is refused.
 */
int recovery_foresee(struct attempt *attempt, bool afresh, struct error *err);

/* Read the history of attempt, whose run has begun. afresh: it begins at step 1 whatever there
 * is. Returns 0 or -1 with err. recovery_release() is due in both cases. */
int recovery_init(struct recovery *recovery, struct attempt *attempt, bool afresh,
                  struct error *err);

/* Whether no earlier run began to write, or that does not matter: it begins at step 1. */
bool recovery_is_first(const struct recovery *recovery);

/* Take the fence, and open the attempt's sink. Returns 0, or -1 with err (ERROR_OPERATOR: what
 * is in Redis does not fit what is in the ledger). */
int recovery_open(struct recovery *recovery, struct error *err);

/* Settle what the checkpoint says is not: a batch whose answers were not read, commands that
 * failed and are to be sent again. Then `step` and `cursor` say where to begin. To be called
 * after opening, and after the sink has gone back. Returns 0 or -1 with err. */
int recovery_find_place(struct recovery *recovery, struct error *err);

/* Have what the runs say they did come to what the checkpoint says, so that each row counts
 * once: what a run could not tell any more that was killed is added to it; what was told of,
 * and is done again, is taken away, from the own run first. Returns 0 or -1 with err. */
int recovery_balance(struct recovery *recovery, struct error *err);

/* Free what recovery holds. Harmless on {0}. */
void recovery_release(struct recovery *recovery);

#endif
