/*
 * The schemas of migrations and tests, beside the files that an author writes: an editor finds
 * them by the path in a file's first line, without a network, and whatever this program's own
 * place is on that machine. They are this release's; those of another one are replaced.
 */
#include "draft_schemas.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "buffer.h"
#include "error.h"
#include "file.h"

#include "authors_schemas.inc"

static const struct schema {
    const char *file;
    const char *const *lines;
} schemas[] = {
    {"migration.schema.json", migration_schema},
    {"migration-test.schema.json", migration_test_schema},
};

static int complain(const char *path, struct error *err)
{
    return error_set(err, ERROR_INVALID, "cannot write '%s': %s", path, strerror(errno));
}

/* Whether the file is there and says just this. */
static bool is_there(const char *path, const struct buffer *text)
{
    struct arena arena = {0};
    struct error unheard = {0};
    char *bytes = NULL;
    size_t length = 0;
    const bool same = file_read(path, &arena, &bytes, &length, &unheard) == 0 &&
                      length == text->length && memcmp(bytes, text->bytes, length) == 0;
    arena_release(&arena);
    return same;
}

/* Who reads it meanwhile finds the old file or the new one, whole. folder is open, so that what
 * is written lands in it whatever becomes of its name. */
static int replace(int folder, const char *path, const struct buffer *text, struct error *err)
{
    const char *name = strrchr(path, '/') + 1;
    char temporary[64];
    snprintf(temporary, sizeof temporary, ".%ld.%s", (long)getpid(), name);
    (void)unlinkat(folder, temporary, 0); /* of a process that was killed */
    const int file =
        openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file < 0) return complain(path, err);
    const ssize_t written = write(file, text->bytes, text->length);
    if (written >= 0 && (size_t)written < text->length) errno = ENOSPC;
    bool failed = written != (ssize_t)text->length;
    if (failed) complain(path, err);
    if (close(file) != 0 && !failed) failed = complain(path, err) != 0;
    if (!failed && renameat(folder, temporary, folder, name) != 0)
        failed = complain(path, err) != 0;
    if (failed) (void)unlinkat(folder, temporary, 0);
    return failed ? -1 : 0;
}

/* Open directory/.redferry, made where it is absent. One that leads elsewhere is not followed:
 * whoever brought the directory would decide what is written over. */
static int open_folder(const char *path, struct error *err)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) return complain(path, err);
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    if (folder >= 0) return folder;
    if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
        return error_set(err, ERROR_INVALID,
                         "'%s' is a symbolic link, which is not followed: remove it", path);
    return complain(path, err);
}

int draft_schemas_write(const char *directory, struct error *err)
{
    struct arena arena = {0};
    struct buffer text = {0};
    const char *path = arena_format(&arena, "%s/.redferry", directory);
    const int folder = path != NULL ? open_folder(path, err) : error_memory(err);
    int result = folder >= 0 ? 0 : -1;
    for (size_t i = 0; result == 0 && i < sizeof schemas / sizeof *schemas; i++) {
        const char *file = arena_format(&arena, "%s/%s", path, schemas[i].file);
        buffer_clear(&text);
        for (const char *const *line = schemas[i].lines; *line != NULL; line++)
            buffer_append_text(&text, *line);
        if (file == NULL || buffer_failed(&text))
            result = error_memory(err);
        else if (!is_there(file, &text))
            result = replace(folder, file, &text, err);
    }
    if (folder >= 0) close(folder);
    buffer_release(&text);
    arena_release(&arena);
    return result;
}
