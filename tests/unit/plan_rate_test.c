/* plan_rate: only runs of many rows count, of which nobody asked anything, the migration's own
 * before others', the newest, and not too many of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agenda.h"
#include "arena.h"
#include "plan_rate.h"

static struct run run_of(int64_t id, int64_t version, int64_t rows, const char *end)
{
    return (struct run){.id = id,
                        .version = version,
                        .tally = {.rows_read = rows},
                        .started_at = "2025-03-01T09:00:00.000Z",
                        .updated_at = end};
}

#define TWO_SECONDS  "2025-03-01T09:00:02.000Z"
#define FOUR_SECONDS "2025-03-01T09:00:04.000000Z"

static void expect(const struct run *runs, size_t count, double rate, const char *text)
{
    struct arena arena = {0};
    struct plan_rate found;
    assert_int_equal(
        plan_rate_find(&found, runs, count, (struct plan_rate_of){7, false}, &arena), 0);
    assert_true(found.rows_per_second == rate);
    if (text == NULL)
        assert_null(found.text);
    else
        assert_string_equal(found.text, text);
    arena_release(&arena);
}

static void test_nothing_to_go_by(void **state)
{
    (void)state;
    struct run runs[] = {
        run_of(9, 7, 999, TWO_SECONDS),
        run_of(8, 7, 5000, "2025-03-01T09:00:00.000Z"),
        run_of(7, 7, 5000, "some day"),
        run_of(6, 7, 5000, NULL),
    };
    expect(runs, 0, 0, NULL);
    expect(runs, 4, 0, NULL);
    /* One that is still under way has come this far; so had one that was killed, whoever ended
     * it. */
    runs[3].updated_at = TWO_SECONDS;
    expect(runs, 4, 2500, "run 6 of this migration");
    runs[3].finished_at = "2025-03-04T09:00:00.000Z";
    expect(runs, 4, 2500, "run 6 of this migration");
}

/* For how long it was paused is not known, nor whether it was. */
static void test_what_was_asked_of_one(void **state)
{
    (void)state;
    struct run runs[] = {
        run_of(5, 7, 8000, FOUR_SECONDS),
        run_of(4, 7, 8000, TWO_SECONDS),
        run_of(3, 8, 2000, TWO_SECONDS),
    };
    runs[0].requested_at = "2025-03-01T09:00:01.000Z";
    expect(runs, 3, 4000, "run 4 of this migration");
    runs[1].requested_at = "2025-03-01T09:00:01.000Z";
    expect(runs, 3, 1000, "run 3 of another migration");
    expect(runs, 2, 0, NULL);
}

static void test_its_own_before_others(void **state)
{
    (void)state;
    struct run runs[] = {
        run_of(5, 8, 9000, TWO_SECONDS),
        run_of(4, 7, 8000, TWO_SECONDS),
        run_of(3, 9, 1000, FOUR_SECONDS),
        run_of(2, 7, 1000, FOUR_SECONDS),
    };
    expect(runs, 4, 1500, "the last 2 runs of this migration");
    expect(runs, 3, 4000, "run 4 of this migration");
    runs[1].down = runs[3].down = true;
    expect(runs, 1, 4500, "run 5 of another migration");
    expect(runs, 4, 19000.0 / 12, "the last 4 runs of other migrations");
}

static void test_the_newest(void **state)
{
    (void)state;
    struct run runs[7];
    for (int64_t i = 0; i < 7; i++)
        runs[i] = run_of(20 - i, 7, i < PLAN_RATE_RUNS ? 1000 : 1000000, TWO_SECONDS);
    expect(runs, 7, 500, "the last 5 runs of this migration");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_go_by),
        cmocka_unit_test(test_what_was_asked_of_one),
        cmocka_unit_test(test_its_own_before_others),
        cmocka_unit_test(test_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
