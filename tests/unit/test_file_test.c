/*
 * A test's file: what it becomes, and every complaint with its place. Each file of
 * tests/fixtures/invalid_tests/ has beside it, in NAME.expected, the one line that is said
 * about it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc_fail.h"
#include "error.h"
#include "invalid_files.h"
#include "reader.h"
#include "test_file.h"

static struct migration_test *parse(const char *text)
{
    struct migration_test *test = NULL;
    struct error err = {0};

    if (test_file_parse(&test, "f.test.yaml", text, strlen(text), &err) != 0)
        fail_msg("%s", err.message);
    return test;
}

static const char CONTRACT[] =
    "given:\n"
    "  sql: |\n"
    "    CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean NOT NULL);\n"
    "    INSERT INTO feature_flags VALUES ('2fa_sms', true), ('notifications_beta', false);\n"
    "  redis:\n"
    "    - SADD flags legacy\n"
    "expect:\n"
    "  redis:\n"
    "    - HGET flag:2fa_sms enabled: \"true\"\n"
    "    - SCARD flags: 3\n"
    "  published:\n"
    "    - flags: '{\"name\":\"2fa_sms\",\"enabled\":true}'\n"
    "    - flags: '{\"name\":\"notifications_beta\",\"enabled\":false}'\n"
    "  sql:\n"
    "    - SELECT count(*) FROM feature_flags: 2\n"
    "after_down:\n"
    "  redis:\n"
    "    - EXISTS flag:2fa_sms: 0\n";

static void test_contract_example(void **state)
{
    struct migration_test *test = parse(CONTRACT);
    const struct test_check *check = test->expect.checks;
    (void)state;

    assert_string_equal(test->file, "f.test.yaml");
    assert_true(test->repeatable);
    assert_non_null(strstr(test->sql, "INSERT INTO feature_flags VALUES ('2fa_sms'"));
    assert_int_equal(test->sql_line, 3);
    assert_int_equal(test->sql_column, 5);
    assert_int_equal(test->source_count, 0);
    assert_int_equal(test->command_count, 1);
    assert_string_equal(test->commands[0].arguments[2], "legacy");
    assert_int_equal(test->commands[0].line, 6);
    assert_int_equal(test->expect.line, 7);
    assert_int_equal(test->expect.check_count, 2);
    assert_int_equal(check->command.count, 3);
    assert_string_equal(check->command.text, "HGET flag:2fa_sms enabled");
    assert_string_equal(check->command.arguments[0], "HGET");
    assert_string_equal(check->command.arguments[1], "flag:2fa_sms");
    assert_int_equal(check->command.lengths[1], 12);
    assert_int_equal(check->command.line, 9);
    assert_int_equal(check->command.column, 7);
    assert_int_equal(check->reply.kind, TEST_TEXT);
    assert_string_equal(check->reply.text, "true");
    assert_int_equal(check->reply.column, 34);
    assert_string_equal(check[1].reply.text, "3");
    assert_true(test->expect.has_published);
    assert_int_equal(test->expect.message_count, 2);
    assert_string_equal(test->expect.messages[1].channel, "flags");
    assert_string_equal(test->expect.messages[1].message,
                        "{\"name\":\"notifications_beta\",\"enabled\":false}");
    assert_int_equal(test->expect.messages[1].line, 13);
    assert_int_equal(test->expect.query_count, 1);
    assert_string_equal(test->expect.queries[0].sql, "SELECT count(*) FROM feature_flags");
    assert_string_equal(test->expect.queries[0].value.text, "2");
    assert_int_equal(test->expect.published_line, 11);
    assert_int_equal(test->after_down.line, 16);
    assert_int_equal(test->after_down.column, 1);
    assert_int_equal(test->after_down.check_count, 1);
    assert_false(test->after_down.has_published);
    assert_string_equal(test->after_down.checks[0].command.arguments[1], "flag:2fa_sms");
    migration_test_free(test);
}

static void test_smallest(void **state)
{
    struct migration_test *test = parse("repeatable: false\nexpect:\n  published: [] # none\n");
    (void)state;

    assert_false(test->repeatable);
    assert_null(test->sql);
    assert_int_equal(test->command_count, 0);
    assert_true(test->expect.has_published);
    assert_int_equal(test->expect.message_count, 0);
    assert_int_equal(test->expect.published_line, 3);
    assert_int_equal(test->expect.published_column, 3);
    assert_int_equal(test->expect.check_count, 0);
    assert_int_equal(test->after_down.line, 0);
    migration_test_free(test);
}

static const char FORMS[] = "expect:\n"
                            "  redis:\n"
                            "    - 'GET \"a: b\"': null\n"
                            "    - GET '$${x}': '${x}'\n"
                            "    - \"GET \\\"\\\\x00\\\"\": ~\n"
                            "    - GET c: 'null'\n"
                            "    - GET d: ''\n"
                            "    - GET e: \"x\\0y\"\n"
                            "    - GET f: |\n"
                            "        two\n"
                            "        lines\n"
                            "    - LRANGE g 0 -1: [a, null, [b, 'c, d']]\n"
                            "    - LRANGE h 0 -1: []\n"
                            "    - HGETALL i:\n"
                            "        name: x\n"
                            "        1: {2: y}\n"
                            "    - {GET j: 1.50}\n"
                            "    - FT.SEARCH k l: [1]\n"
                            "  published:\n"
                            "    - 'a: b': ''\n"
                            "    - flags: '${name}'\n"
                            "  sql:\n"
                            "    - SELECT a FROM t;: [1, null]\n"
                            "    - 'SELECT ''a: b''': [[1, null], ['', x]]\n"
                            "    - SELECT a FROM u: []\n"
                            "    - SELECT a FROM v: null\n";

static void test_replies(void **state)
{
    struct migration_test *test = parse(FORMS);
    const struct test_check *check = test->expect.checks;
    const struct test_value *mapping = &check[9].reply;
    (void)state;

    assert_string_equal(check[0].command.arguments[1], "a: b");
    assert_int_equal(check[0].reply.kind, TEST_NIL);
    assert_string_equal(check[1].command.arguments[1], "${x}");
    assert_string_equal(check[1].reply.text, "${x}");
    assert_int_equal(check[2].command.lengths[1], 1);
    assert_int_equal(check[2].command.arguments[1][0], '\0');
    assert_int_equal(check[2].reply.kind, TEST_NIL);
    assert_int_equal(check[3].reply.kind, TEST_TEXT);
    assert_string_equal(check[3].reply.text, "null");
    assert_int_equal(check[4].reply.kind, TEST_TEXT);
    assert_int_equal(check[4].reply.length, 0);
    assert_int_equal(check[5].reply.length, 3);
    assert_memory_equal(check[5].reply.text, "x\0y", 4);
    assert_string_equal(check[6].reply.text, "two\nlines\n");
    assert_int_equal(check[7].reply.kind, TEST_LIST);
    assert_int_equal(check[7].reply.count, 3);
    assert_int_equal(check[7].reply.items[1].kind, TEST_NIL);
    assert_string_equal(check[7].reply.items[2].items[1].text, "c, d");
    assert_int_equal(check[8].reply.kind, TEST_LIST);
    assert_int_equal(check[8].reply.count, 0);
    assert_int_equal(mapping->kind, TEST_MAPPING);
    assert_int_equal(mapping->count, 4);
    assert_string_equal(mapping->items[0].text, "name");
    assert_string_equal(mapping->items[1].text, "x");
    assert_string_equal(mapping->items[2].text, "1");
    assert_int_equal(mapping->items[3].kind, TEST_MAPPING);
    assert_int_equal(mapping->items[3].line, 16);
    assert_string_equal(mapping->items[3].items[1].text, "y");
    assert_string_equal(check[10].reply.text, "1.50");
    assert_int_equal(test->expect.check_count, 12);
    assert_string_equal(test->expect.messages[0].channel, "a: b");
    assert_int_equal(test->expect.messages[0].message_length, 0);
    assert_string_equal(test->expect.messages[1].message, "${name}");
    migration_test_free(test);
}

static void test_queries(void **state)
{
    struct migration_test *test = parse(FORMS);
    const struct test_query *query = test->expect.queries;
    (void)state;

    assert_int_equal(test->expect.query_count, 4);
    assert_string_equal(query[0].sql, "SELECT a FROM t");
    assert_int_equal(query[0].value.items[1].kind, TEST_NIL);
    assert_string_equal(query[1].sql, "SELECT 'a: b'");
    assert_int_equal(query[1].value.items[0].kind, TEST_LIST);
    assert_int_equal(query[1].value.items[0].items[1].kind, TEST_NIL);
    assert_string_equal(query[1].value.items[1].items[1].text, "x");
    assert_int_equal(query[2].value.kind, TEST_LIST);
    assert_int_equal(query[2].value.count, 0);
    assert_int_equal(query[3].value.kind, TEST_NIL);
    migration_test_free(test);
}

/* What is given may be written like `write`, and other databases are filled by their names. */
static void test_given(void **state)
{
    struct migration_test *test = parse("given:\n"
                                        "  redis: |\n"
                                        "    SET a 1\n"
                                        "\n"
                                        "    RPUSH b 'x y'\n"
                                        "  from:\n"
                                        "    OTHER_URL: CREATE TABLE t (a int)\n"
                                        "    _third: |\n"
                                        "      CREATE TABLE u (a int);\n"
                                        "      INSERT INTO u VALUES (1);\n"
                                        "expect:\n"
                                        "  redis: [GET a: 1]\n");
    (void)state;

    assert_int_equal(test->command_count, 2);
    assert_string_equal(test->commands[1].text, "RPUSH b 'x y'");
    assert_string_equal(test->commands[1].arguments[2], "x y");
    assert_int_equal(test->commands[1].line, 5);
    assert_int_equal(test->source_count, 2);
    assert_string_equal(test->sources[0].name, "OTHER_URL");
    assert_string_equal(test->sources[0].sql, "CREATE TABLE t (a int)");
    assert_int_equal(test->sources[0].line, 7);
    assert_int_equal(test->sources[0].column, 16);
    assert_string_equal(test->sources[1].name, "_third");
    assert_int_equal(test->sources[1].line, 9);
    migration_test_free(test);
}

/* ---- complaints ------------------------------------------------------------------------- */

static int try_bytes(const char *file, const char *bytes, size_t length, struct error *err)
{
    struct migration_test *test = NULL;
    int result = test_file_parse(&test, file, bytes, length, err);

    assert_int_equal(result, test != NULL ? 0 : -1);
    migration_test_free(test);
    return result;
}

static const struct invalid_files files = {TESTS_DIRECTORY "/fixtures/invalid_tests",
                                           ".test.yaml", try_bytes, FORMS};

static void test_invalid_files(void **state)
{
    (void)state;
    assert_true(invalid_files_check(&files) > 60);
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

/* Every key that is complained of with others is one of those that are told of. */
static void test_keys(void **state)
{
    const struct reader_keys *keys = NULL;
    size_t kinds = 0, count = 0;
    (void)state;

    for (; (keys = test_file_keys(kinds)) != NULL; kinds++)
        for (size_t i = 0; i < keys->count; i++, count++) {
            assert_non_null(keys->items[i].read);
            assert_int_not_equal(keys->items[i].accepts, 0);
        }
    assert_int_equal(kinds, 4);
    assert_int_equal(count, 13);
}

/* ---- from a file ------------------------------------------------------------------------ */

static void test_read(void **state)
{
    char path[] = "/tmp/rf.XXXXXX.test.yaml";
    struct error err = {0};
    struct migration_test *test = NULL;
    int descriptor = mkstemps(path, (int)strlen(".test.yaml"));
    (void)state;

    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, CONTRACT, strlen(CONTRACT)), strlen(CONTRACT));
    assert_int_equal(close(descriptor), 0);
    assert_int_equal(test_file_read(&test, path, &err), 0);
    assert_string_equal(test->file, path);
    assert_int_equal(test->expect.check_count, 2);
    migration_test_free(test);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(test_file_read(&test, path, &err), -1);
    assert_null(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract_example),
        cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_given),
        cmocka_unit_test(test_invalid_files),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
