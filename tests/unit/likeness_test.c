/* Replies as trees, and whether they are what a test file expects. */
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
#include "error.h"
#include "likeness.h"
#include "reply.h"
#include "test_file.h"

struct world {
    struct arena arena;
    struct reply_reader *reader;
    struct migration_test *test;
    struct test_value got;
    const struct test_value *expected;
};

/* Have reply (RESP) answer command, which is expected to answer yaml. */
static void answer(struct world *world, const char *command, const char *yaml,
                   const char *reply)
{
    struct error err = {0};
    char text[2048];
    const struct reply *read = NULL;
    (void)snprintf(text, sizeof text, "expect:\n  redis:\n    - %s: %s\n", command, yaml);
    *world = (struct world){0};
    if (test_file_parse(&world->test, "t.test.yaml", text, strlen(text), &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(reply_reader_new(&world->reader, &err), 0);
    assert_int_equal(reply_reader_feed(world->reader, reply, strlen(reply), &err), 0);
    assert_int_equal(reply_reader_next(world->reader, &read, &err), 1);
    world->expected = &world->test->expect.checks[0].reply;
    const struct likeness_rule rule = likeness_rule_of(&world->test->expect.checks[0].command);
    assert_int_equal(likeness_of_reply(read, rule.is_list ? NULL : world->expected,
                                       &world->arena, &world->got, &err),
                     0);
}

static void leave(struct world *world)
{
    migration_test_free(world->test);
    reply_reader_free(world->reader);
    arena_release(&world->arena);
}

static int holds(const char *command, const char *yaml, const char *reply)
{
    struct world world;
    struct error err = {0};
    answer(&world, command, yaml, reply);
    const struct likeness_rule rule = likeness_rule_of(&world.test->expect.checks[0].command);
    struct test_value wanted, got;
    assert_int_equal(likeness_settle(world.expected, &rule, &world.arena, &wanted, &err), 0);
    assert_int_equal(likeness_settle(&world.got, &rule, &world.arena, &got, &err), 0);
    const int result = likeness_holds(&wanted, &got, &rule);
    leave(&world);
    return result;
}

static void assert_shown(const char *command, const char *yaml, const char *reply,
                         const char *shown)
{
    struct world world;
    struct buffer text = {0};
    answer(&world, command, yaml, reply);
    likeness_append(&text, &world.got);
    assert_string_equal(buffer_text(&text), shown);
    buffer_release(&text);
    leave(&world);
}

static void texts_are_compared_as_texts(void **state)
{
    (void)state;
    assert_int_equal(holds("GET a", "x", "$1\r\nx\r\n"), 1);
    assert_int_equal(holds("GET a", "x", "$1\r\ny\r\n"), 0);
    assert_int_equal(holds("GET a", "x", "$2\r\nxx\r\n"), 0);
    assert_int_equal(holds("EXISTS a", "1", ":1\r\n"), 1);
    assert_int_equal(holds("EXISTS a", "\"1\"", ":1\r\n"), 1);
    assert_int_equal(holds("EXISTS a", "01", ":1\r\n"), 0);
    assert_int_equal(holds("TYPE a", "hash", "+hash\r\n"), 1);
    assert_int_equal(holds("GET a", "''", "$0\r\n\r\n"), 1);
}

static void nil_is_null_and_no_text(void **state)
{
    (void)state;
    assert_int_equal(holds("GET a", "null", "$-1\r\n"), 1);
    assert_int_equal(holds("GET a", "~", "*-1\r\n"), 1);
    assert_int_equal(holds("GET a", "null", "$4\r\nnull\r\n"), 0);
    assert_int_equal(holds("GET a", "\"null\"", "$4\r\nnull\r\n"), 1);
    assert_int_equal(holds("GET a", "''", "$-1\r\n"), 0);
    assert_int_equal(holds("MGET a b", "[x, null]", "*2\r\n$1\r\nx\r\n$-1\r\n"), 1);
}

static void lists_have_an_order_and_sets_have_none(void **state)
{
    static const char ba[] = "*2\r\n$1\r\nb\r\n$1\r\na\r\n";
    (void)state;
    assert_int_equal(holds("LRANGE l 0 -1", "[b, a]", ba), 1);
    assert_int_equal(holds("LRANGE l 0 -1", "[a, b]", ba), 0);
    assert_int_equal(holds("LRANGE l 0 -1", "[b]", ba), 0);
    assert_int_equal(holds("LRANGE l 0 -1", "[b, a, a]", ba), 0);
    assert_int_equal(holds("LRANGE l 0 -1", "b", ba), 0);
    assert_int_equal(holds("SMEMBERS s", "[a, b]", ba), 1);
    assert_int_equal(holds("smembers s", "[a, b]", ba), 1);
    assert_int_equal(holds("KEYS *", "[a, b]", ba), 1);
    assert_int_equal(holds("HKEYS h", "[a, b]", ba), 1);
    assert_int_equal(holds("SINTER s t", "[a, c]", ba), 0);
    assert_int_equal(holds("SMEMBERS s", "[a, a]", ba), 0);
    assert_int_equal(holds("SMEMBERS s", "[]", "*0\r\n"), 1);
    assert_int_equal(holds("SMEMBERS s", "[]", ba), 0);
    assert_int_equal(holds("SMEMBERS s", "null", "*0\r\n"), 0);
}

static void what_has_an_order_within_a_set_keeps_it(void **state)
{
    static const char places[] = "*2\r\n*2\r\n$1\r\nb\r\n*2\r\n$1\r\n3\r\n$1\r\n4\r\n"
                                 "*2\r\n$1\r\na\r\n*2\r\n$1\r\n1\r\n$1\r\n2\r\n";
    static const char scan[] = "*2\r\n$1\r\n0\r\n*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\na\r\n"
                               "$1\r\n1\r\n";
    (void)state;
    assert_int_equal(holds("GEOSEARCH g WITHCOORD", "[[a, [1, 2]], [b, [3, 4]]]", places), 1);
    assert_int_equal(holds("GEOSEARCH g WITHCOORD", "[[a, [2, 1]], [b, [3, 4]]]", places), 0);
    assert_int_equal(holds("SSCAN s 0", "[0, [1, 2, a, b]]", scan), 1);
    assert_int_equal(holds("SSCAN s 0", "[[1, 2, a, b], 0]", scan), 0);
    assert_int_equal(holds("HSCAN h 0", "[0, [a, 1, b, 2]]", scan), 1);
    assert_int_equal(holds("HSCAN h 0", "[0, {a: 1, b: 2}]", scan), 1);
    assert_int_equal(holds("HSCAN h 0", "[0, [a, 2, b, 1]]", scan), 0);
    assert_int_equal(holds("ZSCAN z 0", "[0, [a, 1, b, 2]]", scan), 1);
    assert_int_equal(holds("ZSCAN z 0", "[0, [a, 2, b, 1]]", scan), 0);
}

static void hashes_are_mappings(void **state)
{
    static const char hash[] = "*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\na\r\n$1\r\n1\r\n";
    static const char odd[] = "*1\r\n$1\r\nb\r\n";
    (void)state;
    assert_int_equal(holds("HGETALL h", "{a: 1, b: 2}", hash), 1);
    assert_int_equal(holds("HGETALL h", "{b: 2, a: 1}", hash), 1);
    assert_int_equal(holds("HGETALL h", "{a: 2, b: 1}", hash), 0);
    assert_int_equal(holds("HGETALL h", "{a: 1}", hash), 0);
    assert_int_equal(holds("HGETALL h", "{a: 1, b: 2, c: 3}", hash), 0);
    assert_int_equal(holds("HGETALL h", "{}", "*0\r\n"), 1);
    /* As a list, too: pairs in any order, but not names and values mixed. */
    assert_int_equal(holds("HGETALL h", "[a, 1, b, 2]", hash), 1);
    assert_int_equal(holds("HGETALL h", "[a, b, 1, 2]", hash), 0);
    assert_int_equal(holds("ZRANGE z 0 -1 WITHSCORES", "{a: 1, b: 2}", hash), 1);
    assert_int_equal(holds("ZRANGE z 0 -1 WITHSCORES", "[a, 1, b, 2]", hash), 0);
    assert_int_equal(holds("LRANGE l 0 -1", "{b: 1}", odd), 0);
}

/* hash: b 2 a 1, flat, as RESP2 answers names and values. */
static void words_among_the_arguments_decide_what_is_answered(void **state)
{
    static const char hash[] = "*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\na\r\n$1\r\n1\r\n";
    static const char names[] = "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nb\r\n$1\r\na\r\n";
    (void)state;
    assert_int_equal(holds("HRANDFIELD h 2 WITHVALUES", "{a: 1, b: 2}", hash), 1);
    assert_int_equal(holds("hrandfield h 2 withvalues", "[a, 1, b, 2]", hash), 1);
    assert_int_equal(holds("HRANDFIELD h 2 WITHVALUES", "[a, 2, b, 1]", hash), 0);
    assert_int_equal(holds("HRANDFIELD h 2 WITHVALUES", "{a: 1, b: 3}", hash), 0);
    assert_int_equal(holds("HRANDFIELD h 4", "[1, 2, a, b]", hash), 1);
    assert_int_equal(holds("HRANDFIELD h 4", "{a: 1, b: 2}", hash), 0);
    assert_int_equal(holds("ZRANDMEMBER z 2 WITHSCORES", "{a: 1, b: 2}", hash), 1);
    assert_int_equal(holds("ZRANDMEMBER z 2 WITHSCORES", "[a, 1, b, 2]", hash), 1);
    assert_int_equal(holds("ZRANDMEMBER z 2 WITHSCORES", "[a, 2, b, 1]", hash), 0);
    assert_int_equal(holds("ZRANDMEMBER withscores 4", "[1, 2, a, b]", hash), 1);
    assert_int_equal(holds("HSCAN h 0 NOVALUES", "[0, [a, b]]", names), 1);
    assert_int_equal(holds("HSCAN h 0 COUNT 9 NOVALUES", "[0, {b: a}]", names), 0);
    assert_int_equal(holds("HSCAN h 0", "[0, [b, a]]", names), 1);
    assert_int_equal(holds("HSCAN h 0", "[0, [a, b]]", names), 0);
}

static void what_is_a_list_is_no_mapping(void **state)
{
    static const char two[] = "*2\r\n$3\r\nAda\r\n$6\r\nLondon\r\n";
    (void)state;
    assert_int_equal(holds("HMGET u name city", "[Ada, London]", two), 1);
    assert_int_equal(holds("HMGET u name city", "{Ada: London}", two), 0);
    assert_int_equal(holds("MGET name city", "{Ada: London}", two), 0);
    assert_int_equal(holds("LRANGE u 0 -1", "{Ada: London}", two), 0);
    assert_int_equal(holds("SMEMBERS u", "{Ada: London}", two), 0);
    assert_shown("HMGET u name city", "{name: Ada, city: London}", two, "[Ada, London]");
}

static void a_star_is_any_id(void **state)
{
    static const char entries[] = "*1\r\n*2\r\n$15\r\n1700000000000-0\r\n"
                                  "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n*\r\n";
    static const char pending[] = "*1\r\n*4\r\n$3\r\n1-1\r\n$3\r\nada\r\n:17\r\n:1\r\n";
    static const char read[] =
        "*1\r\n*2\r\n$1\r\nx\r\n*1\r\n*2\r\n$3\r\n5-0\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n";
    (void)state;
    assert_int_equal(holds("XRANGE x - +", "[['*', {a: 1, b: '*'}]]", entries), 1);
    assert_int_equal(holds("XREVRANGE x + -", "[['*', [a, 1, b, '*']]]", entries), 1);
    assert_int_equal(holds("XRANGE x - +", "{'*': {a: 1, b: '*'}}", entries), 1);
    assert_int_equal(holds("XRANGE x - +", "[['*', {a: '*', b: '*'}]]", entries), 0);
    assert_int_equal(holds("XRANGE x - +", "[['**', {a: 1, b: '*'}]]", entries), 0);
    assert_int_equal(holds("XRANGE x - +", "['*']", entries), 0);
    /* Also beside ids that have a name, wherever it stands. */
    const char *const two = "*2\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n"
                            "*2\r\n$15\r\n1700000000000-0\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n";
    assert_int_equal(holds("XRANGE x - +", "{1-1: {a: 1}, '*': {b: 2}}", two), 1);
    assert_int_equal(holds("XRANGE x - +", "{'*': {b: 2}, 1-1: {a: 1}}", two), 1);
    assert_int_equal(holds("XRANGE x - +", "{'*': {a: 1}, 1700000000000-0: {b: 2}}", two), 1);
    assert_int_equal(holds("XRANGE x - +", "{1-1: {a: 1}, '*': {b: 3}}", two), 0);
    assert_int_equal(holds("XRANGE x - +", "{2-1: {a: 1}, '*': {b: 2}}", two), 0);
    assert_int_equal(holds("XRANGE x - +", "{1-1: {a: 2}, '*': {b: 2}}", two), 0);
    assert_int_equal(holds("LRANGE x - +", "[['*', [a, 1, b, '*']]]", entries), 0);
    assert_int_equal(holds("XREAD STREAMS x 0", "{x: [['*', {a: 1}]]}", read), 1);
    assert_int_equal(holds("XREAD STREAMS x 0", "[[x, [['*', {a: 1}]]]]", read), 1);
    assert_int_equal(holds("XPENDING x g - + 9", "[['*', ada, '*', 1]]", pending), 1);
    assert_int_equal(holds("XPENDING x g - + 9", "[['*', '*', '*', 1]]", pending), 0);
    assert_int_equal(holds("GET x", "'*'", "$3\r\n1-1\r\n"), 0);
}

/* What an entry holds may look like an id, and so may a stream's name. */
static void a_star_is_no_value_that_looks_like_an_id(void **state)
{
    static const char *const fits[] = {
        "[['*', {'*': '*', id: 17-0, 3-3: x}]]", "[['*', ['*', '*', id, 17-0, 3-3, x]]]",
        "{'*': {'*': '*', id: 17-0, 3-3: x}}", "[{'*': {'*': '*', id: 17-0, 3-3: x}}]"};
    static const char *const fails[] = {"[['*', {'*': '*', id: '*', 3-3: x}]]",
                                        "[['*', ['*', '*', id, '*', 3-3, x]]]",
                                        "{'*': {'*': '*', id: '*', 3-3: x}}",
                                        "[{'*': {'*': '*', id: '*', 3-3: x}}]",
                                        "[['*', {a: '*', id: 17-0, '*': x}]]",
                                        "[['*', ['*', '*', id, 17-0, '*', x]]]",
                                        "[['*', {'*': '*', id: 17-0, 3-4: x}]]",
                                        "[['*', '*']]",
                                        "['*', '*']",
                                        "'*'"};
    static const char entries[] = "*1\r\n*2\r\n$3\r\n5-5\r\n*6\r\n$1\r\n*\r\n$1\r\n*\r\n"
                                  "$2\r\nid\r\n$4\r\n17-0\r\n$3\r\n3-3\r\n$1\r\nx\r\n";
    static const char read[] = "*1\r\n*2\r\n$3\r\n9-9\r\n*1\r\n*2\r\n$3\r\n5-0\r\n"
                               "*2\r\n$1\r\na\r\n$3\r\n1-1\r\n";
    (void)state;
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++)
        assert_int_equal(holds("XRANGE x - +", fits[i], entries), 1);
    for (size_t i = 0; i < sizeof fails / sizeof *fails; i++)
        assert_int_equal(holds("XREVRANGE x + -", fails[i], entries), 0);
    assert_int_equal(holds("XREAD STREAMS 9-9 0", "{9-9: {'*': {a: 1-1}}}", read), 1);
    assert_int_equal(holds("XREAD STREAMS 9-9 0", "[[9-9, [['*', [a, 1-1]]]]]", read), 1);
    assert_int_equal(holds("XREAD STREAMS 9-9 0", "{'*': {'*': {a: 1-1}}}", read), 0);
    assert_int_equal(holds("XREAD STREAMS 9-9 0", "[['*', [['*', [a, 1-1]]]]]", read), 0);
    assert_int_equal(holds("XREAD STREAMS 9-9 0", "{9-9: {'*': {a: '*'}}}", read), 0);
    assert_int_equal(holds("XREAD STREAMS 9-9 0", "[[9-9, [['*', [a, '*']]]]]", read), 0);
}

static void places_are_compared_as_places(void **state)
{
    static const char place[] =
        "*1\r\n*2\r\n$20\r\n13.36138933897018433\r\n$20\r\n38.11555639549629859\r\n";
    (void)state;
    assert_int_equal(holds("GEOPOS g a", "[[13.361389, 38.115556]]", place), 1);
    assert_int_equal(
        holds("GEOPOS g a", "[[13.36138933897018433, 38.11555639549629859]]", place), 1);
    assert_int_equal(holds("GEOPOS g a", "[[13.3614, 38.115556]]", place), 0);
    assert_int_equal(holds("GEOPOS g a", "[[x, 38.115556]]", place), 0);
    assert_int_equal(holds("GEOPOS g a", "[['', 38.115556]]", place), 0);
    assert_int_equal(holds("GEOPOS g a", "[null]", "*1\r\n*-1\r\n"), 1);
    assert_int_equal(holds("LRANGE g 0 1", "[[13.361389, 38.115556]]", place), 0);
}

static void what_maps_is_a_mapping_where_that_is_expected(void **state)
{
    static const char lcs[] = "*4\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:"
                              "5\r\n:8\r\n$3\r\nlen\r\n:4\r\n";
    static const char pending[] =
        "*4\r\n:2\r\n$3\r\n1-1\r\n$3\r\n2-1\r\n*1\r\n*2\r\n$3\r\nada\r\n$1\r\n2\r\n";
    (void)state;
    assert_int_equal(holds("LCS a b IDX", "{len: 4, matches: [[[4, 7], [5, 8]]]}", lcs), 1);
    assert_int_equal(holds("LCS a b IDX", "[matches, [[[4, 7], [5, 8]]], len, 4]", lcs), 1);
    assert_int_equal(holds("XPENDING x g", "[2, 1-1, 2-1, {ada: 2}]", pending), 1);
    assert_int_equal(holds("XPENDING x g", "[2, '*', '*', [[ada, 2]]]", pending), 1);
    assert_int_equal(holds("XPENDING x g", "[2, 1-1, 2-1, [[ada, 1]]]", pending), 0);
}

static void what_is_nested_is_compared_to_its_depth(void **state)
{
    static const char entries[] =
        "*2\r\n"
        "*2\r\n$3\r\n1-1\r\n*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n"
        "*2\r\n$3\r\n2-1\r\n*2\r\n$1\r\nc\r\n$1\r\n3\r\n";
    (void)state;
    assert_int_equal(holds("XRANGE x - +", "[[1-1, [a, 1, b, 2]], [2-1, [c, 3]]]", entries), 1);
    assert_int_equal(holds("XRANGE x - +", "[[1-1, {b: 2, a: 1}], [2-1, {c: 3}]]", entries), 1);
    assert_int_equal(holds("XRANGE x - +", "{1-1: {b: 2, a: 1}, 2-1: {c: 3}}", entries), 1);
    assert_int_equal(holds("XRANGE x - +", "{1-1: {b: 2, a: 1}, 2-1: {c: 4}}", entries), 0);
    assert_int_equal(holds("XRANGE x - +", "[[2-1, [c, 3]], [1-1, [a, 1, b, 2]]]", entries), 0);
}

static void times_may_be_some_seconds_apart(void **state)
{
    (void)state;
    assert_int_equal(holds("TTL a", "100", ":95\r\n"), 1);
    assert_int_equal(holds("TTL a", "100", ":94\r\n"), 0);
    assert_int_equal(holds("TTL a", "100", ":105\r\n"), 1);
    assert_int_equal(holds("TTL a", "100", ":106\r\n"), 0);
    assert_int_equal(holds("PTTL a", "100000", ":95000\r\n"), 1);
    assert_int_equal(holds("PTTL a", "100000", ":94999\r\n"), 0);
    /* No TTL, and no key, are not times. */
    assert_int_equal(holds("TTL a", "-1", ":-1\r\n"), 1);
    assert_int_equal(holds("TTL a", "-1", ":-2\r\n"), 0);
    assert_int_equal(holds("TTL a", "1", ":-1\r\n"), 0);
    assert_int_equal(holds("TTL a", "-1", ":3\r\n"), 0);
    /* Of nothing else. */
    assert_int_equal(holds("GET a", "100", "$2\r\n99\r\n"), 0);
    assert_int_equal(holds("EXPIRETIME a", "100", ":99\r\n"), 0);
}

static void trees_are_shown_as_a_command_line_would_take_them(void **state)
{
    (void)state;
    assert_shown("GET a", "x", "$3\r\na b\r\n", "\"a b\"");
    assert_shown("GET a", "x", "$1\r\nx\r\n", "x");
    assert_shown("GET a", "x", "$-1\r\n", "nil");
    assert_shown("GET a", "x", "$3\r\nnil\r\n", "\"nil\"");
    assert_shown("GET a", "x", "$0\r\n\r\n", "\"\"");
    assert_shown("LRANGE a 0 -1", "x", "*2\r\n$1\r\na\r\n:3\r\n", "[a, 3]");
    assert_shown("HGETALL a", "{}", "*2\r\n$1\r\na\r\n$1\r\nb\r\n", "{a: b}");
    assert_shown("HGETALL a", "x", "*0\r\n", "[]");
}

static void what_is_long_is_cut(void **state)
{
    struct buffer text = {0};
    char bytes[5000];
    (void)state;
    memset(bytes, 'x', sizeof bytes);
    likeness_append_text(&text, bytes, sizeof bytes);
    assert_true(text.length < 1100);
    assert_non_null(strstr(buffer_text(&text), "… (5000 bytes)"));
    buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_compared_as_texts),
        cmocka_unit_test(nil_is_null_and_no_text),
        cmocka_unit_test(lists_have_an_order_and_sets_have_none),
        cmocka_unit_test(what_has_an_order_within_a_set_keeps_it),
        cmocka_unit_test(hashes_are_mappings),
        cmocka_unit_test(words_among_the_arguments_decide_what_is_answered),
        cmocka_unit_test(what_is_a_list_is_no_mapping),
        cmocka_unit_test(a_star_is_any_id),
        cmocka_unit_test(a_star_is_no_value_that_looks_like_an_id),
        cmocka_unit_test(places_are_compared_as_places),
        cmocka_unit_test(what_maps_is_a_mapping_where_that_is_expected),
        cmocka_unit_test(what_is_nested_is_compared_to_its_depth),
        cmocka_unit_test(times_may_be_some_seconds_apart),
        cmocka_unit_test(trees_are_shown_as_a_command_line_would_take_them),
        cmocka_unit_test(what_is_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
