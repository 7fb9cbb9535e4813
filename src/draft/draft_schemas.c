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

/* Who reads it meanwhile finds the old file or the new one, whole. */
static int replace(const char *path, const struct buffer *text, struct arena *arena,
                   struct error *err)
{
    const char *temporary = arena_format(arena, "%s.%ld", path, (long)getpid());
    if (temporary == NULL) return error_memory(err);
    const int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) return complain(temporary, err);
    const ssize_t written = write(file, text->bytes, text->length);
    if (written >= 0 && (size_t)written < text->length) errno = ENOSPC;
    bool failed = written != (ssize_t)text->length;
    if (failed) complain(path, err);
    if (close(file) != 0 && !failed) failed = complain(path, err) != 0;
    if (!failed && rename(temporary, path) != 0) failed = complain(path, err) != 0;
    if (failed) unlink(temporary);
    return failed ? -1 : 0;
}

int draft_schemas_write(const char *directory, struct error *err)
{
    struct arena arena = {0};
    struct buffer text = {0};
    const char *folder = arena_format(&arena, "%s/.redferry", directory);
    int result = folder != NULL ? 0 : error_memory(err);
    if (result == 0 && mkdir(folder, 0777) != 0 && errno != EEXIST)
        result = complain(folder, err);
    for (size_t i = 0; result == 0 && i < sizeof schemas / sizeof *schemas; i++) {
        const char *path = arena_format(&arena, "%s/%s", folder, schemas[i].file);
        buffer_clear(&text);
        for (const char *const *line = schemas[i].lines; *line != NULL; line++)
            buffer_append_text(&text, *line);
        if (path == NULL || buffer_failed(&text))
            result = error_memory(err);
        else if (!is_there(path, &text))
            result = replace(path, &text, &arena, err);
    }
    buffer_release(&text);
    arena_release(&arena);
    return result;
}
