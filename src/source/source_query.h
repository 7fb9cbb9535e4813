#ifndef REDFERRY_SOURCE_QUERY_H
#define REDFERRY_SOURCE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "row.h"

struct db;
struct db_forecast;
struct db_rows;
struct error;
struct source_key;
struct step;

/* A step's query, and the statements that read it in key order. */
struct source_query {
    struct db *db; /* borrowed */
    char *text;    /* as the user wrote it, without what follows its end */
    struct columns columns;
    struct columns marked; /* the same and, where marks_repeats, one more behind them */
    size_t *key;           /* at which columns the key's stand */
    size_t key_count;
    bool marks_repeats; /* the rows have a further, last value: whether the row repeats the key
                           of the one before it, by the database's own equality */
    struct arena arena;
};

/* Describe the query of step and find its key. Returns 0, or -1 with err: two columns of one
 * name, a `key` that the query does not have. */
int source_query_init(struct source_query *query, struct db *db, const struct step *step,
                      struct error *err);

/* Free what query holds. Harmless on {0}. */
void source_query_release(struct source_query *query);

/* From where to where to read; borrowed. */
struct source_span {
    const struct source_key *behind; /* only rows behind this key; not present: all */
    const struct source_key *until;  /* only rows up to this key, inclusive; not present: all */
};

/* Stream the rows of span in key order, at most limit of them (negative: all). Without a `key`:
 * the query as it stands. Returns 0, or -1 with err. */
int source_query_stream(const struct source_query *query, const struct source_span *span,
                        int64_t limit, struct db_rows **rows, struct error *err);

/* Run the same for no row at all: this is where a type without an order shows, a key that does
 * not fit its type, and a table that may not be read. Returns 0, or -1 with err. */
int source_query_try(const struct source_query *query, const struct source_span *span,
                     struct error *err);

/* The same without the order, to tell who is to blame. Returns 0, or -1 with err. */
int source_query_try_unordered(const struct source_query *query, struct error *err);

/* Stream one row whose key has a NULL, if there is one; it has columns only. */
int source_query_stream_null(const struct source_query *query, struct db_rows **rows,
                             struct error *err);

/* What the database expects of the same: how many rows, and whether it has to sort for the key
 * order. Returns 0, or -1 with err. */
int source_query_forecast(const struct source_query *query, const struct source_span *span,
                          struct db_forecast *out, struct error *err);

#endif
