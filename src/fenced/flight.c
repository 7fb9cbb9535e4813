/*
 * Fenced batches on the wire.
 *
 * Here is what may be sent when, and which answer belongs to what; what an answer means for the
 * run is decided in settle.c. Answers come in the order of what was sent, and at most two
 * batches (the body and the EXEC of the first, the body of the second) and a DISCARD are on
 * their way, so a list of four is all the bookkeeping.
 */
#include "flight.h"

#include <string.h>

#include "clock.h"
#include "connection.h"
#include "crash.h"
#include "error.h"
#include "migration.h"
#include "pipeline.h"
#include "reply.h"

/* What the wire needs: one that executes, one whose body is sent, one that is ready. Where they
 * are large, there is time enough to get the third one ready. */
enum { WANTED = 3, WANTED_LARGE = 2, LARGE_BYTES = 768 * 1024, NS_PER_US = 1000 };

int flight_init(struct flight *flight, const struct fence *fence, struct connection *connection,
                struct error *err)
{
    flight->fence = fence;
    flight->connection = connection;
    for (size_t i = FLIGHT_BATCHES; i > 0; i--) flight_drop(flight, &flight->batches[i - 1]);
    fence_append_frame(fence, &flight->frame);
    if (buffer_failed(&flight->frame)) return error_memory(err);
    return flight_connect(flight, err);
}

void flight_release(struct flight *flight)
{
    pipeline_free(flight->pipeline);
    buffer_release(&flight->frame);
    for (size_t i = 0; i < FLIGHT_BATCHES; i++) batch_release(&flight->batches[i].batch);
}

/* ---- the queue -------------------------------------------------------------------------- */

struct flight_batch *flight_begin(struct flight *flight, const struct sink_step *step,
                                  int64_t first_row)
{
    struct flight_batch *batch = flight->spare[--flight->spare_count];
    batch_begin(&batch->batch, step, first_row);
    batch->state = FLIGHT_CLOSED;
    buffer_append(&batch->batch.bytes, flight->frame.bytes, flight->frame.length);
    return batch;
}

void flight_drop(struct flight *flight, struct flight_batch *batch)
{
    flight->spare[flight->spare_count++] = batch;
}

static int64_t round_trip_us(const struct flight *flight)
{
    return connection_round_trip(flight->connection) / NS_PER_US;
}

bool flight_is_full(const struct flight *flight)
{
    size_t bytes = 0;
    for (size_t i = 0; i < flight->queued; i++) bytes += flight->queue[i]->batch.bytes.length;
    return flight->queued == FLIGHT_QUEUE ||
           (flight->queued >= WANTED_LARGE && bytes >= LARGE_BYTES) ||
           (flight->queued >= WANTED &&
            growth_is_likely(&flight->growth, round_trip_us(flight)));
}

void flight_push(struct flight *flight, struct flight_batch *batch)
{
    flight->queue[flight->queued++] = batch;
}

void flight_drop_unsent(struct flight *flight)
{
    while (flight->queued > 0 && flight->queue[flight->queued - 1]->state == FLIGHT_CLOSED)
        flight_drop(flight, flight->queue[--flight->queued]);
}

struct flight_batch *flight_oldest(const struct flight *flight)
{
    return flight->queued > 0 ? flight->queue[0] : NULL;
}

void flight_retire(struct flight *flight, struct tally *tally)
{
    const struct tally *ran = &flight->queue[0]->batch.ran;
    tally->rows_read += ran->rows_read;
    tally->commands_sent += ran->commands_sent;
    tally->messages_published += ran->messages_published;
    flight_drop(flight, flight->queue[0]);
    flight->queued--;
    memmove(flight->queue, flight->queue + 1, flight->queued * sizeof(struct flight_batch *));
}

/* ---- how much at once -------------------------------------------------------------------- */

/* A larger batch keeps Redis busy for longer. */
void flight_begin_step(struct flight *flight, int64_t rows, bool is_fixed)
{
    growth_begin(&flight->growth, rows, is_fixed || flight_measures(flight));
    throttle_begin(&flight->throttle, rows, is_fixed);
}

int64_t flight_batch_rows(const struct flight *flight)
{
    return flight_measures(flight) ? flight->throttle.rows : flight->growth.rows;
}

bool flight_measures(const struct flight *flight)
{
    return flight->throttle.limit_us > 0;
}

/* ---- sending ---------------------------------------------------------------------------- */

static int send_part(struct flight *flight, enum flight_part part, struct flight_batch *batch,
                     struct error *err)
{
    static const char exec[] = "*1\r\n$4\r\nEXEC\r\n";
    static const char discard[] = "*1\r\n$7\r\nDISCARD\r\n";
    const char *bytes = part == FLIGHT_EXEC ? exec : discard;
    size_t length = strlen(bytes);
    size_t commands = 1;
    if (part == FLIGHT_BODY) {
        bytes = batch->batch.bytes.bytes;
        length = batch->batch.bytes.length;
        commands = FENCE_FRAME + batch->batch.commands + batch->extra;
    }
    if (pipeline_send(flight->pipeline, bytes, length, commands, err) != 0) return -1;
    flight->due[flight->due_count++] = (struct flight_due){part, batch};
    return 0;
}

static int send_body(struct flight *flight, struct flight_batch *batch, struct error *err)
{
    batch_expect(&batch->batch);
    batch->sight = FENCE_GONE;
    batch->is_bare = batch->is_void = batch->is_mislaid = false;
    if (send_part(flight, FLIGHT_BODY, batch, err) != 0) return -1;
    batch->state = FLIGHT_SENT;
    return 1;
}

int flight_send(struct flight *flight, struct error *err)
{
    size_t at = flight->queued > 0 && flight->queue[0]->state == FLIGHT_EXECUTING ? 1 : 0;
    if (at >= flight->queued || flight->queue[at]->state != FLIGHT_CLOSED) return 0;
    return send_body(flight, flight->queue[at], err);
}

int flight_execute(struct flight *flight, struct error *err)
{
    struct flight_batch *oldest = flight->queue[0];
    /* A queue that is full, of however few, keeps rows waiting as well. */
    oldest->is_followed = flight->queued >= WANTED || flight_is_full(flight);
    oldest->left_ns = clock_monotonic();
    if (send_part(flight, FLIGHT_EXEC, oldest, err) != 0) return -1;
    oldest->state = FLIGHT_EXECUTING;
    return 0;
}

/* What is there already came while nobody looked, and there is no telling when. */
static int look_first(struct flight *flight, int64_t *timeout_ms, struct error *err)
{
    const size_t due = flight->due_count;
    flight->is_waiting = false;
    if (pipeline_pump(flight->pipeline, -1, 0, err) < 0) return -1;
    flight->looked_ns = clock_monotonic();
    flight->is_waiting = true;
    if (flight->due_count != due) *timeout_ms = 0;
    return 0;
}

int flight_pump(struct flight *flight, int descriptor, int64_t timeout_ms, struct error *err)
{
    if (flight_measures(flight) && look_first(flight, &timeout_ms, err) != 0) return -1;
    if (flight_measures(flight) && descriptor < 0 && timeout_ms == 0) return 0;
    return pipeline_pump(flight->pipeline, descriptor, timeout_ms, err);
}

static void forget_sent(struct flight *flight)
{
    flight->due_count = 0;
    for (size_t i = 0; i < flight->queued; i++) {
        if (flight->queue[i]->state != FLIGHT_ANSWERED) flight->queue[i]->state = FLIGHT_CLOSED;
    }
}

int flight_abandon(struct flight *flight, struct error *err)
{
    for (size_t i = 0; i < flight->queued; i++) {
        const enum flight_state state = flight->queue[i]->state;
        if ((state == FLIGHT_SENT || state == FLIGHT_OPEN || state == FLIGHT_HELD) &&
            send_part(flight, FLIGHT_DISCARD, NULL, err) != 0)
            return -1;
    }
    if (pipeline_drain(flight->pipeline, err) != 0) return -1;
    forget_sent(flight);
    return 0;
}

void flight_disconnect(struct flight *flight)
{
    pipeline_free(flight->pipeline);
    flight->pipeline = NULL;
    forget_sent(flight);
}

/* ---- answers ---------------------------------------------------------------------------- */

/* The index-th answer to the frame. */
static void take_frame(struct flight *flight, struct flight_batch *batch, size_t index,
                       const struct reply *reply)
{
    if (index == FENCE_FRAME - 1) {
        batch->is_bare = !reply_is_status(reply, "OK");
        batch_take_multi(&batch->batch, reply);
    } else if (index == FENCE_FRAME - 2) {
        if (reply->type == REPLY_ERROR)
            batch_blame(&batch->batch, reply, "HGET");
        else
            batch->sight = fence_see(flight->fence, reply);
    } else if (!reply_is_status(reply, "OK")) {
        batch_blame(&batch->batch, reply, "WATCH");
    }
}

/* An answer to what a body holds. Returns whether it was the last one. */
static bool take_body(struct flight *flight, struct flight_batch *batch,
                      const struct reply *reply)
{
    struct batch *rows = &batch->batch;
    const size_t at = rows->replies++;
    if (at < FENCE_FRAME)
        take_frame(flight, batch, at, reply);
    else if (at < FENCE_FRAME + rows->commands)
        batch_take_queued(rows, at - FENCE_FRAME, reply);
    else if (!reply_is_status(reply, "QUEUED"))
        batch_blame(rows, reply, "HSET");
    if (at + 1 == FENCE_FRAME) {
        batch->state = FLIGHT_OPEN;
        crash_point("batch opened");
    }
    if (at + 1 < FENCE_FRAME + rows->commands + batch->extra) return false;
    batch->queued_ns = clock_monotonic();
    if (batch->state == FLIGHT_OPEN) batch->state = FLIGHT_HELD;
    crash_point("batch queued");
    return true;
}

/* The last answer to the body left the server half a round trip before it was seen, and EXEC
 * came there half a round trip after it left: in between the server was idle. */
static void note_growth(struct flight *flight, const struct flight_batch *batch)
{
    const int64_t took_ns = clock_monotonic() - batch->left_ns;
    const int64_t least_ns = (int64_t)batch->batch.rows * GROWTH_LEAST_NS;
    if (took_ns > least_ns) connection_note_round_trip(flight->connection, took_ns - least_ns);
    const int64_t trip_us = round_trip_us(flight);
    const int64_t idle_us = (batch->left_ns - batch->queued_ns) / NS_PER_US + trip_us;
    const struct growth_sign sign = {
        .rows = (int64_t)batch->batch.rows,
        .is_followed = batch->is_followed,
        .idle_us = idle_us,
        .took_us = took_ns / NS_PER_US,
        .round_trip_us = trip_us,
    };
    growth_note(&flight->growth, &sign);
}

/* Its last elements are the last of its items too, unless they are what they should not be. */
static bool is_mislaid(const struct flight_batch *batch, const struct reply *reply)
{
    if (reply->type != REPLY_ARRAY) return false;
    for (size_t i = 1; i <= batch->extra && i < reply->span; i++)
        if (reply[reply->span - i].type != REPLY_INTEGER) return true;
    return false;
}

/* It was not there when the wire was last looked at; and where that is waited for, it is seen
 * as it comes. */
static void note_latency(struct flight *flight, const struct flight_batch *batch)
{
    const int64_t most_ns = clock_monotonic() - batch->left_ns;
    const int64_t looked_ns = flight->looked_ns - batch->left_ns;
    const int64_t least_ns = flight->is_waiting ? most_ns : looked_ns > 0 ? looked_ns : 0;
    throttle_note(&flight->throttle, least_ns / NS_PER_US, most_ns / NS_PER_US);
}

static void take_exec(struct flight *flight, struct flight_batch *batch,
                      const struct reply *reply)
{
    batch->state = FLIGHT_ANSWERED;
    note_growth(flight, batch);
    if (flight_measures(flight)) note_latency(flight, batch);
    batch->is_void = reply->type == REPLY_NIL;
    if (batch->is_void) return;
    batch_take_exec(&batch->batch, reply, batch->extra);
    batch->is_mislaid = is_mislaid(batch, reply);
}

static int take(void *context, const struct reply *reply, struct error *err)
{
    struct flight *flight = context;
    const struct flight_due due = flight->due[0];
    (void)err;
    if (due.part == FLIGHT_BODY && !take_body(flight, due.batch, reply)) return 0;
    if (due.part == FLIGHT_EXEC) take_exec(flight, due.batch, reply);
    flight->due_count--;
    memmove(flight->due, flight->due + 1, flight->due_count * sizeof *flight->due);
    return 0;
}

int flight_connect(struct flight *flight, struct error *err)
{
    return pipeline_new(&flight->pipeline, flight->connection, take, flight, err);
}
