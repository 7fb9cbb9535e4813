#ifndef REDFERRY_TEST_FILE_H
#define REDFERRY_TEST_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"

struct error;
struct reader_keys;

/*
 * The test of a migration (SPEC §9): FILE.test.yaml beside FILE.yaml. What is given, and what
 * is expected of Redis, of its subscribers and of the database once the migration was applied,
 * and once it was undone. Everything in a migration_test lives in its arena; lines and columns
 * count from 1.
 */

/* What is expected of a reply, or of the answer to a query: a small tree. */
enum test_value_kind {
    TEST_NIL,    /* a plain null or ~: nil in Redis, NULL in SQL */
    TEST_TEXT,   /* all else that is no list or mapping; numbers, too, are their digits */
    TEST_LIST,   /* items are its elements */
    TEST_MAPPING /* items are name, value, name, value, …; names are TEST_TEXT */
};

struct test_value {
    enum test_value_kind kind;
    int line, column;
    const char *text; /* of a TEST_TEXT: terminated, though it may hold a NUL before length */
    size_t length;
    struct test_value *items;
    size_t count; /* of items: twice the pairs of a mapping */
};

/* A Redis command without placeholders, split into its arguments. */
struct test_command {
    const char *text; /* as written, one line, for messages; terminated */
    int line, column;
    const char **arguments; /* count of them, the name first; each terminated */
    size_t *lengths;
    size_t count;
};

/* COMMAND: reply. The command only looks. */
struct test_check {
    struct test_command command;
    struct test_value reply;
};

/* CHANNEL: message. Both terminated. */
struct test_message {
    const char *channel;
    size_t channel_length;
    const char *message;
    size_t message_length;
    int line, column;
};

/* QUERY: value. The value is a text or nil (one row of one column), a list of these (the rows
 * of one column), or a list of lists of these (rows). An empty list: no row. */
struct test_query {
    const char *sql; /* one query, without its trailing ';' */
    int line, column;
    struct test_value value;
};

/* NAME: SQL. What fills the database that steps with `from: NAME` read. */
struct test_source {
    const char *name; /* of an environment variable */
    const char *sql;
    int line, column; /* where the SQL begins */
};

/* What is expected at one moment; at least one of the three is there. */
struct test_expectation {
    int line, column; /* 0: not in the file at all */
    struct test_check *checks;
    size_t check_count;
    bool has_published; /* else messages are not looked at */
    int published_line, published_column;
    struct test_message *messages; /* all of them, in the order sent; none: nothing may be */
    size_t message_count;
    struct test_query *queries;
    size_t query_count;
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

/* Whether a file's name says that it is a test: it ends in .test.yaml or .test.yml. */
bool test_file_is_test(const char *path);

/* The test of the migration in the file migration: *path (in arena), or NULL where it has none.
 * Returns 0, or -1 with err (ERROR_INVALID): it has two. */
int test_file_of(const char *migration, struct arena *arena, const char **path,
                 struct error *err);

/* The migration that the test in the file test belongs to: *path (in arena), or NULL where
 * there is none. Returns 0, or -1 with err. */
int test_file_migration(const char *test, struct arena *arena, const char **path,
                        struct error *err);

/* The tests in a directory: *paths (in arena), *count of them, in the order of their names.
 * Returns 0, or -1 with err (ERROR_INVALID) where it cannot be read. */
int test_file_list(const char *directory, struct arena *arena, const char *const **paths,
                   size_t *count, struct error *err);

/* The keys of the index-th kind of mapping that a test is made of, or NULL behind the last: for
 * who describes the format elsewhere. What `given: from:` holds has keys of its author's. */
const struct reader_keys *test_file_keys(size_t index);

#endif
