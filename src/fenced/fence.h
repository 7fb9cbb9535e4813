#ifndef REDFERRY_FENCE_H
#define REDFERRY_FENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
struct checkpoint;
struct connection;
struct error;
struct reply;
struct sink_fenced_options;

/*
 * Who may write. The fence is a field of the checkpoint that only one connection of one run
 * holds at a time; a transaction that WATCHes the checkpoint and has seen its own fence there
 * runs only if nobody took the fence since.
 */
struct fence;

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

/* Returns 0 with *out yours to fence_free(), or -1 with err. options are borrowed until then.
 * Nothing is sent yet. */
int fence_new(struct fence **out, const struct sink_fenced_options *options, struct error *err);

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

/* Append, in RESP, the FENCE_FRAME commands that open a fenced transaction: WATCH, HGET,
 * MULTI. */
enum { FENCE_FRAME = 3 };
void fence_append_frame(const struct fence *fence, struct buffer *out);

/* What HGET has shown. */
enum fence_sight {
    FENCE_OWN = 1,     /* this connection's */
    FENCE_EARLIER = 2, /* an earlier connection's of the same sink */
    FENCE_OTHER = 4,   /* somebody else's */
    FENCE_GONE = 8     /* none: there is no checkpoint */
};
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

/* ---- transactions of our own ------------------------------------------------------------ */

enum fence_verdict {
    FENCE_RAN,     /* it ran */
    FENCE_FAILED,  /* it ran, and some of its commands failed */
    FENCE_REFUSED, /* nothing ran, and sending it again may help */
    FENCE_CHANGED, /* nothing ran: somebody changed the checkpoint, see fence_lost() */
    FENCE_CUT,     /* the connection was lost; it may have run */
    FENCE_STOPPED  /* it did not run, and sending it again does not help */
};

struct fence_work {
    const char *bytes; /* RESP */
    size_t length;
    size_t commands;
    unsigned accepted;     /* the sights with which it may run; 0: only FENCE_OWN */
    struct buffer *failed; /* gets the numbers (size_t) of the commands that failed; or NULL */

    /* Answers. */
    bool is_short;          /* a refusal to be waited out only briefly */
    bool was_sent;          /* EXEC left the process */
    enum fence_sight sight; /* what HGET showed */
};

/* Run work in a fenced transaction on the idle connection and wait for it. Everything but
 * FENCE_RAN fills err; with FENCE_FAILED from the first command that failed. */
enum fence_verdict fence_execute(struct fence *fence, struct fence_work *work,
                                 struct error *err);

/* Remove the checkpoint of version, whoever's it is (what is on its way behind a fence is then
 * void), and forget which run wrote last. Returns 1, 0 where there is none, or -1 with err. */
int fence_clear(struct connection *connection, const char *ledger_id, int64_t version,
                struct error *err);

/* Read the checkpoint of version, whoever's it is, and leave it alone. Returns 0 with *out
 * yours to checkpoint_release() (out->present false: there is none), or -1 with err
 * (ERROR_OPERATOR: what is there is none). */
int fence_look(struct connection *connection, const char *ledger_id, int64_t version,
               struct checkpoint *out, struct error *err);

#endif
