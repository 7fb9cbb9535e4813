/*
 * The sink that shows what would be sent: `plan` and --dry-run.
 *
 * It encodes each batch as the others do and then reads the commands back from the bytes, so
 * that what it shows cannot differ from what is sent. It has nothing to wait for and nothing to
 * lose, which makes it the shortest account of what a driver has to offer.
 */
#include "sink_print.h"

#include <stdlib.h>

#include "batch.h"
#include "command.h"
#include "command_line.h"
#include "error.h"
#include "migration.h"
#include "resp.h"
#include "row_key.h"
#include "sink.h"

struct sink_print {
    struct sink sink;
    sink_print_fn show;
    void *context;
    struct batch batch;
    struct buffer cursor; /* of the last batch that was shown */
    struct buffer text;   /* the command being shown, and its row's key */
    struct buffer key;
};

static int begin(struct sink *base, const struct sink_step *step, struct error *err)
{
    struct sink_print *sink = (struct sink_print *)base;
    (void)err;
    batch_begin(&sink->batch, step, 1);
    base->cursor = NULL;
    base->batch_rows = step->batch;
    return 0;
}

static int put(struct sink *base, const struct row *row, struct error *err)
{
    return batch_put(&((struct sink_print *)base)->batch, row, err);
}

static bool full(const struct sink *base)
{
    return ((const struct sink_print *)base)->batch.bytes.length >= MIGRATION_BATCH_BYTES;
}

/* Begin the batch that comes behind this one. */
static void begin_next(struct sink_print *sink)
{
    const struct batch *batch = &sink->batch;
    batch_begin(&sink->batch, batch->step, batch->first_row + (int64_t)batch->rows);
}

static void drop_batch(struct sink *base)
{
    struct sink_print *sink = (struct sink_print *)base;
    batch_begin(&sink->batch, sink->batch.step, sink->batch.first_row);
}

/* Show the index-th command of the batch. */
static int show_command(struct sink_print *sink, size_t index, struct resp_command *resp,
                        struct error *err)
{
    const struct sink_step *step = sink->batch.step;
    const size_t row = index / step->step->command_count;
    struct resp_argument argument;
    buffer_clear(&sink->text);
    buffer_clear(&sink->key);
    while (resp_argument(resp, &argument)) {
        if (sink->text.length > 0) buffer_append_char(&sink->text, ' ');
        command_line_append(&sink->text, argument.bytes, argument.length);
    }
    if (step->key_count > 0) row_key_append_logged(&sink->key, step, &sink->batch.keys, row);
    const struct sink_print_line line = {
        .row = sink->batch.first_row + (int64_t)row,
        .key = step->key_count > 0 ? buffer_text(&sink->key) : NULL,
        .command = &step->step->commands[index % step->step->command_count],
        .text = buffer_text(&sink->text),
    };
    if (line.text == NULL || buffer_failed(&sink->key)) return error_memory(err);
    if (line.command->is_publish)
        sink->sink.tally.messages_published++;
    else
        sink->sink.tally.commands_sent++;
    return sink->show(sink->context, &line, err);
}

static int close_batch(struct sink *base, const char *cursor, struct error *err)
{
    struct sink_print *sink = (struct sink_print *)base;
    struct batch *batch = &sink->batch;
    struct resp resp;
    struct resp_command command;
    if (batch->rows == 0) return 0;
    if (batch_close(batch, cursor, err) != 0) return -1;
    resp = (struct resp){batch->bytes.bytes, batch->bytes.length};
    for (size_t i = 0; resp_next(&resp, &command); i++)
        if (show_command(sink, i, &command, err) != 0) return -1;
    if (batch->step->step->read != NULL) base->tally.rows_read += (int64_t)batch->rows;
    buffer_clear(&sink->cursor);
    if (cursor != NULL) buffer_append_text(&sink->cursor, cursor);
    base->cursor = cursor != NULL ? buffer_text(&sink->cursor) : NULL;
    if (buffer_failed(&sink->cursor)) return error_memory(err);
    begin_next(sink);
    return 0;
}

/* Nothing is ever under way. */
static int flush(struct sink *base, struct error *err)
{
    (void)base;
    (void)err;
    return 0;
}

static int wait(struct sink *base, int descriptor, int64_t timeout_ms, struct error *err)
{
    (void)base;
    (void)err;
    (void)timeout_ms;
    return descriptor >= 0;
}

static void close_sink(struct sink *base)
{
    struct sink_print *sink = (struct sink_print *)base;
    batch_release(&sink->batch);
    buffer_release(&sink->cursor);
    buffer_release(&sink->text);
    buffer_release(&sink->key);
    free(sink);
}

static const struct sink_ops print_ops = {
    .begin = begin,
    .put = put,
    .full = full,
    .close_batch = close_batch,
    .drop_batch = drop_batch,
    .wait = wait,
    .flush = flush,
    .close = close_sink,
};

int sink_print_open(struct sink **out, sink_print_fn show, void *context, struct error *err)
{
    struct sink_print *sink = calloc(1, sizeof *sink);
    *out = NULL;
    if (sink == NULL) return error_memory(err);
    sink->sink.ops = &print_ops;
    sink->show = show;
    sink->context = context;
    *out = &sink->sink;
    return 0;
}
