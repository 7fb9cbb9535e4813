/*
 * A Redis connection: who we are, and single calls.
 *
 * An error that the wire had stays with the connection, so that whoever comes next learns the
 * first cause and not the last symptom. A connection that failed is closed at once: what its
 * server has not read by then, it shall not read later. Nothing is sent again here and nothing
 * is retried; that takes knowing what a command does, which upper floors do.
 */
#include "connection.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "buffer.h"
#include "clock.h"
#include "command.h"
#include "error.h"
#include "greeting.h"
#include "reply.h"
#include "stop.h"
#include "transport.h"
#include "url.h"

enum { INPUT_SIZE = 64 * 1024, MOST_ARGUMENTS = 32 };

struct connection {
    const struct url *url;
    const struct stop *stop;
    struct transport *transport; /* NULL once the wire failed */
    struct reply_reader *reader;
    struct buffer call; /* the commands of connection_call(), connection_call_all() */
    size_t said;        /* how much of it has left */
    int64_t called_ns;  /* when it was to leave; 0: it is answered already */
    int64_t moved_ms;
    int64_t round_trip_ns; /* the least that an answer took; 0: none yet */
    struct error failure;  /* why there is no transport */
    struct greeting greeting;
    bool introducing; /* nothing is in flight that a stop would have to wait for */
    bool drained;     /* the last read gave less than it could have */
    size_t input_at;  /* what the reader has not been fed yet */
    size_t input_end;
    char input[INPUT_SIZE];
};

/* ---- the wire --------------------------------------------------------------------------- */

int connection_check(const struct connection *connection, struct error *err)
{
    if (connection->transport != NULL) return 0;
    *err = connection->failure;
    return -1;
}

int connection_break(struct connection *connection, struct error *err)
{
    if (connection->transport == NULL) return connection_check(connection, err);
    transport_close(connection->transport);
    connection->transport = NULL;
    if (err->code == ERROR_REDIS_UNREACHABLE || err->code == ERROR_OPERATOR)
        (void)error_prefix(err, "'%s': ", connection->url->redacted);
    connection->failure = *err;
    return -1;
}

ssize_t connection_write(struct connection *connection, const struct iovec *spans, int count,
                         struct error *err)
{
    ssize_t written = transport_write(connection->transport, spans, count, err);
    if (written > 0) connection->moved_ms = clock_monotonic_ms();
    return written < 0 ? connection_break(connection, err) : written;
}

/* Read from the wire into the input, which is empty. Returns whether something came: 1, 0, or
 * -1 with err. */
static int refill(struct connection *connection, struct error *err)
{
    if (connection->drained) {
        connection->drained = false;
        return 0;
    }
    ssize_t got = transport_read(connection->transport, connection->input, INPUT_SIZE, err);
    if (got <= 0) return (int)got;
    connection->input_at = 0;
    connection->input_end = (size_t)got;
    connection->drained = got < INPUT_SIZE;
    connection->moved_ms = clock_monotonic_ms();
    return 1;
}

static int feed_slice(struct connection *connection, struct error *err)
{
    size_t length = connection->input_end - connection->input_at;
    if (length > REPLY_SLICE) length = REPLY_SLICE;
    const char *slice = connection->input + connection->input_at;
    connection->input_at += length;
    return reply_reader_feed(connection->reader, slice, length, err);
}

int connection_receive(struct connection *connection, const struct reply **reply,
                       struct error *err)
{
    if (connection_check(connection, err) != 0) return -1;
    for (;;) {
        int got = reply_reader_next(connection->reader, reply, err);
        if (got < 0) break;
        if (got > 0) return 1;

        if (connection->input_at == connection->input_end) {
            int refilled = refill(connection, err);
            if (refilled < 0) break;
            if (refilled == 0) return 0;
        }
        if (feed_slice(connection, err) != 0) break;
    }
    return connection_break(connection, err);
}

struct stop_poll connection_poll(const struct connection *connection, bool writing)
{
    return (struct stop_poll){
        .descriptor = transport_descriptor(connection->transport),
        .events = transport_events(connection->transport, writing),
    };
}

int64_t connection_round_trip(const struct connection *connection)
{
    return connection->round_trip_ns;
}

int64_t connection_moved_ms(const struct connection *connection)
{
    return connection->moved_ms;
}

const struct stop *connection_stop(const struct connection *connection)
{
    return connection->stop;
}

/* ---- single calls ----------------------------------------------------------------------- */

/* Wait until the wire can move. Returns 0 or -1 with err. */
static int await_wire(struct connection *connection, bool writing, struct error *err)
{
    struct stop_poll wire = connection_poll(connection, writing);
    int64_t quiet = clock_monotonic_ms() - connection->moved_ms;
    int64_t left = quiet < CONNECTION_TIMEOUT_MS ? CONNECTION_TIMEOUT_MS - quiet : 0;
    int ready = stop_wait(connection->stop, &wire, 1, left, connection->introducing, err);
    if (ready > 0) return 0;
    if (ready == 0) {
        (void)error_set(err, ERROR_REDIS_UNREACHABLE, "no answer for %d s",
                        CONNECTION_TIMEOUT_MS / 1000);
        err->passing = true;
    }
    return connection_break(connection, err);
}

void connection_note_round_trip(struct connection *connection, int64_t took_ns)
{
    if (connection->round_trip_ns == 0 || took_ns < connection->round_trip_ns)
        connection->round_trip_ns = took_ns;
}

/* Begin to send what is in connection->call. Returns 0, or -1 with err (no memory). */
static int begin_call(struct connection *connection, struct error *err)
{
    if (buffer_failed(&connection->call)) return error_memory(err);
    connection->said = 0;
    connection->called_ns = clock_monotonic();
    connection->moved_ms = clock_monotonic_ms();
    return 0;
}

/* Write what the wire takes of it. Returns 0, or -1 with err. */
static int say_some(struct connection *connection, struct error *err)
{
    const struct iovec rest = {.iov_base = connection->call.bytes + connection->said,
                               .iov_len = connection->call.length - connection->said};
    if (rest.iov_len == 0) return 0;
    const ssize_t written = transport_write(connection->transport, &rest, 1, err);
    if (written <= 0) return (int)written;
    connection->moved_ms = clock_monotonic_ms();
    connection->said += (size_t)written;
    return 0;
}

static void note_answer(struct connection *connection)
{
    if (connection->called_ns != 0)
        connection_note_round_trip(connection, clock_monotonic() - connection->called_ns);
    connection->called_ns = 0;
}

int connection_answer(struct connection *connection, const struct reply **reply,
                      struct error *err)
{
    if (connection_check(connection, err) != 0) return -1;
    for (;;) {
        struct error refused = {0};
        const int said = say_some(connection, &refused);
        const int got = connection_receive(connection, reply, err);
        if (got > 0) note_answer(connection);
        if (got != 0) return got > 0 ? 0 : -1;
        /* A server that hangs up on us may have said why before. */
        if (said < 0) {
            *err = refused;
            return connection_break(connection, err);
        }
        if (await_wire(connection, connection->said < connection->call.length, err) != 0)
            return -1;
    }
}

int connection_call_all(struct connection *connection, const char *bytes, size_t length,
                        struct error *err)
{
    if (connection_check(connection, err) != 0) return -1;
    buffer_clear(&connection->call);
    buffer_append(&connection->call, bytes, length);
    return begin_call(connection, err);
}

int connection_call(struct connection *connection, size_t count, const char *const *arguments,
                    const size_t *lengths, const struct reply **reply, struct error *err)
{
    if (connection_check(connection, err) != 0) return -1;
    buffer_clear(&connection->call);
    command_append(&connection->call, count, arguments, lengths);
    if (begin_call(connection, err) != 0) return -1;
    return connection_answer(connection, reply, err);
}

int connection_ask(struct connection *connection, const struct reply **reply, struct error *err,
                   ...)
{
    const char *arguments[MOST_ARGUMENTS];
    size_t lengths[MOST_ARGUMENTS];
    size_t count = 0;
    va_list texts;
    va_start(texts, err);
    for (const char *text = va_arg(texts, const char *); text != NULL && count < MOST_ARGUMENTS;
         text = va_arg(texts, const char *)) {
        lengths[count] = strlen(text);
        arguments[count++] = text;
    }
    va_end(texts);

    if (connection_call(connection, count, arguments, lengths, reply, err) != 0) return -1;
    return (*reply)->type == REPLY_ERROR ? reply_error(*reply, err) : 0;
}

/* ---- introducing ourselves -------------------------------------------------------------- */

static int introduce(struct connection *connection, struct error *err)
{
    struct greeting *greeting = &connection->greeting;
    buffer_clear(&connection->call);
    greeting_append(greeting, connection->url, &connection->call);
    if (begin_call(connection, err) != 0) return connection_break(connection, err);
    while (greeting_is_due(greeting)) {
        const struct reply *reply = NULL;
        if (connection_answer(connection, &reply, err) != 0) return -1;
        if (greeting_hear(greeting, connection->url, reply, err) != 0)
            return connection_break(connection, err);
    }
    return 0;
}

int connection_check_server(struct connection *connection, struct error *err)
{
    if (connection_check(connection, err) != 0) return -1;
    if (connection->greeting.unfit.code == ERROR_NONE) return 0;
    *err = connection->greeting.unfit;
    return error_prefix(err, "'%s': ", connection->url->redacted);
}

const char *connection_version(const struct connection *connection)
{
    return connection->greeting.version[0] == '\0' ? NULL : connection->greeting.version;
}

int connection_reopen(struct connection *connection, struct error *err)
{
    transport_close(connection->transport);
    connection->transport = NULL;
    reply_reader_free(connection->reader);
    connection->reader = NULL;
    connection->input_at = connection->input_end = 0;
    connection->drained = false;
    connection->greeting = (struct greeting){0};

    if (reply_reader_new(&connection->reader, err) != 0 ||
        transport_open(&connection->transport, connection->url, connection->stop,
                       CONNECTION_TIMEOUT_MS, err) != 0) {
        connection->failure = *err;
        return -1;
    }
    connection->introducing = true;
    int result = introduce(connection, err);
    connection->introducing = false;
    return result;
}

int connection_open(struct connection **out, const struct url *url, const struct stop *stop,
                    struct error *err)
{
    struct connection *connection = malloc(sizeof *connection);
    if (connection == NULL) return error_memory(err);
    connection->url = url;
    connection->stop = stop;
    connection->transport = NULL;
    connection->reader = NULL;
    connection->call = (struct buffer){0};
    connection->said = 0;
    connection->called_ns = 0;
    connection->round_trip_ns = 0;
    connection->failure = (struct error){0};
    connection->greeting = (struct greeting){0};
    connection->introducing = false;

    if (connection_reopen(connection, err) != 0) {
        connection_close(connection);
        return -1;
    }
    *out = connection;
    return 0;
}

void connection_close(struct connection *connection)
{
    if (connection == NULL) return;
    transport_close(connection->transport);
    reply_reader_free(connection->reader);
    buffer_release(&connection->call);
    free(connection);
}
