/* batch: what the server's answers make of a batch, and how the error names row, command and
 * reply, and nothing else of the row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "batch.h"
#include "error.h"
#include "reply.h"
#include "sink_rows.h"

static struct arena arena;

static void put(struct batch *batch, const char *name, int64_t n)
{
    struct error err = {0};
    char digits[24];
    const struct value values[] = {value_text(name), value_integer(n, digits)};
    const struct row row = {&sink_rows_columns, values};
    if (batch_put(batch, &row, &err) != 0) fail_msg("%s", err.message);
}

/* Answer a batch of two rows with two commands each from the wire's text. */
static void answer(struct batch *batch, const char *wire, size_t extra)
{
    struct error err = {0};
    struct reply_reader *reader = NULL;
    const struct reply *reply = NULL;
    assert_int_equal(reply_reader_new(&reader, &err), 0);
    assert_int_equal(reply_reader_feed(reader, wire, strlen(wire), &err), 0);
    batch_expect(batch);
    assert_int_equal(reply_reader_next(reader, &reply, &err), 1);
    batch_take_multi(batch, reply);
    for (size_t i = 0; i < batch->commands; i++) {
        assert_int_equal(batch->verdict, BATCH_DUE);
        assert_int_equal(reply_reader_next(reader, &reply, &err), 1);
        batch_take_queued(batch, i, reply);
    }
    assert_int_equal(reply_reader_next(reader, &reply, &err), 1);
    batch_take_exec(batch, reply, extra);
    assert_int_equal(reply_reader_next(reader, &reply, &err), 0);
    reply_reader_free(reader);
}

#define QUEUED "+QUEUED\r\n"
#define TWO    QUEUED QUEUED
#define FOUR   TWO TWO

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        const char *wire;
        enum batch_verdict verdict;
        enum reply_trouble trouble;
        int64_t commands, messages;
        const char *message;
    } cases[] = {
        {"+OK\r\n" FOUR "*4\r\n:1\r\n:0\r\n*1\r\n+x\r\n:0\r\n", BATCH_CLEAN, REPLY_FINAL, 2, 2,
         ""},
        {"+OK\r\n" FOUR "*4\r\n:1\r\n:0\r\n-WRONGTYPE no\r\n:0\r\n", BATCH_FAILED, REPLY_FINAL,
         1, 2, "row 'b': 'HSET h:${name} n ${n}' failed: WRONGTYPE no"},
        {"+OK\r\n" FOUR "*4\r\n:1\r\n-ERR m\r\n-OOM no\r\n:0\r\n", BATCH_FAILED, REPLY_FINAL, 1,
         1, "row 'a': 'PUBLISH c ${*|json}' failed: ERR m"},
        {"+OK\r\n" TWO "-ERR unknown command 'HSET', with args beginning with: 'h:b' 'n' '7' "
         "\r\n" QUEUED "-EXECABORT Transaction discarded because of previous errors.\r\n",
         BATCH_FAILED, REPLY_FINAL, 0, 0,
         "row 'b': 'HSET h:${name} n ${n}' was refused: ERR unknown command 'HSET'"},
        {"+OK\r\n" QUEUED QUEUED "-OOM full\r\n" QUEUED
         "-EXECABORT Transaction discarded because of previous errors.\r\n",
         BATCH_REFUSED, REPLY_SHORT, 0, 0,
         "row 'b': 'HSET h:${name} n ${n}' was refused: OOM full"},
        {"+OK\r\n-LOADING l\r\n" QUEUED "-NOPERM p\r\n-LOADING l\r\n"
         "-EXECABORT Transaction discarded because of previous errors.\r\n",
         BATCH_FAILED, REPLY_FINAL, 0, 0,
         "row 'b': 'HSET h:${name} n ${n}' was refused: NOPERM p"},
        {"+OK\r\n" FOUR "-EXECABORT Transaction discarded because of: MISCONF m\r\n",
         BATCH_REFUSED, REPLY_SHORT, 0, 0,
         "rows 'a' to 'b': EXEC was refused: EXECABORT Transaction discarded because of: "
         "MISCONF m"},
        {"+OK\r\n" FOUR "-READONLY r\r\n", BATCH_REFUSED, REPLY_PASSING, 0, 0,
         "rows 'a' to 'b': EXEC was refused: READONLY r"},
        {"+OK\r\n" FOUR "-ERR e\r\n", BATCH_FAILED, REPLY_FINAL, 0, 0,
         "rows 'a' to 'b': EXEC was refused: ERR e"},
        {"+OK\r\n" FOUR "*-1\r\n", BATCH_FAILED, REPLY_FINAL, 0, 0,
         "rows 'a' to 'b': EXEC was refused: an answer that does not belong there"},
        {"+OK\r\n" FOUR "*3\r\n:1\r\n:1\r\n:1\r\n", BATCH_FAILED, REPLY_FINAL, 0, 0,
         "rows 'a' to 'b': EXEC was refused: an answer that does not belong there"},
        {"-LOADING l\r\n:1\r\n:0\r\n:1\r\n:0\r\n-ERR EXEC without MULTI\r\n", BATCH_FAILED,
         REPLY_FINAL, 0, 0, "rows 'a' to 'b': MULTI was refused: LOADING l"},
    };
    struct sink_rows rows;
    struct batch batch = {0};
    sink_rows_init(&rows, &arena, 1, "c", (const char *[]){"HSET h:${name} n ${n}", NULL});
    batch_begin(&batch, &rows.sink_step, 1);
    put(&batch, "a", 6);
    put(&batch, "b", 7);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        answer(&batch, cases[i].wire, 0);
        assert_string_equal(batch.error.message, cases[i].message);
        assert_int_equal(batch.verdict, cases[i].verdict);
        if (batch.verdict != BATCH_CLEAN) assert_int_equal(batch.trouble, cases[i].trouble);
        assert_int_equal(batch.ran.commands_sent, cases[i].commands);
        assert_int_equal(batch.ran.messages_published, cases[i].messages);
        assert_int_equal(batch.is_read_only, strstr(cases[i].wire, "READONLY") != NULL);
    }
    batch_release(&batch);
}

/* Which commands failed is known, whether the array says so or somebody found it out. */
static void test_failures(void **state)
{
    (void)state;
    struct sink_rows rows;
    struct batch batch = {0};
    sink_rows_init(&rows, &arena, 1, "c", (const char *[]){"HSET h:${name} n ${n}", NULL});
    batch_begin(&batch, &rows.sink_step, 1);
    put(&batch, "a", 6);
    put(&batch, "b", 7);
    const size_t failed[] = {1, 2};
    answer(&batch, "+OK\r\n" FOUR "*4\r\n:1\r\n-ERR m\r\n-OOM no\r\n:0\r\n", 0);
    assert_int_equal(batch.failures.length, sizeof failed);
    assert_memory_equal(batch.failures.bytes, failed, sizeof failed);

    batch_expect(&batch);
    assert_int_equal(batch.failures.length, 0);
    batch_take_found(&batch, "why");
    assert_int_equal(batch.verdict, BATCH_CLEAN);
    assert_int_equal(batch.ran.rows_read, 2);
    assert_int_equal(batch.ran.commands_sent, 2);
    assert_int_equal(batch.ran.messages_published, 2);

    batch_expect(&batch);
    buffer_append(&batch.failures, failed, sizeof failed);
    batch_take_found(&batch, "why");
    assert_int_equal(batch.verdict, BATCH_FAILED);
    assert_int_equal(batch.ran.commands_sent, 1);
    assert_int_equal(batch.ran.messages_published, 1);
    assert_string_equal(batch.error.message, "row 'a': 'PUBLISH c ${*|json}' failed: why");
    batch_release(&batch);
}

/* Elements behind the rows' are the driver's. */
static void test_extra_elements(void **state)
{
    (void)state;
    struct sink_rows rows;
    struct batch batch = {0};
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){"SET ${name} ${n}", NULL});
    batch_begin(&batch, &rows.sink_step, 1);
    put(&batch, "a", 6);
    answer(&batch, "+OK\r\n" QUEUED "*2\r\n+OK\r\n:3\r\n", 1);
    assert_int_equal(batch.verdict, BATCH_CLEAN);
    assert_int_equal(batch.ran.commands_sent, 1);
    assert_int_equal(batch.ran.rows_read, 1);
    batch_release(&batch);
}

/* Rows without a key are numbered through the step; a step without a source has none. */
static void test_names(void **state)
{
    (void)state;
    static const char wrong[] = "+OK\r\n" TWO "*2\r\n+OK\r\n-ERR e\r\n";
    static const char aborted[] = "+OK\r\n" TWO "-ERR e\r\n";
    struct sink_rows rows;
    struct batch batch = {0};
    sink_rows_init(&rows, &arena, 0, NULL, (const char *[]){"SET k ${n}", NULL});

    batch_begin(&batch, &rows.sink_step, 1001);
    put(&batch, "a", 6);
    put(&batch, "b", 7);
    answer(&batch, wrong, 0);
    assert_string_equal(batch.error.message, "row 1002: 'SET k ${n}' failed: ERR e");
    answer(&batch, aborted, 0);
    assert_string_equal(batch.error.message, "rows 1001 to 1002: EXEC was refused: ERR e");
    assert_int_equal(batch.ran.rows_read, 0);

    rows.step.read = NULL;
    answer(&batch, wrong, 0);
    assert_string_equal(batch.error.message, "'SET k ${n}' failed: ERR e");
    answer(&batch, aborted, 0);
    assert_string_equal(batch.error.message, "EXEC was refused: ERR e");
    assert_int_equal(batch.ran.rows_read, 0);
    batch_release(&batch);
}

static void test_long_command_is_cut(void **state)
{
    (void)state;
    struct sink_rows rows;
    struct batch batch = {0};
    char command[400] = "SET k ";
    memset(command + 6, 'v', sizeof command - 7);
    sink_rows_init(&rows, &arena, 1, NULL, (const char *[]){command, NULL});
    batch_begin(&batch, &rows.sink_step, 1);
    put(&batch, "a", 6);
    answer(&batch, "+OK\r\n" QUEUED "*1\r\n-ERR e\r\n", 0);
    assert_non_null(strstr(batch.error.message, "vvv…' failed: ERR e"));
    assert_true(strlen(batch.error.message) < 250);
    batch_release(&batch);
}

/* A row that cannot be rendered leaves no trace, and its error names it. */
static void test_put_that_fails(void **state)
{
    (void)state;
    struct error err = {0};
    struct sink_rows rows;
    struct batch batch = {0};
    char digits[24];
    const struct value values[] = {value_text(NULL), value_integer(8, digits)};
    const struct row row = {&sink_rows_columns, values};
    sink_rows_init(&rows, &arena, 2, NULL,
                   (const char *[]){"SET fine ${n}", "SET ${name} ${n}", NULL});
    batch_begin(&batch, &rows.sink_step, 1);
    put(&batch, "a", 6);
    size_t length = batch.bytes.length;
    size_t keys = batch.keys.length;

    assert_int_equal(batch_put(&batch, &row, &err), -1);
    assert_int_equal(err.code, ERROR_FAILED);
    assert_ptr_equal(strstr(err.message, "row (NULL, 8): 'SET ${name} ${n}': "), err.message);
    assert_int_equal(batch.bytes.length, length);
    assert_int_equal(batch.keys.length, keys);
    assert_int_equal(batch.rows, 1);
    assert_int_equal(batch.commands, 2);

    rows.sink_step.key_count = 0;
    assert_int_equal(batch_put(&batch, &row, &err), -1);
    assert_ptr_equal(strstr(err.message, "row 2: 'SET ${name} ${n}': "), err.message);
    rows.step.read = NULL;
    assert_int_equal(batch_put(&batch, &row, &err), -1);
    assert_ptr_equal(strstr(err.message, "'SET ${name} ${n}': "), err.message);
    batch_release(&batch);
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
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_extra_elements),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_command_is_cut),
        cmocka_unit_test(test_put_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
