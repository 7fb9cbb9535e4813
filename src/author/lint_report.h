#ifndef REDFERRY_LINT_REPORT_H
#define REDFERRY_LINT_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "lint_rules.h"
#include "migration.h"

struct error;
struct lint_text;

/* Where something stands. line 0: the whole file. */
struct lint_place {
    const char *file;
    int line, column;
};

/* Something to be said about a file. */
struct lint_finding {
    const struct lint_rule *rule;
    enum lint_severity severity; /* the rule's, or less where it matters less */
    struct lint_place place;
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

/*
 * What lint found, filled by whoever judges files: lint_check() first, then whoever knows more
 * (a database), and lint_settle() at the end. The lists live in arena and borrow from
 * migrations and texts; texts are what was read once more for its places and comments, and live
 * in scratch.
 */
struct lint_report {
    struct arena *arena; /* of whoever asked */
    struct arena scratch;
    struct migrations migrations;
    struct lint_text *texts;
    struct lint_finding *findings, *last_finding;
    struct lint_promise *promises, *last_promise;
    size_t files;
    size_t errors, warnings, notes; /* findings, once it is settled */
    bool asked_database;            /* rules that ask a database had their say */
    bool failed;                    /* memory ran out */
};

/*
 * Add a finding of the rule with this code ("RF201", which must exist) at place, whose file
 * must live as long as the report; the printf-style text is one sentence, without place and
 * code. Returns the finding, for lint_report_soften(); NULL where memory runs out, which the
 * report remembers.
 */
struct lint_finding *lint_report_add(struct lint_report *report, const char *code,
                                     struct lint_place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Make a finding (NULL: nothing) less severe than its rule says. */
void lint_report_soften(struct lint_finding *finding, enum lint_severity severity);

/* Add what is promised of a step of migration, in `up` or `down`. */
void lint_report_promise(struct lint_report *report, const struct lint_promise *promise);

/* Count the findings and put them in the order of files, lines and columns; nothing is added
 * behind this. Returns 0, or -1 with err where memory ran out on the way. */
int lint_report_finish(struct lint_report *report, struct error *err);

#endif
