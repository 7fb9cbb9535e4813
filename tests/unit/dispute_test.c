/* dispute: places are told apart by key, kind and name, settled one by one or by their key, and
 * there is an end to how many are watched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dispute.h"

static uint32_t settled[DISPUTES_MOST];
static size_t settled_count;

static void over(void *context, uint32_t finding)
{
    assert_ptr_equal(context, &settled_count);
    settled[settled_count++] = finding;
}

static struct dispute_place place(const char *key, enum dispute_kind kind, const char *name)
{
    return (struct dispute_place){key, strlen(key), kind, name, strlen(name)};
}

static size_t settle(struct disputes *disputes, const char *key, enum dispute_kind kind,
                     const char *name)
{
    const struct dispute_place at = place(key, kind, name);
    settled_count = 0;
    disputes_settle(disputes, &at, over, &settled_count);
    return settled_count;
}

static void test_places(void **state)
{
    (void)state;
    struct disputes *disputes = disputes_new();
    const struct dispute_place places[] = {
        place("k", DISPUTE_VALUE, ""),
        place("k", DISPUTE_ABSENT, ""),
        place("k", DISPUTE_TTL, ""),
        place("k", DISPUTE_NAMED, ""),
        place("k", DISPUTE_NAMED, "a"),
        place("ka", DISPUTE_NAMED, ""),
        place("", DISPUTE_NAMED, "ka"),
        place("a-longer-key", DISPUTE_NAMED, "a-longer-name"),
        place("a-longer-kez", DISPUTE_NAMED, "a-longer-name"),
        place("a-longer-key", DISPUTE_NAMED, "a-longer-namf"),
    };
    enum { COUNT = sizeof places / sizeof *places };
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(disputes_open(disputes, &places[i], i), 1);
    assert_int_equal(disputes_count(disputes), COUNT);
    assert_int_equal(settle(disputes, "other", DISPUTE_VALUE, ""), 0);
    assert_int_equal(settle(disputes, "k", DISPUTE_NAMED, "b"), 0);
    for (uint32_t i = 4; i < COUNT; i++) {
        settled_count = 0;
        disputes_settle(disputes, &places[i], over, &settled_count);
        assert_int_equal(settled_count, 1);
        assert_int_equal(settled[0], i);
    }
    settled_count = 0;
    disputes_settle_key(disputes, "k", 1, over, &settled_count);
    assert_int_equal(settled_count, 4);
    assert_int_equal(disputes_count(disputes), 0);
    disputes_settle_key(disputes, "k", 1, over, &settled_count);
    assert_int_equal(settled_count, 4);
    disputes_free(disputes);
    disputes_free(NULL);
}

static void test_the_same_place_twice(void **state)
{
    (void)state;
    struct disputes *disputes = disputes_new();
    const struct dispute_place at = place("k", DISPUTE_NAMED, "f");
    assert_int_equal(disputes_open(disputes, &at, 1), 1);
    assert_int_equal(disputes_open(disputes, &at, 2), 1);
    assert_int_equal(settle(disputes, "k", DISPUTE_NAMED, "f"), 2);
    assert_int_equal(settled[0] + settled[1], 3);
    disputes_free(disputes);
}

/* One key with very many names, and very many keys; up to the last place, and then again. */
static void test_many(void **state)
{
    (void)state;
    struct disputes *disputes = disputes_new();
    char name[32], key[32];
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < DISPUTES_MOST; i++) {
            const bool is_one_key = i % 2 == 0;
            (void)snprintf(name, sizeof name, "name%u", i);
            (void)snprintf(key, sizeof key, "key%u", i);
            const struct dispute_place at =
                place(is_one_key ? "set" : key, DISPUTE_NAMED, name);
            assert_int_equal(disputes_open(disputes, &at, i), 1);
        }
        const struct dispute_place one_more = place("more", DISPUTE_VALUE, "");
        assert_int_equal(disputes_open(disputes, &one_more, 1), 0);
        for (uint32_t i = 1; i < DISPUTES_MOST; i += 2) {
            (void)snprintf(name, sizeof name, "name%u", i);
            (void)snprintf(key, sizeof key, "key%u", i);
            assert_int_equal(settle(disputes, key, DISPUTE_NAMED, name), 1);
            assert_int_equal(settled[0], i);
        }
        assert_int_equal(settle(disputes, "set", DISPUTE_NAMED, "name4"), 1);
        settled_count = 0;
        disputes_settle_key(disputes, "set", 3, over, &settled_count);
        assert_int_equal(settled_count, DISPUTES_MOST / 2 - 1);
        assert_int_equal(disputes_count(disputes), 0);
    }
    disputes_free(disputes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_the_same_place_twice),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
