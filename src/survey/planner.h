#ifndef REDFERRY_PLANNER_H
#define REDFERRY_PLANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "plan_step.h"

struct session;
struct wish;

/* One migration that would be attempted. Texts and arrays live in session->results. */
struct plan_migration {
    int64_t version;
    const char *name;
    const char *file; /* or where else the definition comes from */
    const char *description;
    const char *state; /* as `status` has it */
    bool down;
    const char *begins; /* "start", "resume", "restart" (what it did is lost, and repeated),
                           "announce" (only that is left), "refused" */
    int64_t step;       /* where; behind the last one: none is left */
    const char *cursor; /* behind which key of it; or NULL */
    int64_t rows_done;  /* by the runs that it goes on from */
    const char **notes; /* what else is to be known of where it begins */
    size_t note_count;
    struct plan_step *steps;
    size_t step_count;
    const char **announcements; /* the commands of the top-level `publish` */
    size_t announcement_count;
    int64_t rows;           /* about how many are left to read; -1: not known */
    double seconds;         /* how long that may take; negative: not known */
    double rows_per_second; /* what that is reckoned with; 0: nothing is known */
    const char *rate_of;    /* whose rate it is: "run 12 of it"; or NULL */
    const char *error;      /* what stops it, in the words of the command that would do it */
    const char *unreached;  /* why the command would not come to it; NULL: it would */
};

struct plan {
    struct plan_migration *migrations; /* in the order in which they would be attempted */
    size_t count, room;
    const char
        *unwritable;      /* why the command, sent from here, would end with ERROR_OPERATOR: the
                             ledger cannot be written (a standby, a role that only reads); no
                             error of a plan, which is made where nothing can be; or NULL */
    const char *blocked;  /* what stands behind them in the way; or NULL */
    struct error verdict; /* how the command would end, as far as that can be seen from here;
                             ERROR_NONE: well */
};

/* What is asked of the planner. */
struct plan_question {
    const struct wish *wish; /* what would be carried out; of `redo` NULL */
    bool compares;           /* read the whole sources, and hold them against Redis */
};

/*
 * Work out what the command would do, and write nothing anywhere: no lock, no ledger, no fence.
 * The session has read its ledger. Redis is asked where a stopped migration stands, and
 * whether it knows the ledger, if one is given and answers; and where the question compares.
 * What would stop the command is part of the plan. Returns 0 with *plan (in session->results),
 * or -1 with err: nobody could have worked it out.
 */
int planner_make(struct session *session, const struct plan_question *question,
                 struct plan *plan, struct error *err);

#endif
