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
#include "command_facts.h"
#include "error.h"
#include "file.h"
#include "lint_commands.h"
#include "lint_keys.h"
#include "lint_report.h"
#include "lint_sql.h"
#include "lint_steps.h"
#include "lint_text.h"
#include "migration_dir.h"
#include "test_dir.h"
#include "test_file.h"

/* ---- what the parser says ------------------------------------------------------------- */

/* Take in the comments of a file that is no migration; one that cannot be read has none. */
static void read_comments(struct lint_report *report, const char *file)
{
    struct error err = {0};
    size_t length = 0;
    char *bytes = NULL;
    if (file_read(file, &report->scratch, &bytes, &length, &err) == 0)
        (void)lint_text_read(report, file, bytes, length);
    else if (err.code == ERROR_FAILED)
        report->failed = true;
}

/* Take "FILE:LINE:COLUMN: text" or "FILE: text" apart. A file's name may hold colons, so the
 * numbers are looked for. */
static void add_words(struct lint_report *report, const char *code, const char *words)
{
    const char *text = arena_text(report->arena, words), *rest = text;
    struct lint_place place = {.file = ""};
    if (text == NULL) {
        report->failed = true;
        return;
    }
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
    lint_report_add(report, code, place, "%s", rest);
    /* What cannot be read as what it should be has no comments that count. */
    if (lint_rule_find(code)->severity != LINT_ERROR) read_comments(report, place.file);
}

/* The same of an error; one that no file is to blame for is a want of memory. */
static void add_error(struct lint_report *report, const char *code, const struct error *err)
{
    if (err->code == ERROR_INVALID)
        add_words(report, code, err->message);
    else
        report->failed = true;
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
        .up_queries = lint_sql_read(&migration->up, &report->scratch),
        .down_queries = lint_sql_read(&migration->down, &report->scratch),
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

/* ---- tests ---------------------------------------------------------------------------- */

/* Whether a migration publishes anything when it is applied. */
static bool publishes(const struct migration *migration)
{
    if (migration->announcement_count > 0) return true;
    for (size_t i = 0; i < migration->up.count; i++)
        for (size_t j = 0; j < migration->up.items[i].command_count; j++)
            if (command_publishes(&migration->up.items[i].commands[j])) return true;
    return false;
}

static bool has_statements(const struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        if (steps->items[i].sql != NULL) return true;
    return false;
}

static bool gives_source(const struct migration_test *test, const char *name)
{
    for (size_t i = 0; i < test->source_count; i++)
        if (strcmp(test->sources[i].name, name) == 0) return true;
    return false;
}

/* Whether a test sees what `down` leaves. That nothing may be published alone does not. */
static bool looks_behind_down(const struct migration_test *test)
{
    const struct test_expectation *after = &test->after_down;
    return after->check_count + after->query_count + after->message_count > 0;
}

/* Where that would be seen: `after_down`, or before it is there `expect`. */
static struct lint_place place_behind_down(const struct migration_test *test, const char *path)
{
    const struct test_expectation *one =
        test->after_down.line > 0 ? &test->after_down : &test->expect;
    return (struct lint_place){path, one->line, one->column};
}

/* Hold a test against the migration that it is of. */
static void compare(struct lint_report *report, const struct migration *migration,
                    const struct migration_test *test, const char *path)
{
    if (test->after_down.line > 0 && !migration->has_down)
        lint_report_add(
            report, "RF703",
            (struct lint_place){path, test->after_down.line, test->after_down.column},
            "'after_down' is never looked at: the migration has no `down`");
    if (publishes(migration) && !test->expect.has_published)
        lint_report_add(report, "RF704",
                        (struct lint_place){path, test->expect.line, test->expect.column},
                        "the migration publishes, and 'expect' says nothing of it: without "
                        "'published' no message is looked at");
    if (has_statements(&migration->up) && test->expect.query_count == 0)
        lint_report_add(report, "RF706",
                        (struct lint_place){path, test->expect.line, test->expect.column},
                        "the migration has an `sql` step, and 'expect' has no 'sql': what "
                        "becomes of the database is not looked at");
    if (migration->down.count > 0 && !looks_behind_down(test))
        lint_report_add(report, "RF707", place_behind_down(test, path),
                        "the migration has a `down`, and %s: what it leaves is not looked at",
                        test->after_down.line > 0
                            ? "'after_down' says only that nothing is published"
                            : "the test has no 'after_down'");
    for (size_t i = 0; i < migration->up.count + migration->down.count; i++) {
        const struct step *step = i < migration->up.count
                                      ? &migration->up.items[i]
                                      : &migration->down.items[i - migration->up.count];
        if (step->from == NULL || gives_source(test, step->from)) continue;
        lint_report_add(
            report, "RF705", (struct lint_place){.file = path},
            "step '%s' reads from '%s', and 'given' has nothing for it under 'from'",
            step->name, step->from);
    }
}

/* Judge the test at path; migration may be NULL: it is wrong, or was not asked for. */
static void judge_test(struct lint_report *report, const struct migration *migration,
                       const char *path)
{
    struct migration_test *test = NULL;
    struct error err = {0};
    report->files++;
    if (test_file_read(&test, path, &err) == 0) {
        if (migration != NULL) compare(report, migration, test, path);
        read_comments(report, path);
    } else {
        add_error(report, "RF700", &err);
    }
    migration_test_free(test);
}

/* Judge the test of a migration, if it has one. */
static void judge_test_of(struct lint_report *report, const struct lint_wish *wish,
                          const struct migration *migration)
{
    struct error err = {0};
    const char *path = NULL;
    if (test_dir_of(migration->file, report->arena, &path, &err) != 0)
        add_error(report, "RF700", &err);
    else if (path != NULL)
        judge_test(report, migration, path);
    else if (wish->expects_tests)
        lint_report_add(report, "RF701", (struct lint_place){.file = migration->file},
                        "there is no test beside this migration");
}

/* Judge a test that was named, or stands in the directory, unless its migration was judged. */
static void judge_lone_test(struct lint_report *report, const char *path)
{
    const char *migration = NULL;
    struct error err = {0};
    if (test_dir_migration(path, report->arena, &migration, &err) != 0) {
        add_error(report, "RF700", &err);
        return;
    }
    if (migration != NULL && is_migration(&report->migrations, migration)) return;
    judge_test(report, NULL, path);
    if (migration == NULL)
        lint_report_add(report, "RF702", (struct lint_place){.file = path},
                        "there is no migration beside this test");
}

static int judge_tests(struct lint_report *report, const struct lint_wish *wish,
                       struct error *err)
{
    const char *const *paths = wish->files;
    size_t count = wish->count;
    for (size_t i = 0; i < report->migrations.count; i++)
        judge_test_of(report, wish, report->migrations.items[i]);
    if (count == 0 && test_dir_list(wish->directory, report->arena, &paths, &count, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (test_dir_is_test(paths[i])) judge_lone_test(report, paths[i]);
    return 0;
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
        add_words(report, one->is_error ? "RF100" : "RF101", one->text);
    report->files = count_files(report);
    for (size_t i = 0; i < report->migrations.count; i++)
        judge(report, wish, report->migrations.items[i]);
    if (judge_tests(report, wish, err) != 0) return -1;
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
