#ifndef REDFERRY_LINT_TEXT_H
#define REDFERRY_LINT_TEXT_H

#include <stddef.h>

#include "lint_report.h"

struct command;
struct lint_text;
struct migration;
struct sql_query;
struct step;

/*
 * A file's text once more, for what the migration made of it does not tell: where its keys
 * stand, and the comments that allow what a rule finds fault with.
 *
 *   # redferry: allow RF203 RF204, the reason
 *
 * at the end of a line counts for that line and for the text that begins or ends on it; on a
 * line of its own for the next one; above the first key for the whole file.
 */

/* A migration that is being judged. All borrowed. */
struct lint_subject {
    struct lint_report *report;
    const struct migration *migration;
    const struct lint_text *text;                      /* NULL where memory ran out */
    const struct sql_query *up_queries, *down_queries; /* one a step; see lint_sql_of() */
    bool allow_repeats; /* what must not be repeated is no error */
};

/* Whether a step is one of `down`. */
bool lint_text_is_down(const struct lint_subject *subject, const struct step *step);

/* Read length bytes of a file once more and put it among report's texts; file and bytes must
 * live as long as the report. Returns it, or NULL where memory runs out, which the report
 * remembers. */
const struct lint_text *lint_text_read(struct lint_report *report, const char *file,
                                       const char *bytes, size_t length);

/* Where a step's key called name begins, else the step; where the byte at offset of its `read`
 * stands, as nearly as YAML lets it be known; where a command does. */
struct lint_place lint_text_key(const struct lint_subject *subject, const struct step *step,
                                const char *name);
struct lint_place lint_text_query(const struct lint_subject *subject, const struct step *step,
                                  size_t offset);
struct lint_place lint_text_command(const struct lint_subject *subject,
                                    const struct command *command);

/* Take those findings out of report that a comment of their file allows, and add what is wrong
 * with such comments (RF102, RF103). */
void lint_text_allow(struct lint_report *report);

#endif
