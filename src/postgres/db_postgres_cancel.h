#ifndef REDFERRY_DB_POSTGRES_CANCEL_H
#define REDFERRY_DB_POSTGRES_CANCEL_H

#include <libpq-fe.h>
#include <stdbool.h>

/* Ask the server to cancel the statement that connection runs, if any (NULL: none). Waits a
 * moment for the asking, not for the effect; it has none where it overtakes the statement.
 * Returns false where the asking failed or is not over: it could then hit a later statement. */
bool db_postgres_cancel(PGconn *connection);

#endif
