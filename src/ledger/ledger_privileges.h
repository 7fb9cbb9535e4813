#ifndef REDFERRY_LEDGER_PRIVILEGES_H
#define REDFERRY_LEDGER_PRIVILEGES_H

#include <stdbool.h>

struct error;
struct ledger;

/* What for: to ask is to ask something of a run; to fill is to write where the one row of
 * data_migration_ledger is missing as well. */
enum ledger_need { LEDGER_TO_READ, LEDGER_TO_ASK, LEDGER_TO_WRITE, LEDGER_TO_FILL };

/* Whether the role has what need takes on the tables that exist, and, where it creates, may
 * make others beside them. Within a transaction. Returns 0, or -1 with err (ERROR_OPERATOR)
 * that says what to grant, or which schema does not exist. */
int ledger_privileges_check(struct ledger *ledger, enum ledger_need need, bool creates,
                            struct error *err);

#endif
