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
#include "number.h"
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
    struct buffer call; /* the command of connection_call() */
    int64_t moved_ms;
    int64_t round_trip_ns; /* the least that a single call took; 0: none yet */
    struct error failure;  /* why there is no transport */
    char version[32];
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
    if (err->code == ERROR_REDIS_UNREACHABLE)
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

static void note_round_trip(struct connection *connection, int64_t took_ns)
{
    if (connection->round_trip_ns == 0 || took_ns < connection->round_trip_ns)
        connection->round_trip_ns = took_ns;
}

/* Send what is in connection->call and wait for one reply. */
static int converse(struct connection *connection, const struct reply **reply,
                    struct error *err)
{
    struct iovec rest = {.iov_base = connection->call.bytes,
                         .iov_len = connection->call.length};
    const int64_t begun_ns = clock_monotonic();
    connection->moved_ms = clock_monotonic_ms();

    for (;;) {
        struct error refused = {0};
        ssize_t written = 0;
        if (rest.iov_len > 0)
            written = transport_write(connection->transport, &rest, 1, &refused);
        if (written > 0) {
            connection->moved_ms = clock_monotonic_ms();
            rest.iov_base = (char *)rest.iov_base + written;
            rest.iov_len -= (size_t)written;
        }
        int got = connection_receive(connection, reply, err);
        if (got > 0) note_round_trip(connection, clock_monotonic() - begun_ns);
        if (got != 0) return got > 0 ? 0 : -1;
        /* A server that hangs up on us may have said why before. */
        if (written < 0) {
            *err = refused;
            return connection_break(connection, err);
        }
        if (await_wire(connection, rest.iov_len > 0, err) != 0) return -1;
    }
}

int connection_call(struct connection *connection, size_t count, const char *const *arguments,
                    const size_t *lengths, const struct reply **reply, struct error *err)
{
    if (connection_check(connection, err) != 0) return -1;
    buffer_clear(&connection->call);
    command_append(&connection->call, count, arguments, lengths);
    if (buffer_failed(&connection->call)) return error_memory(err);
    return converse(connection, reply, err);
}

/* connection_call() from terminated texts. */
static int call_texts(struct connection *connection, size_t count, const char *const *arguments,
                      const struct reply **reply, struct error *err)
{
    size_t lengths[MOST_ARGUMENTS];
    for (size_t i = 0; i < count; i++) lengths[i] = strlen(arguments[i]);
    return connection_call(connection, count, arguments, lengths, reply, err);
}

int connection_ask(struct connection *connection, const struct reply **reply, struct error *err,
                   ...)
{
    const char *arguments[MOST_ARGUMENTS];
    size_t count = 0;
    va_list texts;
    va_start(texts, err);
    for (const char *text = va_arg(texts, const char *); text != NULL && count < MOST_ARGUMENTS;
         text = va_arg(texts, const char *))
        arguments[count++] = text;
    va_end(texts);

    if (call_texts(connection, count, arguments, reply, err) != 0) return -1;
    return (*reply)->type == REPLY_ERROR ? reply_error(*reply, err) : 0;
}

/* ---- introducing ourselves -------------------------------------------------------------- */

/* Put what the server refused in front of its own words, for a connection that cannot be used.
 */
static int refuse(struct connection *connection, const struct reply *reply, const char *what,
                  struct error *err)
{
    (void)reply_error(reply, err);
    (void)error_prefix(err, "%s: ", what);
    err->code = ERROR_REDIS_UNREACHABLE;
    err->passing = reply_trouble(reply) == REPLY_PASSING ||
                   strstr(reply->text, "max number of clients") != NULL;
    return connection_break(connection, err);
}

static int authenticate(struct connection *connection, struct error *err)
{
    const struct url *url = connection->url;
    const char *password = url->password == NULL ? "" : url->password;
    const char *with_user[] = {"AUTH", url->user, password};
    const char *without[] = {"AUTH", password};
    const struct reply *reply = NULL;
    if (url->user == NULL && url->password == NULL) return 0;

    if (call_texts(connection, url->user == NULL ? 2 : 3,
                   url->user == NULL ? without : with_user, &reply, err) != 0)
        return -1;
    if (reply->type != REPLY_ERROR) return 0;
    if (reply_trouble(reply) == REPLY_PASSING) return refuse(connection, reply, "AUTH", err);
    return refuse(connection, reply, "the server refused the password", err);
}

static int give_name(struct connection *connection, struct error *err)
{
    static const char *const arguments[] = {"CLIENT", "SETNAME", "redferry"};
    const struct reply *reply = NULL;
    if (call_texts(connection, 3, arguments, &reply, err) != 0) return -1;
    if (reply->type != REPLY_ERROR) return 0;
    if (reply_is_error(reply, "NOAUTH"))
        return refuse(connection, reply, "the server asks for a password", err);
    /* The name is a courtesy that an ACL may deny. */
    if (reply_is_error(reply, "NOPERM")) return 0;
    return refuse(connection, reply, "the server refused the connection", err);
}

static int select_database(struct connection *connection, struct error *err)
{
    char number[16];
    char what[64];
    const char *arguments[] = {"SELECT", number};
    const struct reply *reply = NULL;
    if (connection->url->database == 0) return 0;

    (void)snprintf(number, sizeof number, "%d", connection->url->database);
    (void)snprintf(what, sizeof what, "the server refused database %s", number);
    if (call_texts(connection, 2, arguments, &reply, err) != 0) return -1;
    return reply->type == REPLY_ERROR ? refuse(connection, reply, what, err) : 0;
}

/* What came before, a server also answers while it cannot serve. */
static int see_it_serve(struct connection *connection, struct error *err)
{
    static const char *const arguments[] = {"PING"};
    const struct reply *reply = NULL;
    if (call_texts(connection, 1, arguments, &reply, err) != 0) return -1;
    if (reply->type == REPLY_ERROR && reply_trouble(reply) == REPLY_PASSING)
        return refuse(connection, reply, "the server is not ready", err);
    return 0;
}

static int introduce(struct connection *connection, struct error *err)
{
    if (authenticate(connection, err) != 0 || give_name(connection, err) != 0 ||
        select_database(connection, err) != 0)
        return -1;
    return see_it_serve(connection, err);
}

int connection_reopen(struct connection *connection, struct error *err)
{
    transport_close(connection->transport);
    connection->transport = NULL;
    reply_reader_free(connection->reader);
    connection->reader = NULL;
    connection->input_at = connection->input_end = 0;
    connection->drained = false;

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
    connection->failure = (struct error){0};
    connection->version[0] = '\0';
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

/* ---- what kind of server ---------------------------------------------------------------- */

/* The value of a line "name:value" of INFO, copied to text. Returns whether there is one. */
static bool info_value(const struct reply *info, const char *name, char *text, size_t size)
{
    size_t length = strlen(name);
    const char *line = info->text;
    while (line != NULL && (strncmp(line, name, length) != 0 || line[length] != ':')) {
        line = strchr(line, '\n');
        if (line != NULL) line++;
    }
    if (line == NULL) return false;
    (void)snprintf(text, size, "%.*s", (int)strcspn(line + length + 1, "\r\n"),
                   line + length + 1);
    return true;
}

static bool is_too_old(const char *version)
{
    char *end = NULL;
    long major = strtol(version, &end, 10);
    long minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    return major < 6 || (major == 6 && minor < 2);
}

static int check_version(struct connection *connection, struct error *err)
{
    const struct reply *info = NULL;
    char mode[32] = "";
    if (connection_ask(connection, &info, err, "INFO", "server", (const char *)NULL) != 0)
        return -1;
    if (info->type != REPLY_TEXT ||
        !info_value(info, "redis_version", connection->version, sizeof connection->version))
        return error_set(err, ERROR_INVALID, "the server does not say its version");
    if (is_too_old(connection->version)) {
        return error_set(err, ERROR_INVALID, "this is Redis %s: redferry needs 6.2 or newer",
                         connection->version);
    }
    if (info_value(info, "redis_mode", mode, sizeof mode) && strcmp(mode, "cluster") == 0)
        return error_set(err, ERROR_INVALID, "a Redis Cluster is not supported yet");
    return 0;
}

static int check_role(struct connection *connection, struct error *err)
{
    const struct reply *role = NULL;
    if (connection_ask(connection, &role, err, "ROLE", (const char *)NULL) != 0) return -1;

    const struct reply *kind = reply_element(role, 0);
    const struct reply *host = reply_element(role, 1);
    const struct reply *port = reply_element(role, 2);
    if (kind == NULL || kind->type != REPLY_TEXT)
        return error_set(err, ERROR_INVALID, "the server does not say its role");
    if (strcmp(kind->text, "master") == 0) return 0;

    if (strcmp(kind->text, "slave") == 0 && host != NULL && host->type == REPLY_TEXT &&
        port != NULL && port->type == REPLY_INTEGER) {
        (void)error_set(err, ERROR_REDIS_UNREACHABLE,
                        "a replica of %s:%lld: redferry writes to a primary", host->text,
                        (long long)port->integer);
    } else {
        (void)error_set(err, ERROR_REDIS_UNREACHABLE, "a %s: redferry writes to a primary",
                        kind->text);
    }
    err->passing = true;
    return -1;
}

int connection_check_server(struct connection *connection, struct error *err)
{
    if (connection_check(connection, err) != 0) return -1;
    connection->introducing = true;
    bool fits = check_version(connection, err) == 0 && check_role(connection, err) == 0;
    connection->introducing = false;
    if (fits) return 0;
    /* Where the wire failed, the URL is in front already. */
    if (connection_check(connection, err) == 0)
        (void)error_prefix(err, "'%s': ", connection->url->redacted);
    return -1;
}

const char *connection_version(const struct connection *connection)
{
    return connection->version[0] == '\0' ? NULL : connection->version;
}
