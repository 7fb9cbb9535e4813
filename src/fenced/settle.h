#ifndef REDFERRY_SETTLE_H
#define REDFERRY_SETTLE_H

#include <stdint.h>

struct delivery;
struct error;

/*
 * What the answers of a delivery's batches mean, and what follows from them: EXEC, the next
 * batch, the same batch again, a new connection, the end.
 */

/* Do all that can be done now. Returns 1 where there was anything, 0, or -1 with err. */
int settle_all(struct delivery *delivery, struct error *err);

/* Let the wire move, and do what that allows, until it has nothing more to say. Returns as
 * pipeline_pump(); a connection that is lost is not an error where there is a new one. */
int settle_pump(struct delivery *delivery, int descriptor, int64_t timeout_ms,
                struct error *err);

#endif
