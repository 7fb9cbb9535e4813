#ifndef REDFERRY_OUTCOME_H
#define REDFERRY_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agenda.h"

struct error;
struct session;

/* One migration that was applied, undone, marked or unmarked. */
struct done {
    int64_t version;
    const char *name;
    bool undone;
    int64_t run_id;
    struct tally tally; /* of this run */
    double seconds;
};

struct done_list {
    struct done *items;
    size_t count, room;
};

/* What a command did, also where it failed. Lives in session->results. */
struct outcome {
    struct done_list done;
    struct done_list announced; /* applied before, and finished off now */
    int64_t failed_version;     /* 0: no migration failed */
    const char *failed_name;
    int failed_step; /* 0: not in a step */
    const char *failed_step_name;
    const char *failed_error;
    size_t pending;     /* left to do, as far as it is known */
    int64_t blocked_by; /* the version at which it ended, as it stood when the ledger was read;
                           0: none */
};

/* Add to a list of an outcome what was done; its name is copied. Returns 0, or -1 with err (no
 * memory). */
int outcome_add(struct done_list *list, struct session *session, const struct done *done,
                struct error *err);

#endif
