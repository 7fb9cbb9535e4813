/*
 * A step's rows, one by one, cut into batches between which the key differs.
 *
 * It looks one row ahead: only the next row tells whether a batch may end, and whether the last
 * key of it is unique. A key that repeats or is NULL is an error before its batch can end.
 * Where the reading rests between batches, each batch is a statement of its own behind the last
 * key; a row that was looked at is then simply read again. A comparison with a key passes over
 * NULLs in silence, so reading that was more than one statement ends by looking for one.
 *
 * What a batch is good for, and when a step stops, is not known here.
 */
#include "source.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "db.h"
#include "error.h"
#include "source_key.h"
#include "source_query.h"

enum phase { READING, LOOKING_FOR_NULL, OVER };

struct source {
    struct source_query query;
    int64_t batch;
    bool rests;
    bool blocks_writers;
    bool whole; /* the one statement so far began at the beginning */
    enum phase phase;
    struct db_rows *rows;    /* the open statement, or NULL */
    struct row row;          /* the row that was fetched last */
    struct value *key;       /* its key, raw */
    bool ahead;              /* it has not been given yet */
    struct source_key until; /* where to end, if present */
    struct source_key last;
    bool given; /* last is a row's that was given, not only where to begin */
    bool ending;
    int64_t in_batch;
};

/* What is left to read. */
static struct source_span span_of(const struct source *source)
{
    return (struct source_span){.behind = &source->last, .until = &source->until};
}

/* ---- opening ---------------------------------------------------------------------------- */

static int try_order(struct source *source, struct error *err)
{
    const struct source_span span = span_of(source);
    if (source->query.key_count == 0) return 0;
    if (source_query_try(&source->query, &span, err) == 0) return 0;
    if (err->code != ERROR_FAILED) return -1;
    /* Where the query fails without the order as well, that is not to blame. */
    struct error own = {0};
    if (source_query_try_unordered(&source->query, &own) != 0)
        *err = own;
    else
        error_prefix(err, "the rows cannot be read in the order of the `key`: ");
    return -1;
}

/* An open statement would keep others from writing: then read batch by batch, unless each batch
 * would have to be sorted out of the whole. */
static int choose_resting(struct source *source, const struct source_options *options,
                          struct error *err)
{
    int blocks = db_reading_blocks_writers(options->db, err);
    if (blocks < 0) return -1;
    source->blocks_writers = blocks == 1;
    if (source->query.key_count == 0) return 0;
    source->rests = options->rests;
    if (source->rests || !source->blocks_writers) return 0;
    const struct source_span whole = {0};
    struct db_forecast forecast;
    if (source_query_forecast(&source->query, &whole, &forecast, err) != 0) return -1;
    source->rests = !forecast.sorts;
    return 0;
}

/* A PostgreSQL column has one type: where the cursor's is a number, and the column's is not, or
 * the other way round, it has changed, and with it the order. Nothing can be said of SQLite,
 * whose values have types of their own. */
static int check_cursor(const struct source *source, const struct source_options *options,
                        struct error *err)
{
    const struct source_query *query = &source->query;
    if (db_dialect(options->db) == DB_SQLITE) return 0;
    for (size_t i = 0; i < query->key_count; i++) {
        const struct column *column = &query->columns.items[query->key[i]];
        const bool was_integer = source->last.values[i].kind == VALUE_INTEGER;
        const bool is_number = column->kind == VALUE_INTEGER || column->kind == VALUE_NUMERIC ||
                               column->kind == VALUE_FLOAT;
        if (was_integer ? is_number : column->kind != VALUE_INTEGER) continue;
        return error_set(
            err, ERROR_OPERATOR,
            "the cursor %.200s does not fit the step's `key`: '%s' is of type %s "
            "now, which it was not; look at what is in Redis, then `redferry repair "
            "VERSION` begins anew",
            options->cursor, column->name, column->type);
    }
    return 0;
}

static int open_source(struct source *source, const struct source_options *options,
                       struct error *err)
{
    if (source_query_init(&source->query, options->db, options->step, err) != 0) return -1;
    size_t count = source->query.key_count;
    source->batch = options->batch;
    source->key = calloc(count + 1, sizeof *source->key);
    if (source->key == NULL) return error_memory(err);
    if (source_key_init(&source->last, count, err) != 0 ||
        source_key_init(&source->until, count, err) != 0)
        return -1;
    if (options->until != NULL && source_key_read(&source->until, options->until, err) != 0)
        return -1;
    if (options->cursor != NULL && (source_key_read(&source->last, options->cursor, err) != 0 ||
                                    check_cursor(source, options, err) != 0))
        return -1;
    source->whole = options->cursor == NULL;
    if (try_order(source, err) != 0) return -1;
    return choose_resting(source, options, err);
}

int source_open(struct source **out, const struct source_options *options, struct error *err)
{
    struct source *source = calloc(1, sizeof *source);
    *out = NULL;
    if (source == NULL) return error_memory(err);
    if (open_source(source, options, err) != 0) {
        source_close(source);
        return -1;
    }
    *out = source;
    return 0;
}

static void close_rows(struct source *source)
{
    db_rows_close(source->rows);
    source->rows = NULL;
    source->ahead = false;
}

void source_close(struct source *source)
{
    if (source == NULL) return;
    close_rows(source);
    source_key_release(&source->last);
    source_key_release(&source->until);
    source_query_release(&source->query);
    free(source->key);
    free(source);
}

const struct columns *source_columns(const struct source *source)
{
    return &source->query.columns;
}

const size_t *source_key_columns(const struct source *source)
{
    return source->query.key;
}

bool source_blocks_writers(const struct source *source)
{
    return source->blocks_writers;
}

int source_estimate(const struct source *source, struct source_estimate *out, struct error *err)
{
    const struct source_span span = span_of(source);
    struct db_forecast forecast;
    if (source_query_forecast(&source->query, &span, &forecast, err) != 0) return -1;
    *out = (struct source_estimate){.rows = forecast.rows, .index = SOURCE_INDEX_UNKNOWN};
    if (source->query.key_count > 0)
        out->index = !forecast.sorts ? SOURCE_INDEX_YES
                     : forecast.made ? SOURCE_INDEX_IN_VAIN
                                     : SOURCE_INDEX_NO;
    return 0;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* One more than a batch, to see what the next one begins with. */
static int open_rows(struct source *source, struct error *err)
{
    if (source->phase == LOOKING_FOR_NULL)
        return source_query_stream_null(&source->query, &source->rows, err);
    const struct source_span span = span_of(source);
    if (source->given) source->whole = false;
    return source_query_stream(&source->query, &span, source->rests ? source->batch + 1 : -1,
                               &source->rows, err);
}

static int refuse_key(const struct source *source, const char *what, struct error *err)
{
    struct buffer text = {0};
    for (size_t i = 0; i < source->query.key_count; i++) {
        buffer_append_text(&text, i == 0 ? "" : ", ");
        buffer_append_text(&text, source->query.columns.items[source->query.key[i]].name);
    }
    buffer_append_text(&text, " = ");
    source_key_append_text(&text, source->key, source->query.key_count);
    const char *row = buffer_text(&text);
    error_set(err, ERROR_FAILED, "%s: %s; a `key` must be unique and not NULL", what,
              row == NULL ? "" : row);
    buffer_release(&text);
    return -1;
}

/* Look at the key of the row that was fetched. */
static int check_key(struct source *source, struct error *err)
{
    const struct source_query *query = &source->query;
    bool is_null = source->phase == LOOKING_FOR_NULL;
    for (size_t i = 0; i < query->key_count; i++) {
        source->key[i] = db_rows_raw(source->rows, query->key[i]);
        is_null = is_null || source->key[i].kind == VALUE_NULL;
    }
    if (is_null) return refuse_key(source, "a row's `key` is NULL", err);
    if (query->key_count == 0) return 0;
    bool repeats = query->marks_repeats
                       ? source->row.values[query->columns.count].bytes[0] == 't'
                       : source->given && source_key_equals(&source->last, source->key);
    return repeats ? refuse_key(source, "two rows have the same `key`", err) : 0;
}

static enum source_next fail(struct source *source)
{
    close_rows(source);
    source->phase = OVER;
    return SOURCE_FAILED;
}

/* The statement has given all its rows. Returns SOURCE_ROW where another one follows. */
static enum source_next end_statement(struct source *source)
{
    close_rows(source);
    const bool may_have_missed = !source->whole && !source->until.present;
    if (source->phase == READING && source->query.key_count > 0 && may_have_missed) {
        source->phase = LOOKING_FOR_NULL;
        return SOURCE_ROW;
    }
    source->phase = OVER;
    return SOURCE_END;
}

/* The next row, as source_next() gives it, but nothing of batches. */
static enum source_next fetch(struct source *source, bool wait, struct error *err)
{
    for (;;) {
        enum source_next next = SOURCE_ROW;
        if (source->phase == OVER) return SOURCE_END;
        if (source->rows == NULL && open_rows(source, err) != 0) return fail(source);
        switch (db_rows_next(source->rows, wait, &source->row, err)) {
        case DB_FAILED:
            return fail(source);
        case DB_AGAIN:
            return SOURCE_AGAIN;
        case DB_END:
            next = end_statement(source);
            break;
        case DB_ROW:
            return check_key(source, err) == 0 ? SOURCE_ROW : fail(source);
        }
        if (next != SOURCE_ROW) return next;
    }
}

static bool batch_ends(const struct source *source)
{
    return source->in_batch > 0 && (source->ending || source->in_batch >= source->batch);
}

enum source_next source_next(struct source *source, bool end_batch, bool wait, struct row *row,
                             struct error *err)
{
    source->ending = source->in_batch > 0 && (source->ending || end_batch);
    if (!source->ahead) {
        enum source_next next = fetch(source, wait, err);
        if (next != SOURCE_ROW) return next;
        source->ahead = true;
    }
    if (batch_ends(source)) {
        source->in_batch = 0;
        source->ending = false;
        if (source->rests) close_rows(source);
        return SOURCE_BATCH;
    }
    if (source->query.key_count > 0 && source_key_keep(&source->last, source->key, err) != 0)
        return fail(source);
    source->given = true;
    source->ahead = false;
    source->in_batch++;
    *row = (struct row){.columns = &source->query.columns, .values = source->row.values};
    return SOURCE_ROW;
}

void source_set_batch(struct source *source, int64_t rows)
{
    source->batch = rows;
}

int source_descriptor(const struct source *source)
{
    return source->rows == NULL ? -1 : db_rows_descriptor(source->rows);
}

int source_cursor(const struct source *source, struct buffer *json, struct error *err)
{
    if (!source->given || source->query.key_count == 0) return 0;
    source_key_write(&source->last, json);
    return buffer_failed(json) ? error_memory(err) : 0;
}

void source_rest(struct source *source)
{
    if (source->query.key_count > 0 && source->phase == READING) close_rows(source);
}
