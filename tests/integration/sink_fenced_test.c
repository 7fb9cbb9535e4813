// servers: redis
/* sink_fenced: batches and the checkpoint arrive together and once; who takes the fence stops
 * who had it; what a server refuses, what a row's command fails with, and what is left behind
 * for the next run. Cut connections are fenced_cuts_test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agenda.h"
#include "arena.h"
#include "checkpoint.h"
#include "clock.h"
#include "connection.h"
#include "error.h"
#include "fenced_policy.h"
#include "redis_server.h"
#include "redis_url.h"
#include "reply.h"
#include "sink.h"
#include "sink_fenced.h"
#include "sink_rows.h"
#include "stop.h"

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

/* ---- the setting ------------------------------------------------------------------------ */

static int before_each(void **state)
{
    (void)state;
    const struct reply *reply = NULL;
    REDIS_ASK(observer, &reply, "FLUSHALL");
    REDIS_ASK(observer, &reply, "CONFIG", "RESETSTAT");
    return 0;
}

int main(void)
{
    observer = connect_to_shared();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_migration, before_each),
        cmocka_unit_test_setup(test_a_step_without_source, before_each),
        cmocka_unit_test_setup(test_resume, before_each),
        cmocka_unit_test_setup(test_finish, before_each),
        cmocka_unit_test_setup(test_a_second_sink_fences_the_first, before_each),
        cmocka_unit_test_setup(test_an_earlier_run_is_refused, before_each),
        cmocka_unit_test_setup(test_confirm_refuses, before_each),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    connection_close(observer);
    arena_release(&arena);
    return failures;
}
