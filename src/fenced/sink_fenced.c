/*
 * Exactly once.
 *
 * The checkpoint moves in the same transaction as the data, so what it says has happened has
 * happened, and nothing else has. Three rules make it safe to be killed, cut or suspended
 * anywhere:
 *
 *   - EXEC leaves only after the array of the EXEC before it was read, whole and clean, and its
 *     own WATCH, MULTI and HGET have answered: nothing overtakes a batch that was refused, and
 *     nothing is written behind a fence that is not ours;
 *   - after every loss of the connection the fence is taken anew, and only then does the
 *     checkpoint say whether the last batch ran: what the old connection brings is void;
 *   - whatever does not fit stops the sink for good.
 *
 * What a checkpoint means for the run, and whether the run is still the ledger's, is asked
 * through two callbacks; nothing here knows SQL.
 */
#include "sink_fenced.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "buffer.h"
#include "checkpoint.h"
#include "command.h"
#include "crash.h"
#include "delivery.h"
#include "error.h"
#include "fence.h"
#include "flight.h"
#include "migration.h"
#include "owed.h"
#include "resp.h"
#include "settle.h"
#include "sink.h"

enum { PUTS_PER_PUMP = 32, WAIT_TICK_MS = 250 };

struct fenced {
    struct sink sink; /* first: a struct sink * is a struct fenced * */
    struct delivery delivery;
    struct sink_step step;
    int64_t rows;                 /* put in this step, dropped ones not counted */
    struct flight_batch *open;    /* being filled, or NULL */
    struct delivery_place closed; /* where the checkpoint stands once all that is closed ran */
    struct checkpoint opening;
    unsigned puts;
};

/* ---- the table -------------------------------------------------------------------------- */

/* Whether rows of this step may follow where the checkpoint stands. */
static int check_place(const struct fenced *self, const struct step *step, struct error *err)
{
    if (!self->delivery.known.has_cursor ||
        (self->delivery.known.step == step->number && self->delivery.is_settled))
        return 0;
    return error_set(
        err, ERROR_FAILED, "the checkpoint stands in step %" PRId64 "%s: step %d cannot begin",
        self->delivery.known.step,
        self->delivery.is_settled ? "" : ", whose last answers were not read", step->number);
}

static int fenced_begin(struct sink *sink, const struct sink_step *step, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (delivery_check(&self->delivery, err) != 0) return -1;
    sink->ops->drop_batch(sink);
    if (self->delivery.flight.queued > 0)
        return error_set(err, ERROR_FAILED, "a step is not flushed yet");
    if (check_place(self, step->step, err) != 0) return -1;
    self->step = *step;
    flight_begin_step(&self->delivery.flight, step->batch, step->is_fixed);
    sink->batch_rows = flight_batch_rows(&self->delivery.flight);
    self->delivery.is_repeatable = step_is_idempotent(step->step);
    self->rows = 0;
    sink->cursor = NULL;
    struct checkpoint_mark mark = delivery_mark(&self->delivery.known);
    mark.step = step->step->number;
    return delivery_place_set(&self->closed, &mark, err);
}

static int fenced_put(struct sink *sink, const struct row *row, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (delivery_check(&self->delivery, err) != 0) return -1;
    /* An EXEC that waits for somebody to look keeps the server idle. */
    if (++self->puts % PUTS_PER_PUMP == 0 && self->delivery.flight.queued > 0 &&
        settle_pump(&self->delivery, -1, 0, err) < 0)
        return -1;
    if (self->open == NULL)
        self->open = flight_begin(&self->delivery.flight, &self->step, self->rows + 1);
    if (batch_put(&self->open->batch, row, err) != 0) return -1;
    self->rows++;
    return 0;
}

static bool fenced_full(const struct sink *sink)
{
    const struct fenced *self = (const struct fenced *)sink;
    return self->open != NULL && self->open->batch.bytes.length >= MIGRATION_BATCH_BYTES;
}

/* Append what moves the checkpoint behind the open batch. */
static int seal(struct fenced *self, const char *cursor, struct error *err)
{
    struct flight_batch *batch = self->open;
    const struct step *step = self->step.step;
    const int64_t rows = (int64_t)batch->batch.rows;
    struct checkpoint_mark mark = delivery_mark(&self->closed);
    mark.seen = mark.cursor;
    mark.cursor = cursor;
    if (step->read != NULL) mark.tally.rows_read += rows;
    mark.tally.commands_sent += rows * (int64_t)step->write_count;
    mark.tally.messages_published += rows * (int64_t)(step->command_count - step->write_count);

    /* A step without a key is always begun anew. */
    mark.again = cursor != NULL ? rows : self->rows;
    batch->ends_step = false;
    batch->step = mark.step;
    batch->after = mark.tally;
    batch->again = mark.again;
    batch->extra = 1;
    batch->rows_end = batch->batch.bytes.length;
    checkpoint_append_move(&batch->batch.bytes, fence_key(self->delivery.fence), &mark);
    if (batch_close(&batch->batch, cursor, err) != 0)
        return delivery_fail(&self->delivery, err);
    return delivery_place_set(&self->closed, &mark, err) == 0
               ? 0
               : delivery_fail(&self->delivery, err);
}

/* Wait until one more batch may be queued. Returns 0 or -1 with err. */
static int make_room(struct fenced *self, struct error *err)
{
    while (flight_is_full(&self->delivery.flight)) {
        if (settle_pump(&self->delivery, -1, -1, err) < 0) return -1;
    }
    return 0;
}

/* Queue the open batch, which is sealed, and send what may be sent. Returns 0 or -1 with err.
 */
static int push(struct fenced *self, struct error *err)
{
    flight_push(&self->delivery.flight, self->open);
    self->open = NULL;
    if (settle_all(&self->delivery, err) < 0) return -1;
    return settle_pump(&self->delivery, -1, 0, err) < 0 ? -1 : 0;
}

static int fenced_close_batch(struct sink *sink, const char *cursor, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (delivery_check(&self->delivery, err) != 0) return -1;
    if (self->open == NULL || self->open->batch.rows == 0) return 0;

    /* The one batch of a step without a source is known by a cursor too. */
    if (self->step.step->read == NULL && cursor == NULL) cursor = "[]";
    if (make_room(self, err) != 0 || seal(self, cursor, err) != 0 || push(self, err) != 0)
        return -1;
    sink->batch_rows = flight_batch_rows(&self->delivery.flight);
    return 0;
}

static bool fenced_has_room(const struct sink *sink)
{
    return !flight_is_full(&((const struct fenced *)sink)->delivery.flight);
}

static bool fenced_is_flushed(const struct sink *sink)
{
    return ((const struct fenced *)sink)->delivery.flight.queued == 0;
}

static void fenced_drop_batch(struct sink *sink)
{
    struct fenced *self = (struct fenced *)sink;
    if (self->open == NULL) return;
    self->rows -= (int64_t)self->open->batch.rows;
    flight_drop(&self->delivery.flight, self->open);
    self->open = NULL;
}

static int fenced_wait(struct sink *sink, int descriptor, int64_t timeout_ms, struct error *err)
{
    return settle_pump(&((struct fenced *)sink)->delivery, descriptor, timeout_ms, err);
}

static int fenced_flush(struct sink *sink, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (delivery_check(&self->delivery, err) != 0) return -1;
    while (self->delivery.flight.queued > 0) {
        if (settle_pump(&self->delivery, -1, -1, err) < 0) return -1;
    }
    return 0;
}

static void fenced_close(struct sink *sink)
{
    struct fenced *self = (struct fenced *)sink;
    delivery_release(&self->delivery);
    checkpoint_release(&self->opening);
    buffer_release(&self->closed.cursor);
    free(self);
}

static const struct sink_ops fenced_ops = {
    .begin = fenced_begin,
    .put = fenced_put,
    .full = fenced_full,
    .close_batch = fenced_close_batch,
    .has_room = fenced_has_room,
    .is_flushed = fenced_is_flushed,
    .drop_batch = fenced_drop_batch,
    .wait = fenced_wait,
    .flush = fenced_flush,
    .close = fenced_close,
};

/* ---- beside the rows -------------------------------------------------------------------- */

int sink_fenced_open(struct sink **out, const struct sink_fenced_options *options,
                     struct error *err)
{
    struct fenced *self = calloc(1, sizeof *self);
    if (self == NULL) return error_memory(err);
    self->sink.ops = &fenced_ops;
    self->sink.throttle = &self->delivery.flight.throttle;
    self->delivery.sink = &self->sink;
    if (delivery_open(&self->delivery, options, err) != 0 ||
        checkpoint_copy(&self->opening, fence_checkpoint(self->delivery.fence), err) != 0) {
        fenced_close(&self->sink);
        return -1;
    }
    *out = &self->sink;
    return 0;
}

const struct checkpoint *sink_fenced_checkpoint(const struct sink *sink)
{
    return &((const struct fenced *)sink)->opening;
}

struct tally sink_fenced_total(const struct sink *sink)
{
    return ((const struct fenced *)sink)->delivery.known.tally;
}

/* Nothing of a step may be on its way. */
static int check_idle(const struct fenced *self, struct error *err)
{
    if (delivery_check(&self->delivery, err) != 0) return -1;
    if (self->delivery.flight.queued == 0 && self->open == NULL) return 0;
    return error_set(err, ERROR_FAILED, "batches are still in flight");
}

int sink_fenced_check_unread(struct sink *sink, const char *bytes, size_t length,
                             size_t *unknown, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    const struct resp commands = {bytes, length};
    *unknown = SIZE_MAX;
    if (check_idle(self, err) != 0) return -1;
    if (self->delivery.is_settled) return 0;
    if (length == 0)
        return error_set(
            err, ERROR_OPERATOR,
            "whether the last batch failed cannot be told: its rows are gone; look at what "
            "is in Redis, then `redferry repair VERSION` begins anew");
    return owed_check(&self->delivery, &commands, unknown, err);
}

int sink_fenced_send_failed(struct sink *sink, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (check_idle(self, err) != 0) return -1;
    return owed_send(&self->delivery, err);
}

/* Fill the open batch with what moves the checkpoint to the beginning of next_step. */
static int seal_end(struct fenced *self, int64_t next_step, struct error *err)
{
    const struct delivery *delivery = &self->delivery;
    const struct delivery_place *last =
        delivery->flight.queued > 0 ? &self->closed : &delivery->known;
    const struct checkpoint_mark mark = {.step = next_step, .tally = last->tally};
    struct flight_batch *batch = self->open;
    batch->ends_step = true;
    batch->step = mark.step;
    batch->after = mark.tally;
    batch->again = mark.again;
    batch->rows_end = batch->batch.bytes.length;
    batch->extra =
        checkpoint_append_mark(&batch->batch.bytes, fence_key(delivery->fence), &mark);
    return batch_close(&batch->batch, NULL, err) == 0 ? 0 : delivery_fail(&self->delivery, err);
}

/* Wait until all is answered; the caller may use the time. Returns 0 or -1 with err. */
static int await_answers(struct fenced *self, struct error *err)
{
    const struct fence_options *options = &self->delivery.options.fence;
    while (self->delivery.flight.queued > 0) {
        if (settle_pump(&self->delivery, -1, WAIT_TICK_MS, err) < 0) return -1;
        if (options->waiting != NULL && options->waiting(options->context, NULL, err) != 0)
            return -1;
    }
    return 0;
}

/* It is streamed as any batch is: right behind the last one, its EXEC held back until that one
 * is known to be clean. */
int sink_fenced_end_step(struct sink *sink, int64_t next_step, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (delivery_check(&self->delivery, err) != 0) return -1;
    if (self->open != NULL) return error_set(err, ERROR_FAILED, "a batch is still open");
    if (make_room(self, err) != 0) return -1;
    self->open = flight_begin(&self->delivery.flight, &self->step, self->rows + 1);
    if (seal_end(self, next_step, err) != 0 || push(self, err) != 0 ||
        await_answers(self, err) != 0)
        return -1;
    crash_point("step closed");
    return 0;
}

int sink_fenced_set_position(struct sink *sink, const char *cursor, const char *seen,
                             struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (check_idle(self, err) != 0) return -1;
    const struct checkpoint_mark from = delivery_mark(&self->delivery.known);
    const struct checkpoint_mark to = {.step = self->delivery.known.step,
                                       .cursor = cursor,
                                       .seen = seen,
                                       .tally = self->delivery.known.tally,
                                       .again = cursor == NULL ? from.again : 0};
    if (delivery_move(&self->delivery, &from, &to, err) != 0) return -1;
    self->delivery.is_settled = cursor == NULL || (seen != NULL && strcmp(cursor, seen) == 0);
    crash_point("position set");
    return 0;
}

static int64_t less(int64_t number, int64_t by)
{
    return number > by ? number - by : 0;
}

int sink_fenced_repeat(struct sink *sink, const struct step *step, const char *seen,
                       struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (check_idle(self, err) != 0) return -1;
    const struct checkpoint_mark from = delivery_mark(&self->delivery.known);
    const int64_t writes = (int64_t)step->write_count;
    const int64_t messages = (int64_t)step->command_count - writes;
    const struct tally tally = {
        .rows_read = less(from.tally.rows_read, step->read != NULL ? from.again : 0),
        .commands_sent = less(from.tally.commands_sent, from.again * writes),
        .messages_published = less(from.tally.messages_published, from.again * messages),
    };
    const struct checkpoint_mark to = {
        .step = from.step, .cursor = seen, .seen = seen, .tally = tally};
    if (delivery_move(&self->delivery, &from, &to, err) != 0) return -1;
    self->delivery.is_settled = true;
    crash_point("position set");
    return 0;
}

/* What became of a finish that did not run for certain. Returns 1: it is done; 0: to be tried
 * again; -1 with err. */
static int settle_finish(struct fence *fence, enum fence_verdict verdict,
                         struct fence_work *work, bool *is_doubtful, struct error *err)
{
    if (verdict == FENCE_CUT) {
        /* It may have run; then the checkpoint is gone. */
        *is_doubtful = *is_doubtful || work->was_sent;
        return fence_reopen(fence, err);
    }
    if (verdict == FENCE_REFUSED)
        return fence_wait(fence, work->is_short, err) == 0 ? fence_reopen(fence, err) : -1;
    if (verdict != FENCE_CHANGED) return -1;
    if (work->sight == FENCE_OTHER) return fence_lost(fence, err) == 0 ? 0 : -1;
    if (work->was_sent || work->sight != FENCE_GONE)
        return fence_wait(fence, false, err); /* void: look again */
    if (*is_doubtful) return 1;
    /* Redis has lost it. The messages are still to be sent. */
    work->accepted |= FENCE_GONE;
    return 0;
}

int sink_fenced_finish(struct sink *sink, const char *bytes, size_t length, size_t commands,
                       struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    struct buffer all = {0};
    bool is_doubtful = false;
    int done = 0;
    if (check_idle(self, err) != 0) return -1;
    buffer_append(&all, bytes, length);
    command_append_texts(&all, 2,
                         (const char *const[]){"DEL", fence_key(self->delivery.fence)});
    struct fence_work work = {.bytes = all.bytes,
                              .length = all.length,
                              .commands = commands + 1,
                              .accepted = FENCE_OWN | FENCE_EARLIER};
    if (buffer_failed(&all)) done = error_memory(err);
    while (done == 0) {
        const enum fence_verdict verdict = fence_execute(self->delivery.fence, &work, err);
        done = verdict == FENCE_RAN
                   ? 1
                   : settle_finish(self->delivery.fence, verdict, &work, &is_doubtful, err);
    }
    buffer_release(&all);
    if (done < 0) return delivery_fail(&self->delivery, err);
    fence_calm(self->delivery.fence);
    return 0;
}

void sink_fenced_drop_unsent(struct sink *sink)
{
    struct fenced *self = (struct fenced *)sink;
    sink->ops->drop_batch(sink);
    flight_drop_unsent(&self->delivery.flight);
}

bool sink_fenced_went_back(const struct sink *sink)
{
    return ((const struct fenced *)sink)->delivery.went_back;
}

int sink_fenced_go_back(struct sink *sink, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    struct delivery *delivery = &self->delivery;
    if (!delivery->went_back) return delivery_check(delivery, err);
    sink->ops->drop_batch(sink);
    checkpoint_release(&self->opening);
    if (checkpoint_copy(&self->opening, fence_checkpoint(delivery->fence), err) != 0 ||
        delivery_stand(delivery, err) != 0)
        return -1;
    delivery->failed = delivery->went_back = false;
    delivery->losses = 0;
    return 0;
}
