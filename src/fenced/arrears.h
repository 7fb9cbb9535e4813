#ifndef REDFERRY_ARREARS_H
#define REDFERRY_ARREARS_H

struct delivery;
struct error;
struct flight_batch;

/*
 * What a transaction still owes: commands that failed within it. Where a step's commands are
 * idempotent, the checkpoint is set back and the batch runs again, another day; otherwise the
 * commands that failed, and only they, are kept in the checkpoint, and are sent first then.
 */

/* The oldest batch in flight ran, but for the commands in its failures. Keep what is to be
 * done, and fail with its error. Returns -1 with err. */
int arrears_settle(struct delivery *delivery, struct flight_batch *batch, struct error *err);

/* The oldest batch in flight ran, its array was never read, and it must not run twice. Find by
 * reading which of its commands failed. Returns 0 where none did, or -1 with err: some did, or
 * that cannot be told, or the connection was lost meanwhile (and is: delivery_is_cut()). */
int arrears_check(struct delivery *delivery, struct flight_batch *batch, struct error *err);

#endif
