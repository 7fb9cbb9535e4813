/* Files × ledger → states: one line a case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agenda.h"
#include "alloc_fail.h"
#include "arena.h"
#include "error.h"
#include "migration.h"

enum { NONE, UP, DOWN };

/* What is known of one version, and what must follow. */
struct item_case {
    const char *file_checksum;  /* NULL: no file */
    const char *entry_checksum; /* NULL: no entry */
    int direction;              /* of the latest run, or NONE */
    enum run_status status;
    bool lock_held;
    enum state state;
    bool pending;
    bool stopped;
};

static const struct item_case cases[] = {
    {"a", NULL, NONE, 0, false, STATE_PENDING, true, false},
    {"a", NULL, NONE, 0, true, STATE_PENDING, true, false},
    {"a", NULL, UP, RUN_RUNNING, true, STATE_RUNNING, false, true},
    {"a", NULL, UP, RUN_RUNNING, false, STATE_CRASHED, true, true},
    {"a", NULL, UP, RUN_PAUSED, true, STATE_PAUSED, false, true},
    {"a", NULL, UP, RUN_PAUSED, false, STATE_CRASHED, true, true},
    {"a", NULL, UP, RUN_FAILED, false, STATE_FAILED, true, true},
    {"a", NULL, UP, RUN_INTERRUPTED, true, STATE_INTERRUPTED, true, true},
    {"a", NULL, UP, RUN_CANCELLED, false, STATE_CANCELLED, false, true},
    {"a", NULL, UP, RUN_SUCCEEDED, false, STATE_PENDING, true, false}, /* unmarked */
    {"a", NULL, DOWN, RUN_SUCCEEDED, false, STATE_PENDING, true, false},
    /* a cancelled one that is being undone */
    {"a", NULL, DOWN, RUN_RUNNING, true, STATE_RUNNING, false, false},
    {"a", NULL, DOWN, RUN_FAILED, false, STATE_HALF_UNDONE, false, false},
    {"a", "a", UP, RUN_SUCCEEDED, false, STATE_APPLIED, false, false},
    {"a", "a", NONE, 0, false, STATE_APPLIED, false, false}, /* marked */
    {"a", "b", UP, RUN_SUCCEEDED, false, STATE_MODIFIED, false, false},
    {NULL, "a", UP, RUN_SUCCEEDED, false, STATE_MISSING, false, false},
    {"a", "a", DOWN, RUN_RUNNING, true, STATE_RUNNING, false, false},
    {"a", "a", DOWN, RUN_PAUSED, true, STATE_PAUSED, false, false},
    {"a", "a", DOWN, RUN_RUNNING, false, STATE_HALF_UNDONE, false, false},
    {"a", "a", DOWN, RUN_FAILED, false, STATE_HALF_UNDONE, false, false},
    {"a", "a", DOWN, RUN_INTERRUPTED, true, STATE_HALF_UNDONE, false, false},
    {"a", "b", DOWN, RUN_CANCELLED, false, STATE_HALF_UNDONE, false, false},
    /* run --again */
    {"a", "a", UP, RUN_RUNNING, true, STATE_RUNNING, false, true},
    {"a", "a", UP, RUN_RUNNING, false, STATE_CRASHED, true, true},
    {"a", "a", UP, RUN_FAILED, false, STATE_FAILED, true, true},
    {"a", "a", UP, RUN_CANCELLED, false, STATE_CANCELLED, false, true},
    /* without a file nothing can go on */
    {NULL, NULL, UP, RUN_FAILED, false, STATE_FAILED, false, true},
    {NULL, NULL, UP, RUN_RUNNING, false, STATE_CRASHED, false, true},
    {NULL, NULL, DOWN, RUN_FAILED, false, STATE_HALF_UNDONE, false, false},
    {NULL, "a", DOWN, RUN_FAILED, false, STATE_HALF_UNDONE, false, false},
};

/* The agenda of one version that is known by a case. */
static void build(const struct item_case *test, bool manual, const char *applied_at,
                  struct arena *arena, struct agenda *agenda)
{
    struct migration *migration = arena_alloc(arena, sizeof *migration);
    struct migration **list = arena_alloc(arena, sizeof *list);
    struct entry *entry = arena_alloc(arena, sizeof *entry);
    struct run *run = arena_alloc(arena, sizeof *run);
    struct migrations migrations = {list, test->file_checksum != NULL};
    struct record record = {.entries = entry,
                            .entry_count = test->entry_checksum != NULL,
                            .runs = run,
                            .run_count = test->direction != NONE,
                            .lock_held = test->lock_held};
    struct error err = {0};

    *list = migration;
    migration->version = entry->version = run->version = 5;
    migration->manual = manual;
    migration->name = entry->name = run->name = "x";
    if (test->file_checksum != NULL) strcpy(migration->checksum, test->file_checksum);
    entry->checksum = test->entry_checksum;
    entry->applied_at = applied_at;
    run->down = test->direction == DOWN;
    run->status = test->status;
    run->started_at = "2025-03-01T09:00:00.5Z";
    assert_int_equal(agenda_build(agenda, &migrations, &record, arena, &err), 0);
}

static void test_states(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct agenda agenda;
        const struct agenda_item *item = NULL;
        build(&cases[i], false, "2025-03-01T09:00:00Z", &arena, &agenda);
        assert_int_equal(agenda.count, 1);
        item = &agenda.items[0];
        if (item->state != cases[i].state || item->pending != cases[i].pending ||
            item->stopped != cases[i].stopped)
            fail_msg("case %zu: %s%s%s", i, state_text(item->state),
                     item->pending ? ", pending" : "", item->stopped ? ", stopped" : "");
        assert_int_equal(agenda.pending, cases[i].pending);
        assert_int_equal(agenda.applied, cases[i].entry_checksum != NULL);
        assert_string_equal(item->name, "x");
        arena_release(&arena);
    }
}

/* What was asked stands, whatever has become of the run. */
static void test_wishes(void **state)
{
    static const struct {
        struct run run;
        bool lock_held;
        enum state state;
    } wishes[] = {
        {{.status = RUN_RUNNING, .request = REQUEST_CANCEL}, true, STATE_RUNNING},
        {{.status = RUN_RUNNING, .request = REQUEST_CANCEL}, false, STATE_CANCELLED},
        {{.status = RUN_PAUSED, .request = REQUEST_CANCEL}, false, STATE_CANCELLED},
        {{.status = RUN_FAILED, .request = REQUEST_CANCEL}, false, STATE_CANCELLED},
        {{.status = RUN_INTERRUPTED, .request = REQUEST_CANCEL}, true, STATE_CANCELLED},
        {{.status = RUN_SUCCEEDED, .request = REQUEST_CANCEL}, false, STATE_PENDING},
        {{.status = RUN_RUNNING, .request = REQUEST_PAUSE}, false, STATE_CRASHED},
        {{.status = RUN_RUNNING, .request = REQUEST_CANCEL, .down = true},
         false,
         STATE_HALF_UNDONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        struct arena arena = {0};
        struct agenda agenda;
        struct run run = wishes[i].run;
        struct record record = {.runs = &run, .run_count = 1, .lock_held = wishes[i].lock_held};
        struct migrations none = {0};
        struct error err = {0};
        run.version = 5;
        run.name = "x";
        assert_int_equal(agenda_build(&agenda, &none, &record, &arena, &err), 0);
        if (agenda.items[0].state != wishes[i].state)
            fail_msg("wish %zu: %s", i, state_text(agenda.items[0].state));
        arena_release(&arena);
    }
}

/* A run that stopped before somebody marked the migration as applied is history. */
static void test_marked_since(void **state)
{
    static const char *const later[] = {"2025-03-01T09:00:00.51Z", "2025-03-01T09:00:01Z"};
    static const struct item_case failed_up = {"a",   "a", UP,    RUN_FAILED,
                                               false, 0,   false, false};
    static const struct item_case failed_down = {"a", "a", DOWN, RUN_FAILED, false, 0, 0, 0};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct arena arena = {0};
        struct agenda agenda;
        build(&failed_up, false, later[i], &arena, &agenda);
        assert_int_equal(agenda.items[0].state, STATE_APPLIED);
        assert_false(agenda.items[0].stopped);
        build(&failed_down, false, later[i], &arena, &agenda);
        assert_int_equal(agenda.items[0].state, STATE_APPLIED);
        arena_release(&arena);
    }
}

static void test_manual(void **state)
{
    struct arena arena = {0};
    struct agenda agenda;
    static const struct item_case fresh = {"a", NULL, NONE, 0, false, 0, false, false};
    static const struct item_case failed = {"a", NULL, UP, RUN_FAILED, false, 0, false, false};
    (void)state;

    build(&fresh, true, NULL, &arena, &agenda);
    assert_int_equal(agenda.items[0].state, STATE_PENDING);
    assert_false(agenda.items[0].pending);
    assert_int_equal(agenda.pending, 0);
    build(&failed, true, NULL, &arena, &agenda);
    assert_int_equal(agenda.items[0].state, STATE_FAILED);
    assert_false(agenda.items[0].pending);
    arena_release(&arena);
}

/* Versions of all three lists, in order; undone ones without a file are left out. */
static void test_merge(void **state)
{
    struct migration files[] = {{.version = 2, .name = "two"}, {.version = 5, .name = "five"}};
    struct migration *items[] = {&files[0], &files[1]};
    struct migrations migrations = {items, 2};
    struct entry entries[] = {
        {.version = 1, .name = "one", .announced_at = "2025-03-01T09:00:00Z"},
        {.version = 3, .name = "three"},
    };
    struct run runs[] = {
        {.version = 1, .name = "one", .status = RUN_SUCCEEDED},
        {.version = 4, .name = "four", .status = RUN_SUCCEEDED, .down = true},
        {.version = 6, .name = "six", .status = RUN_FAILED},
    };
    struct record record = {entries, 2, runs, 3, false, NULL};
    struct arena arena = {0};
    struct agenda agenda;
    struct error err = {0};
    (void)state;

    assert_int_equal(agenda_build(&agenda, &migrations, &record, &arena, &err), 0);
    assert_int_equal(agenda.count, 5);
    assert_int_equal(agenda.items[0].version, 1);
    assert_int_equal(agenda.items[4].version, 6);
    assert_string_equal(agenda.items[4].name, "six");
    assert_int_equal(agenda.pending, 2);
    assert_int_equal(agenda.applied, 2);
    assert_int_equal(agenda.unannounced, 1);
    assert_true(agenda_find(&agenda, 3)->unannounced);
    assert_true(agenda_find(&agenda, 2)->below_applied);
    assert_false(agenda_find(&agenda, 5)->below_applied);
    assert_int_equal(agenda_find(&agenda, 3)->state, STATE_MISSING);
    assert_null(agenda_find(&agenda, 4));
    arena_release(&arena);
}

static void test_words(void **state)
{
    (void)state;
    for (int status = RUN_RUNNING; status <= RUN_CANCELLED; status++)
        assert_int_equal(run_status_parse(run_status_text((enum run_status)status)), status);
    for (int status = RUN_RUNNING; status <= RUN_CANCELLED; status++) {
        const struct run run = {.status = (enum run_status)status};
        assert_int_equal(run_is_alive(&run), status <= RUN_PAUSED);
    }
    assert_int_equal(run_status_parse("done"), -1);
    for (int request = REQUEST_NONE; request <= REQUEST_CANCEL; request++)
        assert_int_equal(request_parse(request_text((enum request)request)), request);
    assert_int_equal(request_parse("stop"), -1);
    assert_string_equal(state_text(STATE_HALF_UNDONE), "half_undone");
}

static void test_memory_runs_out(void **state)
{
    struct migrations migrations = {0};
    struct record record = {0};
    struct arena arena = {0};
    struct agenda agenda;
    struct error err = {0};
    (void)state;

    alloc_fail_at(1, false);
    assert_int_equal(agenda_build(&agenda, &migrations, &record, &arena, &err), -1);
    alloc_fail_never();
    assert_string_equal(err.message, "out of memory");
    assert_int_equal(agenda.count, 0);
    arena_release(&arena);
}

/* What happened, without what was to be typed then. */
static void test_error_length(void **state)
{
    static const struct {
        const char *error, *is;
    } errors[] = {
        {NULL, ""},
        {"", ""},
        {"step 'a': WRONGTYPE", "step 'a': WRONGTYPE"},
        {"a row's `key` is NULL", "a row's `key` is NULL"},
        {"--max-time is over; `redferry up` goes on", "--max-time is over"},
        {"cancelled by ben: `redferry run 1` goes on; `redferry up` does not",
         "cancelled by ben"},
        {"another began (`redferry history` shows who)",
         "another began (`redferry history` shows who)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        const struct run run = {.error = errors[i].error};
        assert_int_equal(run_error_length(&run), strlen(errors[i].is));
    }
}

/* What a run records of its error says with which exit code it ended, and no message can say
 * another one. */
static void test_error_of_a_run(void **state)
{
    static const struct {
        int code;
        const char *message, *text;
    } errors[] = {
        {ERROR_FAILED, "no luck", "no luck"},
        {ERROR_REDIS_UNREACHABLE, "no Redis", "no Redis (exit code 7)"},
        {ERROR_OPERATOR, "", " (exit code 4)"},
        {ERROR_FAILED, "it said (exit code 4)", "it said (exit code 4) (exit code 1)"},
        {ERROR_OPERATOR, "it said (exit code 7)", "it said (exit code 7) (exit code 4)"},
        {ERROR_FAILED, "(exit code 4)", "(exit code 4)"},
        {ERROR_FAILED, "it said (exit code 0)", "it said (exit code 0)"},
        {ERROR_FAILED, "it said (exit code 44)", "it said (exit code 44)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct error err = {.code = errors[i].code}, back = {0};
        char text[RUN_ERROR_SIZE];
        strcpy(err.message, errors[i].message);
        assert_string_equal(run_error_text(&err, text), errors[i].text);
        const struct run run = {.status = RUN_FAILED, .error = text};
        run_error_read(&run, &back);
        assert_int_equal(back.code, errors[i].code);
        assert_string_equal(back.message, errors[i].message);
    }
    const struct run silent = {.status = RUN_FAILED};
    struct error back = {0};
    run_error_read(&silent, &back);
    assert_int_equal(back.code, ERROR_FAILED);
    assert_string_equal(back.message, "no message");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),          cmocka_unit_test(test_wishes),
        cmocka_unit_test(test_marked_since),    cmocka_unit_test(test_manual),
        cmocka_unit_test(test_merge),           cmocka_unit_test(test_words),
        cmocka_unit_test(test_error_length),    cmocka_unit_test(test_error_of_a_run),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
