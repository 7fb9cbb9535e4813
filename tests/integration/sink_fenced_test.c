// servers: redis
/* sink_fenced: batches and the checkpoint arrive together and once; who takes the fence stops
 * who had it; what a server refuses, what a row's command fails with, and what is left behind
 * for the next run. Cut connections are fenced_cuts_test's. */
#include <poll.h>
#include <pthread.h>
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
#include "checkpoint.h"
#include "clock.h"
#include "connection.h"
#include "error.h"
#include "fault_proxy.h"
#include "fenced_policy.h"
#include "redis_server.h"
#include "redis_url.h"
#include "reply.h"
#include "sink.h"
#include "sink_fenced.h"
#include "sink_rows.h"
#include "url.h"

#define KEY "redferry:{l1}:20250301090000"

static struct arena arena;
static struct connection *observer; /* to look and to interfere */

/* A sink of a run of its own. */
struct work {
    struct fenced_run run;
    struct connection *connection;
    struct sink *sink;
};

static struct connection *connect_to_shared(void)
{
    return redis_connect(redis_url(&arena, "unix://%s", getenv("REDFERRY_TEST_REDIS_SOCKET")),
                         NULL);
}

static int try_to_open(struct work *work, struct fenced_ledger *ledger, struct error *err)
{
    fenced_run_begin(&work->run, ledger);
    work->connection = connect_to_shared();
    work->sink = NULL;
    const struct sink_fenced_options options = fenced_run_options(&work->run, work->connection);
    return sink_fenced_open(&work->sink, &options, err);
}

static void open_work(struct work *work, struct fenced_ledger *ledger)
{
    struct error err = {0};
    if (try_to_open(work, ledger, &err) != 0) fail_msg("%s", err.message);
}

static void close_work(struct work *work)
{
    sink_close(work->sink);
    connection_close(work->connection);
}

#define MUST(call)                                                                             \
    do {                                                                                       \
        struct error err = {0};                                                                \
        if ((call) != 0) fail_msg("%s: %d: %s", #call, err.code, err.message);                 \
    } while (0)

static void put_batch(struct sink *sink, int64_t first, int64_t last)
{
    char cursor[32];
    for (int64_t n = first; n <= last; n++) sink_rows_must_put(sink, n);
    (void)snprintf(cursor, sizeof cursor, "[%lld]", (long long)last);
    MUST(sink_close_batch(sink, cursor, &err));
}

/* What the observer reads; argument may be NULL. NULL for nil. */
static const char *ask(const char *name, const char *key, const char *argument)
{
    static char text[16][256];
    static int next;
    const struct reply *reply = NULL;
    REDIS_ASK(observer, &reply, name, key, argument);
    if (reply->type == REPLY_NIL) return NULL;
    char *out = text[next++ % 16];
    if (reply->type == REPLY_INTEGER)
        (void)snprintf(out, 256, "%lld", (long long)reply->integer);
    else
        (void)snprintf(out, 256, "%s", reply->text);
    return out;
}

static const char *field(const char *name)
{
    return ask("HGET", KEY, name);
}

static void assert_canaries(const char *prefix, int64_t first, int64_t last)
{
    char key[64];
    for (int64_t n = first; n <= last; n++) {
        (void)snprintf(key, sizeof key, "%srow%lld", prefix, (long long)n);
        const struct reply *reply = NULL;
        REDIS_ASK(observer, &reply, "GET", key);
        if (reply->type != REPLY_TEXT || strcmp(reply->text, "1") != 0)
            fail_msg("%s is %s", key, reply->type == REPLY_TEXT ? reply->text : "not there");
    }
}

static int64_t length_of(const char *name, const char *key)
{
    const struct reply *reply = NULL;
    REDIS_ASK(observer, &reply, name, key);
    return reply->integer;
}

/* How often the server has executed the command in this test. */
static int64_t calls_of(const char *command)
{
    const struct reply *reply = NULL;
    char line[64];
    REDIS_ASK(observer, &reply, "INFO", "commandstats");
    (void)snprintf(line, sizeof line, "cmdstat_%s:calls=", command);
    const char *found = strstr(reply->text, line);
    return found == NULL ? 0 : atoll(found + strlen(line));
}

/* sink_flush() fails with code and a message that holds text, and so does whatever follows. */
static void assert_fails(struct sink *sink, int code, const char *text)
{
    struct error err = {0};
    struct error again = {0};
    if (sink_close_batch(sink, "[0]", &err) == 0) assert_int_equal(sink_flush(sink, &err), -1);
    if (err.code != code || strstr(err.message, text) == NULL)
        fail_msg("%d: '%s'", err.code, err.message);
    assert_int_equal(sink_rows_put(sink, "z", 1, &again), -1);
    assert_string_equal(again.message, err.message);
    assert_int_equal(sink_fenced_end_step(sink, 2, &again), -1);
    assert_string_equal(again.message, err.message);
}

/* ---- rows and checkpoint arrive --------------------------------------------------------- */

static const char *const every_kind[] = {"INCR c:${name}", "RPUSH l ${n}", "XADD x * n ${n}",
                                         NULL};

static void test_a_migration(void **state)
{
    (void)state;
    enum { ROWS = 2500, BATCH = 100 };
    struct fenced_ledger ledger = {0};
    struct work work;
    struct sink_rows rows;
    open_work(&work, &ledger);
    assert_int_equal(ledger.origin, 1);
    assert_int_equal(ledger.asked, 1);
    const struct checkpoint *checkpoint = sink_fenced_checkpoint(work.sink);
    assert_true(checkpoint->present && checkpoint->is_own);
    assert_int_equal(checkpoint->origin, 1);
    assert_int_equal(checkpoint->step, 1);
    assert_null(checkpoint->cursor);
    assert_string_equal(field("fence"), checkpoint->fence);
    assert_string_equal(field("direction"), "up");
    assert_string_equal(field("checksum"), "c0ffee");
    assert_string_equal(ask("HGET", "redferry:{l1}", "database"), "db.example/app");
    assert_non_null(ask("HGET", "redferry:{l1}", "last_write"));
    assert_string_equal(ask("HGET", "redferry:{l1}", "first_run"), "1");

    sink_rows_init(&rows, &arena, 1, "rows", every_kind);
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    for (int64_t n = 1; n <= ROWS; n += BATCH) put_batch(work.sink, n, n + BATCH - 1);
    MUST(sink_flush(work.sink, &err));
    assert_string_equal(sink_cursor(work.sink), "[2500]");
    assert_int_equal(sink_tally(work.sink)->rows_read, ROWS);
    assert_int_equal(sink_tally(work.sink)->commands_sent, 3 * ROWS);
    assert_int_equal(sink_tally(work.sink)->messages_published, ROWS);
    assert_string_equal(field("cursor"), "[2500]");
    assert_string_equal(field("seen"), "[2400]");
    assert_string_equal(field("rows"), "2500");
    assert_string_equal(field("commands"), "7500");
    assert_string_equal(field("published"), "2500");
    assert_canaries("c:", 1, ROWS);
    assert_int_equal(length_of("LLEN", "l"), ROWS);
    assert_int_equal(length_of("XLEN", "x"), ROWS);

    MUST(sink_fenced_end_step(work.sink, 2, &err));
    assert_string_equal(field("step"), "2");
    assert_null(field("cursor"));
    assert_null(field("seen"));
    assert_string_equal(field("rows"), "2500");
    close_work(&work);
}

static void test_a_step_without_source(void **state)
{
    (void)state;
    static const struct columns none = {NULL, 0};
    const struct row row = {&none, NULL};
    struct fenced_ledger ledger = {0};
    struct work work;
    struct sink_rows rows;
    open_work(&work, &ledger);
    sink_rows_init(&rows, &arena, 0, NULL, (const char *[]){"INCR once", NULL});
    rows.step.read = NULL;
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    MUST(sink_put(work.sink, &row, &err));
    MUST(sink_close_batch(work.sink, NULL, &err));
    MUST(sink_flush(work.sink, &err));
    assert_string_equal(field("cursor"), "[]");
    assert_string_equal(field("rows"), "0");
    assert_string_equal(ask("GET", "once", NULL), "1");
    close_work(&work);
}

/* What one run leaves, the next one goes on with. */
static void test_resume(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work one, two;
    struct sink_rows rows;
    sink_rows_init(&rows, &arena, 1, "rows", every_kind);
    open_work(&one, &ledger);
    MUST(sink_begin(one.sink, &rows.sink_step, &err));
    put_batch(one.sink, 1, 5);
    put_batch(one.sink, 6, 10);
    MUST(sink_flush(one.sink, &err));
    sink_rows_must_put(one.sink, 11); /* of a batch that is never closed */
    close_work(&one);

    open_work(&two, &ledger);
    const struct checkpoint *found = sink_fenced_checkpoint(two.sink);
    assert_int_equal(found->origin, 1);
    assert_int_equal(found->fence_run, 2);
    assert_string_equal(found->cursor, "[10]");
    assert_string_equal(found->seen, "[5]");
    assert_int_equal(found->tally.rows_read, 10);

    /* The array of the last batch was never read by anybody who says so. */
    struct error refusal = {0};
    assert_int_equal(sink_begin(two.sink, &rows.sink_step, &refusal), -1);
    assert_non_null(strstr(refusal.message, "answers were not read"));
    MUST(sink_fenced_set_position(two.sink, "[10]", "[10]", &err));
    assert_string_equal(field("seen"), "[10]");
    MUST(sink_begin(two.sink, &rows.sink_step, &err));
    put_batch(two.sink, 11, 15);
    MUST(sink_flush(two.sink, &err));
    assert_string_equal(field("rows"), "15");
    assert_int_equal(sink_tally(two.sink)->rows_read, 5);
    assert_canaries("c:", 1, 15);
    close_work(&two);
}

/* What is carried again counts once: a batch whose answers nobody read, and a step without a
 * key from its beginning on. */
static void test_rows_count_once(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work one, two, three;
    struct sink_rows rows;
    sink_rows_init(&rows, &arena, 1, "rows", (const char *[]){"SET k:${name} ${n}", NULL});
    open_work(&one, &ledger);
    MUST(sink_begin(one.sink, &rows.sink_step, &err));
    put_batch(one.sink, 1, 5);
    put_batch(one.sink, 6, 8);
    MUST(sink_flush(one.sink, &err));
    assert_string_equal(field("rows"), "8");
    assert_string_equal(field("again"), "3");
    close_work(&one);

    open_work(&two, &ledger);
    MUST(sink_fenced_repeat(two.sink, &rows.step, "[5]", &err));
    assert_string_equal(field("cursor"), "[5]");
    assert_string_equal(field("seen"), "[5]");
    assert_string_equal(field("rows"), "5");
    assert_string_equal(field("commands"), "5");
    assert_string_equal(field("published"), "5");
    assert_string_equal(field("again"), "0");
    MUST(sink_begin(two.sink, &rows.sink_step, &err));
    put_batch(two.sink, 6, 10);
    MUST(sink_fenced_end_step(two.sink, 2, &err));
    assert_string_equal(field("rows"), "10");
    assert_string_equal(field("again"), "0");

    /* A step without a key has no cursor. */
    sink_rows_init(&rows, &arena, 0, NULL, (const char *[]){"SET l:${name} ${n}", NULL});
    rows.step.number = 2;
    MUST(sink_begin(two.sink, &rows.sink_step, &err));
    for (int64_t n = 1; n <= 6; n++) {
        sink_rows_must_put(two.sink, n);
        if (n % 3 == 0) MUST(sink_close_batch(two.sink, NULL, &err));
    }
    MUST(sink_flush(two.sink, &err));
    assert_string_equal(field("rows"), "16");
    assert_string_equal(field("again"), "6");
    close_work(&two);

    open_work(&three, &ledger);
    MUST(sink_fenced_repeat(three.sink, &rows.step, NULL, &err));
    assert_null(field("cursor"));
    assert_string_equal(field("rows"), "10");
    assert_string_equal(field("commands"), "10");
    assert_string_equal(field("published"), "10");
    assert_string_equal(field("again"), "0");
    assert_int_equal(sink_fenced_total(three.sink).rows_read, 10);
    close_work(&three);
}

static void test_finish(void **state)
{
    (void)state;
    static const char messages[] = "*3\r\n$7\r\nPUBLISH\r\n$1\r\nd\r\n$4\r\ndone\r\n";
    struct fenced_ledger ledger = {0};
    struct work work;
    const struct reply *reply = NULL;
    struct connection *listener = connect_to_shared();
    REDIS_ASK(listener, &reply, "SUBSCRIBE", "d");
    open_work(&work, &ledger);
    MUST(sink_fenced_finish(work.sink, messages, sizeof messages - 1, 1, &err));
    assert_int_equal(length_of("EXISTS", KEY), 0);
    assert_int_equal(length_of("EXISTS", "redferry:{l1}"), 1);
    close_work(&work);
    ledger.origin = 0;

    /* Without messages; and where Redis has lost the checkpoint, they are sent all the same. */
    open_work(&work, &ledger);
    MUST(sink_fenced_finish(work.sink, NULL, 0, 0, &err));
    assert_int_equal(length_of("EXISTS", KEY), 0);
    close_work(&work);
    ledger.origin = 0;
    open_work(&work, &ledger);
    REDIS_ASK(observer, &reply, "DEL", KEY);
    MUST(sink_fenced_finish(work.sink, messages, sizeof messages - 1, 1, &err));
    assert_int_equal(calls_of("publish"), 2);
    close_work(&work);

    /* The same where the connection went as well: that it was lost does not mean that it ran.
     */
    ledger.origin = 0;
    open_work(&work, &ledger);
    REDIS_ASK(observer, &reply, "DEL", KEY);
    REDIS_ASK(observer, &reply, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    MUST(sink_fenced_finish(work.sink, messages, sizeof messages - 1, 1, &err));
    assert_int_equal(calls_of("publish"), 3);
    close_work(&work);
    connection_close(listener);
}

/* ---- the fence -------------------------------------------------------------------------- */

static void test_a_second_sink_fences_the_first(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work one, two;
    struct sink_rows rows;
    sink_rows_init(&rows, &arena, 1, "rows", every_kind);
    open_work(&one, &ledger);
    MUST(sink_begin(one.sink, &rows.sink_step, &err));
    put_batch(one.sink, 1, 5);
    MUST(sink_flush(one.sink, &err));

    open_work(&two, &ledger);
    sink_rows_must_put(one.sink, 6); /* its HGET will show the other one's */
    assert_fails(one.sink, ERROR_OPERATOR, "fenced: another run has taken over");
    assert_int_equal(length_of("LLEN", "l"), 5);
    assert_null(ask("GET", "c:row6", NULL));
    /* Its connection is left outside of any transaction. */
    const struct reply *reply = NULL;
    REDIS_ASK(one.connection, &reply, "INCR", "outside");
    assert_int_equal(reply->type, REPLY_INTEGER);
    close_work(&one);

    MUST(sink_fenced_set_position(two.sink, "[5]", "[5]", &err));
    MUST(sink_begin(two.sink, &rows.sink_step, &err));
    put_batch(two.sink, 6, 10);
    MUST(sink_flush(two.sink, &err));
    assert_canaries("c:", 1, 10);
    close_work(&two);
}

/* An earlier run comes back after a later one: it is refused before it writes anything. */
static void test_an_earlier_run_is_refused(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work one, two;
    struct error err = {0};
    ledger.running = 6;
    open_work(&two, &ledger);
    ledger.running = 2;
    assert_int_equal(try_to_open(&one, &ledger, &err), -1);
    assert_int_equal(err.code, ERROR_OPERATOR);
    assert_string_equal(field("fence"), sink_fenced_checkpoint(two.sink)->fence);
    close_work(&one);
    close_work(&two);
}

/* A run that SQL has ended gets the fence, and no further. */
static void test_confirm_refuses(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct fenced_run run;
    struct sink *sink = NULL;
    struct error err = {0};
    struct connection *connection = connect_to_shared();
    fenced_run_begin(&run, &ledger);
    ledger.running = 2;
    const struct sink_fenced_options options = fenced_run_options(&run, connection);
    assert_int_equal(sink_fenced_open(&sink, &options, &err), -1);
    assert_string_equal(err.message, "run 1 was ended");
    assert_null(sink);
    connection_close(connection);
}

/* ---- rows whose commands fail ----------------------------------------------------------- */

/* Only what failed is kept, and it is sent before anything else. */
static void test_failed_commands_are_kept(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work one, two, three;
    struct sink_rows rows;
    const struct reply *reply = NULL;
    sink_rows_init(&rows, &arena, 1, "rows", every_kind);
    REDIS_ASK(observer, &reply, "SET", "c:row7", "no number");
    REDIS_ASK(observer, &reply, "RPUSH", "c:row8", "no string");
    open_work(&one, &ledger);
    MUST(sink_begin(one.sink, &rows.sink_step, &err));
    put_batch(one.sink, 1, 5);
    MUST(sink_flush(one.sink, &err));
    for (int64_t n = 6; n <= 10; n++) sink_rows_must_put(one.sink, n);
    assert_fails(one.sink, ERROR_FAILED,
                 "row 'row7': 'INCR c:${name}' failed: ERR value is not");
    assert_int_equal(sink_tally(one.sink)->commands_sent, 28);
    assert_int_equal(sink_tally(one.sink)->messages_published, 10);
    close_work(&one);
    assert_string_equal(field("cursor"), "[0]");
    assert_string_equal(field("seen"), "[0]");
    assert_string_equal(field("commands"), "28");
    assert_string_equal(field("failed"), "*2\r\n$4\r\nINCR\r\n$6\r\nc:row7\r\n"
                                         "*2\r\n$4\r\nINCR\r\n$6\r\nc:row8\r\n");

    /* One of the two is mended. */
    struct error refusal = {0};
    REDIS_ASK(observer, &reply, "DEL", "c:row7");
    open_work(&two, &ledger);
    assert_int_equal(sink_fenced_send_failed(two.sink, &refusal), -1);
    assert_int_equal(refusal.code, ERROR_FAILED);
    assert_non_null(
        strstr(refusal.message, "'INCR c:row8', 1 of 1 commands that failed before: "));
    assert_non_null(strstr(refusal.message, "WRONGTYPE"));
    close_work(&two);
    assert_string_equal(field("failed"), "*2\r\n$4\r\nINCR\r\n$6\r\nc:row8\r\n");
    assert_string_equal(field("commands"), "29");

    REDIS_ASK(observer, &reply, "DEL", "c:row8");
    open_work(&three, &ledger);
    MUST(sink_fenced_send_failed(three.sink, &err));
    assert_null(field("failed"));
    assert_string_equal(field("commands"), "30");
    assert_int_equal(sink_tally(three.sink)->commands_sent, 1);
    MUST(sink_begin(three.sink, &rows.sink_step, &err));
    put_batch(three.sink, 11, 12);
    MUST(sink_flush(three.sink, &err));
    assert_canaries("c:", 1, 12);
    assert_int_equal(length_of("LLEN", "l"), 12);
    close_work(&three);
}

/* They were sent again, and whoever sent them died before the answers came. */
static void test_failed_commands_unread(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work work;
    const struct reply *reply = NULL;
    open_work(&work, &ledger);
    close_work(&work);
    REDIS_ASK(observer, &reply, "HSET", KEY, "failed",
              "?*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*2\r\n$4\r\nINCR\r\n$1\r\nb\r\n");
    REDIS_ASK(observer, &reply, "SET", "a", "1");
    REDIS_ASK(observer, &reply, "SET", "b", "no number");
    struct error refusal = {0};
    open_work(&work, &ledger);
    assert_int_equal(sink_fenced_send_failed(work.sink, &refusal), -1);
    assert_int_equal(refusal.code, ERROR_FAILED);
    close_work(&work);
    REDIS_ASK(observer, &reply, "DEL", "b");
    open_work(&work, &ledger);
    MUST(sink_fenced_send_failed(work.sink, &err));
    close_work(&work);
    assert_string_equal(ask("GET", "a", NULL), "1");
    assert_string_equal(ask("GET", "b", NULL), "1");

    /* Where reading does not tell, a person is asked, and nothing is sent. */
    REDIS_ASK(observer, &reply, "HSET", KEY, "failed", "?*2\r\n$4\r\nINCR\r\n$1\r\nz\r\n");
    open_work(&work, &ledger);
    assert_int_equal(sink_fenced_send_failed(work.sink, &refusal), -1);
    assert_int_equal(refusal.code, ERROR_OPERATOR);
    close_work(&work);
    assert_null(ask("GET", "z", NULL));
}

/* What may run twice is not kept: the batch runs again. */
static void test_an_idempotent_batch_is_set_back(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work work;
    struct sink_rows rows;
    const struct reply *reply = NULL;
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){"HSET h:${name} n ${n}", NULL});
    REDIS_ASK(observer, &reply, "SET", "h:row7", "a string");
    open_work(&work, &ledger);
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    put_batch(work.sink, 1, 5);
    MUST(sink_flush(work.sink, &err));
    for (int64_t n = 6; n <= 10; n++) sink_rows_must_put(work.sink, n);
    assert_fails(work.sink, ERROR_FAILED,
                 "row 'row7': 'HSET h:${name} n ${n}' failed: WRONGTYPE");
    close_work(&work);
    assert_null(field("failed"));
    assert_string_equal(field("cursor"), "[5]");
    assert_string_equal(field("seen"), "[5]");
    assert_string_equal(field("rows"), "5");
}

static void test_unknown_command(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work work;
    struct sink_rows rows;
    const struct reply *reply = NULL;
    sink_rows_init(&rows, &arena, 1, NULL,
                   (const char *[]){"INCR c:${name}", "INCRR x ${n} secret", NULL});
    open_work(&work, &ledger);
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    sink_rows_must_put(work.sink, 1);
    assert_fails(work.sink, ERROR_FAILED,
                 "row 'row1': 'INCRR x ${n} secret' was refused: ERR unknown command");
    assert_null(field("cursor"));
    assert_null(ask("GET", "c:row1", NULL));
    REDIS_ASK(work.connection, &reply, "INCR", "outside");
    assert_int_equal(reply->type, REPLY_INTEGER);
    close_work(&work);
}

/* ---- refusals that may pass ------------------------------------------------------------- */

/* A server of our own, and a sink on it. */
static void open_on(struct work *work, struct fenced_ledger *ledger, const struct url *url)
{
    fenced_run_begin(&work->run, ledger);
    work->connection = redis_connect(url, NULL);
    const struct sink_fenced_options options = fenced_run_options(&work->run, work->connection);
    MUST(sink_fenced_open(&work->sink, &options, &err));
}

/* EXEC leaves before the batch's commands are all answered. One of the last is refused then:
 * the server itself executes nothing, and nothing of the batch behind it. */
static void test_refused_behind_exec(void **state)
{
    (void)state;
    enum { ROWS = 5000 };
    struct fenced_ledger ledger = {0};
    struct work work;
    struct sink_rows rows;
    const struct reply *reply = NULL;
    open_work(&work, &ledger);
    REDIS_ASK(observer, &reply, "ACL", "SETUSER", "narrow", "on", "nopass", "+@all", "~row*",
              "~redferry:*");
    REDIS_ASK(work.connection, &reply, "AUTH", "narrow", "any");
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){"INCR ${name}", NULL});
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    put_batch(work.sink, 1, ROWS);
    for (int64_t n = ROWS + 1; n < 2 * ROWS; n++) sink_rows_must_put(work.sink, n);
    MUST(sink_rows_put(work.sink, "forbidden", 2 * ROWS, &err));
    /* It may be known already when the batch is closed, or only a while later. */
    struct error err = {0};
    (void)sink_close_batch(work.sink, "[10000]", &err);
    for (int64_t n = 2 * ROWS + 1; n < 3 * ROWS && err.code == 0; n++)
        (void)sink_rows_put(work.sink, "row15000", n, &err);
    assert_fails(work.sink, ERROR_FAILED,
                 "row 'forbidden': 'INCR ${name}' was refused: NOPERM");
    assert_string_equal(field("cursor"), "[5000]");
    assert_canaries("", 1, ROWS);
    assert_null(ask("GET", "row5001", NULL));
    assert_null(ask("GET", "row15000", NULL));
    REDIS_ASK(observer, &reply, "ACL", "DELUSER", "narrow");
    close_work(&work);
}

/* Lifts what a server refuses for, once it has refused with code. */
struct lift {
    pthread_t thread;
    const struct url *url;
    const char *code; /* "errorstat_OOM" */
    const char *const *commands;
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
    struct fenced_ledger ledger = {0};
    struct work work;
    struct sink_rows rows;
    const struct reply *reply = NULL;
    redis_server_start(&server, "oom", (const char *[]){"--port", "0", NULL});
    const struct url *url = redis_url(&arena, "%s", server.url);
    struct connection *other = redis_connect(url, NULL);
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){"INCR ${name}", NULL});
    open_on(&work, &ledger, url);
    MUST(sink_begin(work.sink, &rows.sink_step, &err));

    REDIS_ASK(other, &reply, "CONFIG", "SET", "maxmemory", "1");
    struct lift lift = {.url = url,
                        .code = "errorstat_OOM",
                        .commands = (const char *[]){"CONFIG", "SET", "maxmemory", "0"}};
    assert_int_equal(pthread_create(&lift.thread, NULL, lift_when_refused, &lift), 0);
    for (int64_t n = 1; n <= 20; n++) put_batch(work.sink, n, n);
    MUST(sink_flush(work.sink, &err));
    assert_int_equal(pthread_join(lift.thread, NULL), 0);
    for (int n = 1; n <= 20; n++) {
        char key[16];
        (void)snprintf(key, sizeof key, "row%d", n);
        REDIS_ASK(other, &reply, "GET", key);
        assert_string_equal(reply->text, "1");
    }

    /* It lasts: it is given up soon, and nothing of the batch has run. */
    REDIS_ASK(other, &reply, "CONFIG", "SET", "maxmemory", "1");
    const int64_t begun_ms = clock_monotonic_ms();
    sink_rows_must_put(work.sink, 21);
    assert_fails(work.sink, ERROR_FAILED, "'INCR ${name}' was refused: OOM ");
    assert_in_range(clock_monotonic_ms() - begun_ms, 1900, 8000);
    REDIS_ASK(other, &reply, "EXISTS", "row21");
    assert_int_equal(reply->integer, 0);
    close_work(&work);
    connection_close(other);
    redis_server_stop(&server);
}

static void test_read_only_for_a_while(void **state)
{
    (void)state;
    struct redis_server server;
    struct fenced_ledger ledger = {0};
    struct work work;
    struct sink_rows rows;
    const struct reply *reply = NULL;
    redis_server_start(&server, "readonly", (const char *[]){"--port", "0", NULL});
    const struct url *url = redis_url(&arena, "%s", server.url);
    struct connection *other = redis_connect(url, NULL);
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){"INCR ${name}", NULL});
    open_on(&work, &ledger, url);
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    put_batch(work.sink, 1, 1);
    MUST(sink_flush(work.sink, &err));
    REDIS_ASK(other, &reply, "REPLICAOF", "127.0.0.1", "1");
    struct lift lift = {.url = url,
                        .code = "errorstat_READONLY",
                        .commands = (const char *[]){"REPLICAOF", "NO", "ONE", NULL}};
    assert_int_equal(pthread_create(&lift.thread, NULL, lift_when_refused, &lift), 0);
    for (int64_t n = 2; n <= 5; n++) put_batch(work.sink, n, n);
    MUST(sink_flush(work.sink, &err));
    assert_int_equal(pthread_join(lift.thread, NULL), 0);
    REDIS_ASK(other, &reply, "MGET", "row1", "row2", "row5");
    for (size_t i = 0; i < 3; i++) assert_string_equal(reply_element(reply, i)->text, "1");
    assert_true(ledger.asked_again > 0);
    close_work(&work);
    connection_close(other);
    redis_server_stop(&server);
}

/* ---- connections that go, and checkpoints ----------------------------------------------- */

static void test_killed_in_mid_stream(void **state)
{
    (void)state;
    enum { ROWS = 400 };
    struct fenced_ledger ledger = {0};
    struct work work;
    struct sink_rows rows;
    const struct reply *reply = NULL;
    sink_rows_init(&rows, &arena, 1, "rows", every_kind);
    open_work(&work, &ledger);
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    for (int64_t n = 1; n <= ROWS; n += 10) {
        put_batch(work.sink, n, n + 9);
        if (n % 50 == 1)
            REDIS_ASK(observer, &reply, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    }
    MUST(sink_flush(work.sink, &err));
    /* An idle connection may go as often as it likes. */
    for (int i = 0; i < 5; i++) {
        REDIS_ASK(observer, &reply, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        struct error err = {0};
        assert_int_equal(sink_wait(work.sink, -1, 20, &err), 0);
    }
    MUST(sink_fenced_end_step(work.sink, 2, &err));
    assert_canaries("c:", 1, ROWS);
    assert_int_equal(length_of("LLEN", "l"), ROWS);
    assert_int_equal(length_of("XLEN", "x"), ROWS);
    assert_int_equal(sink_tally(work.sink)->rows_read, ROWS);
    assert_true(ledger.asked_again >= 8);
    close_work(&work);
}

/* Somebody else's hand in the checkpoint: nothing is written any more. */
static void test_a_touched_checkpoint(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work work;
    struct sink_rows rows;
    const struct reply *reply = NULL;
    struct error err = {0};
    int64_t n = 0;
    int result = 0;
    sink_rows_init(&rows, &arena, 1, "rows", every_kind);
    open_work(&work, &ledger);
    assert_int_equal(sink_begin(work.sink, &rows.sink_step, &err), 0);
    /* Sooner or later this comes between a WATCH and its EXEC. */
    while (result == 0 && n < 5000) {
        char cursor[32];
        sink_rows_must_put(work.sink, ++n);
        (void)snprintf(cursor, sizeof cursor, "[%lld]", (long long)n);
        result = sink_close_batch(work.sink, cursor, &err);
        REDIS_ASK(observer, &reply, "HSET", KEY, "note", cursor);
        if (result == 0) result = sink_flush(work.sink, &err);
    }
    assert_int_equal(result, -1);
    assert_int_equal(err.code, ERROR_OPERATOR);
    assert_non_null(strstr(err.message, "somebody changed"));
    assert_int_equal(length_of("LLEN", "l"), n - 1);
    close_work(&work);
}

static void test_a_lost_checkpoint(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work work;
    struct sink_rows rows;
    const struct reply *reply = NULL;
    sink_rows_init(&rows, &arena, 1, "rows", every_kind);
    open_work(&work, &ledger);
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    put_batch(work.sink, 1, 5);
    MUST(sink_flush(work.sink, &err));
    REDIS_ASK(observer, &reply, "FLUSHALL");
    sink_rows_must_put(work.sink, 6);
    assert_fails(work.sink, ERROR_OPERATOR, "the checkpoint is lost");
    assert_int_equal(ledger.asked_again, 1);
    assert_false(sink_fenced_went_back(work.sink));
    assert_int_equal(length_of("DBSIZE", NULL), 0);
    close_work(&work);
}

/* Where all may be done again, it is: from the beginning, on the same sink. */
static void test_a_lost_checkpoint_that_is_replaced(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work work;
    struct sink_rows rows;
    const struct reply *reply = NULL;
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){"HSET h:${name} n ${n}", NULL});
    open_work(&work, &ledger);
    work.run.starts_over = true;
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    put_batch(work.sink, 1, 5);
    MUST(sink_flush(work.sink, &err));
    REDIS_ASK(observer, &reply, "FLUSHALL");
    sink_rows_must_put(work.sink, 6);
    assert_fails(work.sink, ERROR_REDIS_UNREACHABLE, "another checkpoint");
    assert_true(sink_fenced_went_back(work.sink));
    MUST(sink_fenced_go_back(work.sink, &err));
    const struct checkpoint *checkpoint = sink_fenced_checkpoint(work.sink);
    assert_int_equal(checkpoint->step, 1);
    assert_null(checkpoint->cursor);
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    put_batch(work.sink, 1, 10);
    MUST(sink_flush(work.sink, &err));
    MUST(sink_fenced_end_step(work.sink, 2, &err));
    assert_string_equal(field("rows"), "10");
    assert_int_equal(length_of("EXISTS", "h:row1"), 1);
    close_work(&work);
}

/* Redis came back with what it knew some batches ago. */
static void test_an_older_redis(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work work;
    struct sink_rows rows;
    const struct reply *reply = NULL;
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){"HSET h:${name} n ${n}", NULL});
    open_work(&work, &ledger);
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    put_batch(work.sink, 1, 5);
    MUST(sink_flush(work.sink, &err));
    REDIS_ASK(observer, &reply, "COPY", KEY, "older");
    put_batch(work.sink, 6, 10);
    MUST(sink_flush(work.sink, &err));
    REDIS_ASK(observer, &reply, "RENAME", "older", KEY);
    REDIS_ASK(observer, &reply, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    sink_rows_must_put(work.sink, 11);
    assert_fails(work.sink, ERROR_REDIS_UNREACHABLE, "another checkpoint: step 1, 5 rows");
    assert_true(sink_fenced_went_back(work.sink));
    MUST(sink_fenced_go_back(work.sink, &err));
    assert_string_equal(sink_fenced_checkpoint(work.sink)->cursor, "[5]");
    MUST(sink_fenced_set_position(work.sink, "[5]", "[5]", &err));
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    put_batch(work.sink, 6, 11);
    MUST(sink_flush(work.sink, &err));
    assert_string_equal(field("rows"), "11");
    close_work(&work);
}

/* A leftover of another chain of runs is replaced. */
static void test_a_leftover(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work work;
    const struct reply *reply = NULL;
    REDIS_ASK(observer, &reply, "HSET", KEY, "fence", "0.a.1", "origin", "99", "step", "3",
              "cursor", "[7]", "note", "x");
    open_work(&work, &ledger);
    assert_int_equal(sink_fenced_checkpoint(work.sink)->step, 1);
    assert_null(sink_fenced_checkpoint(work.sink)->cursor);
    assert_string_equal(field("origin"), "1");
    assert_null(field("cursor"));
    assert_null(field("note"));
    close_work(&work);

    REDIS_ASK(observer, &reply, "DEL", KEY);
    REDIS_ASK(observer, &reply, "SET", KEY, "no hash");
    struct error refusal = {0};
    assert_int_equal(try_to_open(&work, &ledger, &refusal), -1);
    assert_int_equal(refusal.code, ERROR_OPERATOR);
    close_work(&work);
}

/* Always the same batch: that is no accident any more. */
static void test_three_losses(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct work work;
    struct sink_rows rows;
    char path[108];
    char command[6100];
    char pad[6001] = "";
    memset(pad, 'p', sizeof pad - 1);
    (void)snprintf(command, sizeof command, "APPEND ${name} %s", pad);
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){command, NULL});
    (void)snprintf(path, sizeof path, "%.90s/proxy", getenv("REDFERRY_TEST_DIR"));
    struct fault_proxy *proxy = fault_proxy_start(path, getenv("REDFERRY_TEST_REDIS_SOCKET"));
    fault_proxy_arm(proxy, &(struct fault_plan){
                               .direction = FAULT_REQUESTS, .cut_at = 4000, .always = true});
    open_on(&work, &ledger, redis_url(&arena, "unix://%s", path));
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    sink_rows_must_put(work.sink, 1);
    assert_fails(work.sink, ERROR_REDIS_UNREACHABLE,
                 "lost 3 times in a row with the same batch");
    assert_int_equal(ledger.asked_again, 2);
    close_work(&work);
    fault_proxy_stop(proxy);
}

/* ---- the setting ------------------------------------------------------------------------ */

static int before_each(void **state)
{
    (void)state;
    const struct reply *reply = NULL;
    REDIS_ASK(observer, &reply, "FLUSHALL");
    REDIS_ASK(observer, &reply, "CONFIG", "RESETSTAT");
    return 0;
}

/* Who has to stop ends what is on its way, and sends none of what waits behind it. */
static void test_what_is_not_sent_is_dropped(void **state)
{
    (void)state;
    struct fenced_ledger ledger = {0};
    struct sink_rows rows;
    struct work work;
    const struct reply *reply = NULL;
    sink_rows_init(&rows, &arena, 1, NULL, (const char *const[]){"RPUSH list ${n}", NULL});
    open_work(&work, &ledger);
    MUST(sink_begin(work.sink, &rows.sink_step, &err));
    REDIS_ASK(observer, &reply, "CLIENT", "PAUSE", "60000", "WRITE");
    for (int64_t n = 1; n <= 5; n++) put_batch(work.sink, n, n);
    assert_int_equal(length_of("LLEN", "list"), 0);
    sink_fenced_drop_unsent(work.sink);
    REDIS_ASK(observer, &reply, "CLIENT", "UNPAUSE");
    MUST(sink_flush(work.sink, &err));

    const int64_t sent = length_of("LLEN", "list");
    assert_in_range(sent, 1, 2);
    assert_int_equal(sink_tally(work.sink)->commands_sent, sent);
    assert_string_equal(field("cursor"), sent == 1 ? "[1]" : "[2]");
    assert_string_equal(sink_cursor(work.sink), field("cursor"));
    close_work(&work);
}

/* One small crossing on a connection that lives on. Returns 0 or -1 with err. */
static int cross(struct work *work, const struct sink_rows *rows, struct error *err)
{
    const struct sink_fenced_options options = fenced_run_options(&work->run, work->connection);
    int result = -1;
    if (sink_fenced_open(&work->sink, &options, err) == 0 &&
        sink_begin(work->sink, &rows->sink_step, err) == 0 &&
        sink_rows_put(work->sink, "a", 1, err) == 0 &&
        sink_close_batch(work->sink, "[1]", err) == 0 && sink_flush(work->sink, err) == 0 &&
        sink_fenced_end_step(work->sink, 2, err) == 0)
        result = sink_fenced_finish(work->sink, NULL, 0, 0, err);
    sink_close(work->sink);
    work->sink = NULL;
    return result;
}

/* Whatever it could not do: who asks next on this connection is answered what was asked, or
 * told that there is no connection any more. */
static void test_memory_runs_out(void **state)
{
    struct sink_rows rows;
    bool happened = true;
    sink_rows_init(&rows, &arena, 1, "rows", (const char *[]){"SET ${name} ${n}", NULL});
    for (size_t nth = 1; happened; nth++) {
        for (int forever = 0; forever < 2; forever++) {
            struct fenced_ledger ledger = {0};
            struct work work = {.connection = connect_to_shared()};
            struct error err = {0}, later = {0};
            const struct reply *reply = NULL;
            before_each(state);
            fenced_run_begin(&work.run, &ledger);
            alloc_fail_at(nth, forever == 1);
            const int result = cross(&work, &rows, &err);
            happened = alloc_fail_happened();
            alloc_fail_never();
            if (result != 0 && strstr(err.message, "out of memory") == NULL)
                fail_msg("allocation %zu: %s", nth, err.message);
            if (!happened) assert_int_equal(result, 0);
            if (connection_ask(work.connection, &reply, &later, "PING", (const char *)NULL) ==
                    0 &&
                !reply_is_status(reply, "PONG"))
                fail_msg("allocation %zu: PING is answered with '%s'", nth, reply->text);
            if (reply != NULL) assert_int_equal(reply->type, REPLY_STATUS);
            connection_close(work.connection);
        }
    }
}

int main(void)
{
    observer = connect_to_shared();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_migration, before_each),
        cmocka_unit_test_setup(test_a_step_without_source, before_each),
        cmocka_unit_test_setup(test_resume, before_each),
        cmocka_unit_test_setup(test_rows_count_once, before_each),
        cmocka_unit_test_setup(test_finish, before_each),
        cmocka_unit_test_setup(test_a_second_sink_fences_the_first, before_each),
        cmocka_unit_test_setup(test_an_earlier_run_is_refused, before_each),
        cmocka_unit_test_setup(test_confirm_refuses, before_each),
        cmocka_unit_test_setup(test_failed_commands_are_kept, before_each),
        cmocka_unit_test_setup(test_failed_commands_unread, before_each),
        cmocka_unit_test_setup(test_an_idempotent_batch_is_set_back, before_each),
        cmocka_unit_test_setup(test_unknown_command, before_each),
        cmocka_unit_test_setup(test_refused_behind_exec, before_each),
        cmocka_unit_test_setup(test_out_of_memory, before_each),
        cmocka_unit_test_setup(test_read_only_for_a_while, before_each),
        cmocka_unit_test_setup(test_killed_in_mid_stream, before_each),
        cmocka_unit_test_setup(test_a_touched_checkpoint, before_each),
        cmocka_unit_test_setup(test_a_lost_checkpoint, before_each),
        cmocka_unit_test_setup(test_a_lost_checkpoint_that_is_replaced, before_each),
        cmocka_unit_test_setup(test_an_older_redis, before_each),
        cmocka_unit_test_setup(test_a_leftover, before_each),
        cmocka_unit_test_setup(test_three_losses, before_each),
        cmocka_unit_test_setup(test_what_is_not_sent_is_dropped, before_each),
        cmocka_unit_test(test_memory_runs_out),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    connection_close(observer);
    arena_release(&arena);
    return failures;
}
