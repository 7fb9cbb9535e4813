/* value: JSON that is always JSON, and floats as PostgreSQL prints them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "buffer.h"
#include "value.h"

static void test_text(void **state)
{
    (void)state;
    struct value value = value_text("abc");
    assert_int_equal(value.kind, VALUE_TEXT);
    assert_int_equal(value.length, 3);
    assert_memory_equal(value.bytes, "abc", 3);
    value = value_text("");
    assert_int_equal(value.kind, VALUE_TEXT);
    assert_int_equal(value.length, 0);
    assert_int_equal(value_text(NULL).kind, VALUE_NULL);
}

static void test_comparison(void **state)
{
    (void)state;
    const struct value value = value_text("abc"), none = value_text(NULL);
    assert_true(value_is(&value, "abc"));
    assert_false(value_is(&value, "ab"));
    assert_false(value_is(&value, "abcd"));
    assert_false(value_is(&value, "abC"));
    assert_false(value_is(&none, ""));
}

static void test_integer(void **state)
{
    (void)state;
    static const struct {
        int64_t number;
        const char *text;
    } cases[] = {
        {0, "0"},
        {7, "7"},
        {-1, "-1"},
        {10, "10"},
        {1234567890, "1234567890"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[24];
        struct value value = value_integer(cases[i].number, text);
        assert_int_equal(value.kind, VALUE_INTEGER);
        assert_int_equal(value.length, strlen(cases[i].text));
        assert_string_equal(value.bytes, cases[i].text);
    }
}

static void test_json(void **state)
{
    (void)state;
    static const struct {
        enum value_kind kind;
        const char *text;
        const char *json;
    } cases[] = {
        {VALUE_NULL, "", "null"},
        {VALUE_TEXT, "", "\"\""},
        {VALUE_TEXT, "plain", "\"plain\""},
        {VALUE_TEXT, "1", "\"1\""},
        {VALUE_TEXT, "true", "\"true\""},
        {VALUE_TEXT, "a\"b\\c\nd\re\tf\bg\fh\x01",
         "\"a\\\"b\\\\c\\nd\\re\\tf\\bg\\fh\\u0001\""},
        {VALUE_TEXT, "grün 🚀 \x7f", "\"grün 🚀 \x7f\""},
        {VALUE_BYTES, "raw", "\"raw\""},
        {VALUE_INTEGER, "-9223372036854775808", "-9223372036854775808"},
        {VALUE_NUMERIC, "1.50", "1.50"},
        {VALUE_NUMERIC, "0", "0"},
        {VALUE_NUMERIC, "-0.0", "-0.0"},
        {VALUE_NUMERIC, "123456789012345678901234567890.5", "123456789012345678901234567890.5"},
        {VALUE_NUMERIC, "NaN", "\"NaN\""},
        {VALUE_NUMERIC, "Infinity", "\"Infinity\""},
        {VALUE_NUMERIC, "-Infinity", "\"-Infinity\""},
        {VALUE_FLOAT, "1e+20", "1e+20"},
        {VALUE_FLOAT, "1E-05", "1E-05"},
        {VALUE_FLOAT, "-1.5e5", "-1.5e5"},
        {VALUE_FLOAT, "-0", "-0"},
        /* What is no number by JSON's grammar is never bare. */
        {VALUE_NUMERIC, "", "\"\""},
        {VALUE_NUMERIC, "-", "\"-\""},
        {VALUE_NUMERIC, ".5", "\".5\""},
        {VALUE_NUMERIC, "5.", "\"5.\""},
        {VALUE_NUMERIC, "01", "\"01\""},
        {VALUE_NUMERIC, "+1", "\"+1\""},
        {VALUE_NUMERIC, "1e", "\"1e\""},
        {VALUE_NUMERIC, "1e+", "\"1e+\""},
        {VALUE_NUMERIC, "1 ", "\"1 \""},
        {VALUE_NUMERIC, "1,5", "\"1,5\""},
        {VALUE_NUMERIC, "$1.00", "\"$1.00\""},
        {VALUE_BOOLEAN, "true", "true"},
        {VALUE_BOOLEAN, "false", "false"},
        {VALUE_JSON, "{\"a\" : [1,\n 2]}", "{\"a\" : [1,\n 2]}"},
        {VALUE_JSON, "null", "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer buf = {0};
        struct value value = {cases[i].kind, cases[i].text, strlen(cases[i].text)};
        buffer_append_text(&buf, "x");
        assert_int_equal(value_append_json(&buf, &value), 0);
        assert_string_equal(buffer_text(&buf) + 1, cases[i].json);
        buffer_release(&buf);
    }
}

static void test_json_of_a_nul(void **state)
{
    (void)state;
    struct buffer buf = {0};
    struct value value = {VALUE_BYTES, "a\0b", 3};
    assert_int_equal(value_append_json(&buf, &value), 0);
    assert_string_equal(buffer_text(&buf), "\"a\\u0000b\"");
    buffer_release(&buf);
}

/* An empty value may come without an address. */
static void test_json_of_nothing(void **state)
{
    (void)state;
    struct buffer buf = {0};
    struct value value = {VALUE_TEXT, NULL, 0};
    assert_int_equal(value_append_json(&buf, &value), 0);
    assert_string_equal(buffer_text(&buf), "\"\"");
    buffer_release(&buf);
}

static void test_json_must_be_utf8(void **state)
{
    (void)state;
    static const enum value_kind kinds[] = {VALUE_TEXT, VALUE_BYTES, VALUE_JSON, VALUE_NUMERIC};
    static const char *const texts[] = {"\xff", "ab\xc3", "\xc0\x80", "\xed\xa0\x80",
                                        "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            struct buffer buf = {0};
            struct value value = {kinds[i], texts[k], strlen(texts[k])};
            assert_int_equal(value_append_json(&buf, &value), -1);
            buffer_release(&buf);
        }
    }
}

/* Whatever bytes a number's text has, what comes out is JSON. */
static void test_json_is_always_json(void **state)
{
    (void)state;
    static const char letters[] = "0012-+.eE9 N";
    uint32_t seed = 20200211;
    for (int round = 0; round < 20000; round++) {
        char text[8];
        size_t length = (size_t)(round % 8);
        for (size_t i = 0; i < length; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = letters[(seed >> 16) % (sizeof letters - 1)];
        }
        struct buffer buf = {0};
        struct value value = {VALUE_NUMERIC, text, length};
        assert_int_equal(value_append_json(&buf, &value), 0);
        json_error_t problem;
        json_t *read = json_loads(buffer_text(&buf), JSON_DECODE_ANY, &problem);
        if (read == NULL) /* JSON knows no limit, the reader does */
            assert_int_equal(json_error_code(&problem), json_error_numeric_overflow);
        json_decref(read);
        buffer_release(&buf);
    }
}

static double from_bits(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* The right column is PostgreSQL's own; tests/integration/float_test.c asks it about many more.
 */
static void test_float(void **state)
{
    (void)state;
    static const struct {
        double number;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {3.14, "3.14"},
        {100.0, "100"},
        {0.5, "0.5"},
        {0.001, "0.001"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {0.00001, "1e-05"},
        {0.000012345, "1.2345e-05"},
        {1e14, "100000000000000"},
        {123456789012345.0, "123456789012345"},
        {999999999999999.0, "999999999999999"},
        {1e15, "1e+15"},
        {1234567890123456.0, "1.234567890123456e+15"},
        {12345678901234.5, "12345678901234.5"},
        {9007199254740991.0, "9.007199254740991e+15"},
        {9007199254740993.0, "9.007199254740992e+15"},
        {1e20, "1e+20"},
        {1e22, "1e+22"},
        {1e23, "9.999999999999999e+22"}, /* 1e23 lies half-way between two floats */
        {1e100, "1e+100"},
        {1e-100, "1e-100"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {2.225073858507201e-308, "2.225073858507201e-308"},
        {5e-324, "5e-324"},
        {1e-323, "1e-323"},
        {5.684341886080802e-14, "5.684341886080802e-14"}, /* 2^-44 */
        {1.0 / 3.0, "0.3333333333333333"},
        {2.0 / 3.0, "0.6666666666666666"},
        {4.35, "4.35"},
        {0.3, "0.3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[VALUE_FLOAT_SIZE];
        assert_int_equal(value_float_text(cases[i].number, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void test_float_without_a_number(void **state)
{
    (void)state;
    static const struct {
        uint64_t bits;
        const char *text;
    } cases[] = {
        {UINT64_C(0x7ff0000000000000), "Infinity"}, {UINT64_C(0xfff0000000000000), "-Infinity"},
        {UINT64_C(0x7ff8000000000000), "NaN"},      {UINT64_C(0xfff8000000000000), "NaN"},
        {UINT64_C(0x7ff0000000000001), "NaN"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[VALUE_FLOAT_SIZE];
        assert_int_equal(value_float_text(from_bits(cases[i].bits), text),
                         strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

/* Every text reads back as the number it was made of, bit by bit, and fits. */
static void test_float_reads_back(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t bits = seed ^ seed >> 29;
        if (round % 3 == 0) bits &= UINT64_C(0xfff0000000000000) | (bits >> 40);
        if ((bits >> 52 & 0x7ff) == 0x7ff) continue;
        double number = from_bits(bits);
        char text[VALUE_FLOAT_SIZE];
        size_t length = value_float_text(number, text);
        assert_true(length < VALUE_FLOAT_SIZE && length == strlen(text));
        double read = strtod(text, NULL);
        assert_memory_equal(&read, &number, sizeof number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_comparison),
        cmocka_unit_test(test_integer),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_of_a_nul),
        cmocka_unit_test(test_json_of_nothing),
        cmocka_unit_test(test_json_must_be_utf8),
        cmocka_unit_test(test_json_is_always_json),
        cmocka_unit_test(test_float),
        cmocka_unit_test(test_float_without_a_number),
        cmocka_unit_test(test_float_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
