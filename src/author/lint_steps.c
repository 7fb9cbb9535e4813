/*
 * What can be promised of a step, and what stands in the way: rules RF2. And what steps alone
 * tell of a `down` (RF502): what its keys tell is said in lint_keys.c.
 */
#include "lint_steps.h"

#include <string.h>

#include "lint_sql.h"
#include "lint_text.h"
#include "sql_query.h"
#include "sql_text.h"
#include "template.h"

static void check_guarantee(const struct lint_subject *subject, const struct step *step,
                            bool down)
{
    struct lint_report *report = subject->report;
    const struct command *culprit = NULL;
    enum guarantee guarantee = step_guarantee(step, &culprit);
    const bool is_allowed = subject->allow_repeats && guarantee == GUARANTEE_REFUSED;
    if (is_allowed) guarantee = GUARANTEE_AT_LEAST_ONCE;
    lint_report_promise(report, &(struct lint_promise){.migration = subject->migration,
                                                       .step = step,
                                                       .down = down,
                                                       .guarantee = guarantee});
    if (culprit == NULL) return;
    struct lint_finding *finding = lint_report_add(
        report, "RF201", lint_text_command(subject, culprit),
        "step '%s': '%s' must not be repeated, and without a `key` the step cannot know where "
        "it stopped: give it a `key`%s",
        step->name, culprit->text, is_allowed ? "" : " (or --allow-repeats)");
    if (is_allowed) lint_report_soften(finding, LINT_WARNING);
}

/* Rows come in the order of the key, whatever the query's own ORDER BY says. */
static void check_order(const struct lint_subject *subject, const struct step *step)
{
    const struct sql_query *query = lint_sql_of(subject, step);
    if (step->read == NULL || step->key_count == 0) return;
    if (!sql_query_contradicts(query, step->key, step->key_count, &subject->report->scratch))
        return;
    lint_report_add(subject->report, "RF202",
                    lint_text_query(subject, step, query->tokens[query->order - 2].begin),
                    "step '%s': the rows come in the order of the `key`; the query's own ORDER "
                    "BY does not count",
                    step->name);
}

static void check_pause(const struct lint_subject *subject, const struct step *step)
{
    if (step->pause_ms <= 0 || step->key_count > 0) return;
    lint_report_add(subject->report, "RF203", lint_text_key(subject, step, "pause"),
                    "step '%s': without a `key` the step cannot let go of its query, so its "
                    "`pause` does not count",
                    step->name);
}

/* What the query has, for a message; NULL where memory runs out. */
static const char *list_columns(const struct lint_subject *subject,
                                const struct sql_query *query)
{
    enum { MOST = 12 };
    struct arena *arena = &subject->report->scratch;
    const size_t shown = query->column_count < MOST ? query->column_count : MOST;
    const char *list = query->columns[0];
    for (size_t i = 1; i < shown && list != NULL; i++)
        list = arena_format(arena, "%s, %s", list, query->columns[i]);
    if (list != NULL && shown < query->column_count) list = arena_format(arena, "%s, …", list);
    if (list == NULL) subject->report->failed = true;
    return list;
}

/* A column that is asked for and is surely not there stops the run before its first row. */
static void check_key(const struct lint_subject *subject, const struct step *step)
{
    const struct sql_query *query = lint_sql_of(subject, step);
    for (size_t i = 0; query->knows_columns && i < step->key_count; i++) {
        if (sql_query_has(query, step->key[i])) continue;
        lint_report_add(subject->report, "RF204", lint_text_key(subject, step, "key"),
                        "step '%s': the query has no column '%s' for `key`; it has %s",
                        step->name, step->key[i], list_columns(subject, query));
    }
}

/* The first column that a command asks for and the query has not, or NULL. */
static const char *missing_column(const struct command *command, const struct sql_query *query)
{
    for (size_t i = 1; i < command->argument_count; i++) {
        size_t count = 0;
        const struct template_piece *pieces = template_pieces(command->arguments[i], &count);
        for (size_t j = 0; j < count; j++) {
            const bool is_column =
                pieces[j].kind == TEMPLATE_VALUE || pieces[j].kind == TEMPLATE_VALUE_JSON;
            if (is_column && !sql_query_has(query, pieces[j].text)) return pieces[j].text;
        }
    }
    return NULL;
}

static void check_placeholders(const struct lint_subject *subject, const struct step *step)
{
    const struct sql_query *query = lint_sql_of(subject, step);
    for (size_t i = 0; query->knows_columns && i < step->command_count; i++) {
        const struct command *command = &step->commands[i];
        const char *column = missing_column(command, query);
        if (column == NULL) continue;
        lint_report_add(subject->report, "RF205", lint_text_command(subject, command),
                        "step '%s': '%s': the query has no column '%s'; it has %s", step->name,
                        command->text, column, list_columns(subject, query));
    }
}

static const struct step *first_statement(const struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        if (steps->items[i].sql != NULL) return &steps->items[i];
    return NULL;
}

/* A `down` without any statement cannot undo what one of `up` did. */
static void check_down(const struct lint_subject *subject)
{
    const struct step *step = first_statement(&subject->migration->up);
    if (step == NULL || !subject->migration->has_down ||
        first_statement(&subject->migration->down) != NULL)
        return;
    lint_report_soften(
        lint_report_add(subject->report, "RF502", lint_text_key(subject, step, "sql"),
                        "step '%s': what its `sql` changes stays: `down` has no `sql` step",
                        step->name),
        LINT_NOTE);
}

void lint_steps_check(const struct lint_subject *subject)
{
    const struct steps *const lists[] = {&subject->migration->up, &subject->migration->down};
    for (size_t down = 0; down < 2; down++) {
        for (size_t i = 0; i < lists[down]->count; i++) {
            const struct step *step = &lists[down]->items[i];
            check_guarantee(subject, step, down == 1);
            check_order(subject, step);
            check_pause(subject, step);
            check_key(subject, step);
            check_placeholders(subject, step);
        }
    }
    check_down(subject);
}
