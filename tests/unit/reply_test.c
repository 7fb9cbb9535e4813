/* reply: any slicing of the wire gives the same replies; errors, nil and nested arrays; what is
 * not Redis' protocol is refused; memory that runs out is reported; what error replies mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "buffer.h"
#include "error.h"
#include "reply.h"

/* Append reply as text that shows every part of it, and check its span on the way. */
static size_t show(struct buffer *buf, const struct reply *reply)
{
    static const char marks[] = {'+', '-', ':', '$', '_', '*'};
    size_t span = 1;
    buffer_append_char(buf, marks[reply->type]);
    switch (reply->type) {
    case REPLY_INTEGER:
        buffer_append_integer(buf, reply->integer);
        break;
    case REPLY_NIL:
        break;
    case REPLY_ARRAY:
        buffer_append_char(buf, '[');
        for (size_t i = 0; i < reply->count; i++) {
            assert_ptr_equal(reply_element(reply, i), reply + span);
            span += show(buf, reply + span);
        }
        assert_null(reply_element(reply, reply->count));
        buffer_append_char(buf, ']');
        break;
    default:
        assert_int_equal(reply->text[reply->length], '\0');
        assert_int_equal(reply->integer, 0);
        buffer_append(buf, reply->text, reply->length);
    }
    buffer_append_char(buf, ' ');
    assert_int_equal(reply->span, span);
    return span;
}

static void drain(struct reply_reader *reader, struct buffer *shown)
{
    struct error err = {0};
    const struct reply *reply = NULL;
    int got = 0;
    while ((got = reply_reader_next(reader, &reply, &err)) == 1) (void)show(shown, reply);
    assert_int_equal(got, 0);
}

static const char wire[] =
    "+OK\r\n"
    "-WRONGTYPE Operation against a key\r\n"
    ":-9223372036854775808\r\n"
    "$5\r\na\r\nb\0\r\n"
    "$0\r\n\r\n"
    "$-1\r\n"
    "*-1\r\n"
    "*0\r\n"
    "*5\r\n+QUEUED\r\n*2\r\n:1\r\n*1\r\n$3\r\nabc\r\n-ERR no\r\n*0\r\n$-1\r\n"
    "+QUEUED\r\n"
    "+QUEUE\r\n+QUEUED.\r\n+OKAY\r\n+\r\n"
    "*6\r\n+OK\r\n:0\r\n:-1\r\n:999999999999999999\r\n:9223372036854775807\r\n+QUEUED\r\n"
    "*1\r\n*1\r\n*2\r\n+OK\r\n:5\r\n"
    "*2\r\n$9\r\n+OK\r\n:1\r\n\r\n+OK\r\n"
    ":7\r\n";
static const char meant[] = "+OK -WRONGTYPE Operation against a key "
                            ":-9223372036854775808 $a\r\nb\0 $ _ _ *[] "
                            "*[+QUEUED *[:1 *[$abc ] ] -ERR no *[] _ ] "
                            "+QUEUED +QUEUE +QUEUED. +OKAY + "
                            "*[+OK :0 :-1 :999999999999999999 :9223372036854775807 +QUEUED ] "
                            "*[*[*[+OK :5 ] ] ] *[$+OK\r\n:1\r\n +OK ] :7 ";

static void test_all_slicings(void **state)
{
    (void)state;
    size_t length = sizeof wire - 1;
    for (size_t first = 0; first <= length; first++) {
        for (size_t size = 1; size <= 9; size += 4) {
            struct error err = {0};
            struct reply_reader *reader = NULL;
            struct buffer shown = {0};
            assert_int_equal(reply_reader_new(&reader, &err), 0);
            for (size_t at = 0; at < length;) {
                size_t slice = at == 0 && first > 0 ? first : size;
                if (slice > length - at) slice = length - at;
                assert_int_equal(reply_reader_feed(reader, wire + at, slice, &err), 0);
                drain(reader, &shown);
                at += slice;
            }
            assert_int_equal(shown.length, sizeof meant - 1);
            assert_memory_equal(shown.bytes, meant, sizeof meant - 1);
            buffer_release(&shown);
            reply_reader_free(reader);
        }
    }
}

/* Feed slices until a reply is whole: the last one's. */
static const struct reply *receive(struct reply_reader *reader, const struct buffer *bytes)
{
    struct error err = {0};
    const struct reply *reply = NULL;
    for (size_t at = 0; at < bytes->length; at += REPLY_SLICE) {
        size_t slice = bytes->length - at < REPLY_SLICE ? bytes->length - at : REPLY_SLICE;
        assert_null(reply);
        assert_int_equal(reply_reader_feed(reader, bytes->bytes + at, slice, &err), 0);
        assert_int_not_equal(reply_reader_next(reader, &reply, &err), -1);
    }
    assert_non_null(reply);
    return reply;
}

/* A value and an array larger than all buffers begin with, and small ones after them. */
static void test_huge(void **state)
{
    (void)state;
    enum { VALUE = 5 * 1024 * 1024, ELEMENTS = 100000 };
    struct error err = {0};
    struct reply_reader *reader = NULL;
    const struct reply *reply = NULL;
    struct buffer bytes = {0};
    assert_int_equal(reply_reader_new(&reader, &err), 0);

    buffer_append_format(&bytes, "$%d\r\n", VALUE);
    for (size_t i = 0; i < VALUE; i++) buffer_append_char(&bytes, (char)('a' + i % 26));
    buffer_append_text(&bytes, "\r\n");
    reply = receive(reader, &bytes);
    assert_int_equal(reply->length, VALUE);
    assert_memory_equal(reply->text, strchr(bytes.bytes, '\n') + 1, VALUE);

    buffer_clear(&bytes);
    buffer_append_format(&bytes, "*%d\r\n", ELEMENTS);
    for (int i = 0; i < ELEMENTS; i++) buffer_append_format(&bytes, "$5\r\n%05d\r\n", i);
    buffer_append_text(&bytes, "+OK\r\n");
    reply = receive(reader, &bytes);
    assert_int_equal(reply->count, ELEMENTS);
    assert_int_equal(reply->span, ELEMENTS + 1);
    assert_string_equal(reply_element(reply, 0)->text, "00000");
    assert_string_equal(reply_element(reply, ELEMENTS - 1)->text, "99999");
    assert_int_equal(reply_reader_next(reader, &reply, &err), 1);
    assert_true(reply_is_status(reply, "OK"));
    assert_false(reply_is_status(reply, "QUEUED"));
    assert_int_equal(reply_reader_next(reader, &reply, &err), 0);

    buffer_release(&bytes);
    reply_reader_free(reader);
}

/* No bytes make the reader crash, and after an error it stays in error. */
static void test_not_the_protocol(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "HTTP/1.1 400 Bad Request\r\n",
        "$x\r\n",
        ":\r\n",
        ":1x\r\n",
        "*1x\r\n",
        "*2\r\n+OK\r\nnonsense\r\n",
        "*-2\r\n",
        "$-2\r\n",
        "$1\r\nab\r\n",
        "*2\r\n$1\r\na:1\r\n+OK\r\n",
        "*9\r\n*9\r\n*9\r\n*9\r\n*9\r\n*9\r\n*9\r\n*9\r\n*9\r\n*9\r\n*9\r\n:1\r\nnonsense\r\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = {0};
        struct reply_reader *reader = NULL;
        const struct reply *reply = NULL;
        assert_int_equal(reply_reader_new(&reader, &err), 0);
        assert_int_equal(reply_reader_feed(reader, wrong[i], strlen(wrong[i]), &err), 0);
        assert_int_equal(reply_reader_next(reader, &reply, &err), -1);
        assert_int_equal(err.code, ERROR_REDIS_UNREACHABLE);
        assert_non_null(strstr(err.message, "this is not Redis' protocol: "));
        assert_int_equal(reply_reader_feed(reader, "+OK\r\n", 5, &err), -1);
        assert_int_equal(reply_reader_next(reader, &reply, &err), -1);
        reply_reader_free(reader);
    }
    reply_reader_free(NULL);
}

/* RESP3's types are never asked for; old hiredis refuses them, new hiredis reads them. */
static void test_resp3_does_no_harm(void **state)
{
    (void)state;
    static const char *const types[] = {"_\r\n",
                                        "#t\r\n",
                                        ",3.25\r\n",
                                        "(12345678\r\n",
                                        "=7\r\ntxt:abc\r\n",
                                        "%1\r\n+a\r\n:1\r\n",
                                        "~2\r\n:1\r\n#f\r\n",
                                        ">2\r\n+a\r\n,inf\r\n"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct error err = {0};
        struct reply_reader *reader = NULL;
        const struct reply *reply = NULL;
        struct buffer shown = {0};
        assert_int_equal(reply_reader_new(&reader, &err), 0);
        assert_int_equal(reply_reader_feed(reader, types[i], strlen(types[i]), &err), 0);
        int got = reply_reader_next(reader, &reply, &err);
        if (got == 1) (void)show(&shown, reply);
        if (got != 1) assert_int_equal(err.code, ERROR_REDIS_UNREACHABLE);
        buffer_release(&shown);
        reply_reader_free(reader);
    }
}

static const struct reply *error_reply(const char *text)
{
    static struct reply reply;
    reply =
        (struct reply){.type = REPLY_ERROR, .text = text, .length = strlen(text), .span = 1};
    return &reply;
}

static void test_trouble(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum reply_trouble trouble;
        int code;
    } cases[] = {
        {"LOADING Redis is loading the dataset in memory", REPLY_PASSING, ERROR_FAILED},
        {"BUSY Redis is busy running a script.", REPLY_PASSING, ERROR_FAILED},
        {"READONLY You can't write against a read only replica.", REPLY_PASSING, ERROR_FAILED},
        {"OOM command not allowed when used memory > 'maxmemory'.", REPLY_SHORT, ERROR_FAILED},
        {"MISCONF Redis is configured to save RDB snapshots", REPLY_SHORT, ERROR_FAILED},
        {"NOREPLICAS Not enough good replicas to write.", REPLY_SHORT, ERROR_FAILED},
        {"EXECABORT Transaction discarded because of: OOM command not allowed", REPLY_SHORT,
         ERROR_FAILED},
        {"EXECABORT Transaction discarded because of previous errors.", REPLY_FINAL,
         ERROR_FAILED},
        {"BUSYKEY Target key name already exists.", REPLY_FINAL, ERROR_FAILED},
        {"BUSYGROUP Consumer Group name already exists", REPLY_FINAL, ERROR_FAILED},
        {"WRONGTYPE Operation against a key", REPLY_FINAL, ERROR_FAILED},
        {"NOAUTH Authentication required.", REPLY_FINAL, ERROR_REDIS_UNREACHABLE},
        {"WRONGPASS invalid username-password pair", REPLY_FINAL, ERROR_REDIS_UNREACHABLE},
        {"OOM", REPLY_SHORT, ERROR_FAILED},
        {"", REPLY_FINAL, ERROR_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        const struct reply *reply = error_reply(cases[i].text);
        assert_int_equal(reply_trouble(reply), cases[i].trouble);
        assert_int_equal(reply_error(reply, &err), -1);
        assert_int_equal(err.code, cases[i].code);
        assert_string_equal(err.message, cases[i].text);
    }
    assert_true(reply_is_error(error_reply("NOPERM no"), "NOPERM"));
    assert_false(reply_is_error(error_reply("NOPERMS no"), "NOPERM"));
}

/* Redis repeats the arguments of a command it does not know. */
static void test_error_quotes_no_values(void **state)
{
    (void)state;
    struct error err = {0};
    (void)reply_error(error_reply("ERR unknown command 'HSETT', with args beginning with: "
                                  "'flag:a' 'secret' "),
                      &err);
    assert_string_equal(err.message, "ERR unknown command 'HSETT'");
}

/* Whatever allocation fails, once or for good: an error, no crash, no leak. */
static void test_memory_runs_out(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    bool finished = false;
    buffer_append_text(&bytes, "*300\r\n");
    for (int i = 0; i < 100; i++)
        buffer_append_format(&bytes, "+OK\r\n:%d\r\n$3\r\n%03d\r\n", i, i);

    for (size_t round = 0; round < 200 && !finished; round++) {
        struct error err = {0};
        struct reply_reader *reader = NULL;
        const struct reply *reply = NULL;
        alloc_fail_at(round / 2 + 1, round % 2 == 1);
        int got = reply_reader_new(&reader, &err);
        if (got == 0) got = reply_reader_feed(reader, bytes.bytes, bytes.length, &err);
        if (got == 0) got = reply_reader_next(reader, &reply, &err);
        finished = !alloc_fail_happened();
        alloc_fail_never();
        if (got == 1) assert_int_equal(reply->count, 300);
        if (got != 1) assert_string_equal(err.message, "out of memory");
        reply_reader_free(reader);
    }
    assert_true(finished);
    buffer_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_slicings),     cmocka_unit_test(test_huge),
        cmocka_unit_test(test_not_the_protocol), cmocka_unit_test(test_resp3_does_no_harm),
        cmocka_unit_test(test_trouble),          cmocka_unit_test(test_error_quotes_no_values),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
