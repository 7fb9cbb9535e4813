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
 *     checkpoint say whether the last batch ran: what the old connection still delivers is
 * void;
 *   - whatever does not fit stops the sink for good.
 *
 * What a checkpoint means for the run, and whether the run is still the ledger's, is asked
 * through two callbacks; nothing here knows SQL.
 */
#include "sink_fenced.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "buffer.h"
#include "checkpoint.h"
#include "command.h"
#include "connection.h"
#include "error.h"
#include "fence.h"
#include "flight.h"
#include "migration.h"
#include "resp.h"
#include "sink.h"

enum { MOST_LOSSES = 3, PUTS_PER_PUMP = 32 };

/* A place where the checkpoint stands, with a cursor of its own. */
struct place {
    int64_t step;
    bool has_cursor;
    struct buffer cursor;
    struct tally tally;
};

struct fenced {
    struct sink sink; /* first: a struct sink * is a struct fenced * */
    struct sink_fenced_options options;
    struct fence *fence;
    struct flight flight;
    struct sink_step step;
    bool is_repeatable;        /* all commands of the step are idempotent */
    int64_t rows;              /* put in this step, dropped ones not counted */
    struct flight_batch *open; /* being filled, or NULL */
    struct place known;        /* up to where all has run and was clean */
    struct place closed;       /* where the checkpoint stands once all that is closed has run */
    bool is_settled;           /* no array is unread at known */
    struct checkpoint opening;
    int losses; /* of the connection, in a row, with the same batch */
    unsigned puts;
    bool failed;
    bool went_back;
    struct error failure;
};

/* ---- places ----------------------------------------------------------------------------- */

static struct checkpoint_mark mark_of(struct place *place)
{
    return (struct checkpoint_mark){
        .step = place->step,
        .cursor = place->has_cursor ? buffer_text(&place->cursor) : NULL,
        .tally = place->tally,
    };
}

/* mark's texts are not place's own. Returns 0 or -1 with err (no memory). */
static int set_place(struct place *place, const struct checkpoint_mark *mark, struct error *err)
{
    buffer_clear(&place->cursor);
    place->step = mark->step;
    place->has_cursor = mark->cursor != NULL;
    if (mark->cursor != NULL) buffer_append_text(&place->cursor, mark->cursor);
    place->tally = mark->tally;
    return buffer_text(&place->cursor) == NULL ? error_memory(err) : 0;
}

/* Where the checkpoint stands once batch ran. */
static struct checkpoint_mark mark_behind(struct flight_batch *batch)
{
    return (struct checkpoint_mark){
        .step = batch->batch.step->step->number,
        .cursor = batch->batch.has_cursor ? buffer_text(&batch->batch.cursor) : NULL,
        .tally = batch->after,
    };
}

/* ---- failing ---------------------------------------------------------------------------- */

static int check(const struct fenced *self, struct error *err)
{
    if (!self->failed) return 0;
    *err = self->failure;
    return -1;
}

static void count(struct fenced *self, const struct tally *ran)
{
    self->sink.tally.rows_read += ran->rows_read;
    self->sink.tally.commands_sent += ran->commands_sent;
    self->sink.tally.messages_published += ran->messages_published;
}

/* Remember err for good, and leave no transaction open. Returns -1. */
static int fail(struct fenced *self, const struct error *err)
{
    struct error ignored = {0};
    struct flight *flight = &self->flight;
    self->failure = *err;
    self->failed = true;
    if (flight->pipeline != NULL && connection_check(self->options.connection, &ignored) == 0)
        (void)flight_abandon(flight, &ignored);
    while (flight->queued > 0) {
        count(self, &flight->queue[0]->batch.ran);
        flight_retire(flight);
    }
    return -1;
}

/* The checkpoint is not where it can be. Returns -1 with err. */
static int fail_behind(struct fenced *self, struct error *err)
{
    const struct checkpoint *found = fence_checkpoint(self->fence);
    (void)error_set(err, ERROR_REDIS_UNREACHABLE,
                    "Redis came back with another checkpoint: step %" PRId64 ", %" PRId64
                    " rows instead of step %" PRId64 ", %" PRId64 " rows; go on from there",
                    found->step, found->tally.rows_read, self->known.step,
                    self->known.tally.rows_read);
    err->passing = true;
    self->went_back = true;
    return fail(self, err);
}

/* ---- a new connection ------------------------------------------------------------------- */

/* Take the fence on a new connection. Returns 0, or -1 with err. */
static int retake(struct fenced *self, struct error *err)
{
    flight_disconnect(&self->flight);
    if (fence_retake(self->fence, err) != 0 || flight_connect(&self->flight, err) != 0)
        return fail(self, err);
    return 0;
}

/* Whether err is about a connection that was lost, and may be had anew. */
static bool is_cut(const struct fenced *self, const struct error *err)
{
    struct error ignored = {0};
    return err->code == ERROR_REDIS_UNREACHABLE &&
           connection_check(self->options.connection, &ignored) != 0;
}

/* The connection was lost with err, with something on its way. Returns 0 where it may be had
 * anew, or -1 with err. */
static int lose(struct fenced *self, struct error *err)
{
    if (!is_cut(self, err)) return fail(self, err);
    if (++self->losses < MOST_LOSSES) return 0;
    (void)error_prefix(
        err, "the connection was lost %d times in a row with the same batch: ", MOST_LOSSES);
    return fail(self, err);
}

/* The oldest batch ran, and its array was never read. */
static int settle_unread(struct fenced *self, struct flight_batch *batch, struct error *err)
{
    if (self->is_repeatable) return 0; /* it is sent again */
    (void)error_set(err, ERROR_OPERATOR,
                    "%zu commands ran, but their answers were lost with the connection",
                    batch->batch.commands);
    return fail(self, err);
}

/* The fence is held anew: what has run of that which was in flight? The rest is sent again. */
static int locate(struct fenced *self, struct error *err)
{
    const struct checkpoint *found = fence_checkpoint(self->fence);
    struct flight_batch *oldest = flight_oldest(&self->flight);
    const struct checkpoint_mark before = mark_of(&self->known);
    if (checkpoint_is_at(found, &before)) return 0;
    if (oldest != NULL) {
        const struct checkpoint_mark behind = mark_behind(oldest);
        if (checkpoint_is_at(found, &behind)) return settle_unread(self, oldest, err);
    }
    return fail_behind(self, err);
}

/* What a call of the flight returned; where it lost the connection, 0 on a new one. */
static int mend(struct fenced *self, int result, struct error *err)
{
    const struct flight_batch *oldest = flight_oldest(&self->flight);
    if (result >= 0) return result;
    if (check(self, err) != 0) return -1;
    if (oldest != NULL && oldest->state != FLIGHT_CLOSED) {
        if (lose(self, err) != 0) return -1;
    } else if (!is_cut(self, err)) {
        return fail(self, err);
    }
    return retake(self, err) == 0 && locate(self, err) == 0 ? 0 : -1;
}

/* Somebody changed the checkpoint: another run, which ends it; or it is gone, and what that
 * means is asked when the fence is taken again. */
static int settle_change(struct fenced *self, struct error *err)
{
    if (flight_abandon(&self->flight, err) != 0 || fence_lost(self->fence, err) != 0)
        return mend(self, -1, err);
    return retake(self, err) == 0 && locate(self, err) == 0 ? 0 : -1;
}

/* ---- transactions of our own ------------------------------------------------------------ */

/* Everything up to mark has run and was clean. Returns 0, or -1 with err. */
static int believe(struct fenced *self, const struct checkpoint_mark *mark, struct error *err)
{
    if (set_place(&self->known, mark, err) != 0) return fail(self, err);
    self->sink.cursor = mark_of(&self->known).cursor;
    self->losses = 0;
    fence_calm(self->fence);
    return 0;
}

/* What became of work, which did not run for certain. Returns 0 where it is to be done (again)
 * behind a fence taken anew, or -1 with err. */
static int settle_work(struct fenced *self, enum fence_verdict verdict,
                       const struct fence_work *work, struct error *err)
{
    if (verdict == FENCE_REFUSED)
        return fence_wait(self->fence, work->is_short, err) == 0 ? retake(self, err)
                                                                 : fail(self, err);
    if (verdict == FENCE_CHANGED) {
        if (fence_lost(self->fence, err) == 0) return retake(self, err);
        return lose(self, err) == 0 ? retake(self, err) : -1;
    }
    if (verdict == FENCE_CUT) return lose(self, err) == 0 ? retake(self, err) : -1;
    return fail(self, err);
}

/* Run commands that lead the checkpoint from one mark to the other, and that may run twice.
 * Nothing is in flight. Returns 0, or -1 with err. */
static int move(struct fenced *self, struct fence_work *work,
                const struct checkpoint_mark *from, const struct checkpoint_mark *to,
                struct error *err)
{
    const struct checkpoint *found = fence_checkpoint(self->fence);
    for (;;) {
        const enum fence_verdict verdict = fence_execute(self->fence, work, err);
        if (verdict == FENCE_RAN) return believe(self, to, err);
        if (settle_work(self, verdict, work, err) != 0) return -1;
        if (!checkpoint_is_at(found, from) && !checkpoint_is_at(found, to))
            return fail_behind(self, err);
    }
}

/* Move the checkpoint to a mark, cursor and seen included, while nothing is in flight. */
static int move_to(struct fenced *self, const struct checkpoint_mark *from,
                   const struct checkpoint_mark *to, struct error *err)
{
    struct buffer commands = {0};
    struct fence_work work = {0};
    work.commands = checkpoint_append_mark(&commands, fence_key(self->fence), to);
    work.bytes = commands.bytes;
    work.length = commands.length;
    int result =
        buffer_failed(&commands) ? error_memory(err) : move(self, &work, from, to, err);
    buffer_release(&commands);
    return result;
}

/* ---- commands that failed --------------------------------------------------------------- */

/* The commands of batch that failed, in RESP, into failed; and what is left of tally. */
static void pick_failed(const struct fenced *self, const struct flight_batch *batch,
                        struct buffer *failed, struct tally *tally)
{
    const struct batch *rows = &batch->batch;
    const struct step *step = rows->step->step;
    const size_t *next = (const size_t *)(const void *)rows->failures.bytes;
    const size_t *end = next + rows->failures.length / sizeof *next;
    struct resp resp = {rows->bytes.bytes + self->flight.frame.length,
                        batch->rows_end - self->flight.frame.length};
    struct resp_command command;
    for (size_t i = 0; next < end && resp_next(&resp, &command); i++) {
        if (i != *next) continue;
        next++;
        buffer_append(failed, command.bytes, command.length);
        if (step->commands[i % step->command_count].is_publish)
            tally->messages_published--;
        else
            tally->commands_sent--;
    }
}

/* Keep them, to be sent again before anything else. */
static int keep_failed(struct fenced *self, struct flight_batch *batch, struct error *err)
{
    const struct checkpoint_mark from = mark_behind(batch);
    struct checkpoint_mark to = from;
    struct buffer failed = {0};
    struct buffer commands = {0};
    int result = 0;
    pick_failed(self, batch, &failed, &to.tally);
    to.seen = to.cursor;
    checkpoint_append_failed(&commands, fence_key(self->fence), failed.bytes, failed.length,
                             false);
    size_t count_of_marks = checkpoint_append_mark(&commands, fence_key(self->fence), &to);
    struct fence_work work = {
        .bytes = commands.bytes, .length = commands.length, .commands = 1 + count_of_marks};
    if (failed.failed || buffer_failed(&commands) || batch->batch.failures.failed)
        result = error_memory(err);
    else
        result = move(self, &work, &from, &to, err);
    buffer_release(&failed);
    buffer_release(&commands);
    return result;
}

/* Set the checkpoint back to where all was clean, so that the batch runs again. */
static int set_back(struct fenced *self, struct flight_batch *batch, struct error *err)
{
    const struct checkpoint_mark from = mark_behind(batch);
    struct buffer cursor = {0};
    struct checkpoint_mark to = mark_of(&self->known);
    if (to.cursor != NULL) {
        buffer_append_text(&cursor, to.cursor);
        to.cursor = buffer_text(&cursor);
    }
    to.step = from.step;
    to.seen = to.cursor;
    int result = buffer_failed(&cursor) ? error_memory(err) : move_to(self, &from, &to, err);
    buffer_release(&cursor);
    return result;
}

/* The oldest batch ran, but for some of its commands. Without a cursor there is no place to go
 * on from, and the step starts over anyway. Returns -1 with err. */
static int settle_failed(struct fenced *self, struct flight_batch *batch, struct error *err)
{
    const struct error why = batch->batch.error;
    int kept = flight_abandon(&self->flight, err);
    if (kept != 0 && lose(self, err) == 0) kept = retake(self, err);
    if (kept == 0 && self->is_repeatable)
        kept = set_back(self, batch, err);
    else if (kept == 0 && batch->batch.has_cursor)
        kept = keep_failed(self, batch, err);
    /* Other than that, what failed first is what is to be mended. */
    if (kept != 0 && (self->went_back || err->code == ERROR_OPERATOR)) return -1;
    self->failed = false;
    *err = why;
    return fail(self, err);
}

/* ---- settling --------------------------------------------------------------------------- */

/* The oldest batch is clean: count it, and believe its cursor. */
static int retire(struct fenced *self, struct flight_batch *batch, struct error *err)
{
    const struct checkpoint_mark behind = mark_behind(batch);
    if (believe(self, &behind, err) != 0) return -1;
    self->is_settled = true;
    count(self, &batch->batch.ran);
    flight_retire(&self->flight);
    return 1;
}

/* The oldest batch did not run. Where that may pass, wait, and send it again: on a new
 * connection where this server is no primary any more. */
static int settle_refused(struct fenced *self, struct flight_batch *batch, struct error *err)
{
    const struct batch *rows = &batch->batch;
    const bool is_read_only = rows->is_read_only;
    *err = rows->error;
    if (batch->is_bare) {
        err->code = ERROR_OPERATOR;
        (void)error_prefix(err, "some of its commands may have run outside a transaction: ");
    }
    if (rows->verdict == BATCH_FAILED) return fail(self, err);
    const bool is_short = rows->trouble == REPLY_SHORT;
    batch->state = batch->state == FLIGHT_ANSWERED ? FLIGHT_CLOSED : batch->state;
    struct error lost = {0};
    if (flight_abandon(&self->flight, &lost) != 0) return mend(self, -1, &lost) == 0 ? 1 : -1;
    if (fence_wait(self->fence, is_short, err) != 0) return fail(self, err);
    if (is_read_only && (retake(self, err) != 0 || locate(self, err) != 0)) return -1;
    return 1;
}

/* The oldest batch's body is answered: EXEC, or not. */
static int settle_held(struct fenced *self, struct flight_batch *batch, struct error *err)
{
    if (batch->batch.error.code != ERROR_NONE) {
        batch_give_up(&batch->batch);
        return settle_refused(self, batch, err);
    }
    if (batch->sight != FENCE_OWN) return settle_change(self, err) == 0 ? 1 : -1;
    return mend(self, flight_execute(&self->flight, err), err) == 0 ? 1 : -1;
}

/* The oldest batch's EXEC is answered. */
static int settle_answered(struct fenced *self, struct flight_batch *batch, struct error *err)
{
    if (batch->is_void) {
        batch->state = FLIGHT_CLOSED;
        return settle_change(self, err) == 0 ? 1 : -1;
    }
    if (batch->is_mislaid) {
        (void)error_set(err, ERROR_OPERATOR, "the batch ran, but its checkpoint failed: '%s'",
                        fence_key(self->fence));
        return fail(self, err);
    }
    if (batch->batch.verdict == BATCH_CLEAN) return retire(self, batch, err);
    if (batch->batch.failures.length > 0) return settle_failed(self, batch, err);
    return settle_refused(self, batch, err);
}

/* One thing that can be done now, if there is one. Returns 1: it was done; 0: only waiting
 * helps; -1 with err. */
static int settle_one(struct fenced *self, struct error *err)
{
    struct flight_batch *oldest = flight_oldest(&self->flight);
    if (oldest == NULL) return 0;
    if (oldest->state == FLIGHT_ANSWERED) return settle_answered(self, oldest, err);
    if (oldest->state == FLIGHT_HELD) return settle_held(self, oldest, err);
    int sent = flight_send(&self->flight, err);
    return sent < 0 ? mend(self, sent, err) : sent;
}

/* Do all that can be done now. Returns whether there was anything (1 or 0), or -1 with err. */
static int settle(struct fenced *self, struct error *err)
{
    int any = 0;
    for (;;) {
        int done = settle_one(self, err);
        if (done < 0) return -1;
        if (done == 0) return any;
        any = 1;
    }
}

/* Let the wire move, and do what that allows, until it has nothing more to say. Returns as
 * pipeline_pump(). */
static int pump(struct fenced *self, int descriptor, int64_t timeout_ms, struct error *err)
{
    int ready = 0;
    int settled = 0;
    if (check(self, err) != 0) return -1;
    do {
        int now = mend(self, flight_pump(&self->flight, descriptor, timeout_ms, err), err);
        if (now < 0) return -1;
        if (now > 0) ready = 1;
        settled = settle(self, err);
        /* What was settled is to be written as well, but not to be waited for. */
        descriptor = -1;
        timeout_ms = 0;
    } while (settled > 0);
    return settled < 0 ? -1 : ready;
}

/* ---- the table -------------------------------------------------------------------------- */

/* Whether rows of this step may follow where the checkpoint stands. */
static int check_place(const struct fenced *self, const struct step *step, struct error *err)
{
    if (!self->known.has_cursor || (self->known.step == step->number && self->is_settled))
        return 0;
    return error_set(
        err, ERROR_FAILED, "the checkpoint stands in step %" PRId64 "%s: step %d cannot begin",
        self->known.step, self->is_settled ? "" : ", whose last answers were not read",
        step->number);
}

static int fenced_begin(struct sink *sink, const struct sink_step *step, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (check(self, err) != 0) return -1;
    sink->ops->drop_batch(sink);
    if (self->flight.queued > 0)
        return error_set(err, ERROR_FAILED, "a step is not flushed yet");
    if (check_place(self, step->step, err) != 0) return -1;
    self->step = *step;
    self->is_repeatable = step_is_idempotent(step->step);
    self->rows = 0;
    sink->cursor = NULL;
    struct checkpoint_mark mark = mark_of(&self->known);
    mark.step = step->step->number;
    return set_place(&self->closed, &mark, err);
}

static int fenced_put(struct sink *sink, const struct row *row, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (check(self, err) != 0) return -1;
    /* An EXEC that waits for somebody to look keeps the server idle. */
    if (++self->puts % PUTS_PER_PUMP == 0 && self->flight.queued > 0 &&
        pump(self, -1, 0, err) < 0)
        return -1;
    if (self->open == NULL)
        self->open = flight_begin(&self->flight, &self->step, self->rows + 1);
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
    struct checkpoint_mark mark = mark_of(&self->closed);
    mark.seen = mark.cursor;
    mark.cursor = cursor;
    if (step->read != NULL) mark.tally.rows_read += rows;
    mark.tally.commands_sent += rows * (int64_t)step->write_count;
    mark.tally.messages_published += rows * (int64_t)(step->command_count - step->write_count);

    batch->after = mark.tally;
    batch->rows_end = batch->batch.bytes.length;
    checkpoint_append_move(&batch->batch.bytes, fence_key(self->fence), &mark);
    if (batch_close(&batch->batch, cursor, err) != 0) return fail(self, err);
    return set_place(&self->closed, &mark, err) == 0 ? 0 : fail(self, err);
}

static int fenced_close_batch(struct sink *sink, const char *cursor, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (check(self, err) != 0) return -1;
    if (self->open == NULL || self->open->batch.rows == 0) return 0;

    /* The one batch of a step without a source is known by a cursor too. */
    if (self->step.step->read == NULL && cursor == NULL) cursor = "[]";
    while (self->flight.queued == FLIGHT_QUEUE) {
        if (pump(self, -1, -1, err) < 0) return -1;
    }
    if (seal(self, cursor, err) != 0) return -1;
    flight_push(&self->flight, self->open);
    self->open = NULL;
    if (settle(self, err) < 0) return -1;
    return pump(self, -1, 0, err) < 0 ? -1 : 0;
}

static void fenced_drop_batch(struct sink *sink)
{
    struct fenced *self = (struct fenced *)sink;
    if (self->open == NULL) return;
    self->rows -= (int64_t)self->open->batch.rows;
    flight_drop(&self->flight, self->open);
    self->open = NULL;
}

static int fenced_wait(struct sink *sink, int descriptor, int64_t timeout_ms, struct error *err)
{
    return pump((struct fenced *)sink, descriptor, timeout_ms, err);
}

static int fenced_flush(struct sink *sink, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (check(self, err) != 0) return -1;
    while (self->flight.queued > 0) {
        if (pump(self, -1, -1, err) < 0) return -1;
    }
    return 0;
}

static void fenced_close(struct sink *sink)
{
    struct fenced *self = (struct fenced *)sink;
    const struct flight_batch *oldest = flight_oldest(&self->flight);
    struct error ignored = {0};
    /* The connection lives on, and must not do so inside a transaction. */
    if (oldest != NULL && oldest->state == FLIGHT_HELD)
        (void)flight_abandon(&self->flight, &ignored);
    flight_release(&self->flight);
    fence_free(self->fence);
    checkpoint_release(&self->opening);
    buffer_release(&self->known.cursor);
    buffer_release(&self->closed.cursor);
    free(self);
}

static const struct sink_ops fenced_ops = {
    .begin = fenced_begin,
    .put = fenced_put,
    .full = fenced_full,
    .close_batch = fenced_close_batch,
    .drop_batch = fenced_drop_batch,
    .wait = fenced_wait,
    .flush = fenced_flush,
    .close = fenced_close,
};

/* ---- beside the rows -------------------------------------------------------------------- */

/* Stand where the checkpoint stood when the fence was taken. */
static int stand(struct fenced *self, struct error *err)
{
    checkpoint_release(&self->opening);
    if (checkpoint_copy(&self->opening, fence_checkpoint(self->fence), err) != 0) return -1;
    const struct checkpoint_mark mark = {.step = self->opening.step,
                                         .cursor = self->opening.cursor,
                                         .tally = self->opening.tally};
    self->is_settled = checkpoint_is_settled(&self->opening);
    return set_place(&self->known, &mark, err);
}

int sink_fenced_open(struct sink **out, const struct sink_fenced_options *options,
                     struct error *err)
{
    struct fenced *self = calloc(1, sizeof *self);
    if (self == NULL) return error_memory(err);
    self->sink.ops = &fenced_ops;
    self->options = *options;
    if (fence_new(&self->fence, &self->options, err) != 0 ||
        flight_init(&self->flight, self->fence, options->connection, err) != 0 ||
        fence_take(self->fence, err) != 0 || stand(self, err) != 0) {
        fenced_close(&self->sink);
        return -1;
    }
    fence_calm(self->fence);
    *out = &self->sink;
    return 0;
}

const struct checkpoint *sink_fenced_checkpoint(const struct sink *sink)
{
    return &((const struct fenced *)sink)->opening;
}

/* Nothing of a step may be on its way. */
static int check_idle(const struct fenced *self, struct error *err)
{
    if (check(self, err) != 0) return -1;
    if (self->flight.queued == 0 && self->open == NULL) return 0;
    return error_set(err, ERROR_FAILED, "batches are still in flight");
}

int sink_fenced_end_step(struct sink *sink, int64_t next_step, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (check_idle(self, err) != 0) return -1;
    const struct checkpoint_mark from = mark_of(&self->known);
    const struct checkpoint_mark to = {.step = next_step, .tally = self->known.tally};
    if (move_to(self, &from, &to, err) != 0) return -1;
    self->is_settled = true;
    return 0;
}

int sink_fenced_set_position(struct sink *sink, const char *cursor, const char *seen,
                             struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (check_idle(self, err) != 0) return -1;
    const struct checkpoint_mark from = mark_of(&self->known);
    const struct checkpoint_mark to = {
        .step = self->known.step, .cursor = cursor, .seen = seen, .tally = self->known.tally};
    if (move_to(self, &from, &to, err) != 0) return -1;
    self->is_settled = cursor == NULL || (seen != NULL && strcmp(cursor, seen) == 0);
    return 0;
}

/* What became of a finish that did not run for certain. Returns 1: it is done; 0: to be tried
 * again; -1 with err. */
static int settle_finish(struct fenced *self, enum fence_verdict verdict,
                         struct fence_work *work, bool *is_doubtful, struct error *err)
{
    if (verdict == FENCE_CUT) {
        /* It may have run; then the checkpoint is gone. */
        *is_doubtful = *is_doubtful || work->was_sent;
        return fence_reopen(self->fence, err);
    }
    if (verdict == FENCE_REFUSED)
        return fence_wait(self->fence, work->is_short, err) == 0
                   ? fence_reopen(self->fence, err)
                   : -1;
    if (verdict != FENCE_CHANGED) return -1;
    if (work->sight == FENCE_OTHER) return fence_lost(self->fence, err) == 0 ? 0 : -1;
    if (work->was_sent || work->sight != FENCE_GONE)
        return fence_wait(self->fence, false, err); /* void: look again */
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
    command_append_texts(&all, 2, (const char *const[]){"DEL", fence_key(self->fence)});
    struct fence_work work = {.bytes = all.bytes,
                              .length = all.length,
                              .commands = commands + 1,
                              .accepted = FENCE_OWN | FENCE_EARLIER};
    if (buffer_failed(&all)) done = error_memory(err);
    while (done == 0) {
        const enum fence_verdict verdict = fence_execute(self->fence, &work, err);
        done =
            verdict == FENCE_RAN ? 1 : settle_finish(self, verdict, &work, &is_doubtful, err);
    }
    buffer_release(&all);
    if (done < 0) return fail(self, err);
    fence_calm(self->fence);
    return 0;
}

bool sink_fenced_went_back(const struct sink *sink)
{
    return ((const struct fenced *)sink)->went_back;
}

int sink_fenced_go_back(struct sink *sink, struct error *err)
{
    struct fenced *self = (struct fenced *)sink;
    if (!self->went_back) return check(self, err);
    sink->ops->drop_batch(sink);
    self->failed = self->went_back = false;
    self->losses = 0;
    sink->cursor = NULL;
    return stand(self, err) == 0 ? 0 : fail(self, err);
}
