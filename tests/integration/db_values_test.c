// servers: postgres
//
// The same values through both databases: one table of what is stored in each and the one text
// that both must give, with its kind, through the path of a step's rows (describe, stream) and
// through that of the ledger's questions (query).
#include "db_fixture.h"

/* Where a database cannot hold the value, its type is NULL. */
struct sample {
    const char *postgres_type;
    const char *postgres; /* a literal */
    const char *sqlite_type;
    const char *sqlite;
    enum value_kind kind;
    const char *text;
    size_t length; /* 0: strlen(text) */
};

static const struct sample samples[] = {
    {"boolean", "true", "BOOLEAN", "1", VALUE_BOOLEAN, "true", 0},
    {"boolean", "false", "BOOL", "0", VALUE_BOOLEAN, "false", 0},
    {"boolean", "NULL", "boolean", "NULL", VALUE_NULL, "", 0},
    {"boolean", "true", "bool", "'T'", VALUE_BOOLEAN, "true", 0},
    {"boolean", "false", "Boolean", "'FALSE'", VALUE_BOOLEAN, "false", 0},
    {"integer", "1", "INTEGER", "1", VALUE_INTEGER, "1", 0},
    {"smallint", "-32768", "INTEGER", "-32768", VALUE_INTEGER, "-32768", 0},
    {"bigint", "-9223372036854775808", "INTEGER", "-9223372036854775808", VALUE_INTEGER,
     "-9223372036854775808", 0},
    {"bigint", "9223372036854775807", "INTEGER", "9223372036854775807", VALUE_INTEGER,
     "9223372036854775807", 0},
    {"oid", "4294967295", "INTEGER", "4294967295", VALUE_INTEGER, "4294967295", 0},
    {"numeric(10,2)", "12.50", NULL, NULL, VALUE_NUMERIC, "12.50", 0},
    {"numeric", "12345678901234567890.123", NULL, NULL, VALUE_NUMERIC,
     "12345678901234567890.123", 0},
    {"numeric", "'NaN'", NULL, NULL, VALUE_NUMERIC, "NaN", 0},
    {NULL, NULL, "DECIMAL(10,2)", "19.99", VALUE_FLOAT, "19.99", 0},
    {NULL, NULL, "NUMERIC", "20", VALUE_INTEGER, "20", 0},
    {"double precision", "3", "REAL", "3", VALUE_FLOAT, "3", 0},
    {"double precision", "0.1", "REAL", "0.1", VALUE_FLOAT, "0.1", 0},
    {"double precision", "0.1::float8 + 0.2", "REAL", "0.1 + 0.2", VALUE_FLOAT,
     "0.30000000000000004", 0},
    {"double precision", "1e15", "REAL", "1e15", VALUE_FLOAT, "1e+15", 0},
    {"double precision", "123456789012345", "REAL", "123456789012345", VALUE_FLOAT,
     "123456789012345", 0},
    {"double precision", "1e-5", "REAL", "1e-5", VALUE_FLOAT, "1e-05", 0},
    {"double precision", "5e-324", "REAL", "5e-324", VALUE_FLOAT, "5e-324", 0},
    {"double precision", "'Infinity'", "REAL", "9e999", VALUE_FLOAT, "Infinity", 0},
    {"double precision", "'-Infinity'", "REAL", "-9e999", VALUE_FLOAT, "-Infinity", 0},
    {"double precision", "'NaN'", NULL, NULL, VALUE_FLOAT, "NaN", 0},
    {"real", "0.1", NULL, NULL, VALUE_FLOAT, "0.1", 0},
    {"text", "''", "TEXT", "''", VALUE_TEXT, "", 0},
    {"text", "NULL", "TEXT", "NULL", VALUE_NULL, "", 0},
    {"text", "'\\N'", "TEXT", "'\\N'", VALUE_TEXT, "\\N", 0},
    {"text", "'it''s'", "TEXT", "'it''s'", VALUE_TEXT, "it's", 0},
    {"text", "E'tab\\tback\\\\slash\\r\\nend'", "TEXT",
     "'tab' || char(9) || 'back\\slash' || char(13, 10) || 'end'", VALUE_TEXT,
     "tab\tback\\slash\r\nend", 0},
    {"text", "'héllo 🚢'", "TEXT", "'héllo 🚢'", VALUE_TEXT, "héllo 🚢", 0},
    {"varchar(3)", "'abc'", "VARCHAR(3)", "'abc'", VALUE_TEXT, "abc", 0},
    {"char(5)", "'ab'", "CHAR(5)", "'ab   '", VALUE_TEXT, "ab   ", 0},
    {NULL, NULL, "TEXT", "CAST(x'ff00fe' AS TEXT)", VALUE_TEXT, "\xff\0\xfe", 3},
    {"bytea", "'\\x'", "BLOB", "x''", VALUE_BYTES, "", 0},
    {"bytea", "'\\x00ff0d0a5c09'", "BLOB", "x'00ff0d0a5c09'", VALUE_BYTES, "\0\xff\r\n\\\t", 6},
    {"json", "'{\"b\": 1,  \"a\":[]}'", "JSON", "'{\"b\": 1,  \"a\":[]}'", VALUE_JSON,
     "{\"b\": 1,  \"a\":[]}", 0},
    {"jsonb", "'{\"b\": 1,\"a\":\"é\"}'", "json", "'{\"a\": \"é\", \"b\": 1}'", VALUE_JSON,
     "{\"a\": \"é\", \"b\": 1}", 0},
    {"uuid", "'6BA7B810-9DAD-11D1-80B4-00C04FD430C8'", "TEXT",
     "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'", VALUE_TEXT,
     "6ba7b810-9dad-11d1-80b4-00c04fd430c8", 0},
    {"date", "'2025-03-01'", "DATE", "'2025-03-01'", VALUE_TEXT, "2025-03-01", 0},
    {"time", "'09:00:00.5'", "TIME", "'09:00:00.5'", VALUE_TEXT, "09:00:00.5", 0},
    {"timestamp", "'2025-03-01 09:00'", "TIMESTAMP", "'2025-03-01T09:00:00'", VALUE_TEXT,
     "2025-03-01T09:00:00", 0},
    {"timestamp", "'2025-03-01 09:00:00.12'", "DATETIME", "'2025-03-01T09:00:00.12'",
     VALUE_TEXT, "2025-03-01T09:00:00.12", 0},
    {"timestamptz", "'2025-03-01 10:00:00.123456+01'", "TEXT", "'2025-03-01T09:00:00.123456Z'",
     VALUE_TEXT, "2025-03-01T09:00:00.123456Z", 0},
    {"timestamptz", "'2025-03-01 09:00+00'", "TEXT", "'2025-03-01T09:00:00Z'", VALUE_TEXT,
     "2025-03-01T09:00:00Z", 0},
    {"timestamptz", "'infinity'", NULL, NULL, VALUE_TEXT, "infinity", 0},
    {"timestamp", "'-infinity'", NULL, NULL, VALUE_TEXT, "-infinity", 0},
    {"timestamptz", "'0044-03-15 00:00:00+00 BC'", NULL, NULL, VALUE_TEXT,
     "0044-03-15T00:00:00Z BC", 0},
    {"timestamp", "'12345-01-01'", NULL, NULL, VALUE_TEXT, "12345-01-01T00:00:00", 0},
    {NULL, NULL, "DATETIME", "'2025-03-01 09:00:00'", VALUE_TEXT, "2025-03-01 09:00:00", 0},
    {NULL, NULL, "DATETIME", "1740819600", VALUE_INTEGER, "1740819600", 0},
    {"interval", "'1 year 2 days 3:04:05.6'", "TEXT", "'1 year 2 days 03:04:05.6'", VALUE_TEXT,
     "1 year 2 days 03:04:05.6", 0},
    {"integer[]", "'{1,NULL,3}'", "TEXT", "'{1,NULL,3}'", VALUE_TEXT, "{1,NULL,3}", 0},
    {"text[]", "ARRAY['a', 'b c', NULL, E'\\\\']", "TEXT", "'{a,\"b c\",NULL,\"\\\\\"}'",
     VALUE_TEXT, "{a,\"b c\",NULL,\"\\\\\"}", 0},
    {"boolean[]", "'{t,f}'", "TEXT", "'{t,f}'", VALUE_TEXT, "{t,f}", 0},
    {"inet", "'10.0.0.1'", "TEXT", "'10.0.0.1'", VALUE_TEXT, "10.0.0.1", 0},
    {"flag", "true", "BOOLEAN", "1", VALUE_BOOLEAN, "true", 0},
    {"stamp", "'2025-03-01 09:00+00'", NULL, NULL, VALUE_TEXT, "2025-03-01T09:00:00Z", 0},
    {"raw", "'\\x0a'", NULL, NULL, VALUE_BYTES, "\n", 0},
    {NULL, NULL, "BOOLEAN", "2", VALUE_INTEGER, "2", 0},
    {NULL, NULL, "BOOLEAN", "'perhaps'", VALUE_TEXT, "perhaps", 0},
    {NULL, NULL, "BOOLEAN", "x'31'", VALUE_BYTES, "1", 0},
    {NULL, NULL, "JSON", "x'31'", VALUE_BYTES, "1", 0},
};

static void expect_sample(const struct row *row, const struct sample *sample)
{
    size_t length = sample->length == 0 ? strlen(sample->text) : sample->length;
    const struct value *value = &row->values[0];
    if (value->kind != sample->kind)
        fail_msg("'%s' is of kind %d, not %d", sample->text, value->kind, sample->kind);
    if (value->length != length ||
        (length > 0 && memcmp(value->bytes, sample->text, length) != 0))
        fail_msg("got '%.*s', not '%s'", (int)value->length, value->bytes, sample->text);
}

static void expect_rows(struct db_rows *rows, const struct sample *sample)
{
    struct error err = {0};
    struct row row;
    assert_int_equal(db_rows_next(rows, true, &row, &err), DB_ROW);
    assert_int_equal(row.columns->count, 1);
    expect_sample(&row, sample);
    assert_int_equal(db_rows_next(rows, true, &row, &err), DB_END);
    db_rows_close(rows);
}

static void cross(struct db *db, const char *type, const char *literal,
                  const struct sample *sample)
{
    static const char query[] = "SELECT x FROM v";
    struct arena arena = {0};
    struct columns columns;
    struct error err = {0};
    struct db_rows *rows = NULL;
    char sql[512];
    (void)snprintf(sql, sizeof sql, "CREATE TABLE v (x %s)", type);
    fixture_run(db, sql);
    (void)snprintf(sql, sizeof sql, "INSERT INTO v VALUES (%s)", literal);
    fixture_run(db, sql);

    fixture_ok(db_describe(db, query, &arena, &columns, &err), &err);
    fixture_ok(db_stream(db, query, NULL, 0, &columns, &rows, &err), &err);
    expect_rows(rows, sample);
    fixture_ok(db_query(db, query, NULL, 0, &rows, &err), &err);
    expect_rows(rows, sample);
    fixture_run(db, "DROP TABLE v");
    arena_release(&arena);
}

static void test_the_same_from_both(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("values");
    struct db *pg = fixture_postgres(NULL);
    struct db *lite = fixture_sqlite(file, NULL);
    fixture_run(pg, "CREATE DOMAIN flag AS boolean");
    fixture_run(pg, "CREATE DOMAIN stamp AS timestamptz");
    fixture_run(pg, "CREATE DOMAIN raw AS bytea");
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const struct sample *sample = &samples[i];
        if (sample->postgres_type != NULL)
            cross(pg, sample->postgres_type, sample->postgres, sample);
        if (sample->sqlite_type != NULL)
            cross(lite, sample->sqlite_type, sample->sqlite, sample);
    }
    db_close(pg);
    db_close(lite);
    free(file);
}

/* Every byte, through COPY's escapes and bytea's digits. */
static void test_every_byte(void **state)
{
    (void)state;
    char *file = fixture_sqlite_file("bytes");
    struct db *dbs[] = {fixture_postgres(NULL), fixture_sqlite(file, NULL)};
    char bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)i;
    const struct sample blob = {.kind = VALUE_BYTES, .text = bytes, .length = sizeof bytes};
    const struct sample ascii = {.kind = VALUE_TEXT, .text = bytes + 1, .length = 127};
    for (size_t i = 0; i < 2; i++) {
        struct error err = {0};
        const struct value parameters[] = {{VALUE_BYTES, bytes, sizeof bytes},
                                           {VALUE_TEXT, bytes + 1, 127}};
        fixture_run(dbs[i], i == 0 ? "CREATE TABLE v (a bytea, b text)"
                                   : "CREATE TABLE v (a BLOB, b TEXT)");
        fixture_ok(db_execute(dbs[i],
                              i == 0 ? "INSERT INTO v VALUES ($1, $2)"
                                     : "INSERT INTO v VALUES (?1, ?2)",
                              parameters, 2, NULL, &err),
                   &err);
        for (int k = 0; k < 2; k++) {
            const char *query = k == 0 ? "SELECT a FROM v" : "SELECT b FROM v";
            struct arena arena = {0};
            struct columns columns;
            struct db_rows *rows = NULL;
            fixture_ok(db_describe(dbs[i], query, &arena, &columns, &err), &err);
            fixture_ok(db_stream(dbs[i], query, NULL, 0, &columns, &rows, &err), &err);
            expect_rows(rows, k == 0 ? &blob : &ascii);
            arena_release(&arena);
        }
        fixture_run(dbs[i], "DROP TABLE v");
        db_close(dbs[i]);
    }
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_from_both),
        cmocka_unit_test(test_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
