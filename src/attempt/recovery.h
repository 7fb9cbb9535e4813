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
    bool owes_credit;   /* to an earlier run, for what it could not tell */
    struct arena arena;
};

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

/* Free what recovery holds. Harmless on {0}. */
void recovery_release(struct recovery *recovery);

#endif
