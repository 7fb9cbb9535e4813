// Keys kept, compared, and written down and read back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "source_key.h"

static struct value of(enum value_kind kind, const char *text)
{
    return (struct value){.kind = kind, .bytes = text, .length = strlen(text)};
}

static void expect_equal(struct value a, struct value b, bool expected)
{
    struct source_key key;
    struct error err = {0};
    assert_int_equal(source_key_init(&key, 1, &err), 0);
    assert_false(source_key_equals(&key, &a)); /* nothing is kept yet */
    assert_int_equal(source_key_keep(&key, &a, &err), 0);
    assert_true(source_key_equals(&key, &a));
    assert_int_equal(source_key_equals(&key, &b), expected);
    assert_int_equal(source_key_keep(&key, &b, &err), 0);
    assert_int_equal(source_key_equals(&key, &a), expected);
    source_key_release(&key);
    source_key_release(&key);
}

static void test_equality(void **state)
{
    (void)state;
    expect_equal(of(VALUE_TEXT, "a"), of(VALUE_TEXT, "A"), false);
    expect_equal(of(VALUE_TEXT, ""), of(VALUE_TEXT, "a"), false);
    expect_equal(of(VALUE_TEXT, "1"), of(VALUE_INTEGER, "1"), false);
    expect_equal(of(VALUE_TEXT, "a"), of(VALUE_BYTES, "a"), false);
    expect_equal(of(VALUE_INTEGER, "1"), of(VALUE_FLOAT, "1"), true);
    expect_equal(of(VALUE_INTEGER, "0"), of(VALUE_FLOAT, "-0"), true);
    expect_equal(of(VALUE_FLOAT, "0"), of(VALUE_FLOAT, "-0"), true);
    expect_equal(of(VALUE_FLOAT, "1"), of(VALUE_FLOAT, "1.5"), false);
    expect_equal(of(VALUE_INTEGER, "1"), of(VALUE_FLOAT, "1.5"), false);
    expect_equal(of(VALUE_INTEGER, "9007199254740993"), of(VALUE_FLOAT, "9007199254740992"),
                 false);
    expect_equal(of(VALUE_INTEGER, "9223372036854775807"),
                 of(VALUE_FLOAT, "9.223372036854775808e+18"), false);
    expect_equal(of(VALUE_INTEGER, "-9223372036854775808"),
                 of(VALUE_FLOAT, "-9.223372036854775808e+18"), true);
    expect_equal(of(VALUE_INTEGER, "1"), of(VALUE_FLOAT, "Infinity"), false);
}

static void test_written_and_read_back(void **state)
{
    (void)state;
    struct value values[] = {of(VALUE_INTEGER, "-9223372036854775808"),
                             of(VALUE_TEXT, "it's \"é\" \\ \n"),
                             of(VALUE_TEXT, "\xff"),
                             {.kind = VALUE_TEXT, .bytes = "a\0b", .length = 3},
                             {.kind = VALUE_BYTES, .bytes = "\0\xfe", .length = 2},
                             of(VALUE_BYTES, ""),
                             of(VALUE_TEXT, ""),
                             of(VALUE_FLOAT, "5e-324"),
                             of(VALUE_FLOAT, "Infinity")};
    enum { COUNT = sizeof values / sizeof *values };
    struct source_key key, again;
    struct buffer json = {0};
    struct error err = {0};
    assert_int_equal(source_key_init(&key, COUNT, &err), 0);
    assert_int_equal(source_key_init(&again, COUNT, &err), 0);
    assert_int_equal(source_key_keep(&key, values, &err), 0);
    source_key_write(&key, &json);
    assert_string_equal(buffer_text(&json),
                        "[-9223372036854775808,\"it's \\\"é\\\" \\\\ \\n\",{\"text\":\"ff\"},"
                        "\"a\\u0000b\",{\"blob\":\"00fe\"},{\"blob\":\"\"},\"\","
                        "{\"real\":\"5e-324\"},{\"real\":\"Infinity\"}]");
    assert_int_equal(source_key_read(&again, json.bytes, &err), 0);
    assert_true(source_key_equals(&again, values));
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(again.values[i].kind, values[i].kind);
    source_key_release(&key);
    source_key_release(&again);
    buffer_release(&json);
}

static void test_shown(void **state)
{
    (void)state;
    char many[512];
    memset(many, 'x', sizeof many);
    memcpy(many + 119, "é", 2);
    struct value values[] = {of(VALUE_TEXT, "a\tb"),
                             of(VALUE_INTEGER, "3"),
                             {.kind = VALUE_BYTES, .bytes = "\0\xff", .length = 2},
                             {.kind = VALUE_NULL}};
    struct value long_text = {.kind = VALUE_TEXT, .bytes = many, .length = sizeof many};
    struct buffer text = {0};
    source_key_append_text(&text, values, 1);
    assert_string_equal(buffer_text(&text), "'a\tb'");
    buffer_clear(&text);
    source_key_append_text(&text, values, 4);
    assert_string_equal(buffer_text(&text), "('a\tb', 3, '\\x00ff', NULL)");
    buffer_clear(&text);
    source_key_append_text(&text, &long_text, 1);
    assert_int_equal(text.length, 1 + 119 + strlen("…") + 1);
    buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_written_and_read_back),
        cmocka_unit_test(test_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
