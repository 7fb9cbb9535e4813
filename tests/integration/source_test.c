// servers: postgres
//
// Reading a step's query in key order: batches, cursors, resuming, resting; keys of every type
// that has an order, in both databases; keys that repeat or are NULL.
#include "db_fixture.h"

#include <malloc.h>
#include <poll.h>

#include "migration.h"
#include "source.h"

enum { MOST_KEYS = 3, MOST_ROWS = 64 };

/* A database with a table t, and a query to read with a key. */
struct reading {
    struct db *db;
    const char *query;
    const char *key[MOST_KEYS];
    int64_t batch; /* 0: 1 */
    bool rests;
    const char *cursor;
};

static int try_open(const struct reading *reading, struct source **source, struct error *err)
{
    const char *key[MOST_KEYS];
    struct step step = {.number = 1, .name = "step 1", .read = reading->query, .key = key};
    while (step.key_count < MOST_KEYS && reading->key[step.key_count] != NULL) {
        key[step.key_count] = reading->key[step.key_count];
        step.key_count++;
    }
    const struct source_options options = {.db = reading->db,
                                           .step = &step,
                                           .batch = reading->batch == 0 ? 1 : reading->batch,
                                           .rests = reading->rests,
                                           .cursor = reading->cursor};
    return source_open(source, &options, err);
}

static struct source *open_reading(const struct reading *reading)
{
    struct source *source = NULL;
    struct error err = {0};
    if (try_open(reading, &source, &err) != 0) fail_msg("%s: %s", reading->query, err.message);
    return source;
}

static void append_row(struct buffer *text, const struct row *row)
{
    for (size_t i = 0; i < row->columns->count; i++) {
        if (i > 0) buffer_append_char(text, '|');
        if (row->values[i].kind == VALUE_NULL)
            buffer_append_char(text, '-');
        else
            buffer_append(text, row->values[i].bytes, row->values[i].length);
    }
}

/* Append what is left: a row in parentheses, a batch's end as '/', the end as '.', a failure as
 * '!'. */
static void append_rest(struct buffer *text, struct source *source, struct error *err)
{
    for (;;) {
        struct row row;
        switch (source_next(source, false, true, &row, err)) {
        case SOURCE_ROW:
            buffer_append_char(text, '(');
            append_row(text, &row);
            buffer_append_char(text, ')');
            break;
        case SOURCE_BATCH:
            buffer_append_char(text, '/');
            break;
        case SOURCE_END:
            buffer_append_char(text, '.');
            return;
        case SOURCE_FAILED:
            buffer_append_char(text, '!');
            return;
        case SOURCE_AGAIN:
            fail_msg("again, though it was to wait");
            return;
        }
    }
}

static void expect_reading(const struct reading *reading, const char *expected)
{
    struct buffer text = {0};
    struct error err = {0};
    struct source *source = open_reading(reading);
    append_rest(&text, source, &err);
    if (strcmp(buffer_text(&text), expected) != 0)
        fail_msg("%s: got %s, not %s; %s", reading->query, text.bytes, expected, err.message);
    source_close(source);
    buffer_release(&text);
}

static void expect_failure(const struct reading *reading, const char *rows, const char *says)
{
    struct buffer text = {0};
    struct error err = {0};
    struct source *source = open_reading(reading);
    append_rest(&text, source, &err);
    assert_string_equal(buffer_text(&text), rows);
    assert_int_equal(err.code, ERROR_FAILED);
    fixture_says(&err, says);
    source_close(source);
    buffer_release(&text);
}

static void expect_refused(const struct reading *reading, const char *says)
{
    struct source *source = NULL;
    struct error err = {0};
    if (try_open(reading, &source, &err) == 0) fail_msg("'%s' was opened", reading->query);
    assert_null(source);
    fixture_says(&err, says);
}

/* ---- every cursor gives exactly the rest ------------------------------------------------ */

struct crossing {
    struct buffer rows[MOST_ROWS];
    struct buffer cursors[MOST_ROWS];
    size_t count;
};

static void release_crossing(struct crossing *crossing)
{
    for (size_t i = 0; i < crossing->count; i++) {
        buffer_release(&crossing->rows[i]);
        buffer_release(&crossing->cursors[i]);
    }
}

static void cross(struct crossing *crossing, const struct reading *reading)
{
    struct source *source = open_reading(reading);
    struct error err = {0};
    struct row row;
    enum source_next next = SOURCE_BATCH;
    *crossing = (struct crossing){0};
    while ((next = source_next(source, true, true, &row, &err)) == SOURCE_ROW) {
        assert_true(crossing->count < MOST_ROWS);
        append_row(&crossing->rows[crossing->count], &row);
        next = source_next(source, true, true, &row, &err);
        fixture_ok(source_cursor(source, &crossing->cursors[crossing->count], &err), &err);
        crossing->count++;
        if (next != SOURCE_BATCH) break;
    }
    if (next != SOURCE_END) fail_msg("%s: %d, %s", reading->query, next, err.message);
    source_close(source);
}

static void expect_resumable(const struct reading *reading, size_t count)
{
    struct crossing whole, rest;
    struct reading behind = *reading;
    cross(&whole, reading);
    if (whole.count != count) fail_msg("%s: %zu rows", reading->query, whole.count);
    for (size_t i = 0; i < whole.count; i++) {
        behind.cursor = buffer_text(&whole.cursors[i]);
        cross(&rest, &behind);
        if (rest.count != count - i - 1)
            fail_msg("%s: %zu rows behind %s", reading->query, rest.count, behind.cursor);
        for (size_t k = 0; k < rest.count; k++)
            assert_string_equal(buffer_text(&rest.rows[k]),
                                buffer_text(&whole.rows[i + k + 1]));
        release_crossing(&rest);
    }
    behind.cursor = NULL;
    behind.rests = true;
    cross(&rest, &behind);
    assert_int_equal(rest.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(buffer_text(&rest.rows[i]), buffer_text(&whole.rows[i]));
        assert_string_equal(buffer_text(&rest.cursors[i]), buffer_text(&whole.cursors[i]));
    }
    release_crossing(&rest);
    release_crossing(&whole);
}

/* A type of PostgreSQL, and values of it in no order, none equal to another. */
static const struct {
    const char *type;
    size_t count;
    const char *values;
} postgres_keys[] = {
    {"smallint", 4, "(-32768), (0), (7), (32767)"},
    {"integer", 3, "(-2147483648), (0), (2147483647)"},
    {"bigint", 4, "(-9223372036854775808), (-1), (10), (9223372036854775807)"},
    {"oid", 3, "(0), (5), (4294967295)"},
    {"numeric", 9,
     "(-1e30), (-1), (0), (0.1), (1), (1.5), ('NaN'), (12345678901234567890.123456789), "
     "('Infinity')"},
    {"numeric(10,2)", 3, "(1), (1.5), (-99999999.99)"},
    {"double precision", 11,
     "(0.1), (0.30000000000000004), (-1e308), (5e-324), (1e15), (1e16), (123456789.123), "
     "('NaN'), ('Infinity'), ('-Infinity'), (-0.0)"},
    {"real", 5, "(0.1), (-1e38), (16777216), ('NaN'), (1e-45)"},
    {"boolean", 2, "(true), (false)"},
    {"text", 11,
     "(''), ('a'), ('A'), ('B'), ('é'), ('🚢'), ('it''s'), (E'back\\\\slash'), "
     "(E'tab\\tline\\ncr\\r'), ('\"q\"'), ('-- no')"},
    {"text COLLATE \"en-x-icu\"", 6, "('a'), ('A'), ('b'), ('B'), ('ä'), ('z')"},
    {"text COLLATE folded", 4, "('a'), ('B'), ('c'), ('Ä')"},
    {"character varying(5)", 3, "('abcde'), (''), ('b')"},
    {"character(5)", 4, "('abcde'), (''), ('b'), ('b c')"},
    {"\"char\"", 3, "('a'), ('B'), ('z')"},
    {"name", 3, "('a'), ('B'), ('')"},
    {"citext", 4, "('a'), ('B'), ('c'), ('Ä')"},
    {"mood", 3, "('sad'), ('glad'), ('angry')"},
    {"short", 3, "('x'), ('A'), ('b')"},
    {"bytea", 6, "(''), ('\\x00'), ('\\x0000'), ('\\x0d0a'), ('\\xff'), ('\\x5c78')"},
    {"uuid", 3,
     "('00000000-0000-0000-0000-000000000000'), ('ffffffff-ffff-ffff-ffff-ffffffffffff'), "
     "('6ba7b810-9dad-11d1-80b4-00c04fd430c8')"},
    {"date", 6,
     "('2025-03-01'), ('infinity'), ('-infinity'), ('0044-03-15 BC'), ('12345-01-01'), "
     "('0001-01-01')"},
    {"time", 3, "('00:00'), ('24:00'), ('09:00:00.123456')"},
    {"timetz", 3, "('09:00+00'), ('10:00+01'), ('09:00:00.5-03')"},
    {"timestamp", 7,
     "('2025-03-01 09:00:00.123456'), ('infinity'), ('-infinity'), ('0044-03-15 01:02:03 BC'), "
     "('12345-01-01 00:00:00.5'), ('2025-03-01'), ('294276-12-31 23:59:59.999999')"},
    {"timestamptz", 7,
     "('2025-03-01 09:00:00.123456+01'), ('infinity'), ('-infinity'), "
     "('0044-03-15 01:02:03+00 BC'), ('12345-01-01 00:00:00.5+00'), ('2025-03-01+00'), "
     "('294276-12-31 23:59:59.999999+00')"},
    {"interval", 6,
     "('1 day'), ('23 hours'), ('1 month'), ('-1 year -2 days +3:04:05.678'), ('0'), "
     "('25 hours 1 microsecond')"},
    {"inet", 4, "('10.0.0.1'), ('10.0.0.0/8'), ('::1'), ('192.168.1.5/24')"},
    {"cidr", 2, "('10.0.0.0/8'), ('192.168.1.0/24')"},
    {"macaddr", 2, "('08:00:2b:01:02:03'), ('00:00:00:00:00:00')"},
    {"bit(3)", 3, "(B'101'), (B'000'), (B'111')"},
    {"bit varying", 3, "(B'101'), (B''), (B'1')"},
    {"money", 3, "(1.5), (-2), (1000000)"},
    {"jsonb", 5, "('{\"a\": [1, \"it''s\"]}'), ('1'), ('1.5'), ('\"x\"'), ('null')"},
    {"integer[]", 5, "('{}'), ('{1}'), ('{1,2}'), ('{NULL}'), ('{2}')"},
    {"text[]", 4, "('{}'), ('{a,\"b c\"}'), ('{\"it''s\"}'), ('{\"\\\\\\\\\"}')"},
    {"int4range", 4, "('empty'), ('[1,5)'), ('[1,)'), ('(,3)')"},
    {"tstzrange", 2, "('[2025-01-01,2025-02-01)'), ('[2024-01-01 00:00:00.5,)')"},
    {"pair", 3, "('(1,\"a b\")'), ('(1,)'), ('(2,x)')"},
    {"pg_lsn", 2, "('0/0'), ('16/B374D848')"},
    {"tsvector", 2, "('a fat cat'), ('the')"},
};

static void make_postgres_types(struct db *db)
{
    fixture_run(db, "CREATE EXTENSION IF NOT EXISTS citext");
    fixture_run(db, "CREATE TYPE mood AS ENUM ('sad', 'glad', 'angry')");
    fixture_run(db, "CREATE TYPE pair AS (a integer, b text)");
    fixture_run(db, "CREATE DOMAIN short AS citext CHECK (length(VALUE) < 3)");
}

static void test_postgres_keys(void **state)
{
    (void)state;
    struct db *db = fixture_postgres(NULL);
    make_postgres_types(db);
    for (size_t i = 0; i < sizeof postgres_keys / sizeof *postgres_keys; i++) {
        char sql[1024];
        /* Where one collation is odd, no text is compared by its bytes: hence only now. */
        if (strstr(postgres_keys[i].type, "folded") != NULL) {
            fixture_run(db, "CREATE COLLATION IF NOT EXISTS folded (provider = icu, "
                            "locale = 'und-u-ks-level2', deterministic = false)");
            db_close(db);
            db = fixture_postgres(NULL);
        }
        (void)snprintf(sql, sizeof sql, "CREATE TABLE t (k %s, n integer)",
                       postgres_keys[i].type);
        fixture_run(db, sql);
        (void)snprintf(sql, sizeof sql, "INSERT INTO t (k) VALUES %s", postgres_keys[i].values);
        fixture_run(db, sql);
        fixture_run(db,
                    "UPDATE t SET n = i FROM (SELECT ctid AS c, row_number() OVER (ORDER BY "
                    "k) AS i FROM t) x WHERE ctid = c");
        const struct reading reading = {.db = db, .query = "SELECT n, k FROM t", .key = {"k"}};
        expect_resumable(&reading, postgres_keys[i].count);
        fixture_run(db, "DROP TABLE t");
    }
    db_close(db);
}

static void test_postgres_keys_of_several_columns(void **state)
{
    (void)state;
    struct db *db = fixture_postgres(NULL);
    fixture_run(db, "CREATE TABLE t AS SELECT a, b, c FROM unnest(ARRAY['x', 'X', '']) a, "
                    "generate_series(-1, 1) b, unnest(ARRAY[1.0, 1.5, 'NaN']::numeric[]) c");
    const struct reading plain = {
        .db = db, .query = "SELECT * FROM t WHERE c = 1", .key = {"a", "b"}};
    expect_resumable(&plain, 9);
    const struct reading three = {
        .db = db, .query = "SELECT c, b, a FROM t", .key = {"a", "c", "b"}};
    expect_resumable(&three, 27);
    fixture_run(db, "DROP TABLE t");
    db_close(db);
}

/* Declarations and values of SQLite, in no order, none equal to another. */
static const struct {
    const char *column;
    size_t count;
    const char *values;
} sqlite_keys[] = {
    {"k INTEGER PRIMARY KEY", 4, "(-9223372036854775808), (-1), (0), (9223372036854775807)"},
    {"k TEXT", 9,
     "(''), ('a'), ('A'), ('é'), ('🚢'), ('it''s'), (CAST(x'ff41' AS TEXT)), "
     "(CAST(x'610062' AS TEXT)), (x'61')"},
    {"k TEXT COLLATE NOCASE", 5, "('a'), ('B'), ('c'), ('Ä'), ('ä')"},
    {"k TEXT COLLATE RTRIM", 4, "('a '), ('b'), ('c  '), ('')"},
    {"k REAL", 7, "(1), (1.5), (-1e308), (5e-324), (0.1), (9e999), (-9e999)"},
    {"k NUMERIC", 7, "(1), (1.5), ('x'), (9007199254740993), (1e20), ('2'), (-0.5)"},
    {"k BOOLEAN", 4, "(0), (1), ('maybe'), (2)"},
    {"k BLOB", 4, "(x''), (x'00'), (x'0d0a'), (x'ff')"},
    {"k", 19,
     "(-1e308), (-5), (0), (0.5), (1), (9007199254740993), (9.1e15), "
     "(9223372036854775807), (9.3e18), (9e999), (''), ('1'), ('1.0'), ('a'), "
     "(CAST(x'00' AS TEXT)), (x''), (x'00'), (x'31'), (x'61')"},
    {"k DATETIME", 3, "('2025-03-01 09:00:00'), ('2025-03-01T09:00:00Z'), (1740819600)"},
    {"k JSON", 3, "('[1]'), ('{}'), (5)"},
};

static void test_sqlite_keys(void **state)
{
    (void)state;
    static const char *const modes[] = {"PRAGMA journal_mode = delete",
                                        "PRAGMA journal_mode = wal"};
    static const char *const indexes[] = {"SELECT 1", "CREATE INDEX i ON t (k)"};
    for (size_t i = 0; i < sizeof sqlite_keys / sizeof *sqlite_keys * 4; i++) {
        char sql[1024];
        char *file = fixture_sqlite_file("keys");
        struct db *db = fixture_sqlite(file, NULL);
        struct error err = {0};
        fixture_ok(db_execute(db, modes[i % 2], NULL, 0, NULL, &err), &err);
        (void)snprintf(sql, sizeof sql, "CREATE TABLE t (%s, n INTEGER)",
                       sqlite_keys[i / 4].column);
        fixture_run(db, sql);
        (void)snprintf(sql, sizeof sql, "INSERT INTO t (k) VALUES %s",
                       sqlite_keys[i / 4].values);
        fixture_run(db, sql);
        fixture_run(db, indexes[i / 2 % 2]);
        const struct reading reading = {
            .db = db, .query = "SELECT typeof(k) AS c, hex(k) AS h, k FROM t", .key = {"k"}};
        expect_resumable(&reading, sqlite_keys[i / 4].count);
        /* An expression: nothing is known of how it compares. */
        const struct reading expression = {
            .db = db, .query = "SELECT hex(k) || typeof(k) AS e FROM t", .key = {"e"}};
        expect_resumable(&expression, sqlite_keys[i / 4].count);
        db_close(db);
        free(file);
    }
}

static void test_sqlite_keys_of_several_columns(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("several");
    struct db *db = fixture_sqlite(file, NULL);
    fixture_run(db,
                "CREATE TABLE t (a TEXT COLLATE NOCASE, b, c INTEGER, PRIMARY KEY (a, b, c)) "
                "WITHOUT ROWID");
    fixture_run(db,
                "INSERT INTO t SELECT x.v, y.v, z.v FROM (SELECT 'x' AS v UNION SELECT 'Y') x, "
                "(SELECT 1 AS v UNION SELECT 1.5 UNION SELECT '1' UNION SELECT x'31') y, "
                "(SELECT 1 AS v UNION SELECT 2) z");
    const struct reading three = {.db = db, .query = "SELECT * FROM t", .key = {"a", "b", "c"}};
    expect_resumable(&three, 16);
    const struct reading two = {
        .db = db, .query = "SELECT b, c FROM t WHERE a = 'X'", .key = {"c", "b"}};
    expect_resumable(&two, 8);
    db_close(db);
    free(file);
}

static void test_queries_of_many_forms(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        const char *key;
        size_t count;
    } forms[] = {
        {"SELECT a FROM t -- a comment", "a", 3},
        {"SELECT a FROM t;\n", "a", 3},
        {"SELECT t.a FROM t", "a", 3},
        {"SELECT (a) AS a FROM t ORDER BY a DESC", "a", 3},
        {"SELECT a AS \"a b\"\"c\" FROM t", "a b\"c", 3},
        {"SELECT a + 1 AS \"select\" FROM t LIMIT 2", "select", 2},
        {"WITH u AS (SELECT a FROM t) SELECT * FROM u", "a", 3},
        {"SELECT a FROM t UNION ALL SELECT a + 10 FROM t", "a", 6},
        {"SELECT a, count(*) AS n FROM t GROUP BY a", "a", 3},
        {"SELECT DISTINCT a % 2 AS odd FROM t", "odd", 2},
        {"SELECT a, row_number() OVER (ORDER BY a DESC) AS n FROM t", "n", 3},
        {"VALUES (2), (1)", "column1", 2},
    };
    char *file = fixture_sqlite_file("forms");
    struct db *dbs[] = {fixture_postgres(NULL), fixture_sqlite(file, NULL)};
    for (size_t i = 0; i < 2; i++) {
        fixture_run(dbs[i], "CREATE TABLE t (a integer)");
        fixture_run(dbs[i], "INSERT INTO t VALUES (3), (1), (2)");
        for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
            const struct reading reading = {
                .db = dbs[i], .query = forms[k].query, .key = {forms[k].key}};
            expect_resumable(&reading, forms[k].count);
        }
        fixture_run(dbs[i], "DROP TABLE t");
    }
    /* A column that has no name but its own text. */
    fixture_run(dbs[1], "CREATE TABLE t (a)");
    fixture_run(dbs[1], "INSERT INTO t VALUES (3), (1)");
    const struct reading nameless = {
        .db = dbs[1], .query = "SELECT a+1 FROM t", .key = {"a+1"}};
    expect_resumable(&nameless, 2);
    db_close(dbs[0]);
    db_close(dbs[1]);
    free(file);
}

/* ---- cursors ---------------------------------------------------------------------------- */

static void expect_cursor(struct db *db, const char *query, const char *key, const char *cursor)
{
    const struct reading reading = {.db = db, .query = query, .key = {key}};
    struct source *source = open_reading(&reading);
    struct buffer text = {0}, json = {0};
    struct error err = {0};
    fixture_ok(source_cursor(source, &json, &err), &err);
    assert_int_equal(json.length, 0);
    append_rest(&text, source, &err);
    fixture_ok(source_cursor(source, &json, &err), &err);
    assert_string_equal(buffer_text(&json), cursor);
    source_close(source);
    buffer_release(&text);
    buffer_release(&json);
}

static void test_cursors(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("cursors");
    struct db *lite = fixture_sqlite(file, NULL);
    struct db *pg = fixture_postgres(NULL);
    expect_cursor(lite, "SELECT 1 AS k", "k", "[1]");
    expect_cursor(lite, "SELECT 1.0 AS k", "k", "[{\"real\":\"1\"}]");
    expect_cursor(lite, "SELECT '1' AS k", "k", "[\"1\"]");
    expect_cursor(lite, "SELECT x'00ff' AS k", "k", "[{\"blob\":\"00ff\"}]");
    expect_cursor(lite, "SELECT CAST(x'ff00' AS TEXT) AS k", "k", "[{\"text\":\"ff00\"}]");
    expect_cursor(lite, "SELECT CAST(x'6100' AS TEXT) AS k", "k", "[\"a\\u0000\"]");
    expect_cursor(pg, "SELECT 1 AS k", "k", "[1]");
    expect_cursor(pg, "SELECT 1.0 AS k", "k", "[\"1.0\"]");
    expect_cursor(pg, "SELECT 0.1::float8 AS k", "k", "[{\"real\":\"0.1\"}]");
    expect_cursor(pg, "SELECT '\\x00ff'::bytea AS k", "k", "[{\"blob\":\"00ff\"}]");
    expect_cursor(pg, "SELECT true AS k", "k", "[\"true\"]");
    expect_cursor(pg, "SELECT timestamptz '2025-03-01 09:00+00' AS k", "k",
                  "[\"2025-03-01T09:00:00Z\"]");
    db_close(pg);
    db_close(lite);
    free(file);
}

static void test_cursors_that_do_not_fit(void **state)
{
    (void)state;
    static const char *const cursors[] = {"",
                                          "[",
                                          "{}",
                                          "[]",
                                          "[1, 2]",
                                          "[null]",
                                          "[[]]",
                                          "[true]",
                                          "[{\"blob\":\"0\"}]",
                                          "[1.5]",
                                          "[{\"x\":\"0\"}]",
                                          "[{\"blob\":\"zz\"}]",
                                          "[{\"real\":\"1\",\"text\":\"\"}]"};
    struct db *pg = fixture_postgres(NULL);
    for (size_t i = 0; i < sizeof cursors / sizeof *cursors; i++) {
        const struct reading reading = {
            .db = pg, .query = "SELECT 1 AS k", .key = {"k"}, .cursor = cursors[i]};
        expect_refused(&reading, "does not fit the step's `key`");
    }
    /* 10 comes behind 9, but '10' before '9'. */
    const struct reading text_before = {
        .db = pg, .query = "SELECT 1 AS k", .key = {"k"}, .cursor = "[\"9\"]"};
    expect_refused(&text_before, "'k' is of type integer now, which it was not");
    const struct reading number_before = {
        .db = pg, .query = "SELECT '10'::text AS k", .key = {"k"}, .cursor = "[9]"};
    expect_refused(&number_before, "'k' is of type text now, which it was not");
    db_close(pg);
}

/* ---- batches ---------------------------------------------------------------------------- */

static void test_batches(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("batches");
    struct db *dbs[] = {fixture_postgres(NULL), fixture_sqlite(file, NULL)};
    for (size_t i = 0; i < 2; i++) {
        fixture_run(dbs[i], "CREATE TABLE t (a integer PRIMARY KEY)");
        struct reading reading = {
            .db = dbs[i], .query = "SELECT a FROM t", .key = {"a"}, .batch = 2};
        expect_reading(&reading, ".");
        fixture_run(dbs[i], "INSERT INTO t VALUES (3), (1), (2), (4)");
        for (int rests = 0; rests < 2; rests++) {
            reading.rests = rests == 1;
            reading.batch = 2;
            expect_reading(&reading, "(1)(2)/(3)(4).");
            reading.batch = 3;
            expect_reading(&reading, "(1)(2)(3)/(4).");
            reading.batch = 4;
            expect_reading(&reading, "(1)(2)(3)(4).");
            reading.batch = 1000;
            expect_reading(&reading, "(1)(2)(3)(4).");
            reading.cursor = "[3]";
            expect_reading(&reading, "(4).");
            reading.cursor = "[4]";
            expect_reading(&reading, ".");
            reading.cursor = NULL;
        }
        /* without a key: as the query says */
        const struct reading keyless = {
            .db = dbs[i], .query = "SELECT a FROM t ORDER BY a DESC", .batch = 3};
        expect_reading(&keyless, "(4)(3)(2)/(1).");
        fixture_run(dbs[i], "DROP TABLE t");
        db_close(dbs[i]);
    }
    free(file);
}

static void test_rest_in_the_middle(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("middle");
    struct db *dbs[] = {fixture_postgres(NULL), fixture_sqlite(file, NULL)};
    for (size_t i = 0; i < 2; i++) {
        fixture_run(dbs[i], "CREATE TABLE t (a integer PRIMARY KEY)");
        fixture_run(dbs[i], "INSERT INTO t VALUES (3), (1), (2), (4)");
        const struct reading reading = {
            .db = dbs[i], .query = "SELECT a FROM t", .key = {"a"}, .batch = 2};
        struct source *source = open_reading(&reading);
        struct error err = {0};
        struct row row;
        struct buffer text = {0};
        assert_int_equal(source_next(source, false, true, &row, &err), SOURCE_ROW);
        assert_int_equal(source_next(source, false, true, &row, &err), SOURCE_ROW);
        assert_int_equal(source_next(source, false, true, &row, &err), SOURCE_BATCH);
        source_rest(source);
        /* Nothing is open now, so that anything may be done to the table. */
        fixture_run(dbs[i], "INSERT INTO t VALUES (0), (5)");
        append_rest(&text, source, &err);
        assert_string_equal(buffer_text(&text), "(3)(4)/(5).");
        source_close(source);
        buffer_release(&text);
        fixture_run(dbs[i], "DROP TABLE t");
        db_close(dbs[i]);
    }
    free(file);
}

/* One statement is one snapshot; another connection may write to it meanwhile. */
static void test_one_snapshot(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("snapshot");
    struct db *readers[] = {fixture_postgres(NULL), fixture_sqlite(file, NULL)};
    struct db *writers[] = {fixture_postgres(NULL), fixture_sqlite(file, NULL)};
    struct error err = {0};
    fixture_ok(db_execute(readers[1], "PRAGMA journal_mode = wal", NULL, 0, NULL, &err), &err);
    for (size_t i = 0; i < 2; i++) {
        fixture_run(writers[i], "CREATE TABLE t (a integer PRIMARY KEY)");
        fixture_run(writers[i], "INSERT INTO t VALUES (1), (2), (3)");
        const struct reading reading = {
            .db = readers[i], .query = "SELECT a FROM t", .key = {"a"}, .batch = 1};
        struct source *source = open_reading(&reading);
        struct row row;
        struct buffer text = {0};
        assert_false(source_blocks_writers(source));
        assert_int_equal(source_next(source, false, true, &row, &err), SOURCE_ROW);
        fixture_run(writers[i], "DELETE FROM t WHERE a > 1");
        append_rest(&text, source, &err);
        assert_string_equal(buffer_text(&text), "/(2)/(3).");
        source_close(source);
        buffer_release(&text);
        fixture_run(writers[i], "DROP TABLE t");
        db_close(readers[i]);
        db_close(writers[i]);
    }
    free(file);
}

static bool can_write(const char *file)
{
    sqlite3 *writer = NULL;
    assert_int_equal(sqlite3_open(file, &writer), SQLITE_OK);
    int code = sqlite3_exec(writer, "INSERT INTO other VALUES (1)", NULL, NULL, NULL);
    assert_true(code == SQLITE_OK || code == SQLITE_BUSY);
    assert_int_equal(sqlite3_close(writer), SQLITE_OK);
    return code == SQLITE_OK;
}

static void test_sqlite_lets_writers_in(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("writers");
    struct db *db = fixture_sqlite(file, NULL);
    struct error err = {0};
    fixture_run(db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
    fixture_run(db, "CREATE TABLE other (a)");
    fixture_run(db, "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')");
    for (int indexed = 0; indexed < 2; indexed++) {
        const struct reading reading = {.db = db,
                                        .query = "SELECT a, b FROM t",
                                        .key = {indexed == 1 ? "a" : "b"},
                                        .batch = 2};
        struct source *source = open_reading(&reading);
        struct row row;
        assert_true(source_blocks_writers(source));
        assert_true(can_write(file));
        assert_int_equal(source_next(source, false, true, &row, &err), SOURCE_ROW);
        assert_int_equal(source_next(source, false, true, &row, &err), SOURCE_ROW);
        assert_false(can_write(file));
        assert_int_equal(source_next(source, false, true, &row, &err), SOURCE_BATCH);
        assert_int_equal(can_write(file), indexed == 1);
        assert_int_equal(source_next(source, false, true, &row, &err), SOURCE_ROW);
        assert_int_equal(source_next(source, false, true, &row, &err), SOURCE_END);
        assert_true(can_write(file));
        source_close(source);
    }
    db_close(db);
    free(file);
}

static void test_without_waiting(void **state)
{
    (void)state;
    const struct reading reading = {
        .db = fixture_postgres(NULL),
        .query = "SELECT i, pg_sleep(0.05)::text AS s FROM generate_series(1, 3) i",
        .key = {"i"},
        .batch = 1,
        .rests = true};
    struct source *source = open_reading(&reading);
    struct error err = {0};
    struct row row;
    enum source_next next;
    int rows = 0, again = 0, batches = 0;
    while ((next = source_next(source, false, false, &row, &err)) != SOURCE_END) {
        if (next == SOURCE_FAILED) fail_msg("%s", err.message);
        rows += next == SOURCE_ROW;
        batches += next == SOURCE_BATCH;
        if (next != SOURCE_AGAIN) continue;
        again++;
        struct pollfd poll_on = {.fd = source_descriptor(source), .events = POLLIN};
        assert_int_equal(poll(&poll_on, 1, 10000), 1);
    }
    assert_int_equal(rows, 3);
    assert_int_equal(batches, 2);
    assert_in_range(again, 3, 100);
    source_close(source);
    db_close(reading.db);
}

/* ---- keys that are none ----------------------------------------------------------------- */

static void test_repeated_keys(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("repeats");
    struct db *pg = fixture_postgres(NULL);
    struct db *lite = fixture_sqlite(file, NULL);
    const struct {
        struct reading reading;
        const char *rows;
        const char *says;
    } cases[] = {
        {{.db = pg, .query = "VALUES (1), (2), (2), (3)", .key = {"column1"}, .batch = 2},
         "(1)(2)!",
         "two rows have the same `key`: column1 = 2; a `key` must be unique and not NULL"},
        {{.db = pg,
          .query = "VALUES (1), (2), (2), (3)",
          .key = {"column1"},
          .batch = 2,
          .rests = true},
         "(1)(2)!",
         "column1 = 2"},
        {{.db = pg,
          .query = "VALUES (1, 'a'), (1, 'b'), (1, 'b')",
          .key = {"column1", "column2"}},
         "(1|a)/(1|b)!",
         "column1, column2 = (1, 'b')"},
        {{.db = pg, .query = "VALUES (1.0), (1.00)", .key = {"column1"}}, "(1.0)!", "= 1.0"},
        {{.db = pg, .query = "VALUES (0.0::float8), ('-0')", .key = {"column1"}}, NULL, "= "},
        {{.db = pg, .query = "VALUES ('a'::citext), ('A')", .key = {"column1"}}, NULL, "= "},
        {{.db = pg,
          .query = "SELECT 'a' COLLATE folded AS k UNION ALL SELECT 'A' COLLATE folded",
          .key = {"k"}},
         NULL,
         "= '"},
        {{.db = lite, .query = "VALUES (1), (1.0)", .key = {"column1"}}, NULL, "= 1"},
        {{.db = lite,
          .query = "SELECT 'a' COLLATE NOCASE AS k UNION ALL SELECT 'A'",
          .key = {"k"}},
         NULL,
         "two rows"},
        {{.db = lite, .query = "SELECT k FROM folded", .key = {"k"}}, NULL, "two rows"},
        {{.db = lite, .query = "SELECT k FROM mixed", .key = {"k"}}, NULL, "two rows"},
    };
    fixture_run(pg, "CREATE COLLATION IF NOT EXISTS folded (provider = icu, locale = "
                    "'und-u-ks-level2', deterministic = false)");
    fixture_run(pg, "CREATE EXTENSION IF NOT EXISTS citext");
    fixture_run(lite, "CREATE TABLE folded (k TEXT COLLATE NOCASE)");
    fixture_run(lite, "INSERT INTO folded VALUES ('a'), ('A')");
    fixture_run(lite, "CREATE TABLE mixed (k)");
    fixture_run(lite, "INSERT INTO mixed VALUES (1), (1.0)");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct source *source = open_reading(&cases[i].reading);
        struct buffer text = {0};
        struct error err = {0};
        append_rest(&text, source, &err);
        assert_int_equal(buffer_text(&text)[text.length - 1], '!');
        if (cases[i].rows != NULL) assert_string_equal(text.bytes, cases[i].rows);
        fixture_says(&err, cases[i].says);
        source_close(source);
        buffer_release(&text);
    }
    db_close(pg);
    db_close(lite);
    free(file);
}

static void test_null_keys(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("nulls");
    struct db *pg = fixture_postgres(NULL);
    struct db *lite = fixture_sqlite(file, NULL);
    static const char one[] = "VALUES (1), (2), (NULL)";
    static const char two[] = "VALUES (1, 'a'), (1, NULL), (2, 'b')";
    /* SQL calls it NULL, and yet it is a value. */
    static const char of_nulls[] = "VALUES (ROW(NULL, NULL)::pair)";
    const struct {
        struct reading reading;
        const char *rows;
    } cases[] = {
        {{.db = pg, .query = one, .key = {"column1"}, .batch = 9}, "(1)(2)!"},
        {{.db = pg, .query = one, .key = {"column1"}, .batch = 2, .rests = true}, "(1)(2)!"},
        {{.db = pg, .query = one, .key = {"column1"}, .rests = true}, "(1)/(2)!"},
        {{.db = pg, .query = one, .key = {"column1"}, .cursor = "[1]"}, "(2)!"},
        {{.db = pg, .query = one, .key = {"column1"}, .cursor = "[2]"}, "!"},
        {{.db = pg, .query = two, .key = {"column1", "column2"}, .cursor = "[1,\"a\"]"},
         "(2|b)!"},
        {{.db = pg, .query = two, .key = {"column1", "column2"}, .cursor = "[0,\"a\"]"},
         "(1|a)!"},
        {{.db = pg, .query = of_nulls, .key = {"column1"}, .cursor = "[\"(0,0)\"]"}, "((,))!"},
        {{.db = lite, .query = one, .key = {"column1"}, .batch = 9}, "!"},
        {{.db = lite, .query = one, .key = {"column1"}, .cursor = "[1]"}, "(2)!"},
        {{.db = lite, .query = one, .key = {"column1"}, .cursor = "[2]"}, "!"},
        {{.db = lite, .query = two, .key = {"column1", "column2"}, .cursor = "[1,\"a\"]"},
         "(2|b)!"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_failure(&cases[i].reading, cases[i].rows, "a row's `key` is NULL: column1");
    /* Nothing is amiss where no key is NULL. */
    const struct reading fine = {
        .db = pg, .query = "VALUES (1), (2)", .key = {"column1"}, .cursor = "[1]"};
    expect_reading(&fine, "(2).");
    db_close(pg);
    db_close(lite);
    free(file);
}

static void test_refusals(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("refusals");
    struct db *pg = fixture_postgres(NULL);
    struct db *lite = fixture_sqlite(file, NULL);
    const struct {
        struct reading reading;
        const char *says;
    } cases[] = {
        {{.db = pg, .query = "SELECT 1 AS a, 2 AS b", .key = {"c"}},
         "the query has no column 'c' for `key`; it has a, b"},
        {{.db = lite, .query = "SELECT 1 AS a, 2 AS b", .key = {"c"}},
         "the query has no column 'c' for `key`; it has a, b"},
        {{.db = pg, .query = "SELECT 1 AS a, 2 AS a"},
         "two columns of the query are called 'a'"},
        {{.db = lite, .query = "SELECT 1 AS a, 2 AS a"},
         "two columns of the query are called 'a'"},
        {{.db = pg, .query = "SELECT '1'::json AS k", .key = {"k"}},
         "the rows cannot be read in the order of the `key`: could not identify an ordering "
         "operator for type json"},
        {{.db = pg, .query = "SELECT point '(1,2)' AS k", .key = {"k"}}, "type point"},
        {{.db = pg, .query = "SELECT xml '<a/>' AS k", .key = {"k"}}, "type xml"},
        {{.db = pg, .query = "SELECT ROW(1, 2) AS k", .key = {"k"}}, "record"},
        {{.db = pg, .query = "SELECT 1; SELECT 2"}, "2 statements"},
        {{.db = lite, .query = "DELETE FROM t"}, "may only read"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refused(&cases[i].reading, cases[i].says);

    fixture_run(pg, "CREATE TABLE secret (a integer)");
    fixture_run(pg, "CREATE ROLE nobody");
    struct error err = {0};
    const struct reading forbidden = {.db = pg, .query = "SELECT a FROM secret", .key = {"a"}};
    fixture_run(pg, "ALTER ROLE postgres SET role = 'nobody'");
    db_close(pg);
    struct reading reading = forbidden;
    reading.db = fixture_postgres(NULL);
    expect_refused(&reading, "permission denied for table secret");
    struct source *source = NULL;
    assert_int_equal(try_open(&reading, &source, &err), -1);
    assert_null(strstr(err.message, "in the order of"));
    error_clear(&err);
    db_close(reading.db);
    char *url = NULL;
    assert_true(asprintf(&url, "%s&options=-crole%%3Dpostgres",
                         fixture_environment("REDFERRY_TEST_POSTGRES")) > 0);
    assert_int_equal(fixture_try_open(&pg, url, NULL, &err), 0);
    fixture_run(pg, "ALTER ROLE postgres RESET ALL");
    fixture_run(pg, "DROP TABLE secret");
    fixture_run(pg, "DROP ROLE nobody");
    db_close(pg);
    db_close(lite);
    free(url);
    free(file);
}

/* ---- many rows -------------------------------------------------------------------------- */

static struct source_estimate estimate(const struct source *source)
{
    struct source_estimate found;
    struct error err = {0};
    fixture_ok(source_estimate(source, &found, &err), &err);
    return found;
}

/* Of what is left to read, without reading it. */
static void test_postgres_estimates(void **state)
{
    (void)state;
    struct db *db = fixture_postgres(NULL);
    struct reading reading = {.db = db, .query = "SELECT * FROM t", .key = {"a"}, .batch = 10};
    struct row row;
    struct error err = {0};
    fixture_run(db, "CREATE TABLE t (a integer PRIMARY KEY, b numeric)");
    fixture_run(db, "INSERT INTO t SELECT n, n FROM generate_series(1, 1000) n");
    fixture_run(db, "ANALYZE t");
    struct source *source = open_reading(&reading);
    assert_int_equal(estimate(source).rows, 1000);
    assert_int_equal(estimate(source).index, SOURCE_INDEX_YES);
    /* It is as if nobody had asked. */
    assert_int_equal(source_next(source, false, true, &row, &err), SOURCE_ROW);
    source_close(source);

    reading.cursor = "[750]";
    source = open_reading(&reading);
    assert_in_range(estimate(source).rows, 240, 260);
    assert_int_equal(estimate(source).index, SOURCE_INDEX_YES);
    source_close(source);

    /* A key that needs lag(), and no index. */
    reading = (struct reading){.db = db, .query = "SELECT * FROM t", .key = {"b"}};
    source = open_reading(&reading);
    assert_int_equal(estimate(source).rows, 1000);
    assert_int_equal(estimate(source).index, SOURCE_INDEX_NO);
    source_close(source);
    fixture_run(db, "CREATE INDEX tb ON t (b)");
    source = open_reading(&reading);
    assert_int_equal(estimate(source).index, SOURCE_INDEX_YES);
    source_close(source);

    reading = (struct reading){.db = db, .query = "SELECT * FROM t WHERE a <= 100"};
    source = open_reading(&reading);
    assert_in_range(estimate(source).rows, 90, 110);
    assert_int_equal(estimate(source).index, SOURCE_INDEX_UNKNOWN);
    source_close(source);
    fixture_run(db, "DROP TABLE t");
    db_close(db);
}

static void test_sqlite_estimates(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("estimates");
    struct db *db = fixture_sqlite(file, NULL);
    struct reading reading = {.db = db, .query = "SELECT * FROM t;", .key = {"a"}};
    fixture_run(db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
    fixture_run(db, "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')");
    struct source *source = open_reading(&reading);
    assert_int_equal(estimate(source).rows, -1);
    assert_int_equal(estimate(source).index, SOURCE_INDEX_YES);
    fixture_run(db, "ANALYZE");
    assert_int_equal(estimate(source).rows, 3);
    source_close(source);

    reading.cursor = "[1]";
    source = open_reading(&reading);
    assert_int_equal(estimate(source).rows, -1);
    assert_int_equal(estimate(source).index, SOURCE_INDEX_YES);
    source_close(source);

    reading = (struct reading){.db = db, .query = "SELECT * FROM t", .key = {"b"}};
    source = open_reading(&reading);
    assert_int_equal(estimate(source).rows, 3);
    assert_int_equal(estimate(source).index, SOURCE_INDEX_NO);
    source_close(source);

    reading = (struct reading){.db = db, .query = "SELECT * FROM t"};
    source = open_reading(&reading);
    assert_int_equal(estimate(source).rows, 3);
    assert_int_equal(estimate(source).index, SOURCE_INDEX_UNKNOWN);
    source_close(source);
    db_close(db);
    free(file);
}

static int64_t count_rows(const struct reading *reading)
{
    struct source *source = open_reading(reading);
    struct error err = {0};
    struct row row;
    int64_t count = 0;
    for (;;) {
        switch (source_next(source, false, true, &row, &err)) {
        case SOURCE_ROW:
            count++;
            break;
        case SOURCE_END:
            source_close(source);
            return count;
        case SOURCE_BATCH:
            break;
        default:
            fail_msg("%s", err.message);
        }
    }
}

static void test_many_rows_are_flat(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("many");
    struct db *pg = fixture_postgres(NULL);
    struct db *lite = fixture_sqlite(file, NULL);
    fixture_run(pg, "CREATE TABLE t AS SELECT i AS a, i::text AS b FROM generate_series(1, "
                    "200000) i");
    fixture_run(pg, "ALTER TABLE t ADD PRIMARY KEY (a)");
    fixture_run(pg, "ANALYZE t");
    fixture_run(lite, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
    fixture_run(lite,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
                "200000) INSERT INTO t SELECT i, i FROM n");
    for (int i = 0; i < 4; i++) {
        const char *few = "SELECT a, b FROM t WHERE a <= 2000";
        struct reading reading = {
            .db = i < 2 ? pg : lite, .key = {"a"}, .batch = 1000, .rests = i % 2 == 1};
        reading.query = few;
        assert_int_equal(count_rows(&reading), 2000);
        size_t before = mallinfo2().arena + mallinfo2().hblkhd;
        reading.query = "SELECT a, b FROM t";
        assert_int_equal(count_rows(&reading), 200000);
        assert_true(mallinfo2().arena + mallinfo2().hblkhd <= before + 2560 * 1024);
    }
    fixture_run(pg, "DROP TABLE t");
    db_close(pg);
    db_close(lite);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_postgres_keys),
        cmocka_unit_test(test_postgres_keys_of_several_columns),
        cmocka_unit_test(test_sqlite_keys),
        cmocka_unit_test(test_sqlite_keys_of_several_columns),
        cmocka_unit_test(test_queries_of_many_forms),
        cmocka_unit_test(test_cursors),
        cmocka_unit_test(test_cursors_that_do_not_fit),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_rest_in_the_middle),
        cmocka_unit_test(test_one_snapshot),
        cmocka_unit_test(test_sqlite_lets_writers_in),
        cmocka_unit_test(test_without_waiting),
        cmocka_unit_test(test_repeated_keys),
        cmocka_unit_test(test_null_keys),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_postgres_estimates),
        cmocka_unit_test(test_sqlite_estimates),
        cmocka_unit_test(test_many_rows_are_flat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
