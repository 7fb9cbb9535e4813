/*
 * How fast rows go at present: a rate that follows what happens now, falls while nothing does,
 * and is not fooled by rows that come in bursts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "clock.h"
#include "progress.h"

enum { BEGUN = 5000, TICK = 200 };

static void assert_rate(const struct progress_pace *pace, int64_t now_ms, double expected)
{
    const double rate = progress_pace_rate(pace, now_ms);
    if (rate < expected * 0.95 || rate > expected * 1.05)
        fail_msg("%f rows/s, not %f", rate, expected);
}

/* Rows at so many per second for so long, noted as a run does. Returns the rows then. */
static int64_t flow(struct progress_pace *pace, int64_t *now_ms, int64_t rows,
                    int64_t per_second, int64_t seconds)
{
    for (int64_t i = 0; i < seconds * 1000 / TICK; i++) {
        *now_ms += TICK;
        rows += per_second * TICK / 1000;
        progress_pace_note(pace, *now_ms, rows);
    }
    return rows;
}

static void test_follows_the_present(void **state)
{
    (void)state;
    struct progress_pace pace;
    int64_t now_ms = BEGUN;
    progress_pace_begin(&pace, now_ms);
    assert_rate(&pace, now_ms, 0);
    int64_t rows = flow(&pace, &now_ms, 0, 1000, 1);
    assert_rate(&pace, now_ms, 1000);
    rows = flow(&pace, &now_ms, rows, 1000, 60);
    assert_rate(&pace, now_ms, 1000);
    rows = flow(&pace, &now_ms, rows, 50000, 12);
    assert_rate(&pace, now_ms, 50000);
    (void)flow(&pace, &now_ms, rows, 100, 12);
    assert_rate(&pace, now_ms, 100);
}

/* The estimate of the end must not go on as if nothing were the matter. */
static void test_falls_while_nothing_comes(void **state)
{
    (void)state;
    struct progress_pace pace;
    int64_t now_ms = BEGUN;
    progress_pace_begin(&pace, now_ms);
    int64_t rows = flow(&pace, &now_ms, 0, 1000, 30);
    const int64_t stalled_ms = now_ms;
    assert_int_equal(pace.moved_ms, stalled_ms);
    double before = progress_pace_rate(&pace, now_ms);
    for (int second = 1; second <= 100; second++) {
        now_ms += 1000;
        progress_pace_note(&pace, now_ms, rows);
        const double rate = progress_pace_rate(&pace, now_ms);
        assert_true(rate < before);
        before = rate;
    }
    assert_true(before < 100);
    assert_int_equal(pace.moved_ms, stalled_ms);
    (void)flow(&pace, &now_ms, rows, 1000, 12);
    assert_rate(&pace, now_ms, 1000);
}

/* A step that pauses for half a minute between its batches has a rate all the same. */
static void test_bears_bursts(void **state)
{
    (void)state;
    struct progress_pace pace;
    int64_t now_ms = BEGUN;
    progress_pace_begin(&pace, now_ms);
    for (int batch = 1; batch <= 20; batch++) {
        now_ms += 30 * 1000;
        progress_pace_note(&pace, now_ms, batch * 1000);
        assert_true(progress_pace_rate(&pace, now_ms) > 20);
        assert_true(progress_pace_rate(&pace, now_ms + 29 * 1000) > 15);
        assert_true(progress_pace_rate(&pace, now_ms + 29 * 1000) < 50);
    }
}

static int64_t heard_total, heard_rows;
static double heard_rate;

static void hear(const struct event *event, void *payload)
{
    (void)payload;
    heard_total = event->rows_total;
    heard_rows = event->step_rows;
    heard_rate = event->rows_per_second;
}

/* Rows count from where the step began, also where earlier steps had some. */
static void test_tells_of_each_step(void **state)
{
    (void)state;
    const struct listener listener = {hear, NULL};
    const struct run run = {.version = 7, .id = 3};
    struct progress progress;
    progress_begin(&progress, &listener, &run, 2);
    assert_int_equal(heard_total, -1);
    progress_step(&progress, 1, "first", 1000);
    assert_int_equal(heard_total, 1000);
    progress_count(&progress, &(struct tally){.rows_read = 900});
    progress_end(&progress, EVENT_STEP_DONE, NULL);
    assert_int_equal(heard_rows, 900);
    progress_step(&progress, 2, "second", -1);
    assert_int_equal(heard_total, -1);
    assert_int_equal(heard_rows, 0);
    assert_true(heard_rate <= 0);
    progress_count(&progress, &(struct tally){.rows_read = 950});
    progress_end(&progress, EVENT_STEP_DONE, NULL);
    assert_int_equal(heard_rows, 50);
}

static int heard_waits;
static double heard_seconds;
static char heard_text[64];

static void hear_wait(const struct event *event, void *payload)
{
    (void)payload;
    if (event->kind != EVENT_WAITING) return;
    heard_waits++;
    heard_seconds = event->seconds;
    (void)snprintf(heard_text, sizeof heard_text, "%s", event->text);
}

static void keep_event(const struct event *event, void *payload)
{
    *(struct event *)payload = *event;
}

/* Rows that Redis has lost are not counted, and never fewer than none. */
static void test_goes_back(void **state)
{
    struct event told = {0};
    const struct listener listener = {keep_event, &told};
    const struct run run = {.id = 1, .version = 7, .name = "x"};
    struct progress progress;
    (void)state;
    progress_begin(&progress, &listener, &run, 2);
    progress_count(&progress, &(struct tally){.rows_read = 40});
    progress_step(&progress, 2, "second", -1);
    progress_count(&progress, &(struct tally){.rows_read = 100});
    progress_count(&progress, &(struct tally){.rows_read = 90});
    progress_end(&progress, EVENT_STEP_DONE, NULL);
    assert_int_equal(told.step_rows, 50);
    assert_int_equal(told.tally.rows_read, 90);
    progress_count(&progress, &(struct tally){0});
    progress_end(&progress, EVENT_STEP_DONE, NULL);
    assert_int_equal(told.step_rows, 0);
    progress_count(&progress, &(struct tally){.rows_read = 30});
    progress_end(&progress, EVENT_PROGRESS, NULL);
    assert_int_equal(told.step_rows, 30);
    assert_true(told.rows_per_second >= 0);
}

/* Once for each, and then how long it has lasted; short ones are not repeated. */
static void test_tells_of_each_outage(void **state)
{
    (void)state;
    const int64_t now_ms = clock_monotonic_ms();
    struct progress progress = {.listener = &(const struct listener){hear_wait, NULL}};
    progress_tell_outage(&progress, "it is gone", now_ms, 30000);
    assert_int_equal(heard_waits, 1);
    assert_string_equal(heard_text, "waiting for Redis, for 30s at most: it is gone");
    assert_true(heard_seconds <= 0);
    progress_tell_outage(&progress, "it is gone", now_ms, 30000);
    assert_int_equal(heard_waits, 1);
    progress_tell_outage(&progress, "it is full", now_ms - 5000, 2000);
    assert_int_equal(heard_waits, 2);
    assert_string_equal(heard_text, "waiting for Redis, for 2s at most: it is full");
    assert_true(heard_seconds <= 0);
    progress_tell_outage(&progress, "it is full", now_ms - 5000, 2000);
    assert_int_equal(heard_waits, 3);
    assert_true(heard_seconds >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows_the_present),
        cmocka_unit_test(test_falls_while_nothing_comes),
        cmocka_unit_test(test_bears_bursts),
        cmocka_unit_test(test_tells_of_each_step),
        cmocka_unit_test(test_goes_back),
        cmocka_unit_test(test_tells_of_each_outage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
