/*
 * How far it has come, in doubt and out of it.
 *
 * The one place where a connection is given up and the fence is taken anew, and where the
 * checkpoint that is found then is held against what may have run. Whatever fits neither what
 * was known nor what was on its way is not guessed at: the delivery fails for good, and says
 * whether it is because Redis went back. Batches of rows are sink_fenced.c's.
 */
#include "delivery.h"

#include <inttypes.h>
#include <string.h>

#include "connection.h"
#include "crash.h"
#include "migration.h"
#include "probe.h"
#include "sink.h"

enum { MOST_LOSSES = 3 };

int delivery_open(struct delivery *delivery, const struct sink_fenced_options *options,
                  struct error *err)
{
    delivery->options = *options;
    delivery->flight.throttle.limit_us = options->max_latency_us;
    if (fence_new(&delivery->fence, &delivery->options.fence, err) != 0 ||
        flight_init(&delivery->flight, delivery->fence, options->fence.connection, err) != 0 ||
        fence_take(delivery->fence, err) != 0)
        return -1;
    fence_calm(delivery->fence);
    return delivery_stand(delivery, err);
}

void delivery_release(struct delivery *delivery)
{
    const struct flight_batch *oldest = flight_oldest(&delivery->flight);
    struct error ignored = {0};
    /* The connection lives on, and must not do so inside a transaction. */
    if (oldest != NULL && oldest->state == FLIGHT_HELD)
        (void)flight_abandon(&delivery->flight, &ignored);
    flight_release(&delivery->flight);
    fence_free(delivery->fence);
    buffer_release(&delivery->known.cursor);
}

/* ---- places ----------------------------------------------------------------------------- */

int delivery_place_set(struct delivery_place *place, const struct checkpoint_mark *mark,
                       struct error *err)
{
    place->step = mark->step;
    place->has_cursor = mark->cursor != NULL;
    place->tally = mark->tally;
    place->again = mark->again;
    if (mark->cursor == NULL || mark->cursor != place->cursor.bytes) {
        buffer_clear(&place->cursor);
        if (mark->cursor != NULL) buffer_append_text(&place->cursor, mark->cursor);
    }
    return buffer_text(&place->cursor) == NULL ? error_memory(err) : 0;
}

struct checkpoint_mark delivery_mark(struct delivery_place *place)
{
    return (struct checkpoint_mark){
        .step = place->step,
        .cursor = place->has_cursor ? buffer_text(&place->cursor) : NULL,
        .tally = place->tally,
        .again = place->again,
    };
}

struct checkpoint_mark delivery_mark_behind(struct flight_batch *batch)
{
    return (struct checkpoint_mark){
        .step = batch->step,
        .cursor = batch->batch.has_cursor ? buffer_text(&batch->batch.cursor) : NULL,
        .tally = batch->after,
        .again = batch->batch.has_cursor ? 0 : batch->again,
    };
}

int delivery_stand(struct delivery *delivery, struct error *err)
{
    const struct checkpoint *found = fence_checkpoint(delivery->fence);
    struct checkpoint_mark mark = {.step = found->step,
                                   .cursor = found->cursor,
                                   .tally = found->tally,
                                   .again = found->again};
    delivery->is_settled = checkpoint_is_settled(found);
    if (found->cursor != NULL && delivery->is_settled) mark.again = 0;
    delivery->sink->cursor = NULL;
    return delivery_place_set(&delivery->known, &mark, err);
}

int delivery_believe(struct delivery *delivery, const struct checkpoint_mark *mark,
                     struct error *err)
{
    if (delivery_place_set(&delivery->known, mark, err) != 0)
        return delivery_fail(delivery, err);
    delivery->sink->cursor = delivery_mark(&delivery->known).cursor;
    delivery->losses = 0;
    fence_calm(delivery->fence);
    return 0;
}

/* ---- failing ---------------------------------------------------------------------------- */

int delivery_check(const struct delivery *delivery, struct error *err)
{
    if (!delivery->failed) return 0;
    *err = delivery->failure;
    return -1;
}

int delivery_fail(struct delivery *delivery, const struct error *err)
{
    struct error ignored = {0};
    struct flight *flight = &delivery->flight;
    delivery->failure = *err;
    delivery->failed = true;
    if (flight->pipeline != NULL &&
        connection_check(delivery->options.fence.connection, &ignored) == 0)
        (void)flight_abandon(flight, &ignored);
    while (flight->queued > 0) flight_retire(flight, &delivery->sink->tally);
    return -1;
}

int delivery_fail_behind(struct delivery *delivery, struct error *err)
{
    const struct checkpoint *found = fence_checkpoint(delivery->fence);
    const struct delivery_place *known = &delivery->known;
    (void)error_set(err, ERROR_REDIS_UNREACHABLE,
                    "Redis came back with another checkpoint: step %" PRId64 ", %" PRId64
                    " rows instead of step %" PRId64 ", %" PRId64 " rows",
                    found->step, found->tally.rows_read, known->step, known->tally.rows_read);
    err->passing = true;
    delivery->went_back = true;
    return delivery_fail(delivery, err);
}

/* ---- a new connection ------------------------------------------------------------------- */

bool delivery_is_cut(const struct delivery *delivery, const struct error *err)
{
    struct error ignored = {0};
    return err->code == ERROR_REDIS_UNREACHABLE &&
           connection_check(delivery->options.fence.connection, &ignored) != 0;
}

int delivery_lose(struct delivery *delivery, struct error *err)
{
    if (!delivery_is_cut(delivery, err)) return delivery_fail(delivery, err);
    if (++delivery->losses < MOST_LOSSES) return 0;
    (void)error_prefix(
        err, "the connection was lost %d times in a row with the same batch: ", MOST_LOSSES);
    return delivery_fail(delivery, err);
}

int delivery_retake(struct delivery *delivery, struct error *err)
{
    flight_disconnect(&delivery->flight);
    crash_point("connection given up");
    if (fence_retake(delivery->fence, err) != 0 || flight_connect(&delivery->flight, err) != 0)
        return delivery_fail(delivery, err);
    return 0;
}

/* ---- transactions of our own ------------------------------------------------------------ */

int delivery_mend(struct delivery *delivery, enum fence_verdict verdict,
                  const struct fence_work *work, struct error *err)
{
    switch (verdict) {
    case FENCE_REFUSED:
        if (fence_wait(delivery->fence, work->is_short, err) != 0)
            return delivery_fail(delivery, err);
        break;
    case FENCE_CHANGED:
        if (fence_lost(delivery->fence, err) != 0 && delivery_lose(delivery, err) != 0)
            return -1;
        break;
    case FENCE_CUT:
        if (delivery_lose(delivery, err) != 0) return -1;
        break;
    default:
        return delivery_fail(delivery, err);
    }
    return delivery_retake(delivery, err);
}

int delivery_work(struct delivery *delivery, struct fence_work *work,
                  const struct checkpoint_mark *from, const struct checkpoint_mark *to,
                  struct error *err)
{
    const struct checkpoint *found = fence_checkpoint(delivery->fence);
    for (;;) {
        const enum fence_verdict verdict = fence_execute(delivery->fence, work, err);
        if (verdict == FENCE_RAN) return delivery_believe(delivery, to, err);
        if (delivery_mend(delivery, verdict, work, err) != 0) return -1;
        if (!checkpoint_is_at(found, from) && !checkpoint_is_at(found, to))
            return delivery_fail_behind(delivery, err);
    }
}

int delivery_move(struct delivery *delivery, const struct checkpoint_mark *from,
                  const struct checkpoint_mark *to, struct error *err)
{
    struct buffer commands = {0};
    struct fence_work work = {0};
    work.commands = checkpoint_append_mark(&commands, fence_key(delivery->fence), to);
    work.bytes = commands.bytes;
    work.length = commands.length;
    int result = buffer_failed(&commands) ? error_memory(err)
                                          : delivery_work(delivery, &work, from, to, err);
    buffer_release(&commands);
    return result;
}

int delivery_probe(struct delivery *delivery, const char *bytes, size_t length,
                   struct probe_finding *finding, struct error *err)
{
    if (probe_commands(delivery->options.fence.connection, bytes, length, finding, err) == 0)
        return 0;
    return delivery_is_cut(delivery, err) ? -1 : delivery_fail(delivery, err);
}
