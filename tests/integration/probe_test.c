// servers: redis
/* probe: for every command of its table, over keys of every type, what reading tells afterwards
 * is held against what the server answered. It may say that it does not know; it may not be
 * wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "buffer.h"
#include "command.h"
#include "connection.h"
#include "error.h"
#include "probe.h"
#include "redis_url.h"
#include "reply.h"

enum { MOST_WORDS = 12 };

static struct arena arena;
static struct connection *connection;

/* Split at blanks; '_' is an empty word. */
static size_t split(const char *line, const char *words[MOST_WORDS])
{
    char *copy = arena_alloc(&arena, strlen(line) + 1);
    size_t count = 0;
    char *rest = NULL;
    strcpy(copy, line);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = strcmp(word, "_") == 0 ? "" : word;
    return count;
}

static const struct reply *send_line(const char *line)
{
    const char *words[MOST_WORDS];
    size_t lengths[MOST_WORDS];
    struct error err = {0};
    const struct reply *reply = NULL;
    const size_t count = split(line, words);
    for (size_t i = 0; i < count; i++) lengths[i] = strlen(words[i]);
    if (connection_call(connection, count, words, lengths, &reply, &err) != 0)
        fail_msg("%s", err.message);
    return reply;
}

static void append_line(struct buffer *bytes, const char *line)
{
    const char *words[MOST_WORDS];
    const size_t count = split(line, words);
    command_append_texts(bytes, count, words);
}

/* 'r', 'f' or '?' for what the probe finds of one command. */
static char probe(const char *line)
{
    struct buffer bytes = {0};
    struct probe_finding finding = {0};
    struct error err = {0};
    append_line(&bytes, line);
    if (probe_commands(connection, bytes.bytes, bytes.length, &finding, &err) != 0)
        fail_msg("%s", err.message);
    const char found = finding.unknown == 0 ? '?' : finding.failed.length > 0 ? 'f' : 'r';
    probe_release(&finding);
    buffer_release(&bytes);
    return found;
}

static const char *const states[] = {
    "PING",
    "SET k abc",
    "SET k 5",
    "SET k 007",
    "SET k 1.5",
    "RPUSH k a",
    "SADD k a",
    "HSET k f 5",
    "HSET k f abc",
    "HSET k f 2.5",
    "ZADD k 1 a",
    "XADD k * f v",
    "SET k 9223372036854775806",
    "HSET k f 9223372036854775806",
    "XADD k 1-1 a 1",
    "XADD k 5-0 a 1",
    "SET j v",
    "MSET k v j w",
};
enum { STATES = sizeof states / sizeof *states };

/* expected: for each state what is found; '-' stands for r or f, as the server answered; '+'
 * for r where it failed, but what it was to bring about is there; behind its end all is
 * `beyond`. */
static const struct {
    const char *line;
    const char *expected;
    char beyond; /* the same for all states behind these */
} lines[] = {
    {"INCR k", "------------?-", '-'},
    {"DECR k", "------------?-", '-'},
    {"INCRBY k 3", "------------?-", '-'},
    {"INCRBY k -3", "------------?-", '-'},
    {"INCRBY k 007", "--------------", '-'},
    {"INCRBY k x", "--------------", '-'},
    {"INCRBY k +1", "--------------", '-'},
    {"INCRBY k _", "--------------", '-'},
    {"INCRBY k 9223372036854775807", "??????????????", '?'},
    {"DECRBY k 2", "------------?-", '-'},
    {"INCRBYFLOAT k 1.5", "-?---------------?", '-'},
    {"INCRBYFLOAT k x", "", '-'},
    {"INCRBYFLOAT k 1e400", "??????????????", '?'},
    {"APPEND k xyz", "--------------", '-'},
    {"HINCRBY k f 1", "-------------?", '-'},
    {"HINCRBY k f x", "--------------", '-'},
    {"HINCRBYFLOAT k f 1.5", "--------?-----", '-'},
    {"RPUSH k x y", "--------------", '-'},
    {"LPUSH k x", "--------------", '-'},
    {"LPOP k", "--------------", '-'},
    {"RPOP k", "--------------", '-'},
    {"LPOP k 1", "??????????????", '?'},
    {"SADD k x", "--------------", '-'},
    {"SREM k a", "--------------", '-'},
    {"SPOP k", "--------------", '-'},
    {"HSET k a 1 b 2", "--------------", '-'},
    {"HSET k a 1 b", "--------------", '-'},
    {"HMSET k a 1", "--------------", '-'},
    {"HSETNX k f 1", "--------------", '-'},
    {"HDEL k f", "--------------", '-'},
    {"ZADD k 1.5 x", "--------------", '-'},
    {"ZADD k NX 1 x", "", '-'},
    {"ZADD k inf x", "", '-'},
    {"ZADD k bad x", "", '-'},
    {"ZINCRBY k 2 a", "--------------", '-'},
    {"ZREM k a", "--------------", '-'},
    {"XADD k * a 1", "--------------", '-'},
    {"XADD k * a", "--------------", '-'},
    {"XADD k MAXLEN 10 * a 1", "--------------", '-'},
    {"XADD k MAXLEN ~ 10 * a 1", "--------------", '-'},
    {"XADD k MAXLEN x * a 1", "??????????????", '?'},
    {"XADD k 1-1 a 1", "-----------?--+?", '-'},
    {"SET k v", "--------------", '-'},
    {"SET k v NX", "--------------", '-'},
    {"SET k v EX 100", "--------------", '-'},
    {"SET k v EX -1", "??????????????", '?'},
    {"SET k v GET", "??????????????", '?'},
    {"SETNX k v", "--------------", '-'},
    {"SETEX k 100 v", "--------------", '-'},
    {"SETEX k 0 v", "??????????????", '?'},
    {"MSET k v j w", "--------------", '-'},
    {"MSET k v j", "--------------", '-'},
    {"EXPIRE k 100", "--------------", '-'},
    {"EXPIRE k x", "??????????????", '?'},
    {"PEXPIRE k 100000", "--------------", '-'},
    {"PERSIST k", "--------------", '-'},
    {"DEL k", "--------------", '-'},
    {"UNLINK k j", "--------------", '-'},
    {"PUBLISH c k", "--------------", '-'},
    {"EXISTS k", "--------------", '-'},
    {"RPUSHX k x", "", '-'},
    {"ZADD k XX CH 1 a 2 x", "", '-'},
    {"ZADD k GT CH 1 a 2 x", "", '-'},
    {"ZADD k 1 a _ x", "", '-'},
    {"ZADD k 1 a 0x10 x", "", '?'},
    {"ZADD k NX XX 1 x", "", '?'},
    {"ZADD k INCR 1 a", "", '?'},
    {"ZINCRBY k x a", "", '-'},
    {"HINCRBYFLOAT k f x", "", '-'},
    {"LREM k 0 a", "", '-'},
    {"LREM k -1 a", "", '-'},
    {"LREM k x a", "", '-'},
    {"LREM k -9223372036854775808 a", "", '?'},
    {"LTRIM k 0 -1", "", '-'},
    {"LTRIM k 0 x", "", '-'},
    {"LPUSHX k x", "", '-'},
    {"LINSERT k BEFORE a x", "", '-'},
    {"LINSERT k BESIDE a x", "", '?'},
    {"ZPOPMIN k", "", '-'},
    {"ZPOPMAX k", "", '-'},
    {"ZREMRANGEBYRANK k 0 1", "", '-'},
    {"GETSET k v", "", '-'},
    {"GETDEL k", "", '-'},
    {"EXPIREAT k 99999999999", "", '-'},
    {"PEXPIREAT k 99999999999999", "", '-'},
    {"EXPIREAT k 999999999999999", "", '?'},
    {"MSETNX k v j w", "", '-'},
    {"COPY k j", "", '-'},
    {"COPY k k", "", '?'},
    {"RENAME k j", "?---------------+-", '-'},
    {"RENAME k k", "", '?'},
    {"RENAMENX k j", "?---------------+-", '-'},
    {"XADD k 3-7 a 1 b _", "-----------?---?", '-'},
    {"XADD k 5 a 1", "-----------?---+", '-'},
    {"XADD k 5-0 a 2", "-----------?", '-'},
    {"XADD k 5-0 a 1 b 2", "-----------?", '-'},
    {"XADD k 1-* a 1", "", '?'},
    {"XADD k 0-0 a 1", "?----------?--?\?\?-", '-'},
    {"XADD k MAXLEN 10 99999999999999-1 a 1", "", '-'},
    {"FCALL f 0", "", '?'},
    {"EVAL return(1) 0", "??????????????", '?'},
    {"incr k", "------------?-", '-'},
};

static void test_every_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        for (size_t j = 0; j < STATES; j++) {
            (void)send_line("FLUSHALL");
            (void)send_line(states[j]);
            (void)send_line("MULTI");
            const struct reply *reply = send_line(lines[i].line);
            /* What is refused when it is queued never runs: nothing to be found out. */
            if (reply->type == REPLY_ERROR) {
                (void)send_line("DISCARD");
                continue;
            }
            reply = send_line("EXEC");
            const char truth = reply_element(reply, 0)->type == REPLY_ERROR ? 'f' : 'r';
            const char mark =
                j < strlen(lines[i].expected) ? lines[i].expected[j] : lines[i].beyond;
            const char expected = mark == '-' ? truth : mark == '+' ? 'r' : '?';
            if (mark == '+') assert_int_equal(truth, 'f');
            const char found = probe(lines[i].line);
            if (found != expected)
                fail_msg("'%s' after '%s': %c instead of %c (it was %c)", lines[i].line,
                         states[j], found, expected, truth);
        }
    }
}

/* A key that is gone by now may have been anything. */
static void test_gone(void **state)
{
    (void)state;
    (void)send_line("FLUSHALL");
    assert_int_equal(probe("RPUSH k x"), '?');
    assert_int_equal(probe("INCR k"), '?');
    assert_int_equal(probe("HINCRBY k f 1"), '?');
    assert_int_equal(probe("APPEND k x"), '?');
    assert_int_equal(probe("XADD k * f v"), '?');
    assert_int_equal(probe("XADD k 1-1 f v"), '?');
    assert_int_equal(probe("RENAME k j"), '?');
    assert_int_equal(probe("GETSET k v"), '?');
    /* What only removes, or needs what is there, has nothing to be sent again for. */
    assert_int_equal(probe("LREM k 0 x"), 'r');
    assert_int_equal(probe("RPUSHX k x"), 'r');
    assert_int_equal(probe("ZADD k XX 1 x"), 'r');
}

/* The number of the first command of a batch that cannot be told; PROBE_NONE: all can. */
static size_t unknown_of(const char *const *batch)
{
    struct buffer bytes = {0};
    struct probe_finding finding = {0};
    struct error err = {0};
    for (size_t i = 0; batch[i] != NULL; i++) append_line(&bytes, batch[i]);
    assert_int_equal(probe_commands(connection, bytes.bytes, bytes.length, &finding, &err), 0);
    const size_t unknown = finding.unknown;
    probe_release(&finding);
    buffer_release(&bytes);
    return unknown;
}

#define UNKNOWN_OF(...) unknown_of((const char *const[]){__VA_ARGS__, NULL})

/* A key that was renamed speaks for that only where nothing else of the batch writes to it. */
static void test_renamed_among_others(void **state)
{
    (void)state;
    (void)send_line("FLUSHALL");
    (void)send_line("MSET n:1 x n:2 x");
    assert_int_equal(UNKNOWN_OF("RENAME o:1 n:1", "RENAME o:2 n:2"), PROBE_NONE);
    assert_int_equal(UNKNOWN_OF("RENAME o:1 n:1", "APPEND n:1 x"), 0);
    assert_int_equal(UNKNOWN_OF("RENAME o:1 n:1", "PERSIST o:1"), 0);
    assert_int_equal(UNKNOWN_OF("SET o:1 x", "RENAME o:1 n:1"), 1);
    assert_int_equal(UNKNOWN_OF("RENAME o:1 n:1", "RENAME n:1 n:2"), 0);
    assert_int_equal(UNKNOWN_OF("GETDEL n:1", "PUBLISH c x"), PROBE_NONE);
    assert_int_equal(UNKNOWN_OF("GETDEL n:1", "GETDEL n:1"), 0);
}

/* Have a batch run over what the first line leaves, and hold what the probe tells of its first
 * command against what is expected: '?' or, where nothing hides it, the truth. */
static void check_beside(const char *before, const char *const *batch, bool is_hidden)
{
    struct buffer bytes = {0};
    struct probe_finding finding = {0};
    struct error err = {0};
    (void)send_line("FLUSHALL");
    (void)send_line(before);
    (void)send_line("MULTI");
    for (size_t i = 0; batch[i] != NULL; i++) {
        (void)send_line(batch[i]);
        append_line(&bytes, batch[i]);
    }
    const struct reply *reply = send_line("EXEC");
    const bool failed = reply_element(reply, 0)->type == REPLY_ERROR;
    assert_int_equal(probe_commands(connection, bytes.bytes, bytes.length, &finding, &err), 0);
    const size_t none = 0;
    const bool is_found_failed = finding.failed.length >= sizeof none &&
                                 memcmp(finding.failed.bytes, &none, sizeof none) == 0;
    if ((finding.unknown == 0) != is_hidden || (!is_hidden && is_found_failed != failed))
        fail_msg("'%s', '%s' …: %s", before, batch[0],
                 finding.unknown == 0 ? "not told"
                 : is_found_failed    ? "failed"
                                      : "ran");
    probe_release(&finding);
    buffer_release(&bytes);
}

#define HIDDEN(before, ...) check_beside(before, (const char *const[]){__VA_ARGS__, NULL}, true)
#define SEEN(before, ...)   check_beside(before, (const char *const[]){__VA_ARGS__, NULL}, false)

/* A key may be emptied, and hold another type then; a text may become a number. */
static void test_hidden_by_others(void **state)
{
    (void)state;
    HIDDEN("RPUSH k a", "SADD k 1", "LPOP k", "SADD k 2");
    HIDDEN("RPUSH k a", "INCR k", "LREM k 0 a", "INCR k");
    HIDDEN("SADD k a", "RPUSH k 1", "SREM k a", "RPUSH k 2");
    HIDDEN("HSET k f 1", "XADD k 1-1 a 1", "HDEL k f", "XADD k 1-1 a 1");
    HIDDEN("ZADD k 1 a", "HINCRBY k f 1", "ZPOPMIN k", "HINCRBY k f 1");
    HIDDEN("SADD k a", "APPEND k x", "SPOP k", "APPEND k x");
    HIDDEN("SET k 1.5", "INCR k", "INCRBYFLOAT k 0.5");
    HIDDEN("SET k 1", "INCR k", "INCRBYFLOAT k 0.5");
    HIDDEN("SET k -", "INCR k", "APPEND k 5");
    HIDDEN("SET k -", "INCRBYFLOAT k 1.5", "APPEND k 5");
    HIDDEN("HSET k f 1.5", "HINCRBY k f 1", "HINCRBYFLOAT k f 0.5");
    SEEN("HSET k f 1.5", "HINCRBY k f 1", "HINCRBYFLOAT k g 0.5");
    SEEN("HSET k f 1", "HINCRBY k f 1", "HINCRBYFLOAT k g 0.5", "HDEL k h");
    SEEN("HSET k f abc", "HINCRBY k f 1", "HINCRBYFLOAT j f 0.5");
    SEEN("RPUSH k a", "RPUSH k b", "LPOP k", "LREM k 0 a");
    SEEN("RPUSH k a", "SADD k b", "RPUSH k c");
    SEEN("SET k 1", "INCR k", "DECR k", "INCRBY k 3");
    SEEN("SET k abc", "INCR k", "EXPIRE k 100");
}

/* Many commands of one key are looked up one by one. */
static void test_many_of_one_key(void **state)
{
    enum { MANY = 50000 };
    struct buffer bytes = {0};
    struct probe_finding finding = {0};
    struct error err = {0};
    (void)state;
    (void)send_line("FLUSHALL");
    (void)send_line("RPUSH l x");
    for (int i = 0; i < MANY; i++) append_line(&bytes, "RPUSH l x");
    assert_int_equal(probe_commands(connection, bytes.bytes, bytes.length, &finding, &err), 0);
    assert_int_equal(finding.unknown, PROBE_NONE);
    assert_int_equal(finding.failed.length, 0);
    probe_release(&finding);
    buffer_release(&bytes);
}

/* Many at once; and a key that one command replaces says nothing about the others. */
static void test_a_batch(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    struct probe_finding finding = {0};
    struct error err = {0};
    const char *const batch[] = {"RPUSH l 1",   "INCR n", "GET anything", "RPUSH s 1",
                                 "PUBLISH c m", "INCR l", "SADD s 1",     "INCRBY n x"};
    (void)send_line("FLUSHALL");
    (void)send_line("SADD s a");
    (void)send_line("MULTI");
    for (size_t i = 0; i < sizeof batch / sizeof *batch; i++) {
        (void)send_line(batch[i]);
        append_line(&bytes, batch[i]);
    }
    (void)send_line("EXEC");
    assert_int_equal(probe_commands(connection, bytes.bytes, bytes.length, &finding, &err), 0);
    assert_int_equal(finding.unknown, PROBE_NONE);
    const size_t failed[] = {3, 5, 7};
    assert_int_equal(finding.failed.length, sizeof failed);
    assert_memory_equal(finding.failed.bytes, failed, sizeof failed);
    probe_release(&finding);

    append_line(&bytes, "DEL x l");
    assert_int_equal(probe_commands(connection, bytes.bytes, bytes.length, &finding, &err), 0);
    assert_int_equal(finding.unknown, 0);
    probe_release(&finding);
    buffer_clear(&bytes);
    append_line(&bytes, "MSET n l y n");
    append_line(&bytes, "RPUSH l 1");
    append_line(&bytes, "INCR n");
    assert_int_equal(probe_commands(connection, bytes.bytes, bytes.length, &finding, &err), 0);
    assert_int_equal(finding.unknown, 2);
    probe_release(&finding);
    buffer_release(&bytes);

    assert_int_equal(probe_commands(connection, NULL, 0, &finding, &err), 0);
    assert_int_equal(finding.unknown, PROBE_NONE);
    probe_release(&finding);
}

int main(void)
{
    connection = redis_connect(
        redis_url(&arena, "unix://%s", getenv("REDFERRY_TEST_REDIS_SOCKET")), NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_line),           cmocka_unit_test(test_gone),
        cmocka_unit_test(test_renamed_among_others), cmocka_unit_test(test_hidden_by_others),
        cmocka_unit_test(test_many_of_one_key),      cmocka_unit_test(test_a_batch)};
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    connection_close(connection);
    arena_release(&arena);
    return failures;
}
