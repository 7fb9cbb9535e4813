#ifndef REDFERRY_FENCE_H
#define REDFERRY_FENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fence_transaction.h"

struct buffer;
struct checkpoint;
struct connection;
struct error;
struct fence_look;
struct reply;

/*
 * Who may write. The fence is a field of the checkpoint that only one connection of one run
 * holds at a time; a transaction that WATCHes the checkpoint and has seen its own fence there
 * runs only if nobody took the fence since.
 */
struct fence;

/* What a checkpoint that was found, or that is not there, means. */
enum fence_answer {
    FENCE_RESUME, /* go on with it (there must be one) */
    FENCE_AFRESH, /* replace it by one of our own: origin = the own run, step 1 */
    FENCE_REFUSE  /* with -1 */
};

/* Redis is away, or refuses. */
struct fence_outage {
    const char *why;  /* what went wrong last; borrowed, as all of it, during the call */
    int64_t begun_ms; /* monotonic: the same for as long as nothing goes well in between */
    int64_t most_ms;  /* for how long it is tried again, counted from then */
};

struct fence_options {
    struct connection *connection; /* borrowed; nobody else's until fence_free() */
    int64_t retry_for_ms;
    const char *ledger_id; /* borrowed, as all texts */
    const char *database;  /* the label of the SQL database */
    int64_t version;
    int64_t run_id;
    bool down;
    const char *checksum;
    struct fence_look *look; /* at this checkpoint, on this connection, that opening uses up;
                                or NULL */

    /* Says what the checkpoint that was found (present or not) means. again: the fence was
     * taken and confirmed before, and is taken again after a reconnection of this very sink.
     * Returns 0 with *answer, or -1 with err: refused. Called before anything is written;
     * possibly several times. */
    int (*decide)(void *context, const struct checkpoint *found, bool again,
                  enum fence_answer *answer, struct error *err);

    /* Asks SQL whether the own run is still running, and records origin there. Called after
     * every taking of the fence, before the first batch. Returns 0, or -1 with err. */
    int (*confirm)(void *context, int64_t origin, struct error *err);

    /* Called with outage when a first attempt to connect again has failed, and before each
     * sleep while Redis is away, or refuses; and with NULL at least every quarter of a second
     * while the end of a step waits for its answers; or NULL. Returns 0, or -1 with err: there
     * is to be no more waiting. */
    int (*waiting)(void *context, const struct fence_outage *outage, struct error *err);
    void *context;
};

/* Returns 0 with *out yours to fence_free(), or -1 with err. options are borrowed until then.
 * Nothing is sent yet. */
int fence_new(struct fence **out, const struct fence_options *options, struct error *err);

/* Leaves Redis alone. NULL is harmless. */
void fence_free(struct fence *fence);

/* Take the fence on the connection as it is, which is idle: read the checkpoint, have `decide`
 * say what it means, write the own fence or a fresh checkpoint, have `confirm` agree. What may
 * pass is waited out, on new connections. Returns 0, or -1 with err. */
int fence_take(struct fence *fence, struct error *err);

/* The same on a new connection. Nothing may be in flight. */
int fence_retake(struct fence *fence, struct error *err);

/* A new connection without taking the fence: for what may be done behind any fence of this
 * sink's. err says why the old one is of no use; what may pass is waited out. Returns 0, or -1
 * with err. */
int fence_reopen(struct fence *fence, struct error *err);

/* What was found when the fence was last taken (a fresh one where that was the answer), its
 * fence the own one. Borrowed until it is taken again. */
const struct checkpoint *fence_checkpoint(const struct fence *fence);

/* The checkpoint's key. Borrowed. */
const char *fence_key(const struct fence *fence);

/* Append the FENCE_FRAME commands that open a transaction behind the fence. */
void fence_append_frame(const struct fence *fence, struct buffer *out);

/* What the frame's HGET has shown. */
enum fence_sight fence_see(const struct fence *fence, const struct reply *reply);

/* Somebody changed the checkpoint. Returns 0 where it is gone (taking the fence again asks
 * `decide`), or -1 with err: ERROR_OPERATOR that says who writes now, or no answer. */
int fence_lost(struct fence *fence, struct error *err);

/* Wait a while before trying again what failed with err (is_short: for what is to be tried only
 * briefly); the first time in a row not at all. Returns 0, or -1 with err where that was tried
 * for long enough, or a stop was asked for. */
int fence_wait(struct fence *fence, bool is_short, struct error *err);

/* Something went well: the next fence_wait() is the first one again. */
void fence_calm(struct fence *fence);

/* Run work in a fenced transaction on the idle connection and wait for it. Everything but
 * FENCE_RAN fills err; with FENCE_FAILED from the first command that failed. */
enum fence_verdict fence_execute(struct fence *fence, struct fence_work *work,
                                 struct error *err);

/* Remove the checkpoint of version, whoever's it is (what is on its way behind a fence is then
 * void), and forget which run wrote last. Returns 1, 0 where there is none, or -1 with err. */
int fence_clear(struct connection *connection, const char *ledger_id, int64_t version,
                struct error *err);

#endif
