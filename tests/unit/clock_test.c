/* clock: dates as they are written everywhere, clocks that go forward, waits that double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "clock.h"

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_ms;
        const char *text;
        const char *stamp;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z", "19700101000000"},
        {1740819600123, "2025-03-01T09:00:00.123Z", "20250301090000"},
        {1709164800000, "2024-02-29T00:00:00.000Z", "20240229000000"},
        {1735689599999, "2024-12-31T23:59:59.999Z", "20241231235959"},
        {-1, "1969-12-31T23:59:59.999Z", "19691231235959"},
        {-1000, "1969-12-31T23:59:59.000Z", "19691231235959"},
        {253402300799999, "9999-12-31T23:59:59.999Z", "99991231235959"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[CLOCK_TEXT_SIZE];
        assert_ptr_equal(clock_text(cases[i].wall_ms, text), text);
        assert_string_equal(text, cases[i].text);
        assert_ptr_equal(clock_stamp(cases[i].wall_ms, text), text);
        assert_string_equal(text, cases[i].stamp);
    }
}

static void test_texts_are_read_again(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t wall_ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2025-03-01T09:00:00.123Z", 1740819600123},
        {"2025-03-01T09:00:00.123987Z", 1740819600123},
        {"2025-03-01T09:00:00.1Z", 1740819600100},
        {"1969-12-31T23:59:59.999Z", -1},
    };
    static const char *const wrong[] = {"",
                                        "2025-03-01",
                                        "2025-03-01T09:00:00",
                                        "2025-03-01T09:00:00.12",
                                        "2025-03-01T09:00:00Z ",
                                        "2025-03-01 09:00:00Z"};
    int64_t wall_ms = 7;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (clock_parse(wrong[i], &wall_ms) == 0) fail_msg("'%s' is a time", wrong[i]);
    assert_int_equal(wall_ms, 7);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(clock_parse(cases[i].text, &wall_ms), 0);
        assert_int_equal(wall_ms, cases[i].wall_ms);
    }
}

static void test_zone_does_not_matter(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    assert_int_equal(setenv("TZ", "Pacific/Auckland", 1), 0);
    tzset();
    assert_string_equal(clock_text(1740819600123, text), "2025-03-01T09:00:00.123Z");
    assert_string_equal(clock_stamp(1740819600123, text), "20250301090000");
}

/* Times that no calendar has are still terminated. */
static void test_far_away(void **state)
{
    (void)state;
    static const int64_t times[] = {INT64_MAX, INT64_MIN, INT64_C(1) << 60};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[CLOCK_TEXT_SIZE];
        assert_true(strlen(clock_text(times[i], text)) < CLOCK_TEXT_SIZE);
        assert_true(strlen(clock_stamp(times[i], text)) < CLOCK_TEXT_SIZE);
    }
}

static void test_clocks(void **state)
{
    (void)state;
    /* A tick may be late where the machine is busy, but it is never ahead. */
    const int64_t glance = clock_glance_ms();
    assert_true(glance <= clock_monotonic_ms() && glance > clock_monotonic_ms() - 10000);
    assert_true(clock_glance_ms() >= glance);
    int64_t last = clock_monotonic();
    assert_true(last > 0);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_monotonic();
        assert_true(now >= last);
        last = now;
    }
    int64_t ms = clock_monotonic_ms();
    assert_true(ms >= last / 1000000 && ms <= clock_monotonic() / 1000000);

    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t wall_ms = clock_wall_ms();
    assert_true(wall_ms >= before - 1000 && wall_ms <= ((int64_t)time(NULL) + 2) * 1000);
}

static void test_backoff_doubles(void **state)
{
    (void)state;
    static const int64_t steps[] = {100, 200, 400, 800, 1000, 1000, 1000};
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct clock_backoff backoff = {.first_ms = 100, .most_ms = 1000, .random = seed};
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            int64_t wait_ms = clock_backoff_next(&backoff);
            assert_in_range(wait_ms, steps[i] - steps[i] / 4, steps[i]);
        }
    }
}

/* Waiters that start together drift apart. */
static void test_backoff_scatters(void **state)
{
    (void)state;
    enum { WAITERS = 50 };
    int differ = 0;
    int64_t first = 0;
    struct clock_backoff waiters[WAITERS];
    for (int i = 0; i < WAITERS; i++) {
        waiters[i] = (struct clock_backoff){.first_ms = 10000, .most_ms = 10000};
        int64_t wait_ms = clock_backoff_next(&waiters[i]);
        if (i == 0) first = wait_ms;
        if (wait_ms != first) differ++;
    }
    assert_true(differ > WAITERS / 2);
}

static void test_backoff_limits(void **state)
{
    (void)state;
    struct clock_backoff nothing = {0};
    struct clock_backoff reversed = {.first_ms = 500, .most_ms = 100};
    struct clock_backoff endless = {.first_ms = INT64_MAX / 2, .most_ms = INT64_MAX};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(clock_backoff_next(&nothing), 1);
        assert_in_range(clock_backoff_next(&reversed), 75, 100);
        assert_true(clock_backoff_next(&endless) >= INT64_MAX / 2 / 4 * 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_texts_are_read_again),
        cmocka_unit_test(test_zone_does_not_matter),
        cmocka_unit_test(test_far_away),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_backoff_doubles),
        cmocka_unit_test(test_backoff_scatters),
        cmocka_unit_test(test_backoff_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
