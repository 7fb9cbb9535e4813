/* row_key: a row is named the same from itself and from the log, whatever its key holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"
#include "row.h"
#include "row_key.h"
#include "sink.h"
#include "value.h"

enum { COLUMNS = 3 };

static const struct column items[COLUMNS] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
static const struct columns columns = {items, COLUMNS};

static struct value value(enum value_kind kind, const char *bytes, size_t length)
{
    return (struct value){.kind = kind, .bytes = bytes, .length = length};
}

static void assert_named(const struct value *values, size_t key_count, const char *name)
{
    static const size_t positions[] = {2, 0}; /* not in the order of the columns */
    const struct sink_step step = {.key_columns = positions, .key_count = key_count};
    const struct row row = {&columns, values};
    const struct value other[COLUMNS] = {value_text("x"), value_text("y"), value_text("z")};
    const struct row other_row = {&columns, other};
    struct buffer log = {0};
    struct buffer text = {0};

    row_key_append(&text, &step, &row);
    assert_string_equal(buffer_text(&text), name);
    row_key_log(&log, &step, &other_row);
    row_key_log(&log, &step, &row);
    row_key_log(&log, &step, &other_row);
    buffer_clear(&text);
    row_key_append_logged(&text, &step, &log, 1);
    assert_string_equal(buffer_text(&text), name);
    buffer_release(&log);
    buffer_release(&text);
}

static void test_kinds(void **state)
{
    (void)state;
    const struct {
        struct value value;
        const char *name;
    } cases[] = {
        {value(VALUE_TEXT, "a", 1), "'a'"},
        {value(VALUE_TEXT, "", 0), "''"},
        {value(VALUE_TEXT, "it's", 4), "'it''s'"},
        {value(VALUE_TEXT, "a\0b", 3), "'a b'"},
        {value(VALUE_TEXT, "日本", 6), "'日本'"},
        {value(VALUE_INTEGER, "-42", 3), "-42"},
        {value(VALUE_NUMERIC, "1.00", 4), "1.00"},
        {value(VALUE_FLOAT, "1e-05", 5), "1e-05"},
        {value(VALUE_BOOLEAN, "true", 4), "true"},
        {value(VALUE_BYTES, "\0\xff\r", 3), "'\\x00ff0d'"},
        {value(VALUE_JSON, "{\"a\":1}", 7), "'{\"a\":1}'"},
        {value(VALUE_NULL, NULL, 0), "NULL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct value values[COLUMNS] = {value_text("q"), value_text("r"), cases[i].value};
        assert_named(values, 1, cases[i].name);
    }
}

static void test_several_columns(void **state)
{
    (void)state;
    const struct value values[COLUMNS] = {value(VALUE_INTEGER, "3", 1), value_text("not shown"),
                                          value_text("a")};
    assert_named(values, 2, "('a', 3)");
}

static void test_long_keys_are_cut(void **state)
{
    (void)state;
    char text[300];
    char name[300];
    memset(text, 'k', sizeof text);
    memset(name, 'k', sizeof name);
    name[0] = '\'';
    memcpy(name + 121, "…'", sizeof "…'");
    struct value values[COLUMNS] = {value_text("q"), value_text("r"),
                                    value(VALUE_TEXT, text, sizeof text)};
    assert_named(values, 1, name);
    values[2].length = 120;
    memcpy(name + 121, "'", sizeof "'");
    assert_named(values, 1, name);

    /* Not within a character. */
    memcpy(text + 118, "日", 3);
    values[2].length = sizeof text;
    memcpy(name + 119, "…'", sizeof "…'");
    assert_named(values, 1, name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_several_columns),
        cmocka_unit_test(test_long_keys_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
