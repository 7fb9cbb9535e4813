/* buffer: bytes arrive whole and in order, growth moves nothing but the address, failure
 * sticks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "buffer.h"

static void test_empty(void **state)
{
    (void)state;
    struct buffer buf = {0};
    buffer_release(&buf);
    buffer_clear(&buf);
    buffer_consume(&buf, 3);
    buffer_append(&buf, NULL, 0);
    assert_false(buffer_failed(&buf));
    assert_string_equal(buffer_text(&buf), "");
    assert_int_equal(buf.length, 0);
    buffer_release(&buf);
    assert_null(buf.bytes);
}

static void test_appends(void **state)
{
    (void)state;
    struct buffer buf = {0};
    buffer_append(&buf, "a\0b", 3);
    buffer_append_char(&buf, '-');
    buffer_append_text(&buf, "text");
    buffer_append_format(&buf, "<%s %d>", "x", 7);
    assert_int_equal(buf.length, 13);
    assert_memory_equal(buf.bytes, "a\0b-text<x 7>", 13);
    assert_int_equal(buffer_text(&buf)[13], '\0');
    assert_int_equal(buf.length, 13);
    buffer_release(&buf);
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        int64_t number;
        const char *text;
    } cases[] = {
        {0, "0"},
        {7, "7"},
        {-7, "-7"},
        {10, "10"},
        {20200211131900, "20200211131900"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    struct buffer buf = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_clear(&buf);
        buffer_append_integer(&buf, cases[i].number);
        assert_string_equal(buffer_text(&buf), cases[i].text);
    }
    buffer_release(&buf);
}

static void test_hexadecimal(void **state)
{
    (void)state;
    struct buffer buf = {0};
    buffer_append_hexadecimal(&buf, "\x00\x0f\xa5\xff", 4);
    buffer_append_hexadecimal(&buf, "", 0);
    assert_string_equal(buffer_text(&buf), "000fa5ff");
    buffer_release(&buf);
}

/* Every length across several doublings, one byte at a time and in one piece. */
static void test_growth(void **state)
{
    (void)state;
    enum { MOST = 3000 };
    char expected[MOST];
    struct buffer bytewise = {0};
    for (size_t i = 0; i < MOST; i++) {
        expected[i] = (char)(i * 7);
        buffer_append_char(&bytewise, expected[i]);
        assert_true(bytewise.length < bytewise.capacity);
    }
    assert_int_equal(bytewise.length, MOST);
    assert_memory_equal(bytewise.bytes, expected, MOST);
    for (size_t length = 0; length < 300; length++) {
        struct buffer whole = {0};
        buffer_append(&whole, expected, length);
        assert_int_equal(whole.length, length);
        assert_non_null(buffer_text(&whole));
        assert_memory_equal(whole.bytes, expected, length);
        buffer_release(&whole);
    }
    buffer_release(&bytewise);
}

static void test_long_format(void **state)
{
    (void)state;
    struct buffer buf = {0};
    buffer_append_text(&buf, "start ");
    buffer_append_format(&buf, "%0500d", 1);
    assert_int_equal(buf.length, 506);
    assert_int_equal(buf.bytes[505], '1');
    assert_int_equal(buf.bytes[6], '0');
    buffer_release(&buf);
}

static void test_reserve(void **state)
{
    (void)state;
    struct buffer buf = {0};
    char *room = buffer_reserve(&buf, 1000);
    assert_non_null(room);
    memset(room, 'x', 1000);
    assert_int_equal(buf.length, 0);
    buf.length += 1000;
    assert_ptr_equal(buffer_reserve(&buf, 0), buf.bytes + 1000);
    buffer_release(&buf);
}

static void test_consume(void **state)
{
    (void)state;
    struct buffer buf = {0};
    buffer_append_text(&buf, "abcdef");
    buffer_consume(&buf, 0);
    assert_string_equal(buffer_text(&buf), "abcdef");
    buffer_consume(&buf, 4);
    assert_string_equal(buffer_text(&buf), "ef");
    buffer_consume(&buf, 100);
    assert_string_equal(buffer_text(&buf), "");
    buffer_release(&buf);
}

static void test_clear_keeps_memory(void **state)
{
    (void)state;
    struct buffer buf = {0};
    buffer_append_format(&buf, "%0300d", 0);
    size_t capacity = buf.capacity;
    buffer_clear(&buf);
    assert_int_equal(buf.length, 0);
    assert_int_equal(buf.capacity, capacity);
    buffer_release(&buf);
}

static void test_failure_sticks(void **state)
{
    (void)state;
    struct buffer buf = {0};
    buffer_append_text(&buf, "kept");
    alloc_fail_at(1, false);
    buffer_append_format(&buf, "%0100d", 1);
    alloc_fail_never();
    assert_true(buffer_failed(&buf));
    assert_int_equal(buf.length, 4);

    /* There would be room for these. */
    buffer_append_char(&buf, 'x');
    buffer_append(&buf, "x", 1);
    buffer_append_text(&buf, "x");
    buffer_append_integer(&buf, 1);
    buffer_append_format(&buf, "x");
    assert_int_equal(buf.length, 4);
    assert_null(buffer_text(&buf));
    assert_null(buffer_reserve(&buf, 0));

    buffer_clear(&buf);
    assert_false(buffer_failed(&buf));
    buffer_append_text(&buf, "again");
    assert_string_equal(buffer_text(&buf), "again");
    buffer_release(&buf);
}

static void test_first_allocation_fails(void **state)
{
    (void)state;
    struct buffer buf = {0};
    alloc_fail_at(1, true);
    buffer_append_char(&buf, 'x');
    assert_true(alloc_fail_happened());
    assert_true(buffer_failed(&buf));
    assert_null(buffer_text(&buf));
    alloc_fail_never();
    buffer_release(&buf);
    assert_string_equal(buffer_text(&buf), "");
    buffer_release(&buf);
}

/* Sizes that no memory has, and whose sum would overflow. */
static void test_impossible_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, PTRDIFF_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buffer buf = {0};
        buffer_append_text(&buf, "kept");
        assert_null(buffer_reserve(&buf, sizes[i]));
        assert_true(buffer_failed(&buf));
        assert_memory_equal(buf.bytes, "kept", 4);
        buffer_release(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_hexadecimal),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_long_format),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_consume),
        cmocka_unit_test(test_clear_keeps_memory),
        cmocka_unit_test(test_failure_sticks),
        cmocka_unit_test(test_first_allocation_fails),
        cmocka_unit_test(test_impossible_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
