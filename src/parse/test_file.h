#ifndef REDFERRY_TEST_FILE_H
#define REDFERRY_TEST_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "test_expectation.h"

struct error;
struct reader_keys;

/*
 * The test of a migration (SPEC §9): FILE.test.yaml beside FILE.yaml. What is given, and what
 * is expected of Redis, of its subscribers and of the database once the migration was applied,
 * and once it was undone. Everything in a migration_test lives in its arena; lines and columns
 * count from 1.
 */

/* NAME: SQL. What fills the database that steps with `from: NAME` read. */
struct test_source {
    const char *name; /* of an environment variable */
    const char *sql;
    int line, column; /* where the SQL begins */
};

struct migration_test {
    const char *file; /* the path as complaints show it */
    bool repeatable;  /* true unless the file says otherwise */
    const char *sql;  /* statements, as written; NULL: none */
    int sql_line, sql_column;
    struct test_command *commands; /* what Redis holds beforehand */
    size_t command_count;
    struct test_source *sources;
    size_t source_count;
    struct test_expectation expect;     /* after `up` */
    struct test_expectation after_down; /* line is 0 where there is none */
    struct arena arena;
};

/*
 * Read a test from length bytes with a NUL behind them, which file names in complaints. Returns
 * 0 with *out yours to migration_test_free(), or -1 with err: FILE:LINE:COLUMN: what is wrong
 * and, where it can, what would be right.
 */
int test_file_parse(struct migration_test **out, const char *file, const char *bytes,
                    size_t length, struct error *err);

/* The same from a file of at most 1 MiB. */
int test_file_read(struct migration_test **out, const char *path, struct error *err);

/* Free a test and everything in it. NULL is harmless. */
void migration_test_free(struct migration_test *test);

/* The keys of the index-th kind of mapping that a test is made of, or NULL behind the last: for
 * who describes the format elsewhere. What `given: from:` holds has keys of its author's. */
const struct reader_keys *test_file_keys(size_t index);

#endif
