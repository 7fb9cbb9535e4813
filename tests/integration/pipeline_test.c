// servers: redis
/* pipeline: a hundred thousand commands queued at once, large answers, over a socket and over
 * TLS, without a deadlock; order; waiting for a descriptor; and every way to lose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "buffer.h"
#include "certificates.h"
#include "clock.h"
#include "command.h"
#include "connection.h"
#include "error.h"
#include "pipeline.h"
#include "redis_server.h"
#include "redis_url.h"
#include "reply.h"
#include "stop.h"
#include "url.h"

static struct arena arena;
static const char *scratch;
static const char *shared;

/* What the replies of a test were. */
struct heard {
    size_t count;
    int64_t last;     /* the last integer; each must be one more than the one before */
    size_t length;    /* of all texts */
    size_t refuse_at; /* take fails at this count; 0: never */
};

static int take(void *context, const struct reply *reply, struct error *err)
{
    struct heard *heard = context;
    heard->count++;
    if (reply->type == REPLY_INTEGER) assert_int_equal(reply->integer, ++heard->last);
    if (reply->type == REPLY_TEXT) heard->length += reply->length;
    if (heard->count == heard->refuse_at) return error_set(err, ERROR_FAILED, "enough");
    return 0;
}

static struct pipeline *new_pipeline(struct connection *connection, struct heard *heard)
{
    struct error err = {0};
    struct pipeline *pipeline = NULL;
    assert_int_equal(pipeline_new(&pipeline, connection, take, heard, &err), 0);
    return pipeline;
}

static void append(struct buffer *bytes, size_t times, const char *name, const char *argument)
{
    const char *const arguments[] = {name, argument};
    for (size_t i = 0; i < times; i++) command_append_texts(bytes, 2, arguments);
}

static void send_all(struct pipeline *pipeline, const struct buffer *bytes, size_t commands)
{
    struct error err = {0};
    assert_false(buffer_failed(bytes));
    assert_int_equal(pipeline_send(pipeline, bytes->bytes, bytes->length, commands, &err), 0);
}

static void drain(struct pipeline *pipeline)
{
    struct error err = {0};
    if (pipeline_drain(pipeline, &err) != 0) fail_msg("%s", err.message);
    assert_int_equal(pipeline_unwritten(pipeline), 0);
    assert_int_equal(pipeline_unanswered(pipeline), 0);
}

/* ---- streams ---- */

/* Requests of megabytes and answers of a hundred, all at once: whoever writes first and reads
 * later never ends here. */
static void assert_full_duplex(const struct url *url)
{
    enum { COMMANDS = 100000, SIZE = 1000, SPANS = 50 };
    struct heard heard = {0};
    const struct reply *reply = NULL;
    struct buffer value = {0};
    struct buffer bytes = {0};
    struct connection *connection = redis_connect(url, NULL);
    for (int i = 0; i < SIZE; i++) buffer_append_char(&value, 'x');
    REDIS_ASK(connection, &reply, "SET", "big", buffer_text(&value));
    REDIS_ASK(connection, &reply, "DEL", "n");

    struct pipeline *pipeline = new_pipeline(connection, &heard);
    append(&bytes, COMMANDS / SPANS, "GET", "big");
    for (int i = 0; i < SPANS; i++) send_all(pipeline, &bytes, COMMANDS / SPANS);
    assert_int_equal(pipeline_unwritten(pipeline), SPANS);
    assert_int_equal(pipeline_unanswered(pipeline), COMMANDS);
    drain(pipeline);
    assert_int_equal(heard.count, COMMANDS);
    assert_int_equal(heard.length, (size_t)COMMANDS * SIZE);

    buffer_clear(&bytes);
    append(&bytes, COMMANDS, "INCR", "n");
    send_all(pipeline, &bytes, COMMANDS);
    drain(pipeline);
    assert_int_equal(heard.last, COMMANDS);

    pipeline_free(pipeline);
    REDIS_ASK(connection, &reply, "PING");
    connection_close(connection);
    buffer_release(&bytes);
    buffer_release(&value);
}

static void test_full_duplex(void **state)
{
    (void)state;
    assert_full_duplex(redis_url(&arena, "unix://%s", shared));
}

static void test_full_duplex_over_tls(void **state)
{
    (void)state;
    struct redis_server server;
    char crt[128], key[128];
    assert_int_equal(certificates_make(scratch), 0);
    (void)snprintf(crt, sizeof crt, "%s/server.crt", scratch);
    (void)snprintf(key, sizeof key, "%s/server.key", scratch);
    redis_server_start(&server, "tls",
                       (const char *[]){"--port", "0", "--tls-port", "PORT", "--tls-cert-file",
                                        crt, "--tls-key-file", key, "--tls-ca-cert-file", crt,
                                        "--tls-auth-clients", "no", NULL});
    assert_full_duplex(
        redis_url(&arena, "rediss://localhost:%d?cacert=%s/ca.crt", server.port, scratch));
    redis_server_stop(&server);
}

/* One value larger than all buffers, in one command among small ones. */
static void test_large_commands(void **state)
{
    (void)state;
    enum { SIZE = 20 * 1024 * 1024 };
    struct heard heard = {0};
    struct buffer bytes = {0};
    struct connection *connection = redis_connect(redis_url(&arena, "unix://%s", shared), NULL);
    struct pipeline *pipeline = new_pipeline(connection, &heard);
    char *value = malloc(SIZE);
    assert_non_null(value);
    memset(value, 'v', SIZE);
    const char *const arguments[] = {"ECHO", value};
    const size_t lengths[] = {4, SIZE};

    append(&bytes, 10, "ECHO", "a");
    command_append(&bytes, 2, arguments, lengths);
    append(&bytes, 10, "ECHO", "a");
    send_all(pipeline, &bytes, 21);
    drain(pipeline);
    assert_int_equal(heard.count, 21);
    assert_int_equal(heard.length, SIZE + 20);

    free(value);
    buffer_release(&bytes);
    pipeline_free(pipeline);
    connection_close(connection);
}

/* ---- waiting ---- */

static void test_descriptor(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct error err = {0};
    struct buffer bytes = {0};
    int ends[2];
    struct connection *connection = redis_connect(redis_url(&arena, "unix://%s", shared), NULL);
    struct pipeline *pipeline = new_pipeline(connection, &heard);
    assert_int_equal(pipe(ends), 0);

    assert_int_equal(pipeline_pump(pipeline, -1, -1, &err), 0); /* nothing to wait for */
    assert_int_equal(pipeline_pump(pipeline, ends[0], 0, &err), 0);
    int64_t begun = clock_monotonic_ms();
    assert_int_equal(pipeline_pump(pipeline, ends[0], 50, &err), 0);
    assert_true(clock_monotonic_ms() - begun >= 50);

    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(pipeline_pump(pipeline, ends[0], -1, &err), 1);
    append(&bytes, 1, "ECHO", "a");
    send_all(pipeline, &bytes, 1);
    while (heard.count == 0) assert_int_equal(pipeline_pump(pipeline, ends[0], -1, &err), 1);

    (void)close(ends[0]);
    (void)close(ends[1]);
    buffer_release(&bytes);
    pipeline_free(pipeline);
    connection_close(connection);
}

/* A take that fails ends one pump; the replies behind it are not lost. */
static void test_take_fails(void **state)
{
    (void)state;
    struct heard heard = {.refuse_at = 5};
    struct error err = {0};
    struct buffer bytes = {0};
    struct connection *connection = redis_connect(redis_url(&arena, "unix://%s", shared), NULL);
    struct pipeline *pipeline = new_pipeline(connection, &heard);
    append(&bytes, 10, "ECHO", "a");
    send_all(pipeline, &bytes, 10);
    assert_int_equal(pipeline_drain(pipeline, &err), -1);
    assert_string_equal(err.message, "enough");
    assert_int_equal(heard.count, 5);
    drain(pipeline);
    assert_int_equal(heard.count, 10);
    buffer_release(&bytes);
    pipeline_free(pipeline);
    connection_close(connection);
}

/* ---- losing ---- */

static void assert_lost(struct connection *connection, const struct error *err, const char *why)
{
    struct error again = {0};
    const struct reply *reply = NULL;
    assert_int_equal(err->code, ERROR_REDIS_UNREACHABLE);
    if (strstr(err->message, why) == NULL) fail_msg("'%s' lacks '%s'", err->message, why);
    assert_int_equal(connection_ask(connection, &reply, &again, "PING", (const char *)NULL),
                     -1);
    assert_string_equal(again.message, err->message);
}

static void test_server_killed(void **state)
{
    (void)state;
    struct redis_server server;
    struct heard heard = {0};
    struct error err = {0};
    struct buffer bytes = {0};
    redis_server_start(&server, "killed", (const char *[]){"--port", "0", NULL});
    struct connection *connection = redis_connect(redis_url(&arena, "%s", server.url), NULL);
    struct pipeline *pipeline = new_pipeline(connection, &heard);
    append(&bytes, 200000, "INCR", "n");
    send_all(pipeline, &bytes, 200000);
    while (heard.count < 1000) assert_int_equal(pipeline_pump(pipeline, -1, -1, &err), 0);
    redis_server_stop(&server);
    assert_int_equal(pipeline_drain(pipeline, &err), -1);
    assert_true(err.passing);
    assert_true(heard.count < 200000);
    assert_lost(connection, &err, server.url);
    assert_int_equal(pipeline_pump(pipeline, -1, -1, &err), -1);
    pipeline_free(pipeline);
    connection_close(connection);
    buffer_release(&bytes);
}

static void test_server_silent(void **state)
{
    (void)state;
    struct redis_server server;
    struct heard heard = {0};
    struct error err = {0};
    struct buffer bytes = {0};
    redis_server_start(&server, "silent", (const char *[]){"--port", "0", NULL});
    struct connection *connection = redis_connect(redis_url(&arena, "%s", server.url), NULL);
    struct pipeline *pipeline = new_pipeline(connection, &heard);
    pipeline_set_patience(pipeline, 100);
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    /* Nothing is due yet: patience has no end. */
    assert_int_equal(pipeline_pump(pipeline, -1, 150, &err), 0);
    append(&bytes, 3, "ECHO", "a");
    send_all(pipeline, &bytes, 3);
    int64_t begun = clock_monotonic_ms();
    assert_int_equal(pipeline_drain(pipeline, &err), -1);
    assert_in_range(clock_monotonic_ms() - begun, 100, 3000);
    assert_lost(connection, &err, "the server has been silent for 100 ms with 3 answers");
    pipeline_free(pipeline);
    connection_close(connection);
    buffer_release(&bytes);
    redis_server_stop(&server);
}

static void test_given_up(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct error err = {0};
    const struct reply *reply = NULL;
    struct buffer bytes = {0};
    struct connection *connection = redis_connect(redis_url(&arena, "unix://%s", shared), NULL);
    struct pipeline *pipeline = new_pipeline(connection, &heard);
    append(&bytes, 3, "ECHO", "a");
    send_all(pipeline, &bytes, 3);
    pipeline_free(pipeline);
    assert_int_equal(connection_ask(connection, &reply, &err, "PING", (const char *)NULL), -1);
    assert_lost(connection, &err, "given up with 3 answers still to come");
    assert_int_equal(connection_reopen(connection, &err), 0);
    REDIS_ASK(connection, &reply, "ECHO", "b");
    assert_string_equal(reply->text, "b");
    connection_close(connection);
    buffer_release(&bytes);
    pipeline_free(NULL);
}

static void test_unasked_answer(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct error err = {0};
    struct buffer bytes = {0};
    struct connection *connection = redis_connect(redis_url(&arena, "unix://%s", shared), NULL);
    struct pipeline *pipeline = new_pipeline(connection, &heard);
    append(&bytes, 2, "SET", "wrong");
    send_all(pipeline, &bytes, 1);
    int got = 0;
    for (int i = 0; i < 100 && got == 0; i++) got = pipeline_pump(pipeline, -1, 1000, &err);
    assert_int_equal(got, -1);
    assert_lost(connection, &err, "an answer that nobody asked for: ERR wrong number");
    pipeline_free(pipeline);
    connection_close(connection);
    buffer_release(&bytes);
}

static int set_up(void **state)
{
    (void)state;
    shared = getenv("REDFERRY_TEST_REDIS_SOCKET");
    scratch = getenv("REDFERRY_TEST_DIR");
    return shared == NULL || scratch == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_duplex),    cmocka_unit_test(test_full_duplex_over_tls),
        cmocka_unit_test(test_large_commands), cmocka_unit_test(test_descriptor),
        cmocka_unit_test(test_take_fails),     cmocka_unit_test(test_server_killed),
        cmocka_unit_test(test_server_silent),  cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_unasked_answer),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
