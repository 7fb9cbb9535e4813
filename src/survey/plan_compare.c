/*
 * What a step would change in Redis: its rows are read to the end, rendered as if they were to
 * be sent, and what their commands would leave is read back instead (evidence/comparison). Each
 * step is compared with what is there now, not with what the steps before it will leave; only
 * of the rows of one step a later one speaks for an earlier one.
 */
#include "plan_compare.h"

#include "arena.h"
#include "comparison.h"
#include "error.h"
#include "migration.h"
#include "row_key.h"
#include "session.h"
#include "sink.h"
#include "source.h"
#include "step.h"
#include "stop.h"

enum { LOOK_EVERY_MS = 250 };

struct comparing {
    struct comparison *comparison;
    struct comparison_line *lines;
    const struct step_work *work;
    const struct stop *stop;
    int64_t rows;
};

/* Put the row in front of an error about it, as a run does. Returns -1. */
static int name_row(const struct comparing *self, const struct row *row, struct error *err)
{
    const struct step *step = self->work->step;
    if (step->read == NULL) return -1;
    const struct sink_step sink_step = {.step = step,
                                        .key_columns = source_key_columns(self->work->source),
                                        .key_count = step->key_count};
    return row_key_blame(err, &sink_step, row, self->rows);
}

static int put(struct comparing *self, const struct row *row, struct error *err)
{
    self->rows++;
    if (comparison_put(self->comparison, self->lines, self->work->step->command_count, row,
                       err) == 0)
        return 0;
    return comparison_has_failed(self->comparison) ? -1 : name_row(self, row, err);
}

static int wait(const struct comparing *self, struct error *err)
{
    const int descriptor = source_descriptor(self->work->source);
    return comparison_wait(self->comparison, descriptor, LOOK_EVERY_MS, err) < 0 ? -1 : 0;
}

/* Take every row there is. */
static int put_all(struct comparing *self, struct error *err)
{
    static const struct columns no_columns = {0};
    struct row row = {.columns = &no_columns};
    if (self->work->source == NULL) return put(self, &row, err);
    for (;;) {
        int result = 0;
        if (stop_requested(self->stop)) return stop_error(self->stop, err);
        switch (source_next(self->work->source, false, false, &row, err)) {
        case SOURCE_ROW:
            result = put(self, &row, err);
            break;
        case SOURCE_AGAIN:
            result = wait(self, err);
            break;
        case SOURCE_BATCH:
            break;
        case SOURCE_END:
            return 0;
        case SOURCE_FAILED:
            return -1;
        }
        if (result != 0) return -1;
    }
}

/* Copy what was found: the lines borrow from the migration. */
static int give_out(struct plan_comparison *out, const struct comparing *self,
                    struct arena *arena)
{
    const struct step *step = self->work->step;
    out->rows = self->rows;
    out->lines = arena_array(arena, step->write_count + 1, sizeof *out->lines);
    for (size_t i = 0; out->lines != NULL && i < step->write_count; i++) {
        const struct comparison_line *line = &self->lines[i];
        out->lines[out->count++] = (struct plan_compared){
            .command = arena_text(arena, line->command->text),
            .reason = arena_text(arena, line->reason),
            .fresh = line->missing,
            .equal = line->equal,
            .different = line->different,
            .overwritten = line->overwritten,
            .untold = line->untold,
        };
    }
    return arena->failed ? -1 : 0;
}

int plan_compare(struct plan_comparison *out, struct step_work *work, struct session *session,
                 bool *is_lost, struct error *err)
{
    const struct step *step = work->step;
    struct comparing self = {.work = work, .stop = session->stop};
    struct error later = {0};
    int result = -1;
    *out = (struct plan_comparison){0};
    *is_lost = true;
    self.lines = arena_array(&session->arena, step->command_count + 1, sizeof *self.lines);
    if (self.lines == NULL) return error_memory(err);
    for (size_t i = 0; i < step->command_count; i++)
        self.lines[i] = comparison_line(&step->commands[i]);
    if (comparison_open(&self.comparison, session->redis, 0, err) != 0) return -1;
    result = put_all(&self, err);
    if (!comparison_has_failed(self.comparison) &&
        comparison_flush(self.comparison, result == 0 ? err : &later) != 0)
        result = -1;
    *is_lost = comparison_has_failed(self.comparison);
    if (give_out(out, &self, session->results) != 0) result = error_memory(err);
    comparison_close(self.comparison);
    return result;
}
