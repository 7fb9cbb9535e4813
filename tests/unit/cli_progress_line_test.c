/*
 * The progress line, as wide as its terminal: what is shown where, and what never is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "progress_line.h"
#include "text.h"

/* A step of two, a little less than half done. */
static redferry_event event_at(int64_t rows)
{
    return (redferry_event){
        .kind = REDFERRY_EVENT_PROGRESS,
        .version = 20200211131900,
        .name = "migrate_flags",
        .step = 1,
        .steps = 2,
        .step_name = "flags",
        .rows_total = 1000000,
        .step_rows = rows,
        .rows_per_second = 45000,
    };
}

/* The line, yours to free; its width is what was said it is, and not more than columns. */
static char *line(const redferry_event *event, size_t columns, bool unicode)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    assert_non_null(stream);
    const size_t filled = progress_line_put(stream, event, columns, unicode);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(text_width(text), filled);
    assert_true(filled <= columns);
    return text;
}

static void assert_line(const redferry_event *event, size_t columns, const char *expected)
{
    char *text = line(event, columns, false);
    assert_string_equal(text, expected);
    free(text);
}

static void test_says_more_where_there_is_room(void **state)
{
    (void)state;
    const redferry_event event = event_at(420000);
    assert_line(
        &event, 110,
        "20200211131900 1/2 flags [##########--------------] 420000 of about 1000000 rows, "
        "45000 rows/s, ETA 13 s");
    assert_line(
        &event, 79,
        "20200211131900 1/2 flags [#####-------] 420000/~1000000 rows, 45000/s, ETA 13 s");
    assert_line(&event, 59, "20200211131900 1/2 flags [###------] 420k/~1M 45k/s ETA 13s");
    assert_line(&event, 39, "1/2 flags [#---] 420k/~1M 45k/s ETA 13s");
    assert_line(&event, 30, "1/2 [##-----] 420k/~1M ETA 13s");
    assert_line(&event, 21, "1/2 [##----] 420k/~1M");
    assert_line(&event, 10, "420k/~1M");
    assert_line(&event, 5, "420..");
    assert_line(&event, 0, "");
}

static void test_fits_every_width(void **state)
{
    (void)state;
    static const char *const names[] = {
        "flags",
        "step 1",
        "",
        NULL,
        "a name that goes on and on, for no good reason at all",
        "\xe6\x97\x97\xe6\x97\x97\xe6\x97\x97\xe6\x97\x97\xe6\x97\x97",
        "wi\033[2Jld\n"};
    static const int64_t totals[] = {-1, 0, 1, 500, 1000000, INT64_MAX};
    static const double idle[] = {0, 5, 1e6};
    for (size_t columns = 0; columns < 200; columns++) {
        for (size_t i = 0; i < 7 * 6 * 3; i++) {
            redferry_event event = event_at(500);
            event.down = i % 2 == 0;
            event.step_name = names[i % 7];
            event.rows_total = totals[i / 7 % 6];
            event.idle_seconds = idle[i / 42];
            event.slowed = columns % 5 == 0;
            event.redis_ms = columns % 2 == 0 ? 3.14 : 1e7;
            event.rows_per_second = columns % 3 == 0 ? 0.4 : 1234567;
            free(line(&event, columns, columns % 2 == 0));
        }
    }
}

static void test_draws_blocks_where_they_are_known(void **state)
{
    (void)state;
    const redferry_event event = event_at(500000);
    char *text = line(&event, 21, true);
    assert_string_equal(text, "1/2 [\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88"
                              "\xe2\x96\x91\xe2\x96\x91\xe2\x96\x91] 500k/~1M");
    free(text);
}

/* A bar is empty, full, and never beyond. */
static void test_bar_is_true(void **state)
{
    (void)state;
    redferry_event event = event_at(0);
    event.rows_per_second = 0;
    assert_line(&event, 21, "1/2 [-----] 0/~1M 0/s");
    event.step_rows = event.rows_total;
    assert_line(&event, 21, "1/2 [####] 1M/~1M 0/s");
}

/* More rows have come than were expected: who can tell how many there are? */
static void test_promises_no_end_beyond_the_estimate(void **state)
{
    (void)state;
    const redferry_event event = event_at(1200000);
    char figures[PROGRESS_LINE_FIGURES];
    assert_line(&event, 79, "20200211131900 1/2 flags 1200000/~1000000 rows, 45000/s");
    assert_line(&event, 39, "20200211131900 1/2 flags 1.2M/~1M 45k/s");
    assert_string_equal(progress_line_figures(figures, &event),
                        "1200000 of about 1000000 rows, 45000 rows/s");
}

static void test_knows_no_end_without_a_total(void **state)
{
    (void)state;
    redferry_event event = event_at(420000);
    event.rows_total = -1;
    assert_line(&event, 79, "20200211131900 1/2 flags 420000 rows, 45000/s");
    event.rows_total = 0;
    assert_line(&event, 79, "20200211131900 1/2 flags 420000 rows, 45000/s");
}

/* The end is not promised while nothing comes. */
static void test_says_that_it_waits(void **state)
{
    (void)state;
    redferry_event event = event_at(420000);
    char figures[PROGRESS_LINE_FIGURES];
    event.idle_seconds = 75;
    event.rows_per_second = 0.25;
    assert_string_equal(progress_line_figures(figures, &event),
                        "420000 of about 1000000 rows, 0.2 rows/s, waiting 1 min 15 s");
    assert_line(&event, 39, "1/2 [#---] 420k/~1M 0.2/s waiting 1m15s");
}

/* That it makes itself slower is told before how fast it is. */
static void test_says_that_it_is_slow(void **state)
{
    (void)state;
    redferry_event event = event_at(420000);
    event.slowed = true;
    event.redis_ms = 12.34;
    assert_line(
        &event, 79,
        "20200211131900 1/2 flags [#######------------] 420k/~1M 45k/s ETA 13s slow 12ms");
    assert_line(&event, 39, "1/2 [##----] 420k/~1M ETA 13s slow 12ms");
    assert_line(&event, 30, "1/2 [##---] 420k/~1M slow 12ms");
}

/* The rate of a stalled run would put the end years away: that is no answer. */
static void test_words_what_remains(void **state)
{
    (void)state;
    static const struct {
        double rate;
        const char *text;
    } cases[] = {
        {580000, "420000 of about 1000000 rows, 580000 rows/s, ETA 1 s"},
        {9667, "420000 of about 1000000 rows, 9667 rows/s, ETA 1 min 0 s"},
        {100, "420000 of about 1000000 rows, 100 rows/s, ETA 1 h 36 min"},
        {0.001, "420000 of about 1000000 rows, 0 rows/s"},
        {0, "420000 of about 1000000 rows, 0 rows/s"},
    };
    char figures[PROGRESS_LINE_FIGURES];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        redferry_event event = event_at(420000);
        event.rows_per_second = cases[i].rate;
        assert_string_equal(progress_line_figures(figures, &event), cases[i].text);
    }
}

/* A statement has no rows to count. */
static void test_shows_a_step_that_begins(void **state)
{
    (void)state;
    redferry_event event = event_at(0);
    event.kind = REDFERRY_EVENT_STEP_BEGUN;
    assert_line(&event, 79, "20200211131900 1/2 flags");
    assert_line(&event, 20, "20200211131900 1/2");
    assert_line(&event, 10, "1/2 flags");
    event.down = true;
    event.step_name = "step 1";
    assert_line(&event, 79, "undoing 20200211131900 1/2");
}

static void test_obeys_no_name(void **state)
{
    (void)state;
    redferry_event event = event_at(420000);
    event.step_name = "a\033[2Jb";
    char *text = line(&event, 110, false);
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "a\\x1b[2Jb"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_says_more_where_there_is_room),
        cmocka_unit_test(test_fits_every_width),
        cmocka_unit_test(test_draws_blocks_where_they_are_known),
        cmocka_unit_test(test_bar_is_true),
        cmocka_unit_test(test_promises_no_end_beyond_the_estimate),
        cmocka_unit_test(test_knows_no_end_without_a_total),
        cmocka_unit_test(test_says_that_it_waits),
        cmocka_unit_test(test_says_that_it_is_slow),
        cmocka_unit_test(test_words_what_remains),
        cmocka_unit_test(test_shows_a_step_that_begins),
        cmocka_unit_test(test_obeys_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
