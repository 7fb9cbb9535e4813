/*
 * What is told while a command runs, by a clock that the test turns: which lines, where, how
 * often.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static int64_t clock_now;

static int64_t read_clock(void)
{
    return clock_now;
}

/* A report that writes into memory. */
struct page {
    struct report report;
    FILE *out, *err;
    char *out_text, *err_text;
    size_t out_length, err_length;
};

static void open_page(struct page *page)
{
    *page = (struct page){0};
    page->out = open_memstream(&page->out_text, &page->out_length);
    page->err = open_memstream(&page->err_text, &page->err_length);
    assert_non_null(page->out);
    assert_non_null(page->err);
    clock_now = 1000;
    report_init(&page->report, page->err);
    page->report.clock_ms = read_clock;
}

static void start_page(struct page *page, struct report_manner manner)
{
    open_page(page);
    report_start(&page->report, &manner, manner.quiet ? NULL : page->out);
}

/* Flush, so that the texts are there. */
static void read_page(struct page *page)
{
    assert_int_equal(fflush(page->out), 0);
    assert_int_equal(fflush(page->err), 0);
}

static void close_page(struct page *page)
{
    report_release(&page->report);
    assert_int_equal(fclose(page->out), 0);
    assert_int_equal(fclose(page->err), 0);
    free(page->out_text);
    free(page->err_text);
}

static void tell(struct page *page, redferry_event event)
{
    report_event(&event, &page->report);
}

/* An event of the first step of two, after rows of a thousand. */
static redferry_event step_event(redferry_event_kind kind, int64_t rows)
{
    return (redferry_event){
        .kind = kind,
        .version = 20200211131900,
        .name = "flags",
        .run_id = 7,
        .step = 1,
        .steps = 2,
        .step_name = "all",
        .rows_total = 1000,
        .step_rows = rows,
        .tally = {.rows_read = rows},
        .rows_per_second = 10,
    };
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part)) count++;
    return count;
}

static void test_logs_progress_every_ten_seconds(void **state)
{
    (void)state;
    struct page page;
    start_page(&page, (struct report_manner){.progress = true});
    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_MIGRATION_BEGUN,
                                 .version = 20200211131900,
                                 .name = "flags"});
    for (int64_t rows = 0; rows < 260; rows++) {
        clock_now += 100;
        tell(&page, step_event(REDFERRY_EVENT_PROGRESS, rows));
    }
    read_page(&page);
    assert_string_equal(page.err_text,
                        "redferry: applying 20200211131900 flags\n"
                        "redferry: 20200211131900 flags: step 1 of 2 'all': 99 of about 1000 "
                        "rows, 10 rows/s, ETA 1 min 30 s\n"
                        "redferry: 20200211131900 flags: step 1 of 2 'all': 199 of about 1000 "
                        "rows, 10 rows/s, ETA 1 min 20 s\n");
    assert_string_equal(page.out_text, "");
    close_page(&page);
}

static void test_redraws_one_line_on_a_terminal(void **state)
{
    (void)state;
    struct page page;
    assert_int_equal(setenv("COLUMNS", "70", 1), 0);
    start_page(&page, (struct report_manner){.progress = true, .redraws = true});
    for (int64_t rows = 0; rows < 30; rows++) {
        clock_now += 50;
        tell(&page, step_event(REDFERRY_EVENT_PROGRESS, 500));
    }
    read_page(&page);
    assert_int_equal(count_of(page.err_text, "\r\033[K"), 15);
    assert_non_null(strstr(page.err_text,
                           "\r\033[K20200211131900 1/2 all [######-------] 500/~1000 rows, "
                           "10/s, ETA 50 s\r"));
    assert_null(strchr(page.err_text, '\n'));

    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_WARNING, .text = "low\033[2Jwater"});
    read_page(&page);
    assert_non_null(strstr(page.err_text, "\r\033[Kredferry: warning: low\\x1b[2Jwater\n"));
    close_page(&page);
    assert_int_equal(unsetenv("COLUMNS"), 0);
}

static void test_fits_every_terminal(void **state)
{
    (void)state;
    for (int columns = 1; columns < 200; columns++) {
        struct page page;
        char number[16];
        (void)snprintf(number, sizeof number, "%d", columns);
        assert_int_equal(setenv("COLUMNS", number, 1), 0);
        start_page(&page, (struct report_manner){.progress = true, .redraws = true});
        tell(&page, step_event(REDFERRY_EVENT_PROGRESS, 500));
        read_page(&page);
        size_t drawn = page.err_length - strlen("\r\033[K");
        assert_true(drawn < (size_t)columns);
        close_page(&page);
    }
    assert_int_equal(unsetenv("COLUMNS"), 0);
}

static void test_knows_no_end_without_a_total(void **state)
{
    (void)state;
    struct page page;
    redferry_event unknown = step_event(REDFERRY_EVENT_PROGRESS, 500);
    redferry_event beyond = step_event(REDFERRY_EVENT_PROGRESS, 2000);
    unknown.rows_total = -1;
    start_page(&page, (struct report_manner){.progress = true});
    clock_now += 10000;
    tell(&page, unknown);
    clock_now += 10000;
    tell(&page, beyond);
    read_page(&page);
    assert_non_null(strstr(page.err_text, "'all': 500 rows, 10 rows/s\n"));
    assert_non_null(strstr(page.err_text, "'all': 2000 of about 1000 rows, 10 rows/s\n"));
    close_page(&page);
}

static void test_prints_what_was_done_as_it_happens(void **state)
{
    (void)state;
    struct page page;
    start_page(&page, (struct report_manner){.progress = true});
    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_MIGRATION_DONE,
                                 .version = 20200211131900,
                                 .name = "migrate_flags_to_redis",
                                 .tally = {2, 0, 4, 2},
                                 .seconds = 0.0123});
    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_MIGRATION_DONE,
                                 .version = 5,
                                 .name = "b\033c",
                                 .down = true,
                                 .tally = {0, 1, 0, 0},
                                 .seconds = 61});
    read_page(&page);
    assert_string_equal(page.out_text,
                        "applied 20200211131900 migrate_flags_to_redis: 2 rows, 4 commands, 2 "
                        "messages in 0.01 s\n"
                        "undone 5 b\\x1bc: 1 row changed in 1 min 1 s\n");
    assert_int_equal(page.report.done, 2);
    assert_string_equal(page.err_text, "");
    close_page(&page);
}

static void test_announces_a_wait_once(void **state)
{
    (void)state;
    struct page page;
    start_page(&page, (struct report_manner){.progress = true});
    for (int second = 0; second <= 25; second++) {
        tell(&page, (redferry_event){.kind = REDFERRY_EVENT_WAITING,
                                     .text = "waiting for me@host",
                                     .seconds = second});
        clock_now += 1000;
    }
    read_page(&page);
    assert_string_equal(page.err_text, "redferry: waiting for me@host\n"
                                       "redferry: waiting for me@host (10 s so far)\n"
                                       "redferry: waiting for me@host (20 s so far)\n");
    close_page(&page);
}

/* For how long is what moves, and so what a narrow line shows in any case. */
static void test_draws_a_wait(void **state)
{
    (void)state;
    static const struct {
        const char *columns, *drawn;
    } cases[] = {
        {"120", "waiting for me@host, who takes 20200211131900 to Redis (12 s so far)"},
        {"40", "waiting for me@host, wh.. (12 s so far)"},
        {"20", "wai.. (12 s so far)"},
        {"10", " (12 s .."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct page page;
        assert_int_equal(setenv("COLUMNS", cases[i].columns, 1), 0);
        start_page(&page, (struct report_manner){.progress = true, .redraws = true});
        tell(&page,
             (redferry_event){.kind = REDFERRY_EVENT_WAITING,
                              .text = "waiting for me@host, who takes 20200211131900 to Redis",
                              .seconds = 12});
        read_page(&page);
        assert_string_equal(strrchr(page.err_text, '\033') + strlen("\033[K"), cases[i].drawn);
        assert_true(strlen(cases[i].drawn) < strtoul(cases[i].columns, NULL, 10));
        close_page(&page);
    }
    assert_int_equal(unsetenv("COLUMNS"), 0);
}

static void test_quiet_leaves_warnings_and_errors(void **state)
{
    (void)state;
    struct page page;
    start_page(&page, (struct report_manner){.quiet = true});
    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_NOTE, .text = "a note"});
    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_WAITING, .text = "a wait"});
    tell(&page, step_event(REDFERRY_EVENT_MIGRATION_BEGUN, 0));
    tell(&page, step_event(REDFERRY_EVENT_MIGRATION_DONE, 0));
    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_WARNING, .text = "a warning"});
    report_error(&page.report, "an error");
    read_page(&page);
    assert_string_equal(page.err_text, "redferry: warning: a warning\nredferry: an error\n");
    assert_string_equal(page.out_text, "");
    close_page(&page);
}

static void test_tells_of_a_pause(void **state)
{
    (void)state;
    struct page page;
    redferry_event paused = {.kind = REDFERRY_EVENT_PAUSED, .text = "run 7 is paused by ana"};
    start_page(&page, (struct report_manner){.progress = true});
    tell(&page, paused);
    for (int second = 1; second <= 15; second++) {
        clock_now += 1000;
        paused.seconds = second;
        tell(&page, paused);
    }
    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_RESUMED, .text = "run 7 goes on"});
    read_page(&page);
    assert_string_equal(page.err_text, "redferry: run 7 is paused by ana\n"
                                       "redferry: run 7 is paused by ana (10 s so far)\n"
                                       "redferry: run 7 goes on\n");
    close_page(&page);
}

static void test_says_why_it_is_slow(void **state)
{
    (void)state;
    struct page page;
    redferry_event slowed = step_event(REDFERRY_EVENT_PROGRESS, 99);
    slowed.slowed = true;
    slowed.redis_ms = 12.34;
    start_page(&page, (struct report_manner){.progress = true});
    clock_now += 10000;
    tell(&page, slowed);
    read_page(&page);
    assert_non_null(strstr(page.err_text, "99 of about 1000 rows, 10 rows/s, ETA 1 min 30 s, "
                                          "slowed down: Redis takes 12.3 ms\n"));
    close_page(&page);
}

static void test_verbose_tells_notes_and_steps(void **state)
{
    (void)state;
    struct page page;
    start_page(&page, (struct report_manner){.verbose = true});
    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_NOTE, .text = "a note"});
    tell(&page, step_event(REDFERRY_EVENT_STEP_BEGUN, 0));
    tell(&page, step_event(REDFERRY_EVENT_STEP_DONE, 1000));
    read_page(&page);
    assert_string_equal(page.err_text,
                        "redferry: a note\n"
                        "redferry: 20200211131900 flags: step 1 of 2 'all'\n"
                        "redferry: 20200211131900 flags: step 1 of 2 'all': done, 1000 rows\n");
    close_page(&page);
}

/* How to print a warning of redferry.yaml may stand in redferry.yaml. */
static void test_holds_warnings_back_until_it_starts(void **state)
{
    (void)state;
    struct page page;
    open_page(&page);
    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_WARNING, .text = "early"});
    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_NOTE, .text = "unheard"});
    read_page(&page);
    assert_string_equal(page.err_text, "");
    report_start(&page.report, &(struct report_manner){.json = true}, page.out);
    read_page(&page);
    assert_non_null(strstr(page.err_text, "\"text\":\"early\""));
    assert_int_equal(count_of(page.err_text, "\n"), 1);
    close_page(&page);
}

/* Each of them can be asked for its run, whatever it tells of. */
static void assert_line_is_whole(const json_t *object)
{
    static const char *const keys[] = {
        "time",         "level",    "event",     "text",      "context",    "seconds",
        "version",      "name",     "direction", "run",       "step",       "step_name",
        "rows",         "commands", "messages",  "step_rows", "rows_total", "rows_per_second",
        "idle_seconds", "slowed",   "redis_ms"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_non_null(json_object_get(object, keys[i]));
    assert_int_equal(json_object_size(object), sizeof keys / sizeof keys[0]);
    assert_true(json_is_string(json_object_get(object, "time")));
    assert_true(json_is_string(json_object_get(object, "level")));
}

static void test_logs_json_lines(void **state)
{
    (void)state;
    struct page page;
    size_t lines = 0;
    start_page(&page, (struct report_manner){
                          .json = true, .progress = true, .context = "OPS-\"7\" \xff"});
    tell(&page, step_event(REDFERRY_EVENT_MIGRATION_BEGUN, 0));
    for (int64_t rows = 1; rows <= 150; rows++) {
        clock_now += 100;
        tell(&page, step_event(REDFERRY_EVENT_PROGRESS, rows));
    }
    tell(&page, step_event(REDFERRY_EVENT_MIGRATION_FAILED, 150));
    report_error(&page.report, "an\nerror");
    read_page(&page);

    static const char *const events[] = {"migration_begun", "progress", "migration_failed",
                                         "error"};
    for (char *rest = NULL, *line = strtok_r(page.err_text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest), lines++) {
        json_t *object = json_loads(line, 0, NULL);
        assert_non_null(object);
        assert_line_is_whole(object);
        assert_true(lines < 4);
        assert_string_equal(json_string_value(json_object_get(object, "event")), events[lines]);
        assert_string_equal(json_string_value(json_object_get(object, "version")),
                            "20200211131900");
        assert_string_equal(json_string_value(json_object_get(object, "run")), "7");
        assert_string_equal(json_string_value(json_object_get(object, "step_name")), "all");
        assert_string_equal(json_string_value(json_object_get(object, "context")),
                            "OPS-\"7\" \xef\xbf\xbd");
        assert_int_equal(json_integer_value(json_object_get(object, "step")), 1);
        assert_true(json_is_integer(json_object_get(object, "rows")));
        if (lines == 3)
            assert_string_equal(json_string_value(json_object_get(object, "text")),
                                "an\nerror");
        json_decref(object);
    }
    assert_int_equal(lines, 4);
    close_page(&page);
}

/* Outside of a run there is none to name. */
static void test_logs_json_lines_without_a_run(void **state)
{
    (void)state;
    struct page page;
    size_t lines = 0;
    open_page(&page);
    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_WARNING, .text = "early"});
    report_start(&page.report, &(struct report_manner){.json = true}, page.out);
    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_WARNING, .text = "late"});
    report_error(&page.report, "an error");
    read_page(&page);
    for (char *rest = NULL, *line = strtok_r(page.err_text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest), lines++) {
        json_t *object = json_loads(line, 0, NULL);
        assert_line_is_whole(object);
        assert_true(json_is_null(json_object_get(object, "run")));
        assert_true(json_is_null(json_object_get(object, "version")));
        assert_true(json_is_null(json_object_get(object, "direction")));
        assert_true(json_is_null(json_object_get(object, "rows")));
        assert_true(json_is_null(json_object_get(object, "rows_total")));
        json_decref(object);
    }
    assert_int_equal(lines, 3);
    close_page(&page);
}

/* The rest of a line behind its time; fails where it has none. */
static const char *behind_stamp(const char *line)
{
    static const char pattern[] = "0000-00-00T00:00:00.000Z ";
    for (size_t i = 0; pattern[i] != '\0'; i++) {
        const bool fits =
            pattern[i] == '0' ? line[i] >= '0' && line[i] <= '9' : line[i] == pattern[i];
        if (!fits) fail_msg("no time at the head of: %s", line);
    }
    return line + strlen(pattern);
}

/* Where nobody may be looking, each line says when it was. */
static void test_stamps_the_lines_of_a_log(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "redferry: applying 20200211131900 flags: step 1 of 2 'all'", "redferry: warning: low",
        "redferry: 20200211131900 flags: step 1 of 2 'all': 10 of about 1000 rows, 10 rows/s, "
        "ETA "
        "1 min 39 s",
        "applied 5 b: 0 rows in 1.00 s", "redferry: an error"};
    struct page page;
    size_t lines = 0, length = 0;
    char *log_text = NULL;
    FILE *log = open_memstream(&log_text, &length);
    assert_non_null(log);
    start_page(&page,
               (struct report_manner){.progress = true, .redraws = true, .coloured = true});
    tell(&page, step_event(REDFERRY_EVENT_PROGRESS, 0));
    report_to_log(&page.report, log, page.err);
    tell(&page, step_event(REDFERRY_EVENT_MIGRATION_BEGUN, 0));
    tell(&page, (redferry_event){.kind = REDFERRY_EVENT_WARNING, .text = "low"});
    clock_now += 10000;
    tell(&page, step_event(REDFERRY_EVENT_PROGRESS, 10));
    tell(&page,
         (redferry_event){
             .kind = REDFERRY_EVENT_MIGRATION_DONE, .version = 5, .name = "b", .seconds = 1});
    report_error(&page.report, "an error");
    read_page(&page);
    assert_int_equal(fflush(log), 0);
    for (char *rest = NULL, *line = strtok_r(log_text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest), lines++) {
        assert_true(lines < 5);
        assert_string_equal(behind_stamp(line), expected[lines]);
    }
    assert_int_equal(lines, 5);
    assert_string_equal(page.out_text, "applied 5 b: 0 rows in 1.00 s\n");
    /* What was drawn is taken away; who waits there hears of the end. */
    const char *end = strstr(page.err_text, "\r\033[Kredferry: an error\n");
    assert_non_null(end);
    assert_null(strstr(page.err_text, "low"));
    close_page(&page);
    assert_int_equal(fclose(log), 0);
    free(log_text);
}

static void test_goes_into_the_background(void **state)
{
    (void)state;
    struct page page;
    size_t length = 0;
    char *log_text = NULL;
    FILE *log = open_memstream(&log_text, &length);
    assert_non_null(log);
    start_page(&page, (struct report_manner){.progress = true});
    report_to_background(&page.report, log);
    tell(&page,
         (redferry_event){
             .kind = REDFERRY_EVENT_MIGRATION_DONE, .version = 5, .name = "b", .seconds = 1});
    report_error(&page.report, "an error");
    read_page(&page);
    assert_int_equal(fflush(log), 0);
    assert_int_equal(count_of(log_text, "\n"), 2);
    assert_non_null(strstr(log_text, "Z applied 5 b: 0 rows in 1.00 s\n"));
    assert_string_equal(page.out_text, "");
    assert_string_equal(page.err_text, "");
    assert_int_equal(page.report.done, 1);
    close_page(&page);
    assert_int_equal(fclose(log), 0);
    free(log_text);
}

/* A statement tells of no progress: who watches sees at least which step it is. */
static void test_draws_a_step_that_begins(void **state)
{
    (void)state;
    struct page page;
    start_page(&page, (struct report_manner){.progress = true, .redraws = true});
    tell(&page, step_event(REDFERRY_EVENT_STEP_BEGUN, 0));
    read_page(&page);
    assert_string_equal(page.err_text, "\r\033[K20200211131900 1/2 all");
    close_page(&page);
}

static void test_colours_only_where_it_may(void **state)
{
    (void)state;
    struct page page;
    start_page(&page, (struct report_manner){.coloured = true});
    report_error(&page.report, "an error");
    read_page(&page);
    assert_string_equal(page.err_text, "\033[31mredferry:\033[0m an error\n");
    close_page(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logs_progress_every_ten_seconds),
        cmocka_unit_test(test_redraws_one_line_on_a_terminal),
        cmocka_unit_test(test_fits_every_terminal),
        cmocka_unit_test(test_knows_no_end_without_a_total),
        cmocka_unit_test(test_prints_what_was_done_as_it_happens),
        cmocka_unit_test(test_announces_a_wait_once),
        cmocka_unit_test(test_draws_a_wait),
        cmocka_unit_test(test_quiet_leaves_warnings_and_errors),
        cmocka_unit_test(test_tells_of_a_pause),
        cmocka_unit_test(test_says_why_it_is_slow),
        cmocka_unit_test(test_verbose_tells_notes_and_steps),
        cmocka_unit_test(test_holds_warnings_back_until_it_starts),
        cmocka_unit_test(test_logs_json_lines),
        cmocka_unit_test(test_logs_json_lines_without_a_run),
        cmocka_unit_test(test_stamps_the_lines_of_a_log),
        cmocka_unit_test(test_goes_into_the_background),
        cmocka_unit_test(test_draws_a_step_that_begins),
        cmocka_unit_test(test_colours_only_where_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
