#ifndef REDFERRY_DRAFT_TABLE_H
#define REDFERRY_DRAFT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct db;
struct error;

/* What the values of a column are like, as far as a made-up one has to fit. */
enum draft_kind {
    DRAFT_TEXT, /* and every type that a text can stand in for */
    DRAFT_BOOLEAN,
    DRAFT_INTEGER,
    DRAFT_NUMERIC,
    DRAFT_FLOAT,
    DRAFT_DATE,
    DRAFT_TIME,
    DRAFT_TIMESTAMP,
    DRAFT_TIMESTAMPTZ,
    DRAFT_UUID,
    DRAFT_JSON,
    DRAFT_BYTES
};

struct draft_column {
    const char *name;
    enum draft_kind kind;
    const char *type; /* one that both databases understand, and that reads the same in both */
    bool not_null;
};

/* As many columns as a table of SQLite has; an index of PostgreSQL has at most 32. */
enum { DRAFT_KEY_MOST = 2000 };

enum draft_key { DRAFT_KEY_NONE, DRAFT_KEY_PRIMARY, DRAFT_KEY_UNIQUE };

/* What a migration of a table has to know of it. Lives in an arena. */
struct draft_table {
    const char *schema; /* NULL where the name alone finds it */
    const char *name;
    struct draft_column *columns; /* in their order */
    size_t column_count;
    enum draft_key key_kind;
    const char *key_name; /* of a unique index, which stands in for the primary key; or NULL */
    size_t *key;          /* at which columns the key's stand, in its order */
    size_t key_count;     /* at most DRAFT_KEY_MOST */
};

/*
 * Look at the table, or view, of this name ([schema.]name; "…" as in SQL; without quotes case
 * does not matter) without reading a row of it, in a transaction that only reads. The key is
 * the primary key, else the smallest unique index over columns that are never NULL. Returns 0,
 * or -1 with err: there is no such table, names that no migration can hold.
 */
int draft_table_look(struct draft_table *out, struct db *db, const char *name,
                     struct arena *arena, struct error *err);

#endif
