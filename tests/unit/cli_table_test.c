/*
 * Tables: aligned, cut where a terminal is narrow, and never in a version or a state.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "text.h"

static const struct table_column columns[] = {
    {.heading = "version"},
    {.heading = "name", .least = 6},
    {.heading = "by", .least = 4, .dispensable = true},
    {.heading = "rows", .right = true, .dispensable = true},
};

/* A table of two rows, printed. Yours to free(). */
static char *print(size_t width, bool coloured)
{
    struct table table = {.columns = columns, .column_count = 4};
    char *page = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&page, &length);
    assert_non_null(stream);

    struct table_row *row = table_add(&table);
    table_cell(&table, row, "20200211131900", SCREEN_PLAIN);
    table_cell(&table, row, "migrate_flags_to_redis", SCREEN_RED);
    table_cell(&table, row, "deploy@host", SCREEN_PLAIN);
    table_cell(&table, row, "1000000", SCREEN_PLAIN);
    table_below(&table, row, "error: ", "no\nsuch \033[1mkey");
    table_below(&table, row, "next:  ", NULL);
    row = table_add(&table);
    table_cell(&table, row, "3", SCREEN_PLAIN);
    table_cell(&table, row, "three", SCREEN_PLAIN);
    table_cell(&table, row, NULL, SCREEN_PLAIN);
    table_cell(&table, row, "12", SCREEN_PLAIN);

    assert_int_equal(table_print(&table, stream, width, coloured), 0);
    assert_int_equal(fclose(stream), 0);
    table_release(&table);
    return page;
}

static void expect(size_t width, const char *wanted)
{
    char *page = print(width, false);
    assert_string_equal(page, wanted);
    free(page);
}

static void test_aligns(void **state)
{
    (void)state;
    expect(0, "version         name                    by              rows\n"
              "20200211131900  migrate_flags_to_redis  deploy@host  1000000\n"
              "    error: no\\nsuch \\x1b[1mkey\n"
              "3               three                   -                 12\n");
}

static void test_shrinks_then_leaves_out(void **state)
{
    (void)state;
    expect(52, "version         name            by              rows\n"
               "20200211131900  migrate_flag..  deploy@host  1000000\n"
               "    error: no\\nsuch \\x1b[1mkey\n"
               "3               three           -                 12\n");
    expect(30, "version         name    by\n"
               "20200211131900  migr..  depl..\n"
               "    error: no\\nsuch \\x1b[1mkey\n"
               "3               three   -\n");
    expect(24, "version         name\n"
               "20200211131900  migrat..\n"
               "    error: no\\nsuch \\x1b[1mkey\n"
               "3               three\n");
}

static void test_never_cuts_a_version(void **state)
{
    (void)state;
    for (size_t width = 1; width < 70; width++) {
        char *page = print(width, false);
        assert_non_null(strstr(page, "20200211131900"));
        assert_non_null(strstr(page, "no\\nsuch \\x1b[1mkey"));
        char *end = strchr(page, '\n');
        assert_non_null(end);
        *end = '\0';
        if (width >= 24) assert_true(text_width(page) <= width);
        free(page);
    }
}

static void test_colours_only_where_wanted(void **state)
{
    (void)state;
    char *plain = print(0, false);
    char *coloured = print(0, true);
    assert_null(strchr(plain, '\033'));
    assert_non_null(strstr(coloured, "\033[31mmigrate_flags_to_redis\033[0m"));
    free(coloured);
    free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aligns),
        cmocka_unit_test(test_shrinks_then_leaves_out),
        cmocka_unit_test(test_never_cuts_a_version),
        cmocka_unit_test(test_colours_only_where_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
