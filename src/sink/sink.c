/*
 * The front of all sinks.
 *
 * A step is carried the same way whether its batches are fenced, streamed, or only shown; so
 * whoever carries it calls these, and the driver's table decides. What one driver needs and
 * another does not is said where it is opened, never here.
 */
#include "sink.h"

int sink_begin(struct sink *sink, const struct sink_step *step, struct error *err)
{
    return sink->ops->begin(sink, step, err);
}

int sink_put(struct sink *sink, const struct row *row, struct error *err)
{
    return sink->ops->put(sink, row, err);
}

bool sink_full(const struct sink *sink)
{
    return sink->ops->full(sink);
}

int64_t sink_batch_rows(const struct sink *sink)
{
    return sink->batch_rows;
}

const struct throttle *sink_throttle(const struct sink *sink)
{
    return sink->throttle;
}

int sink_close_batch(struct sink *sink, const char *cursor, struct error *err)
{
    return sink->ops->close_batch(sink, cursor, err);
}

bool sink_has_room(const struct sink *sink)
{
    return sink->ops->has_room(sink);
}

bool sink_is_flushed(const struct sink *sink)
{
    return sink->ops->is_flushed(sink);
}

void sink_drop_batch(struct sink *sink)
{
    sink->ops->drop_batch(sink);
}

int sink_wait(struct sink *sink, int descriptor, int64_t timeout_ms, struct error *err)
{
    return sink->ops->wait(sink, descriptor, timeout_ms, err);
}

int sink_flush(struct sink *sink, struct error *err)
{
    return sink->ops->flush(sink, err);
}

const struct tally *sink_tally(const struct sink *sink)
{
    return &sink->tally;
}

void sink_recount(struct sink *sink, const struct tally *more)
{
    sink->tally.rows_read += more->rows_read;
    sink->tally.commands_sent += more->commands_sent;
    sink->tally.messages_published += more->messages_published;
}

const char *sink_cursor(const struct sink *sink)
{
    return sink->cursor;
}

void sink_close(struct sink *sink)
{
    if (sink != NULL) sink->ops->close(sink);
}
