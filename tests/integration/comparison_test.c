// servers: redis
/* comparison: rows' commands held against a real Redis: every verdict, over many chunks, with
 * commands that overwrite each other, and with a server that says no. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "arena.h"
#include "buffer.h"
#include "command.h"
#include "comparison.h"
#include "connection.h"
#include "dispute.h"
#include "error.h"
#include "fault_proxy.h"
#include "redis_server.h"
#include "redis_url.h"
#include "reply.h"
#include "resp.h"
#include "sink_rows.h"

enum { MOST_LINES = 8 };

static struct arena arena;
static struct connection *connection;

/* A step's commands, and what is counted of them. */
struct sheet {
    struct sink_rows rows;
    struct comparison_line lines[MOST_LINES];
};

static void sheet_init(struct sheet *sheet, const char *const *writes)
{
    sink_rows_init(&sheet->rows, &arena, 1, NULL, writes);
    for (size_t i = 0; i < sheet->rows.step.command_count; i++)
        sheet->lines[i] = comparison_line(&sheet->rows.commands[i]);
}

static int put(struct comparison *comparison, struct sheet *sheet, const char *name, int64_t n,
               struct error *err)
{
    char digits[24];
    const struct value values[] = {value_text(name), value_integer(n, digits)};
    const struct row row = {&sink_rows_columns, values};
    return comparison_put(comparison, sheet->lines, sheet->rows.step.command_count, &row, err);
}

static void must_put(struct comparison *comparison, struct sheet *sheet, const char *name,
                     int64_t n)
{
    struct error err = {0};
    if (put(comparison, sheet, name, n, &err) != 0) fail_msg("%s", err.message);
}

static struct comparison *begin(size_t limit)
{
    struct error err = {0};
    struct comparison *comparison = NULL;
    if (comparison_open(&comparison, connection, limit, &err) != 0) fail_msg("%s", err.message);
    return comparison;
}

static void flush(struct comparison *comparison)
{
    struct error err = {0};
    if (comparison_flush(comparison, &err) != 0) fail_msg("%s", err.message);
}

/* Send a row's commands for real. Nothing is in flight. */
static void carry(struct sheet *sheet, const char *name, int64_t n)
{
    char digits[24];
    const struct value values[] = {value_text(name), value_integer(n, digits)};
    const struct row row = {&sink_rows_columns, values};
    for (size_t i = 0; i < sheet->rows.step.command_count; i++) {
        struct buffer wire = {0};
        struct error err = {0};
        struct resp resp;
        struct resp_command command;
        struct resp_argument argument;
        const char *texts[16];
        size_t lengths[16], count = 0;
        const struct reply *reply = NULL;
        assert_int_equal(command_render(&sheet->rows.commands[i], &row, &wire, &err), 0);
        resp = (struct resp){wire.bytes, wire.length};
        assert_true(resp_next(&resp, &command));
        for (; resp_argument(&command, &argument); count++) {
            texts[count] = argument.bytes;
            lengths[count] = argument.length;
        }
        assert_int_equal(connection_call(connection, count, texts, lengths, &reply, &err), 0);
        assert_int_not_equal(reply->type, REPLY_ERROR);
        buffer_release(&wire);
    }
}

/* "equal different missing overwritten" of one line */
static void expect_counts(const struct sheet *sheet, size_t line, const char *want)
{
    const struct comparison_line *l = &sheet->lines[line];
    char got[128];
    (void)snprintf(got, sizeof got, "%lld %lld %lld %lld", (long long)l->equal,
                   (long long)l->different, (long long)l->missing, (long long)l->overwritten);
    if (strcmp(got, want) != 0) fail_msg("'%s': %s, expected %s", l->command->text, got, want);
}

static int empty(void **state)
{
    const struct reply *reply = NULL;
    (void)state;
    REDIS_ASK(connection, &reply, "FLUSHALL");
    return 0;
}

/* Every command that can be read back is equal to what it has just written itself. */
static void test_what_was_written(void **state)
{
    (void)state;
    static const char *const all[][MOST_LINES] = {
        {"SET s:${name} ${n}", "SET e:${name} ${n} EX 100", "SETEX x:${name} 100 ${n}",
         "PSETEX p:${name} 100000 ${n}", "SETNX y:${name} ${n}",
         "MSET m:${name} ${n} o:${name} a"},
        {"HSET h:${name} n ${n} t a", "HSET h:${name} ${*}", "HMSET i:${name} n ${n}",
         "HSETNX h:${name} n 99", "HDEL h:${name} gone", "HSET j:${name} n 1 n ${n}"},
        {"SADD set ${name}", "SREM set gone:${name}", "ZADD z ${n} ${name}",
         "ZADD z NX 99 ${name}", "ZADD z GT CH -1 ${name}", "ZREM z gone:${name}"},
        {"DEL gone:${name} gone", "UNLINK gone:${name}", "SET t:${name} 1",
         "EXPIRE t:${name} 100", "SET u:${name} 1 PXAT 9999999999999", "PERSIST u:${name}",
         "GETDEL gone:${name}"},
    };
    static const char *const names[] = {"a", "b c", "\x01\xff"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *writes[MOST_LINES + 1] = {NULL};
        struct sheet sheet;
        struct comparison *comparison = begin(5);
        size_t count = 0;
        memcpy(writes, all[i], sizeof all[i]);
        sheet_init(&sheet, writes);
        for (int64_t n = 0; n < 3; n++) carry(&sheet, names[n], n);
        for (int64_t n = 0; n < 3; n++) must_put(comparison, &sheet, names[n], n);
        flush(comparison);
        (void)comparison_findings(comparison, &count);
        /* Of u: the PERSIST took what the SET had asked for. */
        const size_t overwritten = i == 3 ? 3 : 0;
        assert_int_equal(count, 0);
        for (size_t k = 0; k < sheet.rows.step.command_count; k++) {
            const struct comparison_line *line = &sheet.lines[k];
            assert_null(line->reason);
            assert_int_equal(line->different + line->missing, 0);
            assert_int_equal(line->overwritten, k == 4 ? overwritten : 0);
            assert_int_equal(line->equal + line->overwritten,
                             strncmp(line->command->text, "MSET", 4) == 0 ||
                                     strncmp(line->command->text, "DEL", 3) == 0
                                 ? 6
                                 : 3);
        }
        comparison_close(comparison);
    }
}

static void test_differences(void **state)
{
    (void)state;
    const struct reply *reply = NULL;
    struct sheet sheet;
    size_t count = 0;
    sheet_init(&sheet, (const char *[]){"SET s:${name} ${n}", "HSET h:${name} n ${n} m ${n}",
                                        "SADD set ${name}", "ZADD z ${n} ${name}",
                                        "SETEX x:${name} 100 ${n}", NULL});
    for (int64_t n = 0; n < 4; n++) carry(&sheet, (const char *[]){"a", "b", "c", "d"}[n], n);
    REDIS_ASK(connection, &reply, "SET", "s:a", "other");
    REDIS_ASK(connection, &reply, "DEL", "s:b", "h:b");
    REDIS_ASK(connection, &reply, "HSET", "h:a", "m", "7");
    REDIS_ASK(connection, &reply, "HDEL", "h:c", "n");
    REDIS_ASK(connection, &reply, "SREM", "set", "d");
    REDIS_ASK(connection, &reply, "ZADD", "z", "7", "a");
    REDIS_ASK(connection, &reply, "ZREM", "z", "b");
    REDIS_ASK(connection, &reply, "PERSIST", "x:a");
    REDIS_ASK(connection, &reply, "DEL", "x:b");
    REDIS_ASK(connection, &reply, "DEL", "x:c");
    REDIS_ASK(connection, &reply, "RPUSH", "x:c", "1");

    struct comparison *comparison = begin(100);
    for (int64_t n = 0; n < 4; n++)
        must_put(comparison, &sheet, (const char *[]){"a", "b", "c", "d"}[n], n);
    flush(comparison);
    expect_counts(&sheet, 0, "2 1 1 0");
    expect_counts(&sheet, 1, "1 2 1 0");
    expect_counts(&sheet, 2, "3 0 1 0");
    expect_counts(&sheet, 3, "2 1 1 0");
    expect_counts(&sheet, 4, "1 2 1 0");
    static const char *const wants[] = {
        "\"s:a\"||\"0\"|\"other\"|different",
        "\"h:a\"|field m|\"0\"|\"7\"|different",
        "\"z\"|member a|\"0\"|\"7\"|different",
        "\"x:a\"|TTL|at most 100s|none|different",
        "\"s:b\"||\"1\"|nothing|missing",
        "\"h:b\"|field n|\"1\"|nothing|missing +1",
        "\"z\"|member b|\"1\"|nothing|missing",
        "\"x:b\"||\"1\"|nothing|missing +1 expired",
        "\"h:c\"|field n|\"2\"|nothing|different",
        "\"x:c\"||\"2\"|a list|different +1",
        "\"set\"|member d|a member|no member|missing",
    };
    const struct comparison_finding *findings = comparison_findings(comparison, &count);
    assert_int_equal(count, sizeof wants / sizeof *wants);
    for (size_t i = 0; i < count; i++) {
        const struct comparison_finding *f = &findings[i];
        char got[256], more[32] = "";
        if (f->more > 0) (void)snprintf(more, sizeof more, " +%zu", f->more);
        (void)snprintf(got, sizeof got, "%s|%s|%s|%s|%s%s%s", f->key, f->part, f->sql, f->redis,
                       f->is_missing ? "missing" : "different", more,
                       f->may_have_expired ? " expired" : "");
        assert_string_equal(got, wants[i]);
    }
    comparison_close(comparison);

    comparison = begin(2);
    must_put(comparison, &sheet, "a", 0);
    flush(comparison);
    findings = comparison_findings(comparison, &count);
    assert_int_equal(count, 2);
    assert_string_equal(findings[1].part, "field m");
    comparison_close(comparison);
}

/* What comes later speaks for what came before: in the row, in a later row, in a later step. */
static void test_overwritten(void **state)
{
    (void)state;
    const struct reply *reply = NULL;
    struct comparison *comparison = begin(10);
    struct sheet row, rows, later, counter;
    size_t count = 0;
    sheet_init(&row, (const char *[]){"DEL d:${name}", "HSET d:${name} n ${n}",
                                      "HSET d:${name} m 1", NULL});
    sheet_init(&rows, (const char *[]){"SET last ${n}", "HSET all n ${n} f${n} 1", NULL});
    sheet_init(&later, (const char *[]){"DEL tmp:${name}", NULL});
    sheet_init(&counter, (const char *[]){"SET c:${name} 0", "INCRBY c:${name} 5",
                                          "HSET k v 0 w 0", "HINCRBY k v 2", NULL});
    struct sheet earlier;
    static const char *const names[] = {"a", "b", "c"};
    sheet_init(&earlier, (const char *[]){"SET tmp:${name} ${n}", "SADD left ${name}", NULL});
    for (int64_t n = 0; n < 3; n++) {
        carry(&earlier, names[n], n);
        carry(&row, names[n], n);
        carry(&rows, names[n], n);
        carry(&later, names[n], n);
    }
    carry(&counter, "a", 0);
    for (int64_t n = 0; n < 3; n++) must_put(comparison, &earlier, names[n], n);
    for (int64_t n = 0; n < 3; n++) {
        must_put(comparison, &row, names[n], n);
        must_put(comparison, &rows, names[n], n);
        must_put(comparison, &later, names[n], n);
    }
    must_put(comparison, &counter, "a", 0);
    flush(comparison);
    expect_counts(&row, 0, "0 0 0 3");
    expect_counts(&row, 1, "3 0 0 0");
    expect_counts(&row, 2, "3 0 0 0");
    expect_counts(&rows, 0, "1 0 0 2");
    expect_counts(&rows, 1, "1 0 0 2");
    expect_counts(&earlier, 1, "3 0 0 0");
    expect_counts(&later, 0, "3 0 0 0");
    expect_counts(&counter, 0, "0 0 0 1");
    expect_counts(&counter, 2, "0 0 0 1");
    assert_non_null(counter.lines[1].reason);
    assert_non_null(counter.lines[3].reason);
    (void)comparison_findings(comparison, &count);
    assert_int_equal(count, 0);
    assert_false(comparison_is_open(comparison));

    /* Only what was written to again: the other field of the same command still differs. */
    REDIS_ASK(connection, &reply, "HSET", "k", "w", "9");
    must_put(comparison, &counter, "a", 0);
    flush(comparison);
    expect_counts(&counter, 2, "0 1 0 1");
    assert_true(comparison_is_open(comparison));
    comparison_close(comparison);

    /* The last one decides, also where an earlier one is what is there. */
    comparison = begin(10);
    sheet_init(&rows, (const char *[]){"SET last ${n}", NULL});
    REDIS_ASK(connection, &reply, "SET", "last", "0");
    for (int64_t n = 0; n < 3; n++) must_put(comparison, &rows, "a", n);
    flush(comparison);
    expect_counts(&rows, 0, "1 1 0 1");
    comparison_close(comparison);
}

/* Who only looks after how long a key lives does not speak for what it holds. */
static void test_only_its_life(void **state)
{
    (void)state;
    const struct reply *reply = NULL;
    struct sheet sheet;
    struct comparison *comparison = begin(3);
    sheet_init(&sheet, (const char *[]){"HSET s:${name} n ${n}", "EXPIRE s:${name} 100 NX",
                                        "PERSIST s:${name}", NULL});
    carry(&sheet, "a", 1);
    carry(&sheet, "b", 1);
    REDIS_ASK(connection, &reply, "HSET", "s:a", "n", "2");
    REDIS_ASK(connection, &reply, "DEL", "s:b");
    must_put(comparison, &sheet, "a", 1);
    must_put(comparison, &sheet, "b", 1);
    flush(comparison);
    expect_counts(&sheet, 0, "0 1 1 0");
    expect_counts(&sheet, 2, "2 0 0 0");
    assert_int_equal(sheet.lines[1].untold, 2);
    comparison_close(comparison);
}

/* Many rows, through many chunks, some of them different; and more differences than are
 * watched. */
static void test_many(void **state)
{
    (void)state;
    enum { ROWS = DISPUTES_MOST + 5000 };
    struct sheet sheet, again;
    struct error err = {0};
    char name[32];
    size_t count = 0;
    struct comparison *comparison = begin(3);
    sheet_init(&sheet, (const char *[]){"SET row:${name} ${n}", NULL});
    for (int64_t n = 0; n < 200; n++) {
        (void)snprintf(name, sizeof name, "%lld", (long long)n * 300);
        carry(&sheet, name, n * 300);
    }
    for (int64_t n = 0; n < ROWS; n++) {
        (void)snprintf(name, sizeof name, "%lld", (long long)n);
        must_put(comparison, &sheet, name, n);
        if (n % 1000 == 0) assert_int_equal(comparison_wait(comparison, -1, 0, &err), 0);
    }
    flush(comparison);
    assert_int_equal(sheet.lines[0].equal, 200);
    assert_int_equal(sheet.lines[0].missing, ROWS - 200);
    assert_true(comparison_has_overflowed(comparison));
    assert_string_equal(comparison_findings(comparison, &count)[0].key, "\"row:1\"");
    assert_int_equal(count, 3);
    comparison_close(comparison);

    /* As many that are overwritten at once are no trouble. */
    comparison = begin(3);
    sheet_init(&sheet, (const char *[]){"SET row:${name} no", "DEL row:${name}", NULL});
    sheet_init(&again, (const char *[]){"SET row:${name} ${n}", NULL});
    for (int64_t n = 0; n < 20000; n++) {
        (void)snprintf(name, sizeof name, "%lld", (long long)n % 200 * 300);
        must_put(comparison, &sheet, name, n % 200 * 300);
        must_put(comparison, &again, name, n % 200 * 300);
    }
    flush(comparison);
    expect_counts(&sheet, 0, "0 0 0 20000");
    expect_counts(&sheet, 1, "0 0 0 20000");
    expect_counts(&again, 0, "20000 0 0 0");
    assert_false(comparison_has_overflowed(comparison));
    comparison_close(comparison);
}

/* Values larger than what is in flight otherwise. */
static void test_huge_values(void **state)
{
    (void)state;
    enum { SIZE = 6 * 1024 * 1024 };
    char *value = malloc(SIZE + 1);
    struct sheet sheet;
    memset(value, 'x', SIZE);
    value[SIZE] = '\0';
    struct comparison *comparison = begin(3);
    sheet_init(&sheet, (const char *[]){"SET huge:${n} ${name}", NULL});
    for (int64_t n = 0; n < 4; n++) carry(&sheet, value, n);
    for (int64_t n = 0; n < 4; n++) must_put(comparison, &sheet, value, n);
    value[SIZE - 1] = 'y';
    must_put(comparison, &sheet, value, 0);
    flush(comparison);
    expect_counts(&sheet, 0, "4 1 0 0");
    size_t count = 0;
    const struct comparison_finding *findings = comparison_findings(comparison, &count);
    assert_string_equal(findings[0].redis, "…\"xxxxxxxxxxxxxxxxx\" (6291456 bytes)");
    assert_string_equal(findings[0].sql, "…\"xxxxxxxxxxxxxxxxy\" (6291456 bytes)");
    comparison_close(comparison);
    free(value);
}

static void test_refused_rows(void **state)
{
    (void)state;
    struct sheet sheet;
    struct error err = {0};
    struct comparison *comparison = begin(3);
    sheet_init(&sheet, (const char *[]){"SET s:${n} ${name}", NULL});
    assert_int_equal(put(comparison, &sheet, NULL, 1, &err), -1);
    assert_non_null(strstr(err.message, "column 'name' is NULL"));
    assert_false(comparison_has_failed(comparison));
    carry(&sheet, "a", 1);
    must_put(comparison, &sheet, "a", 1);
    flush(comparison);
    expect_counts(&sheet, 0, "1 0 0 0");
    comparison_close(comparison);
}

/* Options and arguments of which nothing can be told are counted, and the first reason kept. */
static void test_untold(void **state)
{
    (void)state;
    struct sheet sheet;
    struct comparison *comparison = begin(3);
    sheet_init(&sheet, (const char *[]){"SET k ${n} ${name}", "JSON.SET j . ${n}", NULL});
    must_put(comparison, &sheet, "IFEQ", 1);
    must_put(comparison, &sheet, "KEEPTTL", 1);
    flush(comparison);
    expect_counts(&sheet, 0, "0 0 1 0");
    assert_int_equal(sheet.lines[0].untold, 1);
    assert_non_null(strstr(sheet.lines[0].reason, "options"));
    /* This server has no module for it. */
    assert_non_null(strstr(sheet.lines[1].reason, "lacks the module"));
    expect_counts(&sheet, 1, "0 0 0 0");
    comparison_close(comparison);
}

static void test_no_permission(void **state)
{
    (void)state;
    const struct reply *reply = NULL;
    struct sheet sheet;
    struct error err = {0};
    struct comparison *comparison = NULL;
    REDIS_ASK(connection, &reply, "ACL", "SETUSER", "reader", "on", ">secret", "~*", "+get",
              "+ping", "+client|setname");
    struct connection *own = connection;
    const char *socket = getenv("REDFERRY_TEST_REDIS");
    struct url *url = redis_url(&arena, "%s", socket);
    url->user = "reader";
    url->password = "secret";
    connection = redis_connect(url, NULL);
    comparison = begin(3);
    sheet_init(&sheet, (const char *[]){"SET k ${n}", NULL});
    must_put(comparison, &sheet, "a", 1);
    flush(comparison);
    expect_counts(&sheet, 0, "0 0 1 0");
    sheet_init(&sheet, (const char *[]){"SADD k ${name}", NULL});
    must_put(comparison, &sheet, "a", 1);
    assert_int_equal(comparison_flush(comparison, &err), -1);
    assert_int_equal(err.code, ERROR_FAILED);
    assert_non_null(strstr(err.message, "'SMISMEMBER' was refused: NOPERM"));
    assert_true(comparison_has_failed(comparison));
    /* It stays failed. */
    error_clear(&err);
    assert_int_equal(put(comparison, &sheet, "a", 1, &err), -1);
    assert_non_null(strstr(err.message, "NOPERM"));
    comparison_close(comparison);
    connection_close(connection);
    connection = own;
}

/* Wherever the wire is cut, it is an error that says so, and never a difference. */
static void test_cut(void **state)
{
    (void)state;
    char path[256];
    struct sheet sheet;
    struct error err = {0};
    struct connection *own = connection;
    struct url *url = redis_url(&arena, "%s", getenv("REDFERRY_TEST_REDIS"));
    (void)snprintf(path, sizeof path, "%s/cut", getenv("REDFERRY_TEST_DIR"));
    struct fault_proxy *proxy = fault_proxy_start(path, url->path);
    struct url *through = redis_url(&arena, "unix://%s", path);
    sheet_init(&sheet, (const char *[]){"SET k:${name} ${n}", "SADD set ${name}", NULL});
    for (int64_t at = 2000; at < 12000; at += 1237) {
        const struct fault_plan plan = {.direction = FAULT_REPLIES, .cut_at = at};
        int result = 0;
        fault_proxy_arm(proxy, &plan);
        connection = redis_connect(through, NULL);
        struct comparison *comparison = begin(3);
        error_clear(&err);
        for (int64_t n = 0; result == 0 && n < 5000; n++)
            result = put(comparison, &sheet, "a", n, &err);
        if (result == 0) result = comparison_flush(comparison, &err);
        assert_int_equal(result, -1);
        assert_int_equal(err.code, ERROR_REDIS_UNREACHABLE);
        comparison_close(comparison);
        connection_close(connection);
    }
    fault_proxy_stop(proxy);
    connection = own;
}

/* What a module for JSON answers: here HGET goes by the name of JSON.GET. */
static void test_json(void **state)
{
    (void)state;
    struct redis_server server;
    const struct reply *reply = NULL;
    struct connection *own = connection;
    struct sheet sheet;
    size_t count = 0;
    redis_server_start(
        &server, "json",
        (const char *[]){"--port", "0", "--rename-command", "HGET", "JSON.GET", NULL});
    connection = redis_connect(redis_url(&arena, "%s", server.url), NULL);
    REDIS_ASK(connection, &reply, "HSET", "doc:a", ".", "{\"n\":1.0,\"name\":\"a\"}");
    REDIS_ASK(connection, &reply, "HSET", "doc:b", ".", "{\"n\":3,\"name\":\"b\"}");
    REDIS_ASK(connection, &reply, "SET", "doc:c", "x");
    struct comparison *comparison = begin(5);
    sheet_init(&sheet, (const char *[]){"JSON.SET doc:${name} . ${*|json}", NULL});
    must_put(comparison, &sheet, "a", 1);
    must_put(comparison, &sheet, "b", 2);
    must_put(comparison, &sheet, "c", 3);
    must_put(comparison, &sheet, "d", 4);
    flush(comparison);
    expect_counts(&sheet, 0, "1 2 1 0");
    const struct comparison_finding *findings = comparison_findings(comparison, &count);
    assert_int_equal(count, 3);
    assert_string_equal(findings[0].part, "path .");
    assert_string_equal(findings[0].sql, "'{\"name\":\"b\",\"n\":2}'");
    assert_string_equal(findings[0].redis, "'{\"n\":3,\"name\":\"b\"}'");
    assert_string_equal(findings[1].redis, "a string");
    assert_string_equal(findings[2].redis, "nothing");
    comparison_close(comparison);
    connection_close(connection);
    connection = own;
    redis_server_stop(&server);
}

/* Everything once: differences of several parts, what settles them, and words. */
static int compare_once(struct sheet *sheet, struct error *err)
{
    struct comparison *comparison = NULL;
    size_t count = 0;
    int result = comparison_open(&comparison, connection, 3, err);
    for (int64_t n = 0; result == 0 && n < 40; n++)
        result = put(comparison, sheet, "a", n, err);
    if (result == 0) result = comparison_flush(comparison, err);
    if (result == 0 && comparison_findings(comparison, &count) == NULL) result = -1;
    comparison_close(comparison);
    return result;
}

static void test_no_memory(void **state)
{
    (void)state;
    const struct reply *reply = NULL;
    struct connection *own = connection;
    const struct url *url = redis_url(&arena, "%s", getenv("REDFERRY_TEST_REDIS"));
    REDIS_ASK(connection, &reply, "RPUSH", "list", "x");
    for (int forever = 0; forever < 2; forever++) {
        bool happened = true;
        for (size_t nth = 1; happened && nth < 1000; nth++) {
            struct error err = {0};
            struct sheet sheet;
            sheet_init(&sheet, (const char *[]){"SET list ${n}", "HSET h:${n} a 1 b 2 c ${n}",
                                                "DEL k:${n} list", "INCR h:${n}", NULL});
            connection = redis_connect(url, NULL);
            alloc_fail_at(nth, forever == 1);
            const int result = compare_once(&sheet, &err);
            happened = alloc_fail_happened();
            alloc_fail_never();
            connection_close(connection);
            if (!happened) assert_int_equal(result, 0);
            if (!happened) expect_counts(&sheet, 0, "0 0 0 40");
            if (!happened) expect_counts(&sheet, 1, "0 0 0 40");
            if (!happened) expect_counts(&sheet, 2, "40 1 0 39");
            if (result != 0 && strstr(err.message, "out of memory") == NULL)
                fail_msg("%s", err.message);
        }
        assert_false(happened);
    }
    connection = own;
}

static int open_redis(void **state)
{
    (void)state;
    connection = redis_connect(redis_url(&arena, "%s", getenv("REDFERRY_TEST_REDIS")), NULL);
    return 0;
}

static int close_redis(void **state)
{
    (void)state;
    connection_close(connection);
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_was_written, empty),
        cmocka_unit_test_setup(test_differences, empty),
        cmocka_unit_test_setup(test_overwritten, empty),
        cmocka_unit_test_setup(test_only_its_life, empty),
        cmocka_unit_test_setup(test_many, empty),
        cmocka_unit_test_setup(test_huge_values, empty),
        cmocka_unit_test_setup(test_refused_rows, empty),
        cmocka_unit_test_setup(test_untold, empty),
        cmocka_unit_test_setup(test_no_permission, empty),
        cmocka_unit_test_setup(test_cut, empty),
        cmocka_unit_test_setup(test_json, empty),
        cmocka_unit_test_setup(test_no_memory, empty),
    };
    return cmocka_run_group_tests(tests, open_redis, close_redis);
}
