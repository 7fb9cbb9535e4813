#ifndef REDFERRY_SCHEMA_TOOL_H
#define REDFERRY_SCHEMA_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "value.h"

/* How a tool for schema migrations keeps a second one out, and so how its lock is known. */
enum schema_lock_kind {
    SCHEMA_LOCK_KEY,       /* advisory, always with this number */
    SCHEMA_LOCK_KEYS,      /* advisory, this number and any 32-bit one, of its table's name */
    SCHEMA_LOCK_BY_NAME,   /* advisory, this number times the CRC-32 of the database's name */
    SCHEMA_LOCK_BY_SCHEMA, /* advisory, the same of schema, table and database, in 32 bits */
    SCHEMA_LOCK_TABLE,     /* on this table, in this mode */
    SCHEMA_LOCK_ROW        /* a row of this table says so */
};

/* One way of one tool: a line of the table, which docs/commands.md repeats. */
struct schema_tool {
    const char *name;
    enum schema_lock_kind kind;
    int64_t number;
    const char *table;
    const char *mode;   /* as pg_locks names it */
    const char *held;   /* the condition on a row that means a lock … */
    const char *holder; /* … and the expression that says whose, or "NULL" */
    const char *remedy; /* the command that takes away what a crash has left behind, or NULL */
};

/* The table. */
const struct schema_tool *schema_tools(size_t *count);

/* A lock of pg_locks that is held in a database. Texts that say nothing are of kind NULL. */
struct schema_lock {
    bool is_advisory;
    int64_t key; /* of an advisory lock */
    struct value database;
    struct value schema; /* one that the key may have been made of */
    struct value table;  /* of another lock, with its mode */
    struct value mode;
};

/* The tool that takes such a lock, or NULL. */
const struct schema_tool *schema_tool_of(const struct schema_lock *lock);

/* The tool that writes into a table of this name, in any case, that it is at work, or NULL. */
const struct schema_tool *schema_tool_writing(const struct value *table);

#endif
