// servers: redis
/* sink_pipelined: rows arrive, a batch a transaction, and are counted when they are answered;
 * each way the server can refuse, and what is then sent again, in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agenda.h"
#include "alloc_fail.h"
#include "arena.h"
#include "clock.h"
#include "connection.h"
#include "error.h"
#include "fake_redis.h"
#include "redis_server.h"
#include "redis_url.h"
#include "reply.h"
#include "sink.h"
#include "sink_pipelined.h"
#include "sink_rows.h"
#include "stop.h"
#include "url.h"

static struct arena arena;
static const char *scratch;
static struct connection *observer; /* to the shared server, to look and to interfere */

static struct sink *open_sink(struct connection *connection, int64_t retry_for_ms)
{
    struct error err = {0};
    struct sink *sink = NULL;
    if (sink_pipelined_open(&sink, connection, retry_for_ms, &err) != 0)
        fail_msg("%s", err.message);
    return sink;
}

static struct connection *connect_to_shared(void)
{
    return redis_connect(redis_url(&arena, "unix://%s", getenv("REDFERRY_TEST_REDIS_SOCKET")),
                         NULL);
}

static void begin(struct sink *sink, const struct sink_rows *rows)
{
    struct error err = {0};
    if (sink_begin(sink, &rows->sink_step, &err) != 0) fail_msg("%s", err.message);
}

static void close_batch(struct sink *sink, const char *cursor)
{
    struct error err = {0};
    if (sink_close_batch(sink, cursor, &err) != 0) fail_msg("%s", err.message);
}

static void flush(struct sink *sink)
{
    struct error err = {0};
    if (sink_flush(sink, &err) != 0) fail_msg("%s", err.message);
}

/* Close what is open and flush: fails with code, and message holds every one of the texts. The
 * same error sticks. */
static void assert_fails(struct sink *sink, int code, ...)
{
    struct error err = {0};
    struct error again = {0};
    const char *text = NULL;
    va_list texts;
    if (sink_close_batch(sink, NULL, &err) == 0) assert_int_equal(sink_flush(sink, &err), -1);
    if (err.code != code) fail_msg("%d: '%s'", err.code, err.message);
    va_start(texts, code);
    while ((text = va_arg(texts, const char *)) != NULL) {
        if (strstr(err.message, text) == NULL) fail_msg("'%s' lacks '%s'", err.message, text);
    }
    va_end(texts);
    assert_int_equal(sink_flush(sink, &again), -1);
    assert_string_equal(again.message, err.message);
    assert_int_equal(sink_rows_put(sink, "z", 1, &again), -1);
    assert_string_equal(again.message, err.message);
}

static void assert_tally(const struct sink *sink, int64_t rows, int64_t commands,
                         int64_t messages)
{
    assert_int_equal(sink_tally(sink)->rows_read, rows);
    assert_int_equal(sink_tally(sink)->commands_sent, commands);
    assert_int_equal(sink_tally(sink)->messages_published, messages);
    assert_int_equal(sink_tally(sink)->rows_changed, 0);
}

static int64_t ask_integer(const char *name, const char *key)
{
    const struct reply *reply = NULL;
    REDIS_ASK(observer, &reply, name, key);
    assert_int_equal(reply->type, REPLY_INTEGER);
    return reply->integer;
}

/* How often the shared server has executed the command since CONFIG RESETSTAT. */
static int64_t calls_of(const char *command)
{
    const struct reply *reply = NULL;
    char line[64];
    REDIS_ASK(observer, &reply, "INFO", "commandstats");
    (void)snprintf(line, sizeof line, "cmdstat_%s:calls=", command);
    const char *found = strstr(reply->text, line);
    return found == NULL ? 0 : atoll(found + strlen(line));
}

/* ---- rows arrive ---- */

static void test_rows_arrive(void **state)
{
    (void)state;
    enum { ROWS = 2500, BATCH = 1000 };
    const struct reply *reply = NULL;
    struct sink_rows rows;
    struct connection *connection = connect_to_shared();
    struct sink *sink = open_sink(connection, 0);
    struct connection *listener = connect_to_shared();
    REDIS_ASK(listener, &reply, "SUBSCRIBE", "rows");
    REDIS_ASK(observer, &reply, "CONFIG", "RESETSTAT");
    sink_rows_init(&rows, &arena, 1, "rows",
                   (const char *[]){"HSET h:${name} n ${n}", "SADD s ${name}", NULL});

    begin(sink, &rows);
    assert_null(sink_cursor(sink));
    close_batch(sink, "[\"of an empty batch\"]");
    for (int i = 1; i <= ROWS; i++) {
        char cursor[32];
        sink_rows_must_put(sink, i);
        (void)snprintf(cursor, sizeof cursor, "[\"row%d\"]", i);
        if (i % BATCH == 0 || i == ROWS) close_batch(sink, cursor);
    }
    flush(sink);
    assert_tally(sink, ROWS, 2 * ROWS, ROWS);
    assert_string_equal(sink_cursor(sink), "[\"row2500\"]");
    assert_int_equal(ask_integer("SCARD", "s"), ROWS);
    assert_int_equal(ask_integer("HLEN", "h:row2500"), 1);
    assert_int_equal(calls_of("exec"), 3);
    assert_int_equal(calls_of("multi"), 3);
    assert_int_equal(calls_of("publish"), ROWS);

    /* The connection is free again, and the next step starts with a clean slate. */
    REDIS_ASK(connection, &reply, "PING");
    begin(sink, &rows);
    assert_null(sink_cursor(sink));
    sink_rows_must_put(sink, 1);
    sink_drop_batch(sink);
    flush(sink);
    assert_tally(sink, ROWS, 2 * ROWS, ROWS);
    sink_close(sink);
    sink_close(NULL);
    connection_close(listener);
    connection_close(connection);
}

/* More than may be in flight, and batches that fill up. */
static void test_many_large_batches(void **state)
{
    (void)state;
    enum { BATCHES = 40 };
    struct sink_rows rows;
    struct connection *connection = connect_to_shared();
    struct sink *sink = open_sink(connection, 0);
    char pad[1001] = "";
    char command[1100];
    int64_t put = 0;
    memset(pad, 'p', sizeof pad - 1);
    (void)snprintf(command, sizeof command, "SET many:${n} %s", pad);
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){command, NULL});

    begin(sink, &rows);
    for (int i = 0; i < BATCHES; i++) {
        assert_false(sink_full(sink));
        while (!sink_full(sink)) sink_rows_must_put(sink, ++put);
        close_batch(sink, NULL);
    }
    flush(sink);
    assert_null(sink_cursor(sink));
    assert_in_range(put, BATCHES * 900, BATCHES * 1100);
    assert_tally(sink, put, put, 0);
    assert_true(calls_of("set") >= put);
    sink_close(sink);
    connection_close(connection);
}

static void test_wait_for_a_descriptor(void **state)
{
    (void)state;
    struct error err = {0};
    struct sink_rows rows;
    struct connection *connection = connect_to_shared();
    struct sink *sink = open_sink(connection, 0);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){"SET w ${n}", NULL});
    begin(sink, &rows);
    sink_rows_must_put(sink, 1);
    close_batch(sink, "[1]");
    while (sink_cursor(sink) == NULL) assert_int_equal(sink_wait(sink, ends[0], 5000, &err), 0);
    assert_int_equal(sink_wait(sink, ends[0], 20, &err), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(sink_wait(sink, ends[0], -1, &err), 1);
    (void)close(ends[0]);
    (void)close(ends[1]);
    sink_close(sink);
    connection_close(connection);
}

/* ---- errors of rows and commands ---- */

static void test_row_that_cannot_be_rendered(void **state)
{
    (void)state;
    struct error err = {0};
    struct sink_rows rows;
    struct connection *connection = connect_to_shared();
    struct sink *sink = open_sink(connection, 0);
    sink_rows_init(&rows, &arena, 2, NULL, (const char *[]){"SADD good ${name}", NULL});
    begin(sink, &rows);
    sink_rows_must_put(sink, 1);
    assert_int_equal(sink_rows_put(sink, NULL, 2, &err), -1);
    assert_ptr_equal(strstr(err.message, "row (NULL, 2): 'SADD good ${name}': "), err.message);
    sink_rows_must_put(sink, 3);
    close_batch(sink, NULL);
    flush(sink);
    assert_tally(sink, 2, 2, 0);
    assert_int_equal(ask_integer("SCARD", "good"), 2);
    sink_close(sink);
    connection_close(connection);
}

static void test_wrong_type(void **state)
{
    (void)state;
    const struct reply *reply = NULL;
    struct sink_rows rows;
    struct connection *connection = connect_to_shared();
    struct sink *sink = open_sink(connection, 30000);
    REDIS_ASK(observer, &reply, "SET", "wt:row2", "a string");
    sink_rows_init(&rows, &arena, 1, "rows", (const char *[]){"HSET wt:${name} n ${n}", NULL});
    begin(sink, &rows);
    for (int i = 1; i <= 3; i++) sink_rows_must_put(sink, i);
    assert_fails(sink, ERROR_FAILED,
                 "row 'row2': 'HSET wt:${name} n ${n}' failed: WRONGTYPE Operation against",
                 NULL);
    assert_tally(sink, 3, 2, 3); /* the rest of the transaction ran */
    sink_close(sink);
    REDIS_ASK(connection, &reply, "PING");
    connection_close(connection);
}

static void test_unknown_command(void **state)
{
    (void)state;
    struct sink_rows rows;
    struct connection *connection = connect_to_shared();
    struct sink *sink = open_sink(connection, 30000);
    sink_rows_init(&rows, &arena, 0, NULL,
                   (const char *[]){"SET uk ${n}", "HSETT x ${n} secret", NULL});
    begin(sink, &rows);
    sink_rows_must_put(sink, 1);
    sink_rows_must_put(sink, 2);
    assert_fails(sink, ERROR_FAILED,
                 "row 1: 'HSETT x ${n} secret' was refused: ERR unknown command 'HSETT'", NULL);
    assert_tally(sink, 0, 0, 0);
    assert_int_equal(ask_integer("EXISTS", "uk"), 0);
    sink_close(sink);
    connection_close(connection);
}

static void test_step_without_source(void **state)
{
    (void)state;
    static const struct columns none = {NULL, 0};
    const struct row row = {&none, NULL};
    struct error err = {0};
    const struct reply *reply = NULL;
    struct sink_rows rows;
    struct connection *connection = connect_to_shared();
    struct sink *sink = open_sink(connection, 0);
    sink_rows_init(&rows, &arena, 0, NULL,
                   (const char *[]){"SET once 1", "LPUSH once 2", NULL});
    rows.step.read = NULL;
    begin(sink, &rows);
    assert_int_equal(sink_put(sink, &row, &err), 0);
    assert_fails(sink, ERROR_FAILED, "'LPUSH once 2' failed: WRONGTYPE", NULL);
    assert_int_equal(sink_flush(sink, &err), -1);
    assert_null(strstr(err.message, "row"));
    assert_tally(sink, 0, 1, 0);
    sink_close(sink);
    REDIS_ASK(connection, &reply, "PING");
    connection_close(connection);
}

/* Without MULTI the commands behind it would run one by one. */
static void test_multi_is_denied(void **state)
{
    (void)state;
    struct error err = {0};
    const struct reply *reply = NULL;
    struct sink *sink = NULL;
    REDIS_ASK(observer, &reply, "ACL", "SETUSER", "nomulti", "on", ">p", "~*", "+@all",
              "-multi");
    struct connection *connection = connect_to_shared();
    REDIS_ASK(connection, &reply, "AUTH", "nomulti", "p");
    assert_int_equal(sink_pipelined_open(&sink, connection, 0, &err), -1);
    assert_non_null(strstr(err.message, "NOPERM"));
    assert_null(sink);
    connection_close(connection);
}

/* ---- refusals that may pass ---- */

/* Lifts what a server refuses for, once the server has refused with code. */
struct lift {
    pthread_t thread;
    const struct url *url;
    const char *code;            /* "errorstat_OOM" */
    const char *const *commands; /* three words */
};

static void *lift_when_refused(void *context)
{
    struct lift *lift = context;
    struct error err = {0};
    const struct reply *reply = NULL;
    struct connection *connection = NULL;
    if (connection_open(&connection, lift->url, NULL, &err) != 0) return NULL;
    while (connection_ask(connection, &reply, &err, "INFO", "errorstats", (const char *)NULL) ==
               0 &&
           strstr(reply->text, lift->code) == NULL)
        (void)poll(NULL, 0, 2);
    (void)connection_ask(connection, &reply, &err, lift->commands[0], lift->commands[1],
                         lift->commands[2], lift->commands[3], (const char *)NULL);
    connection_close(connection);
    return NULL;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct redis_server server;
    const struct reply *reply = NULL;
    struct sink_rows rows;
    redis_server_start(&server, "oom", (const char *[]){"--port", "0", NULL});
    const struct url *url = redis_url(&arena, "%s", server.url);
    struct connection *connection = redis_connect(url, NULL);
    struct sink *sink = open_sink(connection, 30000);
    sink_rows_init(&rows, &arena, 1, NULL,
                   (const char *[]){"SET ${name} ${n}", "SET last ${n}", NULL});

    /* It passes: everything arrives, and in order. */
    REDIS_ASK(connection, &reply, "CONFIG", "SET", "maxmemory", "1");
    struct lift lift = {.url = url,
                        .code = "errorstat_OOM",
                        .commands = (const char *[]){"CONFIG", "SET", "maxmemory", "0"}};
    assert_int_equal(pthread_create(&lift.thread, NULL, lift_when_refused, &lift), 0);
    begin(sink, &rows);
    for (int i = 1; i <= 20; i++) {
        sink_rows_must_put(sink, i);
        close_batch(sink, i == 20 ? "[\"row20\"]" : "[]");
    }
    flush(sink);
    assert_int_equal(pthread_join(lift.thread, NULL), 0);
    assert_tally(sink, 20, 40, 0);
    assert_string_equal(sink_cursor(sink), "[\"row20\"]");
    REDIS_ASK(connection, &reply, "GET", "last");
    assert_string_equal(reply->text, "20");

    /* It lasts: nothing of the batch arrives. */
    REDIS_ASK(connection, &reply, "CONFIG", "SET", "maxmemory", "1");
    int64_t begun = clock_monotonic_ms();
    begin(sink, &rows);
    sink_rows_must_put(sink, 21);
    sink_rows_must_put(sink, 22);
    assert_fails(sink, ERROR_FAILED, "row 'row21': 'SET ${name} ${n}' was refused: OOM ",
                 "(tried again for 2s)", NULL);
    assert_in_range(clock_monotonic_ms() - begun, 1900, 6000);
    assert_tally(sink, 20, 40, 0);
    REDIS_ASK(connection, &reply, "EXISTS", "row21", "row22");
    assert_int_equal(reply->integer, 0);
    sink_close(sink);
    connection_close(connection);
    redis_server_stop(&server);
}

static void test_read_only_for_a_while(void **state)
{
    (void)state;
    struct redis_server server;
    const struct reply *reply = NULL;
    struct sink_rows rows;
    redis_server_start(&server, "readonly", (const char *[]){"--port", "0", NULL});
    const struct url *url = redis_url(&arena, "%s", server.url);
    struct connection *connection = redis_connect(url, NULL);
    struct sink *sink = open_sink(connection, 30000);
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){"INCR ${name}", NULL});
    begin(sink, &rows);
    sink_rows_must_put(sink, 1);
    close_batch(sink, NULL);
    flush(sink);

    REDIS_ASK(connection, &reply, "REPLICAOF", "127.0.0.1", "1");
    struct lift lift = {.url = url,
                        .code = "errorstat_READONLY",
                        .commands = (const char *[]){"REPLICAOF", "NO", "ONE", NULL}};
    assert_int_equal(pthread_create(&lift.thread, NULL, lift_when_refused, &lift), 0);
    sink_rows_must_put(sink, 1);
    sink_rows_must_put(sink, 2);
    close_batch(sink, NULL);
    flush(sink);
    assert_int_equal(pthread_join(lift.thread, NULL), 0);
    assert_tally(sink, 3, 3, 0);
    REDIS_ASK(connection, &reply, "GET", "row1");
    assert_string_equal(reply->text, "2");

    /* How long is the caller's to say. */
    REDIS_ASK(connection, &reply, "REPLICAOF", "127.0.0.1", "1");
    sink_close(sink);
    sink = open_sink(connection, 100);
    begin(sink, &rows);
    sink_rows_must_put(sink, 3);
    assert_fails(sink, ERROR_FAILED, "row 'row3': 'INCR ${name}' was refused: READONLY ", "ms)",
                 NULL);
    sink_close(sink);
    connection_close(connection);
    redis_server_stop(&server);
}

/* The first of three batches in flight is refused, the others run; then the fake says yes. */
static void carry_three(struct fake_redis *fake, const char *command, struct sink **sink,
                        struct connection **connection)
{
    struct sink_rows *rows = arena_alloc(&arena, sizeof *rows);
    struct error err = {0};
    fake->hold = 3;
    fake_redis_start(fake, scratch);
    *connection = redis_connect(redis_url(&arena, "unix://%s", fake->path), NULL);
    *sink = open_sink(*connection, 30000);
    sink_rows_init(rows, &arena, 1, NULL, (const char *[]){command, NULL});
    begin(*sink, rows);
    for (int i = 1; i <= 3; i++) {
        const char name[] = {(char)('a' + i - 1), '\0'};
        assert_int_equal(sink_rows_put(*sink, name, i, &err), 0);
        if (i < 3) close_batch(*sink, name);
        if (i == 3) (void)sink_close_batch(*sink, name, &err); /* all answers may be there */
    }
}

static void leave(struct fake_redis *fake, struct sink *sink, struct connection *connection,
                  const char *ran)
{
    sink_close(sink);
    connection_close(connection);
    fake_redis_join(fake);
    assert_string_equal(buffer_text(&fake->ran), ran);
    fake_redis_release(fake);
}

static const char refused[] = "-EXECABORT Transaction discarded because of: OOM no";

static void test_idempotent_batches_keep_their_order(void **state)
{
    (void)state;
    struct sink *sink = NULL;
    struct connection *connection = NULL;
    struct fake_redis fake = {.answers = (const char *[]){refused, NULL, NULL, ""}};
    carry_three(&fake, "SET ${name} 1", &sink, &connection);
    flush(sink);
    assert_tally(sink, 3, 3, 0);
    assert_string_equal(sink_cursor(sink), "c");
    leave(&fake, sink, connection, "b c a b c ");
}

static void test_other_batches_run_once(void **state)
{
    (void)state;
    struct sink *sink = NULL;
    struct connection *connection = NULL;
    struct fake_redis fake = {.answers = (const char *[]){refused, NULL, refused, ""}};
    carry_three(&fake, "INCR ${name}", &sink, &connection);
    flush(sink);
    assert_tally(sink, 3, 3, 0);
    assert_string_equal(sink_cursor(sink), "c");
    leave(&fake, sink, connection, "b a c ");
}

/* The cursor is believed up to the failed batch; what ran behind it is counted. */
static void test_failure_among_others(void **state)
{
    (void)state;
    struct sink *sink = NULL;
    struct connection *connection = NULL;
    struct fake_redis fake = {.answers =
                                  (const char *[]){NULL, "*1\r\n-WRONGTYPE no", NULL, ""}};
    carry_three(&fake, "INCR ${name}", &sink, &connection);
    assert_fails(sink, ERROR_FAILED, "row 'b': 'INCR ${name}' failed: WRONGTYPE no", NULL);
    assert_string_equal(sink_cursor(sink), "a");
    assert_tally(sink, 3, 2, 0);
    leave(&fake, sink, connection, "a c ");
}

/* ---- losing the server ---- */

static void test_server_killed(void **state)
{
    (void)state;
    struct redis_server server;
    struct error err = {0};
    struct sink_rows rows;
    redis_server_start(&server, "killed", (const char *[]){"--port", "0", NULL});
    struct connection *connection = redis_connect(redis_url(&arena, "%s", server.url), NULL);
    struct sink *sink = open_sink(connection, 30000);
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){"INCR ${name}", NULL});
    begin(sink, &rows);
    int result = 0;
    for (int i = 1; result == 0; i++) {
        if (i == 20000) redis_server_stop(&server);
        result = sink_rows_put(sink, "a", i, &err);
        if (result == 0 && i % 1000 == 0) result = sink_close_batch(sink, NULL, &err);
    }
    assert_int_equal(err.code, ERROR_REDIS_UNREACHABLE);
    assert_non_null(strstr(err.message, server.url));
    assert_true(sink_tally(sink)->rows_read < 21000);
    assert_int_equal(sink_flush(sink, &err), -1);
    sink_close(sink);
    connection_close(connection);
}

static void test_stop_while_the_server_hangs(void **state)
{
    (void)state;
    struct redis_server server;
    struct stop stop;
    struct error err = {0};
    struct sink_rows rows;
    redis_server_start(&server, "hangs", (const char *[]){"--port", "0", NULL});
    assert_int_equal(stop_init(&stop, &err), 0);
    struct connection *connection = redis_connect(redis_url(&arena, "%s", server.url), &stop);
    struct sink *sink = open_sink(connection, 30000);
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){"INCR ${name}", NULL});
    begin(sink, &rows);
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    for (int i = 1; i <= 2000; i++) sink_rows_must_put(sink, i);
    close_batch(sink, NULL);
    stop_request(&stop, SIGINT);

    int64_t begun = clock_monotonic_ms();
    assert_fails(sink, ERROR_STOPPED + SIGINT, "stopped by SIGINT", NULL);
    assert_in_range(clock_monotonic_ms() - begun, 0, STOP_GRACE_MS + 900);
    sink_close(sink);
    connection_close(connection);
    stop_release(&stop);
    redis_server_stop(&server);
}

/* ---- memory ---- */

/* One small crossing. Returns 0 or -1 with err. */
static int carry(const struct url *url, const struct sink_rows *rows, struct error *err)
{
    struct connection *connection = NULL;
    struct sink *sink = NULL;
    int result = -1;
    if (connection_open(&connection, url, NULL, err) != 0 ||
        sink_pipelined_open(&sink, connection, 0, err) != 0 ||
        sink_begin(sink, &rows->sink_step, err) != 0)
        goto done;
    for (int i = 0; i < 20; i++) {
        if (sink_rows_put(sink, "a", i, err) != 0) goto done;
        if (i % 2 == 0 && sink_close_batch(sink, "[1]", err) != 0) goto done;
    }
    sink_drop_batch(sink);
    result = sink_flush(sink, err);
done:
    sink_close(sink);
    connection_close(connection);
    return result;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    struct sink_rows rows;
    const struct url *url =
        redis_url(&arena, "unix://%s", getenv("REDFERRY_TEST_REDIS_SOCKET"));
    sink_rows_init(&rows, &arena, 1, "rows", (const char *[]){"SET ${name} ${n}", NULL});
    for (size_t forever = 0; forever < 2; forever++) {
        bool happened = true;
        for (size_t nth = 1; happened && nth < 1000; nth++) {
            struct error err = {0};
            alloc_fail_at(nth, forever == 1);
            int result = carry(url, &rows, &err);
            happened = alloc_fail_happened();
            alloc_fail_never();
            if (!happened) assert_int_equal(result, 0);
            if (result != 0 && strstr(err.message, "out of memory") == NULL)
                fail_msg("%s", err.message);
        }
        assert_false(happened);
    }
}

static int set_up(void **state)
{
    (void)state;
    scratch = getenv("REDFERRY_TEST_DIR");
    observer = connect_to_shared();
    return scratch == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    connection_close(observer);
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_arrive),
        cmocka_unit_test(test_many_large_batches),
        cmocka_unit_test(test_wait_for_a_descriptor),
        cmocka_unit_test(test_row_that_cannot_be_rendered),
        cmocka_unit_test(test_wrong_type),
        cmocka_unit_test(test_unknown_command),
        cmocka_unit_test(test_step_without_source),
        cmocka_unit_test(test_multi_is_denied),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_read_only_for_a_while),
        cmocka_unit_test(test_idempotent_batches_keep_their_order),
        cmocka_unit_test(test_other_batches_run_once),
        cmocka_unit_test(test_failure_among_others),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_server_killed),
        cmocka_unit_test(test_stop_while_the_server_hangs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
