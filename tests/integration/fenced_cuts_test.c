// servers: redis
// not under valgrind: thousands of runs; sink_fenced_test does the same a few times
// not with sanitizers: thousands of runs; sink_fenced_test does the same a few times
/* sink_fenced under a proxy that cuts the connection after every single byte of what is asked
 * and of what is answered, and that delivers what it cut off late: whatever happens, by the
 * sink itself or by a second one that goes on, every row is written once. The commands are the
 * ones that must not be repeated. Batches so large that their EXEC leaves before they are
 * answered are cut at some places only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "buffer.h"
#include "checkpoint.h"
#include "command.h"
#include "connection.h"
#include "error.h"
#include "fault_proxy.h"
#include "fenced_policy.h"
#include "redis_url.h"
#include "reply.h"
#include "sink.h"
#include "sink_fenced.h"
#include "sink_rows.h"
#include "stop.h"
#include "url.h"

enum { STEPS = 2, MOST_RUNS = 5 };

/* How many rows each step has, in batches of how many; and every how manyth byte is cut. */
struct size {
    int64_t rows;
    int64_t batch;
    int64_t stride;
};
static const struct size small = {4, 2, 1};
static const struct size large = {1000, 500, 1999}; /* batches of 30 to 50 kB */
static struct size size;

#define KEY "redferry:{l1}:20250301090000"

static const char done_message[] = "*3\r\n$7\r\nPUBLISH\r\n$1\r\nd\r\n$1\r\n1\r\n";

static struct arena arena;
static struct connection *observer;
static struct connection *listener; /* subscribed to "p" and "d" */
static struct fault_proxy *proxy;
static const struct url *url; /* through the proxy */
static struct sink_rows steps[STEPS];

/* A connection's first words and their answers: where they are cut, nothing has begun yet, so
 * not every byte of them has to be. */
enum { GREETING_STRIDE = 97 };
struct range {
    int64_t from;
    int64_t to;
};
static struct range greetings[MOST_RUNS]; /* of the whole migration, uncut */
static size_t greeting_count;
static enum fault_direction measured; /* FAULT_NONE: they are not being measured */

static int64_t next_offset(int64_t offset)
{
    for (size_t i = 0; i < greeting_count; i++)
        if (offset >= greetings[i].from && offset + GREETING_STRIDE < greetings[i].to)
            return offset + GREETING_STRIDE;
    return offset + size.stride;
}

/* ---- a migration of two steps ----------------------------------------------------------- */

/* A cursor is the number of the last row. */
static int64_t row_of(const char *cursor)
{
    return cursor == NULL ? 0 : atoll(cursor + 1);
}

/* What the run does where the answers of a batch were never read: it renders its rows again,
 * and has the sink look. */
static int settle_unread(struct sink *sink, const struct sink_rows *rows, struct error *err)
{
    const struct checkpoint *found = sink_fenced_checkpoint(sink);
    struct buffer commands = {0};
    size_t unknown = 0;
    if (checkpoint_is_settled(found)) return 0;
    for (int64_t n = row_of(found->seen) + 1; n <= row_of(found->cursor); n++) {
        char digits[24], name[32];
        (void)snprintf(name, sizeof name, "row%lld", (long long)n);
        const struct value values[] = {value_text(name), value_integer(n, digits)};
        const struct row row = {&sink_rows_columns, values};
        for (size_t i = 0; i < rows->step.command_count; i++) {
            if (command_render(&rows->commands[i], &row, &commands, err) != 0)
                fail_msg("%s", err->message);
        }
    }
    int result = sink_fenced_check_unread(sink, commands.bytes, commands.length, &unknown, err);
    buffer_release(&commands);
    return result;
}

static int carry(struct sink *sink, const struct sink_rows *rows, int64_t first,
                 struct error *err)
{
    char text[32];
    if (sink_begin(sink, &rows->sink_step, err) != 0) return -1;
    for (int64_t n = first; n <= size.rows; n++) {
        (void)snprintf(text, sizeof text, "row%lld", (long long)n);
        if (sink_rows_put(sink, text, n, err) != 0) return -1;
        (void)snprintf(text, sizeof text, "[%lld]", (long long)n);
        if ((n % size.batch == 0 || n == size.rows) && sink_close_batch(sink, text, err) != 0)
            return -1;
    }
    if (sink_flush(sink, err) != 0) return -1;
    return sink_fenced_end_step(sink, rows->step.number + 1, err);
}

/* ---- Redis, as it was ------------------------------------------------------------------- */

static bool is_to_rewind; /* once, as soon as a sink has come back */
static const char no_number[] = "no number";

/* Redis has been restarted, and knows of no row: as it was when the fence was first taken. */
static void rewind_redis(void)
{
    const struct reply *reply = NULL;
    char key[32];
    for (int64_t n = 1; n <= size.rows; n++) {
        (void)snprintf(key, sizeof key, "c:row%lld", (long long)n);
        REDIS_ASK(observer, &reply, "GET", key);
        if (reply->type == REPLY_TEXT && strcmp(reply->text, no_number) == 0) continue;
        REDIS_ASK(observer, &reply, "DEL", key);
    }
    REDIS_ASK(observer, &reply, "DEL", "l", "x");
    REDIS_ASK(observer, &reply, "HDEL", KEY, "cursor", "seen", "failed");
    REDIS_ASK(observer, &reply, "HSET", KEY, "step", "1", "rows", "0", "commands", "0",
              "published", "0");
}

/* Rewinding behind what `found` says: the sink is told, and looks again. */
static int decide(void *context, const struct checkpoint *found, bool again,
                  enum fence_answer *answer, struct error *err)
{
    if (again && is_to_rewind) {
        is_to_rewind = false;
        rewind_redis();
    }
    return fenced_run_decide(context, found, again, answer, err);
}

/* One run of the migration, from wherever the checkpoint stands. */
static int run_once(struct fenced_ledger *ledger, struct error *err)
{
    struct fenced_run run;
    struct connection *connection = NULL;
    struct sink *sink = NULL;
    int result = -1;
    fenced_run_begin(&run, ledger);
    const int64_t from = fault_proxy_count(proxy, measured);
    if (connection_open(&connection, url, NULL, err) != 0) return -1;
    if (measured != FAULT_NONE)
        greetings[greeting_count++] =
            (struct range){.from = from, .to = fault_proxy_count(proxy, measured)};
    struct sink_fenced_options options = fenced_run_options(&run, connection);
    options.fence.decide = decide;
    if (!ledger->applied) {
        if (sink_fenced_open(&sink, &options, err) != 0) goto done;
        const struct checkpoint *found = sink_fenced_checkpoint(sink);
        int64_t first = row_of(found->cursor) + 1;
        const int64_t step = found->step;
        if (step <= STEPS && settle_unread(sink, &steps[step - 1], err) != 0) goto done;
        if (sink_fenced_send_failed(sink, err) != 0) goto done;
        for (int64_t i = step; i <= STEPS; i++) {
            if (carry(sink, &steps[i - 1], first, err) != 0) goto done;
            first = 1;
        }
        ledger->applied = true;
    } else if (sink_fenced_open(&sink, &options, err) != 0) {
        goto done;
    }
    result = sink_fenced_finish(sink, done_message, sizeof done_message - 1, 1, err);
done:
    sink_close(sink);
    connection_close(connection);
    return result;
}

/* ---- what must be true afterwards ------------------------------------------------------- */

static int64_t ask_number(const char *name, const char *key)
{
    const struct reply *reply = NULL;
    REDIS_ASK(observer, &reply, name, key);
    return reply->type == REPLY_INTEGER ? reply->integer
           : reply->type == REPLY_TEXT  ? atoll(reply->text)
                                        : -1;
}

/* How many messages were heard on each channel: everything published before this call. */
static void hear(int64_t *rows, int64_t *done)
{
    struct error err = {0};
    const struct reply *reply = NULL;
    REDIS_ASK(observer, &reply, "PUBLISH", "end", "1");
    *rows = *done = 0;
    for (;;) {
        struct stop_poll wire = connection_poll(listener, false);
        int got = connection_receive(listener, &reply, &err);
        if (got < 0) fail_msg("%s", err.message);
        if (got == 0) {
            assert_int_equal(stop_wait(NULL, &wire, 1, 5000, false, &err), 1);
            continue;
        }
        const char *channel = reply_element(reply, 1)->text;
        if (strcmp(channel, "end") == 0) return;
        ++*(strcmp(channel, "p") == 0 ? rows : done);
    }
}

/* may_repeat: what Redis has forgotten is heard again. */
static void assert_once(const char *how, int64_t offset, bool may_repeat)
{
    char key[32];
    int64_t rows = 0;
    int64_t done = 0;
    for (int64_t n = 1; n <= size.rows; n++) {
        (void)snprintf(key, sizeof key, "c:row%lld", (long long)n);
        if (ask_number("GET", key) != 1)
            fail_msg("%s %lld: %s is %lld", how, (long long)offset, key,
                     (long long)ask_number("GET", key));
    }
    hear(&rows, &done);
    if (ask_number("LLEN", "l") != size.rows || ask_number("XLEN", "x") != size.rows ||
        rows < size.rows || (rows > size.rows && !may_repeat))
        fail_msg("%s %lld: %lld in the list, %lld in the stream, %lld heard", how,
                 (long long)offset, (long long)ask_number("LLEN", "l"),
                 (long long)ask_number("XLEN", "x"), (long long)rows);
    if (done < 1) fail_msg("%s %lld: not announced", how, (long long)offset);
    if (ask_number("EXISTS", KEY) != 0)
        fail_msg("%s %lld: the checkpoint is left behind", how, (long long)offset);
}

/* ---- the runs --------------------------------------------------------------------------- */

struct score {
    bool rewinds; /* Redis, when a sink comes back */
    int64_t rewound;
    int64_t offsets;
    int64_t runs;
    int64_t reconnections;
    int64_t failures; /* of a row's command */
};

/* A row's command fails until somebody mends its key. */
static void spoil(const char *key)
{
    const struct reply *reply = NULL;
    REDIS_ASK(observer, &reply, "SET", key, no_number);
}

/* Mend the key where it was the cause. Returns whether it was. */
static bool mend(const char *key, const struct error *err)
{
    const struct reply *reply = NULL;
    if (err->code != ERROR_FAILED) return false;
    assert_non_null(strstr(err->message, "INCR"));
    REDIS_ASK(observer, &reply, "DEL", key);
    return true;
}

/* Run the migration under plan until it is done, and look. */
static void run_under(const struct fault_plan *plan, const char *how, const char *spoilt,
                      struct score *score)
{
    struct fenced_ledger ledger = {0};
    struct error err = {0};
    const struct reply *reply = NULL;
    int runs = 0;
    is_to_rewind = score->rewinds;
    REDIS_ASK(observer, &reply, "FLUSHALL");
    if (spoilt != NULL) spoil(spoilt);
    fault_proxy_arm(proxy, plan);
    while (run_once(&ledger, &err) != 0) {
        if (++runs == MOST_RUNS)
            fail_msg("%s %lld: %d: %s", how, (long long)plan->cut_at, err.code, err.message);
        if (spoilt != NULL && mend(spoilt, &err)) score->failures++;
    }
    const bool has_rewound = score->rewinds && !is_to_rewind;
    is_to_rewind = false;
    assert_once(how, plan->cut_at, has_rewound);
    score->rewound += has_rewound;
    score->offsets++;
    score->runs += runs + 1;
    score->reconnections += ledger.asked_again;
}

static void cut_with(struct score *score, struct fault_plan plan, const char *how,
                     int64_t late_step, const char *spoilt)
{
    const struct fault_plan whole = {.direction = FAULT_NONE};
    greeting_count = 0;
    measured = plan.direction;
    run_under(&whole, how, spoilt, score);
    measured = FAULT_NONE;
    const int64_t total = fault_proxy_count(proxy, plan.direction);
    int64_t greeted = 0;
    for (size_t i = 0; i < greeting_count; i++) greeted += greetings[i].to - greetings[i].from;
    for (plan.cut_at = 1; plan.cut_at <= total; plan.cut_at = next_offset(plan.cut_at)) {
        /* Spread over the new connection: its introduction, its taking of the fence, its work.
         */
        plan.late_after = late_step == 0 ? 0 : plan.cut_at * late_step % 1500;
        run_under(&plan, how, spoilt, score);
        /* Whether the next body was on its way when a row failed is a matter of time, and so is
         * how many bytes there are. */
        if (!fault_proxy_has_cut(proxy)) assert_true(spoilt != NULL && plan.cut_at > total / 2);
    }
    print_message("%s: %lld offsets, %lld runs, the fence taken again %lld times\n", how,
                  (long long)score->offsets, (long long)score->runs,
                  (long long)score->reconnections);
    const int64_t wanted = (total - greeted) / size.stride;
    assert_true(score->offsets > wanted && wanted > 20);
    assert_true(score->reconnections > 0);
    assert_int_equal(score->rewound > 0, score->rewinds);
    /* However it is cut, who failed is found, once. */
    assert_int_equal(score->failures, spoilt == NULL ? 0 : score->offsets);
}

/* The same at some places of a migration of large batches. */
static void cut_large(struct fault_plan plan, const char *how)
{
    struct score score = {0};
    size = large;
    cut_with(&score, plan, how, 0, NULL);
}

static void cut_everywhere(struct fault_plan plan, const char *how, int64_t late_step,
                           const char *spoilt)
{
    struct score score = {0};
    size = small;
    cut_with(&score, plan, how, late_step, spoilt);
}

static void test_requests(void **state)
{
    (void)state;
    cut_everywhere((struct fault_plan){.direction = FAULT_REQUESTS}, "requests cut", 0, NULL);
}

static void test_replies(void **state)
{
    (void)state;
    cut_everywhere((struct fault_plan){.direction = FAULT_REPLIES}, "replies cut", 0, NULL);
}

static void test_requests_delivered_late(void **state)
{
    (void)state;
    cut_everywhere((struct fault_plan){.direction = FAULT_REQUESTS, .late = true},
                   "requests late, at once", 0, NULL);
}

static void test_requests_delivered_later(void **state)
{
    (void)state;
    cut_everywhere((struct fault_plan){.direction = FAULT_REQUESTS, .late = true},
                   "requests late, in between", 7919, NULL);
}

static void test_large_batches(void **state)
{
    (void)state;
    cut_large((struct fault_plan){.direction = FAULT_REQUESTS}, "large requests cut");
    cut_large((struct fault_plan){.direction = FAULT_REPLIES}, "large replies cut");
    cut_large((struct fault_plan){.direction = FAULT_REQUESTS, .late = true},
              "large requests late");
}

static void test_replies_with_a_failure(void **state)
{
    (void)state;
    cut_everywhere((struct fault_plan){.direction = FAULT_REPLIES},
                   "replies with a failure cut", 0, "c:row2");
}

static void test_requests_with_a_failure(void **state)
{
    (void)state;
    cut_everywhere((struct fault_plan){.direction = FAULT_REQUESTS, .late = true},
                   "requests with a failure late", 7919, "c:row4");
}

/* What was written down of a batch that Redis has forgotten would be all that is left of it. */
static void test_replies_of_an_older_redis(void **state)
{
    struct score score = {.rewinds = true};
    size = small;
    (void)state;
    cut_with(&score, (struct fault_plan){.direction = FAULT_REPLIES},
             "replies cut by a restart", 0, "c:row2");
}

int main(void)
{
    const struct reply *reply = NULL;
    const char *socket_path = getenv("REDFERRY_TEST_REDIS_SOCKET");
    char path[108];
    (void)snprintf(path, sizeof path, "%.90s/proxy", getenv("REDFERRY_TEST_DIR"));
    proxy = fault_proxy_start(path, socket_path);
    observer = redis_connect(redis_url(&arena, "unix://%s", socket_path), NULL);
    listener = redis_connect(redis_url(&arena, "unix://%s", socket_path), NULL);
    REDIS_ASK(listener, &reply, "SUBSCRIBE", "p");
    REDIS_ASK(listener, &reply, "SUBSCRIBE", "d");
    REDIS_ASK(listener, &reply, "SUBSCRIBE", "end");
    url = redis_url(&arena, "unix://%s", path);
    sink_rows_init(&steps[0], &arena, 1, NULL,
                   (const char *[]){"INCR c:${name}", "RPUSH l ${n}", NULL});
    sink_rows_init(&steps[1], &arena, 1, "p", (const char *[]){"XADD x * n ${n}", NULL});
    steps[1].step.number = 2;

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_requests_delivered_late),
        cmocka_unit_test(test_requests_delivered_later),
        cmocka_unit_test(test_large_batches),
        cmocka_unit_test(test_replies_with_a_failure),
        cmocka_unit_test(test_requests_with_a_failure),
        cmocka_unit_test(test_replies_of_an_older_redis),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    fault_proxy_stop(proxy);
    connection_close(observer);
    connection_close(listener);
    arena_release(&arena);
    return failures;
}
