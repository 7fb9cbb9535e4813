/*
 * What verifying found, for whoever called the library: it outlives the files, the agenda and
 * the connection, and so has texts of its own. Nothing is judged here.
 */
#include "verification.h"

#include "agenda.h"
#include "arena.h"
#include "comparison.h"
#include "error.h"
#include "migration.h"
#include "session.h"
#include "verify_step.h"

struct filling {
    struct session *session;
    struct verification *out;
    const struct verify_subjects *subjects;
    struct comparison *comparison;
};

/* The migration and the step that a line belongs to. */
static const struct verify_step *step_of(const struct filling *self,
                                         const struct comparison_line *line,
                                         const struct verify_subject **subject)
{
    for (size_t i = 0; i < self->subjects->count; i++) {
        *subject = &self->subjects->items[i];
        if ((*subject)->reason != NULL) continue;
        for (size_t k = 0; k < (*subject)->migration->up.count; k++) {
            const struct verify_step *checked = &(*subject)->steps[k];
            if (line >= checked->lines && line < checked->lines + checked->step->command_count)
                return checked;
        }
    }
    return NULL;
}

static const char *hint_for(struct arena *arena, const struct comparison_finding *finding)
{
    if (finding->may_have_expired) return "it may have expired";
    if (finding->more == 0) return NULL;
    return arena_format(arena, "and %zu more of the same command", finding->more);
}

static int report_differences(const struct filling *self, struct error *err)
{
    struct arena *results = self->session->results;
    size_t count = 0;
    if (self->comparison == NULL) return 0;
    const struct comparison_finding *findings = comparison_findings(self->comparison, &count);
    struct verified_difference *out = arena_array(results, count + 1, sizeof *out);
    if (out == NULL) return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct comparison_finding *finding = &findings[i];
        const struct verify_subject *subject = NULL;
        const struct verify_step *checked = step_of(self, finding->line, &subject);
        out[i] = (struct verified_difference){
            .version = subject->item->version,
            .step = checked->step->number,
            .step_name = arena_text(results, checked->step->name),
            .command = arena_text(results, finding->line->command->text),
            .is_missing = finding->is_missing,
            .key = arena_text(results, finding->key),
            .part = finding->part[0] == '\0' ? NULL : arena_text(results, finding->part),
            .sql = arena_text(results, finding->sql),
            .redis = arena_text(results, finding->redis),
            .hint = hint_for(results, finding),
        };
    }
    self->out->differences = out;
    self->out->difference_count = count;
    return results->failed ? error_memory(err) : 0;
}

static struct verified *add_line(const struct filling *self,
                                 const struct verify_subject *subject, const struct step *step,
                                 const char *reason)
{
    struct arena *results = self->session->results;
    struct verified *line = &self->out->lines[self->out->line_count++];
    *line = (struct verified){.version = subject->item->version,
                              .name = arena_text(results, subject->item->name),
                              .reason = arena_text(results, reason)};
    if (step == NULL) return line;
    line->step = step->number;
    line->step_name = arena_text(results, step->name);
    return line;
}

static void report_step(const struct filling *self, const struct verify_subject *subject,
                        const struct verify_step *checked)
{
    struct verification *out = self->out;
    if (checked->reason != NULL) {
        (void)add_line(self, subject, checked->step, checked->reason);
        return;
    }
    for (size_t i = 0; i < checked->step->command_count; i++) {
        const struct comparison_line *from = &checked->lines[i];
        struct verified *line = add_line(self, subject, checked->step, from->reason);
        line->command = arena_text(self->session->results, from->command->text);
        line->equal = from->equal;
        line->different = from->different;
        line->missing = from->missing;
        line->overwritten = from->overwritten;
        line->untold = from->untold;
        out->equal += from->equal;
        out->different += from->different;
        out->missing += from->missing;
        out->overwritten += from->overwritten;
    }
}

static size_t count_lines(const struct filling *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->subjects->count; i++) {
        const struct verify_subject *subject = &self->subjects->items[i];
        count++;
        for (size_t k = 0; subject->steps != NULL && k < subject->migration->up.count; k++)
            count += 1 + subject->steps[k].step->command_count;
    }
    return count;
}

int verification_fill(struct verification *verification, struct session *session,
                      const struct verify_subjects *subjects, struct comparison *comparison,
                      struct error *err)
{
    const struct filling filling = {session, verification, subjects, comparison};
    const struct filling *self = &filling;
    struct arena *results = self->session->results;
    self->out->lines = arena_array(results, count_lines(self) + 1, sizeof *self->out->lines);
    if (self->out->lines == NULL) return error_memory(err);
    for (size_t i = 0; i < self->subjects->count; i++) {
        const struct verify_subject *subject = &self->subjects->items[i];
        if (subject->reason != NULL) (void)add_line(self, subject, NULL, subject->reason);
        for (size_t k = 0; subject->steps != NULL && k < subject->migration->up.count; k++)
            report_step(self, subject, &subject->steps[k]);
    }
    return report_differences(self, err);
}
