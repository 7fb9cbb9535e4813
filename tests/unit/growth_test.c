/* growth: batches grow where the server is seen idle again and again, and for no other reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "growth.h"

enum { QUICK_US = 500, FAR_US = 2000 };

/* Idle for so much of the round trip, while more was there to be sent. */
static void note_idle(struct growth *growth, int64_t rows, int64_t idle_us, int64_t busy_us)
{
    const struct growth_sign sign = {.rows = rows,
                                     .is_followed = true,
                                     .idle_us = idle_us,
                                     .took_us = FAR_US + busy_us,
                                     .round_trip_us = FAR_US};
    growth_note(growth, &sign);
}

/* Late by so little that it may be chance; or in time by far. */
static void note(struct growth *growth, int64_t rows, bool was_late, int64_t busy_us)
{
    note_idle(growth, rows, was_late ? 1 : -FAR_US, busy_us);
}

static void note_often(struct growth *growth, unsigned times, bool was_late, int64_t busy_us)
{
    for (unsigned i = 0; i < times; i++) note(growth, growth->rows, was_late, busy_us);
}

/* What takes them in, not what executes them, is to fill the round trip. */
static void test_grows_where_the_server_waits(void **state)
{
    struct growth growth;
    (void)state;
    growth_begin(&growth, 1000, false);
    for (unsigned i = 0; i < 2; i++) note_idle(&growth, 1000, FAR_US * 2 / 5, QUICK_US);
    assert_int_equal(growth.rows, 1000);
    note_idle(&growth, 1000, FAR_US * 2 / 5, QUICK_US);
    assert_int_equal(growth.rows, 1000 * 5 / 4 * 5 / 3);
}

/* Idle for long because of a long round trip is enough to be seen once. Longer than that: it
 * was we who were late. */
static void test_grows_sooner_where_it_is_plain(void **state)
{
    static const struct {
        int64_t idle_us, round_trip_us;
        bool is_plain;
    } cases[] = {
        {1000, 2000, true}, {999, 2000, false}, {500, 1000, true},
        {499, 600, false},  {2500, 2000, true}, {2501, 2000, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct growth_sign sign = {.rows = 1000,
                                         .is_followed = true,
                                         .idle_us = cases[i].idle_us,
                                         .took_us = cases[i].round_trip_us + 100,
                                         .round_trip_us = cases[i].round_trip_us};
        struct growth growth;
        growth_begin(&growth, 1000, false);
        growth_note(&growth, &sign);
        assert_int_equal(growth.rows > 1000, cases[i].is_plain);
    }
}

/* Where nothing more was there to be sent, nobody waited. */
static void test_the_last_one_says_nothing(void **state)
{
    const struct growth_sign last = {
        .rows = 1000, .idle_us = FAR_US, .took_us = FAR_US + QUICK_US, .round_trip_us = FAR_US};
    struct growth growth;
    (void)state;
    growth_begin(&growth, 1000, false);
    for (unsigned i = 0; i < 10; i++) growth_note(&growth, &last);
    assert_int_equal(growth.rows, 1000);
}

/* In time, but by so little that the next one may not be. */
static void test_hardly_in_time_is_late(void **state)
{
    struct growth growth;
    (void)state;
    growth_begin(&growth, 1000, false);
    for (unsigned i = 0; i < 10; i++) note_idle(&growth, 1000, -FAR_US / 8, QUICK_US);
    assert_int_equal(growth.rows, 1000);
    for (unsigned i = 0; i < 3; i++) note_idle(&growth, 1000, -FAR_US / 8 + 1, QUICK_US);
    assert_true(growth.rows > 1000);
}

/* All of a small batch answered at once: it seems to have been taken in in no time. */
static void test_how_long_taking_in_takes_at_least(void **state)
{
    struct growth growth;
    (void)state;
    growth_begin(&growth, 1000, false);
    note_idle(&growth, 1000, FAR_US, 3 * QUICK_US);
    assert_int_equal(growth.rows, 1000 * FAR_US * 5 / 4 / QUICK_US);
}

/* Few are made ahead of a size that may not be the last one. */
static void test_is_likely_until_one_is_in_time(void **state)
{
    struct growth growth;
    (void)state;
    growth_begin(&growth, 1000, true);
    assert_false(growth_is_likely(&growth, FAR_US));
    growth_begin(&growth, 1000, false);
    assert_false(growth_is_likely(&growth, GROWTH_NEAR_US - 1));
    assert_true(growth_is_likely(&growth, FAR_US));
    note_often(&growth, 3, true, QUICK_US);
    assert_true(growth.rows > 1000);
    assert_true(growth_is_likely(&growth, FAR_US));
    note(&growth, 1000, false, QUICK_US);
    assert_true(growth_is_likely(&growth, FAR_US));
    note_often(&growth, 1, false, QUICK_US);
    assert_false(growth_is_likely(&growth, FAR_US));
}

/* Where that was not enough, whatever the figures say. */
static void test_grows_on(void **state)
{
    struct growth growth;
    (void)state;
    growth_begin(&growth, 1000, false);
    note_often(&growth, 3, true, FAR_US);
    assert_int_equal(growth.rows, 1500);
    note_often(&growth, 3, true, 3 * FAR_US / 2);
    assert_int_equal(growth.rows, 2250);
}

static void test_stays_as_it_was_said(void **state)
{
    struct growth growth;
    (void)state;
    growth_begin(&growth, 100, true);
    note_often(&growth, 100, true, QUICK_US);
    assert_int_equal(growth.rows, 100);
}

static void test_chance_is_no_reason(void **state)
{
    struct growth growth;
    (void)state;
    growth_begin(&growth, 1000, false);
    for (unsigned i = 0; i < 100; i++) {
        note_often(&growth, 2, true, QUICK_US);
        note_often(&growth, 2, false, QUICK_US);
    }
    note_often(&growth, 1000, false, QUICK_US);
    assert_int_equal(growth.rows, 1000);
}

/* Those of the size before it are still on their way when it has grown. */
static void test_smaller_batches_say_nothing(void **state)
{
    struct growth growth;
    (void)state;
    growth_begin(&growth, 1000, false);
    for (unsigned i = 0; i < 100; i++) note(&growth, 999, true, QUICK_US);
    assert_int_equal(growth.rows, 1000);
    note_often(&growth, 3, true, FAR_US);
    for (unsigned i = 0; i < 100; i++) note(&growth, 1000, true, FAR_US);
    assert_int_equal(growth.rows, 1500);
}

static void test_a_near_server_is_not_waited_for(void **state)
{
    const struct growth_sign near = {.rows = 1000,
                                     .is_followed = true,
                                     .idle_us = 1,
                                     .took_us = QUICK_US,
                                     .round_trip_us = GROWTH_NEAR_US - 1};
    struct growth growth;
    (void)state;
    growth_begin(&growth, 1000, false);
    for (unsigned i = 0; i < 100; i++) growth_note(&growth, &near);
    assert_int_equal(growth.rows, 1000);
}

static void test_others_are_served_in_between(void **state)
{
    struct growth growth;
    (void)state;
    growth_begin(&growth, 1000, false);
    note_often(&growth, 100, true, GROWTH_MOST_BUSY_US);
    assert_int_equal(growth.rows, 1000);
    growth_begin(&growth, 1000, false);
    note_often(&growth, 3, true, GROWTH_MOST_BUSY_US * 4 / 5);
    assert_int_equal(growth.rows, 1250);
    note_often(&growth, 100, true, GROWTH_MOST_BUSY_US);
    assert_int_equal(growth.rows, 1250);
}

/* A round trip that seemed longer than it was leaves nothing of an EXEC's time, or less. */
static void test_no_server_is_done_at_once(void **state)
{
    struct growth growth;
    (void)state;
    growth_begin(&growth, 1000, false);
    note_idle(&growth, 1000, FAR_US, -FAR_US);
    assert_in_range(growth.rows, 1001, GROWTH_MOST_BUSY_US * 1000 / GROWTH_LEAST_NS);
}

/* One that stood still counts for nothing beside one that did not. */
static void test_the_least_counts(void **state)
{
    struct growth growth;
    (void)state;
    growth_begin(&growth, 1000, false);
    note_often(&growth, 1, true, FAR_US);
    note_often(&growth, 2, true, 10 * GROWTH_MOST_BUSY_US);
    assert_int_equal(growth.rows, 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_where_the_server_waits),
        cmocka_unit_test(test_grows_sooner_where_it_is_plain),
        cmocka_unit_test(test_the_last_one_says_nothing),
        cmocka_unit_test(test_hardly_in_time_is_late),
        cmocka_unit_test(test_how_long_taking_in_takes_at_least),
        cmocka_unit_test(test_is_likely_until_one_is_in_time),
        cmocka_unit_test(test_grows_on),
        cmocka_unit_test(test_stays_as_it_was_said),
        cmocka_unit_test(test_chance_is_no_reason),
        cmocka_unit_test(test_smaller_batches_say_nothing),
        cmocka_unit_test(test_a_near_server_is_not_waited_for),
        cmocka_unit_test(test_the_least_counts),
        cmocka_unit_test(test_no_server_is_done_at_once),
        cmocka_unit_test(test_others_are_served_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
