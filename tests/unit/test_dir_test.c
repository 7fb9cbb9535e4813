/* Which test belongs to which migration, by the names of their files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arena.h"
#include "error.h"
#include "test_dir.h"

static void make(const char *directory, const char *name)
{
    char path[256];
    FILE *file = NULL;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void test_pairs(void **state)
{
    char directory[] = "/tmp/rf.XXXXXX";
    static const char *const names[] = {"1_a.yaml",      "1_a.test.yml",  "2_b.yml",
                                        "3_c.yaml",      "3_c.test.yaml", "3_c.test.yml",
                                        "4_d.test.yaml", ".5_e.test.yaml"};
    const size_t count = sizeof names / sizeof *names;
    struct arena arena = {0};
    struct error err = {0};
    const char *path = NULL;
    const char *const *paths = NULL;
    size_t found = 0;
    (void)state;

    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < count; i++) make(directory, names[i]);
    assert_int_equal(chdir(directory), 0);

    assert_int_equal(test_dir_of("1_a.yaml", &arena, &path, &err), 0);
    assert_string_equal(path, "1_a.test.yml");
    assert_int_equal(test_dir_of("./2_b.yml", &arena, &path, &err), 0);
    assert_null(path);
    assert_int_equal(test_dir_of("./3_c.yaml", &arena, &path, &err), -1);
    assert_string_equal(err.message,
                        "./3_c.test.yml: the migration has another test: ./3_c.test.yaml");

    assert_int_equal(test_dir_migration("1_a.test.yml", &arena, &path, &err), 0);
    assert_string_equal(path, "1_a.yaml");
    assert_int_equal(test_dir_migration("./4_d.test.yaml", &arena, &path, &err), 0);
    assert_null(path);

    assert_int_equal(test_dir_list(".//", &arena, &paths, &found, &err), 0);
    assert_int_equal(found, 4);
    assert_string_equal(paths[0], "./1_a.test.yml");
    assert_string_equal(paths[3], "./4_d.test.yaml");
    assert_int_equal(test_dir_list("none", &arena, &paths, &found, &err), -1);
    assert_string_equal(err.message, "none: cannot be read: No such file or directory");

    assert_true(test_dir_is_test("a.test.yaml"));
    assert_false(test_dir_is_test("a.yaml"));
    assert_false(test_dir_is_test(".test.yaml"));
    for (size_t i = 0; i < count; i++) assert_int_equal(unlink(names[i]), 0);
    assert_int_equal(rmdir(directory), 0);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
