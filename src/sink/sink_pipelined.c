/*
 * At least once, as fast as the wire allows.
 *
 * Batches leave without waiting for the answers to those before them. So when one is refused as
 * a whole (out of memory, still loading), those behind it may have run already. All answers are
 * then waited for before anything is sent again, and what is sent again goes in order:
 *
 *   - where every command of the step is idempotent, the refused batch and all that stood
 *     behind it, so that the last row to write a key is also the last one to have written it;
 *   - otherwise only the batches that were refused: what has run must not run twice, and that
 *     later rows overtook earlier ones is the lesser evil.
 *
 * A batch counts, and its cursor is believed, when it and all before it are clean. What has run
 * only in part is never sent again, and nothing survives the connection: that takes the
 * checkpoint of sink_fenced.
 */
#include "sink_pipelined.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "clock.h"
#include "command.h"
#include "connection.h"
#include "migration.h"
#include "number.h"
#include "pipeline.h"
#include "reply.h"
#include "sink.h"
#include "stop.h"

enum {
    MOST_IN_FLIGHT = 8,
    MOST_BYTES_IN_FLIGHT = 4 * 1024 * 1024,
    BATCHES = MOST_IN_FLIGHT + 1, /* and the open one */
    SHORT_RETRY_MS = 2000,
    FIRST_BACKOFF_MS = 50,
    MOST_BACKOFF_MS = 1000
};

struct pipelined {
    struct sink sink; /* first: a struct sink * is a struct pipelined * */
    struct connection *connection;
    struct pipeline *pipeline;
    int64_t retry_for_ms;
    struct sink_step step;
    bool is_repeatable; /* all commands of the step are idempotent */
    int64_t rows;       /* put in this step, dropped ones not counted */

    struct batch batches[BATCHES];
    struct batch *spare[BATCHES]; /* a stack, so that few batches grow large */
    size_t spare_count;
    struct batch *open;                  /* being filled, or NULL */
    struct batch *queue[MOST_IN_FLIGHT]; /* closed, oldest first; not yet known to be clean */
    size_t queued;
    size_t queued_bytes;
    size_t answering; /* the one in the queue whose answers come now */

    struct buffer cursor;
    int64_t refused_ms; /* since when the oldest one is refused; 0: it is not */
    struct clock_backoff backoff;
    bool failed;
    struct error failure;
};

/* ---- failing ---- */

static int check(const struct pipelined *self, struct error *err)
{
    if (!self->failed) return 0;
    *err = self->failure;
    return -1;
}

static void give_back(struct pipelined *self, struct batch *batch)
{
    self->spare[self->spare_count++] = batch;
}

/* Remember err for good; what has run is counted, wherever it stood. Returns -1. */
static int fail(struct pipelined *self, const struct error *err)
{
    for (size_t i = 0; i < self->queued; i++) {
        const struct tally *ran = &self->queue[i]->ran;
        self->sink.tally.rows_read += ran->rows_read;
        self->sink.tally.commands_sent += ran->commands_sent;
        self->sink.tally.messages_published += ran->messages_published;
        give_back(self, self->queue[i]);
    }
    self->queued = 0;
    self->queued_bytes = 0;
    self->failure = *err;
    self->failed = true;
    return -1;
}

/* The oldest batch failed. Those behind it are on the wire: their answers are read as well. */
static int fail_oldest(struct pipelined *self, struct error *err)
{
    struct error ignored = {0};
    *err = self->queue[0]->error;
    (void)pipeline_drain(self->pipeline, &ignored);
    return fail(self, err);
}

/* ---- sending ---- */

static void frame(struct batch *batch, const char *name)
{
    command_append_texts(&batch->bytes, 1, &name);
}

static size_t first_due(const struct pipelined *self)
{
    size_t at = 0;
    while (at < self->queued && self->queue[at]->verdict != BATCH_DUE) at++;
    return at;
}

static int take(void *context, const struct reply *reply, struct error *err)
{
    struct pipelined *self = context;
    struct batch *batch = self->queue[self->answering];
    size_t at = batch->replies++;
    (void)err;

    if (at == 0) {
        batch_take_multi(batch, reply);
    } else if (at <= batch->commands) {
        batch_take_queued(batch, at - 1, reply);
    } else {
        batch_take_exec(batch, reply, 0);
        self->answering = first_due(self);
    }
    return 0;
}

static int send_batch(struct pipelined *self, struct batch *batch, struct error *err)
{
    batch_expect(batch);
    return pipeline_send(self->pipeline, batch->bytes.bytes, batch->bytes.length,
                         batch->commands + 2, err);
}

/* ---- sending again ---- */

static int64_t retry_ms(const struct pipelined *self, const struct batch *batch)
{
    return batch->trouble == REPLY_SHORT ? SHORT_RETRY_MS : self->retry_for_ms;
}

/* Fail with what the oldest batch was last told. */
static int tried_enough(struct pipelined *self, int64_t tried_ms, struct error *err)
{
    char duration[32];
    *err = self->queue[0]->error;
    if (tried_ms >= 1000) tried_ms -= tried_ms % 1000;
    (void)number_duration_text(tried_ms, duration);
    (void)error_set(err, err->code, "%s (tried again for %s)", self->queue[0]->error.message,
                    duration);
    return fail(self, err);
}

/* Wait a while, and where this server is no primary any more, find who is. */
static int back_off(struct pipelined *self, const struct batch *oldest, struct error *err)
{
    const struct stop *stop = connection_stop(self->connection);
    for (;;) {
        int64_t tried_ms = clock_monotonic_ms() - self->refused_ms;
        if (tried_ms >= retry_ms(self, oldest)) return tried_enough(self, tried_ms, err);
        if (stop_sleep(stop, clock_backoff_next(&self->backoff), err) != 0)
            return fail(self, err);
        if (!oldest->is_read_only || connection_reopen(self->connection, err) == 0) return 0;
        if (!err->passing) return fail(self, err);
    }
}

/* The oldest batch was refused: see the paragraph at the top. */
static int send_again(struct pipelined *self, struct error *err)
{
    struct batch *oldest = self->queue[0];
    if (pipeline_drain(self->pipeline, err) != 0) return fail(self, err);
    if (self->refused_ms == 0) self->refused_ms = clock_monotonic_ms();
    if (back_off(self, oldest, err) != 0) return -1;

    for (size_t i = 0; i < self->queued; i++) {
        struct batch *batch = self->queue[i];
        if (!self->is_repeatable && batch->verdict != BATCH_REFUSED) continue;
        if (send_batch(self, batch, err) != 0) return fail(self, err);
    }
    self->answering = first_due(self);
    return 0;
}

/* ---- settling ---- */

/* The oldest batch is clean: count it, and believe its cursor. */
static void retire(struct pipelined *self)
{
    struct batch *batch = self->queue[0];
    struct tally *tally = &self->sink.tally;
    tally->rows_read += batch->ran.rows_read;
    tally->commands_sent += batch->ran.commands_sent;
    tally->messages_published += batch->ran.messages_published;
    if (batch->has_cursor) {
        struct buffer cursor = self->cursor;
        self->cursor = batch->cursor;
        batch->cursor = cursor;
        self->sink.cursor = buffer_text(&self->cursor);
    }
    self->queued--;
    self->queued_bytes -= batch->bytes.length;
    memmove(self->queue, self->queue + 1, self->queued * sizeof(struct batch *));
    self->answering = first_due(self);
    self->refused_ms = 0;
    self->backoff.next_ms = 0;
    give_back(self, batch);
}

/* Act on the verdicts that are there. Returns 0 or -1 with err. */
static int settle(struct pipelined *self, struct error *err)
{
    while (self->queued > 0) {
        switch (self->queue[0]->verdict) {
        case BATCH_DUE:
            return 0;
        case BATCH_CLEAN:
            retire(self);
            break;
        case BATCH_REFUSED:
            return send_again(self, err);
        case BATCH_FAILED:
            return fail_oldest(self, err);
        }
    }
    return 0;
}

/* Let the wire move and settle what it brought. Returns as pipeline_pump(). */
static int pump(struct pipelined *self, int descriptor, int64_t timeout_ms, struct error *err)
{
    if (check(self, err) != 0) return -1;
    int ready = pipeline_pump(self->pipeline, descriptor, timeout_ms, err);
    if (ready < 0) return fail(self, err);
    return settle(self, err) == 0 ? ready : -1;
}

/* ---- the table ---- */

static int pipelined_begin(struct sink *sink, const struct sink_step *step, struct error *err)
{
    struct pipelined *self = (struct pipelined *)sink;
    if (check(self, err) != 0) return -1;
    sink->ops->drop_batch(sink);
    self->step = *step;
    self->is_repeatable = step_is_idempotent(step->step);
    self->rows = 0;
    sink->cursor = NULL;
    sink->batch_rows = step->batch;
    return 0;
}

static int pipelined_put(struct sink *sink, const struct row *row, struct error *err)
{
    struct pipelined *self = (struct pipelined *)sink;
    if (check(self, err) != 0) return -1;
    if (self->open == NULL) {
        self->open = self->spare[--self->spare_count];
        batch_begin(self->open, &self->step, self->rows + 1);
        frame(self->open, "MULTI");
    }
    if (batch_put(self->open, row, err) != 0) return -1;
    self->rows++;
    return 0;
}

static bool pipelined_full(const struct sink *sink)
{
    const struct pipelined *self = (const struct pipelined *)sink;
    return self->open != NULL && self->open->bytes.length >= MIGRATION_BATCH_BYTES;
}

/* Whether there is room for length more bytes in flight. */
static bool has_room_for(const struct pipelined *self, size_t length)
{
    if (self->queued == MOST_IN_FLIGHT) return false;
    return self->queued == 0 || self->queued_bytes + length <= MOST_BYTES_IN_FLIGHT;
}

static bool pipelined_has_room(const struct sink *sink)
{
    const struct pipelined *self = (const struct pipelined *)sink;
    return has_room_for(self, self->open != NULL ? self->open->bytes.length : 0);
}

static int make_way(struct pipelined *self, size_t length, struct error *err)
{
    while (!has_room_for(self, length)) {
        if (pump(self, -1, -1, err) < 0) return -1;
    }
    return 0;
}

static int pipelined_close_batch(struct sink *sink, const char *cursor, struct error *err)
{
    struct pipelined *self = (struct pipelined *)sink;
    struct batch *batch = self->open;
    if (check(self, err) != 0) return -1;
    if (batch == NULL || batch->rows == 0) return 0;

    frame(batch, "EXEC");
    if (batch_close(batch, cursor, err) != 0) return fail(self, err);
    if (make_way(self, batch->bytes.length, err) != 0) return -1;
    self->open = NULL;
    self->queue[self->queued++] = batch;
    self->queued_bytes += batch->bytes.length;
    if (send_batch(self, batch, err) != 0) return fail(self, err);
    self->answering = first_due(self);
    return pump(self, -1, 0, err) < 0 ? -1 : 0;
}

static void pipelined_drop_batch(struct sink *sink)
{
    struct pipelined *self = (struct pipelined *)sink;
    if (self->open == NULL) return;
    self->rows -= (int64_t)self->open->rows;
    give_back(self, self->open);
    self->open = NULL;
}

static int pipelined_wait(struct sink *sink, int descriptor, int64_t timeout_ms,
                          struct error *err)
{
    return pump((struct pipelined *)sink, descriptor, timeout_ms, err);
}

static bool pipelined_is_flushed(const struct sink *sink)
{
    return ((const struct pipelined *)sink)->queued == 0;
}

static int pipelined_flush(struct sink *sink, struct error *err)
{
    struct pipelined *self = (struct pipelined *)sink;
    if (check(self, err) != 0) return -1;
    while (self->queued > 0) {
        if (pump(self, -1, -1, err) < 0) return -1;
    }
    return 0;
}

static void pipelined_close(struct sink *sink)
{
    struct pipelined *self = (struct pipelined *)sink;
    pipeline_free(self->pipeline);
    for (size_t i = 0; i < BATCHES; i++) batch_release(&self->batches[i]);
    buffer_release(&self->cursor);
    free(self);
}

static const struct sink_ops pipelined_ops = {
    .begin = pipelined_begin,
    .put = pipelined_put,
    .full = pipelined_full,
    .close_batch = pipelined_close_batch,
    .has_room = pipelined_has_room,
    .is_flushed = pipelined_is_flushed,
    .drop_batch = pipelined_drop_batch,
    .wait = pipelined_wait,
    .flush = pipelined_flush,
    .close = pipelined_close,
};

/* Behind a MULTI that is refused, commands would run at once and one by one. */
static int may_multi(struct connection *connection, struct error *err)
{
    const struct reply *reply = NULL;
    return connection_ask(connection, &reply, err, "MULTI", (const char *)NULL) == 0 &&
                   connection_ask(connection, &reply, err, "DISCARD", (const char *)NULL) == 0
               ? 0
               : -1;
}

int sink_pipelined_open(struct sink **out, struct connection *connection, int64_t retry_for_ms,
                        struct error *err)
{
    if (may_multi(connection, err) != 0) return -1;
    struct pipelined *self = calloc(1, sizeof *self);
    if (self == NULL) return error_memory(err);
    self->sink.ops = &pipelined_ops;
    self->connection = connection;
    self->retry_for_ms = retry_for_ms;
    self->backoff =
        (struct clock_backoff){.first_ms = FIRST_BACKOFF_MS, .most_ms = MOST_BACKOFF_MS};
    for (size_t i = BATCHES; i > 0; i--) give_back(self, &self->batches[i - 1]);

    if (pipeline_new(&self->pipeline, connection, take, self, err) != 0) {
        pipelined_close(&self->sink);
        return -1;
    }
    *out = &self->sink;
    return 0;
}
