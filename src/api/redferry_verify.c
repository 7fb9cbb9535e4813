/*
 * What is, held against what should be: verify compares applied migrations with what Redis
 * holds, test compares what migrations do on scratch servers with what their tests expect.
 * Neither writes anything to the servers of the settings; what differs is the call's code, and
 * the report tells where.
 */
#include <inttypes.h>

#include "clock.h"
#include "handle.h"
#include "number.h"
#include "rehearsal.h"
#include "selection.h"
#include "test_file.h"
#include "verification.h"
#include "verifier.h"

/* What a test may take: many times what any should. */
enum { TEST_TIMEOUT_MS = 60 * 1000 };

/* ---- verify --------------------------------------------------------------------------- */

static const redferry_verify_options everything = {.limit = 10};

static int resolve(struct redferry *ferry, const struct session *session,
                   const redferry_verify_options *options, struct verify_wish *wish)
{
    int64_t *versions =
        arena_array(&ferry->results, options->version_count + 1, sizeof *versions);
    if (versions == NULL) return error_memory(&ferry->error);
    for (size_t i = 0; i < options->version_count; i++)
        if (selection_resolve(session, "VERSION", options->versions[i], &versions[i],
                              &ferry->error) != 0)
            return -1;
    *wish = (struct verify_wish){versions, options->version_count, options->limit};
    return 0;
}

static redferry_comparison comparison_of(const struct verified *line)
{
    return (redferry_comparison){
        .version = line->version,
        .name = line->name,
        .step = line->step,
        .step_name = line->step_name,
        .command = line->command,
        .equal = line->equal,
        .different = line->different,
        .missing = line->missing,
        .overwritten = line->overwritten,
        .untold = line->untold,
        .reason = line->reason,
    };
}

static redferry_difference difference_of(const struct verified_difference *difference)
{
    return (redferry_difference){
        .version = difference->version,
        .step = difference->step,
        .step_name = difference->step_name,
        .command = difference->command,
        .missing = difference->is_missing,
        .key = difference->key,
        .part = difference->part,
        .sql = difference->sql,
        .redis = difference->redis,
        .hint = difference->hint,
    };
}

/* The public form. */
static int describe(struct arena *arena, const struct verification *found,
                    const redferry_verify_report **out, struct error *err)
{
    redferry_verify_report *report = arena_alloc(arena, sizeof *report);
    redferry_comparison *lines = arena_array(arena, found->line_count + 1, sizeof *lines);
    redferry_difference *differences =
        arena_array(arena, found->difference_count + 1, sizeof *differences);
    if (report == NULL || lines == NULL || differences == NULL) return error_memory(err);
    for (size_t i = 0; i < found->line_count; i++) lines[i] = comparison_of(&found->lines[i]);
    for (size_t i = 0; i < found->difference_count; i++)
        differences[i] = difference_of(&found->differences[i]);
    *report = (redferry_verify_report){
        .comparisons = lines,
        .count = found->line_count,
        .differences = differences,
        .difference_count = found->difference_count,
        .migrations = found->migrations,
        .rows = found->rows,
        .equal = found->equal,
        .different = found->different,
        .missing = found->missing,
        .overwritten = found->overwritten,
        .complete = found->is_complete,
        .seconds = found->seconds,
    };
    *out = report;
    return 0;
}

/* That something differs is what the call comes to, unless it ended for another reason. */
static int conclude(const struct verification *found, struct error *err)
{
    if (found->different + found->missing == 0) return 0;
    const int64_t all = found->equal + found->different + found->missing + found->overwritten;
    return error_set(err, ERROR_DIFFERENT,
                     "Redis does not hold what SQL says: %" PRId64 " different, %" PRId64
                     " missing, of %" PRId64 " compared",
                     found->different, found->missing, all);
}

int redferry_verify(redferry *ferry, const redferry_verify_options *options,
                    const redferry_verify_report **out)
{
    struct session session;
    struct verify_wish wish;
    struct verification found = {0};
    *out = NULL;
    if (options == NULL) options = &everything;
    int result = handle_open(ferry, &session, HANDLE_LOOK);
    if (result == 0) result = resolve(ferry, &session, options, &wish);
    if (result == 0) {
        result = verifier_run(&session, &wish, &found, &ferry->error);
        if (result == 0) result = conclude(&found, &ferry->error);
        if (found.lines != NULL && describe(&ferry->results, &found, out, &ferry->error) != 0)
            result = -1;
    }
    return handle_end(ferry, &session, result);
}

/* ---- test ----------------------------------------------------------------------------- */

/* Who is told of each result. */
struct told {
    struct redferry *ferry;
    const redferry_test_options *options;
    bool failed; /* no memory */
};

static int copy_differences(struct arena *arena, const struct verdict *verdict,
                            redferry_test_result *result)
{
    redferry_test_difference *differences =
        arena_array(arena, verdict->count + 1, sizeof *differences);
    if (differences == NULL) return -1;
    for (size_t i = 0; i < verdict->count; i++) {
        const struct verdict_difference *from = &verdict->items[i];
        differences[i] = (redferry_test_difference){
            .line = from->line,
            .column = from->column,
            .moment = arena_text(arena, from->moment),
            .what = arena_text(arena, from->what),
            .expected = arena_text(arena, from->expected),
            .got = arena_text(arena, from->got),
        };
    }
    result->differences = differences;
    result->difference_count = verdict->count;
    result->omitted = verdict->omitted;
    return arena->failed ? -1 : 0;
}

/* The public form, which outlives the rehearsal. Returns 0, or -1 without memory. */
static int describe_result(struct arena *arena, const struct rehearsed *item,
                           redferry_test_result *result)
{
    const struct verdict *verdict = &item->verdict;
    const bool has_error = verdict->error.code != ERROR_NONE;
    *result = (redferry_test_result){
        .version = item->migration->version,
        .name = arena_text(arena, item->migration->name),
        .file = arena_text(arena, item->migration->file),
        .test = item->test != NULL ? arena_text(arena, item->test->file) : NULL,
        .verdict = item->test == NULL         ? "untested"
                   : verdict_is_good(verdict) ? "ok"
                                              : "failed",
        .error = has_error ? arena_text(arena, verdict->error.message) : NULL,
        .error_moment = has_error ? arena_text(arena, verdict->failed_moment) : NULL,
        .kills = verdict->kills,
        .seconds = verdict->seconds,
    };
    return copy_differences(arena, verdict, result);
}

static void tell_result(void *context, const struct rehearsed *item)
{
    struct told *told = context;
    redferry_test_result result;
    if (told->options->callback == NULL) return;
    if (describe_result(&told->ferry->results, item, &result) != 0)
        told->failed = true;
    else
        told->options->callback(&result, told->options->payload);
}

static int describe_test(struct arena *arena, const struct rehearsal *rehearsal,
                         redferry_test_report **out, struct error *err)
{
    redferry_test_report *report = arena_alloc(arena, sizeof *report);
    redferry_test_result *results = arena_array(arena, rehearsal->count + 1, sizeof *results);
    if (report == NULL || results == NULL) return error_memory(err);
    for (size_t i = 0; i < rehearsal->count; i++) {
        const struct rehearsed *item = &rehearsal->items[i];
        if (describe_result(arena, item, &results[i]) != 0) return error_memory(err);
        if (item->test == NULL)
            report->untested++;
        else if (verdict_is_good(&item->verdict))
            report->ok++;
        else
            report->failed++;
    }
    report->results = results;
    report->count = rehearsal->count;
    *out = report;
    return 0;
}

/* What the call comes to. */
static int judge(const redferry_test_report *report, bool require_tests, struct error *err)
{
    const size_t missing = require_tests ? report->untested : 0;
    const size_t tests = report->ok + report->failed;
    if (report->failed > 0 && missing > 0)
        return error_set(err, ERROR_DIFFERENT,
                         "%zu of %zu tests failed, and %zu %s no test (--require-tests)",
                         report->failed, tests, missing,
                         missing == 1 ? "migration has" : "migrations have");
    if (report->failed > 0)
        return error_set(err, ERROR_DIFFERENT, "%zu of %zu %s failed", report->failed, tests,
                         tests == 1 ? "test" : "tests");
    if (missing > 0)
        return error_set(err, ERROR_DIFFERENT, "%zu %s no test (--require-tests)", missing,
                         missing == 1 ? "migration has" : "migrations have");
    return 0;
}

/* Short enough to be typed again. */
static uint64_t new_seed(void)
{
    const uint64_t now = (uint64_t)clock_monotonic();
    return 1 + (now ^ (now >> 20)) % 999999999;
}

/* What a test may take. Returns 0 or -1 with err. */
static int read_timeout(const char *text, int64_t *ms, struct error *err)
{
    *ms = TEST_TIMEOUT_MS;
    if (text == NULL || number_parse_duration(text, ms) == 0) return 0;
    return error_set(err, ERROR_INVALID,
                     "--timeout: '%s' is not a duration: a number and a unit, as in 90s, 5m; 0 "
                     "for none",
                     text);
}

int redferry_test(redferry *ferry, const redferry_test_options *options,
                  const redferry_test_report **out)
{
    static const redferry_test_options all = {0};
    struct session session;
    struct rehearsal rehearsal = {0};
    *out = NULL;
    if (options == NULL) options = &all;
    struct told told = {.ferry = ferry, .options = options};
    redferry_test_report *report = NULL;
    struct rehearsal_wish wish = {
        .config = &ferry->config,
        .stop = &ferry->stop,
        .files = options->files,
        .file_count = options->file_count,
        .database = options->database,
        .jobs = options->jobs,
        .kills = options->kills,
        .seed = options->seed != 0 ? options->seed : new_seed(),
        .tell = tell_result,
        .context = &told,
    };
    const int64_t begun = clock_monotonic();
    int result = handle_begin(ferry, &session);
    if (result == 0) result = read_timeout(options->timeout, &wish.timeout_ms, &ferry->error);
    if (result == 0) result = rehearsal_perform(&rehearsal, &wish, &ferry->error);
    if (result == 0)
        result = describe_test(&ferry->results, &rehearsal, &report, &ferry->error);
    if (result == 0 && told.failed) result = error_memory(&ferry->error);
    if (result == 0) {
        report->seed = wish.seed;
        report->seconds = (double)(clock_monotonic() - begun) / 1e9;
        *out = report;
        result = judge(report, options->require_tests, &ferry->error);
    }
    rehearsal_release(&rehearsal);
    return handle_end(ferry, &session, result);
}
