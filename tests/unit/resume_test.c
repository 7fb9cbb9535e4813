/* resume: a checkpoint that was kept, lost, left behind, restored, or is ahead of its ledger.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "checkpoint.h"
#include "error.h"
#include "migration.h"
#include "migration_file.h"
#include "resume.h"

/* Step 1 must not be repeated, 2 is SQL's, 3 may be repeated. */
static const char mixed[] = "up:\n"
                            "  - {read: SELECT a FROM t, key: a, write: 'INCR n:${a}'}\n"
                            "  - {sql: UPDATE t SET b = 1}\n"
                            "  - {read: SELECT a FROM t, key: a, write: 'SET s:${a} 1'}\n"
                            "down:\n"
                            "  - {write: DEL x}\n";
static const char twice_sql[] = "up:\n"
                                "  - {sql: UPDATE t SET b = 1}\n"
                                "  - {sql: UPDATE t SET b = 2}\n"
                                "  - {read: SELECT a FROM t, key: a, write: 'INCR n:${a}'}\n";
/* Every step may be repeated. */
static const char gentle[] = "up:\n"
                             "  - {read: SELECT a FROM t, key: a, write: 'SET s:${a} 1'}\n"
                             "  - {read: SELECT a FROM t, key: a, write: 'SADD all ${a}'}\n";

enum { OWN = 9 };

static struct migration *parse(const char *text)
{
    struct migration *migration = NULL;
    struct error err = {0};
    const struct migration_source source = {
        .file = "1_a.yaml", .version = 1, .name = "a", .bytes = text, .length = strlen(text)};
    if (migration_file_parse(&migration, &source, &err) != 0) fail_msg("%s", err.message);
    return migration;
}

struct case_ {
    const char *what;
    const char *text;
    struct run runs[4]; /* newest first; the own one, number 9, stands in front of them */
    struct checkpoint found;
    bool again;
    int64_t own_origin; /* not 0: it has begun step 1 */
    enum resume_way way;
    const char *says;
};

static enum resume_way decide(const struct case_ *one, bool afresh, struct error *err)
{
    struct migration *migration = parse(one->text);
    struct run runs[5] = {{.id = OWN,
                           .status = RUN_RUNNING,
                           .origin = one->own_origin,
                           .step = one->own_origin != 0}};
    struct resume resume = {
        .migration = migration, .afresh = afresh, .run_id = OWN, .runs = runs};
    size_t count = 1;
    for (size_t i = 0; i < 4 && one->runs[i].id != 0; i++) runs[count++] = one->runs[i];
    for (size_t i = 0; i < count; i++) runs[i].checksum = migration->checksum;
    resume.run_count = count;
    resume_study(&resume);
    const enum resume_way way = resume_decide(&resume, &one->found, one->again, err);
    migration_free(migration);
    return way;
}

static const struct case_ ways[] = {
    {"the first run", mixed, {{0}}, {0}, false, 0, RESUME_AFRESH, NULL},
    {"a run before that never began to write",
     mixed,
     {{.id = 4, .status = RUN_FAILED}},
     {0},
     false,
     0,
     RESUME_AFRESH,
     NULL},
    {"a leftover of a chain that succeeded",
     mixed,
     {{.id = 4, .status = RUN_SUCCEEDED, .origin = 4, .step = 3}},
     {.present = true, .fence_run = 4, .origin = 4, .step = 3},
     false,
     0,
     RESUME_AFRESH,
     NULL},
    {"the checkpoint of the run before",
     mixed,
     {{.id = 4, .status = RUN_INTERRUPTED, .origin = 4, .step = 1}},
     {.present = true, .fence_run = 4, .origin = 4, .step = 1, .cursor = "[3]"},
     false,
     0,
     RESUME_ON,
     NULL},
    {"of the run before that, which the last one went on with",
     mixed,
     {{.id = 6, .status = RUN_FAILED},
      {.id = 4, .status = RUN_FAILED, .origin = 3},
      {.id = 3, .status = RUN_FAILED, .origin = 3}},
     {.present = true, .fence_run = 6, .origin = 3, .step = 1},
     false,
     0,
     RESUME_ON,
     NULL},
    {"the other direction's leftover",
     mixed,
     {{.id = 4, .status = RUN_INTERRUPTED, .origin = 4, .step = 1}},
     {.present = true, .fence_run = 4, .origin = 4, .down = true, .step = 1},
     false,
     0,
     RESUME_REFUSED,
     "the checkpoint is gone"},
    {"lost, where step 1 must not be repeated",
     mixed,
     {{.id = 4, .status = RUN_INTERRUPTED, .origin = 4, .step = 1}},
     {0},
     false,
     0,
     RESUME_REFUSED,
     "the checkpoint is gone"},
    {"lost before the first step was begun",
     mixed,
     {{.id = 4, .status = RUN_INTERRUPTED, .origin = 4}},
     {0},
     false,
     0,
     RESUME_OVER,
     NULL},
    {"lost, where every step may be repeated",
     gentle,
     {{.id = 4, .status = RUN_INTERRUPTED, .origin = 4, .step = 2}},
     {0},
     false,
     0,
     RESUME_OVER,
     NULL},
    {"lost under our own hands", gentle, {{0}}, {0}, true, OWN, RESUME_OVER, NULL},
    {"lost under our own hands, and must not be repeated",
     mixed,
     {{0}},
     {0},
     true,
     OWN,
     RESUME_REFUSED,
     "the checkpoint is gone"},
    {"our own, after a reconnection",
     mixed,
     {{0}},
     {.present = true, .is_own = true, .fence_run = OWN, .origin = OWN, .step = 1},
     true,
     OWN,
     RESUME_ON,
     NULL},
    {"Redis went back over an sql step",
     mixed,
     {{.id = 4, .status = RUN_INTERRUPTED, .origin = 4, .step = 3}},
     {.present = true, .fence_run = 4, .origin = 4, .step = 1, .cursor = "[3]"},
     false,
     0,
     RESUME_REFUSED,
     "before an `sql` step"},
    {"the sql step is recorded, and Redis stands before it, closed",
     mixed,
     {{.id = 4, .status = RUN_INTERRUPTED, .origin = 4, .step = 2, .cursor = "[]"}},
     {.present = true, .fence_run = 4, .origin = 4, .step = 2},
     false,
     0,
     RESUME_ON,
     NULL},
    {"a fence of a later run",
     mixed,
     {{.id = 4, .status = RUN_INTERRUPTED, .origin = 4, .step = 1}},
     {.present = true, .fence_run = 12, .origin = 4, .step = 1},
     false,
     0,
     RESUME_REFUSED,
     "run 12, which this ledger does not know"},
    {"a fence with our own number that is not ours: the ledger went back",
     mixed,
     {{0}},
     {.present = true, .fence_run = OWN, .origin = OWN, .step = 1},
     false,
     0,
     RESUME_REFUSED,
     "run 9, which this ledger does not know"},
    {"a fence of an earlier run that SQL does not know",
     mixed,
     {{.id = 4, .status = RUN_INTERRUPTED, .origin = 4, .step = 1}},
     {.present = true, .fence_run = 5, .origin = 4, .step = 1},
     false,
     0,
     RESUME_REFUSED,
     "run 5, which this ledger does not know"},
    {"a fence of a number that SQL knows, of a run that never began to write",
     mixed,
     {{.id = 5, .status = RUN_FAILED}},
     {.present = true, .fence_run = 5, .origin = 5, .step = 1, .cursor = "[3]"},
     false,
     0,
     RESUME_REFUSED,
     "its own run of that number is another one"},
    {"the same, while nothing is delivered: it was killed before SQL heard of it",
     mixed,
     {{.id = 5, .status = RUN_FAILED}},
     {.present = true, .fence_run = 5, .origin = 5, .step = 1},
     false,
     0,
     RESUME_AFRESH,
     NULL},
    {"a down in between ends the chain",
     mixed,
     {{.id = 5, .status = RUN_SUCCEEDED, .down = true, .origin = 5},
      {.id = 4, .status = RUN_INTERRUPTED, .origin = 4, .step = 1}},
     {.present = true, .fence_run = 4, .origin = 4, .step = 1},
     false,
     0,
     RESUME_AFRESH,
     NULL},
    {"a checkpoint whose run was killed before it might write",
     mixed,
     {{.id = 6, .status = RUN_FAILED}, {.id = 4, .status = RUN_FAILED, .origin = 4, .step = 3}},
     {.present = true, .fence_run = 6, .origin = 6, .step = 1},
     false,
     0,
     RESUME_AFRESH,
     NULL},
    {"two sql steps in a row leave the checkpoint before both",
     twice_sql,
     {{.id = 4, .status = RUN_INTERRUPTED, .origin = 4, .step = 2, .cursor = "[]"}},
     {.present = true, .fence_run = 4, .origin = 4, .step = 1},
     false,
     0,
     RESUME_ON,
     NULL},
    {"what was before the run that began at step 1 is past",
     mixed,
     {{.id = 6, .status = RUN_FAILED, .origin = 6, .step = 1},
      {.id = 4, .status = RUN_FAILED, .origin = 4, .step = 3}},
     {.present = true, .fence_run = 6, .origin = 6, .step = 1},
     false,
     0,
     RESUME_ON,
     NULL},
    {"and so is its checkpoint",
     mixed,
     {{.id = 6, .status = RUN_FAILED, .origin = 6, .step = 1},
      {.id = 4, .status = RUN_FAILED, .origin = 4, .step = 3}},
     {.present = true, .fence_run = 4, .origin = 4, .step = 3},
     false,
     0,
     RESUME_REFUSED,
     "the checkpoint is gone"},
    {"Redis stands behind an sql step that the ledger has lost",
     mixed,
     {{.id = 4, .status = RUN_FAILED, .origin = 4, .step = 1}},
     {.present = true, .fence_run = 4, .origin = 4, .step = 3},
     false,
     0,
     RESUME_REFUSED,
     "SQL knows nothing of"},
};

/* `run --again` of what stopped half-way. */
static const struct case_ afresh_ways[] = {
    {"asked to begin afresh",
     mixed,
     {{.id = 4, .status = RUN_INTERRUPTED, .origin = 4, .step = 3}},
     {.present = true, .fence_run = 4, .origin = 4, .step = 3},
     false,
     0,
     RESUME_AFRESH,
     NULL},
    {"asked to begin afresh, but somebody is ahead",
     mixed,
     {{.id = 4, .status = RUN_INTERRUPTED, .origin = 4, .step = 3}},
     {.present = true, .fence_run = 12, .origin = 12, .step = 3},
     false,
     0,
     RESUME_REFUSED,
     "run 12, which this ledger does not know"},
    {"asked to begin afresh over what a run of another ledger delivered",
     mixed,
     {{.id = 4, .status = RUN_FAILED}},
     {.present = true, .fence_run = 4, .origin = 4, .step = 3},
     false,
     0,
     RESUME_REFUSED,
     "run 4, which this ledger does not know"},
};

static void try_way(const struct case_ *one, bool afresh)
{
    struct error err = {0};
    const enum resume_way way = decide(one, afresh, &err);
    if (way != one->way) fail_msg("%s: %d, %s", one->what, (int)way, err.message);
    if (way != RESUME_REFUSED) return;
    assert_int_equal(err.code, ERROR_OPERATOR);
    if (strstr(err.message, one->says) == NULL) fail_msg("%s: %s", one->what, err.message);
}

static void test_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) try_way(&ways[i], false);
    for (size_t i = 0; i < sizeof afresh_ways / sizeof *afresh_ways; i++)
        try_way(&afresh_ways[i], true);
}

/* What a file may change while it stands half done. */
static void test_a_changed_file(void **state)
{
    static const char before[] = "up:\n"
                                 "  - {write: INCR a}\n"
                                 "  - {write: INCR b}\n"
                                 "  - {write: INCR c}\n";
    static const struct {
        const char *now;
        int64_t step;
        enum resume_way way;
    } cases[] = {
        {"up:\n  - {write: INCR a}\n  - {write: INCR b}\n  - {write: INCR z}\n", 2, RESUME_ON},
        {"up:\n  - {write: INCR a}\n  - {write: INCR z}\n  - {write: INCR c}\n", 2,
         RESUME_REFUSED},
        {"up:\n  - {write: INCR z}\n  - {write: INCR b}\n  - {write: INCR c}\n", 2,
         RESUME_REFUSED},
        {"up:\n  - {write: INCR a}\n", 2, RESUME_REFUSED},
        {"description: new\nup:\n  - {name: n, write: INCR a}\n  - {write: INCR b}\n", 2,
         RESUME_ON},
        {"up:\n  - {write: INCR a}\n  - {write: INCR z}\n  - {write: INCR c}\n", 1, RESUME_ON},
        {"description: new\nup:\n  - {write: INCR a}\n  - {write: INCR b}\n  - {write: INCR "
         "c}\n",
         4, RESUME_ON},
        {"up:\n  - {write: INCR a}\n  - {write: INCR b}\n  - {write: INCR c}\n"
         "  - {write: INCR d}\n",
         4, RESUME_ON},
        {"up:\n  - {write: INCR a}\n  - {write: INCR b}\n  - {write: INCR z}\n", 4,
         RESUME_REFUSED},
        {"up:\n  - {write: INCR a}\n  - {write: INCR b}\n", 4, RESUME_REFUSED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        struct migration *then = parse(before), *now = parse(cases[i].now);
        const struct run runs[] = {
            {.id = OWN, .status = RUN_RUNNING},
            {.id = 4,
             .status = RUN_FAILED,
             .origin = 4,
             .step = cases[i].step,
             .checksum = then->checksum},
        };
        const struct checkpoint found = {.present = true,
                                         .fence_run = 4,
                                         .origin = 4,
                                         .step = cases[i].step,
                                         .tally.commands_sent = 1};
        struct resume resume = {.migration = now, .run_id = OWN, .runs = runs, .run_count = 2};
        resume_study(&resume);
        assert_ptr_equal(resume.then, &runs[1]);
        assert_int_equal(resume_decide(&resume, &found, false, &err), RESUME_REFUSED);
        resume.before = then;
        if (resume_decide(&resume, &found, false, &err) != cases[i].way)
            fail_msg("case %zu: %s", i, err.message);
        migration_free(then);
        migration_free(now);
    }
}

/* Nothing was delivered: the file may be another one altogether. */
static void test_a_changed_file_before_anything(void **state)
{
    (void)state;
    struct error err = {0};
    struct migration *now = parse(mixed), *then = parse(gentle);
    const struct run runs[] = {
        {.id = OWN, .status = RUN_RUNNING},
        {.id = 4, .status = RUN_FAILED, .origin = 4, .step = 1, .checksum = then->checksum},
    };
    struct checkpoint found = {.present = true, .fence_run = 4, .origin = 4, .step = 1};
    struct resume resume = {
        .migration = now, .run_id = OWN, .runs = runs, .run_count = 2, .before = then};
    resume_study(&resume);
    assert_int_equal(resume_decide(&resume, &found, false, &err), RESUME_AFRESH);
    found.tally.messages_published = 1;
    assert_int_equal(resume_decide(&resume, &found, false, &err), RESUME_REFUSED);
    migration_free(then);
    migration_free(now);
}

/* ---- without Redis ------------------------------------------------------------------------
 */

static enum resume_way imagine(const char *text, struct run *runs, size_t count,
                               struct checkpoint *found)
{
    struct migration *migration = parse(text);
    struct error err = {0};
    struct resume resume = {
        .migration = migration, .run_id = INT64_MAX, .runs = runs, .run_count = count};
    for (size_t i = 0; i < count; i++) runs[i].checksum = migration->checksum;
    resume_study(&resume);
    resume_imagine(&resume, found);
    const enum resume_way way = resume_decide(&resume, found, false, &err);
    migration_free(migration);
    return way;
}

/* The furthest of the chain counts, and what all of it has done. */
static void test_the_ledger_alone(void **state)
{
    (void)state;
    struct run runs[] = {
        {.id = 7, .status = RUN_FAILED, .origin = 4},
        {.id = 5,
         .status = RUN_FAILED,
         .origin = 4,
         .step = 3,
         .cursor = "[8]",
         .tally = {.rows_read = 5}},
        {.id = 4,
         .status = RUN_FAILED,
         .origin = 4,
         .step = 2,
         .cursor = "[]",
         .tally = {.rows_read = 3}},
        {.id = 2, .status = RUN_SUCCEEDED, .origin = 2, .step = 3, .tally = {.rows_read = 9}},
    };
    struct checkpoint found;
    assert_int_equal(imagine(mixed, runs, 4, &found), RESUME_ON);
    assert_int_equal(found.step, 3);
    assert_string_equal(found.cursor, "[8]");
    assert_int_equal(found.tally.rows_read, 8);
    assert_int_equal(found.origin, 4);

    assert_int_equal(imagine(mixed, runs + 3, 1, &found), RESUME_AFRESH);
    assert_false(found.present);
    /* In the `sql` step, and behind it. */
    runs[2].cursor = NULL;
    assert_int_equal(imagine(mixed, runs + 2, 1, &found), RESUME_ON);
    assert_int_equal(found.step, 2);
    runs[2].step = 2;
    runs[2].cursor = "[]";
    assert_int_equal(imagine(mixed, runs + 2, 1, &found), RESUME_ON);
    assert_int_equal(found.step, 2);
    /* What `repair` has given up. */
    runs[2].origin = 0;
    assert_int_equal(imagine(mixed, runs + 2, 1, &found), RESUME_AFRESH);
    assert_false(found.present);
}

/* Who says that it is applied does not mean half of it. */
static void test_mark_ends_what_was_before(void **state)
{
    (void)state;
    struct migration *migration = parse(mixed);
    const struct checkpoint found = {
        .present = true, .down = true, .fence_run = 4, .fence = "", .origin = 4, .step = 2};
    const struct run runs[] = {
        {.id = OWN, .down = true, .started_at = "2026-01-03T00:00:00Z"},
        {.id = 4, .down = true, .origin = 4, .step = 1, .started_at = "2026-01-01T00:00:00Z"},
    };
    struct entry entry = {.version = 1, .run_id = 2, .applied_at = "2026-01-02T00:00:00Z"};
    struct resume resume = {.migration = migration,
                            .down = true,
                            .run_id = OWN,
                            .entry = &entry,
                            .runs = runs,
                            .run_count = 2};
    struct error err = {0};
    resume_study(&resume);
    assert_int_equal(resume.chain_count, 2); /* a run wrote it: whatever the clock did */
    entry.run_id = 0;
    resume_study(&resume);
    assert_int_equal(resume.chain_count, 1);
    assert_int_equal(resume_decide(&resume, &found, false, &err), RESUME_AFRESH);
    entry.applied_at = "2025-12-31T00:00:00Z";
    resume_study(&resume);
    assert_int_equal(resume.chain_count, 2);
    migration_free(migration);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_a_changed_file),
        cmocka_unit_test(test_a_changed_file_before_anything),
        cmocka_unit_test(test_the_ledger_alone),
        cmocka_unit_test(test_mark_ends_what_was_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
