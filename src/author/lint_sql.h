#ifndef REDFERRY_LINT_SQL_H
#define REDFERRY_LINT_SQL_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct lint_subject;
struct sql_token;
struct step;
struct steps;

/*
 * What the words of a step's query tell without a database. Where a query is not plain enough
 * to know, it says less, never something wrong.
 */
struct lint_query {
    const char *sql;
    const struct sql_token *tokens; /* and one of kind SQL_TOKEN_END behind them */
    size_t count;
    const size_t *next;   /* for each token, the next one not inside what opens there */
    size_t body;          /* the token behind the columns */
    const char **columns; /* of the result; a NULL among them: its name is not known */
    size_t column_count;
    bool knows_columns; /* all of them, by name */
    size_t star;        /* offset of a * among the columns, where has_star */
    bool has_star;
    bool is_cut;     /* LIMIT, OFFSET, FETCH: its ORDER BY decides which rows there are */
    bool is_ordered; /* has an ORDER BY of its own */
    size_t order;    /* the token behind that */
    bool is_one_row; /* one at most */
};

/* Look at the queries of all steps: one a step, {0} for those without. They live in arena and
 * borrow from the steps; NULL where memory runs out. */
const struct lint_query *lint_query_read(const struct steps *steps, struct arena *arena);

/* What lint_query_read() made of the step's query. */
const struct lint_query *lint_query_of(const struct lint_subject *subject,
                                       const struct step *step);

/* Whether the result has a column of this name, case ignored. */
bool lint_query_has(const struct lint_query *query, const char *column);

/* Whether the query's own ORDER BY says otherwise than count columns of a key, and would have
 * been heeded without that key. arena is for scratch. */
bool lint_query_contradicts(const struct lint_query *query, const char *const *key,
                            size_t count, struct arena *arena);

/* Whether the query's WHERE demands that column (NULL: some column) is a constant. */
bool lint_query_pins(const struct lint_query *query, const char *column);

/* Judge the queries of a migration's steps (RF4). */
void lint_sql_check(const struct lint_subject *subject);

#endif
