#ifndef REDFERRY_VERIFICATION_H
#define REDFERRY_VERIFICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agenda_item;
struct comparison;
struct error;
struct migration;
struct session;
struct verify_step;

/* A command of a step, or a step, and what became of it. */
struct verified {
    int64_t version;
    const char *name;
    int step; /* from 1; 0: the migration as a whole was passed over */
    const char *step_name;
    const char *command; /* as its file says it; NULL: the step or migration as a whole */
    int64_t equal;
    int64_t different;
    int64_t missing;
    int64_t overwritten; /* it differs, and a later one has written to the same place */
    int64_t untold;      /* not compared, for the reason */
    const char *reason;  /* why it, or some of it, was not compared; NULL: all of it was */
};

/* One difference. */
struct verified_difference {
    int64_t version;
    int step;
    const char *step_name;
    const char *command;
    bool is_missing;
    const char *key;
    const char *part; /* NULL: the whole value */
    const char *sql;
    const char *redis;
    const char *hint; /* or NULL */
};

/* What was found, also where it ended early. Lives in session->results. */
struct verification {
    struct verified *lines;
    size_t line_count;
    struct verified_difference *differences; /* the first */
    size_t difference_count;
    size_t migrations; /* that were compared */
    int64_t rows;
    int64_t equal;
    int64_t different;
    int64_t missing;
    int64_t overwritten;
    bool is_complete; /* everything was compared that was to be */
    double seconds;
};

/* A migration that is verified, or passed over. */
struct verify_subject {
    const struct agenda_item *item;
    struct migration *migration;
    bool is_own;               /* the migration came from the ledger; its owner frees it */
    const char *reason;        /* why it is passed over; NULL: it is not */
    struct verify_step *steps; /* of its `up`; NULL: not laid out */
};

struct verify_subjects {
    struct verify_subject *items;
    size_t count;
};

/* Fill the lines, the sums and the differences of what was found of subjects, also where it
 * ended early (comparison may be NULL). Everything is copied. Returns 0, or -1 with err (no
 * memory). */
int verification_fill(struct verification *verification, struct session *session,
                      const struct verify_subjects *subjects, struct comparison *comparison,
                      struct error *err);

#endif
