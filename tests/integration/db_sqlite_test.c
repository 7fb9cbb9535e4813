// servers:
//
// The SQLite engine on real files: opening, transactions, others' locks, values by storage
// class, what reading may not do, stops, and the lock file.
#include "db_fixture.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db_sqlite_file.h"
#include "db_sqlite_rows.h"

/* ---- opening ---------------------------------------------------------------------------- */

static void expect_refused(const char *path, const char *says)
{
    struct db *db = NULL;
    struct error err = {0};
    char *text = NULL;
    assert_true(asprintf(&text, "sqlite:%s", path) > 0);
    assert_int_equal(fixture_try_open(&db, text, NULL, &err), -1);
    assert_null(db);
    assert_int_equal(err.code, ERROR_SQL_UNREACHABLE);
    fixture_says(&err, says);
    fixture_says(&err, path);
    free(text);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_open(void **state)
{
    (void)state;
    const char *directory = fixture_environment("REDFERRY_TEST_DIR");
    char path[256];
    char *file = fixture_sqlite_file("open");
    struct db *db = fixture_sqlite(file, NULL);
    assert_int_equal(db_dialect(db), DB_SQLITE);
    assert_int_equal(strncmp(db_server(db), "SQLite 3.", 9), 0);
    db_close(db);
    free(file);

    (void)snprintf(path, sizeof path, "%s/absent.db", directory);
    expect_refused(path, "No such file or directory");
    assert_int_equal(access(path, F_OK), -1);
    expect_refused(directory, "is a directory");
    (void)snprintf(path, sizeof path, "%s/text.db", directory);
    write_file(path, "This is a text and by no means a database, however long it may be. "
                     "It goes on for more than a hundred bytes, which is what a header has.");
    expect_refused(path, "file is not a database");
    (void)snprintf(path, sizeof path, "%s/fifo.db", directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refused(path, "is not a file");
}

/* ---- transactions and statements -------------------------------------------------------- */

static void test_transactions(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("transactions");
    struct db *db = fixture_sqlite(file, NULL);
    struct error err = {0};
    fixture_run(db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
    fixture_ok(db_begin(db, DB_WRITE, &err), &err);
    assert_int_equal(db_begin(db, DB_WRITE, &err), -1);
    fixture_ok(db_execute(db, "INSERT INTO t VALUES (1, 'x')", NULL, 0, NULL, &err), &err);
    db_rollback(db);
    db_rollback(db);
    fixture_expect(db, "SELECT count(*) FROM t", "0\n");

    fixture_ok(db_begin(db, DB_READ, &err), &err);
    assert_int_equal(db_execute(db, "INSERT INTO t VALUES (1, 'x')", NULL, 0, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_FAILED);
    fixture_says(&err, "cannot be written");
    fixture_ok(db_commit(db, &err), &err);
    fixture_run(db, "INSERT INTO t VALUES (1, 'x')");
    fixture_expect(db, "SELECT * FROM t", "1|x\n");
    assert_int_equal(db_commit(db, &err), -1);
    db_close(db);
    free(file);
}

static void test_statements(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("statements");
    struct db *db = fixture_sqlite(file, NULL);
    struct error err = {0};
    int64_t changed = -1;
    char digits[24];
    const struct value parameters[] = {
        value_integer(INT64_MIN, digits),
        value_text("it's \\ \"é\""),
        value_text(NULL),
        {.kind = VALUE_BYTES, .bytes = "\0\r\n\xff", .length = 4},
        {.kind = VALUE_BOOLEAN, .bytes = "true", .length = 4},
        {.kind = VALUE_FLOAT, .bytes = "0.1", .length = 3},
        {.kind = VALUE_TEXT, .bytes = "a\0b", .length = 3}};
    fixture_run(db, "CREATE TABLE t (a, b, c, d, e, f, g)");
    fixture_ok(db_execute(db, "INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", parameters,
                          7, &changed, &err),
               &err);
    assert_int_equal(changed, 1);
    fixture_expect(db, "SELECT a, b, c, hex(d), e, f, hex(g) FROM t",
                   "-9223372036854775808|it's \\ \"é\"|-|000D0AFF|1|0.1|610062\n");
    fixture_expect(db,
                   "SELECT typeof(a), typeof(b), typeof(c), typeof(d), typeof(e), typeof(f), "
                   "typeof(g) FROM t",
                   "integer|text|null|blob|integer|real|text\n");
    fixture_ok(db_execute(db, "CREATE TABLE u (a)", NULL, 0, &changed, &err), &err);
    assert_int_equal(changed, 0);
    fixture_ok(db_execute(db, "INSERT INTO u SELECT a FROM t UNION ALL SELECT 1", NULL, 0,
                          &changed, &err),
               &err);
    assert_int_equal(changed, 2);
    assert_int_equal(db_execute(db, "SELECT 1; DELETE FROM t", NULL, 0, NULL, &err), -1);
    fixture_says(&err, "more than one statement");
    fixture_ok(db_execute(db, "DELETE FROM u; -- done", NULL, 0, &changed, &err), &err);
    assert_int_equal(changed, 2);
    assert_int_equal(db_execute(db, "SELECT\n absent FROM t", NULL, 0, NULL, &err), -1);
    assert_string_equal(err.message, "no such column: absent (line 2, column 2)");
    db_close(db);
    free(file);
}

static void test_questions(void **state)
{
    (void)state;
    char *path = fixture_sqlite_file("questions");
    struct db *db = fixture_sqlite(path, NULL);
    fixture_check_questions(db);
    fixture_check_parameters(db);
    db_close(db);
    free(path);
}

static void test_read_only_file(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("read_only");
    struct db *db = fixture_sqlite(file, NULL);
    struct error err = {0};
    fixture_run(db, "CREATE TABLE t (a)");
    fixture_run(db, "INSERT INTO t VALUES (1)");
    db_close(db);
    assert_int_equal(chmod(file, 0444), 0);
    if (geteuid() == 0) { /* to whom no file is read-only */
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            if (setuid(65534) != 0) _exit(1);
            db = fixture_sqlite(file, NULL);
            fixture_expect(db, "SELECT a FROM t", "1\n");
            if (db_begin(db, DB_WRITE, &err) == 0) _exit(2);
            if (strstr(err.message, "read-only") == NULL) _exit(3);
            if (err.code != ERROR_OPERATOR) _exit(4);
            if (db_lock_try(db, "m", &err) != -1) _exit(5);
            if (strstr(err.message, "lock file") == NULL) _exit(6);
            if (err.code != ERROR_OPERATOR) _exit(7);
            _exit(0);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    } else {
        db = fixture_sqlite(file, NULL);
        fixture_expect(db, "SELECT a FROM t", "1\n");
        assert_int_equal(db_begin(db, DB_WRITE, &err), -1);
        fixture_says(&err, "read-only");
        assert_int_equal(err.code, ERROR_OPERATOR);
        db_close(db);
    }
    free(file);
}

/* ---- others' locks ---------------------------------------------------------------------- */

static void test_waiting_for_a_writer(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("busy");
    struct stop stop;
    struct error err = {0};
    fixture_ok(stop_init(&stop, &err), &err);
    struct db *db = fixture_sqlite(file, &stop);
    struct db *other = fixture_sqlite(file, NULL);
    fixture_ok(db_begin(other, DB_WRITE, &err), &err);

    fixture_stopping(&stop, 200);
    int64_t begun = clock_monotonic_ms();
    assert_int_equal(db_begin(db, DB_WRITE, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED + 15);
    assert_true(clock_monotonic_ms() - begun < 3000);

    /* A writer of the application, without any patience */
    sqlite3 *writer = NULL;
    assert_int_equal(sqlite3_open(file, &writer), SQLITE_OK);
    assert_int_equal(sqlite3_exec(writer, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_BUSY);
    assert_int_equal(sqlite3_close(writer), SQLITE_OK);
    db_close(other);
    db_close(db);
    stop_release(&stop);
    free(file);
}

static void test_stop_ends_a_long_query(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("long");
    struct stop stop;
    struct error err = {0};
    struct db_rows *rows = NULL;
    struct row row;
    fixture_ok(stop_init(&stop, &err), &err);
    struct db *db = fixture_sqlite(file, &stop);
    fixture_ok(db_query(db,
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                        "SELECT max(i) FROM n",
                        NULL, 0, &rows, &err),
               &err);
    fixture_stopping(&stop, 200);
    assert_int_equal(db_rows_next(rows, true, &row, &err), DB_FAILED);
    assert_int_equal(err.code, ERROR_STOPPED + 15);
    db_rows_close(rows);
    db_close(db);
    stop_release(&stop);
    free(file);
}

static void test_reading_blocks_writers(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("modes");
    struct db *db = fixture_sqlite(file, NULL);
    struct error err = {0};
    assert_int_equal(db_reading_blocks_writers(db, &err), 1);
    fixture_expect(db, "PRAGMA journal_mode = wal", "wal\n");
    assert_int_equal(db_reading_blocks_writers(db, &err), 0);
    db_close(db);
    free(file);
}

/* The ledger's writes on the connection that reads, in rollback mode. */
/* Whether this process keeps another one from writing to any byte of the file, as the other one
 * sees it: by its POSIX locks. */
static bool is_locked_for_others(const char *path)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct flock all = {.l_type = F_WRLCK};
        const int descriptor = open(path, O_RDWR);
        _exit(descriptor < 0 || fcntl(descriptor, F_GETLK, &all) != 0 ? 2
              : all.l_type != F_UNLCK                                 ? 1
                                                                      : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 1;
}

/* To look whether a file has a WAL takes no lock away from another connection of this process:
 * in WAL mode that keeps one from its first statement to its end. */
static void test_wal_is_looked_for_gently(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("gently");
    struct db *db = fixture_sqlite(file, NULL);
    struct sqlite other = {.path = file};
    assert_int_equal(sqlite3_open_v2(file, &other.connection, SQLITE_OPEN_READWRITE, NULL),
                     SQLITE_OK);
    assert_false(db_sqlite_file_has_wal(&other));
    fixture_expect(db, "PRAGMA journal_mode = wal", "wal\n");
    fixture_expect(db, "SELECT count(*) FROM sqlite_schema", "0\n");
    assert_true(is_locked_for_others(file));
    assert_true(db_sqlite_file_has_wal(&other));
    assert_true(is_locked_for_others(file));
    assert_int_equal(sqlite3_close(other.connection), SQLITE_OK);
    db_close(db);
    free(file);
}

static void test_writing_while_streaming(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("both");
    struct db *db = fixture_sqlite(file, NULL);
    struct error err = {0};
    struct arena arena = {0};
    struct columns columns;
    struct db_rows *rows = NULL;
    struct row row;
    static const char query[] = "SELECT a FROM t ORDER BY a";
    fixture_run(db, "CREATE TABLE t (a INTEGER PRIMARY KEY)");
    fixture_run(db, "INSERT INTO t VALUES (1), (2), (3)");
    fixture_ok(db_describe(db, query, &arena, &columns, &err), &err);
    fixture_ok(db_stream(db, query, NULL, 0, &columns, &rows, &err), &err);
    assert_int_equal(db_rows_next(rows, true, &row, &err), DB_ROW);
    fixture_run(db, "CREATE TABLE ledger (a)");
    fixture_run(db, "INSERT INTO ledger VALUES (1)");
    fixture_ok(db_begin(db, DB_WRITE, &err), &err);
    fixture_ok(db_execute(db, "DELETE FROM ledger", NULL, 0, NULL, &err), &err);
    db_rollback(db);
    struct buffer text = {0};
    fixture_append_rows(rows, &text);
    assert_string_equal(buffer_text(&text), "2\n3\n");
    db_rows_close(rows);
    fixture_expect(db, "SELECT a FROM ledger", "1\n");
    buffer_release(&text);
    arena_release(&arena);
    db_close(db);
    free(file);
}

/* ---- describing and values -------------------------------------------------------------- */

static void describe_fails(struct db *db, const char *query, const char *says)
{
    struct arena arena = {0};
    struct columns columns;
    struct error err = {0};
    if (db_describe(db, query, &arena, &columns, &err) != -1) fail_msg("'%s' passed", query);
    assert_int_equal(err.code, ERROR_FAILED);
    fixture_says(&err, says);
    arena_release(&arena);
}

static void test_describe(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("describe");
    struct db *db = fixture_sqlite(file, NULL);
    struct arena arena = {0};
    struct columns columns;
    struct error err = {0};
    fixture_run(db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT COLLATE NOCASE, c BOOLEAN, "
                    "d JSON, e TEXT)");
    fixture_run(db, "CREATE VIEW v AS SELECT a, b, c, d, e AS f, e || '' AS g FROM t");
    fixture_ok(db_describe(db, "SELECT *, count(*) OVER () FROM (SELECT * FROM v)", &arena,
                           &columns, &err),
               &err);
    static const struct column expected[] = {{"a", VALUE_TEXT, "INTEGER", true},
                                             {"b", VALUE_TEXT, "TEXT", false},
                                             {"c", VALUE_BOOLEAN, "BOOLEAN", true},
                                             {"d", VALUE_JSON, "JSON", true},
                                             {"f", VALUE_TEXT, "TEXT", true},
                                             {"g", VALUE_TEXT, "", false},
                                             {"count(*) OVER ()", VALUE_TEXT, "", false}};
    assert_int_equal(columns.count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < columns.count; i++) {
        assert_string_equal(columns.items[i].name, expected[i].name);
        assert_string_equal(columns.items[i].type, expected[i].type);
        assert_int_equal(columns.items[i].kind, expected[i].kind);
        assert_int_equal(columns.items[i].plain, expected[i].plain);
    }
    describe_fails(db, "DELETE FROM t", "`read` may only read");
    describe_fails(db, "SELECT 1; DELETE FROM t", "2 statements");
    describe_fails(db, "WITH x AS (SELECT 1) INSERT INTO t (a) SELECT * FROM x",
                   "`read` may only read");
    describe_fails(db, "SELECT a FROM t WHERE a = :name", ":name");
    describe_fails(db, "SELECT absent FROM t", "no such column: absent (line 1, column 8)");
    describe_fails(db, "", "empty");
    describe_fails(db, "PRAGMA user_version = 3", "`read` may only read");
    describe_fails(db, "ATTACH 'x.db' AS x", "`read` may only read");
    arena_release(&arena);
    db_close(db);
    free(file);
}

static void test_booleans(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("booleans");
    struct db *db = fixture_sqlite(file, NULL);
    fixture_run(db, "CREATE TABLE t (a BOOLEAN, b bool, c INTEGER)");
    fixture_run(db, "INSERT INTO t VALUES (1, 0, 1), ('t', 'F', 0), ('TRUE', 'false', 1), "
                    "(2, 'maybe', 2), (NULL, NULL, NULL)");
    fixture_expect_stream(
        db, "SELECT a, b, c, a + 0 FROM t",
        "true|false|1|1\ntrue|false|0|0\ntrue|false|1|0\n2|maybe|2|2\n-|-|-|-\n");
    db_close(db);
    free(file);
}

static void test_raw_values_keep_their_class(void **state)
{
    (void)state;
    static const struct value expected[] = {
        {VALUE_INTEGER, "1", 1}, {VALUE_FLOAT, "1", 1},  {VALUE_TEXT, "1", 1},
        {VALUE_BYTES, "1", 1},   {VALUE_NULL, NULL, 0},  {VALUE_FLOAT, "Infinity", 8},
        {VALUE_BYTES, "", 0},    {VALUE_INTEGER, "1", 1} /* shown as true */};
    char *file = fixture_sqlite_file("raw");
    struct db *db = fixture_sqlite(file, NULL);
    struct error err = {0};
    struct db_rows *rows = NULL;
    struct row row;
    fixture_run(db, "CREATE TABLE t (a, b, c, d, e, f, g, h BOOLEAN)");
    fixture_run(db, "INSERT INTO t VALUES (1, 1.0, '1', x'31', NULL, 9e999, x'', 1)");
    fixture_ok(db_query(db, "SELECT * FROM t", NULL, 0, &rows, &err), &err);
    assert_int_equal(db_rows_next(rows, true, &row, &err), DB_ROW);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct value raw = db_rows_raw(rows, i);
        assert_int_equal(raw.kind, expected[i].kind);
        assert_int_equal(raw.length, expected[i].length);
        if (raw.length > 0) assert_memory_equal(raw.bytes, expected[i].bytes, raw.length);
    }
    assert_int_equal(row.values[7].kind, VALUE_BOOLEAN);
    db_rows_close(rows);
    db_close(db);
    free(file);
}

static void test_stream_is_flat(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
        "SELECT i, hex(zeroblob(50)), i / 3.0 FROM n",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
        "SELECT i, hex(zeroblob(50)), i / 3.0 FROM n"};
    char *file = fixture_sqlite_file("flat");
    struct db *db = fixture_sqlite(file, NULL);
    size_t before = 0;
    for (size_t i = 0; i < 2; i++) {
        struct error err = {0};
        struct arena arena = {0};
        struct columns columns;
        struct db_rows *rows = NULL;
        struct row row;
        int64_t count = 0;
        fixture_ok(db_describe(db, queries[i], &arena, &columns, &err), &err);
        fixture_ok(db_stream(db, queries[i], NULL, 0, &columns, &rows, &err), &err);
        while (db_rows_next(rows, true, &row, &err) == DB_ROW) count++;
        db_rows_close(rows);
        arena_release(&arena);
        assert_int_equal(count, i == 0 ? 2000 : 200000);
        if (i == 0) before = mallinfo2().arena + mallinfo2().hblkhd;
    }
    assert_true(mallinfo2().arena + mallinfo2().hblkhd <= before + 512 * 1024);
    db_close(db);
    free(file);
}

/* SQLite makes the bytes of a zeroblob() only when they are asked for. */
static void test_no_memory_for_a_value(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("memory");
    struct db *db = fixture_sqlite(file, NULL);
    struct error err = {0};
    struct db_rows *rows = NULL;
    struct row row;
    fixture_run(db, "CREATE TABLE t (size)");
    fixture_run(db, "INSERT INTO t VALUES (50000000)");
    fixture_ok(db_query(db, "SELECT zeroblob(size) FROM t", NULL, 0, &rows, &err), &err);
    const sqlite3_int64 before = sqlite3_hard_heap_limit64(sqlite3_memory_used() + 1000000);
    assert_int_equal(db_rows_next(rows, true, &row, &err), DB_FAILED);
    (void)sqlite3_hard_heap_limit64(before);
    fixture_says(&err, "out of memory");
    db_rows_close(rows);
    fixture_expect(db, "SELECT length(zeroblob(size)) FROM t", "50000000\n");
    db_close(db);
    free(file);
}

/* What SQLite expects of query: "sorts" or "in order", and how many rows. */
static void expect_forecast(struct db *db, const char *query, bool sorts, int64_t rows)
{
    struct db_forecast forecast;
    struct error err = {0};
    if (db_forecast(db, query, NULL, 0, &forecast, &err) != 0)
        fail_msg("%s: %s", query, err.message);
    if (forecast.sorts != sorts || forecast.rows != rows)
        fail_msg("%s: sorts %d, %lld rows", query, forecast.sorts, (long long)forecast.rows);
}

static void test_forecast(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("forecast");
    struct db *db = fixture_sqlite(file, NULL);
    struct db_forecast forecast;
    struct error err = {0};
    fixture_run(db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c TEXT)");
    fixture_run(db, "CREATE INDEX i ON t (b)");
    expect_forecast(db, "SELECT * FROM t ORDER BY a", false, -1);
    expect_forecast(db, "SELECT * FROM t ORDER BY b", false, -1);
    expect_forecast(db, "SELECT * FROM t ORDER BY c", true, -1);
    expect_forecast(db, "SELECT * FROM t ORDER BY b, c", true, -1);
    /* What is sorted aside says nothing of the order. */
    expect_forecast(db,
                    "SELECT a, (SELECT c FROM t u WHERE u.b = t.b ORDER BY c LIMIT 1) FROM t "
                    "ORDER BY a",
                    false, -1);
    expect_forecast(
        db, "SELECT a FROM t WHERE a IN (SELECT a FROM t ORDER BY c LIMIT 5) ORDER BY c", true,
        -1);
    assert_int_equal(
        db_forecast(db, "SELECT * FROM t ORDER BY absent", NULL, 0, &forecast, &err), -1);
    fixture_says(&err, "absent");
    db_close(db);
    free(file);
}

/* Whether the rows that are sorted are the query's own making; it has to sort. */
static bool is_made(struct db *db, const char *query)
{
    struct db_forecast forecast;
    struct error err = {0};
    if (db_forecast(db, query, NULL, 0, &forecast, &err) != 0)
        fail_msg("%s: %s", query, err.message);
    if (!forecast.sorts) fail_msg("%s: does not sort", query);
    return forecast.made;
}

static void test_sorting_in_vain(void **state)
{
    static const char *const made[] = {
        "SELECT b, count(*) AS n FROM t GROUP BY b", /* with an index */
        "SELECT c, count(*) AS n FROM t GROUP BY c",
        "SELECT DISTINCT b AS n FROM t",
        "SELECT b AS n FROM t UNION SELECT c FROM t",
        "SELECT column1 AS n FROM (VALUES (2), (1))",
        "SELECT a AS n FROM t ORDER BY c LIMIT 9",
        "WITH v (n) AS MATERIALIZED (SELECT b FROM t) SELECT n FROM v",
    };
    static const char *const read[] = {
        "SELECT c AS n FROM t",
        "SELECT t.c AS n FROM t JOIN t AS u ON u.a = t.a",
        "SELECT t.c AS n FROM t JOIN (SELECT DISTINCT b FROM t) AS u ON u.b = t.b",
    };
    (void)state;
    char *file = fixture_sqlite_file("vain");
    struct db *db = fixture_sqlite(file, NULL);
    char query[512];
    fixture_run(db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c TEXT)");
    fixture_run(db, "CREATE INDEX i ON t (b)");
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        snprintf(query, sizeof query, "SELECT * FROM (%s) AS s ORDER BY n", made[i]);
        if (!is_made(db, query)) fail_msg("an index could help: %s", query);
    }
    for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
        snprintf(query, sizeof query, "SELECT * FROM (%s) AS s ORDER BY n", read[i]);
        if (is_made(db, query)) fail_msg("no index could help: %s", query);
    }
    db_close(db);
    free(file);
}

/* Only of a whole table that was counted: every other number would be a guess. */
static void test_forecast_of_rows(void **state)
{
    (void)state;
    static const char *const whole[] = {
        "SELECT * FROM t",
        "SELECT b, upper(c) AS c FROM t",
        "SELECT b FROM T ORDER BY c",
        "SELECT b FROM \"t\" AS u -- LIMIT 3",
        "SELECT x.b, (SELECT c FROM t WHERE a = 1) FROM t x ORDER BY (SELECT 1 LIMIT 1)",
    };
    static const char *const others[] = {
        "SELECT * FROM t WHERE a < 10",
        "SELECT * FROM t LIMIT 10",
        "SELECT DISTINCT b FROM t",
        "SELECT count(*) FROM t",
        "SELECT max(b) FROM t",
        "SELECT b FROM t GROUP BY b",
        "SELECT * FROM t, t u",
        "SELECT * FROM t JOIN t u USING (a)",
        "SELECT a FROM t UNION SELECT 1",
        "WITH u AS (SELECT 1 AS a) SELECT a FROM u",
        "SELECT * FROM v",
        "SELECT * FROM json_each('[1,2]')",
        "SELECT * FROM (SELECT a FROM t)",
        "VALUES (1), (2)",
        "SELECT group_concat(b) FROM t",
        "SELECT * FROM t ORDER BY a LIMIT 1",
        "SELECT a IS DISTINCT FROM 1 FROM t",
        "SELECT * FROM never_analysed",
        "SELECT 1",
    };
    char *file = fixture_sqlite_file("counts");
    struct db *db = fixture_sqlite(file, NULL);
    fixture_run(db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c TEXT)");
    fixture_run(db, "CREATE INDEX part ON t (c) WHERE a < 10");
    fixture_run(db, "CREATE VIEW v AS SELECT * FROM t WHERE a < 10");
    fixture_run(db, "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n "
                    "WHERE x < 200) INSERT INTO t SELECT x, x, x FROM n");
    fixture_run(db, "ANALYZE");
    fixture_run(db, "CREATE TABLE never_analysed (a)");
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        struct db_forecast forecast;
        struct error err = {0};
        fixture_ok(db_forecast(db, whole[i], NULL, 0, &forecast, &err), &err);
        if (forecast.rows != 200) fail_msg("%s: %lld", whole[i], (long long)forecast.rows);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct db_forecast forecast;
        struct error err = {0};
        if (db_forecast(db, others[i], NULL, 0, &forecast, &err) != 0)
            fail_msg("%s: %s", others[i], err.message);
        if (forecast.rows != -1) fail_msg("%s: %lld", others[i], (long long)forecast.rows);
    }
    db_close(db);
    free(file);
}

/* ---- the lock --------------------------------------------------------------------------- */

static void test_lock(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("lock");
    char *link = NULL, *lock = NULL;
    struct error err = {0};
    assert_true(asprintf(&link, "%s-link.db", file) > 0);
    assert_true(asprintf(&lock, "%s-redferry.lock", file) > 0);
    (void)remove(link);
    assert_int_equal(symlink(file, link), 0);

    struct db *one = fixture_sqlite(file, NULL);
    struct db *two = fixture_sqlite(link, NULL);
    assert_int_equal(db_lock_held(two, "m", &err), 0);
    assert_int_equal(access(lock, F_OK), -1);
    assert_int_equal(db_lock_try(one, "m", &err), 1);
    assert_int_equal(db_lock_held(two, "one's", &err), 0);
    fixture_ok(db_lock_sign(one, "one's", &err), &err);
    assert_int_equal(db_lock_held(two, "one's", &err), 1);
    assert_int_equal(access(lock, F_OK), 0);
    fixture_ok(db_lock_check(one, &err), &err);
    fixture_ok(db_lock_glance(one, &err), &err);
    assert_int_equal(db_lock_try(two, "m", &err), 0);
    assert_int_equal(db_lock_held(two, "m", &err), 1);
    assert_int_equal(db_lock_held(one, "m", &err), 1);
    assert_int_equal(db_lock_held(two, "other", &err), 0);
    assert_int_equal(db_lock_try(two, "other", &err), 1);
    db_lock_release(two);
    /* It is no lock on the database itself. */
    fixture_run(two, "CREATE TABLE t (a)");

    db_lock_release(one);
    assert_int_equal(db_lock_held(two, "one's", &err), 0);
    db_lock_release(one);
    assert_int_equal(db_lock_check(one, &err), -1);
    assert_int_equal(err.code, ERROR_OPERATOR);
    assert_int_equal(db_lock_held(one, "m", &err), 0);

    assert_int_equal(db_lock_try(two, "m", &err), 1);
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(db_lock_glance(two, &err), -1);
    assert_int_equal(db_lock_check(two, &err), -1);
    assert_int_equal(err.code, ERROR_OPERATOR);
    assert_int_equal(db_lock_try(one, "m", &err), 1);
    fixture_ok(db_lock_check(one, &err), &err);
    assert_int_equal(db_lock_check(two, &err), -1);
    db_close(one);
    db_close(two);
    free(link);
    free(lock);
    free(file);
}

static void test_lock_dies_with_its_process(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("dies");
    struct db *db = fixture_sqlite(file, NULL);
    struct error err = {0};
    int ready[2], status;
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct db *own = fixture_sqlite(file, NULL);
        byte = db_lock_try(own, "m", &err) == 1 ? '1' : '0';
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, '1');
    assert_int_equal(db_lock_held(db, "m", &err), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(db_lock_held(db, "m", &err), 0);
    assert_int_equal(db_lock_try(db, "m", &err), 1);
    close(ready[0]);
    close(ready[1]);
    db_close(db);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_read_only_file),
        cmocka_unit_test(test_waiting_for_a_writer),
        cmocka_unit_test(test_stop_ends_a_long_query),
        cmocka_unit_test(test_reading_blocks_writers),
        cmocka_unit_test(test_wal_is_looked_for_gently),
        cmocka_unit_test(test_writing_while_streaming),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_booleans),
        cmocka_unit_test(test_raw_values_keep_their_class),
        cmocka_unit_test(test_stream_is_flat),
        cmocka_unit_test(test_no_memory_for_a_value),
        cmocka_unit_test(test_forecast),
        cmocka_unit_test(test_sorting_in_vain),
        cmocka_unit_test(test_forecast_of_rows),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_lock_dies_with_its_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
