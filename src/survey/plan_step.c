/*
 * One step, looked at before it is done.
 *
 * Its source is opened, its placeholders are bound and its first rows are rendered by the very
 * modules that will do so in earnest, so that what is shown is what will be sent, and what
 * would go wrong says so in the same words. Only the sink is another: it prints. Rows behind
 * the first ones are not read; a step that fails on the thousandth looks well here.
 */
#include "plan_step.h"

#include <string.h>
#include <strings.h>

#include "arena.h"
#include "attempt.h"
#include "command.h"
#include "command_facts.h"
#include "command_line.h"
#include "config.h"
#include "db.h"
#include "migration.h"
#include "session.h"
#include "sink.h"
#include "sink_print.h"
#include "source.h"
#include "step.h"
#include "task.h"
#include "template.h"

static const struct columns no_columns = {0};

/* ---- what the file says ----------------------------------------------------------------- */

/* Texts, each of them once. */
struct texts {
    const char **items;
    size_t count;
};

static int add_text(struct texts *texts, const char *text)
{
    if (text == NULL) return -1;
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->items[i], text) == 0) return 0;
    texts->items[texts->count++] = text;
    return 0;
}

/* An argument as it was written, quoted as redis-cli wants it. */
static int add_pattern(struct texts *texts, const struct template *template,
                       struct arena *arena)
{
    struct buffer pattern = {0}, text = {0};
    template_append(template, &pattern);
    if (!buffer_failed(&pattern)) command_line_append(&text, pattern.bytes, pattern.length);
    const char *line = buffer_failed(&pattern) ? NULL : buffer_text(&text);
    const int result = add_text(texts, line != NULL ? arena_text(arena, line) : NULL);
    buffer_release(&pattern);
    buffer_release(&text);
    return result;
}

/* Whether there may be keys among its arguments that cannot be told from here. */
static bool is_opaque(const struct command *command, size_t keys)
{
    if (command->facts == NULL) return true;
    return keys == 0 && command->facts->count_at > 0;
}

/* What a command touches, and whom it tells. */
static int describe_command(struct plan_step *out, const struct command *command,
                            struct arena *arena)
{
    struct texts touches = {out->touches, out->touch_count};
    struct texts channels = {out->channels, out->channel_count};
    struct texts opaque = {out->opaque, out->opaque_count};
    size_t *positions = arena_array(arena, command->argument_count, sizeof *positions);
    size_t keys = 0;
    int result = positions == NULL ? -1 : 0;
    if (result == 0) keys = command_keys(command, positions, command->argument_count);
    for (size_t i = 0; i < keys && i < command->argument_count && result == 0; i++)
        result = add_pattern(&touches, command->arguments[positions[i]], arena);
    if (result == 0 && command_publishes(command) && command->argument_count > 1)
        result = add_pattern(&channels, command->arguments[1], arena);
    else if (result == 0 && is_opaque(command, keys))
        result = add_text(&opaque, arena_text(arena, command->text));
    out->touch_count = touches.count;
    out->channel_count = channels.count;
    out->opaque_count = opaque.count;
    return result;
}

static int describe_commands(struct plan_step *out, const struct step *step,
                             struct arena *arena)
{
    size_t arguments = 0;
    for (size_t i = 0; i < step->command_count; i++)
        arguments += step->commands[i].argument_count;
    out->touches = arena_array(arena, arguments + 1, sizeof *out->touches);
    out->channels = arena_array(arena, step->command_count + 1, sizeof *out->channels);
    out->opaque = arena_array(arena, step->command_count + 1, sizeof *out->opaque);
    if (out->touches == NULL || out->channels == NULL || out->opaque == NULL) return -1;
    for (size_t i = 0; i < step->command_count; i++)
        if (describe_command(out, &step->commands[i], arena) != 0) return -1;
    return 0;
}

static const char *guarantee_of(const struct step *step, const struct config *config)
{
    const enum guarantee guarantee = step_guarantee(step, NULL);
    if (guarantee == GUARANTEE_REFUSED && config->allow_repeats) return "none";
    return guarantee_text(guarantee);
}

/* The file's texts are copied: a definition that came from the ledger goes with its task. */
static int describe(struct plan_step *out, const struct plan_view *view,
                    const struct step *step)
{
    struct arena *arena = view->session->results;
    *out = (struct plan_step){
        .number = step->number,
        .name = arena_text(arena, step->name),
        .read = arena_text(arena, step->read),
        .from = arena_text(arena, step->from),
        .sql = arena_text(arena, step->sql),
        .key = arena_array(arena, step->key_count + 1, sizeof *out->key),
        .key_count = step->key_count,
        .guarantee = guarantee_of(step, view->session->config),
        .progress = step->number < view->place                            ? "done"
                    : step->number == view->place && view->cursor != NULL ? "half"
                                                                          : "to do",
        .rows = -1,
        .seconds = -1,
        .sample = arena_array(arena, PLAN_SAMPLE, sizeof *out->sample),
        .after = view->after,
        .is_known = true,
    };
    if (step->number == view->place) out->cursor = view->cursor;
    for (size_t i = 0; out->key != NULL && i < step->key_count; i++)
        out->key[i] = arena_text(arena, step->key[i]);
    return arena->failed ? -1 : describe_commands(out, step, arena);
}

/* ---- what the rows say ------------------------------------------------------------------ */

struct sampling {
    struct plan_step *out;
    const struct step *step;
    struct arena *arena;
};

static int show(void *context, const struct sink_print_line *line, struct error *err)
{
    struct sampling *sampling = context;
    struct plan_step *out = sampling->out;
    struct plan_row *row = &out->sample[line->row - 1];
    if ((size_t)line->row > out->sample_count) {
        out->sample_count = (size_t)line->row;
        row->key = arena_text(sampling->arena, line->key);
        row->commands =
            arena_array(sampling->arena, sampling->step->command_count, sizeof *row->commands);
    }
    if (row->commands != NULL)
        row->commands[row->count++] = arena_text(sampling->arena, line->text);
    return sampling->arena->failed ? error_memory(err) : 0;
}

/* Take the one batch there is. Returns 1: no row is left behind it; 0; or -1 with err. */
static int put_rows(struct step_work *work, struct sink *sink, struct error *err)
{
    struct row row = {.columns = &no_columns};
    if (work->source == NULL) return sink_put(sink, &row, err) == 0 ? 1 : -1;
    for (;;) {
        switch (source_next(work->source, false, true, &row, err)) {
        case SOURCE_ROW:
            if (sink_put(sink, &row, err) != 0) return -1;
            break;
        case SOURCE_AGAIN:
            break;
        case SOURCE_BATCH:
            return 0;
        case SOURCE_END:
            return 1;
        case SOURCE_FAILED:
            return -1;
        }
    }
}

/* The rows in front of one that is refused are shown too. */
static int sample(struct plan_step *out, struct step_work *work, struct arena *arena,
                  struct error *err)
{
    struct sampling sampling = {out, work->step, arena};
    struct sink_step sink_step = {.step = work->step, .batch = PLAN_SAMPLE};
    struct sink *sink = NULL;
    struct error later = {0};
    if (work->source != NULL) {
        sink_step.key_columns = source_key_columns(work->source);
        sink_step.key_count = work->step->key_count;
    }
    if (sink_print_open(&sink, show, &sampling, err) != 0) return -1;
    int result = sink_begin(sink, &sink_step, err);
    if (result == 0) result = put_rows(work, sink, err);
    if (sink_close_batch(sink, NULL, &later) != 0 && result >= 0) {
        *err = later;
        result = -1;
    }
    if (result == 1 && work->source != NULL) {
        out->rows = sink_tally(sink)->rows_read;
        out->is_counted = true;
    }
    sink_close(sink);
    return result < 0 ? -1 : 0;
}

/* ---- what the database expects ---------------------------------------------------------- */

static const char *index_word(enum source_index index)
{
    static const char *const words[] = {[SOURCE_INDEX_UNKNOWN] = NULL,
                                        [SOURCE_INDEX_YES] = "yes",
                                        [SOURCE_INDEX_NO] = "no",
                                        [SOURCE_INDEX_IN_VAIN] = "no"};
    return words[index];
}

/* An estimate is no more than that: where there is none, the step is none the worse. */
static int estimate(struct plan_step *out, const struct source *source, struct error *err)
{
    struct source_estimate found = {.rows = -1};
    if (source_estimate(source, &found, err) != 0) {
        if (err->code > ERROR_STOPPED || err->code == ERROR_SQL_UNREACHABLE) return -1;
        error_clear(err);
    }
    out->rows = found.rows;
    out->index = index_word(found.index);
    /* With an index it is read batch by batch, and writers wait for one at most. */
    out->keeps_writers_out = source_blocks_writers(source) && found.index != SOURCE_INDEX_YES;
    return 0;
}

/* ---- the whole -------------------------------------------------------------------------- */

/* Put the place in front of err, as the attempt does. Returns -1. */
static int name_step(const struct plan_view *view, const struct step *step, struct error *err)
{
    return error_prefix(err, "%s: step '%s': ", view->task->migration->file, step->name);
}

/* How far looking at a step came before it failed. */
struct look {
    bool is_prepared; /* its query works, and has what its commands ask for */
    bool is_lost;     /* Redis does not answer: that is not the step's */
};

/* Once more, from the first row to the last. */
static int compare(struct plan_step *out, const struct plan_view *view, struct step_work *work,
                   struct look *look, struct error *err)
{
    if (step_prepare(work, err) != 0) return -1;
    if (work->source != NULL)
        listener_say(&view->session->listener, EVENT_NOTE, "%s: comparing step '%s' with Redis",
                     view->task->migration->file, work->step->name);
    if (plan_compare(&out->comparison, work, view->session, &look->is_lost, err) != 0)
        return -1;
    if (work->source == NULL) return 0;
    out->rows = out->comparison.rows;
    out->is_counted = true;
    return 0;
}

/* Open it as the attempt does, which says itself where something is wrong with that. */
static int look_at_rows(struct plan_step *out, const struct plan_view *view,
                        const struct step *step, struct look *look, struct error *err)
{
    struct attempt attempt = {
        .session = view->session,
        .beginning = {.migration = view->task->migration, .down = view->task->choice.down},
    };
    const struct step_work all = {.attempt = &attempt, .step = step, .behind = out->cursor};
    struct step_work work = all;
    work.sample = PLAN_SAMPLE;
    int result = step_prepare(&work, err);
    look->is_prepared = result == 0;
    if (result == 0 && work.source != NULL) result = estimate(out, work.source, err);
    if (result == 0) result = sample(out, &work, view->session->results, err);
    step_release(&work);
    if (result == 0 && view->compares && step->write_count > 0) {
        work = all;
        result = compare(out, view, &work, look, err);
        step_release(&work);
    }
    if (result != 0 && look->is_prepared) (void)name_step(view, step, err);
    return result;
}

/* A step that is half done and has no source is done: its one batch was everything. */
static bool is_over(const struct plan_step *out)
{
    return strcmp(out->progress, "done") == 0 || (out->cursor != NULL && out->read == NULL);
}

int plan_step_look(struct plan_step *out, const struct plan_view *view, const struct step *step,
                   struct error *err)
{
    struct look look = {0};
    if (describe(out, view, step) != 0) return error_memory(err);
    if (is_over(out) || step->sql != NULL) return 0;
    /* `sql` runs on the ledger's database, and changes no other one. */
    if (step->from != NULL || step->read == NULL || !view->session->config->ledger_is_database)
        out->after = NULL;
    if (look_at_rows(out, view, step, &look, &out->error) == 0) return 0;
    if (out->error.code > ERROR_STOPPED || look.is_lost) {
        *err = out->error;
        return -1;
    }
    if (view->session->results->failed) return error_memory(err);
    if (out->after == NULL || look.is_prepared || out->error.code != ERROR_FAILED) return 0;
    out->is_known = false;
    error_clear(&out->error);
    return 0;
}
