/*
 * Commands in flight.
 *
 * Sending and answering overlap: a pump writes until the wire is full, reads until it is empty,
 * and only then waits for either. A client that wrote everything first would stop for good once
 * both sides' buffers are full of what the other does not read. Bytes are written from where
 * they were rendered, several spans with one call. What a reply means is not known here, and
 * nothing is sent again.
 */
#include "pipeline.h"

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "clock.h"
#include "connection.h"
#include "crash.h"
#include "error.h"
#include "reply.h"
#include "stop.h"

enum { FIRST_SPANS = 16 };

struct pipeline {
    struct connection *connection;
    pipeline_take take;
    void *context;
    int64_t patience_ms;
    int64_t due_ms;  /* when an answer became due that was not before */
    int64_t sent_ns; /* when what is answered next was sent to an idle wire; 0: it was not */
    size_t unanswered;
    struct iovec *spans; /* what is still to be written: spans[first] to spans[last - 1] */
    size_t first;
    size_t last;
    size_t capacity;
};

int pipeline_new(struct pipeline **out, struct connection *connection, pipeline_take take,
                 void *context, struct error *err)
{
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    struct iovec *spans = calloc(FIRST_SPANS, sizeof *spans);
    if (pipeline == NULL || spans == NULL) {
        free(pipeline);
        free(spans);
        return error_memory(err);
    }
    *pipeline = (struct pipeline){.connection = connection,
                                  .take = take,
                                  .context = context,
                                  .patience_ms = PIPELINE_PATIENCE_MS,
                                  .spans = spans,
                                  .capacity = FIRST_SPANS};
    *out = pipeline;
    return 0;
}

/* Whether something was sent, or is to be, that is not done with. */
static bool is_in_flight(const struct pipeline *pipeline)
{
    return pipeline->unanswered > 0 || pipeline->last > pipeline->first;
}

void pipeline_free(struct pipeline *pipeline)
{
    if (pipeline == NULL) return;
    if (is_in_flight(pipeline)) {
        struct error forgotten = {0};
        (void)error_set(&forgotten, ERROR_REDIS_UNREACHABLE,
                        "the connection was given up with %zu answers still to come",
                        pipeline->unanswered);
        (void)connection_break(pipeline->connection, &forgotten);
    }
    free(pipeline->spans);
    free(pipeline);
}

void pipeline_set_patience(struct pipeline *pipeline, int64_t patience_ms)
{
    pipeline->patience_ms = patience_ms;
}

size_t pipeline_unwritten(const struct pipeline *pipeline)
{
    return pipeline->last - pipeline->first;
}

size_t pipeline_unanswered(const struct pipeline *pipeline)
{
    return pipeline->unanswered;
}

/* ---- sending ---------------------------------------------------------------------------- */

/* Make room for one more span: in front, where written ones were, or by growing. */
static int make_room(struct pipeline *pipeline, struct error *err)
{
    if (pipeline->last < pipeline->capacity) return 0;
    if (pipeline->first > pipeline->capacity / 2) {
        size_t count = pipeline->last - pipeline->first;
        memmove(pipeline->spans, pipeline->spans + pipeline->first,
                count * sizeof *pipeline->spans);
        pipeline->first = 0;
        pipeline->last = count;
        return 0;
    }
    size_t capacity = pipeline->capacity * 2;
    struct iovec *spans = realloc(pipeline->spans, capacity * sizeof *spans);
    if (spans == NULL) return error_memory(err);
    pipeline->spans = spans;
    pipeline->capacity = capacity;
    return 0;
}

int pipeline_send(struct pipeline *pipeline, const char *bytes, size_t length, size_t commands,
                  struct error *err)
{
    if (length == 0) return 0;
    if (make_room(pipeline, err) != 0) return -1;
    /* An iovec cannot say that it is only read from. */
    pipeline->spans[pipeline->last++] =
        (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    if (pipeline->unanswered == 0) {
        pipeline->due_ms = clock_monotonic_ms();
        pipeline->sent_ns = clock_monotonic();
    }
    pipeline->unanswered += commands;
    return 0;
}

/* ---- pumping ---------------------------------------------------------------------------- */

static void forget_written(struct pipeline *pipeline, size_t written)
{
    while (written > 0) {
        struct iovec *span = &pipeline->spans[pipeline->first];
        size_t part = written < span->iov_len ? written : span->iov_len;
        span->iov_base = (char *)span->iov_base + part;
        span->iov_len -= part;
        written -= part;
        if (span->iov_len == 0) pipeline->first++;
    }
    if (pipeline->first == pipeline->last) pipeline->first = pipeline->last = 0;
}

static int write_some(struct pipeline *pipeline, bool *moved, struct error *err)
{
    while (pipeline->first < pipeline->last) {
        size_t count = pipeline->last - pipeline->first;
        ssize_t written =
            connection_write(pipeline->connection, pipeline->spans + pipeline->first,
                             (int)(count < 16 ? count : 16), err);
        if (written <= 0) return (int)written;
        forget_written(pipeline, (size_t)written);
        *moved = true;
    }
    return 0;
}

static int refuse_unasked(struct pipeline *pipeline, const struct reply *reply,
                          struct error *err)
{
    bool is_text = reply->type == REPLY_ERROR || reply->type == REPLY_STATUS;
    (void)error_set(err, ERROR_REDIS_UNREACHABLE, "an answer that nobody asked for%s%s",
                    is_text ? ": " : "", is_text ? reply->text : "");
    return connection_break(pipeline->connection, err);
}

static void note_round_trip(struct pipeline *pipeline)
{
    if (pipeline->sent_ns != 0)
        connection_note_round_trip(pipeline->connection, clock_monotonic() - pipeline->sent_ns);
    pipeline->sent_ns = 0;
}

static int take_some(struct pipeline *pipeline, bool *moved, struct error *err)
{
    for (;;) {
        const struct reply *reply = NULL;
        int got = connection_receive(pipeline->connection, &reply, err);
        if (got <= 0) return got;
        if (pipeline->unanswered == 0) return refuse_unasked(pipeline, reply, err);
        note_round_trip(pipeline);
        pipeline->unanswered--;
        *moved = true;
        if (pipeline->take(pipeline->context, reply, err) != 0) return -1;
    }
}

static int move(struct pipeline *pipeline, bool *moved, struct error *err)
{
    if (connection_check(pipeline->connection, err) != 0) return -1;
    if (write_some(pipeline, moved, err) != 0) return -1;
    if (*moved) crash_point("requests written");
    return take_some(pipeline, moved, err);
}

/* How long the wire may still keep still, in milliseconds; negative: no limit. */
static int64_t patience_left(const struct pipeline *pipeline)
{
    int64_t moved_ms = connection_moved_ms(pipeline->connection);
    if (pipeline->unanswered == 0) return -1;
    if (moved_ms < pipeline->due_ms) moved_ms = pipeline->due_ms;
    int64_t left = moved_ms + pipeline->patience_ms - clock_monotonic_ms();
    return left < 0 ? 0 : left;
}

static int give_up(struct pipeline *pipeline, struct error *err)
{
    (void)error_set(err, ERROR_REDIS_UNREACHABLE,
                    "the server has been silent for %lld ms with %zu answers still to come",
                    (long long)pipeline->patience_ms, pipeline->unanswered);
    err->passing = true;
    return connection_break(pipeline->connection, err);
}

/* Wait for the wire or descriptor, and let the wire move if it can then. */
static int wait_and_move(struct pipeline *pipeline, int descriptor, int64_t timeout_ms,
                         struct error *err)
{
    struct stop_poll polls[] = {
        connection_poll(pipeline->connection, pipeline_unwritten(pipeline) > 0),
        {.descriptor = descriptor, .events = POLLIN},
    };
    int64_t patience_ms = patience_left(pipeline);
    bool impatient = patience_ms >= 0 && (timeout_ms < 0 || patience_ms <= timeout_ms);
    bool moved = false;

    int ready = stop_wait(connection_stop(pipeline->connection), polls, 2,
                          impatient ? patience_ms : timeout_ms, false, err);
    if (ready < 0) {
        return is_in_flight(pipeline) ? connection_break(pipeline->connection, err) : -1;
    }
    if (ready == 0 && impatient) return give_up(pipeline, err);
    if (polls[0].revents != 0 && move(pipeline, &moved, err) != 0) return -1;
    return polls[1].revents != 0 ? 1 : 0;
}

int pipeline_pump(struct pipeline *pipeline, int descriptor, int64_t timeout_ms,
                  struct error *err)
{
    bool moved = false;
    if (move(pipeline, &moved, err) != 0) return -1;
    if (moved) timeout_ms = 0;
    if (descriptor < 0 && (timeout_ms == 0 || (timeout_ms < 0 && !is_in_flight(pipeline))))
        return 0;
    return wait_and_move(pipeline, descriptor, timeout_ms, err);
}

int pipeline_drain(struct pipeline *pipeline, struct error *err)
{
    while (is_in_flight(pipeline)) {
        if (pipeline_pump(pipeline, -1, -1, err) < 0) return -1;
    }
    return 0;
}
