#ifndef REDFERRY_VERIFY_STEP_H
#define REDFERRY_VERIFY_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "agenda.h"
#include "progress.h"

struct comparison;
struct comparison_line;
struct error;
struct migration;
struct session;
struct step;

/* A step, and the lines that its commands are counted in. */
struct verify_step {
    const struct step *step;
    struct comparison_line *lines;
    const char *reason; /* why none of it is compared; NULL: it is */
};

/* What the steps of one migration are compared with. */
struct verify_work {
    struct session *session;
    struct comparison *comparison;
    const struct migration *migration;
    struct progress progress; /* begun */
    struct tally tally;       /* rows_read */
    int64_t step_rows;        /* of this step so far */
    bool
        is_named; /* it was asked for by its version: a step that cannot be read is a failure */
};

/* Lay out what is counted of step. The lines live in the session's arena. Returns 0, or -1 with
 * err (no memory). */
int verify_step_init(struct verify_step *verify, const struct step *step,
                     struct session *session, struct error *err);

/* Read its rows again, and compare. A step whose query does not run any more is passed over
 * with a warning and a reason, or fails where it was asked for. Returns 0, or -1 with err. */
int verify_step_compare(struct verify_work *work, struct verify_step *verify,
                        struct error *err);

/* Leave out what (a migration, a step), for what err says of it: *reason (lives in
 * session->results), and a warning that names both. Where it was asked for by name it is a
 * failure. Returns 0, or -1 with err. */
int verify_pass_over(struct session *session, bool is_named, const char *what,
                     const char **reason, struct error *err);

#endif
