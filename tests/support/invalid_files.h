/*
 * Files that a parser refuses: in one directory, each NAME with NAME.expected beside it, the
 * one line that is said about it. They are read whole, with a byte less or another one, and
 * with no memory left. For tests that include alloc_fail.h, too.
 */
#ifndef INVALID_FILES_H
#define INVALID_FILES_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "arena.h"
#include "error.h"
#include "file.h"

struct invalid_files {
    const char *directory;
    const char *extension; /* of those that are read */
    /* Parse, free what came out, and return 0 or -1 with err. */
    int (*parse)(const char *file, const char *bytes, size_t length, struct error *err);
    const char *valid; /* one that is not refused */
};

/* One of them, read. */
struct invalid_file {
    const char *name;
    char *bytes;
    size_t length;
};

static char *invalid_file_read(const struct invalid_files *files, struct arena *arena,
                               const char *name, size_t *length)
{
    struct error err = {0};
    char *bytes = NULL;
    const char *path = arena_format(arena, "%s/%s", files->directory, name);

    if (file_read(path, arena, &bytes, length, &err) != 0) fail_msg("%s", err.message);
    return bytes;
}

/* Call visit, which returns whether the file passed, with each of them. Returns how many there
 * are, or 0 where one did not pass. */
static int invalid_files_visit(const struct invalid_files *files,
                               bool (*visit)(const struct invalid_files *files,
                                             struct invalid_file *file, struct arena *arena))
{
    struct arena arena = {0};
    DIR *listing = opendir(files->directory);
    int count = 0;
    bool passed = true;

    assert_non_null(listing);
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        const char *end = strstr(entry->d_name, files->extension);
        struct invalid_file file = {.name = entry->d_name};
        if (end == NULL || strcmp(end, files->extension) != 0) continue;
        file.bytes = invalid_file_read(files, &arena, entry->d_name, &file.length);
        if (!visit(files, &file, &arena)) passed = false;
        count++;
    }
    closedir(listing);
    arena_release(&arena);
    return passed ? count : 0;
}

/* ---- what is said ----------------------------------------------------------------------- */

static bool invalid_file_check(const struct invalid_files *files, struct invalid_file *file,
                               struct arena *arena)
{
    struct error err = {0};
    size_t length = strlen(file->name) - strlen(files->extension);
    const char *sidecar = arena_format(arena, "%.*s.expected", (int)length, file->name);
    char *expected = invalid_file_read(files, arena, sidecar, &length);

    expected[strcspn(expected, "\n")] = '\0';
    if (files->parse(file->name, file->bytes, file->length, &err) == 0)
        strcpy(err.message, "no complaint");
    else
        assert_int_equal(err.code, ERROR_INVALID);
    if (strcmp(err.message, expected) == 0) return true;
    print_error("expected: %s\n     got: %s\n", expected, err.message);
    return false;
}

/* Each is complained of as is expected. Returns how many there are, or 0. */
static int invalid_files_check(const struct invalid_files *files)
{
    return invalid_files_visit(files, invalid_file_check);
}

/* ---- other bytes ------------------------------------------------------------------------ */

/* Parse bytes; a complaint must have its place. The copy lets a sanitizer see what lies behind.
 */
static void invalid_files_parse_copy(const struct invalid_files *files, const char *bytes,
                                     size_t length)
{
    char *copy = malloc(length + 1);
    struct error err = {0};

    assert_non_null(copy);
    memcpy(copy, bytes, length);
    copy[length] = '\0';
    if (files->parse("f", copy, length, &err) != 0) assert_memory_equal(err.message, "f:", 2);
    free(copy);
}

static bool invalid_file_mutate(const struct invalid_files *files, struct invalid_file *file,
                                struct arena *arena)
{
    static const char replacements[] = "\n:#{}'\"$\t\xE9";

    for (size_t i = 0; i < file->length; i++) {
        const char byte = file->bytes[i];
        char *without = arena_copy(arena, file->bytes, file->length);
        assert_non_null(without);
        memmove(without + i, without + i + 1, file->length - i - 1);
        invalid_files_parse_copy(files, without, file->length - 1);
        file->bytes[i] = replacements[i % (sizeof replacements - 1)];
        invalid_files_parse_copy(files, file->bytes, file->length);
        file->bytes[i] = byte;
    }
    return true;
}

/* Each without one of its bytes, and with one of them replaced. */
static void invalid_files_mutate(const struct invalid_files *files)
{
    invalid_files_visit(files, invalid_file_mutate);
}

/* Whatever the valid one is cut to, it is read or refused, and nothing is touched behind its
 * end. */
static void invalid_files_cut(const struct invalid_files *files)
{
    for (size_t length = 0; length <= strlen(files->valid); length++)
        invalid_files_parse_copy(files, files->valid, length);
}

/* ---- no memory -------------------------------------------------------------------------- */

/* Wherever memory runs out, that or the file's own fault is said, and nothing is leaked. */
static bool invalid_file_starve(const struct invalid_files *files, struct invalid_file *file,
                                struct arena *arena)
{
    bool happened = true;
    (void)arena;

    for (size_t nth = 1; happened; nth++) {
        struct error starved = {0};
        alloc_fail_at(nth, nth % 2 == 0);
        assert_int_equal(files->parse(file->name, file->bytes, file->length, &starved), -1);
        happened = alloc_fail_happened();
        alloc_fail_never();
        if (!happened) assert_int_equal(starved.code, ERROR_INVALID);
        assert_true(starved.code == ERROR_INVALID ||
                    strstr(starved.message, "out of memory") != NULL);
    }
    return true;
}

/* Each of them, and the valid one, as memory runs out at every place. */
static void invalid_files_starve(const struct invalid_files *files)
{
    bool happened = true;

    invalid_files_visit(files, invalid_file_starve);
    for (size_t nth = 1; happened; nth++) {
        struct error err = {0};
        int result = 0;
        alloc_fail_at(nth, false);
        result = files->parse("f", files->valid, strlen(files->valid), &err);
        happened = alloc_fail_happened();
        alloc_fail_never();
        assert_int_equal(result, happened ? -1 : 0);
        if (happened) assert_string_equal(err.message, "out of memory");
    }
}

#endif
