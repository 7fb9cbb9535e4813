/*
 * Lint: all that can be known of a migration without a server. What the parser complains of,
 * and on top of that what is well formed but cannot be promised, or is not what it looks like.
 *
 * Here the files are read and handed to the rules, which stand in modules of their own. It
 * connects to nothing; what a database knows is added by whoever has one.
 */
#include "lint.h"

#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "file.h"
#include "lint_commands.h"
#include "lint_keys.h"
#include "lint_report.h"
#include "lint_sql.h"
#include "lint_steps.h"
#include "lint_text.h"
#include "migration_dir.h"

/* ---- what the parser says ------------------------------------------------------------- */

/* Take in the comments of a file that is no migration; one that cannot be read has none. */
static void read_comments(struct lint_report *report, const char *file)
{
    struct error ignored = {0};
    size_t length = 0;
    char *bytes = NULL;
    if (file_read(file, &report->scratch, &bytes, &length, &ignored) == 0)
        (void)lint_text_read(report, file, bytes, length);
}

/* Take "FILE:LINE:COLUMN: text" or "FILE: text" apart. A file's name may hold colons, so the
 * numbers are looked for. */
static void add_complaint(struct lint_report *report, const struct complaint *complaint)
{
    const char *text = complaint->text, *rest = text;
    struct lint_place place = {.file = ""};
    for (const char *colon = strchr(text, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
        int line = 0, column = 0, length = 0;
        const bool placed =
            sscanf(colon, ":%d:%d: %n", &line, &column, &length) == 2 && length > 0;
        if (!placed && colon[1] != ' ') continue;
        place.file = arena_copy(report->arena, text, (size_t)(colon - text));
        place.line = line;
        place.column = column;
        rest = placed ? colon + length : colon + 2;
        break;
    }
    if (place.file == NULL) {
        report->failed = true;
        return;
    }
    lint_report_add(report, complaint->is_error ? "RF100" : "RF101", place, "%s", rest);
    if (!complaint->is_error) read_comments(report, place.file);
}

/* ---- all of them ---------------------------------------------------------------------- */

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
        if (one->severity == LINT_ERROR && strcmp(one->place.file, before) != 0 &&
            !is_migration(&report->migrations, one->place.file))
            files++;
        before = one->place.file;
    }
    return files;
}

/* Have every rule look at a migration. */
static void judge(struct lint_report *report, const struct lint_wish *wish,
                  const struct migration *migration)
{
    const struct lint_subject subject = {
        .report = report,
        .migration = migration,
        .text = lint_text_read(report, migration->file, migration->definition,
                               migration->definition_length),
        .up_queries = lint_query_read(&migration->up, &report->scratch),
        .down_queries = lint_query_read(&migration->down, &report->scratch),
        .allow_repeats = wish->allow_repeats,
    };
    if (subject.text == NULL || subject.up_queries == NULL || subject.down_queries == NULL) {
        report->failed = true;
        return;
    }
    lint_steps_check(&subject);
    lint_commands_check(&subject);
    lint_keys_check(&subject);
    lint_sql_check(&subject);
}

int lint_check(struct lint_report *report, const struct lint_wish *wish, struct arena *arena,
               struct error *err)
{
    struct complaint *complaints = NULL;
    *report = (struct lint_report){.arena = arena};
    const int read =
        wish->count == 0
            ? migration_dir_read(&report->migrations, wish->directory, arena, &complaints, err)
            : migration_dir_read_files(&report->migrations, wish->files, wish->count, arena,
                                       &complaints, err);
    if (read != 0 && complaints == NULL) return -1;
    error_clear(err);
    for (const struct complaint *one = complaints; one != NULL; one = one->next)
        add_complaint(report, one);
    report->files = count_files(report);
    for (size_t i = 0; i < report->migrations.count; i++)
        judge(report, wish, report->migrations.items[i]);
    return report->failed ? error_memory(err) : 0;
}

int lint_settle(struct lint_report *report, struct error *err)
{
    lint_text_allow(report);
    return lint_report_finish(report, err);
}

void lint_release(struct lint_report *report)
{
    migrations_release(&report->migrations);
    arena_release(&report->scratch);
    *report = (struct lint_report){0};
}
