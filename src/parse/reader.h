#ifndef REDFERRY_READER_H
#define REDFERRY_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "yaml_raw.h"

struct arena;
struct command;
struct error;
struct sql_text;
struct yaml_node;

/* What is needed all along while nouns are made of a document's nodes. */
struct reader {
    struct yaml_source source;
    struct arena *arena; /* where what is read will live */
    struct error *err;
    const struct yaml_node *name; /* the key whose value was begun to be read last */
};

/* Where something stands, from 1. */
struct place {
    int line;
    int column;
};

/* What kind of node a key's value may be: one of these, or some of them put together. */
enum { READER_TEXT = 1, READER_LIST = 2, READER_MAPPING = 4 };

/* A key of a mapping: what reads its value into object. Returns 0, or -1 with the error. */
struct reader_key {
    const char *name;
    unsigned accepts; /* READER_* */
    int (*read)(struct reader *reader, const struct yaml_node *value, void *object);
};

/* The keys of one kind of mapping, at most 16. */
struct reader_keys {
    const char *owner; /* "a step" */
    const struct reader_key *items;
    size_t count;
};

/* {channel, message}. */
extern const struct reader_keys reader_notification_keys;

/* Commands as they come; the items live in the reader's arena. */
struct commands {
    const char *key; /* what they stand in: "write" */
    struct command *items;
    size_t count;
    size_t capacity;
};

/* Fill the error with "FILE:LINE:COLUMN: …" at node. Returns -1. */
int reader_error(struct reader *reader, const struct yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Read every key of a mapping into object. Returns 0, or -1: node is no mapping, a key is
 * unknown (with the nearest one), or a value was refused. */
int reader_mapping(struct reader *reader, const struct yaml_node *node,
                   const struct reader_keys *keys, void *object);

/* Copy a text of one line without control characters into *text. A newline that '|' leaves at
 * the end does not count. Returns 0 or -1. */
int reader_line(struct reader *reader, const struct yaml_node *node, const char *what,
                const char **text);

/* Read true or false. key names the value in complaints. Returns 0 or -1. */
int reader_switch(struct reader *reader, const struct yaml_node *node, const char *key,
                  bool *value);

/* Check that name can be that of an environment variable, which node gives for 'from'. A URL
 * would be a secret in a file: it is not repeated in the complaint. Returns 0 or -1. */
int reader_check_variable(struct reader *reader, const struct yaml_node *node,
                          const char *name);

/* Check that node is SQL with every quote, comment and parenthesis closed, and at least one
 * statement, of which *scan (sql_text_scan()) tells. what names it in complaints. Returns 0 or
 * -1. */
int reader_check_sql(struct reader *reader, const struct yaml_node *node, const char *what,
                     struct sql_text *scan);

/* Copy the one statement that node is into *sql, without its trailing ';'; *place is where it
 * begins. what is "statement", or names a more special one. Returns 0 or -1. */
int reader_statement(struct reader *reader, const struct yaml_node *node, const char *what,
                     const char **sql, struct place *place);

/* The same, for a statement that rows can be read from. key names who takes it. */
int reader_query(struct reader *reader, const struct yaml_node *node, const char *key,
                 const char **sql, struct place *place);

/* Append the one command that the text node is. Returns 0 or -1 as below. */
int reader_command(struct reader *reader, const struct yaml_node *node,
                   struct commands *commands);

/* Append the commands of value: a text is one a line, a list one an element, an element that is
 * a list its arguments. Returns 0, or -1: what cannot be split or compiled, what is refused. */
int reader_commands(struct reader *reader, const struct yaml_node *value,
                    struct commands *commands);

/* Append the PUBLISH commands of value: a channel (whose message is the whole row), {channel,
 * message}, or a list of these. Returns 0 or -1. */
int reader_notifications(struct reader *reader, const struct yaml_node *value,
                         struct commands *commands);

#endif
