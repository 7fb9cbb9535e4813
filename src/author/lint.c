/*
 * Lint: all that can be known of a migration without a server. What the parser complains of,
 * and on top of that what is well formed but cannot be promised, or is not what it looks like.
 * It connects to nothing and judges no SQL beyond its outermost words.
 */
#include "lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "migration_dir.h"
#include "sql_text.h"

/* Where the next finding and the next promise go. */
struct lint {
    struct lint_report *report;
    const struct lint_wish *wish;
    struct arena *arena;
    struct lint_finding **finding;
    struct lint_promise **promise;
    bool failed;
};

static struct lint_finding *add_finding(struct lint *lint, enum lint_severity severity,
                                        const char *file)
{
    struct lint_finding *finding = arena_alloc(lint->arena, sizeof *finding);
    if (finding == NULL) {
        lint->failed = true;
        return NULL;
    }
    *finding = (struct lint_finding){.severity = severity, .file = file};
    *lint->finding = finding;
    lint->finding = &finding->next;
    if (severity == LINT_ERROR) lint->report->errors++;
    return finding;
}

__attribute__((format(printf, 6, 7))) static void say(struct lint *lint,
                                                      enum lint_severity severity,
                                                      const char *file, int line, int column,
                                                      const char *format, ...)
{
    struct error words = {0};
    struct lint_finding *finding = add_finding(lint, severity, file);
    va_list arguments;
    if (finding == NULL) return;
    va_start(arguments, format);
    vsnprintf(words.message, sizeof words.message, format, arguments);
    va_end(arguments);
    finding->line = line;
    finding->column = column;
    finding->text = arena_text(lint->arena, words.message);
    if (finding->text == NULL) lint->failed = true;
}

/* ---- what the parser says ------------------------------------------------------------- */

/* Take "FILE:LINE:COLUMN: text" or "FILE: text" apart. A file's name may hold colons, so the
 * numbers are looked for. */
static void add_complaint(struct lint *lint, const struct complaint *complaint)
{
    struct lint_finding *finding =
        add_finding(lint, complaint->is_error ? LINT_ERROR : LINT_NOTE, NULL);
    if (finding == NULL) return;
    const char *text = complaint->text;
    for (const char *colon = strchr(text, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
        int line = 0, column = 0, length = 0;
        const bool placed =
            sscanf(colon, ":%d:%d: %n", &line, &column, &length) == 2 && length > 0;
        if (!placed && colon[1] != ' ') continue;
        finding->file = arena_copy(lint->arena, text, (size_t)(colon - text));
        finding->line = line;
        finding->column = column;
        finding->text = placed ? colon + length : colon + 2;
        break;
    }
    if (finding->text == NULL) finding->text = text;
    if (finding->file == NULL) finding->file = "";
}

/* ---- what the parser cannot say ------------------------------------------------------- */

static void check_guarantee(struct lint *lint, const struct migration *migration,
                            const struct step *step, bool down)
{
    const struct command *culprit = NULL;
    enum guarantee guarantee = step_guarantee(step, &culprit);
    const bool is_allowed = lint->wish->allow_repeats && guarantee == GUARANTEE_REFUSED;
    struct lint_promise *promise = arena_alloc(lint->arena, sizeof *promise);
    if (promise == NULL) {
        lint->failed = true;
        return;
    }
    if (is_allowed) guarantee = GUARANTEE_AT_LEAST_ONCE;
    *promise = (struct lint_promise){
        .migration = migration, .step = step, .down = down, .guarantee = guarantee};
    *lint->promise = promise;
    lint->promise = &promise->next;
    if (culprit != NULL)
        say(lint, is_allowed ? LINT_WARNING : LINT_ERROR, migration->file, culprit->line,
            culprit->column,
            "step '%s': '%s' must not be repeated, and without a `key` the step cannot know "
            "where it stopped: give it a `key`%s",
            step->name, culprit->text, is_allowed ? "" : " (or --allow-repeats)");
}

/* Rows come in the order of the key, whatever the query's own ORDER BY says. */
static void check_order(struct lint *lint, const struct migration *migration,
                        const struct step *step)
{
    if (step->read == NULL || step->key_count == 0) return;
    if (sql_text_find(step->read, strlen(step->read), "ORDER", "BY") < 0) return;
    say(lint, LINT_WARNING, migration->file, step->read_line, step->read_column,
        "step '%s': the rows come in the order of the `key`; the query's own ORDER BY does not "
        "count",
        step->name);
}

static void check_pause(struct lint *lint, const struct migration *migration,
                        const struct step *step)
{
    if (step->pause_ms <= 0 || step->key_count > 0) return;
    say(lint, LINT_WARNING, migration->file, step->line, step->column,
        "step '%s': without a `key` the step cannot let go of its query, so its `pause` does "
        "not count",
        step->name);
}

static void check_steps(struct lint *lint, const struct migration *migration,
                        const struct steps *steps, bool down)
{
    for (size_t i = 0; i < steps->count; i++) {
        check_guarantee(lint, migration, &steps->items[i], down);
        check_order(lint, migration, &steps->items[i]);
        check_pause(lint, migration, &steps->items[i]);
    }
}

static bool is_migration(const struct migrations *migrations, const char *file)
{
    for (size_t i = 0; i < migrations->count; i++)
        if (strcmp(migrations->items[i]->file, file) == 0) return true;
    return false;
}

/* Each file counts once, however much is said about it, which stands together; one that could
 * not be read is none of the migrations. */
static size_t count_files(const struct lint_report *report)
{
    size_t files = report->migrations.count;
    const char *before = "";
    for (const struct lint_finding *one = report->findings; one != NULL; one = one->next) {
        if (one->severity == LINT_ERROR && strcmp(one->file, before) != 0 &&
            !is_migration(&report->migrations, one->file))
            files++;
        before = one->file;
    }
    return files;
}

int lint_check(struct lint_report *report, const struct lint_wish *wish, struct arena *arena,
               struct error *err)
{
    struct complaint *complaints = NULL;
    struct lint lint = {report, wish, arena, &report->findings, &report->promises, false};
    *report = (struct lint_report){0};
    const int read =
        wish->count == 0
            ? migration_dir_read(&report->migrations, wish->directory, arena, &complaints, err)
            : migration_dir_read_files(&report->migrations, wish->files, wish->count, arena,
                                       &complaints, err);
    if (read != 0 && complaints == NULL) return -1;
    error_clear(err);
    for (const struct complaint *one = complaints; one != NULL; one = one->next)
        add_complaint(&lint, one);
    report->files = count_files(report);
    for (size_t i = 0; i < report->migrations.count; i++) {
        const struct migration *migration = report->migrations.items[i];
        check_steps(&lint, migration, &migration->up, false);
        check_steps(&lint, migration, &migration->down, true);
    }
    return lint.failed ? error_memory(err) : 0;
}

void lint_release(struct lint_report *report)
{
    migrations_release(&report->migrations);
    *report = (struct lint_report){0};
}
