/* row: finding columns, and a whole row as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"
#include "row.h"

static const struct column items[] = {
    {.name = "id", .kind = VALUE_INTEGER, .type = ""},
    {.name = "_order", .kind = VALUE_INTEGER, .type = ""},
    {.name = "na\"me", .kind = VALUE_TEXT, .type = ""},
    {.name = "on", .kind = VALUE_BOOLEAN, .type = ""},
    {.name = "data", .kind = VALUE_JSON, .type = ""},
};
static const struct columns columns = {items, sizeof items / sizeof items[0]};

static void test_find(void **state)
{
    (void)state;
    assert_int_equal(columns_find(&columns, "id"), 0);
    assert_int_equal(columns_find(&columns, "data"), 4);
    assert_int_equal(columns_find(&columns, "ID"), -1);
    assert_int_equal(columns_find(&columns, "i"), -1);
    assert_int_equal(columns_find(&columns, ""), -1);
    assert_int_equal(columns_find(&(struct columns){0}, "id"), -1);
}

static void test_names(void **state)
{
    (void)state;
    struct buffer buf = {0};
    columns_append_names(&buf, &columns);
    assert_string_equal(buffer_text(&buf), "id, _order, na\"me, on, data");
    buffer_clear(&buf);
    columns_append_names(&buf, &(struct columns){items, 1});
    assert_string_equal(buffer_text(&buf), "id");
    buffer_clear(&buf);
    columns_append_names(&buf, &(struct columns){0});
    assert_int_equal(buf.length, 0);
    buffer_release(&buf);
}

static void assert_json(const struct value *values, size_t count, const char *json)
{
    struct buffer buf = {0};
    struct columns some = {items, count};
    assert_int_equal(row_append_json(&buf, &(struct row){&some, values}), -1);
    assert_string_equal(buffer_text(&buf), json);
    buffer_release(&buf);
}

static void test_json(void **state)
{
    (void)state;
    const struct value values[] = {{VALUE_INTEGER, "7", 1},
                                   {VALUE_INTEGER, "1", 1},
                                   {VALUE_TEXT, "a\"b", 3},
                                   {VALUE_BOOLEAN, "true", 4},
                                   {VALUE_JSON, "{\"x\": 1}", 8}};
    assert_json(values, 5,
                "{\"id\":7,\"na\\\"me\":\"a\\\"b\",\"on\":true,\"data\":{\"x\": 1}}");
    const struct value nulls[] = {{0}, {0}, {0}, {0}, {0}};
    assert_json(nulls, 5, "{\"id\":null,\"na\\\"me\":null,\"on\":null,\"data\":null}");
    assert_json(nulls, 1, "{\"id\":null}");
    assert_json(nulls, 0, "{}");
}

static void test_json_without_columns_to_show(void **state)
{
    (void)state;
    static const struct column hidden[] = {{.name = "_a", .type = ""},
                                           {.name = "_", .type = ""}};
    const struct value values[] = {{VALUE_TEXT, "x", 1}, {VALUE_TEXT, "\xff", 1}};
    struct columns some = {hidden, 2};
    struct buffer buf = {0};
    assert_int_equal(row_append_json(&buf, &(struct row){&some, values}), -1);
    assert_string_equal(buffer_text(&buf), "{}");
    buffer_release(&buf);
}

static void test_json_names_the_column(void **state)
{
    (void)state;
    struct value values[] = {{VALUE_INTEGER, "7", 1},
                             {VALUE_TEXT, "\xff", 1}, /* left out, and so no error */
                             {VALUE_TEXT, "b", 1},
                             {VALUE_BOOLEAN, "true", 4},
                             {VALUE_JSON, "\"\xc3\"", 3}};
    struct buffer buf = {0};
    assert_int_equal(row_append_json(&buf, &(struct row){&columns, values}), 4);
    values[2] = (struct value){VALUE_TEXT, "\xff", 1};
    assert_int_equal(row_append_json(&buf, &(struct row){&columns, values}), 2);
    static const struct column bad[] = {{.name = "\xff", .type = ""}};
    struct columns some = {bad, 1};
    assert_int_equal(row_append_json(&buf, &(struct row){&some, values}), 0);
    buffer_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_without_columns_to_show),
        cmocka_unit_test(test_json_names_the_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
