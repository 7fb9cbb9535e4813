/*
 * Statements and rows of SQLite.
 *
 * SQLite has values of five storage classes, and columns that only suggest one. A value's text
 * follows its class, and where the column was declared BOOL, BOOLEAN or JSON, the declaration;
 * an expression has none. Timestamps are the application's own text and stay what they are. The
 * value that goes back into a comparison keeps its class, since 1, 1.0 and '1' are not the
 * same.
 */
#include "db_sqlite_rows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "error.h"
#include "number.h"
#include "sql_text.h"
#include "stop.h"

/* Only builds of SQLite with SQLITE_ENABLE_COLUMN_METADATA have these. */
#pragma weak sqlite3_column_database_name
#pragma weak sqlite3_column_table_name
#pragma weak sqlite3_column_origin_name

struct sqlite_rows {
    struct db_rows rows;
    struct sqlite *lite;
    sqlite3_stmt *statement;
    struct columns columns;
    struct value *values;
    char (*numbers)[VALUE_FLOAT_SIZE]; /* the text of the current row's */
    struct arena arena;
    bool over;
};

/* ---- errors ----------------------------------------------------------------------------- */

/* Where in statement (line and column, from 1) SQLite saw the error; false where it cannot say.
 */
static bool find_place(struct sqlite *lite, const char *statement, int *line, int *column)
{
#if SQLITE_VERSION_NUMBER >= 3038000
    int offset = sqlite3_error_offset(lite->connection);
    *line = 1;
    *column = 1;
    for (int i = 0; statement != NULL && i < offset && statement[i] != '\0'; i++) {
        bool begins = ((unsigned char)statement[i] & 0xC0) != 0x80;
        *column = statement[i] == '\n' ? 1 : *column + begins;
        *line += statement[i] == '\n';
    }
    return statement != NULL && offset >= 0;
#else
    (void)lite;
    (void)statement;
    (void)line;
    (void)column;
    return false;
#endif
}

int db_sqlite_rows_error(struct sqlite *lite, const char *statement, struct error *err)
{
    int code = sqlite3_extended_errcode(lite->connection);
    const char *message = sqlite3_errmsg(lite->connection);
    int line, column;

    if (lite->refusal.code != ERROR_NONE && (code & 0xff) == SQLITE_BUSY) {
        *err = lite->refusal;
        error_clear(&lite->refusal);
        return -1;
    }
    if (stop_overdue(lite->stop) &&
        ((code & 0xff) == SQLITE_INTERRUPT || (code & 0xff) == SQLITE_BUSY))
        return stop_error(lite->stop, err);
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        error_set(err, ERROR_FAILED, "'%s' is locked by another program: %s", lite->path,
                  message);
        err->passing = true;
        return -1;
    case SQLITE_READONLY:
        return error_set(err, lite->reads_only ? ERROR_FAILED : ERROR_OPERATOR,
                         "'%s' cannot be written: %s", lite->path, message);
    case SQLITE_CANTOPEN:
    case SQLITE_NOTADB:
        return error_set(err, ERROR_SQL_UNREACHABLE, "cannot open '%s': %s", lite->path,
                         message);
    case SQLITE_NOMEM:
        return error_memory(err);
    default:
        break;
    }
    if (find_place(lite, statement, &line, &column))
        return error_set(err, ERROR_FAILED, "%s (line %d, column %d)", message, line, column);
    return error_set(err, ERROR_FAILED, "%s", message);
}

/* ---- parameters ------------------------------------------------------------------------- */

static int bind_value(sqlite3_stmt *statement, int at, const struct value *value)
{
    const char *bytes = value->bytes == NULL ? "" : value->bytes;
    int64_t number;
    switch (value->kind) {
    case VALUE_NULL:
        return sqlite3_bind_null(statement, at);
    case VALUE_BYTES:
        return sqlite3_bind_blob64(statement, at, bytes, value->length, SQLITE_TRANSIENT);
    case VALUE_INTEGER:
        if (number_parse(bytes, value->length, INT64_MIN, INT64_MAX, &number) != 0) break;
        return sqlite3_bind_int64(statement, at, number);
    case VALUE_FLOAT:
        if (value->length >= VALUE_FLOAT_SIZE) break;
        {
            char text[VALUE_FLOAT_SIZE] = "";
            memcpy(text, bytes, value->length);
            return sqlite3_bind_double(statement, at, strtod(text, NULL));
        }
    case VALUE_BOOLEAN:
        return sqlite3_bind_int(statement, at, *bytes == 't');
    case VALUE_TEXT:
    case VALUE_NUMERIC:
    case VALUE_JSON:
        break;
    }
    return sqlite3_bind_text64(statement, at, bytes, value->length, SQLITE_TRANSIENT,
                               SQLITE_UTF8);
}

int db_sqlite_rows_prepare(struct sqlite *lite, const char *sql, const struct value *parameters,
                           size_t count, sqlite3_stmt **out, struct error *err)
{
    const char *tail = NULL;
    *out = NULL;
    if (sqlite3_prepare_v2(lite->connection, sql, -1, out, &tail) != SQLITE_OK)
        return db_sqlite_rows_error(lite, sql, err);
    if (*out == NULL) return error_set(err, ERROR_FAILED, "the statement is empty");
    if (sql_text_scan(tail, strlen(tail)).statements > 0) {
        error_set(err, ERROR_FAILED, "more than one statement");
        goto failed;
    }
    for (size_t i = 0; i < count; i++) {
        if (bind_value(*out, (int)i + 1, &parameters[i]) != SQLITE_OK) {
            db_sqlite_rows_error(lite, NULL, err);
            goto failed;
        }
    }
    return 0;

failed:
    sqlite3_finalize(*out);
    *out = NULL;
    return -1;
}

/* ---- columns ---------------------------------------------------------------------------- */

static enum value_kind declared_kind(const char *type)
{
    if (strcasecmp(type, "BOOL") == 0 || strcasecmp(type, "BOOLEAN") == 0) return VALUE_BOOLEAN;
    return strcasecmp(type, "JSON") == 0 ? VALUE_JSON : VALUE_TEXT;
}

/* Only a table's own column is known to compare by BINARY; what an expression compares by is
 * not told. Numbers are compared as numbers by whoever asks. */
static bool is_plain(struct sqlite *lite, sqlite3_stmt *statement, int at)
{
    const char *collation = NULL;
    if (sqlite3_column_origin_name == NULL || sqlite3_column_table_name == NULL ||
        sqlite3_column_database_name == NULL)
        return false;
    const char *database = sqlite3_column_database_name(statement, at);
    const char *table = sqlite3_column_table_name(statement, at);
    const char *column = sqlite3_column_origin_name(statement, at);
    if (table == NULL || column == NULL) return false;
    return sqlite3_table_column_metadata(lite->connection, database, table, column, NULL,
                                         &collation, NULL, NULL, NULL) == SQLITE_OK &&
           collation != NULL && strcasecmp(collation, "BINARY") == 0;
}

int db_sqlite_rows_describe(struct sqlite *lite, sqlite3_stmt *statement, struct arena *arena,
                            struct columns *columns, struct error *err)
{
    int count = sqlite3_column_count(statement);
    struct column *items = arena_array(arena, (size_t)count + 1, sizeof *items);
    if (items == NULL) return error_memory(err);

    for (int i = 0; i < count; i++) {
        const char *name = sqlite3_column_name(statement, i);
        const char *type = sqlite3_column_decltype(statement, i);
        items[i].name = arena_text(arena, name);
        items[i].type = arena_text(arena, type == NULL ? "" : type);
        if (items[i].name == NULL || items[i].type == NULL) return error_memory(err);
        items[i].kind = declared_kind(items[i].type);
        items[i].plain = is_plain(lite, statement, i);
    }
    *columns = (struct columns){.items = items, .count = (size_t)count};
    return 0;
}

/* ---- values ----------------------------------------------------------------------------- */

/* What a column declared BOOL holds: nearly always 0 or 1; t/f, true/false; anything else as it
 * stands. */
static void take_boolean(struct value *value)
{
    static const struct {
        const char *text;
        size_t length;
        bool is_true;
    } words[] = {{"1", 1, true},  {"0", 1, false},   {"t", 1, true},
                 {"f", 1, false}, {"true", 4, true}, {"false", 5, false}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (value->length != words[i].length ||
            strncasecmp(value->bytes, words[i].text, value->length) != 0)
            continue;
        value->kind = VALUE_BOOLEAN;
        value->bytes = words[i].is_true ? "true" : "false";
        value->length = words[i].is_true ? 4 : 5;
        return;
    }
}

/* The value of a cell by its storage class alone; where it is a number, its text goes to
 * number. Returns -1 where memory ran out. Only one thread uses the connection, so that the
 * cell may be looked into (an "unprotected" sqlite3_value) without being copied. */
static int take_class(sqlite3_value *cell, char number[VALUE_FLOAT_SIZE], struct value *value)
{
    switch (sqlite3_value_type(cell)) {
    case SQLITE_NULL:
        *value = (struct value){.kind = VALUE_NULL};
        return 0;
    case SQLITE_INTEGER:
        *value = value_integer(sqlite3_value_int64(cell), number);
        return 0;
    case SQLITE_FLOAT:
        value->kind = VALUE_FLOAT;
        value->bytes = number;
        value->length = value_float_text(sqlite3_value_double(cell), number);
        return 0;
    case SQLITE_BLOB:
        value->kind = VALUE_BYTES;
        value->bytes = sqlite3_value_blob(cell);
        /* Without the memory for a zeroblob() the cell is NULL from now on. */
        if (value->bytes == NULL && sqlite3_value_type(cell) != SQLITE_BLOB) return -1;
        break;
    default:
        value->kind = VALUE_TEXT;
        value->bytes = (const char *)sqlite3_value_text(cell);
        if (value->bytes == NULL) return -1;
        break;
    }
    /* An empty BLOB has no address. */
    value->length = (size_t)sqlite3_value_bytes(cell);
    if (value->bytes == NULL) value->bytes = "";
    return 0;
}

static int take_value(struct sqlite_rows *rows, int at)
{
    struct value *value = &rows->values[at];
    enum value_kind declared = rows->columns.items[at].kind;
    if (take_class(sqlite3_column_value(rows->statement, at), rows->numbers[at], value) != 0)
        return -1;
    if (declared == VALUE_TEXT) return 0;
    if (declared == VALUE_BOOLEAN && value->kind != VALUE_NULL && value->kind != VALUE_BYTES)
        take_boolean(value);
    if (declared == VALUE_JSON && value->kind == VALUE_TEXT) value->kind = VALUE_JSON;
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------- */

int db_sqlite_rows_new(struct db_rows **out, struct sqlite *lite, sqlite3_stmt *statement,
                       const struct columns *columns, struct error *err)
{
    struct sqlite_rows *rows = calloc(1, sizeof *rows);
    if (rows == NULL) {
        sqlite3_finalize(statement);
        return error_memory(err);
    }
    rows->rows.db = &lite->db;
    rows->lite = lite;
    rows->statement = statement;
    if (columns != NULL)
        rows->columns = *columns;
    else if (db_sqlite_rows_describe(lite, statement, &rows->arena, &rows->columns, err) != 0)
        goto failed;
    if (rows->columns.count != (size_t)sqlite3_column_count(statement)) {
        error_set(err, ERROR_FAILED, "the query has other columns than it was described with");
        goto failed;
    }
    rows->values = arena_array(&rows->arena, rows->columns.count + 1, sizeof *rows->values);
    rows->numbers = arena_array(&rows->arena, rows->columns.count + 1, sizeof *rows->numbers);
    if (rows->arena.failed) {
        error_memory(err);
        goto failed;
    }
    *out = &rows->rows;
    return 0;

failed:
    db_sqlite_rows_close(&rows->rows);
    return -1;
}

enum db_next db_sqlite_rows_next(struct db_rows *base, bool wait, struct row *row,
                                 struct error *err)
{
    struct sqlite_rows *rows = (struct sqlite_rows *)base;
    (void)wait; /* SQLite computes; there is nothing to wait for elsewhere meanwhile */
    if (rows->over) return DB_END;

    int step = sqlite3_step(rows->statement);
    if (step != SQLITE_ROW) {
        rows->over = true;
        if (step != SQLITE_DONE) db_sqlite_rows_error(rows->lite, NULL, err);
        /* Its lock goes at once, not only when the rows are closed. */
        sqlite3_reset(rows->statement);
        return step == SQLITE_DONE ? DB_END : DB_FAILED;
    }
    for (size_t i = 0; i < rows->columns.count; i++) {
        if (take_value(rows, (int)i) != 0) {
            error_memory(err);
            return DB_FAILED;
        }
    }
    *row = (struct row){.columns = &rows->columns, .values = rows->values};
    return DB_ROW;
}

int db_sqlite_rows_descriptor(const struct db_rows *base)
{
    (void)base;
    return -1;
}

struct value db_sqlite_rows_raw(const struct db_rows *base, size_t column)
{
    const struct sqlite_rows *rows = (const struct sqlite_rows *)base;
    struct value value = rows->values[column];
    if (value.kind == VALUE_JSON) value.kind = VALUE_TEXT;
    if (value.kind == VALUE_BOOLEAN)
        (void)take_class(sqlite3_column_value(rows->statement, (int)column),
                         rows->numbers[column], &value);
    return value;
}

void db_sqlite_rows_close(struct db_rows *base)
{
    struct sqlite_rows *rows = (struct sqlite_rows *)base;
    sqlite3_finalize(rows->statement);
    arena_release(&rows->arena);
    free(rows);
}
