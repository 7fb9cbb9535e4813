#ifndef REDFERRY_BLOCKADE_H
#define REDFERRY_BLOCKADE_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "error.h"

struct db;
struct session;

/*
 * A lock of somebody else's that keeps a connection of the session waiting: on the ledger's
 * tables, on those that are read, on a SQLite file. {0}: there was none yet.
 */
struct blockade {
    const struct db *db; /* whose wait it is, to be compared only */
    int64_t begun_ms;  /* monotonic, as the other times: when the wait began that it is about */
    int64_t ask_at_ms; /* when to ask again who it is */
    int64_t told_ms;   /* 0: not yet */
    bool is_seen;      /* it is a lock that is waited for */
    struct clock_backoff backoff;
    struct error words; /* "the ledger's tables, locked by psql (…)" */
};

/* See whether that is what db has kept us waiting for, for waited_ms; where it is, say so: at
 * once, and then about every second. What lasts less than half a second is no wait. */
bool blockade_see(struct session *session, struct db *db, int64_t waited_ms);

/* Have blockade_look() watch over the waits of all connections of the session, also of those
 * that are open. */
void blockade_watch(struct session *session);

/* A db_watch's look(), with the session as its context: a wait for another's lock is told, and
 * ends as --on-lock and --lock-timeout say, or at once by a stop. Once a run is at work
 * (session->is_at_work), which would have to be told to the ledger, it is only told. */
int blockade_look(struct db *db, int64_t waited_ms, void *context, struct error *err);

#endif
