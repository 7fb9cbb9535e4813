#ifndef REDFERRY_LEDGER_GLANCE_H
#define REDFERRY_LEDGER_GLANCE_H

#include "ledger.h"

struct arena;
struct ledger;

/* The body of ledger_glance(). */
int ledger_glance_state(struct ledger *ledger, struct ledger_state *state, struct arena *arena,
                        struct error *err);

#endif
