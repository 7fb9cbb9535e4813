/*
 * Which files are tests, and which migration each of them is of.
 *
 * It goes by names alone, as they stand in their directory: no file is opened here, and whether
 * the two fit together is found out by whoever reads them.
 */
#include "test_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "arena.h"
#include "error.h"
#include "file.h"

static const char *const extensions[] = {".yaml", ".yml"};
static const char *const test_extensions[] = {".test.yaml", ".test.yml"};

/* How much of path stands in front of one of two endings, or 0. */
static size_t stem_length(const char *path, const char *const *endings)
{
    for (size_t i = 0; i < 2; i++)
        if (file_has_ending(path, endings[i])) return strlen(path) - strlen(endings[i]);
    return 0;
}

/* The file that begins as path does, up to stem, and has one of two endings: there, absent
 * (NULL), or with both of them. */
static int find_beside(const char *path, size_t stem, const char *const *endings,
                       struct arena *arena, const char *found[2])
{
    size_t count = 0;

    found[0] = found[1] = NULL;
    for (size_t i = 0; stem > 0 && i < 2; i++) {
        struct stat facts;
        const char *file = arena_format(arena, "%.*s%s", (int)stem, path, endings[i]);
        if (file == NULL) return -1;
        if (lstat(file, &facts) == 0) found[count++] = file;
    }
    return 0;
}

bool test_dir_is_test(const char *path)
{
    return stem_length(path, test_extensions) > 0;
}

int test_dir_of(const char *migration, struct arena *arena, const char **path,
                struct error *err)
{
    const char *found[2];

    *path = NULL;
    if (find_beside(migration, stem_length(migration, extensions), test_extensions, arena,
                    found) != 0)
        return error_memory(err);
    *path = found[0];
    if (found[1] == NULL) return 0;
    return error_set(err, ERROR_INVALID, "%s: the migration has another test: %s", found[1],
                     found[0]);
}

int test_dir_migration(const char *test, struct arena *arena, const char **path,
                       struct error *err)
{
    const char *found[2];

    *path = NULL;
    if (find_beside(test, stem_length(test, test_extensions), extensions, arena, found) != 0)
        return error_memory(err);
    *path = found[0];
    return 0;
}

static int is_visible_test(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && test_dir_is_test(entry->d_name);
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

int test_dir_list(const char *directory, struct arena *arena, const char *const **paths,
                  size_t *count, struct error *err)
{
    struct dirent **entries = NULL;
    int found = scandir(directory, &entries, is_visible_test, by_name);
    int length = (int)strlen(directory);
    const char **list = NULL;
    bool failed = false;

    *paths = NULL;
    *count = 0;
    if (found < 0 && errno == ENOMEM) return error_memory(err);
    if (found < 0)
        return error_set(err, ERROR_INVALID, "%s: cannot be read: %s", directory,
                         strerror(errno));
    while (length > 1 && directory[length - 1] == '/') length--;
    list = arena_array(arena, (size_t)found + 1, sizeof *list);
    failed = list == NULL;
    for (int i = 0; i < found; i++) {
        if (!failed)
            list[i] = arena_format(arena, "%.*s/%s", length, directory, entries[i]->d_name);
        failed = failed || list[i] == NULL;
        free(entries[i]);
    }
    free(entries);
    if (failed) return error_memory(err);
    *paths = list;
    *count = (size_t)found;
    return 0;
}
