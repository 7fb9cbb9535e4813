/* number: all of the text or nothing of it, at every limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "number.h"

enum { UNTOUCHED = -12345 };

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t least, most, number;
    } cases[] = {
        {"0", 0, 0, 0},
        {"7", 0, 10, 7},
        {"007", 0, 10, 7},
        {"00000000000000000000000000000001", 1, INT64_MAX, 1},
        {"65535", 1, 65535, 65535},
        {"9223372036854775807", 1, INT64_MAX, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN},
        {"-1", -1, 1, -1},
        {"-0", -1, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t number = UNTOUCHED;
        assert_int_equal(number_parse(cases[i].text, strlen(cases[i].text), cases[i].least,
                                      cases[i].most, &number),
                         0);
        assert_true(number == cases[i].number);
    }
}

static void test_no_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t least, most;
    } cases[] = {
        {"", 0, 10},
        {"-", -10, 10},
        {"+1", -10, 10},
        {" 1", 0, 10},
        {"1 ", 0, 10},
        {"1x", 0, 10},
        {"0x1", 0, 10},
        {"1.0", 0, 10},
        {"1e3", 0, 10000},
        {"--1", -10, 10},
        {"-1", 0, 10},
        {"-0", 0, 10},
        {"11", 0, 10},
        {"0", 1, 10},
        {"-11", -10, 10},
        {"9223372036854775808", 1, INT64_MAX},
        {"9223372036854775810", 1, INT64_MAX},
        {"92233720368547758070", 1, INT64_MAX},
        {"18446744073709551617", 1, INT64_MAX},
        {"-9223372036854775809", INT64_MIN, INT64_MAX},
        {"99999999999999999999999999999999999", INT64_MIN, INT64_MAX},
        {"١", 0, 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t number = UNTOUCHED;
        assert_int_equal(number_parse(cases[i].text, strlen(cases[i].text), cases[i].least,
                                      cases[i].most, &number),
                         -1);
        assert_int_equal(number, UNTOUCHED);
    }
}

/* The length ends the number, not what lies behind it; a NUL within it is no digit. */
static void test_length(void **state)
{
    (void)state;
    int64_t number = UNTOUCHED;
    assert_int_equal(number_parse("1234", 2, 0, 100, &number), 0);
    assert_int_equal(number, 12);
    assert_int_equal(number_parse("1\0", 2, 0, 100, &number), -1);
    assert_int_equal(number_parse(NULL, 0, 0, 100, &number), -1);
    assert_int_equal(number, 12);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"0s", 0},
        {"50ms", 50},
        {"2s", 2000},
        {"5m", 300000},
        {"24h", 86400000},
        {"7d", 604800000},
        {"9223372036854775807ms", INT64_MAX},
        {"106751991167d", INT64_C(106751991167) * 86400000},
        {"106751991168d", -1},
        {"9223372036854775808ms", -1},
        {"", -1},
        {"5", -1},
        {"00", -1},
        {"ms", -1},
        {"-5s", -1},
        {"5 s", -1},
        {"5S", -1},
        {"5sec", -1},
        {"1h30m", -1},
        {"1.5s", -1},
        {" 5s", -1},
        {"5s ", -1},
        {"5M", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = UNTOUCHED;
        int result = number_parse_duration(cases[i].text, &ms);
        assert_int_equal(result, cases[i].ms < 0 ? -1 : 0);
        assert_true(ms == (cases[i].ms < 0 ? UNTOUCHED : cases[i].ms));
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"100", 100},
        {"16KiB", 16384},
        {"1MiB", 1048576},
        {"2GiB", INT64_C(2147483648)},
        {"8589934591GiB", INT64_C(8589934591) << 30},
        {"8589934592GiB", -1},
        {"", -1},
        {"MiB", -1},
        {"1MB", -1},
        {"1mib", -1},
        {"1 MiB", -1},
        {"-1", -1},
        {"1.5MiB", -1},
        {"9223372036854775808", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t bytes = UNTOUCHED;
        int result = number_parse_size(cases[i].text, &bytes);
        assert_int_equal(result, cases[i].bytes < 0 ? -1 : 0);
        assert_true(bytes == (cases[i].bytes < 0 ? UNTOUCHED : cases[i].bytes));
    }
}

static void test_flags(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int flag; /* -1: refused */
    } cases[] = {
        {"true", 1}, {"True", 1},   {"YES", 1}, {"on", 1},   {"1", 1},   {"false", 0},
        {"no", 0},   {"OFF", 0},    {"0", 0},   {"", -1},    {"2", -1},  {"t", -1},
        {"y", -1},   {"true ", -1}, {"10", -1}, {"tru", -1}, {"01", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int flag = UNTOUCHED;
        int result = number_parse_flag(cases[i].text, &flag);
        assert_int_equal(result, cases[i].flag < 0 ? -1 : 0);
        assert_int_equal(flag, cases[i].flag < 0 ? UNTOUCHED : cases[i].flag);
    }
}

static void test_duration_texts(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "0"},          {1, "1ms"},
        {1500, "1500ms"},  {2000, "2s"},
        {90000, "90s"},    {300000, "5m"},
        {7200000, "2h"},   {86400000, "1d"},
        {90000000, "25h"}, {INT64_MAX, "9223372036854775807ms"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[32];
        int64_t back = UNTOUCHED;
        assert_ptr_equal(number_duration_text(cases[i].ms, text), text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(number_parse_duration(text, &back), 0);
        assert_true(back == cases[i].ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),       cmocka_unit_test(test_no_integers),
        cmocka_unit_test(test_length),         cmocka_unit_test(test_durations),
        cmocka_unit_test(test_sizes),          cmocka_unit_test(test_flags),
        cmocka_unit_test(test_duration_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
