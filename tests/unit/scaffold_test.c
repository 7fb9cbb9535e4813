/*
 * The first files of an author: both can be read, they belong together, and nothing that is
 * there is lost, whatever a person typed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "error.h"
#include "file.h"
#include "migration.h"
#include "migration_dir.h"
#include "scaffold.h"
#include "test_dir.h"
#include "test_file.h"

static int enter(void **state)
{
    static char directory[] = "/tmp/rf.XXXXXX";
    strcpy(strchr(directory, '.'), ".XXXXXX");
    if (mkdtemp(directory) == NULL || chdir(directory) != 0) return -1;
    *state = directory;
    return mkdir("dm", 0777);
}

static int leave(void **state)
{
    char command[64];
    if (chdir("/") != 0) return -1;
    snprintf(command, sizeof command, "rm -r %s", (const char *)*state);
    return system(command);
}

static void test_example(void **state)
{
    struct arena arena = {0};
    struct scaffold_files files = {0};
    struct migrations migrations = {0};
    struct migration_test *test = NULL;
    struct complaint *complaints = NULL;
    struct error err = {0};
    const char *path = NULL;
    (void)state;

    if (scaffold_write("dm", "Copy the-FLAGS", &scaffold_example, &arena, &files, &err) != 0)
        fail_msg("%s", err.message);
    if (migration_dir_read(&migrations, "dm", &arena, &complaints, &err) != 0)
        fail_msg("%s", err.message);
    assert_null(complaints);
    assert_int_equal(migrations.count, 1);
    assert_string_equal(migrations.items[0]->file, files.migration);
    assert_string_equal(migrations.items[0]->name, "copy_the_flags");
    assert_true(migrations.items[0]->has_down);
    assert_int_equal(test_dir_of(files.migration, &arena, &path, &err), 0);
    assert_string_equal(path, files.test);
    if (test_file_read(&test, files.test, &err) != 0) fail_msg("%s", err.message);
    assert_int_equal(test->expect.check_count, 2);
    assert_int_equal(test->after_down.check_count, 1);
    migration_test_free(test);
    migrations_release(&migrations);
    arena_release(&arena);
}

/* Each has a version of its own, be it in the same second; the last has no test. */
static void test_versions(void **state)
{
    struct scaffold_texts alone = {scaffold_example.migration, NULL};
    struct arena arena = {0};
    struct scaffold_files files[3] = {{0}};
    struct error err = {0};
    (void)state;

    assert_int_equal(scaffold_write("dm", "a", &scaffold_example, &arena, &files[0], &err), 0);
    assert_int_equal(scaffold_write("dm", "a", &scaffold_example, &arena, &files[1], &err), 0);
    assert_int_equal(scaffold_write("dm", "a", &alone, &arena, &files[2], &err), 0);
    assert_string_not_equal(files[0].migration, files[1].migration);
    assert_string_not_equal(files[1].migration, files[2].migration);
    assert_int_equal(access(files[1].test, R_OK), 0);
    assert_null(files[2].test);
    arena_release(&arena);
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        const char *complaint;
    } cases[] = {
        {"", "a migration needs a name"},
        {" - _", "a migration needs a name"},
        {"../escape", "'../escape' cannot be a migration's name: use letters, digits and '_'"},
        {"a.test", "'a.test' cannot be a migration's name: use letters, digits and '_'"},
        {"gr\xC3\xB6\xC3\x9F"
         "e",
         "'gr\xC3\xB6\xC3\x9F"
         "e' cannot be a migration's name: use letters, digits and '_'"},
        {"a\nb", "'a b' cannot be a migration's name: use letters, digits and '_'"},
    };
    struct arena arena = {0};
    struct scaffold_files files = {0};
    struct error err = {0};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            scaffold_write("dm", cases[i].name, &scaffold_example, &arena, &files, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_string_equal(err.message, cases[i].complaint);
    }
    assert_int_equal(scaffold_write("none", "a", &scaffold_example, &arena, &files, &err), -1);
    assert_string_equal(err.message, "there is no migrations directory 'none'; 'redferry init' "
                                     "makes it, --migrations names another");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_example, enter, leave),
        cmocka_unit_test_setup_teardown(test_versions, enter, leave),
        cmocka_unit_test_setup_teardown(test_names, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
