#ifndef REDFERRY_STEP_H
#define REDFERRY_STEP_H

#include <stdbool.h>

struct attempt;
struct db;
struct error;
struct source;
struct step;

/* One step of an attempt, ready to be done. Caller's storage; {0} is not prepared. */
struct step_work {
    struct attempt *attempt; /* borrowed, as the step */
    const struct step *step;
    struct source *source; /* NULL: the step has none */
    struct db *from;       /* the connection that `from` asks for, or NULL */
    bool prepared;
};

/*
 * Open the step's source and find every placeholder's column: what can be wrong with a step is
 * found here, before any step of the migration has written. Returns 0, or -1 with err, which
 * begins with FILE:LINE:COLUMN.
 */
int step_prepare(struct step_work *work, struct attempt *attempt, const struct step *step,
                 struct error *err);

/* Carry its rows, send its commands, or run its statement. Returns 0, or -1 with err. */
int step_execute(struct step_work *work, struct error *err);

/* Close what the step has open. Harmless on {0}. */
void step_release(struct step_work *work);

#endif
