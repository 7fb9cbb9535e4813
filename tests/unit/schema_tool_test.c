/* schema_tool: which tool a lock is of, by numbers that the tools themselves make or expect,
 * and the table of docs/commands.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schema_tool.h"
#include "value.h"

static const char *tool_of_key(int64_t key, const char *database, const char *schema)
{
    const struct schema_lock lock = {
        .is_advisory = true,
        .key = key,
        .database = value_text(database),
        .schema = value_text(schema),
    };
    const struct schema_tool *tool = schema_tool_of(&lock);
    return tool != NULL ? tool->name : "";
}

static const char *tool_of_table(const char *table, const char *mode)
{
    const struct schema_lock lock = {
        .database = value_text("app"), .table = value_text(table), .mode = value_text(mode)};
    const struct schema_tool *tool = schema_tool_of(&lock);
    return tool != NULL ? tool->name : "";
}

/* ---- advisory locks --------------------------------------------------------------------- */

/* Rails': MIGRATOR_SALT and Zlib.crc32, asked of Ruby. sqlx's: for "zone" and "postgres" known
 * from programs that take the same lock. golang-migrate's: with one name and with two what its
 * own tests expect; the others by Go's rules. Flyway's: for "public"."flyway_schema_history",
 * by Java's String.hashCode(), and the ends of what that gives. */
static const struct {
    int64_t key;
    const char *database, *schema, *tool;
} keys[] = {
    {6939591962871035475, "app", NULL, "Rails"},
    {737815420147457505, "postgres", NULL, "Rails"},
    {6939591962871035475, "postgres", NULL, ""},
    {2771974297191923538, "zone", NULL, "sqlx"},
    {368907709894077238, "postgres", NULL, "sqlx"},
    {368907709894077238, "zone", NULL, ""},
    {1764327054, "database_name", NULL, "golang-migrate"},
    {2453313553, "database_name", "schema_name_1", "golang-migrate"},
    {235207038, "database_name", "schema_name_2", "golang-migrate"},
    {235207038, "database_name", "schema_name_1", ""},
    {1787120056, "app", "public", "golang-migrate"},
    {1726534663, "app", "public", "golang-migrate"}, /* "/app", as a URL has it */
    {2621266710, "app", "public", "golang-migrate"},
    {1787120056, "app", "other", ""},
    {77433833903597, "app", NULL, "Flyway"},
    {77431708279161 + INT64_C(2147483647), "app", NULL, "Flyway"},
    {77431708279161 + INT64_C(2147483648), "app", NULL, ""},
    {77431708279161 - INT64_C(2147483648), "app", NULL, "Flyway"},
    {77431708279161 - INT64_C(2147483649), "app", NULL, ""},
    {9628173550095224, "app", NULL, "tern"},
    {5887940537704921958, "app", NULL, "goose"},
    {72707369, "app", NULL, "Prisma"},
    {72707369, "app", "public", "Prisma"},
    {7241865325823964, "app", NULL, "node-pg-migrate"},
    {3853314791062309107, "app", NULL, "Kysely"},
    {0, "app", NULL, ""},
    {1, "app", "public", ""},
    {-1, "app", "public", ""},
    {INT64_MIN, "app", NULL, ""},
    {INT64_MAX, "app", NULL, ""},
};

static void test_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *tool = tool_of_key(keys[i].key, keys[i].database, keys[i].schema);
        if (strcmp(tool, keys[i].tool) != 0)
            fail_msg("%lld: '%s', not '%s'", (long long)keys[i].key, tool, keys[i].tool);
    }
}

/* Atlas hashes a name, by FNV-1 in 32 bits. */
static void test_atlas(void **state)
{
    (void)state;
    uint32_t hash = 2166136261;
    for (const char *at = "atlas_migrate_execute"; *at != '\0'; at++)
        hash = hash * 16777619 ^ (unsigned char)*at;
    assert_string_equal(tool_of_key(hash, "app", "public"), "Atlas");
}

/* The longest name with the highest checksum does not wrap around to somebody else's key. */
static void test_no_overflow(void **state)
{
    (void)state;
    size_t count = 0;
    const struct schema_tool *tools = schema_tools(&count);
    for (size_t i = 0; i < count; i++)
        if (tools[i].kind == SCHEMA_LOCK_BY_NAME)
            assert_true(tools[i].number > 0 && tools[i].number <= INT64_MAX / UINT32_MAX);
}

/* ---- other locks ------------------------------------------------------------------------ */

static void test_tables(void **state)
{
    (void)state;
    assert_string_equal(tool_of_table("schema_migrations", "ShareUpdateExclusiveLock"), "Ecto");
    assert_string_equal(tool_of_table("schema_migrations", "RowExclusiveLock"), "");
    assert_string_equal(tool_of_table("schema_migration", "ShareUpdateExclusiveLock"), "");
    assert_string_equal(tool_of_table("__EFMigrationsHistory", "AccessExclusiveLock"),
                        "EF Core");
    assert_string_equal(tool_of_table("knex_migrations_lock", "RowExclusiveLock"), "Knex");
    assert_string_equal(tool_of_table("knex_migrations_lock", "AccessShareLock"), "");
    /* a row that says nothing of a table, nor of a key */
    assert_string_equal(tool_of_table(NULL, NULL), "");
}

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *table, *tool;
    } cases[] = {
        {"databasechangeloglock", "Liquibase"},
        {"DATABASECHANGELOGLOCK", "Liquibase"},
        {"knex_migrations_lock", "Knex"},
        {"__EFMigrationsLock", "EF Core"},
        {"databasechangelog", ""},
        {"schema_migrations", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct value table = value_text(cases[i].table);
        const struct schema_tool *tool = schema_tool_writing(&table);
        assert_string_equal(tool != NULL ? tool->name : "", cases[i].tool);
        if (tool == NULL) continue;
        assert_non_null(tool->held);
        assert_non_null(tool->holder);
    }
}

/* ---- what is written of them ------------------------------------------------------------ */

/* The text of a file of this repository; good until the next call. */
static const char *slurp(const char *path)
{
    static char text[65536];
    char whole[1024];
    (void)snprintf(whole, sizeof whole, TESTS_DIRECTORY "/../%s", path);
    FILE *file = fopen(whole, "r");
    if (file == NULL) fail_msg("no '%s'", whole);
    const size_t length = fread(text, 1, sizeof text - 1, file);
    assert_in_range(length, 1, sizeof text - 2);
    text[length] = '\0';
    (void)fclose(file);
    return text;
}

/* How often what occurs in text before its end. */
static size_t count_of(const char *text, const char *end, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL && at < end; at++) count++;
    return count;
}

/* The table has a line for each tool and no other, and names each table. */
static void test_documented(void **state)
{
    (void)state;
    size_t count = 0, names = 0;
    const struct schema_tool *tools = schema_tools(&count);
    const char *table = strstr(slurp("docs/commands.md"), "| tool | in PostgreSQL by |");
    assert_non_null(table);
    const char *end = strstr(table, "\n\n");
    assert_non_null(end);
    for (size_t i = 0; i < count; i++) {
        char row[64];
        bool first = true;
        for (size_t before = 0; before < i; before++)
            if (strcmp(tools[before].name, tools[i].name) == 0) first = false;
        names += first;
        (void)snprintf(row, sizeof row, "\n| %s |", tools[i].name);
        if (count_of(table, end, row) != 1)
            fail_msg("docs/commands.md: no '%s'", tools[i].name);
        if (tools[i].table == NULL) continue;
        (void)snprintf(row, sizeof row, "`%s`", tools[i].table);
        if (count_of(table, end, row) == 0) fail_msg("docs/commands.md: no '%s'", row);
    }
    /* its heading and the rule below that are lines as well */
    assert_int_equal(count_of(table, end, "\n| "), names);
}

/* The statements ask for the tables that the table knows. */
static void test_asked_for(void **state)
{
    (void)state;
    size_t count = 0;
    const struct schema_tool *tools = schema_tools(&count);
    for (size_t i = 0; i < count; i++) {
        char quoted[64];
        if (tools[i].table == NULL) continue;
        (void)snprintf(quoted, sizeof quoted, "'%s'", tools[i].table);
        if (tools[i].kind != SCHEMA_LOCK_ROW) {
            assert_non_null(strstr(slurp("sql/postgresql/schema_migration.sql"), quoted));
            continue;
        }
        for (char *c = quoted; *c != '\0'; c++)
            if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
        assert_non_null(strstr(slurp("sql/sqlite/schema_migration_tables.sql"), quoted));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),        cmocka_unit_test(test_atlas),
        cmocka_unit_test(test_no_overflow), cmocka_unit_test(test_tables),
        cmocka_unit_test(test_rows),        cmocka_unit_test(test_documented),
        cmocka_unit_test(test_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
