/* What two values differ in, told part by part, where it is expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "buffer.h"
#include "contrast.h"
#include "error.h"
#include "likeness.h"
#include "test_file.h"
#include "verdict.h"

/* "LINE:COLUMN what: expected|got" for each difference, a line each. Both values are written as
 * in a test's file, below the command; what is expected stands in line 3. */
static const char *noted(const char *command, const char *expected, const char *got)
{
    static char all[8192];
    struct migration_test *tests[2] = {NULL, NULL};
    const char *const yaml[] = {expected, got};
    struct test_value values[2];
    struct arena arena = {0};
    struct verdict verdict = {0};
    struct error err = {0};
    struct likeness_rule rule = {0};
    for (size_t i = 0; i < 2; i++) {
        struct buffer text = {0};
        buffer_append_format(&text, "expect:\n  redis:\n    - %s: %s\n", command, yaml[i]);
        if (test_file_parse(&tests[i], "t.test.yaml", buffer_text(&text), text.length, &err) !=
            0)
            fail_msg("%s", err.message);
        const struct test_check *check = &tests[i]->expect.checks[0];
        rule = likeness_rule_of(&check->command);
        assert_int_equal(likeness_settle(&check->reply, &rule, &arena, &values[i], &err), 0);
        buffer_release(&text);
    }
    const struct contrast contrast = {&values[0], &values[1], &rule};
    const struct verdict_difference difference = {
        .line = 3, .column = 7, .moment = "then", .what = "X"};
    assert_false(likeness_holds(&values[0], &values[1], &rule));
    assert_int_equal(contrast_note(&contrast, &difference, &verdict, &err), 0);
    all[0] = '\0';
    for (size_t i = 0; i < verdict.count; i++) {
        const struct verdict_difference *item = &verdict.items[i];
        const size_t used = strlen(all);
        assert_string_equal(item->moment, "then");
        (void)snprintf(all + used, sizeof all - used, "%s%d:%d %s: %s|%s", i > 0 ? "\n" : "",
                       item->line, item->column, item->what, item->expected, item->got);
    }
    if (verdict.omitted > 0) {
        const size_t used = strlen(all);
        (void)snprintf(all + used, sizeof all - used, "\n%zu more", verdict.omitted);
    }
    verdict_release(&verdict);
    arena_release(&arena);
    for (size_t i = 0; i < 2; i++) migration_test_free(tests[i]);
    return all;
}

#define LONG_HASH                                                                              \
    "k1: aaaaaaaaaa, k2: bbbbbbbbbb, k3: cccccccccc, k4: dddddddddd, k5: eeeeeeeeee, "

static void what_is_short_is_shown_whole(void **state)
{
    (void)state;
    assert_string_equal(noted("GET x", "a", "b"), "3:7 X: a|b");
    assert_string_equal(noted("GET x", "null", "''"), "3:7 X: nil|\"\"");
    assert_string_equal(noted("HGETALL x", "{a: 1, b: 2}", "{b: 3}"),
                        "3:7 X: {a: 1, b: 2}|{b: 3}");
    assert_string_equal(noted("LRANGE x 0 1", "[a, b]", "[b, a]"), "3:7 X: [a, b]|[b, a]");
    assert_string_equal(noted("GET x", "a", "[a]"), "3:7 X: a|[a]");
}

static void of_a_long_mapping_the_parts_that_differ(void **state)
{
    (void)state;
    assert_string_equal(noted("HGETALL x", "{" LONG_HASH "z: 1}", "{" LONG_HASH "z: 2}"),
                        "3:99 X, at z: 1|2");
    assert_string_equal(
        noted("HGETALL x", "{a: 1, " LONG_HASH "b b: 1}", "{" LONG_HASH "b b: 2, z: 3}"),
        "3:19 X, at a: 1|nothing\n"
        "3:105 X, at \"b b\": 1|2\n"
        "3:7 X, at z: nothing|3");
    /* Where all of it is missing there is nothing to be picked out. */
    assert_string_equal(noted("HGETALL x", "{" LONG_HASH "z: 1}", "{}"),
                        "3:7 X: {" LONG_HASH "z: 1}|{}");
}

static void an_id_under_a_star_is_the_one_it_stands_for(void **state)
{
    (void)state;
    assert_string_equal(noted("XRANGE x - +", "{'*': {" LONG_HASH "z: 1}, 1-1: {a: 1}}",
                              "{170-0: {" LONG_HASH "z: 1}, 1-1: {a: 2}}"),
                        "3:115 X, at 1-1: {a: 1}|{a: 2}");
    assert_string_equal(noted("XRANGE x - +", "{'*': {" LONG_HASH "z: 1}, 1-1: {a: 1}}",
                              "{170-0: {" LONG_HASH "z: 2}, 1-1: {a: 1}}"),
                        "3:108 X, at *, at z: 1|2");
    assert_string_equal(
        noted("XRANGE x - +", "{'*': {" LONG_HASH "z: 1}, 1-1: {a: 1}}", "{1-1: {a: 1}}"),
        "3:22 X, at *: {" LONG_HASH "z: 1}|nothing");
    assert_string_equal(noted("XRANGE x - +", "[['*', {" LONG_HASH "z: '*'}]]",
                              "[[170-0, {" LONG_HASH "z: 1-1}]]"),
                        "3:109 X, element 0, element 1, at z: *|1-1");
}

static void of_many_parts_the_first_and_how_many(void **state)
{
    struct buffer one = {0}, other = {0};
    (void)state;
    for (int i = 10; i < 30; i++) {
        buffer_append_format(&one, "%s f%d: x", i > 10 ? "," : "{", i);
        buffer_append_format(&other, "%s f%d: y", i > 10 ? "," : "{", i);
    }
    buffer_append_char(&one, '}');
    buffer_append_char(&other, '}');
    const char *text = noted("HGETALL x", buffer_text(&one), buffer_text(&other));
    assert_non_null(strstr(text, "X, at f19: x|y\n10 more"));
    assert_null(strstr(text, "f20"));
    buffer_release(&one);
    buffer_release(&other);
}

static void of_a_long_text_where_it_becomes_another(void **state)
{
    (void)state;
    assert_string_equal(
        noted(
            "GET x",
            "'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor'",
            "'Lorem ipsum dolor sit amet, consectetuer adipiscing elit, sed do eiusmod "
            "tempor'"),
        "3:7 X, from byte 38: "
        "…\"sit amet, consectetur adipiscing elit, sed do \"… (78 bytes)|"
        "…\"sit amet, consectetuer adipiscing elit, sed do\"… (79 bytes)");
    /* One that is the beginning of the other. */
    assert_string_equal(noted("GET x",
                              "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffg",
                              "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"),
                        "3:7 X, from byte 60: …eeeeeeeeeeffffffffffg|…eeeeeeeeeeffffffffff");
}

static void what_may_look_alike_is_given_its_place(void **state)
{
    (void)state;
    assert_string_equal(noted("GET x", "\"Zo\\u00e9\"", "\"Zoe\\u0301\""),
                        "3:7 X, from byte 2: Zo\xC3\xA9|Zoe\xCC\x81");
    assert_string_equal(noted("GET x", "\"a b\"", "\"a\\u00a0b\""),
                        "3:7 X, from byte 1: \"a b\"|a\xC2\xA0"
                        "b");
    assert_string_equal(noted("GET x", "Zoé", "Zoë"), "3:7 X, from byte 2: Zoé|Zoë");
    assert_string_equal(noted("GET x", "éa", "éb"), "3:7 X: éa|éb");
}

/* Bytes as SETBIT leaves them, each of which could be the inside of a character, are none. */
static void of_bytes_that_are_no_text_where_they_differ(void **state)
{
    static const struct likeness_rule as_it_stands = {0};
    char one[200], other[200];
    struct verdict verdict = {0};
    struct error err = {0};
    const struct test_value values[] = {{.kind = TEST_TEXT, .text = one, .length = 199},
                                        {.kind = TEST_TEXT, .text = other, .length = 199}};
    const struct contrast contrast = {&values[0], &values[1], &as_it_stands};
    const struct verdict_difference difference = {.moment = "then", .what = "X"};
    (void)state;
    memset(one, 0x80, sizeof one);
    one[199] = '\0';
    memcpy(other, one, sizeof other);
    other[150] = '\x81';
    assert_int_equal(contrast_note(&contrast, &difference, &verdict, &err), 0);
    assert_int_equal(verdict.count, 1);
    assert_string_equal(verdict.items[0].what, "X, from byte 150");
    assert_null(strstr(verdict.items[0].expected, "\\x81"));
    assert_non_null(strstr(verdict.items[0].got, "\\x81"));
    verdict_release(&verdict);
}

#define LONG_LIST "aaaaaaaaaa, bbbbbbbbbb, cccccccccc, dddddddddd, eeeeeeeeee, ffffffffff"

static void of_a_long_list_the_elements_that_differ(void **state)
{
    (void)state;
    assert_string_equal(
        noted("LRANGE x 0 -1", "[a, " LONG_LIST ", c]", "[b, " LONG_LIST ", d]"),
        "3:23 X, element 0: a|b\n"
        "3:98 X, element 7: c|d");
    assert_string_equal(noted("LRANGE x 0 -1", "[a, b, " LONG_LIST "]", "[a, " LONG_LIST "]"),
                        "3:7 X: [… 1 the same, b, … 6 the same]|[… 1 the same, … 6 the same]");
    assert_string_equal(
        noted("LRANGE x 0 -1", "[a, b, " LONG_LIST "]", "[b, a, " LONG_LIST "]"),
        "3:23 X, element 0: a|b\n"
        "3:26 X, element 1: b|a");
    assert_string_equal(
        noted("LRANGE x 0 -1", "[a, b, c, d, e, f, " LONG_LIST "]",
              "[b, c, d, e, f, a, " LONG_LIST "]"),
        "3:7 X: [a, b, c, d, e, f, … 6 the same]|[b, c, d, e, f, a, … 6 the same]");
    assert_string_equal(noted("SMEMBERS x", "[z, " LONG_LIST "]", "[" LONG_LIST ", y, x]"),
                        "3:7 X: [z, … 6 the same]|[x, y, … 6 the same]");
    assert_string_equal(
        noted("SSCAN x 0", "[0, [z, " LONG_LIST "]]", "[0, [" LONG_LIST ", y]]"),
        "3:22 X, element 1: [z, … 6 the same]|[y, … 6 the same]");
}

static void rows_are_told_by_their_places(void **state)
{
    (void)state;
    assert_string_equal(noted("LRANGE x 0 -1", "[[" LONG_LIST ", 1], [" LONG_LIST ", 2]]",
                              "[[" LONG_LIST ", 1], [" LONG_LIST ", 3]]"),
                        "3:173 X, element 1, element 6: 2|3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_short_is_shown_whole),
        cmocka_unit_test(of_a_long_mapping_the_parts_that_differ),
        cmocka_unit_test(an_id_under_a_star_is_the_one_it_stands_for),
        cmocka_unit_test(of_many_parts_the_first_and_how_many),
        cmocka_unit_test(of_a_long_text_where_it_becomes_another),
        cmocka_unit_test(what_may_look_alike_is_given_its_place),
        cmocka_unit_test(of_bytes_that_are_no_text_where_they_differ),
        cmocka_unit_test(of_a_long_list_the_elements_that_differ),
        cmocka_unit_test(rows_are_told_by_their_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
