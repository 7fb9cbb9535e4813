/*
 * What can be promised of a step, and what stands in the way: rules RF2.
 */
#include "lint_steps.h"

#include <string.h>

#include "lint.h"
#include "lint_report.h"
#include "sql_text.h"

static void check_guarantee(struct lint_report *report, const struct lint_wish *wish,
                            const struct migration *migration, const struct step *step,
                            bool down)
{
    const struct command *culprit = NULL;
    enum guarantee guarantee = step_guarantee(step, &culprit);
    const bool is_allowed = wish->allow_repeats && guarantee == GUARANTEE_REFUSED;
    if (is_allowed) guarantee = GUARANTEE_AT_LEAST_ONCE;
    lint_report_promise(report, &(struct lint_promise){.migration = migration,
                                                       .step = step,
                                                       .down = down,
                                                       .guarantee = guarantee});
    if (culprit == NULL) return;
    const struct lint_place place = {migration->file, culprit->line, culprit->column};
    struct lint_finding *finding = lint_report_add(
        report, "RF201", place,
        "step '%s': '%s' must not be repeated, and without a `key` the step cannot know where "
        "it stopped: give it a `key`%s",
        step->name, culprit->text, is_allowed ? "" : " (or --allow-repeats)");
    if (is_allowed) lint_report_soften(finding, LINT_WARNING);
}

/* Rows come in the order of the key, whatever the query's own ORDER BY says. */
static void check_order(struct lint_report *report, const struct migration *migration,
                        const struct step *step)
{
    const struct lint_place place = {migration->file, step->read_line, step->read_column};
    if (step->read == NULL || step->key_count == 0) return;
    if (sql_text_find(step->read, strlen(step->read), "ORDER", "BY") < 0) return;
    lint_report_add(report, "RF202", place,
                    "step '%s': the rows come in the order of the `key`; the query's own ORDER "
                    "BY does not count",
                    step->name);
}

static void check_pause(struct lint_report *report, const struct migration *migration,
                        const struct step *step)
{
    const struct lint_place place = {migration->file, step->line, step->column};
    if (step->pause_ms <= 0 || step->key_count > 0) return;
    lint_report_add(report, "RF203", place,
                    "step '%s': without a `key` the step cannot let go of its query, so its "
                    "`pause` does not count",
                    step->name);
}

void lint_steps_check(struct lint_report *report, const struct lint_wish *wish,
                      const struct migration *migration)
{
    const struct steps *const lists[] = {&migration->up, &migration->down};
    for (size_t down = 0; down < 2; down++) {
        for (size_t i = 0; i < lists[down]->count; i++) {
            const struct step *step = &lists[down]->items[i];
            check_guarantee(report, wish, migration, step, down == 1);
            check_order(report, migration, step);
            check_pause(report, migration, step);
        }
    }
}
