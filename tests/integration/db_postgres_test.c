// servers: postgres
//
// The PostgreSQL engine against a real server: transactions, statements, streams, errors,
// stops, the lock, and what a server may be set to that must not matter.
#include "db_fixture.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct db *open_again(void)
{
    return fixture_postgres(NULL);
}

/* A URL with further parameters. */
static char *with_parameters(const char *parameters)
{
    char *text = NULL;
    assert_true(asprintf(&text, "%s&%s", fixture_environment("REDFERRY_TEST_POSTGRES"),
                         parameters) > 0);
    return text;
}

/* ---- connecting ------------------------------------------------------------------------- */

static void expect_refused(const char *url, int code, const char *says)
{
    struct db *db = NULL;
    struct error err = {0};
    assert_int_equal(fixture_try_open(&db, url, NULL, &err), -1);
    assert_null(db);
    assert_int_equal(err.code, code);
    fixture_says(&err, says);
    assert_null(strstr(err.message, "s3cret"));
    assert_null(strstr(err.message, "LOCATION"));
}

static void test_open(void **state)
{
    (void)state;
    struct db *db = open_again();
    assert_int_equal(db_dialect(db), DB_POSTGRESQL);
    assert_int_equal(strncmp(db_server(db), "PostgreSQL 1", 12), 0);
    db_close(db);
    db_close(NULL);
}

static void test_refused_connections(void **state)
{
    (void)state;
    const char *directory = fixture_environment("REDFERRY_TEST_DIR");
    char url[512];
    (void)snprintf(url, sizeof url, "postgres://u:s3cret@/d?host=%s", directory);
    expect_refused(url, ERROR_SQL_UNREACHABLE, "No such file or directory");
    expect_refused("postgres://u:s3cret@127.0.0.1:1/d", ERROR_SQL_UNREACHABLE,
                   "Connection refused");
    expect_refused("postgres://u:s3cret@h/d?pool=5", ERROR_INVALID,
                   "--database: unknown parameter 'pool'; give redferry a URL of its own with "
                   "--database or REDFERRY_DATABASE");

    char *absent = with_parameters("dbname=absent");
    expect_refused(absent, ERROR_SQL_UNREACHABLE, "FATAL: database \"absent\" does not exist");
    free(absent);
}

static void test_too_many_connections_pass(void **state)
{
    (void)state;
    struct db *db = open_again();
    struct db *other = NULL;
    struct error err = {0};
    fixture_run(db, "CREATE ROLE few LOGIN CONNECTION LIMIT 0");
    char *url = with_parameters("user=few");
    assert_int_equal(fixture_try_open(&other, url, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_SQL_UNREACHABLE);
    assert_true(err.passing);
    fixture_says(&err, "FATAL: too many connections for role \"few\"");
    fixture_run(db, "DROP ROLE few");
    db_close(db);
    free(url);
}

/* A socket whose backlog takes a connection, and nobody accepts it. */
static int listen_only(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    return listener;
}

static void *request_soon(void *stop)
{
    (void)usleep(100000);
    stop_request(stop, 15);
    return NULL;
}

static void test_connecting_ends_in_time(void **state)
{
    (void)state;
    const char *directory = fixture_environment("REDFERRY_TEST_DIR");
    char url[256], path[256];
    struct db *db = NULL;
    struct stop stop;
    struct error err = {0};
    fixture_ok(stop_init(&stop, &err), &err);
    (void)snprintf(url, sizeof url, "postgres://u@/d?host=%s&port=6000&connect_timeout=1",
                   directory);
    (void)snprintf(path, sizeof path, "%s/.s.PGSQL.6000", directory);
    int listener = listen_only(path);

    int64_t begun = clock_monotonic_ms();
    assert_int_equal(fixture_try_open(&db, url, &stop, &err), -1);
    assert_int_equal(err.code, ERROR_SQL_UNREACHABLE);
    fixture_says(&err, "no answer within 1 s");
    assert_true(clock_monotonic_ms() - begun >= 900);

    /* A stop ends it at once, without any grace: nothing is in flight. */
    pthread_t thread;
    (void)snprintf(url, sizeof url, "postgres://u@/d?host=%s&port=6000", directory);
    assert_int_equal(pthread_create(&thread, NULL, request_soon, &stop), 0);
    begun = clock_monotonic_ms();
    assert_int_equal(fixture_try_open(&db, url, &stop, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED + 15);
    assert_in_range(clock_monotonic_ms() - begun, 50, STOP_GRACE_MS - 500);
    assert_int_equal(pthread_join(thread, NULL), 0);

    assert_int_equal(fixture_try_open(&db, url, &stop, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED + 15);
    stop_release(&stop);
    close(listener);
    (void)unlink(path);
}

static void terminate_others(struct db *db)
{
    fixture_expect(db,
                   "SELECT bool_and(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
                   "WHERE application_name = 'redferry' AND pid <> pg_backend_pid()",
                   "true\n");
}

/* What is opened ahead needs no waiting, and what goes wrong is told when it is waited for. */
static void test_open_ahead(void **state)
{
    (void)state;
    const char *directory = fixture_environment("REDFERRY_TEST_DIR");
    char text[256], path[256];
    struct db *db = NULL;
    struct url url = {0};
    struct arena arena = {0};
    struct error err = {0};
    const char *good = fixture_environment("REDFERRY_TEST_POSTGRES");
    fixture_ok(url_parse_database(&url, good, "a test", &arena, &err), &err);
    fixture_ok(db_open_ahead(&db, &url, NULL, &err), &err);
    fixture_ok(db_connect(db, &err), &err);
    fixture_ok(db_connect(db, &err), &err);
    fixture_expect(db, "SELECT 1", "1\n");
    struct db *killer = open_again();
    terminate_others(killer);
    db_close(killer);
    fixture_ok(db_connect(db, &err), &err);
    fixture_expect(db, "SELECT 2", "2\n");
    db_close(db);

    (void)snprintf(text, sizeof text, "postgres://u@/d?host=%s&port=6001", directory);
    fixture_ok(url_parse_database(&url, text, "a test", &arena, &err), &err);
    fixture_ok(db_open_ahead(&db, &url, NULL, &err), &err);
    assert_int_equal(db_connect(db, &err), -1);
    assert_int_equal(err.code, ERROR_SQL_UNREACHABLE);
    fixture_says(&err, "cannot connect to PostgreSQL");
    db_close(db);

    /* A server that never answers keeps nobody who does not wait for it. */
    (void)snprintf(path, sizeof path, "%s/.s.PGSQL.6001", directory);
    int listener = listen_only(path);
    const int64_t begun = clock_monotonic_ms();
    fixture_ok(db_open_ahead(&db, &url, NULL, &err), &err);
    db_close(db);
    assert_true(clock_monotonic_ms() - begun < 2000);
    close(listener);
    (void)unlink(path);
    arena_release(&arena);
}

/* ---- transactions and statements -------------------------------------------------------- */

static void test_transactions(void **state)
{
    (void)state;
    struct db *db = open_again();
    struct error err = {0};
    fixture_run(db, "CREATE TABLE t (a integer PRIMARY KEY, b text)");
    fixture_ok(db_begin(db, DB_WRITE, &err), &err);
    assert_int_equal(db_begin(db, DB_WRITE, &err), -1);
    fixture_ok(db_execute(db, "INSERT INTO t VALUES (1, 'x')", NULL, 0, NULL, &err), &err);
    db_rollback(db);
    db_rollback(db);
    fixture_expect(db, "SELECT count(*) FROM t", "0\n");

    fixture_ok(db_begin(db, DB_READ, &err), &err);
    assert_int_equal(db_execute(db, "INSERT INTO t VALUES (1, 'x')", NULL, 0, NULL, &err), -1);
    fixture_says(&err, "cannot execute INSERT in a read-only transaction");
    /* What has failed cannot be committed. */
    assert_int_equal(db_commit(db, &err), -1);
    assert_int_equal(err.code, ERROR_FAILED);
    fixture_expect(db, "SELECT count(*) FROM t", "0\n");
    fixture_run(db, "DROP TABLE t");
    db_close(db);
}

/* Who made a database read-only meant us as well. */
static void test_read_only_database(void **state)
{
    (void)state;
    struct db *db = open_again();
    struct error err = {0};
    fixture_run(db, "ALTER DATABASE test SET default_transaction_read_only = on");
    db_close(db);
    db = open_again();
    fixture_ok(db_begin(db, DB_WRITE, &err), &err);
    assert_int_equal(db_execute(db, "CREATE TABLE t (a integer)", NULL, 0, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_OPERATOR);
    assert_string_equal(err.message,
                        "the database is read-only now: cannot execute CREATE TABLE "
                        "in a read-only transaction; `redferry doctor` says why it is, and "
                        "what lets it be written");
    db_rollback(db);
    fixture_run(db, "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE");
    fixture_run(db, "ALTER DATABASE test RESET default_transaction_read_only");
    db_close(db);
}

static void test_statements(void **state)
{
    (void)state;
    struct db *db = open_again();
    struct error err = {0};
    int64_t changed = -1;
    char digits[24];
    const struct value parameters[] = {
        value_integer(INT64_MIN, digits),
        value_text("it's \\ \"é\""),
        value_text(NULL),
        {.kind = VALUE_BYTES, .bytes = "\0\r\n\xff", .length = 4},
        {.kind = VALUE_BOOLEAN, .bytes = "true", .length = 4}};

    fixture_run(db, "CREATE TABLE t (a bigint, b text, c text, d bytea, e boolean)");
    fixture_ok(db_execute(db, "INSERT INTO t VALUES ($1, $2, $3, $4, $5)", parameters, 5,
                          &changed, &err),
               &err);
    assert_int_equal(changed, 1);
    fixture_expect(db, "SELECT a, b, c, encode(d, 'hex'), e, d = '\\x000d0aff' FROM t",
                   "-9223372036854775808|it's \\ \"é\"|-|000d0aff|true|true\n");
    fixture_ok(db_execute(db, "UPDATE t SET a = 1", NULL, 0, &changed, &err), &err);
    assert_int_equal(changed, 1);
    fixture_ok(db_execute(db, "SELECT 1", NULL, 0, &changed, &err), &err);
    assert_int_equal(changed, 0);

    const struct value nul = {.kind = VALUE_TEXT, .bytes = "a\0b", .length = 3};
    assert_int_equal(db_execute(db, "SELECT $1::text", &nul, 1, NULL, &err), -1);
    fixture_says(&err, "NUL");
    assert_int_equal(db_execute(db, "SELECT 1; SELECT 2", NULL, 0, NULL, &err), -1);
    fixture_says(&err, "multiple commands");
    fixture_run(db, "DROP TABLE t");
    db_close(db);
}

/* Nothing depends on what the session is set to, and nothing of it is changed. */
static void test_questions(void **state)
{
    (void)state;
    struct db *db = open_again();
    fixture_check_questions(db);
    fixture_check_parameters(db);
    db_close(db);

    static const char *const queries[] = {"SELECT chr(233)", "SELECT 1 IS NULL", "SELECT 1"};
    struct error err = {0};
    struct buffer text = {0};
    char *url = with_parameters("options=-c%20client_encoding%3DLATIN1");
    db = fixture_open(url, NULL);
    fixture_ok(fixture_ask(db, queries, &text, &err), &err);
    assert_string_equal(buffer_text(&text), "0:é\n1:false\n2:1\n");
    buffer_release(&text);
    db_close(db);
    free(url);
}

/* The server ends the connection in the middle: the next transaction makes a new one. */
static void test_questions_are_cut_off(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "SELECT 1", "SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 2"};
    struct error err = {0};
    struct buffer text = {0};
    struct db *db = open_again();
    assert_int_equal(fixture_ask(db, queries, &text, &err), -1);
    assert_int_equal(err.code, ERROR_SQL_UNREACHABLE);
    assert_int_equal(text.length, 0);
    fixture_expect(db, "SELECT 1", "1\n");
    buffer_release(&text);
    db_close(db);
}

static void expect_failure(struct db *db, const char *sql, const char *message)
{
    struct error err = {0};
    assert_int_equal(db_execute(db, sql, NULL, 0, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_FAILED);
    assert_string_equal(err.message, message);
}

static void test_messages(void **state)
{
    (void)state;
    struct db *db = open_again();
    expect_failure(db, "SELEC 1", "syntax error at or near \"SELEC\" (line 1, column 1)");
    expect_failure(db, "SELECT 'é',\n 'é', absent",
                   "column \"absent\" does not exist (line 2, column 7)");
    expect_failure(
        db, "SELECT lower(1)",
        "function lower(integer) does not exist (line 1, column 8); hint: No function "
        "matches the given name and argument types. You might need to add explicit "
        "type casts.");
    fixture_run(db, "CREATE TABLE t (a integer PRIMARY KEY, secret text NOT NULL)");
    expect_failure(db, "INSERT INTO t VALUES (1, NULL)",
                   "null value in column \"secret\" of relation \"t\" violates not-null "
                   "constraint");
    expect_failure(db, "COPY t FROM STDIN", "COPY from or to the client is not possible here");
    fixture_expect(db, "SELECT count(*) FROM t", "0\n");
    expect_failure(db, "COPY t TO STDOUT", "COPY from or to the client is not possible here");
    fixture_expect(db, "SELECT count(*) FROM t", "0\n");
    fixture_run(db, "DROP TABLE t");
    db_close(db);
}

static void test_passing_errors(void **state)
{
    (void)state;
    struct db *db = open_again();
    struct db *other = open_again();
    struct error err = {0};
    fixture_run(db, "CREATE TABLE t (a integer)");
    fixture_ok(db_begin(db, DB_WRITE, &err), &err);
    fixture_ok(db_execute(db, "LOCK TABLE t", NULL, 0, NULL, &err), &err);
    assert_int_equal(db_execute(other, "LOCK TABLE t NOWAIT", NULL, 0, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_FAILED);
    assert_true(err.passing);
    db_rollback(db);
    fixture_run(db, "DROP TABLE t");
    db_close(other);
    db_close(db);
}

static void test_lost_connections(void **state)
{
    (void)state;
    struct db *db = open_again();
    struct db *killer = open_again();
    struct error err = {0};

    /* Between transactions nothing is lost. */
    terminate_others(killer);
    fixture_expect(db, "SELECT 1", "1\n");

    fixture_ok(db_begin(db, DB_WRITE, &err), &err);
    terminate_others(killer);
    assert_int_equal(db_execute(db, "SELECT 1", NULL, 0, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_SQL_UNREACHABLE);
    assert_int_equal(db_commit(db, &err), -1);
    assert_int_equal(err.code, ERROR_SQL_UNREACHABLE);
    db_rollback(db);
    fixture_expect(db, "SELECT 2", "2\n");
    db_close(killer);
    db_close(db);
}

/* What the database, the role or the pooler's session before has set does not show. */
static void test_settings_of_others(void **state)
{
    (void)state;
    struct db *db = open_again();
    fixture_run(db, "ALTER ROLE postgres SET DateStyle = 'German'");
    fixture_run(db, "ALTER ROLE postgres SET IntervalStyle = 'iso_8601'");
    fixture_run(db, "ALTER ROLE postgres SET TimeZone = 'Asia/Tokyo'");
    fixture_run(db, "ALTER ROLE postgres SET bytea_output = 'escape'");
    fixture_run(db, "ALTER ROLE postgres SET extra_float_digits = 0");
    fixture_run(db, "ALTER ROLE postgres SET standard_conforming_strings = off");
    fixture_run(db, "ALTER ROLE postgres SET client_encoding = 'LATIN1'");
    fixture_run(db, "ALTER ROLE postgres SET statement_timeout = '1min'");
    fixture_run(db, "ALTER ROLE postgres SET lock_timeout = '1min'");
    fixture_run(db, "ALTER ROLE postgres SET synchronous_commit = off");
    db_close(db);

    static const char values[] =
        "SELECT true, '\\x5cff'::bytea, timestamptz '2025-03-01 10:00:00.5+01', timestamp "
        "'2025-03-01 09:00:00', interval '1 day 2 hours', 0.1::float8 + 0.2, chr(233) || "
        "chr(8364), 'back\\slash'";
    static const char expected[] =
        "true|\\\xff|2025-03-01T09:00:00.5Z|2025-03-01T09:00:00|1 day "
        "02:00:00|0.30000000000000004|é€|back\\slash\n";
    struct error err = {0};
    db = open_again();
    fixture_expect(db, values, expected);
    fixture_expect_stream(db, values, expected);
    /* In one message with its settings. */
    fixture_expect_stream(db,
                          "SELECT timestamptz '2025-03-01 10:00:00.5+01', interval '1 day', "
                          "0.1::float8 + 0.2, chr(233), decode('5cff', 'hex')",
                          "2025-03-01T09:00:00.5Z|1 day|0.30000000000000004|é|\\\xff\n");
    fixture_check_parameters(db);
    fixture_ok(db_begin(db, DB_WRITE, &err), &err);
    fixture_expect(
        db,
        "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), "
        "current_setting('idle_in_transaction_session_timeout'), "
        "current_setting('synchronous_commit'), "
        "current_setting('transaction_isolation')",
        "0|0|0|on|read committed\n");
    db_rollback(db);
    fixture_run(db, "ALTER ROLE postgres RESET ALL");
    db_close(db);
}

/* ---- describing ------------------------------------------------------------------------- */

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
    struct db *db = open_again();
    struct arena arena = {0};
    struct columns columns;
    struct error err = {0};
    fixture_run(db, "CREATE TYPE mood AS ENUM ('sad', 'glad')");
    fixture_run(db, "CREATE DOMAIN flag AS boolean");
    fixture_ok(
        db_describe(db,
                    "SELECT 1 AS a, 'x' AS b, NULL::numeric(10, 2) AS c, NULL::flag AS d, "
                    "'sad'::mood AS e, '{}'::int[] AS f, ''::char(3) AS g -- end",
                    &arena, &columns, &err),
        &err);
    static const struct column expected[] = {
        {"a", VALUE_INTEGER, "integer", true},  {"b", VALUE_TEXT, "text", true},
        {"c", VALUE_NUMERIC, "numeric", false}, {"d", VALUE_BOOLEAN, "boolean", true},
        {"e", VALUE_TEXT, "mood", true},        {"f", VALUE_TEXT, "integer[]", false},
        {"g", VALUE_TEXT, "bpchar", false}};
    assert_int_equal(columns.count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < columns.count; i++) {
        assert_string_equal(columns.items[i].name, expected[i].name);
        assert_string_equal(columns.items[i].type, expected[i].type);
        assert_int_equal(columns.items[i].kind, expected[i].kind);
        assert_int_equal(columns.items[i].plain, expected[i].plain);
    }
    fixture_run(db, "DROP DOMAIN flag");
    fixture_run(db, "DROP TYPE mood");
    arena_release(&arena);
    db_close(db);
}

static void test_odd_collations_make_no_text_plain(void **state)
{
    (void)state;
    struct db *db = open_again();
    struct arena arena = {0};
    struct columns columns;
    struct error err = {0};
    fixture_run(db, "CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', "
                    "deterministic = false)");
    fixture_ok(db_describe(db, "SELECT 'x' AS a, 1 AS b", &arena, &columns, &err), &err);
    assert_false(columns.items[0].plain);
    assert_true(columns.items[1].plain);
    fixture_run(db, "DROP COLLATION folded");
    arena_release(&arena);
    db_close(db);
}

static void test_what_is_no_query(void **state)
{
    (void)state;
    struct db *db = open_again();
    fixture_run(db, "CREATE TABLE t (a integer)");
    describe_fails(db, "DELETE FROM t", "`read` may only read");
    describe_fails(db, "SELECT 1; DELETE FROM t", "2 statements");
    describe_fails(db, "WITH gone AS (DELETE FROM t RETURNING a) SELECT a FROM gone",
                   "`read` may only read");
    describe_fails(db, "SELECT a INTO u FROM t", "no columns");
    describe_fails(db, "SELECT a FROM t WHERE a = $1", "$1");
    describe_fails(db, "SELECT FROM t", "no columns");
    describe_fails(db, "SELECT absent FROM t",
                   "column \"absent\" does not exist (line 1, column 8)");
    describe_fails(db, "  -- nothing\n", "empty");
    describe_fails(db, "SELECT 'x", "unclosed");
    /* and nothing of it is left behind */
    fixture_expect(db, "SELECT count(*) FROM t", "0\n");
    fixture_run(db, "DROP TABLE t");
    db_close(db);
}

/* ---- streaming -------------------------------------------------------------------------- */

static void test_stream(void **state)
{
    (void)state;
    struct db *db = open_again();
    fixture_expect_stream(db, "SELECT 1 AS a WHERE false", "");
    fixture_expect_stream(db,
                          "SELECT E'tab\\there', E'a\\\\b\\n\\r\\b\\f\\x0b', '\\N', '', NULL, "
                          "'\\x000a09ff5c'::bytea = '\\x000a09ff5c', true, false",
                          "tab\there|a\\b\n\r\b\f\v|\\N||-|true|true|false\n");
    fixture_expect_stream(db, "VALUES (1, 'a'), (2, 'b') -- comment", "1|a\n2|b\n");
    fixture_expect_stream(db, "(SELECT 1)", "1\n");
    db_close(db);
}

static enum db_next stream_all(struct db *db, const char *query, int64_t *count,
                               struct error *err)
{
    struct arena arena = {0};
    struct columns columns;
    struct db_rows *rows = NULL;
    struct row row;
    enum db_next next = DB_FAILED;
    *count = 0;
    if (db_describe(db, query, &arena, &columns, err) == 0 &&
        db_stream(db, query, NULL, 0, &columns, &rows, err) == 0) {
        while ((next = db_rows_next(rows, true, &row, err)) == DB_ROW) ++*count;
    }
    db_rows_close(rows);
    arena_release(&arena);
    return next;
}

static void test_stream_fails(void **state)
{
    (void)state;
    struct db *db = open_again();
    struct error err = {0};
    int64_t count;
    fixture_run(db, "CREATE SEQUENCE s");
    fixture_run(db, "CREATE TABLE t (a integer)");
    fixture_run(db, "INSERT INTO t VALUES (1)");
    assert_int_equal(stream_all(db, "SELECT nextval('s')", &count, &err), DB_FAILED);
    fixture_says(&err,
                 "`read` may only read: cannot execute nextval() in a read-only transaction");
    assert_int_equal(stream_all(db, "SELECT a FROM t FOR UPDATE", &count, &err), DB_FAILED);
    fixture_says(&err, "`read` may only read: ");
    assert_int_equal(
        stream_all(db, "SELECT 1 / (2000 - i) FROM generate_series(1, 3000) i", &count, &err),
        DB_FAILED);
    assert_string_equal(err.message, "division by zero");
    fixture_run(db, "DROP TABLE t");
    fixture_run(db, "DROP SEQUENCE s");
    db_close(db);
}

static void test_stream_is_flat(void **state)
{
    (void)state;
    struct db *db = open_again();
    struct error err = {0};
    int64_t count;
    static const char few[] = "SELECT i, repeat('x', 100) FROM generate_series(1, 2000) i";
    static const char many[] = "SELECT i, repeat('x', 100) FROM generate_series(1, 200000) i";
    assert_int_equal(stream_all(db, few, &count, &err), DB_END);
    size_t before = mallinfo2().arena + mallinfo2().hblkhd;
    assert_int_equal(stream_all(db, many, &count, &err), DB_END);
    assert_int_equal(count, 200000);
    assert_true(mallinfo2().arena + mallinfo2().hblkhd <= before + 512 * 1024);
    db_close(db);
}

static void test_stream_without_waiting(void **state)
{
    (void)state;
    struct db *db = open_again();
    struct error err = {0};
    struct arena arena = {0};
    struct columns columns;
    struct db_rows *rows = NULL;
    struct row row;
    enum db_next next;
    int count = 0, again = 0;
    static const char query[] = "SELECT i, pg_sleep(0.1)::text, repeat('x', 20000) FROM "
                                "generate_series(1, 2) i";
    fixture_ok(db_describe(db, query, &arena, &columns, &err), &err);
    fixture_ok(db_stream(db, query, NULL, 0, &columns, &rows, &err), &err);
    while ((next = db_rows_next(rows, false, &row, &err)) != DB_END) {
        assert_int_not_equal(next, DB_FAILED);
        if (next == DB_ROW) {
            count++;
            continue;
        }
        again++;
        struct pollfd poll_on = {.fd = db_rows_descriptor(rows), .events = POLLIN};
        assert_int_equal(poll(&poll_on, 1, 10000), 1);
    }
    assert_int_equal(count, 2);
    assert_in_range(again, 1, 100);
    db_rows_close(rows);
    arena_release(&arena);
    db_close(db);
}

/* Wait until the server runs no such statement any more. */
static void expect_gone(struct db *db, const char *pattern)
{
    char query[256];
    char count = '?';
    (void)snprintf(query, sizeof query,
                   "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%s' AND state = "
                   "'active' AND pid <> pg_backend_pid()",
                   pattern);
    for (int tries = 0; tries < 500 && count != '0'; tries++) {
        struct error err = {0};
        struct db_rows *rows = NULL;
        struct row row;
        fixture_ok(db_query(db, query, NULL, 0, &rows, &err), &err);
        assert_int_equal(db_rows_next(rows, true, &row, &err), DB_ROW);
        count = row.values[0].bytes[0];
        db_rows_close(rows);
        if (count != '0') (void)usleep(10000);
    }
    assert_int_equal(count, '0');
}

static void test_unfinished_stream(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "SELECT generate_series(1, 100000000)", /* rows flow */
        "SELECT i::text || pg_sleep(600) FROM generate_series(1, 2) i" /* none comes */};
    struct db *db = open_again();
    struct error err = {0};
    for (size_t i = 0; i < 2; i++) {
        struct arena arena = {0};
        struct columns columns;
        struct db_rows *rows = NULL;
        struct row row;
        fixture_ok(db_describe(db, queries[i], &arena, &columns, &err), &err);
        fixture_ok(db_stream(db, queries[i], NULL, 0, &columns, &rows, &err), &err);
        if (i == 0) assert_int_equal(db_rows_next(rows, true, &row, &err), DB_ROW);
        db_rows_close(rows);
        arena_release(&arena);
        expect_gone(db, "BEGIN%COPY (%");
    }
    db_close(db);
}

/* ---- stopping --------------------------------------------------------------------------- */

static void test_stop_ends_a_hanging_statement(void **state)
{
    (void)state;
    struct stop stop;
    struct error err = {0};
    struct db_rows *rows = NULL;
    fixture_ok(stop_init(&stop, &err), &err);
    struct db *db = fixture_postgres(&stop);
    struct db *other = open_again();
    fixture_stopping(&stop, 300);
    int64_t begun = clock_monotonic_ms();
    assert_int_equal(db_query(db, "SELECT pg_sleep(600)", NULL, 0, &rows, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED + 15);
    assert_true(clock_monotonic_ms() - begun < 3000);
    db_close(db);
    expect_gone(other, "SELECT pg_sleep%"); /* nor does the server go on with it */
    db_close(other);
    stop_release(&stop);
}

/* A remark of the server is not printed. */
static void test_notices_are_silent(void **state)
{
    (void)state;
    char path[256];
    struct stat facts;
    struct db *db = open_again();
    (void)snprintf(path, sizeof path, "%s/stderr", fixture_environment("REDFERRY_TEST_DIR"));
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int saved = dup(STDERR_FILENO);
    assert_true(file >= 0 && saved >= 0 && dup2(file, STDERR_FILENO) >= 0);
    fixture_run(db, "DO $$ BEGIN RAISE NOTICE 'a remark'; END $$");
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    assert_int_equal(fstat(file, &facts), 0);
    assert_int_equal(facts.st_size, 0);
    close(file);
    close(saved);
    db_close(db);
}

/* ---- the lock --------------------------------------------------------------------------- */

static void test_lock(void **state)
{
    (void)state;
    struct db *one = open_again();
    struct db *two = open_again();
    struct error err = {0};
    assert_int_equal(db_lock_held(two, "test.public.m", &err), 0);
    assert_int_equal(db_lock_try(one, "test.public.m", &err), 1);
    assert_int_equal(db_lock_held(two, "one's", &err), 0);
    fixture_ok(db_lock_sign(one, "one's", &err), &err);
    assert_int_equal(db_lock_held(two, "one's", &err), 1);
    fixture_ok(db_lock_check(one, &err), &err);
    assert_int_equal(db_lock_try(two, "test.public.m", &err), 0);
    assert_int_equal(db_lock_held(two, "test.public.m", &err), 1);
    assert_int_equal(db_lock_held(one, "test.public.m", &err), 1);
    assert_int_equal(db_lock_held(two, "test.public.other", &err), 0);
    assert_int_equal(db_lock_try(two, "test.public.other", &err), 1);
    db_lock_release(two);
    assert_int_equal(db_lock_held(one, "test.public.other", &err), 0);

    db_lock_release(one);
    assert_int_equal(db_lock_held(two, "one's", &err), 0);
    db_lock_release(one);
    assert_int_equal(db_lock_check(one, &err), -1);
    assert_int_equal(err.code, ERROR_OPERATOR);
    assert_int_equal(db_lock_try(two, "test.public.m", &err), 1);
    terminate_others(one);
    assert_int_equal(db_lock_check(two, &err), -1);
    assert_int_equal(err.code, ERROR_OPERATOR);
    assert_int_equal(db_lock_try(one, "test.public.m", &err), 1);
    db_close(one);
    assert_int_equal(db_lock_held(two, "test.public.m", &err), 0);
    db_close(two);
}

/* The end of the lock's connection is seen without a question, as soon as it has arrived. */
static void test_lock_glance(void **state)
{
    (void)state;
    struct db *db = open_again();
    struct db *other = open_again();
    struct error err = {0};
    assert_int_equal(db_lock_glance(db, &err), -1);
    assert_int_equal(db_lock_try(db, "m", &err), 1);
    fixture_ok(db_lock_check(db, &err), &err);
    fixture_ok(db_lock_glance(db, &err), &err);
    terminate_others(other);
    error_clear(&err);
    for (int tries = 0; tries < 1000 && db_lock_glance(db, &err) == 0; tries++)
        (void)usleep(10000);
    assert_int_equal(err.code, ERROR_OPERATOR);
    assert_non_null(strstr(err.message, "terminating connection"));
    db_close(other);
    db_close(db);
}

/* A server that ends idle transactions and long statements leaves the lock alone. */
static void test_lock_outlasts_timeouts(void **state)
{
    (void)state;
    struct db *db = open_again();
    struct error err = {0};
    fixture_run(db, "ALTER ROLE postgres SET idle_in_transaction_session_timeout = '50ms'");
    db_close(db);
    db = open_again();
    assert_int_equal(db_lock_try(db, "m", &err), 1);
    (void)usleep(200000);
    fixture_ok(db_lock_check(db, &err), &err);
    db_lock_release(db);
    fixture_run(db, "ALTER ROLE postgres RESET ALL");
    db_close(db);
}

/* ---- plans ------------------------------------------------------------------------------ */

/* Whether PostgreSQL would sort for query; *rows (may be NULL) becomes what it expects. */
static bool sorts(struct db *db, const char *query, int64_t *rows)
{
    struct db_forecast forecast;
    struct error err = {0};
    if (db_forecast(db, query, NULL, 0, &forecast, &err) != 0)
        fail_msg("%s: %s", query, err.message);
    if (rows != NULL) *rows = forecast.rows;
    assert_true(forecast.sorts || !forecast.made);
    return forecast.sorts;
}

/* Whether PostgreSQL would sort rows that no table has. */
static bool is_made(struct db *db, const char *query)
{
    struct db_forecast forecast;
    struct error err = {0};
    if (db_forecast(db, query, NULL, 0, &forecast, &err) != 0)
        fail_msg("%s: %s", query, err.message);
    return forecast.made;
}

static void test_forecast(void **state)
{
    (void)state;
    struct db *db = open_again();
    struct db_forecast forecast;
    struct error err = {0};
    int64_t rows = 0;
    fixture_run(db, "CREATE TABLE t (a integer PRIMARY KEY, b text, c integer)");
    fixture_run(db, "INSERT INTO t SELECT n, 'é' || n, n % 10 FROM generate_series(1, 500) n");
    fixture_run(db, "CREATE INDEX tca ON t (c, a)");
    fixture_run(db, "ANALYZE t"); /* so that sorting is cheaper than the index */
    assert_false(sorts(db, "SELECT * FROM t ORDER BY a", &rows));
    assert_int_equal(rows, 500);
    assert_true(sorts(db, "SELECT * FROM t ORDER BY b", &rows));
    assert_int_equal(rows, 500);
    assert_false(sorts(db, "SELECT * FROM t WHERE c = 3 ORDER BY c, a", &rows));
    assert_int_equal(rows, 50);
    assert_true(sorts(db, "SELECT * FROM t ORDER BY c, a, b", NULL));
    assert_true(sorts(db, "SELECT * FROM t WHERE b > 'é' ORDER BY a, b -- é", NULL));

    /* What is sorted aside says nothing of the order. */
    assert_false(sorts(db,
                       "SELECT a, (SELECT u.b FROM t u WHERE u.c = t.a ORDER BY u.b LIMIT 1) "
                       "FROM t ORDER BY a",
                       NULL));
    assert_true(sorts(db, "SELECT c, count(*) FROM t GROUP BY c, b ORDER BY c, b", NULL));
    assert_false(sorts(db, "SELECT c, count(*) FROM t GROUP BY c ORDER BY c", NULL));
    /* An index could help groups, but not what is in no table. */
    assert_false(is_made(db, "SELECT b, count(*) FROM t GROUP BY b ORDER BY b"));
    assert_false(is_made(db, "SELECT a FROM t ORDER BY a"));
    assert_true(is_made(db, "SELECT * FROM (VALUES (2), (1)) AS v (n) ORDER BY n"));
    assert_true(is_made(db, "SELECT * FROM generate_series(1, 9) AS v (n) ORDER BY n"));

    assert_int_equal(
        db_forecast(db, "SELECT * FROM t ORDER BY absent", NULL, 0, &forecast, &err), -1);
    fixture_says(&err, "absent");
    assert_int_equal(db_reading_blocks_writers(db, &err), 0);
    fixture_run(db, "DROP TABLE t");
    db_close(db);
}

/* In order without a sort: from partition to partition, and from all of them merged. */
static void test_forecast_of_partitions(void **state)
{
    (void)state;
    struct db *db = open_again();
    fixture_run(db, "CREATE TABLE p (a integer, b text) PARTITION BY RANGE (a)");
    /* None is there, and what is not read has no index that could be missed. */
    assert_false(sorts(db, "SELECT * FROM p ORDER BY a", NULL));
    assert_false(sorts(db, "SELECT * FROM (SELECT a FROM p GROUP BY a) g ORDER BY a", NULL));
    assert_true(is_made(db, "SELECT n, (SELECT min(b) FROM p) FROM (VALUES (2), (1)) AS v (n) "
                            "ORDER BY n"));
    fixture_run(db, "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100)");
    fixture_run(db, "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200)");
    fixture_run(db, "CREATE INDEX pb ON p (b)");
    fixture_run(db, "INSERT INTO p SELECT n, n FROM generate_series(0, 199) n");
    fixture_run(db, "ANALYZE p");
    assert_true(sorts(db, "SELECT * FROM p ORDER BY a", NULL));
    assert_false(sorts(db, "SELECT * FROM p ORDER BY b", NULL));
    fixture_run(db, "CREATE INDEX pa1 ON p1 (a)");
    assert_true(sorts(db, "SELECT * FROM p ORDER BY a", NULL));
    fixture_run(db, "CREATE INDEX pa2 ON p2 (a)");
    int64_t rows = 0;
    assert_false(sorts(db, "SELECT * FROM p ORDER BY a", &rows));
    assert_int_equal(rows, 200);
    fixture_run(db, "DROP TABLE p");
    db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_refused_connections),
        cmocka_unit_test(test_too_many_connections_pass),
        cmocka_unit_test(test_connecting_ends_in_time),
        cmocka_unit_test(test_open_ahead),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_read_only_database),
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_questions_are_cut_off),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_passing_errors),
        cmocka_unit_test(test_lost_connections),
        cmocka_unit_test(test_settings_of_others),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_odd_collations_make_no_text_plain),
        cmocka_unit_test(test_what_is_no_query),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stream_fails),
        cmocka_unit_test(test_stream_is_flat),
        cmocka_unit_test(test_stream_without_waiting),
        cmocka_unit_test(test_unfinished_stream),
        cmocka_unit_test(test_stop_ends_a_hanging_statement),
        cmocka_unit_test(test_notices_are_silent),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_lock_glance),
        cmocka_unit_test(test_lock_outlasts_timeouts),
        cmocka_unit_test(test_forecast),
        cmocka_unit_test(test_forecast_of_partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
