#ifndef REDFERRY_RESUME_H
#define REDFERRY_RESUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agenda.h"

struct checkpoint;
struct error;
struct migration;

/*
 * Where a migration that stopped goes on: what SQL remembers of its unfinished chain of runs,
 * held against the checkpoint that Redis remembers. Pure: it asks nobody.
 */
struct resume {
    const struct migration *migration;
    bool down;
    bool afresh;               /* asked to begin at step 1, whatever there is (`run --again`) */
    int64_t run_id;            /* the own run; INT64_MAX: it is yet to begin */
    const struct entry *entry; /* of this version, or NULL: it is not applied */
    const struct run *runs; /* all runs of this version, newest first, the own one included */
    size_t run_count;

    size_t chain_count; /* how many of them, from the front, are the unfinished chain: it ends
                           with the run that began at step 1 */
    int64_t origin; /* the newest origin that the chain has recorded; 0: nobody began writing */
    int64_t sql_done; /* the highest `sql` step that the chain has recorded; 0: none */
    int64_t begun;    /* the highest step that the chain began; 0: none */
    const struct run
        *then; /* the newest earlier run of the chain that began to write; NULL: none */
    const struct migration
        *before; /* the file as that run had it, where it is known and has changed */
};

/* Work out what resume->runs say of the unfinished chain: what stands behind `runs` is filled
 * in from what stands before, except for `before`. To be called again when they say more. */
void resume_study(struct resume *resume);

/* The checkpoint as it should be by what the ledger last heard, for who cannot ask Redis; a run
 * that was killed may have done more. The texts are borrowed from resume->runs. */
void resume_imagine(const struct resume *resume, struct checkpoint *out);

/* What to make of the checkpoint that was found. */
enum resume_way {
    RESUME_REFUSED = -1, /* err says why, and what to type: ERROR_OPERATOR */
    RESUME_ON,           /* it is ours: go on behind it */
    RESUME_AFRESH, /* nothing was delivered yet, or a leftover lies there: begin at step 1 */
    RESUME_OVER /* what was there is lost, and every step so far may be repeated: begin at step
                   1, and say so */
};

/* Decide. again: this very run retakes its fence, so its own checkpoint has to be there. */
enum resume_way resume_decide(const struct resume *resume, const struct checkpoint *found,
                              bool again, struct error *err);

#endif
