/* Two states of a Redis, compared key by key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drift.h"
#include "error.h"
#include "redis_state.h"
#include "verdict.h"

enum { NOW_MS = 1700000000, MOST = 4 };

static struct test_value text(const char *bytes)
{
    return (struct test_value){.kind = TEST_TEXT, .text = bytes, .length = strlen(bytes)};
}

/* A tree of texts, separated by blanks, in items. */
static struct test_value tree(enum test_value_kind kind, struct test_value items[8],
                              char words[64], const char *all)
{
    struct test_value value = {.kind = kind, .items = items};
    char *rest = NULL;
    (void)snprintf(words, 64, "%s", all);
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        items[value.count++] = text(word);
    return value;
}

static struct redis_state_key key(const char *name, const char *type, struct test_value value)
{
    return (struct redis_state_key){
        .name = name, .length = strlen(name), .type = type, .ttl_ms = -1, .value = value};
}

/* What is noted of two states of so many keys, in one text: "what: expected|got; …". */
static const char *noted(struct redis_state_key *one, size_t count,
                         struct redis_state_key *other, size_t other_count, int64_t since_ms)
{
    static char all[2048];
    const struct redis_state before = {.keys = one, .count = count, .taken_ms = NOW_MS};
    const struct redis_state after = {
        .keys = other, .count = other_count, .taken_ms = NOW_MS + 60000};
    const struct drift_manner manner = {.since_ms = since_ms, .moment = "then"};
    struct verdict verdict = {0};
    struct error err = {0};
    assert_int_equal(drift_note(&before, &after, &manner, &verdict, &err), 0);
    all[0] = '\0';
    for (size_t i = 0; i < verdict.count; i++) {
        const struct verdict_difference *item = &verdict.items[i];
        const size_t used = strlen(all);
        assert_string_equal(item->moment, "then");
        (void)snprintf(all + used, sizeof all - used, "%s%s: %s|%s", i > 0 ? "; " : "",
                       item->what, item->expected, item->got);
    }
    verdict_release(&verdict);
    return all;
}

static const char *noted_of(struct redis_state_key one, struct redis_state_key other)
{
    return noted(&one, 1, &other, 1, 0);
}

static void keys_come_and_go(void **state)
{
    struct redis_state_key one[] = {key("a", "string", text("1")),
                                    key("b", "string", text("2"))};
    struct redis_state_key other[] = {key("b", "string", text("2")),
                                      key("b c", "string", text("3"))};
    (void)state;
    assert_string_equal(noted(one, 2, other, 2, 0),
                        "key a: 1|no such key; key \"b c\": no such key|3");
    assert_string_equal(noted(one, 2, one, 2, 0), "");
    assert_string_equal(noted(one, 0, one, 0, 0), "");
}

static void values_differ_in_their_parts(void **state)
{
    struct test_value one[8], other[8];
    char words[64], other_words[64];
    (void)state;
    assert_string_equal(noted_of(key("k", "string", text("1")), key("k", "string", text("2"))),
                        "key k: 1|2");
    assert_string_equal(
        noted_of(key("k", "hash", tree(TEST_MAPPING, one, words, "a 1 b 2 c 3")),
                 key("k", "hash", tree(TEST_MAPPING, other, other_words, "b 3 c 3 d 4"))),
        "key k, field a: 1|nothing; key k, field b: 2|3; key k, field d: nothing|4");
    assert_string_equal(noted_of(key("k", "set", tree(TEST_LIST, one, words, "a b")),
                                 key("k", "set", tree(TEST_LIST, other, other_words, "b c"))),
                        "key k, member a: there|nothing; key k, member c: nothing|there");
    assert_string_equal(
        noted_of(key("k", "zset", tree(TEST_MAPPING, one, words, "a 1")),
                 key("k", "zset", tree(TEST_MAPPING, other, other_words, "a 2"))),
        "key k, member a: 1|2");
    assert_string_equal(
        noted_of(key("k", "list", tree(TEST_LIST, one, words, "a b")),
                 key("k", "list", tree(TEST_LIST, other, other_words, "a c d"))),
        "key k, element 1: b|c; key k, element 2: nothing|d");
    assert_string_equal(
        noted_of(key("k", "ReJSON-RL", text("1")), key("k", "ReJSON-RL", text("2"))),
        "key k: 1|2");
}

static void a_type_is_told_before_a_value(void **state)
{
    struct test_value items[8];
    char words[64];
    (void)state;
    assert_string_equal(noted_of(key("k", "string", text("1")),
                                 key("k", "list", tree(TEST_LIST, items, words, "1"))),
                        "key k, type: string|list");
}

/* The states are a minute apart. */
static void ttls_may_run_or_be_renewed(void **state)
{
    static const struct {
        int64_t before_ms, after_ms;
        const char *noted;
    } cases[] = {
        {-1, -1, ""},
        {100000, 100000, ""}, /* renewed */
        {100000, 95000, ""},
        {100000, 40000, ""}, /* left alone */
        {100000, 36000, ""},
        {100000, 34000, "key k, TTL: 100.000 s|34.000 s"},
        {100000, 70000, "key k, TTL: 100.000 s|70.000 s"},
        {100000, 106000, "key k, TTL: 100.000 s|106.000 s"},
        {-1, 1500, "key k, TTL: none|1.500 s"},
        {1000, -1, "key k, TTL: 1.000 s|none"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct redis_state_key one = key("k", "string", text("1")), other = one;
        one.ttl_ms = cases[i].before_ms;
        other.ttl_ms = cases[i].after_ms;
        assert_string_equal(noted_of(one, other), cases[i].noted);
    }
}

/* Of fields as of keys; a field that only one of them has is told of by its value. */
static void ttls_of_fields_are_compared(void **state)
{
    struct test_value one[8], other[8];
    char words[64], other_words[64];
    int64_t before[] = {100000, -1, 100000, 5000}, after[] = {100000, 30000};
    struct redis_state_key left =
        key("k", "hash", tree(TEST_MAPPING, one, words, "a 1 b 2 c 3 d 4"));
    struct redis_state_key right =
        key("k", "hash", tree(TEST_MAPPING, other, other_words, "a 1 c 3"));
    (void)state;
    left.field_ttls_ms = before;
    right.field_ttls_ms = after;
    assert_string_equal(noted_of(left, right),
                        "key k, field b: 2|nothing; key k, field d: 4|nothing; "
                        "key k, TTL of field c: 100.000 s|30.000 s");
    right.field_ttls_ms = NULL;
    assert_string_equal(noted_of(left, right),
                        "key k, field b: 2|nothing; key k, field d: 4|nothing; "
                        "key k, TTL of field a: 100.000 s|none; "
                        "key k, TTL of field c: 100.000 s|none");
    right.field_ttls_ms = after;
    left.field_ttls_ms = NULL;
    assert_string_equal(noted_of(right, right), "");
    assert_string_equal(noted_of(left, right),
                        "key k, field b: 2|nothing; key k, field d: 4|nothing; "
                        "key k, TTL of field a: none|100.000 s; "
                        "key k, TTL of field c: none|30.000 s");
}

/* A stream of one entry, in items. */
static struct test_value stream(struct test_value items[4], const char *id, const char *value)
{
    items[3] = text(value);
    items[1] = text(id);
    items[2] = (struct test_value){.kind = TEST_LIST, .items = &items[3], .count = 1};
    items[0] = (struct test_value){.kind = TEST_LIST, .items = &items[1], .count = 2};
    return (struct test_value){.kind = TEST_LIST, .items = items, .count = 1};
}

static void ids_that_are_times_may_differ_where_that_is_said(void **state)
{
    struct test_value one[4], other[4];
    struct redis_state_key before = key("k", "stream", stream(one, "1700000000-0", "x"));
    struct redis_state_key after = key("k", "stream", stream(other, "1700000009-1", "x"));
    (void)state;
    assert_string_equal(noted(&before, 1, &after, 1, NOW_MS), "");
    assert_string_equal(noted(&before, 1, &after, 1, 0),
                        "key k, entry 0: [1700000000-0, [x]]|[1700000009-1, [x]]");
    assert_string_equal(noted(&before, 1, &after, 1, NOW_MS + 1),
                        "key k, entry 0: [1700000000-0, [x]]|[1700000009-1, [x]]");
    after = key("k", "stream", stream(other, "1700000009-1", "y"));
    assert_string_equal(noted(&before, 1, &after, 1, NOW_MS),
                        "key k, entry 0: [1700000000-0, [x]]|[1700000009-1, [y]]");
}

static void groups_are_compared(void **state)
{
    struct test_value one[8], other[8];
    char words[64], other_words[64];
    struct redis_state_key before = key("k", "stream", (struct test_value){.kind = TEST_LIST});
    struct redis_state_key after = before;
    (void)state;
    before.groups = tree(TEST_MAPPING, one, words, "a 1-0 g 1700000000-0 h 2-0");
    after.groups = tree(TEST_MAPPING, other, other_words, "a 1-1 g 1700000009-1 i 2-0");
    assert_string_equal(noted(&before, 1, &after, 1, NOW_MS),
                        "key k, group a: 1-0|1-1; key k, group h: 2-0|nothing; "
                        "key k, group i: nothing|2-0");
    assert_string_equal(noted(&before, 1, &after, 1, 0),
                        "key k, group a: 1-0|1-1; "
                        "key k, group g: 1700000000-0|1700000009-1; "
                        "key k, group h: 2-0|nothing; key k, group i: nothing|2-0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_and_go),
        cmocka_unit_test(values_differ_in_their_parts),
        cmocka_unit_test(a_type_is_told_before_a_value),
        cmocka_unit_test(ttls_may_run_or_be_renewed),
        cmocka_unit_test(ttls_of_fields_are_compared),
        cmocka_unit_test(ids_that_are_times_may_differ_where_that_is_said),
        cmocka_unit_test(groups_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
