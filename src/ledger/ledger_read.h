#ifndef REDFERRY_LEDGER_READ_H
#define REDFERRY_LEDGER_READ_H

#include <stddef.h>

#include "ledger.h"

struct arena;
struct error;
struct ledger;

/* The body of ledger_read(), without asking for the lock: one read-only transaction. */
int ledger_read_state(struct ledger *ledger, struct ledger_state *state, struct arena *arena,
                      struct error *err);

/* Runs that a caller collects, in arena. {.ledger, .arena} is an empty list. */
struct ledger_read_runs {
    struct ledger *ledger;
    struct arena *arena;
    struct run *items;
    size_t count, capacity;
};

/* The body of ledger_history(): the runs of version (0: all), or the one with id run_id (0:
 * all), in a transaction of its own. Returns 0 or -1 with err. */
int ledger_read_history(struct ledger_read_runs *runs, int64_t version, int64_t run_id,
                        struct error *err);

/* The one run that ledger_follow() is about, without asking for the lock: one statement once
 * the tables are found. Returns 1, 0 where there is none, or -1 with err. */
int ledger_read_run(struct ledger *ledger, int64_t run_id, struct arena *arena, struct run *run,
                    struct error *err);

#endif
