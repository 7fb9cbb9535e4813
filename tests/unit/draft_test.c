/*
 * Drafts of tables whose names mean something to YAML, to redis-cli, to templates or to SQL:
 * whatever they are called, both files can be read and say what was meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "arena.h"
#include "draft.h"
#include "draft_table.h"
#include "error.h"
#include "migration.h"
#include "migration_file.h"
#include "scaffold.h"
#include "test_file.h"

static const char *const names[] = {
    "plain",  "Order: #1", "it's",   "a \"b\"", "- dash", "true",     "null",    "1st", "a}b",
    "a|json", "a:-b",      "${x}",   "*",       "#x",     "x #y",     "x: y",    "x:",  "[x]",
    "{x}",    "x, y",      "\\back", "größe",   "_low",   "select",   " blank ", "%",   "@at",
    "!tag",   "&anchor",   "? mark", "x{y}z",   "12",     "column_1",
};

enum { NAMES = sizeof names / sizeof *names };

/* A table of this name, of which two columns have names of the list, and are its key. */
static struct draft_table table_of(size_t name, struct draft_column columns[3], size_t key[2])
{
    columns[0] = (struct draft_column){names[name], DRAFT_TEXT, "text", true};
    columns[1] = (struct draft_column){names[(name + 7) % NAMES], DRAFT_JSON, "json", true};
    columns[2] = (struct draft_column){"enabled", DRAFT_BOOLEAN, "boolean", false};
    key[0] = 1;
    key[1] = 0;
    return (struct draft_table){.name = names[name],
                                .columns = columns,
                                .column_count = 3,
                                .key_kind = DRAFT_KEY_PRIMARY,
                                .key = key,
                                .key_count = 2};
}

static struct migration *parse_migration(const char *text)
{
    struct migration_source source = {"f.yaml", 1, "x", text, strlen(text)};
    struct migration *migration = NULL;
    struct error err = {0};

    if (migration_file_parse(&migration, &source, &err) != 0)
        fail_msg("%s\n%s", err.message, text);
    return migration;
}

static struct migration_test *parse_test(const char *text)
{
    struct migration_test *test = NULL;
    struct error err = {0};

    if (test_file_parse(&test, "f.test.yaml", text, strlen(text), &err) != 0)
        fail_msg("%s\n%s", err.message, text);
    return test;
}

static void check_draft(const struct draft_table *table, const char *prefix)
{
    struct arena arena = {0};
    struct scaffold_texts texts = {0};
    struct error err = {0};
    struct migration *migration = NULL;
    struct migration_test *test = NULL;
    const struct step *step = NULL;

    assert_int_equal(draft_write(&texts, table, prefix, &arena, &err), 0);
    migration = parse_migration(texts.migration);
    test = parse_test(texts.test);
    step = migration->up.items;
    assert_string_equal(step->name, table->name);
    assert_int_equal(step->key_count, table->key_count);
    assert_int_equal(step->command_count, 1);
    assert_int_equal(step->commands[0].argument_count, 3);
    assert_int_equal(migration->down.items[0].commands[0].argument_count, 2);
    assert_int_equal(step_guarantee(step, NULL),
                     table->key_count > 0 ? GUARANTEE_EXACTLY_ONCE : GUARANTEE_AT_LEAST_ONCE);
    assert_int_equal(test->expect.check_count, 2);
    assert_int_equal(test->expect.checks[0].command.count, 2);
    assert_int_equal(test->expect.checks[0].reply.kind, TEST_MAPPING);
    assert_int_equal(test->after_down.checks[0].command.count, 3);
    assert_string_equal(test->after_down.checks[0].command.arguments[1],
                        test->expect.checks[0].command.arguments[1]);
    migration_test_free(test);
    migration_free(migration);
    arena_release(&arena);
}

static void test_names(void **state)
{
    (void)state;

    for (size_t i = 0; i < NAMES; i++) {
        struct draft_column columns[3];
        size_t key[2];
        struct draft_table table = table_of(i, columns, key);
        check_draft(&table, NULL);
        check_draft(&table, "some:");
        check_draft(&table, "");
        table.key_kind = DRAFT_KEY_NONE;
        table.key_count = 0;
        check_draft(&table, NULL);
        table.schema = names[(i + 3) % NAMES];
        check_draft(&table, NULL);
    }
}

/* The fields of a row that is made up are those that ${*} gives. */
static void test_fields(void **state)
{
    struct draft_column columns[] = {{"id", DRAFT_INTEGER, "bigint", true},
                                     {"_hidden", DRAFT_TEXT, "text", true},
                                     {"a}b", DRAFT_BYTES, "bytea", false}};
    size_t key[] = {0};
    struct draft_table table = {.name = "t",
                                .columns = columns,
                                .column_count = 3,
                                .key_kind = DRAFT_KEY_UNIQUE,
                                .key_name = "t_id",
                                .key = key,
                                .key_count = 1};
    struct arena arena = {0};
    struct scaffold_texts texts = {0};
    struct error err = {0};
    struct migration_test *test = NULL;
    const struct test_value *fields = NULL;
    (void)state;

    assert_int_equal(draft_write(&texts, &table, "t:", &arena, &err), 0);
    assert_non_null(strstr(texts.migration, "SELECT id, _hidden, \"a}b\" AS column_3 FROM t"));
    assert_non_null(strstr(texts.migration, "HSET t:${id} ${*}"));
    test = parse_test(texts.test);
    fields = &test->expect.checks[1].reply;
    assert_string_equal(test->expect.checks[1].command.arguments[1], "t:2");
    assert_int_equal(fields->count, 4);
    assert_string_equal(fields->items[0].text, "id");
    assert_string_equal(fields->items[1].text, "2");
    assert_string_equal(fields->items[2].text, "column_3");
    assert_string_equal(fields->items[3].text, "a_b_2");
    migration_test_free(test);

    /* Another name is nobody else's. */
    columns[1].name = "Column_3";
    assert_int_equal(draft_write(&texts, &table, "t:", &arena, &err), 0);
    assert_non_null(
        strstr(texts.migration, "SELECT id, \"Column_3\", \"a}b\" AS column_3_ FROM t"));
    columns[2].name = "";
    assert_int_equal(draft_write(&texts, &table, "t:", &arena, &err), 0);
    assert_non_null(
        strstr(texts.migration, "SELECT id, \"Column_3\", \"\" AS column_3_ FROM t"));
    columns[2].name = "a}b";
    columns[1].name = "_hidden";

    /* Where it would give none, each column is written out. */
    table.columns = &columns[1];
    table.column_count = 1;
    assert_int_equal(draft_write(&texts, &table, "t:", &arena, &err), 0);
    assert_non_null(strstr(texts.migration, "HSET t:${_hidden} _hidden ${_hidden}"));
    test = parse_test(texts.test);
    assert_string_equal(test->expect.checks[0].reply.items[0].text, "_hidden");
    migration_test_free(test);
    arena_release(&arena);
}

/* Two rows whose texts differ only in where the one ends and the other begins are two keys, and
 * they are what the test is about: written plainly, they would be one. */
static void test_texts_in_key(void **state)
{
    struct draft_column columns[] = {{"a", DRAFT_TEXT, "text", true},
                                     {"n", DRAFT_INTEGER, "bigint", true},
                                     {"b", DRAFT_TEXT, "text", true}};
    size_t key[] = {0, 1, 2};
    struct draft_table table = {.name = "c",
                                .columns = columns,
                                .column_count = 3,
                                .key_kind = DRAFT_KEY_PRIMARY,
                                .key = key,
                                .key_count = 3};
    struct arena arena = {0};
    struct scaffold_texts texts = {0};
    struct error err = {0};
    struct migration_test *test = NULL;
    (void)state;

    check_draft(&table, NULL);
    assert_int_equal(draft_write(&texts, &table, NULL, &arena, &err), 0);
    assert_non_null(strstr(texts.migration, "HSET c:${a|json}:${n}:${b|json} ${*}"));
    assert_non_null(strstr(texts.migration, "DEL c:${a|json}:${n}:${b|json}"));
    assert_non_null(strstr(texts.migration, "# |json: as plain text, 'a:b' and 'c'"));
    assert_non_null(strstr(texts.test, "('a_1:1:b_2', 1, 'b_1')"));
    assert_non_null(strstr(texts.test, "('a_1', 1, 'b_2:1:b_1')"));
    test = parse_test(texts.test);
    assert_string_equal(test->expect.checks[0].command.arguments[1],
                        "c:\"a_1:1:b_2\":1:\"b_1\"");
    assert_string_equal(test->expect.checks[1].command.arguments[1],
                        "c:\"a_1\":1:\"b_2:1:b_1\"");
    assert_false(draft_keys_may_meet(&table));
    migration_test_free(test);

    columns[2].kind = DRAFT_BYTES;
    assert_int_equal(draft_write(&texts, &table, NULL, &arena, &err), 0);
    assert_non_null(strstr(texts.migration, "HSET c:${a|json}:${n}:${b} ${*}"));
    assert_false(draft_keys_may_meet(&table));
    columns[0].kind = DRAFT_BYTES;
    assert_true(draft_keys_may_meet(&table));
    assert_int_equal(draft_write(&texts, &table, NULL, &arena, &err), 0);
    assert_non_null(strstr(texts.migration, "# CAREFUL: several columns of the key are bytes"));
    columns[2].kind = DRAFT_INTEGER;
    assert_int_equal(draft_write(&texts, &table, NULL, &arena, &err), 0);
    assert_non_null(strstr(texts.migration, "HSET c:${a}:${n}:${b} ${*}"));
    assert_null(strstr(texts.migration, "json:"));
    arena_release(&arena);
}

/* What a made-up table has to differ in from the one that it stands for. */
static void test_made_up_table(void **state)
{
    struct draft_column columns[] = {{"doc", DRAFT_JSON, "json", true},
                                     {"more", DRAFT_JSON, "json", false},
                                     {"MORE", DRAFT_TEXT, "text", false}};
    size_t key[] = {0};
    struct draft_table table = {.name = "t",
                                .columns = columns,
                                .column_count = 2,
                                .key_kind = DRAFT_KEY_PRIMARY,
                                .key = key,
                                .key_count = 1};
    struct arena arena = {0};
    struct scaffold_texts texts = {0};
    struct error err = {0};
    (void)state;

    /* json has no order, and jsonb other blanks. */
    assert_int_equal(draft_write(&texts, &table, NULL, &arena, &err), 0);
    assert_non_null(strstr(texts.test, "doc text NOT NULL,\n        more json,\n"));
    assert_null(strstr(texts.test, "--database"));
    table.column_count = 3;
    check_draft(&table, NULL);
    assert_int_equal(draft_write(&texts, &table, NULL, &arena, &err), 0);
    assert_non_null(strstr(texts.test, "# To SQLite names that differ only in case are one"));
    arena_release(&arena);
}

static void test_prefixes(void **state)
{
    static const struct {
        const char *prefix;
        int result;
    } cases[] = {{"flag:", 0}, {"", 0},       {"{app}:flag:", 0}, {"redferry", 0},
                 {"a b", -1},  {"a\"", -1},   {"a'", -1},         {"a\\", -1},
                 {"a\n", -1},  {"${a}:", -1}, {"$", -1},          {"redferry:x", -1}};
    struct error err = {0};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (draft_check_prefix(cases[i].prefix, &err) != cases[i].result)
            fail_msg("'%s'", cases[i].prefix);
}

static void test_memory_runs_out(void **state)
{
    struct draft_column columns[3];
    size_t key[2];
    struct draft_table table = table_of(1, columns, key);
    bool happened = true;
    (void)state;

    for (size_t nth = 1; happened; nth++) {
        struct arena arena = {0};
        struct scaffold_texts texts = {0};
        struct error err = {0};
        int result = 0;
        alloc_fail_at(nth, false);
        result = draft_write(&texts, &table, NULL, &arena, &err);
        happened = alloc_fail_happened();
        alloc_fail_never();
        assert_int_equal(result, happened ? -1 : 0);
        if (happened) assert_string_equal(err.message, "out of memory");
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),         cmocka_unit_test(test_fields),
        cmocka_unit_test(test_texts_in_key),  cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_made_up_table), cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
