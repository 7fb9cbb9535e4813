#ifndef REDFERRY_LINT_H
#define REDFERRY_LINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "migration.h"

struct arena;
struct error;

enum lint_severity { LINT_NOTE, LINT_WARNING, LINT_ERROR };

/* Something to be said about a file. */
struct lint_finding {
    enum lint_severity severity;
    const char *file;
    int line, column; /* 0: the whole file */
    const char *text;
    struct lint_finding *next;
};

/* What is promised of a step. */
struct lint_promise {
    const struct migration *migration;
    const struct step *step;
    bool down;
    enum guarantee guarantee;
    struct lint_promise *next;
};

/* What lint found, in the order of the files. The lists live in the arena that lint_check() was
 * given and borrow from migrations. */
struct lint_report {
    struct migrations migrations;
    struct lint_finding *findings;
    struct lint_promise *promises;
    size_t files;
    size_t errors;
};

/* What is to be checked, and how. */
struct lint_wish {
    const char *directory;    /* all of it, where count is 0 */
    const char *const *files; /* else these */
    size_t count;
    bool allow_repeats; /* what must not be repeated is a warning, and not an error */
};

/* Check what wish says without connecting anywhere. Returns 0, findings or not; -1 with err
 * where nothing could be checked (no such directory, no memory). *report is yours to
 * lint_release() in both cases. */
int lint_check(struct lint_report *report, const struct lint_wish *wish, struct arena *arena,
               struct error *err);

/* Free the migrations. Harmless on {0}. */
void lint_release(struct lint_report *report);

#endif
