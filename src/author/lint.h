#ifndef REDFERRY_LINT_H
#define REDFERRY_LINT_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;
struct lint_report;

/* What is to be checked, and how. */
struct lint_wish {
    const char *directory;    /* all of it, where count is 0 */
    const char *const *files; /* else these */
    size_t count;
    bool allow_repeats; /* what must not be repeated is a warning, and not an error */
    bool expects_tests; /* a migration without a test is told */
};

/*
 * Check what wish says without connecting anywhere. More may be found behind it, by
 * lint_report_add(), until lint_settle(). Returns 0, findings or not; -1 with err where nothing
 * could be checked (no such directory, no memory). *report is yours to lint_release() in both
 * cases.
 */
int lint_check(struct lint_report *report, const struct lint_wish *wish, struct arena *arena,
               struct error *err);

/* Leave out what comments allow, say which of them allow nothing, count, and put all in order.
 * Returns 0, or -1 with err. */
int lint_settle(struct lint_report *report, struct error *err);

/* Free the migrations, and what was read of their files. Harmless on {0}. */
void lint_release(struct lint_report *report);

#endif
