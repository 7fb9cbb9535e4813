#ifndef REDFERRY_LEDGER_WRITE_H
#define REDFERRY_LEDGER_WRITE_H

#include <stdint.h>

#include "ledger_sql.h"

struct error;
struct ledger_position;

/* Begin a transaction and lock the ledger's row; refuses a layout newer than this release.
 * Returns 0 or -1 with err; either way ledger_write_end() ends the transaction. */
int ledger_write_begin(struct ledger *ledger, struct error *err);

/* Commit where result is 0 or more, else roll back. Returns result, or -1 with err. */
int ledger_write_end(struct ledger *ledger, int result, struct error *err);

/* End every run but own_id that says it runs; by is what ended them. Returns 0 or -1 with err.
 */
int ledger_write_end_others(struct ledger *ledger, int64_t own_id, const char *by,
                            struct error *err);

/* Add the parameters that all statements about a run's position share, in their order. */
void ledger_write_add_position(struct ledger_statement *statement, int64_t run_id,
                               const struct ledger_position *position);

/* A statement that is a transaction of its own, and gives rows, or might. */
struct ledger_alone {
    enum db_access access;
    const struct ledger_statement *statement;
    ledger_sql_take take; /* NULL: the rows are of no interest */
    void *context;
};

/* Run it. Returns 0 or -1 with err. */
int ledger_write_alone(struct ledger *ledger, struct ledger_alone alone, struct error *err);

/* The same with a statement that gives a row where run_id is still running. Returns 0 or -1
 * with err. */
int ledger_write_alone_for_run(struct ledger *ledger, enum db_access access,
                               const struct ledger_statement *statement, int64_t run_id,
                               struct error *err);

/* Run a statement that must find run_id still running. Returns 0 or -1 with err. */
int ledger_write_for_run(struct ledger *ledger, const struct ledger_statement *statement,
                         int64_t run_id, struct error *err);

/* Fill err (ERROR_OPERATOR): run_id was ended by another, and as far as SQL knows, why. Returns
 * -1. */
int ledger_write_refuse_ended(struct ledger *ledger, int64_t run_id, struct error *err);

#endif
