/* reading: for every form what is sent to read it back, what each answer means, and how a
 * difference is put into words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "buffer.h"
#include "error.h"
#include "expectation.h"
#include "reading.h"
#include "wire_words.h"

static struct arena arena;
static struct reply_reader *reader;

enum { NOW_MS = 1000000 };

static struct expectation make(const struct arguments *arguments)
{
    struct expectation e;
    const char *reason = NULL;
    const struct resp_argument *name = &arguments->items[0];
    if (expectation_make(&e, expectation_rule(name->bytes, name->length), arguments, 0, NOW_MS,
                         &reason) != 1)
        fail_msg("'%s': %s", name->bytes, reason);
    return e;
}

/* One letter a part: e, d, m. */
static void judge(const char *line, size_t at, const char *reply, char letters[static 16])
{
    const struct arguments arguments = wire_words(&arena, line);
    const struct expectation e = make(&arguments);
    const struct reply *answer = wire_reply(reader, reply);
    const size_t parts = reading_parts(&e, at);
    bool *repeats = reading_repeats(&e, &arguments);
    assert_non_null(repeats);
    assert_true(reading_can_judge(&e, answer));
    for (size_t part = 0; part < parts; part++) {
        const enum reading_verdict verdict = reading_judge(&e, &arguments, at, answer, part);
        letters[part] = verdict != READING_EQUAL && repeats[part] ? 'e' : "edm"[verdict];
    }
    letters[parts] = '\0';
    free(repeats);
}

#define NIL   "$-1\r\n"
#define WRONG "-WRONGTYPE Operation against a key\r\n"

static void test_verdicts(void **state)
{
    (void)state;
    static const struct {
        const char *line, *reply, *want;
        size_t at;
    } cases[] = {
        {"SET k v", "$1\r\nv\r\n", "e", 0},
        {"SET k v", "$1\r\nw\r\n", "d", 0},
        {"SET k v", "$2\r\nvv\r\n", "d", 0},
        {"SET k _", "$0\r\n\r\n", "e", 0},
        {"SET k v", NIL, "m", 0},
        {"SET k v", WRONG, "d", 0},
        {"SET k v XX", NIL, "e", 0},
        {"SET k v XX", "$1\r\nw\r\n", "d", 0},
        {"SET k v NX", "+string\r\n", "e", 0},
        {"SET k v NX", "+list\r\n", "e", 0},
        {"SET k v NX", "+none\r\n", "m", 0},
        {"SETNX k v", "+none\r\n", "m", 0},
        {"SETNX k v", "+hash\r\n", "e", 0},
        {"SET k v EXAT 1", NIL, "e", 0},
        {"SET k v EXAT 1", ":-2\r\n", "e", 1},
        {"SETEX k 5 v", "$1\r\nv\r\n", "e", 0},
        {"SETEX k 5 v", ":5000\r\n", "e", 1},
        {"SETEX k 5 v", ":1\r\n", "e", 1},
        {"SETEX k 5 v", ":5001\r\n", "d", 1},
        {"SETEX k 5 v", ":-1\r\n", "d", 1},
        {"SETEX k 5 v", ":-2\r\n", "m", 1},
        {"SETEX k 5 v", NIL, "m", 0},
        {"SET k v XX EX 5", ":-2\r\n", "e", 1},
        {"EXPIRE k 5", ":4000\r\n", "e", 0},
        {"EXPIRE k 5", ":6000\r\n", "d", 0},
        {"EXPIRE k 5", ":-1\r\n", "d", 0},
        {"EXPIRE k 5", ":-2\r\n", "m", 0},
        {"EXPIREAT k 1", ":-2\r\n", "e", 0},
        {"EXPIREAT k 1010", ":69000\r\n", "e", 0},
        {"EXPIREAT k 1010", ":71000\r\n", "d", 0},
        {"PERSIST k", ":-1\r\n", "e", 0},
        {"PERSIST k", ":-2\r\n", "e", 0},
        {"PERSIST k", ":5\r\n", "d", 0},
        {"DEL k", "+none\r\n", "e", 0},
        {"DEL k", "+string\r\n", "d", 0},
        {"HSET k f v g w", "*2\r\n$1\r\nv\r\n$1\r\nw\r\n", "ee", 0},
        {"HSET k f v g w", "*2\r\n$1\r\nv\r\n$1\r\nx\r\n", "ed", 0},
        {"HSET k f v g w", "*2\r\n" NIL "$1\r\nw\r\n", "me", 0},
        {"HSET k f v g w", "*2\r\n" NIL NIL, "mm", 0},
        {"HSET k f v g w", WRONG, "dd", 0},
        {"HSET k f v g w", "*1\r\n" NIL, "dd", 0},
        {"HSET k f v f w", "*2\r\n$1\r\nw\r\n$1\r\nw\r\n", "ee", 0},
        {"HSET k f v f w", "*2\r\n$1\r\nv\r\n$1\r\nv\r\n", "ed", 0},
        {"HSETNX k f v", "*1\r\n$1\r\nx\r\n", "e", 0},
        {"HSETNX k f v", "*1\r\n" NIL, "m", 0},
        {"HDEL k f g", "*2\r\n" NIL "$1\r\nx\r\n", "ed", 0},
        {"SADD k a b", "*2\r\n:1\r\n:0\r\n", "em", 0},
        {"SADD k a b", WRONG, "dd", 0},
        {"SREM k a b", "*2\r\n:1\r\n:0\r\n", "de", 0},
        {"ZADD k 1 a", "*1\r\n$1\r\n1\r\n", "e", 0},
        {"ZADD k 1.0 a", "*1\r\n$1\r\n1\r\n", "e", 0},
        {"ZADD k 1e3 a", "*1\r\n$4\r\n1000\r\n", "e", 0},
        {"ZADD k 0.1 a", "*1\r\n$19\r\n0.10000000000000001\r\n", "e", 0},
        {"ZADD k -0 a", "*1\r\n$1\r\n0\r\n", "e", 0},
        {"ZADD k +inf a", "*1\r\n$3\r\ninf\r\n", "e", 0},
        {"ZADD k -inf a", "*1\r\n$3\r\ninf\r\n", "d", 0},
        {"ZADD k 1 a", "*1\r\n$1\r\n2\r\n", "d", 0},
        {"ZADD k 1x a", "*1\r\n$1\r\n1\r\n", "d", 0},
        {"ZADD k 1 a", "*1\r\n" NIL, "m", 0},
        {"ZADD k NX 1 a", "*1\r\n$1\r\n2\r\n", "e", 0},
        {"ZADD k XX 1 a", "*1\r\n" NIL, "e", 0},
        {"ZADD k XX 1 a", "*1\r\n$1\r\n2\r\n", "d", 0},
        {"ZADD k GT 1 a", "*1\r\n$1\r\n2\r\n", "e", 0},
        {"ZADD k GT 1 a", "*1\r\n$1\r\n0\r\n", "d", 0},
        {"ZADD k LT 1 a", "*1\r\n$1\r\n0\r\n", "e", 0},
        {"ZADD k LT 1 a", "*1\r\n$1\r\n2\r\n", "d", 0},
        {"ZREM k a", "*1\r\n" NIL, "e", 0},
        {"ZREM k a", "*1\r\n$1\r\n2\r\n", "d", 0},
        {"JSON.SET k . {\"a\":1}", "$9\r\n{\"a\":1.0}\r\n", "e", 0},
        {"JSON.SET k . {\"a\":1}", "$7\r\n{\"a\":2}\r\n", "d", 0},
        {"JSON.SET k . {\"a\":1}", NIL, "m", 0},
        {"JSON.SET k . {\"a\":1} XX", NIL, "e", 0},
        {"JSON.SET k . {\"a\":1} NX", "$1\r\n2\r\n", "e", 0},
        {"JSON.SET k .a 1", "-ERR Path '.a' does not exist\r\n", "m", 0},
        {"JSON.SET k . 1", "-Existing key has wrong Redis type\r\n", "d", 0},
        {"JSON.SET k $ {\"a\":1}", "$9\r\n[{\"a\":1}]\r\n", "e", 0},
        {"JSON.SET k $..a 1", "$5\r\n[1,1]\r\n", "e", 0},
        {"JSON.SET k $..a 1", "$5\r\n[1,2]\r\n", "d", 0},
        {"JSON.SET k $.a 1", "$2\r\n[]\r\n", "m", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char letters[16];
        judge(cases[i].line, cases[i].at, cases[i].reply, letters);
        if (strcmp(letters, cases[i].want) != 0)
            fail_msg("'%s', answered with '%s': %s, expected %s", cases[i].line, cases[i].reply,
                     letters, cases[i].want);
    }
}

static void test_errors(void **state)
{
    (void)state;
    static const char *const errors[] = {"-NOPERM no\r\n", "-LOADING x\r\n", "-ERR no\r\n",
                                         "-MOVED 1 h:1\r\n"};
    const struct arguments arguments = wire_words(&arena, "SET k v");
    const struct expectation e = make(&arguments);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        assert_false(reading_can_judge(&e, wire_reply(reader, errors[i])));
    const struct arguments json = wire_words(&arena, "JSON.SET k . 1");
    const struct expectation of_json = make(&json);
    assert_false(
        reading_can_judge(&of_json, wire_reply(reader, "-ERR unknown command 'JSON.GET'\r\n")));
}

/* What is sent, with blanks between arguments and ';' between commands. */
static void test_reads(void **state)
{
    (void)state;
    static const struct {
        const char *line, *want;
    } cases[] = {
        {"SET k v", "GET k;"},
        {"SETEX k 5 v", "GET k;PTTL k;"},
        {"SET k v NX EX 5", "TYPE k;"},
        {"DEL k", "TYPE k;"},
        {"HSET k f v g w", "HMGET k f g;"},
        {"HDEL k f g", "HMGET k f g;"},
        {"SADD k a b", "SMISMEMBER k a b;"},
        {"ZADD k NX 1 a 2 b", "ZMSCORE k a b;"},
        {"ZREM k a b", "ZMSCORE k a b;"},
        {"EXPIRE k 5", "PTTL k;"},
        {"JSON.SET k $.a 1", "JSON.GET k $.a;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct arguments arguments = wire_words(&arena, cases[i].line);
        const struct expectation e = make(&arguments);
        struct buffer reads = {0}, text = {0};
        reading_append(&e, &arguments, &reads);
        struct resp resp = {reads.bytes, reads.length};
        struct resp_command command;
        struct resp_argument argument;
        size_t commands = 0;
        for (; resp_next(&resp, &command); commands++) {
            for (size_t k = 0; resp_argument(&command, &argument); k++) {
                if (k > 0) buffer_append_char(&text, ' ');
                buffer_append(&text, argument.bytes, argument.length);
            }
            buffer_append_char(&text, ';');
        }
        assert_int_equal(resp.length, 0);
        assert_int_equal(commands, e.replies);
        assert_string_equal(buffer_text(&text), cases[i].want);
        buffer_release(&reads);
        buffer_release(&text);
    }
}

static void test_binary(void **state)
{
    (void)state;
    const struct resp_argument items[] = {{"SET", 3}, {"k\0\r\n", 4}, {"\0\xff\r\n", 4}};
    const struct arguments arguments = {items, 3};
    const struct expectation e = make(&arguments);
    struct buffer reads = {0};
    reading_append(&e, &arguments, &reads);
    assert_int_equal(reads.length, sizeof "*2\r\n$3\r\nGET\r\n$4\r\nk\0\r\n\r\n" - 1);
    assert_memory_equal(reads.bytes, "*2\r\n$3\r\nGET\r\n$4\r\nk\0\r\n\r\n", reads.length);
    buffer_release(&reads);
    struct error err = {0};
    const struct reply *reply = NULL;
    static const char same[] = "$4\r\n\0\xff\r\n\r\n";
    assert_int_equal(reply_reader_feed(reader, same, sizeof same - 1, &err), 0);
    assert_int_equal(reply_reader_next(reader, &reply, &err), 1);
    assert_int_equal(reading_judge(&e, &arguments, 0, reply, 0), READING_EQUAL);
}

/* Names of all lengths, each twice but for the last one, far apart: comparing each with each
 * would take minutes. */
static void test_many_parts(void **state)
{
    (void)state;
    enum { NAMES = 100001, PARTS = 2 * NAMES - 1 };
    static char names[NAMES][8];
    struct resp_argument *items = calloc(2 + 2 * PARTS, sizeof *items);
    assert_non_null(items);
    items[0] = (struct resp_argument){"HSET", 4};
    items[1] = (struct resp_argument){"k", 1};
    for (size_t i = 0; i < PARTS; i++) {
        char *name = names[i % NAMES];
        items[2 + 2 * i].length = (size_t)snprintf(name, sizeof names[0], "%zu", i % NAMES);
        items[2 + 2 * i].bytes = name;
        items[3 + 2 * i] = (struct resp_argument){"v", 1};
    }
    const struct arguments arguments = {items, 2 + 2 * PARTS};
    const struct expectation e = make(&arguments);
    bool *repeats = reading_repeats(&e, &arguments);
    assert_non_null(repeats);
    for (size_t i = 0; i < PARTS; i++)
        if (repeats[i] != (i + NAMES < PARTS)) fail_msg("part %zu: %d", i, repeats[i]);
    free(repeats);
    free(items);
}

/* "part|sql|redis" */
static void describe(const char *line, size_t at, const char *reply, size_t part,
                     struct buffer *text)
{
    const struct arguments arguments = wire_words(&arena, line);
    const struct expectation e = make(&arguments);
    struct buffer texts[3] = {{0}};
    const struct reading_words words = {&texts[0], &texts[1], &texts[2]};
    reading_describe(&e, &arguments, at, wire_reply(reader, reply), part, &words);
    buffer_clear(text);
    for (size_t i = 0; i < 3; i++) {
        if (i > 0) buffer_append_char(text, '|');
        buffer_append_text(text, buffer_text(&texts[i]));
        buffer_release(&texts[i]);
    }
}

static void test_words(void **state)
{
    (void)state;
    static const struct {
        const char *line, *reply, *want;
        size_t at, part;
    } cases[] = {
        {"SET k v", "$1\r\nw\r\n", "|\"v\"|\"w\"", 0, 0},
        {"SET k v", NIL, "|\"v\"|nothing", 0, 0},
        {"SET k _", "$2\r\n\1\n\r\n", "|\"\"|\"\\x01\\n\"", 0, 0},
        {"SET k v", "$2\r\n\xff\"\r\n", "|\"v\"|\"\\xff\\\"\"", 0, 0},
        {"SET k v", "$3\r\na b\r\n", "|\"v\"|\"a b\"", 0, 0},
        {"SET k Zo\xc3\xab", "$1\r\n\"\r\n", "|\"Zo\xc3\xab\"|'\"'", 0, 0},
        {"SET k v", WRONG, "|\"v\"|a value of another type", 0, 0},
        {"SETNX k v", "+none\r\n", "|a key|nothing", 0, 0},
        {"DEL k", "+hash\r\n", "|nothing|a hash", 0, 0},
        {"SETEX k 90 v", ":-1\r\n", "TTL|at most 90s|none", 1, 0},
        {"SETEX k 90 v", ":95123\r\n", "TTL|at most 90s|95s", 1, 0},
        {"EXPIRE k 90", ":-2\r\n", "TTL|at most 90s|no such key", 0, 0},
        {"PERSIST k", ":1500\r\n", "TTL|none|1500ms", 0, 0},
        {"HSET k f v g w", "*2\r\n$1\r\nx\r\n" NIL, "field g|\"w\"|nothing", 0, 1},
        {"HSET k f v", WRONG, "field f|\"v\"|a value of another type", 0, 0},
        {"HDEL k f", "*1\r\n$1\r\nx\r\n", "field f|nothing|\"x\"", 0, 0},
        {"SADD k a", "*1\r\n:0\r\n", "member a|a member|no member", 0, 0},
        {"SREM k a", "*1\r\n:1\r\n", "member a|no member|a member", 0, 0},
        {"ZADD k 1.50 a", "*1\r\n$1\r\n2\r\n", "member a|\"1.50\"|\"2\"", 0, 0},
        {"JSON.SET k . 1", "-ERR Path '.' does not exist\r\n", "path .|\"1\"|nothing", 0, 0},
    };
    struct buffer text = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        describe(cases[i].line, cases[i].at, cases[i].reply, cases[i].part, &text);
        assert_string_equal(buffer_text(&text), cases[i].want);
    }
    buffer_release(&text);
}

/* Long values are cut, not within a character, and shown from where they differ. */
static void test_long_values(void **state)
{
    (void)state;
    char line[400], reply[400], as[300];
    struct buffer text = {0};
    memset(as, 'a', sizeof as);
    (void)snprintf(line, sizeof line, "SET k %.200sX%.50s", as, as);
    (void)snprintf(reply, sizeof reply, "$251\r\n%.200sY%.50s\r\n", as, as);
    describe(line, 0, reply, 0, &text);
    char want[400];
    (void)snprintf(want, sizeof want,
                   "|…\"%.16sX%.50s\" (251 bytes)|…\"%.16sY%.50s\" (251 bytes)", as, as, as,
                   as);
    assert_string_equal(buffer_text(&text), want);

    (void)snprintf(line, sizeof line, "SET k %.79s\xe2\x82\xac%.50s", as, as);
    describe(line, 0, NIL, 0, &text);
    (void)snprintf(want, sizeof want, "|\"%.79s\"… (132 bytes)|nothing", as);
    assert_string_equal(buffer_text(&text), want);
    buffer_release(&text);
}

static int release(void **state)
{
    (void)state;
    reply_reader_free(reader);
    arena_release(&arena);
    return 0;
}

static int prepare(void **state)
{
    struct error err = {0};
    (void)state;
    return reply_reader_new(&reader, &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),    cmocka_unit_test(test_errors),
        cmocka_unit_test(test_reads),       cmocka_unit_test(test_binary),
        cmocka_unit_test(test_many_parts),  cmocka_unit_test(test_words),
        cmocka_unit_test(test_long_values),
    };
    return cmocka_run_group_tests(tests, prepare, release);
}
