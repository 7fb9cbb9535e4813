/* throttle: late answers slow a run down at once, timely ones give it back bit by bit, and what
 * cannot be told changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "throttle.h"

enum { LIMIT_US = 5000, LATE_US = 8000, QUICK_US = 400 };

static void note(struct throttle *throttle, int64_t took_us, int times)
{
    for (int i = 0; i < times; i++) throttle_note(throttle, took_us, took_us);
}

static struct throttle begun(bool is_fixed)
{
    struct throttle throttle = {.limit_us = LIMIT_US};
    throttle_begin(&throttle, 1000, is_fixed);
    return throttle;
}

static void test_is_off_unless_asked_for(void **state)
{
    struct throttle throttle = {0};
    (void)state;
    assert_false(throttle_is_on(&throttle));
    throttle_begin(&throttle, 1000, false);
    note(&throttle, 10 * 1000 * 1000, 100);
    assert_false(throttle_is_on(&throttle));
    assert_int_equal(throttle.rows, 1000);
    assert_int_equal(throttle.wait_us, 0);
}

static void test_timely_answers_change_nothing(void **state)
{
    struct throttle throttle = begun(false);
    (void)state;
    note(&throttle, LIMIT_US, 100);
    assert_false(throttle_is_on(&throttle));
    assert_int_equal(throttle.took_us, LIMIT_US);
}

static void test_slows_down_at_once(void **state)
{
    struct throttle throttle = begun(false);
    (void)state;
    note(&throttle, LATE_US, 1);
    assert_true(throttle_is_on(&throttle));
    assert_int_equal(throttle.wait_us, LATE_US);
    assert_int_equal(throttle.rows, 500);
    note(&throttle, LATE_US, 1);
    assert_int_equal(throttle.wait_us, 2 * LATE_US);
    assert_int_equal(throttle.rows, 250);
}

static void test_knows_bounds(void **state)
{
    struct throttle throttle = begun(false);
    (void)state;
    note(&throttle, LATE_US, 1000);
    assert_int_equal(throttle.wait_us, THROTTLE_LONGEST_US);
    assert_int_equal(throttle.rows, THROTTLE_LEAST_ROWS);
    throttle_begin(&throttle, 3, false);
    note(&throttle, LATE_US, 1);
    assert_int_equal(throttle.rows, 3);
}

static void test_keeps_to_the_rows_that_were_said(void **state)
{
    struct throttle throttle = begun(true);
    (void)state;
    note(&throttle, LATE_US, 10);
    assert_int_equal(throttle.rows, 1000);
    assert_true(throttle.wait_us > LATE_US);
    note(&throttle, QUICK_US, 100);
    assert_false(throttle_is_on(&throttle));
}

/* First the wait goes, then the rows come back. */
static void test_recovers(void **state)
{
    struct throttle throttle = begun(false);
    int answers = 0;
    (void)state;
    note(&throttle, LATE_US, 4);
    while (throttle.wait_us > 0) {
        note(&throttle, QUICK_US, 1);
        assert_true(++answers < 20);
    }
    assert_int_equal(throttle.rows, 62);
    assert_true(throttle_is_on(&throttle));
    while (throttle_is_on(&throttle)) {
        const int64_t before = throttle.rows;
        note(&throttle, QUICK_US, 1);
        assert_true(throttle.rows > before && throttle.rows <= 1000);
        assert_true(++answers < 40);
    }
    assert_int_equal(throttle.rows, 1000);
}

/* The answer was there when we came back, and may have been for long. */
static void test_what_is_not_known_does_not_count(void **state)
{
    struct throttle throttle = begun(false);
    (void)state;
    throttle_note(&throttle, 0, LATE_US);
    assert_false(throttle_is_on(&throttle));
    note(&throttle, LATE_US, 1);
    throttle_note(&throttle, QUICK_US, LATE_US);
    assert_int_equal(throttle.wait_us, LATE_US);
    assert_int_equal(throttle.rows, 500);
}

/* Another step, and the wait between steps: Redis is still the same. */
static void test_remembers_across_steps(void **state)
{
    struct throttle throttle = begun(false);
    (void)state;
    note(&throttle, LATE_US, 3);
    const int64_t wait_us = throttle.wait_us;
    throttle_begin(&throttle, 200, false);
    assert_int_equal(throttle.wait_us, wait_us);
    assert_int_equal(throttle.rows, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_off_unless_asked_for),
        cmocka_unit_test(test_timely_answers_change_nothing),
        cmocka_unit_test(test_slows_down_at_once),
        cmocka_unit_test(test_knows_bounds),
        cmocka_unit_test(test_keeps_to_the_rows_that_were_said),
        cmocka_unit_test(test_recovers),
        cmocka_unit_test(test_what_is_not_known_does_not_count),
        cmocka_unit_test(test_remembers_across_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
