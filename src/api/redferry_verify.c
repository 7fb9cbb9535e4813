/*
 * verify: applied migrations compared with what Redis holds. Nothing is written; what differs
 * is the call's code, and the report tells where.
 */
#include <inttypes.h>

#include "handle.h"
#include "selection.h"
#include "verification.h"
#include "verifier.h"

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
