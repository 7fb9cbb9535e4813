#ifndef REDFERRY_SOURCE_H
#define REDFERRY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "row.h"

struct buffer;
struct db;
struct error;
struct step;

/*
 * Rows out: what a step's `read` gives, in key order, in batches, resumable behind any key.
 */
struct source;

struct source_options {
    struct db *db;           /* borrowed */
    const struct step *step; /* borrowed; has a `read` */
    int64_t batch;           /* rows of a batch, at least 1 */
    bool rests; /* keep no statement, snapshot or lock open between batches (`pause`); without a
                   `key` the query is one statement all the same */
    const char *cursor; /* a JSON array from source_cursor(): begin behind it; NULL: at the
                           beginning */
    const char *until;  /* another: end with it, and do not look for NULL keys; NULL: at the end
                         */
};

enum source_next {
    SOURCE_FAILED = -1, /* err says why; a NULL or repeated key names the row */
    SOURCE_END = 0,     /* the rows given since the last SOURCE_BATCH are the last batch */
    SOURCE_ROW = 1,
    SOURCE_AGAIN = 2, /* nothing there yet: poll source_descriptor() */
    SOURCE_BATCH = 3  /* the rows given since the last one are a batch; the next key differs */
};

/* Describe the query and prepare the reading: its columns are known, no row is read yet.
 * Refused with err: two columns of one name, a `key` that the query does not have (naming the
 * columns it has), key types without an order, a cursor that does not fit. On SQLite in
 * rollback mode a step with an index for its `key` rests between batches by itself. Returns 0
 * with *out yours to source_close(). */
int source_open(struct source **out, const struct source_options *options, struct error *err);

/* NULL is harmless. An unfinished statement is cancelled. */
void source_close(struct source *source);

/* The query's columns, and at which of them the key's stand (step->key_count of them). Borrowed
 * from source. */
const struct columns *source_columns(const struct source *source);
const size_t *source_key_columns(const struct source *source);

/* Whether an open statement keeps others from writing to this SQLite file (also where it rests
 * between batches): the ledger must then be written on the same connection. */
bool source_blocks_writers(const struct source *source);

/* What the database expects of the reading. */
enum source_index {
    SOURCE_INDEX_UNKNOWN,
    SOURCE_INDEX_YES,
    SOURCE_INDEX_NO,
    SOURCE_INDEX_IN_VAIN /* no, and none could: the query makes its rows itself, of groups, of
                            VALUES… */
};

struct source_estimate {
    int64_t rows; /* how many are still to be read: behind the cursor, or the last row given,
                     and up to `until`; -1: not known */
    enum source_index index; /* whether an index serves the order of the `key`: no, the database
                                sorts for it; unknown: there is no `key` */
};

/*
 * Ask for it. PostgreSQL's planner says (EXPLAIN), as well as its statistics let it: a table
 * that was never analysed counts as a handful of pages. SQLite knows how many rows only of a
 * query that is the whole of a table which ANALYZE has counted, and that from the beginning.
 * Nothing is read or counted. While no statement is open: before the first row, or behind
 * source_rest(). Returns 0, or -1 with err.
 */
int source_estimate(const struct source *source, struct source_estimate *out,
                    struct error *err);

/*
 * The next row (borrowed until the next call), or what else there is. A batch ends after
 * options.batch rows (source_set_batch()), or earlier where end_batch asks for it (the sink is
 * full), but only where the next key differs by the database's own equality. wait: whether to
 * wait for the database instead of SOURCE_AGAIN.
 */
enum source_next source_next(struct source *source, bool end_batch, bool wait, struct row *row,
                             struct error *err);

/* From now on so many rows a batch, at least 1. Between two batches only, behind SOURCE_BATCH:
 * a statement that is open may have been asked for just the rows of one. */
void source_set_batch(struct source *source, int64_t rows);

/* What to poll for POLLIN after SOURCE_AGAIN. */
int source_descriptor(const struct source *source);

/* After SOURCE_BATCH or SOURCE_END: append the key of the last row given, as a JSON array that
 * keeps its values' types. A step without `key`, or no row yet: nothing is appended. Returns 0
 * or -1 with err. */
int source_cursor(const struct source *source, struct buffer *json, struct error *err);

/* Close the statement and its snapshot. After SOURCE_BATCH the next source_next() begins anew
 * behind the cursor; elsewhere rows are lost, and only source_close() is to follow. Without a
 * `key` it does nothing. */
void source_rest(struct source *source);

#endif
