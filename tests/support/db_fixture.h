#ifndef REDFERRY_DB_FIXTURE_H
#define REDFERRY_DB_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "arena.h"
#include "buffer.h"
#include "clock.h"
#include "db.h"
#include "error.h"
#include "stop.h"
#include "url.h"

/* What tests of the databases share: connections to the servers that the test was given, and
 * short ways to run a statement and to compare what it gives. Everything fails the test. */

#define fixture_ok(call, err)                                                                  \
    do {                                                                                       \
        (err)->message[0] = '\0';                                                              \
        if ((call) != 0) fail_msg("%s: %s", #call, (err)->message);                            \
    } while (0)

static inline const char *fixture_environment(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL) fail_msg("%s is not set: run this test through ctest", name);
    return value;
}

/* A connection by URL; -1 with err where it fails. */
static inline int fixture_try_open(struct db **db, const char *text, const struct stop *stop,
                                   struct error *err)
{
    struct arena arena = {0};
    struct url url;
    int status = url_parse_database(&url, text, "--database", &arena, err);
    if (status == 0) status = db_open(db, &url, stop, err);
    arena_release(&arena);
    return status;
}

static inline struct db *fixture_open(const char *text, const struct stop *stop)
{
    struct db *db = NULL;
    struct error err = {0};
    fixture_ok(fixture_try_open(&db, text, stop, &err), &err);
    return db;
}

static inline struct db *fixture_postgres(const struct stop *stop)
{
    return fixture_open(fixture_environment("REDFERRY_TEST_POSTGRES"), stop);
}

/* A fresh, empty SQLite file in the scratch directory; its path, yours to free. */
static inline char *fixture_sqlite_file(const char *name)
{
    char *path = NULL;
    sqlite3 *connection = NULL;
    assert_true(asprintf(&path, "%s/%s.db", fixture_environment("REDFERRY_TEST_DIR"), name) >
                0);
    (void)remove(path);
    assert_int_equal(sqlite3_open(path, &connection), SQLITE_OK);
    assert_int_equal(sqlite3_exec(connection, "PRAGMA user_version = 1", NULL, NULL, NULL), 0);
    assert_int_equal(sqlite3_close(connection), SQLITE_OK);
    return path;
}

static inline struct db *fixture_sqlite(const char *path, const struct stop *stop)
{
    return fixture_open(path, stop);
}

/* One statement in a transaction of its own. */
static inline void fixture_run(struct db *db, const char *sql)
{
    struct error err = {0};
    fixture_ok(db_begin(db, DB_WRITE, &err), &err);
    if (db_execute(db, sql, NULL, 0, NULL, &err) != 0) fail_msg("%s: %s", sql, err.message);
    fixture_ok(db_commit(db, &err), &err);
}

/* Append the rows that are left as "a|b\n…", NULL as "-". */
static inline void fixture_append_rows(struct db_rows *rows, struct buffer *text)
{
    struct error err = {0};
    struct row row;
    enum db_next next;
    while ((next = db_rows_next(rows, true, &row, &err)) == DB_ROW) {
        for (size_t i = 0; i < row.columns->count; i++) {
            if (i > 0) buffer_append_char(text, '|');
            if (row.values[i].kind == VALUE_NULL)
                buffer_append_char(text, '-');
            else
                buffer_append(text, row.values[i].bytes, row.values[i].length);
        }
        buffer_append_char(text, '\n');
    }
    if (next != DB_END) fail_msg("rows: %s", err.message);
}

/* What a query gives, as above, compared with expected. */
static inline void fixture_expect(struct db *db, const char *sql, const char *expected)
{
    struct error err = {0};
    struct buffer text = {0};
    struct db_rows *rows = NULL;
    if (db_query(db, sql, NULL, 0, &rows, &err) != 0) fail_msg("%s: %s", sql, err.message);
    fixture_append_rows(rows, &text);
    db_rows_close(rows);
    assert_string_equal(buffer_text(&text), expected);
    buffer_release(&text);
}

/* That a message holds a part. */
static inline void fixture_says(const struct error *err, const char *part)
{
    if (strstr(err->message, part) == NULL)
        fail_msg("'%s' does not say '%s'", err->message, part);
}

/* Append a row as "query:a|b\n", NULL as "-"; context is a buffer. */
static inline int fixture_take(void *context, size_t query, const struct row *row,
                               struct error *err)
{
    struct buffer *text = context;
    (void)err;
    buffer_append_format(text, "%zu:", query);
    for (size_t i = 0; i < row->columns->count; i++) {
        const struct value *value = &row->values[i];
        const bool is_null = value->kind == VALUE_NULL;
        if (i > 0) buffer_append_char(text, '|');
        buffer_append(text, is_null ? "-" : value->bytes, is_null ? 1 : value->length);
    }
    buffer_append_char(text, '\n');
    return 0;
}

/* Three questions at once; their answers into text. Returns what db_ask() does. */
static inline int fixture_ask(struct db *db, const char *const queries[3], struct buffer *text,
                              struct error *err)
{
    const struct db_questions questions = {
        .queries = queries, .count = 3, .take = fixture_take, .context = text};
    buffer_clear(text);
    return db_ask(db, &questions, err);
}

static inline int fixture_take_no_more(void *context, size_t query, const struct row *row,
                                       struct error *err)
{
    (void)query;
    (void)row;
    ++*(int *)context;
    return error_set(err, ERROR_OPERATOR, "no more, please");
}

/* Questions at once: every answer in its place; what writes, or is wrong, is refused and leaves
 * nothing behind; whoever takes the rows can end it. t is a table that can be made. */
static inline void fixture_check_questions(struct db *db)
{
    static const char *const good[] = {
        "SELECT 1 AS a, 'é;' AS b, NULL AS c UNION ALL SELECT 2, '', NULL ORDER BY a",
        "SELECT 3 AS d WHERE 1 = 2;", "SELECT 4 AS e;"};
    static const char *const wrong[] = {"SELECT 1", "SELECT absent FROM nowhere", "SELECT 2"};
    static const char *const writing[] = {"SELECT 1", "INSERT INTO t VALUES (1)", "SELECT 2"};
    struct error err = {0};
    struct buffer text = {0};
    int taken = 0;
    const struct db_questions refused = {
        .queries = good, .count = 3, .take = fixture_take_no_more, .context = &taken};

    fixture_run(db, "CREATE TABLE t (a integer)");
    fixture_ok(fixture_ask(db, good, &text, &err), &err);
    assert_string_equal(buffer_text(&text), "0:1|é;|-\n0:2||-\n2:4\n");
    assert_int_equal(fixture_ask(db, wrong, &text, &err), -1);
    assert_int_equal(err.code, ERROR_FAILED);
    fixture_says(&err, "nowhere");
    assert_int_equal(fixture_ask(db, writing, &text, &err), -1);
    fixture_expect(db, "SELECT count(*) FROM t", "0\n");
    assert_int_equal(db_ask(db, &refused, &err), -1);
    fixture_says(&err, "no more, please");
    assert_int_equal(taken, 1);

    fixture_ok(db_begin(db, DB_WRITE, &err), &err);
    assert_int_equal(fixture_ask(db, good, &text, &err), -1);
    fixture_ok(db_execute(db, "INSERT INTO t VALUES (7)", NULL, 0, NULL, &err), &err);
    fixture_ok(db_commit(db, &err), &err);
    fixture_expect(db, "SELECT a FROM t", "7\n");
    fixture_run(db, "DROP TABLE t");
    buffer_release(&text);
}

/* Questions with parameters, of which some write: all is written, or nothing. t is a table that
 * can be made. */
static inline void fixture_check_parameters(struct db *db)
{
    const bool is_sqlite = db_dialect(db) == DB_SQLITE;
    const char *const queries[] = {
        is_sqlite ? "INSERT INTO t VALUES (?1, ?2) RETURNING a, b"
                  : "-- $1, $2: don't look here\n"
                    "INSERT INTO t VALUES ($1::bigint, $2::text) RETURNING a, b",
        is_sqlite
            ? "SELECT a, b, ?1 IS NULL, '?2', 1 AS \"?2\" FROM t WHERE b = ?2"
            : "SELECT a, b, $1::text IS NULL, '$2', 1 AS \"$2\" FROM t WHERE b = $2::text",
    };
    static const char *const texts[] = {"it's -- \"so\" $1 ?1;", "back\\'slash\\", "\xc3\xa9"};
    struct error err = {0};
    struct buffer text = {0};
    char digits[24];
    fixture_run(db, "CREATE TABLE t (a bigint, b text UNIQUE)");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct value inserted[] = {value_integer(-5, digits), value_text(texts[i])};
        const struct value asked[] = {value_text(NULL), value_text(texts[i])};
        const struct db_parameters parameters[] = {{inserted, 2}, {asked, 2}};
        const struct db_questions questions = {.queries = queries,
                                               .parameters = parameters,
                                               .count = 2,
                                               .access = DB_WRITE,
                                               .any_types = true,
                                               .take = fixture_take,
                                               .context = &text};
        struct buffer expected = {0};
        buffer_append_format(&expected, "0:-5|%s\n1:-5|%s|%s|%c2|1\n", texts[i], texts[i],
                             is_sqlite ? "1" : "true", is_sqlite ? '?' : '$');
        buffer_clear(&text);
        fixture_ok(db_ask(db, &questions, &err), &err);
        assert_string_equal(buffer_text(&text), buffer_text(&expected));
        /* The text is there already. */
        assert_int_equal(db_ask(db, &questions, &err), -1);
        assert_int_equal(err.code, ERROR_FAILED);
        buffer_release(&expected);
    }
    fixture_expect(db, "SELECT count(*) FROM t", "3\n");
    fixture_run(db, "DROP TABLE t");
    buffer_release(&text);
}

/* The same, described and streamed. */
static inline void fixture_expect_stream(struct db *db, const char *sql, const char *expected)
{
    struct error err = {0};
    struct arena arena = {0};
    struct columns columns;
    struct buffer text = {0};
    struct db_rows *rows = NULL;
    if (db_describe(db, sql, &arena, &columns, &err) != 0) fail_msg("%s: %s", sql, err.message);
    fixture_ok(db_stream(db, sql, NULL, 0, &columns, &rows, &err), &err);
    fixture_append_rows(rows, &text);
    db_rows_close(rows);
    assert_string_equal(buffer_text(&text), expected);
    buffer_release(&text);
    arena_release(&arena);
}

/* A stop that was asked for, and whose grace ends in left_ms. */
static inline void fixture_stopping(struct stop *stop, int64_t left_ms)
{
    stop_request(stop, 15);
    atomic_store(&stop->since_ms, clock_monotonic_ms() - STOP_GRACE_MS + left_ms);
}

#endif
