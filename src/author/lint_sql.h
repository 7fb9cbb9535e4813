#ifndef REDFERRY_LINT_SQL_H
#define REDFERRY_LINT_SQL_H

struct arena;
struct lint_subject;
struct sql_query;
struct step;
struct steps;

/* Look at the queries of all steps: one a step, {0} for those without. They live in arena and
 * borrow from the steps; NULL where memory runs out. */
const struct sql_query *lint_sql_read(const struct steps *steps, struct arena *arena);

/* What lint_sql_read() made of the step's query. */
const struct sql_query *lint_sql_of(const struct lint_subject *subject,
                                    const struct step *step);

/* Judge the queries of a migration's steps (RF4). */
void lint_sql_check(const struct lint_subject *subject);

#endif
