/* checkpoint: what is written is read again; what is strange is 0 or empty, never an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"
#include "checkpoint.h"
#include "error.h"
#include "reply.h"
#include "resp.h"

/* Parse an answer to HGETALL that is given as the wire has it. */
static int parse(struct checkpoint *out, const char *wire, size_t length, struct error *err)
{
    struct error ignored = {0};
    struct reply_reader *reader = NULL;
    const struct reply *reply = NULL;
    assert_int_equal(reply_reader_new(&reader, &ignored), 0);
    assert_int_equal(reply_reader_feed(reader, wire, length, &ignored), 0);
    assert_int_equal(reply_reader_next(reader, &reply, &ignored), 1);
    int result = checkpoint_parse(out, reply, err);
    reply_reader_free(reader);
    return result;
}

static void must_parse(struct checkpoint *out, const struct buffer *wire)
{
    struct error err = {0};
    if (parse(out, wire->bytes, wire->length, &err) != 0) fail_msg("%s", err.message);
}

/* The answer that a hash would give to HGETALL after the last HSET among the commands. */
static void hgetall(struct buffer *wire, const struct buffer *commands)
{
    struct resp resp = {commands->bytes, commands->length};
    struct resp_command command;
    struct resp_argument argument;
    while (resp_next(&resp, &command)) {
        assert_true(resp_argument(&command, &argument));
        if (argument.length != 4 || memcmp(argument.bytes, "HSET", 4) != 0) continue;
        assert_true(resp_argument(&command, &argument));
        assert_memory_equal(argument.bytes, "key", 3);
        buffer_clear(wire);
        buffer_append_format(wire, "*%zu\r\n", command.count - 2);
        while (resp_argument(&command, &argument)) {
            buffer_append_format(wire, "$%zu\r\n", argument.length);
            buffer_append(wire, argument.bytes, argument.length);
            buffer_append_text(wire, "\r\n");
        }
    }
    assert_int_equal(resp.length, 0);
}

static void test_nothing_there(void **state)
{
    (void)state;
    struct error err = {0};
    struct checkpoint checkpoint;
    assert_int_equal(parse(&checkpoint, "*0\r\n", 4, &err), 0);
    assert_false(checkpoint.present);
    assert_string_equal(checkpoint.fence, "");
    assert_null(checkpoint.cursor);
    assert_null(checkpoint.failed);
    assert_true(checkpoint_is_settled(&checkpoint));
    checkpoint_release(&checkpoint);
    assert_int_equal(parse(&checkpoint, ":1\r\n", 4, &err), -1);
    assert_int_equal(err.code, ERROR_FAILED);
    assert_int_equal(parse(&checkpoint, "*1\r\n$1\r\na\r\n", 11, &err), -1);
}

static void test_fresh(void **state)
{
    (void)state;
    struct buffer commands = {0};
    struct buffer wire = {0};
    struct checkpoint found;
    const struct checkpoint fresh = {.fence = "17.00ff.3",
                                     .origin = 17,
                                     .down = true,
                                     .checksum = "c0ffee",
                                     .step = 1,
                                     .cursor = "[1]"};
    assert_int_equal(checkpoint_append_fresh(&commands, "key", &fresh), 2);
    assert_memory_equal(commands.bytes, "*2\r\n$3\r\nDEL\r\n$3\r\nkey\r\n", 22);
    hgetall(&wire, &commands);
    must_parse(&found, &wire);
    assert_true(found.present && found.down);
    assert_int_equal(found.fence_run, 17);
    assert_string_equal(found.fence, "17.00ff.3");
    assert_int_equal(found.origin, 17);
    assert_string_equal(found.checksum, "c0ffee");
    assert_int_equal(found.step, 1);
    assert_null(found.cursor);
    assert_null(found.seen);
    checkpoint_release(&found);
    buffer_release(&commands);
    buffer_release(&wire);
}

static void test_marks(void **state)
{
    (void)state;
    struct buffer commands = {0};
    struct buffer wire = {0};
    struct checkpoint found, copy;
    struct error err = {0};
    const struct checkpoint_mark mark = {
        .step = 12,
        .cursor = "[\"\xc3\xa4\\\"\",\"2\"]",
        .seen = "[\"a\",\"1\"]",
        .tally = {.rows_read = INT64_MAX, .commands_sent = 3, .messages_published = 0},
        .again = 7};
    checkpoint_append_move(&commands, "key", &mark);
    hgetall(&wire, &commands);
    must_parse(&found, &wire);
    assert_int_equal(checkpoint_copy(&copy, &found, &err), 0);
    checkpoint_release(&found);
    assert_true(checkpoint_is_at(&copy, &mark));
    assert_string_equal(copy.cursor, mark.cursor);
    assert_string_equal(copy.seen, mark.seen);
    assert_int_equal(copy.again, 7);
    assert_false(checkpoint_is_settled(&copy));
    assert_int_equal(copy.fence_run, 0);
    assert_false(copy.down);

    /* Each part of a place matters, but for what was seen. */
    struct checkpoint_mark other = mark;
    other.seen = NULL;
    assert_true(checkpoint_is_at(&copy, &other));
    other.step = 11;
    assert_false(checkpoint_is_at(&copy, &other));
    other = mark;
    other.cursor = "[]";
    assert_false(checkpoint_is_at(&copy, &other));
    other.cursor = NULL;
    assert_false(checkpoint_is_at(&copy, &other));
    other = mark;
    other.tally.messages_published = 1;
    assert_false(checkpoint_is_at(&copy, &other));
    other = mark;
    other.tally.commands_sent = 2;
    assert_false(checkpoint_is_at(&copy, &other));
    other = mark;
    other.tally.rows_read = 2;
    assert_false(checkpoint_is_at(&copy, &other));
    checkpoint_release(&copy);

    /* Without a cursor the fields go. */
    buffer_clear(&commands);
    const struct checkpoint_mark none = {.step = 13};
    assert_int_equal(checkpoint_append_mark(&commands, "key", &none), 2);
    assert_memory_equal(commands.bytes, "*4\r\n$4\r\nHDEL\r\n$3\r\nkey\r\n$6\r\ncursor\r\n",
                        35);
    hgetall(&wire, &commands);
    must_parse(&found, &wire);
    assert_true(checkpoint_is_at(&found, &none));
    assert_true(checkpoint_is_settled(&found));
    checkpoint_release(&found);
    buffer_release(&commands);
    buffer_release(&wire);
}

static void test_failed(void **state)
{
    (void)state;
    static const char two[] = "*2\r\n$4\r\nINCR\r\n$3\r\na\0b\r\n*1\r\n$4\r\nPING\r\n";
    const size_t length = sizeof two - 1;
    struct buffer commands = {0};
    struct buffer wire = {0};
    struct checkpoint found;
    for (int is_unread = 0; is_unread < 2; is_unread++) {
        checkpoint_append_failed(&commands, "key", two, length, is_unread == 1);
        hgetall(&wire, &commands);
        must_parse(&found, &wire);
        assert_int_equal(found.failed_length, length);
        assert_memory_equal(found.failed, two, length);
        assert_int_equal(found.failed_unread, is_unread == 1);
        checkpoint_release(&found);
        buffer_clear(&commands);
    }
    checkpoint_append_failed(&commands, "key", NULL, 0, false);
    assert_string_equal(buffer_text(&commands),
                        "*3\r\n$4\r\nHDEL\r\n$3\r\nkey\r\n$6\r\nfailed\r\n");
    buffer_release(&commands);
    buffer_release(&wire);
}

static void test_strange(void **state)
{
    (void)state;
    static const struct {
        const char *fence;
        int64_t run;
    } fences[] = {
        {"", 0},    {"17", 0}, {".a.1", 0}, {"-3.a.1", 0}, {"99999999999999999999.a", 0},
        {"17.", 17}};
    struct buffer wire = {0};
    struct checkpoint found;
    for (size_t i = 0; i < sizeof fences / sizeof *fences; i++) {
        buffer_clear(&wire);
        buffer_append_format(&wire,
                             "*6\r\n$5\r\nfence\r\n$%zu\r\n%s\r\n$6\r\norigin\r\n$2\r\n1x\r\n"
                             "$6\r\nfailed\r\n$1\r\n?\r\n",
                             strlen(fences[i].fence), fences[i].fence);
        must_parse(&found, &wire);
        assert_true(found.present);
        assert_int_equal(found.fence_run, fences[i].run);
        assert_int_equal(found.origin, 0);
        assert_null(found.failed);
        checkpoint_release(&found);
    }
    buffer_release(&wire);
}

/* ---- the trace ---- */

static void assert_trace(const char *wire, const char *database, int64_t first_run,
                         const char *last_write)
{
    struct error err = {0};
    struct checkpoint_trace trace;
    struct reply_reader *reader = NULL;
    const struct reply *reply = NULL;
    assert_int_equal(reply_reader_new(&reader, &err), 0);
    assert_int_equal(reply_reader_feed(reader, wire, strlen(wire), &err), 0);
    assert_int_equal(reply_reader_next(reader, &reply, &err), 1);
    assert_int_equal(checkpoint_parse_trace(&trace, reply, &err), 0);
    assert_int_equal(trace.first_run, first_run);
    assert_int_equal(trace.last_run, strstr(wire, "last_run") != NULL ? 21 : 0);
    assert_int_equal(trace.database != NULL, database != NULL);
    if (database != NULL) assert_string_equal(trace.database, database);
    assert_int_equal(trace.last_write != NULL, last_write != NULL);
    if (last_write != NULL) assert_string_equal(trace.last_write, last_write);
    reply_reader_free(reader);
}

static void assert_no_trace(const char *wire, const char *says)
{
    struct error err = {0};
    struct checkpoint_trace trace;
    struct reply_reader *reader = NULL;
    const struct reply *reply = NULL;
    assert_int_equal(reply_reader_new(&reader, &err), 0);
    assert_int_equal(reply_reader_feed(reader, wire, strlen(wire), &err), 0);
    assert_int_equal(reply_reader_next(reader, &reply, &err), 1);
    assert_int_equal(checkpoint_parse_trace(&trace, reply, &err), -1);
    assert_non_null(strstr(err.message, says));
    reply_reader_free(reader);
}

static void test_trace(void **state)
{
    (void)state;
    struct buffer out = {0};
    const struct checkpoint_trace trace = {
        .database = "h:5432/app", .first_run = 17, .last_run = 21, .last_write = "now"};
    assert_int_equal(checkpoint_append_trace(&out, "key", &trace), 2);
    assert_string_equal(
        buffer_text(&out),
        "*8\r\n$4\r\nHSET\r\n$3\r\nkey\r\n$8\r\ndatabase\r\n$10\r\nh:5432/app\r\n"
        "$10\r\nlast_write\r\n$3\r\nnow\r\n$8\r\nlast_run\r\n$2\r\n21\r\n"
        "*4\r\n$6\r\nHSETNX\r\n$3\r\nkey\r\n$9\r\nfirst_run\r\n$2\r\n17\r\n");
    buffer_release(&out);

    assert_trace(
        "*10\r\n$1\r\nx\r\n$1\r\ny\r\n$8\r\ndatabase\r\n$1\r\nd\r\n$8\r\nlast_run\r\n"
        "$2\r\n21\r\n$9\r\nfirst_run\r\n$2\r\n17\r\n$10\r\nlast_write\r\n$3\r\nnow\r\n",
        "d", 17, "now");
    assert_trace("*0\r\n", NULL, 0, NULL);
    assert_trace("*2\r\n$8\r\ndatabase\r\n$1\r\nd\r\n", "d", 0, NULL);
    assert_trace("*2\r\n$9\r\nfirst_run\r\n$1\r\nx\r\n", NULL, 0, NULL);
    assert_no_trace("-WRONGTYPE no hash\r\n", "WRONGTYPE");
    assert_no_trace("*1\r\n$8\r\ndatabase\r\n", "does not belong");
    assert_no_trace("*2\r\n$8\r\ndatabase\r\n$-1\r\n", "does not belong");
    assert_no_trace("+OK\r\n", "does not belong");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_there), cmocka_unit_test(test_fresh),
        cmocka_unit_test(test_trace),         cmocka_unit_test(test_marks),
        cmocka_unit_test(test_failed),        cmocka_unit_test(test_strange),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
