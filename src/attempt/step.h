#ifndef REDFERRY_STEP_H
#define REDFERRY_STEP_H

#include <stdbool.h>
#include <stdint.h>

struct attempt;
struct batch;
struct db;
struct error;
struct sink_step;
struct source;
struct step;

/* One step of an attempt, ready to be done. Caller's storage; {0} is not prepared. The first
 * five are the caller's to fill in. */
struct step_work {
    struct attempt *attempt; /* borrowed, as the step and the cursors */
    const struct step *step;
    const char *behind;    /* the cursor behind which to begin, or NULL */
    const char *until;     /* the cursor to end with, or NULL */
    int64_t sample;        /* only so many rows are wanted, its one batch; 0: all of them */
    struct source *source; /* NULL: the step has none */
    struct db *db;         /* the connection that the source reads on, or NULL */
    struct db *from;       /* the one that `from` asks for, which is the step's own; or NULL */
    bool prepared;
    bool is_in_the_way; /* of another program that is to write before us */
};

/*
 * Open the step's source and find every placeholder's column: what can be wrong with a step is
 * found here, before any step of the migration has written. Returns 0, or -1 with err, which
 * begins with FILE:LINE:COLUMN.
 */
int step_prepare(struct step_work *work, struct error *err);

/* How many rows the database expects it to have, from where it begins; -1: it does not say.
 * Asked before step_execute(); it costs a question to the planner and fails nothing. */
int64_t step_expected_rows(const struct step_work *work);

/* Put the commands of its rows into batch (empty; of sink_step, which is filled in) instead of
 * carrying them. Returns 0, or -1 with err. */
int step_render(struct step_work *work, struct sink_step *sink_step, struct batch *batch,
                struct error *err);

/* Carry its rows, send its commands, or run its statement, and close the step. Returns 0, or -1
 * with err. */
int step_execute(struct step_work *work, struct error *err);

/* Close what the step has open. Harmless on {0}. */
void step_release(struct step_work *work);

#endif
