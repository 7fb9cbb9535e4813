/*
 * What SQLite expects of a query: whether an index serves its order, and, where that can be
 * known, how many rows it has.
 *
 * EXPLAIN QUERY PLAN tells of sorting, and of what: where nothing else is gone through than the
 * result of a subquery (groups, DISTINCT, UNION, VALUES…), SQLite sorts that whatever indexes
 * there are. Rows it does not tell of; but of a table that ANALYZE
 * has counted the number is in sqlite_stat1, and a query that is nothing but the whole of such
 * a table has as many. Of any other query nothing is said rather than something wrong: how many
 * rows a WHERE lets through is not to be had without reading them.
 */
#include "db_sqlite_explain.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "db_sqlite_rows.h"
#include "error.h"
#include "number.h"
#include "sql_text.h"

/* Compile what is put together of before and query. Returns 0, or -1 with err. */
static int prepare(struct sqlite *lite, const char *before, const char *query,
                   sqlite3_stmt **out, struct error *err)
{
    struct buffer sql = {0};
    int status = -1;
    *out = NULL;
    buffer_append_format(&sql, "%s%s", before, query);
    if (buffer_text(&sql) == NULL)
        error_memory(err);
    else
        status = db_sqlite_rows_prepare(lite, sql.bytes, NULL, 0, out, err);
    buffer_release(&sql);
    return status;
}

static const char *text_of(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text != NULL ? text : "";
}

/* ---- sorting ---------------------------------------------------------------------------- */

static bool holds(const struct buffer *numbers, int number)
{
    const int *items = (const int *)numbers->bytes;
    for (size_t i = 0; i < numbers->length / sizeof *items; i++)
        if (items[i] == number) return true;
    return false;
}

/* What a line of EXPLAIN QUERY PLAN (id, parent, -, text) says of the query's order. A subquery
 * that gives a value, or a list to look in, has an order of its own: aside keeps such lines. */
static bool is_sorting(sqlite3_stmt *line, struct buffer *aside)
{
    const int id = sqlite3_column_int(line, 0);
    const char *text = text_of(line, 3);
    if (holds(aside, sqlite3_column_int(line, 1)) || strstr(text, "SCALAR SUBQUERY") != NULL ||
        strstr(text, "LIST SUBQUERY") != NULL) {
        buffer_append(aside, &id, sizeof id);
        return false;
    }
    return strstr(text, "TEMP B-TREE FOR") != NULL && strstr(text, "ORDER BY") != NULL;
}

/* What the query itself goes through, outside its subqueries. */
struct walk {
    size_t sources;    /* tables, and results of subqueries */
    size_t subqueries; /* the latter */
};

static void take_line(struct walk *walk, sqlite3_stmt *line)
{
    static const char *const sources[] = {"SCAN ", "SEARCH "};
    static const char *const subqueries[] = {"CO-ROUTINE ", "MATERIALIZE "};
    const char *text = text_of(line, 3);
    if (sqlite3_column_int(line, 1) != 0) return;
    for (size_t i = 0; i < 2; i++) {
        if (strncmp(text, sources[i], strlen(sources[i])) == 0) walk->sources++;
        if (strncmp(text, subqueries[i], strlen(subqueries[i])) == 0) walk->subqueries++;
    }
}

/* SQLite plans the same with and without values for its parameters. */
static int find_sorting(struct sqlite *lite, const char *query, struct db_forecast *out,
                        struct error *err)
{
    sqlite3_stmt *statement = NULL;
    struct buffer aside = {0};
    struct walk walk = {0};
    int step = SQLITE_DONE;
    if (prepare(lite, "EXPLAIN QUERY PLAN ", query, &statement, err) != 0) return -1;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        if (is_sorting(statement, &aside)) out->sorts = true;
        take_line(&walk, statement);
    }
    out->made = out->sorts && walk.sources == 1 && walk.subqueries == 1;
    int status = step == SQLITE_DONE ? 0 : db_sqlite_rows_error(lite, NULL, err);
    if (status == 0 && buffer_failed(&aside)) status = error_memory(err);
    sqlite3_finalize(statement);
    buffer_release(&aside);
    return status;
}

/* ---- rows ------------------------------------------------------------------------------- */

/* Whether the query has a row for each that it reads: SQLite's program for it goes through a
 * table, and puts nothing together. Returns 1, 0, or -1 with err. */
static int is_row_by_row(struct sqlite *lite, const char *query, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    bool loops = false, aggregates = false;
    int step = SQLITE_DONE;
    if (prepare(lite, "EXPLAIN ", query, &statement, err) != 0) return -1;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *opcode = text_of(statement, 1);
        if (strcmp(opcode, "Next") == 0 || strcmp(opcode, "Prev") == 0) loops = true;
        if (strncmp(opcode, "Agg", 3) == 0 || strcmp(opcode, "Count") == 0) aggregates = true;
    }
    const int failed = step == SQLITE_DONE ? 0 : db_sqlite_rows_error(lite, NULL, err);
    sqlite3_finalize(statement);
    return failed != 0 ? -1 : loops && !aggregates;
}

/* Append the name that stands in length bytes, without the quotes around it. */
static void append_name(struct buffer *name, const char *text, size_t length)
{
    const bool quoted = length >= 2 && strchr("\"'`[", text[0]) != NULL;
    const char close = text[length - 1];
    if (quoted) {
        text++;
        length -= 2;
    }
    for (size_t i = 0; i < length; i++) {
        buffer_append_char(name, text[i]);
        if (quoted && text[i] == close && i + 1 < length && text[i + 1] == close) i++;
    }
}

/* What ANALYZE has counted. A partial index has fewer rows than its table. Where nothing was
 * ever analysed, there is not even the table of it. */
static int64_t find_count(struct sqlite *lite, const struct buffer *name)
{
    static const char sql[] = "SELECT stat FROM main.sqlite_stat1 "
                              "WHERE tbl = ?1 COLLATE NOCASE";
    const struct value table = {
        .kind = VALUE_TEXT, .bytes = name->bytes, .length = name->length};
    struct error ignored = {0};
    sqlite3_stmt *statement = NULL;
    int64_t most = -1, count = 0;
    if (db_sqlite_rows_prepare(lite, sql, &table, 1, &statement, &ignored) != 0) return -1;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *stat = text_of(statement, 0);
        if (number_parse(stat, strcspn(stat, " "), 0, INT64_MAX, &count) == 0 && count > most)
            most = count;
    }
    sqlite3_finalize(statement);
    return most;
}

static int find_rows(struct sqlite *lite, const char *query, int64_t *rows, struct error *err)
{
    struct sql_text_place table;
    struct buffer name = {0};
    if (!sql_text_find_whole_table(query, strlen(query), &table)) return 0;
    const int plain = is_row_by_row(lite, query, err);
    if (plain != 1) return plain;
    append_name(&name, query + table.begin, table.end - table.begin);
    if (!buffer_failed(&name)) *rows = find_count(lite, &name);
    buffer_release(&name);
    return 0;
}

int db_sqlite_explain(struct db *db, const char *query, const struct value *parameters,
                      size_t count, struct db_forecast *out, struct error *err)
{
    struct sqlite *lite = (struct sqlite *)db;
    (void)parameters;
    (void)count;
    *out = (struct db_forecast){.rows = -1};
    if (find_sorting(lite, query, out, err) != 0) return -1;
    return find_rows(lite, query, &out->rows, err);
}
