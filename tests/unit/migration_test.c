/* Lists of migrations, and what can be promised of a step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "migration.h"
#include "row.h"

static void add_command(struct step *step, const char *line, struct arena *arena)
{
    struct error err = {0};
    if (step->commands == NULL) step->commands = arena_array(arena, 8, sizeof *step->commands);
    assert_int_equal(
        command_parse(&step->commands[step->command_count++], line, strlen(line), arena, &err),
        0);
}

static void test_guarantee(void **state)
{
    struct arena arena = {0};
    struct step step = {.read = "SELECT 1"};
    const char *key = "id";
    const struct command *culprit = NULL;
    (void)state;

    add_command(&step, "SET a ${b}", &arena);
    add_command(&step, "SADD s ${b}", &arena);
    assert_int_equal(step_guarantee(&step, &culprit), GUARANTEE_AT_LEAST_ONCE);
    assert_true(step_is_idempotent(&step));
    assert_null(culprit);

    add_command(&step, "INCR n", &arena);
    assert_int_equal(step_guarantee(&step, &culprit), GUARANTEE_REFUSED);
    assert_int_equal(step_guarantee(&step, NULL), GUARANTEE_REFUSED);
    assert_string_equal(culprit->text, "INCR n");
    assert_false(step_is_idempotent(&step));

    step.key = &key;
    step.key_count = 1;
    assert_int_equal(step_guarantee(&step, NULL), GUARANTEE_EXACTLY_ONCE);
    step.key_count = 0;
    step.read = NULL;
    assert_int_equal(step_guarantee(&step, NULL), GUARANTEE_EXACTLY_ONCE);
    arena_release(&arena);
}

static void test_sql_step(void **state)
{
    struct step step = {.sql = "DELETE FROM flags"};
    (void)state;

    assert_int_equal(step_guarantee(&step, NULL), GUARANTEE_EXACTLY_ONCE);
    assert_false(step_is_idempotent(&step));
    assert_string_equal(guarantee_text(GUARANTEE_EXACTLY_ONCE), "exactly once");
    assert_string_equal(guarantee_text(GUARANTEE_AT_LEAST_ONCE), "at least once");
    assert_string_equal(guarantee_text(GUARANTEE_REFUSED), "refused");
}

static void test_find(void **state)
{
    static const int64_t versions[] = {1, 7, 20200211131900};
    struct migrations list = {0};
    (void)state;

    assert_null(migrations_find(&list, 1));
    list.items = calloc(3, sizeof *list.items);
    assert_non_null(list.items);
    for (; list.count < 3; list.count++) {
        list.items[list.count] = calloc(1, sizeof **list.items);
        assert_non_null(list.items[list.count]);
        list.items[list.count]->version = versions[list.count];
    }
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(migrations_find(&list, versions[i]), list.items[i]);
    assert_null(migrations_find(&list, 8));
    migrations_release(&list);
    migrations_release(&list);
    migration_free(NULL);
}

static void test_announcement_columns(void **state)
{
    const struct columns *columns = migration_announcement_columns();
    (void)state;

    assert_int_equal(columns->count, 3);
    assert_int_equal(columns_find(columns, "version"), 0);
    assert_int_equal(columns_find(columns, "name"), 1);
    assert_int_equal(columns_find(columns, "rows"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guarantee),
        cmocka_unit_test(test_sql_step),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_announcement_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
