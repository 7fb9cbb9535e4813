#ifndef REDFERRY_ASSURANCE_H
#define REDFERRY_ASSURANCE_H

struct attempt;
struct error;
struct session;

/*
 * What was written has to be with replicas or on disk before the ledger says that it was done,
 * where --wait-replicas or --wait-aof ask for it.
 */

/* Whether Redis, which the session has open, can be asked for what the settings say. Writes
 * nothing. Returns 0, or -1 with err (ERROR_INVALID: what it lacks). */
int assurance_check(struct session *session, struct error *err);

/* Wait for it once every step of attempt is closed: at most --retry-for on one connection, and
 * told of. Where the connection is lost, it is had anew through the sink, which may find that
 * Redis went back (sink_fenced_went_back()). Returns 0, or -1 with err: too few (ERROR_FAILED),
 * a stop, the lock is gone, no connection. */
int assurance_await(struct attempt *attempt, struct error *err);

#endif
