#ifndef REDFERRY_TEST_DIR_H
#define REDFERRY_TEST_DIR_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;

/* A test belongs to the migration beside it whose file's name begins like its own:
 * FILE.test.yaml or FILE.test.yml to FILE.yaml or FILE.yml. */

/* Whether a file's name says that it is a test: it ends in .test.yaml or .test.yml. */
bool test_dir_is_test(const char *path);

/* The test of the migration in the file migration: *path (in arena), or NULL where it has none.
 * Returns 0, or -1 with err (ERROR_INVALID): it has two. */
int test_dir_of(const char *migration, struct arena *arena, const char **path,
                struct error *err);

/* The migration that the test in the file test belongs to: *path (in arena), or NULL where
 * there is none. Returns 0, or -1 with err. */
int test_dir_migration(const char *test, struct arena *arena, const char **path,
                       struct error *err);

/* The tests in a directory: *paths (in arena), *count of them, in the order of their names.
 * Returns 0, or -1 with err (ERROR_INVALID) where it cannot be read. */
int test_dir_list(const char *directory, struct arena *arena, const char *const **paths,
                  size_t *count, struct error *err);

#endif
