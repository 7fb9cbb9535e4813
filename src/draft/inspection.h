#ifndef REDFERRY_INSPECTION_H
#define REDFERRY_INSPECTION_H

#include <stdbool.h>

struct error;
struct lint_report;
struct session;

/*
 * Hold the migrations of report against the database of session, which is connected and has
 * read its ledger: queries and statements are prepared, the columns and types that templates
 * ask for looked for, and an index for each `key`. Nothing is run or written. Findings are
 * added to report, which is not settled yet. Applied migrations are passed over unless all is
 * said: what they read may be gone. Returns 0, findings or not, or -1 with err: no connection,
 * no memory.
 */
int inspection_add(struct lint_report *report, struct session *session, bool all,
                   struct error *err);

#endif
