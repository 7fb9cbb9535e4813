/*
 * The plan: what a command would do, in the public form. It asks for the same wish as the
 * command itself and has the planner look instead of the runner work.
 */
#include "agenda.h"
#include "handle.h"
#include "planner.h"
#include "request.h"
#include "selection.h"

/* Rows, in the public form. NULL when memory runs out. */
static redferry_plan_row *rows_of(struct arena *arena, const struct plan_step *step)
{
    redferry_plan_row *rows = arena_array(arena, step->sample_count + 1, sizeof *rows);
    for (size_t i = 0; rows != NULL && i < step->sample_count; i++)
        rows[i] = (redferry_plan_row){
            .key = step->sample[i].key,
            .commands = step->sample[i].commands,
            .command_count = step->sample[i].count,
        };
    return rows;
}

/* What was found in Redis, in the public form. NULL when memory runs out. */
static redferry_plan_comparison *comparisons_of(struct arena *arena,
                                                const struct plan_comparison *comparison)
{
    redferry_plan_comparison *lines = arena_array(arena, comparison->count + 1, sizeof *lines);
    for (size_t i = 0; lines != NULL && i < comparison->count; i++) {
        const struct plan_compared *from = &comparison->lines[i];
        lines[i] = (redferry_plan_comparison){
            .command = from->command,
            .reason = from->reason,
            .fresh = from->fresh,
            .equal = from->equal,
            .different = from->different,
            .overwritten = from->overwritten,
            .untold = from->untold,
        };
    }
    return lines;
}

static redferry_plan_step step_of(struct arena *arena, const struct plan_step *step)
{
    return (redferry_plan_step){
        .step = step->number,
        .name = step->name,
        .read = step->read,
        .from = step->from,
        .sql = step->sql,
        .key = step->key,
        .key_count = step->key_count,
        .guarantee = step->guarantee,
        .progress = step->progress,
        .cursor = step->cursor,
        .rows = step->rows,
        .is_counted = step->is_counted,
        .seconds = step->seconds,
        .index = step->index,
        .keeps_writers_out = step->keeps_writers_out,
        .touches = step->touches,
        .touch_count = step->touch_count,
        .channels = step->channels,
        .channel_count = step->channel_count,
        .opaque = step->opaque,
        .opaque_count = step->opaque_count,
        .rows_shown = rows_of(arena, step),
        .rows_shown_count = step->sample_count,
        .after = step->after,
        .is_known = step->is_known,
        .comparisons = comparisons_of(arena, &step->comparison),
        .comparison_count = step->comparison.count,
        .error = step->error.code != ERROR_NONE ? arena_text(arena, step->error.message) : NULL,
    };
}

static redferry_plan_migration migration_of(struct arena *arena,
                                            const struct plan_migration *from)
{
    redferry_plan_step *steps = arena_array(arena, from->step_count + 1, sizeof *steps);
    for (size_t i = 0; steps != NULL && i < from->step_count; i++)
        steps[i] = step_of(arena, &from->steps[i]);
    return (redferry_plan_migration){
        .version = from->version,
        .name = from->name,
        .file = from->file,
        .description = from->description,
        .state = from->state,
        .down = from->down,
        .begins = from->begins,
        .step = from->step,
        .cursor = from->cursor,
        .rows_done = from->rows_done,
        .notes = from->notes,
        .note_count = from->note_count,
        .steps = steps,
        .step_count = from->step_count,
        .announcements = from->announcements,
        .announcement_count = from->announcement_count,
        .rows = from->rows,
        .seconds = from->seconds,
        .rows_per_second = from->rows_per_second,
        .rate_of = from->rate_of,
        .error = from->error,
        .unreached = from->unreached,
    };
}

static int give_out(struct redferry *ferry, const struct plan *plan,
                    const redferry_plan_report **out)
{
    struct arena *arena = &ferry->results;
    redferry_plan_report *report = arena_alloc(arena, sizeof *report);
    redferry_plan_migration *migrations =
        arena_array(arena, plan->count + 1, sizeof *migrations);
    for (size_t i = 0; migrations != NULL && i < plan->count; i++)
        migrations[i] = migration_of(arena, &plan->migrations[i]);
    if (arena->failed) return error_memory(&ferry->error);
    *report = (redferry_plan_report){.migrations = migrations,
                                     .count = plan->count,
                                     .unwritable = plan->unwritable,
                                     .blocked = plan->blocked};
    *out = report;
    return 0;
}

/* Returns 0 with what is to be asked, or -1 with ferry->error. */
static int ask(struct redferry *ferry, const struct session *session,
               const redferry_plan_options *options, struct wish *wish,
               struct plan_question *question)
{
    const int asked = (options->up != NULL) + (options->run != NULL) + (options->down != NULL) +
                      options->redo;
    question->wish = options->redo ? NULL : wish;
    question->compares = options->compare;
    if (asked > 1)
        return error_set(&ferry->error, ERROR_INVALID,
                         "a plan is of one command: up, run, down or redo");
    if (options->run != NULL) return request_run(ferry, session, options->run, wish);
    if (options->down != NULL) return request_down(ferry, session, options->down, wish);
    return request_up(ferry, session, options->up, wish);
}

int redferry_plan(redferry *ferry, const redferry_plan_options *options,
                  const redferry_plan_report **out)
{
    static const redferry_plan_options up = {0};
    struct session session;
    struct wish wish = {0};
    struct plan_question question = {0};
    struct plan plan = {0};
    int result = handle_open(ferry, &session, HANDLE_LOOK);
    if (result == 0)
        result = ask(ferry, &session, options != NULL ? options : &up, &wish, &question);
    if (result == 0) result = planner_make(&session, &question, &plan, &ferry->error);
    if (result == 0) result = give_out(ferry, &plan, out);
    if (result == 0 && plan.verdict.code != ERROR_NONE) {
        ferry->error = plan.verdict;
        result = -1;
    }
    return handle_end(ferry, &session, result);
}
