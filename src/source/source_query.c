/*
 * The statements that read a step's query in key order: SQL around SQL.
 *
 * The user's query becomes a subquery, so whatever it is made of, its result can be ordered,
 * continued behind a key and searched for NULLs. Whether two neighbours have the same key is
 * the database's to say: 1.0 and 1.00, or 'a' and 'A', may be one key. Where equal keys always
 * have equal bytes the reader compares them itself; otherwise lag() does it in SQL, in a last
 * column that nobody above sees. Without a `key` the query is read just as it stands.
 */
#include "source_query.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "db.h"
#include "error.h"
#include "migration.h"
#include "source_key.h"
#include "sql_text.h"

/* ---- what the query has ----------------------------------------------------------------- */

static int check_names(const struct columns *columns, struct error *err)
{
    for (size_t i = 0; i < columns->count; i++) {
        const char *name = columns->items[i].name;
        if (columns_find(columns, name) == (int)i) continue;
        return error_set(err, ERROR_FAILED,
                         "two columns of the query are called '%s': give one another name with "
                         "AS",
                         name);
    }
    return 0;
}

static int find_key(struct source_query *query, const struct step *step, struct error *err)
{
    struct buffer names = {0};
    query->key = arena_array(&query->arena, step->key_count + 1, sizeof *query->key);
    if (query->key == NULL) return error_memory(err);
    for (size_t i = 0; i < step->key_count; i++) {
        int found = columns_find(&query->columns, step->key[i]);
        if (found < 0) {
            columns_append_names(&names, &query->columns);
            const char *text = buffer_text(&names);
            error_set(err, ERROR_FAILED, "the query has no column '%s' for `key`; it has %s",
                      step->key[i], text == NULL ? "others" : text);
            buffer_release(&names);
            return -1;
        }
        if (strcmp(query->columns.items[found].type, "record") == 0)
            return error_set(err, ERROR_FAILED,
                             "the `key` '%s' is a record without a type of its own, which "
                             "PostgreSQL cannot read back",
                             step->key[i]);
        query->key[i] = (size_t)found;
        if (!query->columns.items[found].plain) query->marks_repeats = true;
    }
    query->key_count = step->key_count;
    return 0;
}

/* Put the mark behind the columns. */
static int mark_columns(struct source_query *query, struct error *err)
{
    size_t count = query->columns.count;
    query->marked = query->columns;
    if (!query->marks_repeats) return 0;

    struct column *items = arena_array(&query->arena, count + 1, sizeof *items);
    if (items == NULL) return error_memory(err);
    memcpy(items, query->columns.items, count * sizeof *items);
    items[count] = (struct column){.name = "", .kind = VALUE_BOOLEAN, .type = "boolean"};
    query->marked = (struct columns){.items = items, .count = count + 1};
    return 0;
}

int source_query_init(struct source_query *query, struct db *db, const struct step *step,
                      struct error *err)
{
    *query = (struct source_query){.db = db};
    size_t end = sql_text_scan(step->read, strlen(step->read)).end;
    query->text = arena_copy(&query->arena, step->read, end);
    if (query->text == NULL) return error_memory(err);
    if (db_describe(db, step->read, &query->arena, &query->columns, err) != 0) return -1;
    if (check_names(&query->columns, err) != 0) return -1;
    if (find_key(query, step, err) != 0) return -1;
    return mark_columns(query, err);
}

void source_query_release(struct source_query *query)
{
    arena_release(&query->arena);
    *query = (struct source_query){0};
}

/* ---- the pieces of a statement ---------------------------------------------------------- */

/* Qualified, since SQLite would take an unknown name in double quotes for a text. */
static void append_key_column(const struct source_query *query, size_t index,
                              struct buffer *sql)
{
    buffer_append_text(sql, "redferry_source.");
    db_append_identifier(sql, query->columns.items[query->key[index]].name);
}

static void append_key_columns(const struct source_query *query, struct buffer *sql)
{
    for (size_t i = 0; i < query->key_count; i++) {
        if (i > 0) buffer_append_text(sql, ", ");
        append_key_column(query, i, sql);
    }
}

static void append_mark(const struct source_query *query, struct buffer *sql)
{
    bool sqlite = db_dialect(query->db) == DB_SQLITE;
    for (size_t i = 0; i < query->key_count; i++) {
        buffer_append_text(sql, i == 0 ? ", (lag(" : " AND lag(");
        append_key_column(query, i, sql);
        buffer_append_text(sql, ") OVER redferry_order ");
        buffer_append_text(sql, sqlite ? "IS " : "IS NOT DISTINCT FROM ");
        append_key_column(query, i, sql);
    }
    buffer_append_text(sql, ") AS redferry_repeats");
}

static void append_source(const struct source_query *query, struct buffer *sql)
{
    buffer_append_format(sql, " FROM (\n%s\n) AS redferry_source", query->text);
}

/* One row comparison, which both databases can answer from an index of several columns. Its
 * parameters are numbered from first. */
static int append_bound(const struct source_query *query, const char *comparison,
                        const struct source_key *bound, size_t first, struct buffer *sql,
                        struct error *err)
{
    bool several = query->key_count > 1;
    buffer_append_text(sql, several ? "(" : "");
    append_key_columns(query, sql);
    buffer_append_format(sql, "%s %s %s", several ? ")" : "", comparison, several ? "(" : "");
    for (size_t i = 0; i < query->key_count; i++) {
        const struct column *column = &query->columns.items[query->key[i]];
        if (i > 0) buffer_append_text(sql, ", ");
        if (db_append_parameter(query->db, sql, first + i, &bound->values[i], column, err) != 0)
            return -1;
    }
    if (several) buffer_append_char(sql, ')');
    return 0;
}

static bool has(const struct source_key *bound)
{
    return bound != NULL && bound->present;
}

/* Without any WHERE, SQLite picks other rows for a LIMIT of the query than with one. */
static int append_where(const struct source_query *query, const struct source_span *span,
                        struct buffer *sql, struct error *err)
{
    const size_t behind = has(span->behind) ? query->key_count : 0;
    buffer_append_text(sql, " WHERE ");
    if (has(span->behind) && append_bound(query, ">", span->behind, 1, sql, err) != 0)
        return -1;
    if (has(span->behind) && has(span->until)) buffer_append_text(sql, " AND ");
    if (has(span->until) && append_bound(query, "<=", span->until, behind + 1, sql, err) != 0)
        return -1;
    if (!has(span->behind) && !has(span->until)) buffer_append_text(sql, "true");
    return 0;
}

static int append_statement(const struct source_query *query, const struct source_span *span,
                            int64_t limit, struct buffer *sql, struct error *err)
{
    if (query->key_count == 0) {
        buffer_append_text(sql, query->text);
        return 0;
    }
    buffer_append_text(sql, "SELECT redferry_source.*");
    if (query->marks_repeats) append_mark(query, sql);
    append_source(query, sql);
    if (append_where(query, span, sql, err) != 0) return -1;
    if (query->marks_repeats) {
        buffer_append_text(sql, " WINDOW redferry_order AS (ORDER BY ");
        append_key_columns(query, sql);
        buffer_append_char(sql, ')');
    }
    buffer_append_text(sql, " ORDER BY ");
    append_key_columns(query, sql);
    if (limit >= 0) buffer_append_format(sql, " LIMIT %lld", (long long)limit);
    return 0;
}

/* ---- statements ------------------------------------------------------------------------- */

/* The parameters of span, one bound's behind the other's. Yours to free(). */
static struct value *join(const struct source_span *span, size_t *count)
{
    const size_t behind = has(span->behind) ? span->behind->count : 0;
    const size_t until = has(span->until) ? span->until->count : 0;
    struct value *values = calloc(behind + until + 1, sizeof *values);
    if (values == NULL) return NULL;
    if (behind > 0) memcpy(values, span->behind->values, behind * sizeof *values);
    if (until > 0) memcpy(values + behind, span->until->values, until * sizeof *values);
    *count = behind + until;
    return values;
}

int source_query_stream(const struct source_query *query, const struct source_span *span,
                        int64_t limit, struct db_rows **rows, struct error *err)
{
    struct buffer sql = {0};
    size_t count = 0;
    struct value *values = join(span, &count);
    int status = -1;
    if (values == NULL)
        error_memory(err);
    else if (append_statement(query, span, limit, &sql, err) == 0)
        status = buffer_text(&sql) == NULL ? error_memory(err)
                                           : db_stream(query->db, sql.bytes, values, count,
                                                       &query->marked, rows, err);
    free(values);
    buffer_release(&sql);
    return status;
}

/* The mark is left out: a type without an order has no equality either, which would be the
 * stranger complaint. */
int source_query_try(const struct source_query *query, const struct source_span *span,
                     struct error *err)
{
    struct source_query unmarked = *query;
    struct db_rows *rows = NULL;
    struct row row;
    unmarked.marks_repeats = false;
    unmarked.marked = query->columns;
    int status = source_query_stream(&unmarked, span, 0, &rows, err);
    if (status == 0 && db_rows_next(rows, true, &row, err) == DB_FAILED) status = -1;
    db_rows_close(rows);
    return status;
}

int source_query_try_unordered(const struct source_query *query, struct error *err)
{
    struct buffer sql = {0};
    struct db_rows *rows = NULL;
    struct row row;
    int status = -1;
    buffer_append_text(&sql, "SELECT redferry_source.*");
    append_source(query, &sql);
    buffer_append_text(&sql, " LIMIT 0");
    if (buffer_text(&sql) == NULL)
        error_memory(err);
    else
        status = db_stream(query->db, sql.bytes, NULL, 0, &query->columns, &rows, err);
    if (status == 0 && db_rows_next(rows, true, &row, err) == DB_FAILED) status = -1;
    db_rows_close(rows);
    buffer_release(&sql);
    return status;
}

int source_query_stream_null(const struct source_query *query, struct db_rows **rows,
                             struct error *err)
{
    struct buffer sql = {0};
    buffer_append_text(&sql, "SELECT redferry_source.*");
    append_source(query, &sql);
    for (size_t i = 0; i < query->key_count; i++) {
        buffer_append_text(&sql, i == 0 ? " WHERE " : " OR ");
        append_key_column(query, i, &sql);
        buffer_append_text(&sql, " IS NULL");
    }
    buffer_append_text(&sql, " LIMIT 1");
    int status = buffer_text(&sql) == NULL
                     ? error_memory(err)
                     : db_stream(query->db, sql.bytes, NULL, 0, &query->columns, rows, err);
    buffer_release(&sql);
    return status;
}

/* A query has as many rows in any order, and SQLite may know how many only as it stands. */
int source_query_forecast(const struct source_query *query, const struct source_span *span,
                          struct db_forecast *out, struct error *err)
{
    struct buffer sql = {0};
    size_t count = 0;
    struct db_forecast unordered = {.rows = -1};
    struct value *values = join(span, &count);
    int status = -1;
    if (values == NULL)
        error_memory(err);
    else if (append_statement(query, span, -1, &sql, err) == 0)
        status = buffer_text(&sql) == NULL
                     ? error_memory(err)
                     : db_forecast(query->db, sql.bytes, values, count, out, err);
    if (status == 0 && out->rows < 0 && count == 0 && query->key_count > 0) {
        status = db_forecast(query->db, query->text, NULL, 0, &unordered, err);
        out->rows = unordered.rows;
    }
    free(values);
    buffer_release(&sql);
    return status;
}
