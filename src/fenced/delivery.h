#ifndef REDFERRY_DELIVERY_H
#define REDFERRY_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "checkpoint.h"
#include "error.h"
#include "fence.h"
#include "flight.h"
#include "sink_fenced.h"

struct probe_finding;
struct sink;

/*
 * What is known of how far a migration has come, and everything that must happen when that is
 * in doubt: a connection that was lost, a checkpoint that somebody changed, a refusal that may
 * pass. Whoever writes behind the fence does it through this.
 */

/* Where the checkpoint stands, with a cursor of its own. */
struct delivery_place {
    int64_t step;
    bool has_cursor;
    struct buffer cursor;
    struct tally tally;
    int64_t again; /* as the checkpoint's; 0 where its cursor is settled */
};

struct delivery {
    struct sink *sink; /* whose tally and cursor are kept true; borrowed */
    struct sink_fenced_options options;
    struct fence *fence;
    struct flight flight;
    struct delivery_place known; /* up to where all has run, and was clean */
    bool is_settled;             /* no array is unread there */
    bool is_repeatable;          /* all commands of the step in flight are idempotent */
    int losses;                  /* of the connection, in a row, at the same place */
    bool went_back;              /* it failed because the checkpoint is elsewhere */
    bool failed;
    struct error failure;
};

/* Take the fence for caller's storage, {0} but for its sink, which must not move; options are
 * copied. Returns 0, or -1 with err; delivery_release() is due in both cases. */
int delivery_open(struct delivery *delivery, const struct sink_fenced_options *options,
                  struct error *err);
void delivery_release(struct delivery *delivery);

/* Returns 0, or -1 with err where it has failed. */
int delivery_check(const struct delivery *delivery, struct error *err);

/* Remember err for good, and leave no transaction open. Returns -1. */
int delivery_fail(struct delivery *delivery, const struct error *err);

/* Stand where the checkpoint stood when the fence was last taken. Returns 0 or -1 with err. */
int delivery_stand(struct delivery *delivery, struct error *err);

/* Returns 0 or -1 with err (no memory). */
int delivery_place_set(struct delivery_place *place, const struct checkpoint_mark *mark,
                       struct error *err);

/* The mark of a place, and the one behind a batch once it ran; `seen` is NULL. Borrowed. */
struct checkpoint_mark delivery_mark(struct delivery_place *place);
struct checkpoint_mark delivery_mark_behind(struct flight_batch *batch);

/* Everything up to mark has run and was clean. Returns 0 or -1 with err. */
int delivery_believe(struct delivery *delivery, const struct checkpoint_mark *mark,
                     struct error *err);

/* The connection was lost with err, with something on its way. Returns 0 where it may be had
 * anew, or -1 with err: not for that reason, or too often. */
int delivery_lose(struct delivery *delivery, struct error *err);

/* Take the fence on a new connection; nothing is in flight any more. Returns 0 or -1 with err.
 */
int delivery_retake(struct delivery *delivery, struct error *err);

/* Whether err is about a connection that was lost, and may be had anew. */
bool delivery_is_cut(const struct delivery *delivery, const struct error *err);

/* The checkpoint is not where it can be. Returns -1 with err. */
int delivery_fail_behind(struct delivery *delivery, struct error *err);

/* What became of work, which did not run for certain, with err. Returns 0 where it is to be
 * done (again) behind a fence taken anew, or -1 with err. */
int delivery_mend(struct delivery *delivery, enum fence_verdict verdict,
                  const struct fence_work *work, struct error *err);

/* Run work, which leads the checkpoint from one mark to the other and may run twice, until it
 * ran. Nothing is in flight. Returns 0, the place then being known, or -1 with err. */
int delivery_work(struct delivery *delivery, struct fence_work *work,
                  const struct checkpoint_mark *from, const struct checkpoint_mark *to,
                  struct error *err);

/* Look at commands that ran, as probe_commands(). A lost connection is left to the caller
 * (delivery_is_cut()), all else has failed for good. */
int delivery_probe(struct delivery *delivery, const char *bytes, size_t length,
                   struct probe_finding *finding, struct error *err);

/* Move the checkpoint, cursor and seen included, in the same way. */
int delivery_move(struct delivery *delivery, const struct checkpoint_mark *from,
                  const struct checkpoint_mark *to, struct error *err);

#endif
