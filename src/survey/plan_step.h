#ifndef REDFERRY_PLAN_STEP_H
#define REDFERRY_PLAN_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "plan_compare.h"

struct session;
struct step;
struct task;

enum { PLAN_SAMPLE = 3 };

/* A row, and the commands that would be sent for it, as a person would type them. */
struct plan_row {
    const char *key; /* how an error would name it; NULL: the step has no `key` */
    const char **commands;
    size_t count;
};

/* One step. Texts and arrays live in session->results; absent ones are NULL. */
struct plan_step {
    int number;
    const char *name;
    const char *read, *from, *sql;
    const char **key; /* the columns of `key` */
    size_t key_count;
    const char *guarantee;  /* guarantee_text(); "none" where --allow-repeats lets it run */
    const char *progress;   /* "done", "half", "to do" */
    const char *cursor;     /* of one that is half done */
    int64_t rows;           /* about how many are left; -1: not known */
    bool is_counted;        /* there are exactly so many */
    double seconds;         /* negative: not known */
    const char *index;      /* whether one serves the `key`: "yes", "no" */
    bool keeps_writers_out; /* of a SQLite file, as long as the step reads */
    const char **touches;   /* its keys in Redis, with placeholders; each once */
    size_t touch_count;
    const char **channels; /* it publishes to; the same */
    size_t channel_count;
    const char **opaque; /* its commands of which nobody knows here what they touch */
    size_t opaque_count;
    struct plan_row *sample; /* the first rows */
    size_t sample_count;
    const char *after; /* "step 1", "step 2 of 5_x": SQL that comes first, so that all this may
                          change; where even the query does not work before, nothing is known */
    bool is_known;
    struct plan_comparison comparison; /* where it was asked for */
    struct error error; /* what the command would say of it; code ERROR_NONE: nothing */
};

/* What a step is looked at for. All borrowed. */
struct plan_view {
    struct session *session;
    const struct task *task;
    int64_t place;      /* the step in which the migration begins */
    const char *cursor; /* and behind which key, or NULL */
    const char *after;  /* see above, of the steps before this one */
    bool compares;      /* with Redis, which the session has */
};

/*
 * Look at a step: what its file says of it, what the database expects of its query, and what
 * would be sent for the first PLAN_SAMPLE rows that are left. Reads, and writes nothing. What
 * is wrong with the step is in out->error. Returns 0, or -1 with err: a stop, no memory, or
 * Redis, which was asked, does not answer any more.
 */
int plan_step_look(struct plan_step *out, const struct plan_view *view, const struct step *step,
                   struct error *err);

#endif
