/* selection: which migrations a command is about, in what order, and what stands in the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agenda.h"
#include "arena.h"
#include "config.h"
#include "error.h"
#include "migration.h"
#include "selection.h"
#include "session.h"

/* A session whose agenda holds count items; nothing else of it is looked at. */
struct bench {
    struct session session;
    struct migration migration;
    struct arena arena;
    struct selection selection;
    struct error err;
};

static void bench_init(struct bench *bench, struct agenda_item *items, size_t count)
{
    *bench = (struct bench){0};
    for (size_t i = 0; i < count; i++) items[i].name = "flags";
    bench->session.agenda = (struct agenda){.items = items, .count = count};
}

static int choose(struct bench *bench, const struct wish *wish)
{
    return selection_make(&bench->selection, &bench->session, wish, &bench->arena, &bench->err);
}

static void assert_choice(const struct bench *bench, size_t index, int64_t version, bool down,
                          bool again)
{
    assert_true(index < bench->selection.count);
    assert_int_equal(bench->selection.items[index].version, version);
    assert_int_equal(bench->selection.items[index].down, down);
    assert_int_equal(bench->selection.items[index].again, again);
}

/* ---- VERSION arguments
 * ----------------------------------------------------------------------- */

static void test_version_arguments(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t version; /* 0: refused */
        const char *says;
    } cases[] = {
        {"7", 7, NULL},
        {"0007", 7, NULL},
        {"7_flags", 7, NULL},
        {"7_flags.yaml", 7, NULL},
        {"7_flags.yml", 7, NULL},
        {"data_migrations/7_flags.yaml", 7, NULL},
        {"/a/b.c/7_flags.yaml", 7, NULL},
        {"", 0, "is not a version"},
        {"flags", 0, "is not a version"},
        {"7x", 0, "is not a version"},
        {"-7", 0, "is not a version"},
        {" 7", 0, "is not a version"},
        {"0", 0, "is not a version"},
        {"9223372036854775808", 0, "is not a version"},
        {"8", 0, "there is no migration 8"},
        {"7_users", 0, "is called 'flags', not 'users'"},
        {"7_", 0, "is called 'flags', not ''"},
        {"7_flag", 0, "is called 'flags', not 'flag'"},
    };
    struct agenda_item items[] = {{.version = 7, .state = STATE_PENDING}};
    struct bench bench;
    bench_init(&bench, items, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t version = 0;
        const int result =
            selection_resolve(&bench.session, "--to", cases[i].text, &version, &bench.err);
        assert_int_equal(result, cases[i].version != 0 ? 0 : -1);
        if (result == 0) {
            assert_int_equal(version, cases[i].version);
        } else {
            assert_int_equal(bench.err.code, ERROR_INVALID);
            assert_non_null(strstr(bench.err.message, cases[i].says));
            assert_memory_equal(bench.err.message, "--to: ", 6);
        }
    }
}

/* ---- up
 * -------------------------------------------------------------------------------------- */

static void test_up_takes_what_is_pending_in_order(void **state)
{
    (void)state;
    struct entry entry = {.version = 2};
    struct agenda_item items[] = {
        {.version = 1, .state = STATE_PENDING, .pending = true},
        {.version = 2, .state = STATE_APPLIED, .entry = &entry},
        {.version = 3, .state = STATE_FAILED, .pending = true},
        {.version = 4, .state = STATE_PENDING},
        {.version = 5, .state = STATE_PENDING, .pending = true},
    };
    const struct wish all = {.kind = WISH_UP};
    const struct wish some = {.kind = WISH_UP, .to = 4};
    struct bench bench;
    bench_init(&bench, items, 5);
    assert_int_equal(choose(&bench, &all), 0);
    assert_int_equal(bench.selection.count, 3);
    assert_choice(&bench, 0, 1, false, false);
    assert_choice(&bench, 1, 3, false, false);
    assert_choice(&bench, 2, 5, false, false);
    assert_int_equal(bench.selection.blocked.code, ERROR_NONE);
    assert_int_equal(choose(&bench, &some), 0);
    assert_int_equal(bench.selection.count, 2);
    arena_release(&bench.arena);
}

static void test_up_stops_at_what_needs_an_operator(void **state)
{
    (void)state;
    static const struct {
        enum state state;
        const char *says;
        bool has_file, has_down;
    } cases[] = {
        {STATE_CANCELLED,
         "2_flags was cancelled: `redferry run 2` goes on with it, `redferry down --only 2` "
         "undoes it",
         true, true},
        {STATE_CANCELLED, "2_flags was cancelled: `redferry run 2` goes on with it", true,
         false},
        {STATE_CANCELLED,
         "2_flags was cancelled: it has no file: put it back, and `redferry run 2` goes on "
         "with it",
         false, false},
        {STATE_HALF_UNDONE, "2_flags is half undone: `redferry down --only 2` goes on", false,
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct migration migration = {.has_down = cases[i].has_down};
        struct agenda_item items[] = {
            {.version = 1, .state = STATE_PENDING, .pending = true},
            {.version = 2,
             .state = cases[i].state,
             .migration = cases[i].has_file ? &migration : NULL},
            {.version = 3, .state = STATE_PENDING, .pending = true},
        };
        const struct wish all = {.kind = WISH_UP};
        const struct wish before = {.kind = WISH_UP, .to = 1};
        struct bench bench;
        bench_init(&bench, items, 3);
        assert_int_equal(choose(&bench, &all), 0);
        assert_int_equal(bench.selection.count, 1);
        assert_int_equal(bench.selection.blocked.code, ERROR_OPERATOR);
        assert_string_equal(bench.selection.blocked.message, cases[i].says);
        assert_int_equal(choose(&bench, &before), 0);
        assert_int_equal(bench.selection.blocked.code, ERROR_NONE);
        arena_release(&bench.arena);
    }
}

static void test_up_leaves_manual_ones_alone(void **state)
{
    (void)state;
    struct migration manual = {.manual = true};
    struct agenda_item items[] = {
        {.version = 1, .state = STATE_CANCELLED, .migration = &manual},
        {.version = 2, .state = STATE_HALF_UNDONE, .migration = &manual},
        {.version = 3, .state = STATE_RUNNING, .migration = &manual},
        {.version = 4, .state = STATE_PENDING, .pending = true},
    };
    const struct wish all = {.kind = WISH_UP};
    struct bench bench;
    bench_init(&bench, items, 4);
    assert_int_equal(choose(&bench, &all), 0);
    assert_int_equal(bench.selection.blocked.code, ERROR_NONE);
    assert_int_equal(bench.selection.count, 1);
    assert_choice(&bench, 0, 4, false, false);
    arena_release(&bench.arena);
}

static void test_up_goes_on_with_a_stopped_second_application(void **state)
{
    (void)state;
    struct entry entry = {.version = 1};
    struct run run = {.version = 1, .status = RUN_INTERRUPTED};
    struct agenda_item items[] = {{.version = 1,
                                   .run = &run,
                                   .state = STATE_INTERRUPTED,
                                   .pending = true,
                                   .stopped = true,
                                   .entry = &entry}};
    const struct wish all = {.kind = WISH_UP};
    struct bench bench;
    bench_init(&bench, items, 1);
    assert_int_equal(choose(&bench, &all), 0);
    assert_int_equal(bench.selection.count, 1);
    assert_choice(&bench, 0, 1, false, true);
    arena_release(&bench.arena);
}

static void test_up_leaves_what_stopped_long_ago(void **state)
{
    (void)state;
    static struct config config = {.resume_within_ms = 24 * 3600 * 1000};
    struct run old = {.status = RUN_FAILED,
                      .updated_at = "2999-01-01T00:00:00.000Z",
                      .stopped_at = "2020-01-01T00:00:00.000Z"};
    /* It never came to a step. */
    struct run never = {.status = RUN_FAILED, .updated_at = "2020-01-01T00:00:00.000Z"};
    struct run young = {.status = RUN_FAILED,
                        .updated_at = "2999-01-01T00:00:00.000Z",
                        .stopped_at = "2999-01-01T00:00:00.000Z"};
    struct agenda_item items[] = {
        {.version = 1, .state = STATE_FAILED, .pending = true, .stopped = true, .run = &young},
        {.version = 2, .state = STATE_FAILED, .pending = true, .stopped = true, .run = &old}};
    const struct wish all = {.kind = WISH_UP};
    struct bench bench;
    bench_init(&bench, items, 2);
    bench.session.config = &config;
    assert_int_equal(choose(&bench, &all), 0);
    assert_int_equal(bench.selection.count, 1);
    assert_int_equal(bench.selection.blocked.code, ERROR_OPERATOR);
    assert_non_null(strstr(bench.selection.blocked.message, "`redferry run 2` goes on"));
    items[1].run = &never;
    assert_int_equal(choose(&bench, &all), 0);
    assert_int_equal(bench.selection.count, 2);
    arena_release(&bench.arena);
}

static void test_up_waits_for_what_another_runs(void **state)
{
    (void)state;
    struct migration by_hand = {.manual = true};
    struct agenda_item items[] = {{.version = 1, .state = STATE_RUNNING},
                                  {.version = 2, .state = STATE_PAUSED},
                                  {.version = 3, .state = STATE_RUNNING},
                                  {.version = 4, .state = STATE_RUNNING}};
    const struct wish all = {.kind = WISH_UP};
    struct bench bench;
    bench_init(&bench, items, 4);
    items[0].migration = items[1].migration = &bench.migration;
    items[2].migration = &by_hand;
    assert_int_equal(choose(&bench, &all), 0);
    assert_int_equal(bench.selection.count, 2);
    assert_choice(&bench, 0, 1, false, false);
    assert_choice(&bench, 1, 2, false, false);
    arena_release(&bench.arena);
}

/* ---- run
 * ------------------------------------------------------------------------------------- */

static void test_run_takes_exactly_these(void **state)
{
    (void)state;
    struct bench bench;
    struct entry entry = {.version = 1};
    struct agenda_item items[] = {
        {.version = 1, .state = STATE_APPLIED, .entry = &entry},
        {.version = 2, .state = STATE_PENDING},
        {.version = 3, .state = STATE_CANCELLED},
        {.version = 4, .state = STATE_FAILED},
    };
    static const int64_t versions[] = {3, 1, 2};
    static const int64_t gone[] = {4};
    bench_init(&bench, items, 4);
    for (size_t i = 0; i < 3; i++) items[i].migration = &bench.migration;
    const struct wish once = {.kind = WISH_RUN, .versions = versions, .version_count = 3};
    const struct wish again = {
        .kind = WISH_RUN, .versions = versions, .version_count = 3, .again = true};
    const struct wish all = {.kind = WISH_RUN, .again = true, .all = true};
    const struct wish without_file = {.kind = WISH_RUN, .versions = gone, .version_count = 1};
    assert_int_equal(choose(&bench, &once), 0);
    assert_int_equal(bench.selection.count, 2);
    assert_choice(&bench, 0, 3, false, false);
    assert_choice(&bench, 1, 2, false, false);
    assert_int_equal(choose(&bench, &again), 0);
    assert_int_equal(bench.selection.count, 3);
    assert_choice(&bench, 1, 1, false, true);
    assert_int_equal(choose(&bench, &all), 0);
    assert_int_equal(bench.selection.count, 1);
    assert_choice(&bench, 0, 1, false, true);
    assert_int_equal(choose(&bench, &without_file), -1);
    assert_int_equal(bench.err.code, ERROR_INVALID);
    arena_release(&bench.arena);
}

/* ---- down
 * ------------------------------------------------------------------------------------ */

static void test_down_begins_with_the_newest_application(void **state)
{
    (void)state;
    struct entry first = {.version = 1, .run_id = 7, .applied_at = "2026-01-03T00:00:00.000Z"};
    struct entry second = {.version = 2, .run_id = 5, .applied_at = "2026-01-01T00:00:00.000Z"};
    struct entry third = {.version = 3, .run_id = 6, .applied_at = "2026-01-01T00:00:00.000Z"};
    struct agenda_item items[] = {
        {.version = 1, .state = STATE_APPLIED, .entry = &first},
        {.version = 2, .state = STATE_APPLIED, .entry = &second},
        {.version = 3, .state = STATE_MISSING, .entry = &third},
        {.version = 4, .state = STATE_PENDING, .pending = true},
    };
    const struct wish one = {.kind = WISH_DOWN, .count = 1};
    const struct wish many = {.kind = WISH_DOWN, .count = 9};
    const struct wish above = {.kind = WISH_DOWN, .to = 1};
    struct bench bench;
    bench_init(&bench, items, 4);
    assert_int_equal(choose(&bench, &one), 0);
    assert_int_equal(bench.selection.count, 1);
    assert_choice(&bench, 0, 1, true, false);
    assert_int_equal(choose(&bench, &many), 0);
    assert_int_equal(bench.selection.count, 3);
    assert_choice(&bench, 1, 3, true, false);
    assert_choice(&bench, 2, 2, true, false);
    assert_int_equal(choose(&bench, &above), 0);
    assert_int_equal(bench.selection.count, 2);
    assert_choice(&bench, 0, 3, true, false);
    assert_choice(&bench, 1, 2, true, false);
    arena_release(&bench.arena);
}

static void test_down_only(void **state)
{
    (void)state;
    struct entry entry = {.version = 1, .applied_at = "2026-01-01T00:00:00.000Z"};
    struct run run = {.version = 2, .status = RUN_FAILED};
    struct run undoing = {.version = 4, .status = RUN_FAILED, .down = true};
    struct agenda_item items[] = {
        {.version = 1, .state = STATE_APPLIED, .entry = &entry},
        {.version = 2, .state = STATE_FAILED, .run = &run, .stopped = true, .pending = true},
        {.version = 3, .state = STATE_PENDING, .pending = true},
        {.version = 4, .state = STATE_HALF_UNDONE, .run = &undoing},
    };
    struct wish wish = {.kind = WISH_DOWN, .only = 1};
    struct bench bench;
    bench_init(&bench, items, 4);
    assert_int_equal(choose(&bench, &wish), 0);
    assert_choice(&bench, 0, 1, true, false);
    wish.only = 2;
    assert_int_equal(choose(&bench, &wish), 0);
    assert_choice(&bench, 0, 2, true, true);
    /* It was never applied, and undoing what had been done of it stopped as well. */
    wish.only = 4;
    assert_int_equal(choose(&bench, &wish), 0);
    assert_choice(&bench, 0, 4, true, true);
    wish.only = 3;
    assert_int_equal(choose(&bench, &wish), -1);
    assert_non_null(strstr(bench.err.message, "is not applied"));
    arena_release(&bench.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_arguments),
        cmocka_unit_test(test_up_takes_what_is_pending_in_order),
        cmocka_unit_test(test_up_stops_at_what_needs_an_operator),
        cmocka_unit_test(test_up_leaves_manual_ones_alone),
        cmocka_unit_test(test_up_goes_on_with_a_stopped_second_application),
        cmocka_unit_test(test_up_waits_for_what_another_runs),
        cmocka_unit_test(test_up_leaves_what_stopped_long_ago),
        cmocka_unit_test(test_run_takes_exactly_these),
        cmocka_unit_test(test_down_begins_with_the_newest_application),
        cmocka_unit_test(test_down_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
