#ifndef REDFERRY_LEDGER_SQL_H
#define REDFERRY_LEDGER_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buffer.h"
#include "db.h"
#include "ledger.h"
#include "row.h"

struct error;

/* The three tables, in the order in which sql/ numbers them. */
enum ledger_table { LEDGER_ENTRIES, LEDGER_RUNS, LEDGER_ROW, LEDGER_TABLES };

/* What the modules of this room share. */
struct ledger {
    struct db *db; /* borrowed; NULL: only to be printed */
    enum db_dialect dialect;
    struct ledger_author author;
    const char *given_schema;          /* as the user wrote it, or NULL */
    const char *schema;                /* as SQL wants it; NULL: not known, or none */
    const char *tables[LEDGER_TABLES]; /* without schema, as the user wrote them */
    bool located;                      /* schema is what the database says */
    bool found[LEDGER_TABLES];         /* what ledger_tables_locate() saw last */
    const char *lock_name;
    struct arena arena; /* the texts above */
    struct buffer text; /* the statement being sent */
};

/*
 * One of sql/<dialect>/<name>.sql with its parameters, which are added in order. {.name = "…"}
 * starts one. It borrows the texts; it must not be copied.
 */
enum { LEDGER_PARAMETERS = 12 };

struct ledger_statement {
    const char *name;
    size_t count;
    struct value values[LEDGER_PARAMETERS];
    char digits[LEDGER_PARAMETERS][24];
};

/* Add a parameter. A NULL text is SQL's NULL. */
void ledger_sql_integer(struct ledger_statement *statement, int64_t number);
void ledger_sql_text(struct ledger_statement *statement, const char *text);

/* The same, but SQL's NULL where number is none. */
void ledger_sql_optional(struct ledger_statement *statement, int64_t number, int64_t none);

/* The statement called name as it is written, for the tables' own names; NULL: that dialect has
 * none. */
const char *ledger_sql_find(enum db_dialect dialect, const char *name);

/* Whether the ledger's dialect has a statement of this name. */
bool ledger_sql_knows(const struct ledger *ledger, const char *name);

/* Append the statement called name, for the tables of ledger. */
void ledger_sql_append(const struct ledger *ledger, struct buffer *text, const char *name);

/* Append table as an identifier: with its schema where there is one, quoted where needed. */
void ledger_sql_append_table(const struct ledger *ledger, struct buffer *text,
                             enum ledger_table table);

/* Run a statement; *changed (may be NULL) becomes the number of its rows. Returns 0 or -1. */
int ledger_sql_execute(struct ledger *ledger, const struct ledger_statement *statement,
                       int64_t *changed, struct error *err);

/* Takes one row (borrowed). Returns 0, or -1 with err, which ends the rows. */
typedef int (*ledger_sql_take)(void *context, const struct row *row, struct error *err);

/* Run a statement and hand every row to take. Returns 0 or -1 with err. */
int ledger_sql_each(struct ledger *ledger, const struct ledger_statement *statement,
                    ledger_sql_take take, void *context, struct error *err);

/* Statements to be run in one go, in a transaction of their own. Each gives rows. take is given
 * them with the number of the statement, from 0. */
struct ledger_questions {
    enum db_access access;
    const struct ledger_statement *statements;
    size_t count; /* at most 4 */
    int (*take)(void *context, size_t statement, const struct row *row, struct error *err);
    void *context;
};

/* Run them, in PostgreSQL mostly in one round trip. Returns 0 or -1 with err, as db_ask(). */
int ledger_sql_ask(struct ledger *ledger, const struct ledger_questions *questions,
                   struct error *err);

/* What rows say of themselves: a truth in either dialect, and one of the three tables by its
 * number (0 or -1 with err). */
bool ledger_sql_is_true(const struct value *value);
int ledger_sql_table(const struct value *value, enum ledger_table *table, struct error *err);

#endif
