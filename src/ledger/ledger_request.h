#ifndef REDFERRY_LEDGER_REQUEST_H
#define REDFERRY_LEDGER_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "agenda.h"

struct arena;
struct error;
struct ledger;
struct value;

/* What was asked of a run when ledger_ask() looked, and what is now. Texts live in arena. */
struct ledger_asked {
    enum run_status status; /* as it was found */
    enum request before;    /* what was asked of it before, and not obeyed */
    const char *before_by, *before_at;
    const char *at; /* requested_at of what was written now; NULL: nothing was */
};

/*
 * Ask something of run_id, in the name of the ledger's author, in one transaction that has the
 * run's row to itself. Nothing is written where it has ended, where the same was asked already,
 * or where it is so already and nothing else was asked. Returns 1 with *asked; 0 where its row
 * is in the hands of an `sql` step (or gone): to be tried again; or -1 with err.
 */
int ledger_ask(struct ledger *ledger, int64_t run_id, enum request request, struct arena *arena,
               struct ledger_asked *asked, struct error *err);

/* The run does what was asked of it: it is status (RUN_RUNNING, RUN_PAUSED) from now on, and
 * request is done. *by (arena; may be NULL) is who asked. Returns 1; 0 where something else is
 * asked of it by now, or it was ended; or -1 with err. */
int ledger_obey(struct ledger *ledger, int64_t run_id, enum request request,
                enum run_status status, struct arena *arena, const char **by,
                struct error *err);

/* Record run_id, which has crashed, as cancelled, in the transaction that locks the ledger's
 * row; the caller holds the lock. Returns 1, 0 where it had ended by now, or -1 with err. */
int ledger_cancel(struct ledger *ledger, int64_t run_id, const char *message,
                  struct error *err);

/* A value of the column `request`. Returns 0 or -1 with err. */
int ledger_request_take(const struct value *value, enum request *request, struct error *err);

#endif
