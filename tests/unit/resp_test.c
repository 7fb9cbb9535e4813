/* resp: what command.h wrote is found again, byte for byte; what is cut or strange ends a walk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"
#include "command.h"
#include "resp.h"

static void test_a_walk(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    const char *const set[] = {"SET", "k", "a\r\n*0\0b"};
    const size_t lengths[] = {3, 1, 7};
    command_append(&bytes, 3, set, lengths);
    const size_t first = bytes.length;
    command_append_texts(&bytes, 2, (const char *const[]){"GET", ""});

    struct resp resp = {bytes.bytes, bytes.length};
    struct resp_command command;
    struct resp_argument argument;
    assert_true(resp_next(&resp, &command));
    assert_ptr_equal(command.bytes, bytes.bytes);
    assert_int_equal(command.length, first);
    assert_int_equal(command.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(resp_argument(&command, &argument));
        assert_int_equal(argument.length, lengths[i]);
        assert_memory_equal(argument.bytes, set[i], lengths[i]);
    }
    assert_false(resp_argument(&command, &argument));

    assert_true(resp_next(&resp, &command));
    assert_int_equal(command.count, 2);
    assert_true(resp_argument(&command, &argument));
    assert_true(resp_argument(&command, &argument));
    assert_int_equal(argument.length, 0);
    assert_false(resp_next(&resp, &command));
    assert_int_equal(resp.length, 0);

    /* However it is cut, what is not whole is not handed out. */
    for (size_t length = 0; length < bytes.length; length++) {
        resp = (struct resp){bytes.bytes, length};
        assert_int_equal(resp_next(&resp, &command), length >= first);
        if (length < first) assert_int_equal(resp.length, length);
        assert_false(resp_next(&resp, &command));
    }
    buffer_release(&bytes);
}

static void test_words(void **state)
{
    (void)state;
    const struct resp_argument argument = {"NxX", 2};
    assert_true(resp_is_word(&argument, "NX"));
    assert_false(resp_is_word(&argument, "NXX"));
    assert_false(resp_is_word(&argument, "N"));
    assert_false(resp_is_word(&argument, "XX"));
}

static void test_strange(void **state)
{
    (void)state;
    static const char *const texts[] = {"PING\r\n",
                                        "*0\r\n",
                                        "*-1\r\n",
                                        "*1\r\n:1\r\n",
                                        "*1\r\n$-1\r\n",
                                        "*1\n$4\nPING\n",
                                        "*1\r\n$99999999999\r\nPING\r\n",
                                        "*x\r\n",
                                        "*\r\n",
                                        "\r\n"};
    struct resp_command command;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct resp resp = {texts[i], strlen(texts[i])};
        assert_false(resp_next(&resp, &command));
        assert_int_equal(resp.length, strlen(texts[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_walk),
                                       cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_strange)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
