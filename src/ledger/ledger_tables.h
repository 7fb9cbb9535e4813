#ifndef REDFERRY_LEDGER_TABLES_H
#define REDFERRY_LEDGER_TABLES_H

#include <stdint.h>

#include "ledger_sql.h"

struct arena;
struct error;

/* Ask which of the three tables exist (ledger->found) and where (ledger->schema and lock_name,
 * which stay as they are once known). Within a transaction. Returns 0 or -1 with err. */
int ledger_tables_locate(struct ledger *ledger, struct error *err);

/* ledger_sql_take of locate.sql; context is the ledger. */
int ledger_tables_take_location(void *context, const struct row *row, struct error *err);

/* Add what locate.sql wants to know. */
void ledger_tables_add_schema(const struct ledger *ledger, struct ledger_statement *statement);

/* What the row of data_migration_ledger says. */
struct ledger_row {
    const struct ledger *ledger;
    struct arena *arena; /* where id lives */
    int64_t layout;      /* 0: there is no row */
    const char *id;
};

/* ledger_sql_take of that row; context is a struct ledger_row. */
int ledger_tables_take_row(void *context, const struct row *row, struct error *err);

/* Read the row of data_migration_ledger, locked (name: "lock_ledger") or not ("read_layout").
 * Where it is not filled yet, *layout is 0 and *id NULL, else *id lives in arena. Returns 0 or
 * -1 with err. */
int ledger_tables_row(struct ledger *ledger, const char *name, struct arena *arena,
                      int64_t *layout, const char **id, struct error *err);

/* ERROR_OPERATOR where layout is newer than this release knows, else 0. */
int ledger_tables_check_layout(const struct ledger *ledger, int64_t layout, struct error *err);

/* Whether the tables that exist have all the columns they should have. Within a transaction.
 * Returns 0, or -1 with err (ERROR_OPERATOR) that names those that are missing and points to
 * --ledger-table. */
int ledger_tables_check_columns(struct ledger *ledger, struct error *err);

/* Whether the entries are there, where the history knows that there were some. Within a
 * transaction, behind ledger_tables_locate(). Returns 0, or -1 with err: ERROR_OPERATOR. */
int ledger_tables_check_entries(struct ledger *ledger, struct error *err);

/* After a statement of a transaction failed with err: end the transaction, and where the cause
 * is a table of another shape or a missing privilege, say that instead. Always returns -1. */
int ledger_tables_explain(struct ledger *ledger, struct error *err);

/* The same for who asks something of a run, and so writes to the table of runs. */
int ledger_tables_explain_asking(struct ledger *ledger, struct error *err);

/* Fill err (ERROR_OPERATOR): this column of table holds text, which redferry never wrote there.
 * Returns -1. */
int ledger_tables_foreign(const struct ledger *ledger, enum ledger_table table,
                          const char *column, const char *text, struct error *err);

/* The body of ledger_ensure(), one try: one transaction, rolled back where it fails. */
int ledger_tables_ensure(struct ledger *ledger, struct arena *arena, const char **id,
                         struct error *err);

/* The body of ledger_check(). */
int ledger_tables_check(struct ledger *ledger, struct error *err);

/* The body of ledger_creation_sql(). */
const char *ledger_tables_creation_sql(struct ledger *ledger, struct arena *arena);

#endif
