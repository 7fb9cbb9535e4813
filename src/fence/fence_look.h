#ifndef REDFERRY_FENCE_LOOK_H
#define REDFERRY_FENCE_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "fence_transaction.h"

struct checkpoint;
struct connection;
struct error;

/*
 * The checkpoint of a version, looked at ahead of the run that is to take its fence: under
 * WATCH, and with a transaction open behind it, so that nothing else may be asked on this
 * connection until sink_fenced_open() has used it up, or fence_look_close().
 */
struct fence_look;

/* Look, in one round trip. NULL with err where that cannot be done now: whoever takes the fence
 * looks for itself, and may find it passed; but what is no checkpoint at all (ERROR_OPERATOR)
 * stays none. connection is borrowed until fence_look_close(). */
struct fence_look *fence_look_open(struct connection *connection, const char *ledger_id,
                                   int64_t version, struct error *err);

/* Give up what nobody has used up. NULL is harmless. */
void fence_look_close(struct fence_look *ahead);

/* What was seen, before it is used up. Borrowed. */
const struct checkpoint *fence_look_found(const struct fence_look *ahead);

/* Read the checkpoint of version, whoever's it is, and leave it alone. Returns 0 with *out
 * yours to checkpoint_release() (out->present false: there is none), or -1 with err
 * (ERROR_OPERATOR: what is there is none). */
int fence_look(struct connection *connection, const char *ledger_id, int64_t version,
               struct checkpoint *out, struct error *err);

/* ---- for fence.c ------------------------------------------------------------------------ */

/* Read the checkpoint in key under WATCH into found, which holds nothing, and open the
 * transaction that is to follow: that it holds back what is sent behind it is known then. Where
 * it does not return FENCE_RAN, err says why, and no transaction is open. */
enum fence_verdict fence_look_now(struct connection *connection, const char *key,
                                  struct checkpoint *found, struct error *err);

/* Use up what was looked at ahead (NULL: nothing was): found, which holds nothing, gets it, and
 * its transaction is the caller's. Returns whether there was anything. */
bool fence_look_use_up(struct fence_look *ahead, struct checkpoint *found);

#endif
