/*
 * A migration's file: what it becomes, and every complaint with its place. Each file of
 * tests/fixtures/invalid/ has beside it, in NAME.expected, the one line that is said about it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "alloc_fail.h"
#include "error.h"
#include "invalid_files.h"
#include "migration.h"
#include "migration_file.h"
#include "template.h"

static struct migration *parse(const char *text)
{
    struct migration_source source = {"f.yaml", 7, "flags", text, strlen(text)};
    struct migration *migration = NULL;
    struct error err = {0};

    if (migration_file_parse(&migration, &source, &err) != 0) fail_msg("%s", err.message);
    return migration;
}

static void test_contract_example(void **state)
{
    struct migration *migration =
        parse("description: Move the feature flags from SQL to Redis\n"
              "up:\n"
              "  - name: flags\n"
              "    read: SELECT name, enabled FROM feature_flags\n"
              "    key: name\n"
              "    write:\n"
              "      - HSET flag:${name} enabled ${enabled}\n"
              "      - SADD flags ${name}\n"
              "    publish:\n"
              "      channel: flags\n"
              "      message: ${*|json}\n"
              "down:\n"
              "  - read: SELECT name FROM feature_flags\n"
              "    key: name\n"
              "    write:\n"
              "      - DEL flag:${name}\n"
              "      - SREM flags ${name}\n");
    const struct step *step = &migration->up.items[0];
    (void)state;

    assert_string_equal(migration->description, "Move the feature flags from SQL to Redis");
    assert_int_equal(migration->version, 7);
    assert_string_equal(migration->name, "flags");
    assert_false(migration->manual);
    assert_int_equal(migration->up.count, 1);
    assert_string_equal(step->name, "flags");
    assert_string_equal(step->read, "SELECT name, enabled FROM feature_flags");
    assert_int_equal(step->read_line, 4);
    assert_int_equal(step->read_column, 11);
    assert_int_equal(step->key_count, 1);
    assert_string_equal(step->key[0], "name");
    assert_int_equal(step->write_count, 2);
    assert_int_equal(step->command_count, 3);
    assert_string_equal(step->commands[1].text, "SADD flags ${name}");
    assert_int_equal(step->commands[1].line, 8);
    assert_int_equal(step->commands[1].column, 9);
    assert_false(step->commands[1].is_publish);
    assert_true(step->commands[2].is_publish);
    assert_int_equal(step->batch, 0);
    assert_int_equal(step->pause_ms, -1);
    assert_true(migration->has_down);
    assert_string_equal(migration->down.items[0].name, "step 1");
    assert_int_equal(step_guarantee(step, NULL), GUARANTEE_EXACTLY_ONCE);
    migration_free(migration);
}

static void test_every_key(void **state)
{
    struct migration *migration =
        parse("up:\n"
              "  - read: |\n"
              "      -- all of them\n"
              "      SELECT a, b FROM t; -- done\n"
              "    from: OTHER_URL\n"
              "    key: [a, b]\n"
              "    batch: 50\n"
              "    pause: 2s\n"
              "    write: |\n"
              "\n"
              "      SET a ${a}\n"
              "\n"
              "        SET b ${b}\n"
              "    publish: [one, {channel: two}]\n"
              "  - sql: UPDATE t SET c = 'x; y';\n"
              "publish: {channel: done, message: '${rows} of ${name}'}\n"
              "manual: true\n");
    const struct step *step = &migration->up.items[0];
    (void)state;

    assert_string_equal(step->read, "-- all of them\nSELECT a, b FROM t");
    assert_int_equal(step->read_line, 3);
    assert_string_equal(step->from, "OTHER_URL");
    assert_int_equal(step->key_count, 2);
    assert_int_equal(step->batch, 50);
    assert_int_equal(step->pause_ms, 2000);
    assert_int_equal(step->write_count, 2);
    assert_int_equal(step->command_count, 4);
    assert_int_equal(step->commands[0].line, 11);
    assert_int_equal(step->commands[0].column, 7);
    assert_int_equal(step->commands[1].line, 13);
    assert_int_equal(step->commands[1].column, 9);
    assert_string_equal(migration->up.items[1].sql, "UPDATE t SET c = 'x; y'");
    assert_int_equal(migration->up.items[1].command_count, 0);
    assert_int_equal(migration->announcement_count, 1);
    assert_true(migration->manual);
    assert_false(migration->has_down);
    migration_free(migration);
}

static void test_arguments_as_list(void **state)
{
    struct migration *migration = parse("up:\n"
                                        "  - write:\n"
                                        "      - [SET, 'a b', \"x\\0y\", '']\n"
                                        "      - \"SET \\\"c d\\\" '#'\" # a remark\n"
                                        "      - SADD tags red # another\n");
    const struct command *commands = migration->up.items[0].commands;
    const char *text = NULL;
    size_t length = 0;
    (void)state;

    assert_int_equal(commands[0].argument_count, 4);
    assert_true(template_is_literal(commands[0].arguments[2], &text, &length));
    assert_int_equal(length, 3);
    assert_memory_equal(text, "x\0y", 3);
    assert_int_equal(commands[1].argument_count, 3);
    assert_true(template_is_literal(commands[1].arguments[2], &text, &length));
    assert_string_equal(text, "#");
    assert_int_equal(commands[2].argument_count, 3);
    migration_free(migration);
}

/* The same migration from another system's editor has the same checksum. */
static void test_line_ends(void **state)
{
    struct migration *plain = parse("up:\n  - write: SET a b\n");
    struct migration *other = parse("\xEF\xBB\xBFup:\r\n  - write: SET a b\r\n");
    struct migration *changed = parse("up:\n  - write: SET a c\n");
    (void)state;

    assert_string_equal(plain->definition, "up:\n  - write: SET a b\n");
    assert_string_equal(other->definition, plain->definition);
    assert_string_equal(other->checksum, plain->checksum);
    assert_string_not_equal(changed->checksum, plain->checksum);
    migration_free(plain);
    migration_free(other);
    migration_free(changed);
}

static void test_file_names(void **state)
{
    static const struct {
        const char *file;
        int result;
        int64_t version;
        const char *name;
    } cases[] = {
        {"20200211131900_migrate_flags_to_redis.yaml", 1, 20200211131900,
         "migrate_flags_to_redis"},
        {"1_a.yml", 1, 1, "a"},
        {"0000000000000000000000000000001_a.yaml", 1, 1, "a"},
        {"9223372036854775807_most.yaml", 1, INT64_MAX, "most"},
        {"9223372036854775808_more.yaml", -1, 0, NULL},
        {"0_nothing.yaml", -1, 0, NULL},
        {"000_nothing.yaml", -1, 0, NULL},
        {"1_a.b.yaml", 1, 1, "a.b"},
        {"1.yaml", 1, 1, ""},
        {"1_.yaml", 1, 1, ""},
        {"1a.yaml", 1, 1, ""},
        {"flags.yaml", 0, 0, NULL},
        {"_1.yaml", 0, 0, NULL},
        {"-1_a.yaml", 0, 0, NULL},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t version = 0;
        const char *name = NULL;
        size_t length = 0;
        int result = migration_file_name(cases[i].file, &version, &name, &length);
        if (result != cases[i].result) fail_msg("%s: %d", cases[i].file, result);
        if (result != 1) continue;
        assert_int_equal(version, cases[i].version);
        assert_int_equal(length, strlen(cases[i].name));
        assert_memory_equal(name, cases[i].name, length);
    }
}

static const char VALID[] = "up:\n  - read: |\n      SELECT a\n    key: [a]\n    write:\n"
                            "      - \"SET ${a} b\"\n      - [SET, 'x', y]\n    publish: z\n";

/* ---- complaints ------------------------------------------------------------------------- */

static int try_bytes(const char *file, const char *bytes, size_t length, struct error *err)
{
    struct migration_source source = {file, 1, "x", bytes, length};
    struct migration *migration = NULL;
    int result = migration_file_parse(&migration, &source, err);

    assert_int_equal(result, migration != NULL ? 0 : -1);
    migration_free(migration);
    return result;
}

static const struct invalid_files files = {TESTS_DIRECTORY "/fixtures/invalid", ".yaml",
                                           try_bytes, VALID};

static void test_invalid_files(void **state)
{
    (void)state;
    assert_true(invalid_files_check(&files) > 100);
}

static void test_mutations(void **state)
{
    (void)state;
    invalid_files_mutate(&files);
}

static void test_every_prefix(void **state)
{
    (void)state;
    invalid_files_cut(&files);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    invalid_files_starve(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract_example),  cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_arguments_as_list), cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_file_names),        cmocka_unit_test(test_invalid_files),
        cmocka_unit_test(test_every_prefix),      cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
