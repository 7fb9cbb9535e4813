/*
 * A directory of migrations, read whole and put in version order.
 *
 * Every file is read even where one is wrong, so that one look shows all there is to mend;
 * nothing is connected to while anything is wrong. What might be meant as a migration and is
 * none is complained of or remarked upon; files of other kinds are nobody's business.
 */
#include "migration_dir.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "error.h"
#include "file.h"
#include "json.h"
#include "migration.h"
#include "migration_file.h"

/* A file that may be a migration. Texts live in the reader's arena. */
struct candidate {
    const char *path;      /* as complaints show it */
    const char *file_name; /* its end */
    const char *directory; /* what stands in front of that */
    int64_t version;
    const char *name;
    int has_version;        /* as migration_file_name() says */
    const char *same_as;    /* another file with this version, which comes first, or NULL */
    struct candidate *next; /* while they are collected */
};

struct reader {
    struct migrations *out;
    struct arena *arena;
    struct complaint *first;
    struct complaint **end;
    size_t errors;
    struct error *err;
};

/* ---- complaints ------------------------------------------------------------------------- */

static int add_complaint(struct reader *reader, bool is_error, const char *text)
{
    struct complaint *complaint = arena_alloc(reader->arena, sizeof *complaint);

    if (complaint == NULL || text == NULL) return error_memory(reader->err);
    complaint->text = text;
    complaint->is_error = is_error;
    *reader->end = complaint;
    reader->end = &complaint->next;
    reader->errors += is_error;
    return 0;
}

/* Fill err with the first complaint that is an error. */
static int first_error(const struct reader *reader)
{
    const struct complaint *complaint = reader->first;

    while (!complaint->is_error) complaint = complaint->next;
    if (reader->errors == 1)
        return error_set(reader->err, ERROR_INVALID, "%s", complaint->text);
    return error_set(reader->err, ERROR_INVALID, "%s (and %zu more)", complaint->text,
                     reader->errors - 1);
}

/* ---- names ------------------------------------------------------------------------------ */

/* Whether a file of this name is YAML, and neither hidden, a test nor the configuration. */
static bool may_be_migration(const char *file_name)
{
    if (file_name[0] == '.' || strcmp(file_name, "redferry.yaml") == 0) return false;
    if (file_has_ending(file_name, ".test.yaml") || file_has_ending(file_name, ".test.yml"))
        return false;
    return file_has_ending(file_name, ".yaml") || file_has_ending(file_name, ".yml");
}

/* A name goes into tables and onto terminals. */
static bool is_clean(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F) return false;
    return json_is_utf8(text, strlen(text));
}

static struct candidate *new_candidate(struct reader *reader, const char *path)
{
    struct candidate *candidate = arena_alloc(reader->arena, sizeof *candidate);
    const char *slash = NULL, *name = NULL;
    size_t length = 0;

    if (candidate == NULL || path == NULL) {
        error_memory(reader->err);
        return NULL;
    }
    slash = strrchr(path, '/');
    candidate->path = path;
    candidate->file_name = slash != NULL ? slash + 1 : path;
    candidate->directory =
        slash != NULL ? arena_copy(reader->arena, path, (size_t)(slash + 1 - path)) : ".";
    candidate->has_version =
        migration_file_name(candidate->file_name, &candidate->version, &name, &length);
    if (candidate->has_version == 1) candidate->name = arena_copy(reader->arena, name, length);
    if (candidate->directory != NULL &&
        (candidate->has_version != 1 || candidate->name != NULL))
        return candidate;
    error_memory(reader->err);
    return NULL;
}

static int by_path(const void *left, const void *right)
{
    const struct candidate *a = *(struct candidate *const *)left;
    const struct candidate *b = *(struct candidate *const *)right;
    return strcmp(a->path, b->path);
}

static int by_version(const void *left, const void *right)
{
    const struct candidate *a = *(struct candidate *const *)left;
    const struct candidate *b = *(struct candidate *const *)right;

    if (a->version != b->version) return a->version < b->version ? -1 : 1;
    return strcmp(a->path, b->path);
}

/* Note of each file which other one has its version; then put them in the order of their names.
 */
static void sort_candidates(struct candidate **candidates, size_t count)
{
    qsort(candidates, count, sizeof *candidates, by_version);
    for (size_t i = 1; i < count; i++) {
        struct candidate *one = candidates[i - 1], *other = candidates[i];
        if (one->has_version == 1 && other->has_version == 1 && one->version == other->version)
            other->same_as = one->same_as != NULL ? one->same_as : one->path;
    }
    qsort(candidates, count, sizeof *candidates, by_path);
}

/* ---- one file --------------------------------------------------------------------------- */

/* Whether the file that a candidate leads to lies below its directory. What cannot be resolved
 * is left to whoever opens it; only a link has to be. */
static bool stays_inside(const struct candidate *candidate)
{
    struct stat facts;
    if (lstat(candidate->path, &facts) != 0 || !S_ISLNK(facts.st_mode)) return true;

    char *directory = realpath(candidate->directory, NULL);
    char *file = realpath(candidate->path, NULL);
    bool inside = true;

    if (directory != NULL && file != NULL) {
        size_t length = strlen(directory);
        while (length > 0 && directory[length - 1] == '/') length--;
        inside = strncmp(file, directory, length) == 0 && file[length] == '/';
    }
    free(directory);
    free(file);
    return inside;
}

/* What is wrong with a candidate before it is read, or NULL. */
static const char *name_complaint(const struct candidate *candidate)
{
    if (!is_clean(candidate->file_name)) return "its name holds what is no printable UTF-8";
    if (candidate->has_version < 0)
        return "its version does not fit: it is a number from 1 to 9223372036854775807";
    if (candidate->name[0] == '\0') return "its name is missing: VERSION_name.yaml is expected";
    if (!stays_inside(candidate)) return "is a link that leaves the directory";
    return NULL;
}

static int add_migration(struct reader *reader, struct migration *migration)
{
    struct migrations *out = reader->out;
    struct migration **items =
        realloc(out->items, (out->count + 1) * sizeof(struct migration *));

    if (items == NULL) {
        migration_free(migration);
        return error_memory(reader->err);
    }
    out->items = items;
    out->items[out->count++] = migration;
    return 0;
}

/* Read one file, and complain where it is wrong. Returns -1 only where memory runs out. */
static int read_candidate(struct reader *reader, const struct candidate *candidate)
{
    struct arena scratch = {0};
    struct migration_source source = {
        .file = candidate->path, .version = candidate->version, .name = candidate->name};
    struct migration *migration = NULL;
    struct error err = {0};
    char *bytes = NULL;
    int result = 0;

    if (file_read(candidate->path, &scratch, &bytes, &source.length, &err) == 0) {
        source.bytes = bytes;
        migration_file_parse(&migration, &source, &err);
    }
    if (migration != NULL)
        result = add_migration(reader, migration);
    else if (err.code == ERROR_INVALID)
        result = add_complaint(reader, true, arena_text(reader->arena, err.message));
    else
        result = error_set(reader->err, err.code, "%s", err.message);
    arena_release(&scratch);
    return result;
}

static int take_candidate(struct reader *reader, const struct candidate *candidate)
{
    const char *complaint = NULL;

    if (candidate->has_version == 0 && access(candidate->path, R_OK) != 0)
        return add_complaint(reader, true,
                             arena_format(reader->arena, "%s: cannot be read: %s",
                                          candidate->path, strerror(errno)));
    if (candidate->has_version == 0)
        return add_complaint(reader, false,
                             arena_format(reader->arena,
                                          "%s: ignored: its name does not begin with a version",
                                          candidate->path));
    complaint = name_complaint(candidate);
    if (complaint != NULL)
        return add_complaint(reader, true,
                             arena_format(reader->arena, "%s: %s", candidate->path, complaint));
    if (candidate->same_as != NULL &&
        add_complaint(reader, true,
                      arena_format(reader->arena, "%s: its version is also that of %s",
                                   candidate->path, candidate->same_as)) != 0)
        return -1;
    return read_candidate(reader, candidate);
}

/* ---- all files -------------------------------------------------------------------------- */

static int migrations_by_version(const void *left, const void *right)
{
    const struct migration *a = *(struct migration *const *)left;
    const struct migration *b = *(struct migration *const *)right;
    return (a->version > b->version) - (a->version < b->version);
}

/* Read all candidates of a list of count. */
static int take_candidates(struct reader *reader, struct candidate *list, size_t count)
{
    struct candidate **candidates =
        arena_array(reader->arena, count + 1, sizeof(struct candidate *));

    if (candidates == NULL) return error_memory(reader->err);
    for (size_t i = 0; i < count; i++, list = list->next) candidates[i] = list;
    sort_candidates(candidates, count);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(candidates[i]->path, candidates[i - 1]->path) == 0) continue;
        if (take_candidate(reader, candidates[i]) != 0) return -1;
    }
    if (reader->out->count > 0)
        qsort(reader->out->items, reader->out->count, sizeof *reader->out->items,
              migrations_by_version);
    return reader->errors > 0 ? first_error(reader) : 0;
}

/* The candidates of a directory in a list, and their number. */
static int list_directory(struct reader *reader, const char *directory, struct candidate **list,
                          size_t *count)
{
    DIR *listing = opendir(directory);
    size_t length = strlen(directory);
    int result = -1;

    if (listing == NULL && errno == ENOENT)
        return error_set(reader->err, ERROR_INVALID,
                         "there is no migrations directory '%s'; 'redferry init' makes it, "
                         "--migrations names another",
                         directory);
    if (listing == NULL)
        return error_set(reader->err, ERROR_INVALID, "%s: cannot be read: %s", directory,
                         strerror(errno));
    while (length > 1 && directory[length - 1] == '/') length--;
    for (;;) {
        struct candidate *candidate = NULL;
        const struct dirent *entry = NULL;
        errno = 0;
        entry = readdir(listing);
        if (entry == NULL) break;
        if (!may_be_migration(entry->d_name)) continue;
        candidate = new_candidate(reader, arena_format(reader->arena, "%.*s/%s", (int)length,
                                                       directory, entry->d_name));
        if (candidate == NULL) goto done;
        candidate->next = *list;
        *list = candidate;
        ++*count;
    }
    if (errno == 0)
        result = 0;
    else
        error_set(reader->err, ERROR_INVALID, "%s: cannot be read: %s", directory,
                  strerror(errno));
done:
    closedir(listing);
    return result;
}

int migration_dir_read(struct migrations *out, const char *directory, struct arena *arena,
                       struct complaint **complaints, struct error *err)
{
    struct reader reader = {.out = out, .arena = arena, .err = err};
    struct candidate *list = NULL;
    size_t count = 0;
    int result = -1;

    *out = (struct migrations){0};
    reader.end = &reader.first;
    if (list_directory(&reader, directory, &list, &count) == 0)
        result = take_candidates(&reader, list, count);
    *complaints = reader.first;
    return result;
}

int migration_dir_read_files(struct migrations *out, const char *const *files, size_t count,
                             struct arena *arena, struct complaint **complaints,
                             struct error *err)
{
    struct reader reader = {.out = out, .arena = arena, .err = err};
    struct candidate *list = NULL;
    size_t taken = 0;
    int result = 0;

    *out = (struct migrations){0};
    reader.end = &reader.first;
    for (size_t i = 0; i < count && result == 0; i++) {
        const char *slash = strrchr(files[i], '/');
        const char *name = slash != NULL ? slash + 1 : files[i];
        struct candidate *candidate = NULL;
        if (!file_has_ending(name, ".yaml") && !file_has_ending(name, ".yml")) {
            result = add_complaint(&reader, true,
                                   arena_format(arena,
                                                "%s: not a migration: its name does not end "
                                                "in .yaml or .yml",
                                                files[i]));
            continue;
        }
        if (!may_be_migration(name)) continue;
        candidate = new_candidate(&reader, arena_text(arena, files[i]));
        if (candidate == NULL) {
            result = -1;
        } else {
            candidate->next = list;
            list = candidate;
            taken++;
        }
    }
    if (result == 0) result = take_candidates(&reader, list, taken);
    *complaints = reader.first;
    return result;
}
