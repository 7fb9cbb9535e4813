#ifndef REDFERRY_FLIGHT_H
#define REDFERRY_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agenda.h"
#include "batch.h"
#include "buffer.h"
#include "fence.h"
#include "growth.h"
#include "throttle.h"

struct connection;
struct error;
struct pipeline;

/*
 * Fenced batches in flight. Each is sent as a body (the fence's frame, the rows' commands, what
 * moves the checkpoint), and its EXEC follows only when whoever watches over the flight says
 * so: as soon as the frame is answered, if he likes; what the server refuses of the rest voids
 * the transaction without us. The body of the next one is on its way meanwhile: one connection
 * can hold one open transaction, so it follows right behind the EXEC before it.
 */
enum { FLIGHT_QUEUE = 6, FLIGHT_BATCHES = FLIGHT_QUEUE + 1 /* and the open one */ };

enum flight_state {
    FLIGHT_CLOSED,    /* not sent, or to be sent again */
    FLIGHT_SENT,      /* its body */
    FLIGHT_OPEN,      /* its frame is answered, not all of its commands yet */
    FLIGHT_HELD,      /* its body is answered; EXEC is held back */
    FLIGHT_EXECUTING, /* EXEC is sent */
    FLIGHT_ANSWERED   /* batch.verdict says how */
};

struct flight_batch {
    struct batch batch;
    enum flight_state state;
    size_t rows_end;    /* where the rows' commands end in batch.bytes */
    size_t extra;       /* the commands behind them, which move the checkpoint */
    bool ends_step;     /* it has no rows */
    int64_t step;       /* the checkpoint's, once it ran */
    struct tally after; /* and its tally */
    int64_t again;      /* and what it says of rows that are to be carried again */
    enum fence_sight sight;
    bool is_bare;      /* MULTI was refused: what followed was not held back */
    bool is_void;      /* EXEC answered null: somebody changed the checkpoint */
    bool is_mislaid;   /* it ran, but the checkpoint was not moved */
    bool is_followed;  /* when EXEC left, more was there to be sent */
    int64_t queued_ns; /* when its body was answered; on the monotonic clock */
    int64_t left_ns;   /* when EXEC left */
};

/* What the wire owes an answer to, oldest first. */
enum flight_part { FLIGHT_BODY, FLIGHT_EXEC, FLIGHT_DISCARD };
struct flight_due {
    enum flight_part part;
    struct flight_batch *batch; /* NULL for a DISCARD */
};

struct flight {
    const struct fence *fence;
    struct connection *connection;
    struct pipeline *pipeline; /* NULL: disconnected */
    struct buffer frame;
    struct growth growth; /* of the step whose batches these are */
    struct throttle throttle;
    int64_t looked_ns; /* when the wire was last looked at; on the monotonic clock */
    bool is_waiting;   /* whoever looks at it now waits for what comes */
    struct flight_batch batches[FLIGHT_BATCHES];
    struct flight_batch *spare[FLIGHT_BATCHES]; /* a stack, so that few batches grow large */
    size_t spare_count;
    struct flight_batch *queue[FLIGHT_QUEUE]; /* closed, oldest first; not known to be clean */
    size_t queued;
    struct flight_due due[4];
    size_t due_count;
};

/* Prepare caller's storage, which must not move; fence and connection are borrowed. Returns 0,
 * or -1 with err; flight_release() is due in both cases. */
int flight_init(struct flight *flight, const struct fence *fence, struct connection *connection,
                struct error *err);
void flight_release(struct flight *flight);

/* An empty batch of step, with the frame in it. Never NULL while at most one is open. */
struct flight_batch *flight_begin(struct flight *flight, const struct sink_step *step,
                                  int64_t first_row);

/* A batch that is not in the queue: forget it. */
void flight_drop(struct flight *flight, struct flight_batch *batch);

/* Forget those in the queue that are not sent, or are to be sent again. */
void flight_drop_unsent(struct flight *flight);

/* Whether there is no more to be gained from a longer queue, in batches or in bytes. */
bool flight_is_full(const struct flight *flight);

/* Put a closed batch behind those in the queue, which is not full. */
void flight_push(struct flight *flight, struct flight_batch *batch);

/* The oldest in the queue, or NULL. */
struct flight_batch *flight_oldest(const struct flight *flight);

/* Forget the oldest; what it has run is added to tally. */
void flight_retire(struct flight *flight, struct tally *tally);

/* Send what may be sent: the oldest one's body, or the next one's once the oldest executes.
 * Returns how many bodies were sent now, or -1 with err. */
int flight_send(struct flight *flight, struct error *err);

/* Send EXEC for the oldest, which is open or held. Returns 0 or -1 with err. */
int flight_execute(struct flight *flight, struct error *err);

/* Begin a step with batches of so many rows. */
void flight_begin_step(struct flight *flight, int64_t rows, bool is_fixed);

/* How many rows a batch is to have by now. */
int64_t flight_batch_rows(const struct flight *flight);

/* Whether how long Redis takes to answer an EXEC counts: then nothing else of ours is to stand
 * before it, and it waits until its batch's body is answered. */
bool flight_measures(const struct flight *flight);

/* Let the wire move, as pipeline_pump(). */
int flight_pump(struct flight *flight, int descriptor, int64_t timeout_ms, struct error *err);

/* Discard an open transaction, and wait until nothing is in flight: all in the queue but those
 * that are answered are as if they had not been sent. Returns 0, or -1 with err. */
int flight_abandon(struct flight *flight, struct error *err);

/* The connection is lost: the same without it. Then flight_connect() before the next call. */
void flight_disconnect(struct flight *flight);
int flight_connect(struct flight *flight, struct error *err);

#endif
