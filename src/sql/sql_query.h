#ifndef REDFERRY_SQL_QUERY_H
#define REDFERRY_SQL_QUERY_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct sql_token;

/*
 * What the words of a query tell without a database. Where a query is not plain enough
 * to know, it says less, never something wrong.
 */
struct sql_query {
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

/* Look at the query in sql. *query lives in arena and borrows from sql. Returns 0, or -1 where
 * memory runs out. */
int sql_query_read(struct sql_query *query, const char *sql, struct arena *arena);

/* Whether the result has a column of this name, case ignored. */
bool sql_query_has(const struct sql_query *query, const char *column);

/* Whether the query's own ORDER BY says otherwise than count columns of a key, and would have
 * been heeded without that key. arena is for scratch. */
bool sql_query_contradicts(const struct sql_query *query, const char *const *key, size_t count,
                           struct arena *arena);

/* Whether the query's WHERE demands that column (NULL: some column) is a constant. */
bool sql_query_pins(const struct sql_query *query, const char *column);

/* Whether the token at at, if there is one, is this word; one of these, which end with NULL;
 * this character. Case is ignored. */
bool sql_query_is_word(const struct sql_query *query, size_t at, const char *word);
bool sql_query_is_one_of(const struct sql_query *query, size_t at, const char *const *words);
bool sql_query_is_symbol(const struct sql_query *query, size_t at, char symbol);

/* Whether one of the functions is called there. */
bool sql_query_is_call(const struct sql_query *query, size_t at, const char *const *functions);

/* The next token that is not inside what opens at this one. */
size_t sql_query_next(const struct sql_query *query, size_t at);

/* The first token from at on, outside parentheses, that is one of words, and no column of some
 * table's; count: none. */
size_t sql_query_find(const struct sql_query *query, size_t at, const char *const *words);

#endif
