/*
 * Which migrations are rehearsed, and what their tests say.
 *
 * All files are read before anything is started, so that a slip of the pen is told at once and
 * as what it is: also a test that has lost its migration, and a step that reads from a database
 * that its test does not give. Nothing is connected to.
 */
#include "rehearsal_files.h"

#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "config.h"
#include "error.h"
#include "file.h"
#include "migration.h"
#include "migration_dir.h"
#include "number.h"
#include "rehearsal.h"
#include "test_dir.h"
#include "test_file.h"

static bool looks_like_file(const char *text)
{
    return strchr(text, '/') != NULL || file_has_ending(text, ".yaml") ||
           file_has_ending(text, ".yml");
}

/* The file of VERSION, or of VERSION_name, in the directory. */
static int find_version(struct rehearsal *rehearsal, const char *directory, const char *text,
                        const char **path, struct error *err)
{
    int64_t version = 0;
    struct complaint *complaints = NULL;
    const size_t digits = strspn(text, "0123456789");
    const char *name = text[digits] == '_' ? text + digits + 1 : NULL;
    if ((text[digits] != '\0' && name == NULL) ||
        number_parse(text, digits, 1, INT64_MAX, &version) != 0)
        return error_set(err, ERROR_INVALID,
                         "'%s' is neither a file nor a version: give a migration, a "
                         "test, or a number",
                         text);
    if (rehearsal->directory.count == 0 &&
        migration_dir_read(&rehearsal->directory, directory, &rehearsal->arena, &complaints,
                           err) != 0)
        return -1;
    const struct migration *migration = migrations_find(&rehearsal->directory, version);
    if (migration == NULL)
        return error_set(err, ERROR_INVALID, "there is no migration %.*s in '%s'", (int)digits,
                         text, directory);
    if (name != NULL && strcmp(name, migration->name) != 0)
        return error_set(err, ERROR_INVALID, "migration %.*s is called '%s', not '%s'",
                         (int)digits, text, migration->name, name);
    *path = migration->file;
    return 0;
}

/* The migration that an argument means. */
static int find_file(struct rehearsal *rehearsal, const struct rehearsal_wish *wish,
                     const char *text, const char **path, struct error *err)
{
    if (!looks_like_file(text))
        return find_version(rehearsal, wish->config->migrations, text, path, err);
    *path = text;
    if (!test_dir_is_test(text)) return 0;
    if (test_dir_migration(text, &rehearsal->arena, path, err) != 0) return -1;
    if (*path != NULL) return 0;
    return error_set(err, ERROR_INVALID, "%s: there is no migration that this is a test of",
                     text);
}

static int read_given(struct rehearsal *rehearsal, const struct rehearsal_wish *wish,
                      struct error *err)
{
    struct complaint *complaints = NULL;
    const char **paths =
        arena_array(&rehearsal->arena, wish->file_count + 1, sizeof(const char *));
    if (paths == NULL) return error_memory(err);
    for (size_t i = 0; i < wish->file_count; i++)
        if (find_file(rehearsal, wish, wish->files[i], &paths[i], err) != 0) return -1;
    if (migration_dir_read_files(&rehearsal->migrations, paths, wish->file_count,
                                 &rehearsal->arena, &complaints, err) != 0)
        return -1;
    if (complaints == NULL) return 0;
    return error_set(err, ERROR_INVALID, "%s", complaints->text);
}

/* A test that has lost its migration would never be run, and nobody would know. */
static int check_orphans(struct rehearsal *rehearsal, const char *directory, struct error *err)
{
    const char *const *paths = NULL;
    size_t count = 0;
    if (test_dir_list(directory, &rehearsal->arena, &paths, &count, err) != 0) return -1;
    for (size_t i = 0; i < count; i++) {
        const char *migration = NULL;
        if (test_dir_migration(paths[i], &rehearsal->arena, &migration, err) != 0) return -1;
        if (migration == NULL)
            return error_set(err, ERROR_INVALID,
                             "%s: there is no migration that this is a test of", paths[i]);
    }
    return 0;
}

static int read_directory(struct rehearsal *rehearsal, const char *directory, struct error *err)
{
    struct complaint *complaints = NULL;
    if (migration_dir_read(&rehearsal->migrations, directory, &rehearsal->arena, &complaints,
                           err) != 0)
        return -1;
    return check_orphans(rehearsal, directory, err);
}

/* A step reads from no database but a scratch one, whatever the environment says. */
static int check_sources(const struct steps *steps, const struct migration_test *test,
                         struct error *err)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->items[i];
        size_t found = 0;
        if (step->from == NULL) continue;
        while (found < test->source_count && strcmp(test->sources[found].name, step->from) != 0)
            found++;
        if (found == test->source_count)
            return error_set(err, ERROR_INVALID,
                             "%s: step '%s' reads from %s, which the test does not give: add "
                             "'%s:' with its statements to 'given: from:'",
                             test->file, step->name, step->from, step->from);
    }
    return 0;
}

/* Read the tests of the migrations, all of them: the first complaint is told, and how many
 * there are. */
static int read_tests(struct rehearsal *rehearsal, struct error *err)
{
    size_t complaints = 0;
    for (size_t i = 0; i < rehearsal->count; i++) {
        struct rehearsed *item = &rehearsal->items[i];
        struct error one = {0};
        const char *path = NULL;
        int result = test_dir_of(item->migration->file, &rehearsal->arena, &path, &one);
        if (result == 0 && path != NULL) result = test_file_read(&item->test, path, &one);
        if (result == 0 && path != NULL)
            result = check_sources(&item->migration->up, item->test, &one);
        if (result == 0 && path != NULL)
            result = check_sources(&item->migration->down, item->test, &one);
        if (result != 0 && complaints++ == 0) *err = one;
    }
    if (complaints == 0) return 0;
    if (complaints == 1) return -1;
    const struct error first = *err;
    return error_set(err, first.code, "%s (and %zu more)", first.message, complaints - 1);
}

int rehearsal_files_read(struct rehearsal *rehearsal, const struct rehearsal_wish *wish,
                         struct error *err)
{
    if ((wish->file_count > 0 ? read_given(rehearsal, wish, err)
                              : read_directory(rehearsal, wish->config->migrations, err)) != 0)
        return -1;
    const struct migrations *migrations = &rehearsal->migrations;
    rehearsal->items =
        arena_array(&rehearsal->arena, migrations->count + 1, sizeof *rehearsal->items);
    if (rehearsal->items == NULL) return error_memory(err);
    for (size_t i = 0; i < migrations->count; i++)
        rehearsal->items[i].migration = migrations->items[i];
    rehearsal->count = migrations->count;
    return read_tests(rehearsal, err);
}
