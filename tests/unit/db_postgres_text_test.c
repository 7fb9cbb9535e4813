// The text form of COPY, and the texts of types, decoded in place.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"
#include "db_postgres_text.h"

enum { MOST_FIELDS = 4 };

static void expect_fields(const char *line, size_t count, const char *const *expected)
{
    static const struct column items[MOST_FIELDS] = {{.kind = VALUE_TEXT},
                                                     {.kind = VALUE_INTEGER},
                                                     {.kind = VALUE_TEXT},
                                                     {.kind = VALUE_JSON}};
    const struct columns columns = {.items = items, .count = MOST_FIELDS};
    char copy[256];
    struct value values[MOST_FIELDS];
    size_t length = strlen(line);
    memcpy(copy, line, length);
    assert_int_equal(db_postgres_text_split(copy, length, &columns, values), count);
    for (size_t i = 0; i < count && i < MOST_FIELDS; i++) {
        if (expected[i] == NULL) {
            assert_int_equal(values[i].kind, VALUE_NULL);
            continue;
        }
        assert_int_equal(values[i].kind, items[i].kind);
        assert_int_equal(values[i].length, strlen(expected[i]));
        assert_memory_equal(values[i].bytes, expected[i], values[i].length);
    }
}

static void test_split(void **state)
{
    (void)state;
    expect_fields("a\tb\n", 2, (const char *[]){"a", "b"});
    expect_fields("a", 1, (const char *[]){"a"});
    expect_fields("\n", 1, (const char *[]){""});
    expect_fields("", 1, (const char *[]){""});
    expect_fields("\t\t\n", 3, (const char *[]){"", "", ""});
    expect_fields("\\N\tx\t\\N\n", 3, (const char *[]){NULL, "x", NULL});
    expect_fields("\\\\N\t\\\\\\\\\n", 2, (const char *[]){"\\N", "\\\\"});
    expect_fields("a\\tb\\nc\\rd\\be\\ff\\vg\n", 1, (const char *[]){"a\tb\nc\rd\be\ff\vg"});
    expect_fields("\\.\ta\\\n", 2, (const char *[]){".", "a\\"});
    expect_fields("a\\\\\tb\t\\N\tc\\td\n", 4, (const char *[]){"a\\", "b", NULL, "c\td"});
    expect_fields("1\t2\t3\t4\t5\n", 5, (const char *[]){"1", "2", "3", "4"});
}

static void expect_converted(enum db_postgres_form form, const char *text, const char *expected,
                             size_t length)
{
    char copy[64];
    struct value value = {.kind = VALUE_TEXT, .bytes = copy, .length = strlen(text)};
    memcpy(copy, text, value.length);
    db_postgres_text_convert(form, copy, &value);
    assert_int_equal(value.length, length);
    assert_memory_equal(value.bytes, expected, length);
}

static void test_convert(void **state)
{
    (void)state;
    static const struct {
        enum db_postgres_form form;
        const char *text;
        const char *expected;
    } cases[] = {
        {FORM_AS_IT_STANDS, "2025-03-01 09:00:00+00", "2025-03-01 09:00:00+00"},
        {FORM_BOOLEAN, "t", "true"},
        {FORM_BOOLEAN, "f", "false"},
        {FORM_BYTES, "\\x", ""},
        {FORM_BYTES, "\\x61fF0aA0", "a\xff\n\xa0"},
        {FORM_TIMESTAMP, "2025-03-01 09:00:00.5", "2025-03-01T09:00:00.5"},
        {FORM_TIMESTAMP, "infinity", "infinity"},
        {FORM_TIMESTAMP, "0044-03-15 00:00:00 BC", "0044-03-15T00:00:00 BC"},
        {FORM_TIMESTAMPTZ, "2025-03-01 09:00:00+00", "2025-03-01T09:00:00Z"},
        {FORM_TIMESTAMPTZ, "12345-03-01 09:00:00.000001+00", "12345-03-01T09:00:00.000001Z"},
        {FORM_TIMESTAMPTZ, "2025-03-01 09:00:00+00 BC", "2025-03-01T09:00:00Z BC"},
        {FORM_TIMESTAMPTZ, "2025-03-01 09:00:00", "2025-03-01T09:00:00"},
        {FORM_TIMESTAMPTZ, "0 0+", "0T0+"},
        {FORM_TIMESTAMPTZ, "", ""},
        {FORM_TIMESTAMPTZ, "-infinity", "-infinity"},
        {FORM_TIMESTAMPTZ, "0044-03-15 00:00:00+00 BC", "0044-03-15T00:00:00Z BC"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_converted(cases[i].form, cases[i].text, cases[i].expected,
                         strlen(cases[i].expected));
    expect_converted(FORM_BYTES, "\\x006100", "\0a\0", 3);
}

static void test_literals(void **state)
{
    (void)state;
    static const struct {
        struct value value;
        const char *expected;
    } cases[] = {
        {{VALUE_TEXT, "", 0}, "''"},        {{VALUE_TEXT, "it's \\ ''", 9}, "'it''s \\ '''''"},
        {{VALUE_INTEGER, "-1", 2}, "'-1'"}, {{VALUE_BYTES, "\0'\xff", 3}, "'\\x0027ff'"},
        {{VALUE_BYTES, "", 0}, "'\\x'"},
    };
    struct buffer sql = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buffer_clear(&sql);
        assert_int_equal(db_postgres_text_append_literal(&sql, &cases[i].value), 0);
        assert_string_equal(buffer_text(&sql), cases[i].expected);
    }
    const struct value nul = {VALUE_TEXT, "a\0b", 3};
    assert_int_equal(db_postgres_text_append_literal(&sql, &nul), -1);
    buffer_release(&sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_convert),
        cmocka_unit_test(test_literals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
