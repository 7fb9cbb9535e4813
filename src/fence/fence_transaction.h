#ifndef REDFERRY_FENCE_TRANSACTION_H
#define REDFERRY_FENCE_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>

struct buffer;
struct connection;
struct error;
struct reply;

/* What a connection writes into the checkpoint in key, to be known by. Borrowed. */
struct fence_name {
    const char *key;
    const char *sink;  /* "<run id>.<random>.": of the whole sink */
    const char *owner; /* the same and the connection's number: what `fence` holds */
};

/* What HGET has shown. */
enum fence_sight {
    FENCE_OWN = 1,     /* this connection's */
    FENCE_EARLIER = 2, /* an earlier connection's of the same sink */
    FENCE_OTHER = 4,   /* somebody else's */
    FENCE_GONE = 8     /* none: there is no checkpoint */
};
enum fence_sight fence_transaction_see(const struct fence_name *name,
                                       const struct reply *reply);

/* Append, in RESP, the FENCE_FRAME commands that open a fenced transaction: WATCH, HGET,
 * MULTI. */
enum { FENCE_FRAME = 3 };
void fence_transaction_append_frame(const struct fence_name *name, struct buffer *out);

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

/* Run work in a transaction behind the fence called name, on the connection, which is idle, and
 * wait for it. Everything but FENCE_RAN fills err; with FENCE_FAILED from the first command
 * that failed. */
enum fence_verdict fence_transaction_run(struct connection *connection,
                                         const struct fence_name *name, struct fence_work *work,
                                         struct error *err);

/* The same in the transaction that is open already; what HGET would show is not looked at. */
enum fence_verdict fence_transaction_go_on(struct connection *connection,
                                           const struct fence_name *name,
                                           struct fence_work *work, struct error *err);

/* Give up a transaction that is open, and its WATCH with it. */
void fence_transaction_abandon(struct connection *connection);

/* What it means that the wire gave no answer; err says why. */
enum fence_verdict fence_transaction_cut(const struct connection *connection,
                                         const struct error *err);

#endif
