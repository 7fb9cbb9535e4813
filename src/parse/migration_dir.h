#ifndef REDFERRY_MIGRATION_DIR_H
#define REDFERRY_MIGRATION_DIR_H

#include <stddef.h>

struct arena;
struct error;
struct migrations;

/* What is to be said about a file that does not stop the others from being read. */
struct complaint {
    const char *text; /* FILE:LINE:COLUMN: …, or FILE: … */
    int is_error;     /* else a remark: a YAML file without a leading integer */
    struct complaint *next;
};

/*
 * Read every migration in directory, in version order. Every file is read even where one is
 * wrong; *complaints, in the order of the file names, live in arena. Returns 0; -1 with err
 * (ERROR_INVALID) where the directory cannot be read or any complaint is an error: err is then
 * the first one, with "(and N more)". *out is yours to migrations_release() in both cases.
 */
int migration_dir_read(struct migrations *out, const char *directory, struct arena *arena,
                       struct complaint **complaints, struct error *err);

/* The same for the given files only. */
int migration_dir_read_files(struct migrations *out, const char *const *files, size_t count,
                             struct arena *arena, struct complaint **complaints,
                             struct error *err);

#endif
