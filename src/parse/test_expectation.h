#ifndef REDFERRY_TEST_EXPECTATION_H
#define REDFERRY_TEST_EXPECTATION_H

#include <stdbool.h>
#include <stddef.h>

struct command;
struct reader;
struct reader_keys;
struct yaml_node;

/*
 * What a test expects at one moment. Everything lives in the test's arena; lines and columns
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
    bool is_id;   /* it stands where an answer has the id of a stream's entry; the parser
                     does not say so of anything, who compares does */
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

/* What is expected at one moment; at least one of the three is there. */
struct test_expectation {
    int line, column; /* of its key; 0: not in the file at all */
    struct test_check *checks;
    size_t check_count;
    bool has_published;                   /* else messages are not looked at */
    int published_line, published_column; /* of its key */
    struct test_message *messages; /* all of them, in the order sent; none: nothing may be */
    size_t message_count;
    struct test_query *queries;
    size_t query_count;
};

/* The keys of `expect` and of `after_down`. */
extern const struct reader_keys test_expectation_expect, test_expectation_after_down;

/* Read a mapping of these keys. Returns 0, or -1 with reader's error. */
int test_expectation_read(struct reader *reader, const struct yaml_node *value,
                          const struct reader_keys *keys, struct test_expectation *expectation);

/* The arguments of command, which must be literal; *out borrows its text. Returns 0, or -1 with
 * reader's error: it has a placeholder. */
int test_expectation_take_command(struct reader *reader, const struct command *command,
                                  struct test_command *out);

#endif
