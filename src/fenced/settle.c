/*
 * Batches, settled one by one, the oldest first.
 *
 * Nothing is decided about a batch while another one before it is undecided: that is what makes
 * "the checkpoint says" true. So all of this is one question, asked again and again: what can
 * be done about the oldest batch now? Sending ahead is flight.c's; what to do with commands
 * that failed within a transaction is arrears.c's.
 */
#include "settle.h"

#include <stdbool.h>

#include "arrears.h"
#include "batch.h"
#include "checkpoint.h"
#include "crash.h"
#include "delivery.h"
#include "error.h"
#include "fence.h"
#include "flight.h"
#include "reply.h"
#include "sink.h"

/* The oldest batch is clean: count it, and believe its cursor. Returns 1, or -1 with err. */
static int retire(struct delivery *delivery, struct flight_batch *batch, struct error *err)
{
    const struct checkpoint_mark behind = delivery_mark_behind(batch);
    if (delivery_believe(delivery, &behind, err) != 0) return -1;
    delivery->is_settled = true;
    flight_retire(&delivery->flight, &delivery->sink->tally);
    crash_point("batch settled");
    return 1;
}

/* ---- a new connection ------------------------------------------------------------------- */

/* The fence is held anew: what has run of that which was in flight? The rest is sent again.
 * Returns 0, or -1 with err (delivery_is_cut(): once more). */
static int locate(struct delivery *delivery, struct error *err)
{
    const struct checkpoint *found = fence_checkpoint(delivery->fence);
    struct flight_batch *oldest = flight_oldest(&delivery->flight);
    const struct checkpoint_mark before = delivery_mark(&delivery->known);
    if (checkpoint_is_at(found, &before)) return 0;
    if (oldest == NULL) return delivery_fail_behind(delivery, err);

    const struct checkpoint_mark behind = delivery_mark_behind(oldest);
    if (!checkpoint_is_at(found, &behind)) return delivery_fail_behind(delivery, err);
    /* It ran, and its array was never read. Where twice is as once, it is sent again. */
    if (delivery->is_repeatable || oldest->ends_step) return 0;
    if (arrears_check(delivery, oldest, err) != 0) return -1;
    return retire(delivery, oldest, err) < 0 ? -1 : 0;
}

/* Take the fence on a new connection, and go on from where it shows that things stand. */
static int renew(struct delivery *delivery, struct error *err)
{
    for (;;) {
        if (delivery_retake(delivery, err) != 0) return -1;
        if (locate(delivery, err) == 0) return 0;
        if (delivery->failed || delivery_lose(delivery, err) != 0) return -1;
    }
}

/* What a call of the flight returned; where it lost the connection, 0 on a new one. */
static int mend(struct delivery *delivery, int result, struct error *err)
{
    const struct flight_batch *oldest = flight_oldest(&delivery->flight);
    if (result >= 0) return result;
    if (delivery_check(delivery, err) != 0) return -1;
    if (!delivery_is_cut(delivery, err)) return delivery_fail(delivery, err);
    /* An idle connection may be closed as often as the server likes. */
    const bool is_idle = oldest == NULL || oldest->state == FLIGHT_CLOSED;
    if (!is_idle && delivery_lose(delivery, err) != 0) return -1;
    return renew(delivery, err);
}

/* Somebody changed the checkpoint: another run, which ends it; or it is gone, and what that
 * means is asked when the fence is taken again. Returns 1, or -1 with err. */
static int settle_change(struct delivery *delivery, struct error *err)
{
    const bool is_gone =
        flight_abandon(&delivery->flight, err) == 0 && fence_lost(delivery->fence, err) == 0;
    const int result = is_gone ? renew(delivery, err) : mend(delivery, -1, err);
    return result < 0 ? -1 : 1;
}

/* ---- the oldest batch ------------------------------------------------------------------- */

/* It did not run. Where that may pass, wait, and send it again: on a new connection where this
 * server is no primary any more. Returns 1, or -1 with err. */
static int settle_refused(struct delivery *delivery, struct flight_batch *batch,
                          struct error *err)
{
    const struct batch *rows = &batch->batch;
    const bool is_read_only = rows->is_read_only;
    *err = rows->error;
    if (batch->is_bare) {
        err->code = ERROR_OPERATOR;
        (void)error_prefix(err, "some of its commands may have run outside a transaction: ");
    }
    if (rows->verdict == BATCH_FAILED) return delivery_fail(delivery, err);
    const bool is_short = rows->trouble == REPLY_SHORT;
    struct error lost = {0};
    if (batch->state == FLIGHT_ANSWERED) batch->state = FLIGHT_CLOSED;
    if (flight_abandon(&delivery->flight, &lost) != 0) {
        *err = lost;
        return mend(delivery, -1, err) < 0 ? -1 : 1;
    }
    if (fence_wait(delivery->fence, is_short, err) != 0) return delivery_fail(delivery, err);
    if (is_read_only && renew(delivery, err) != 0) return -1;
    return 1;
}

/* The frame around it is answered, and perhaps all of it. EXEC, or not; what is refused already
 * is not executed, but first heard to its end. Returns as settle_one(). */
static int settle_opened(struct delivery *delivery, struct flight_batch *batch,
                         struct error *err)
{
    const bool is_refused = batch->batch.error.code != ERROR_NONE;
    const bool may_leave = batch->state == FLIGHT_HELD || !flight_measures(&delivery->flight);
    if (!is_refused && batch->sight == FENCE_OWN && may_leave)
        return mend(delivery, flight_execute(&delivery->flight, err), err) < 0 ? -1 : 1;
    if (batch->state == FLIGHT_OPEN) return 0;
    if (!is_refused) return settle_change(delivery, err);
    batch_give_up(&batch->batch);
    return settle_refused(delivery, batch, err);
}

/* Its EXEC is answered. Returns 1, or -1 with err. */
static int settle_answered(struct delivery *delivery, struct flight_batch *batch,
                           struct error *err)
{
    crash_point("batch answered");
    if (batch->is_void) {
        batch->state = FLIGHT_CLOSED;
        return settle_change(delivery, err);
    }
    if (batch->is_mislaid) {
        (void)error_set(
            err, ERROR_OPERATOR,
            "the batch ran, but its checkpoint failed: '%s'; look at what is in Redis, "
            "then `redferry repair VERSION` begins anew",
            fence_key(delivery->fence));
        return delivery_fail(delivery, err);
    }
    if (batch->batch.verdict == BATCH_CLEAN) return retire(delivery, batch, err);
    if (batch->batch.failures.length > 0) return arrears_settle(delivery, batch, err);
    return settle_refused(delivery, batch, err);
}

/* One thing that can be done now, if there is one. Returns 1: it was done; 0: only waiting
 * helps; -1 with err. */
static int settle_one(struct delivery *delivery, struct error *err)
{
    struct flight_batch *oldest = flight_oldest(&delivery->flight);
    if (oldest == NULL) return 0;
    if (oldest->state == FLIGHT_ANSWERED) return settle_answered(delivery, oldest, err);
    if (oldest->state == FLIGHT_OPEN || oldest->state == FLIGHT_HELD)
        return settle_opened(delivery, oldest, err);
    int sent = flight_send(&delivery->flight, err);
    return sent < 0 ? mend(delivery, sent, err) : sent;
}

int settle_all(struct delivery *delivery, struct error *err)
{
    int any = 0;
    for (;;) {
        int done = settle_one(delivery, err);
        if (done < 0) return -1;
        if (done == 0) return any;
        any = 1;
    }
}

int settle_pump(struct delivery *delivery, int descriptor, int64_t timeout_ms,
                struct error *err)
{
    int ready = 0;
    int settled = 0;
    if (delivery_check(delivery, err) != 0) return -1;
    do {
        int now =
            mend(delivery, flight_pump(&delivery->flight, descriptor, timeout_ms, err), err);
        if (now < 0) return -1;
        if (now > 0) ready = 1;
        settled = settle_all(delivery, err);
        /* What was settled is to be written as well, but not to be waited for. */
        descriptor = -1;
        timeout_ms = 0;
    } while (settled > 0);
    return settled < 0 ? -1 : ready;
}
