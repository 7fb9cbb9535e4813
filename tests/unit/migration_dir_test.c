/* A directory of migrations: order, what is left out, what is refused. */
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

#include "alloc_fail.h"
#include "arena.h"
#include "error.h"
#include "migration.h"
#include "migration_dir.h"

static const char VALID[] = "up:\n  - write: SET a b\n";

/* A directory of its own for each test, gone into, so that paths in complaints are known. */
static char scratch[] = "/tmp/migration_dir_test.XXXXXX";

static int enter(void **state)
{
    (void)state;
    strcpy(scratch, "/tmp/migration_dir_test.XXXXXX");
    return mkdtemp(scratch) != NULL && chdir(scratch) == 0 && mkdir("dm", 0700) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf -- '%s'", scratch);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Read dm/ and compare all complaints, a line each, errors marked with '!'. */
static void check(struct migrations *out, const char *expected, const char *message)
{
    struct arena arena = {0};
    struct complaint *complaints = NULL;
    struct error err = {0};
    char text[4096] = "";
    int result = migration_dir_read(out, "dm/", &arena, &complaints, &err);

    for (; complaints != NULL; complaints = complaints->next)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s\n",
                 complaints->is_error ? "!" : "", complaints->text);
    assert_string_equal(text, expected);
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, message[0] != '\0' ? ERROR_INVALID : ERROR_NONE);
    assert_int_equal(result, message[0] != '\0' ? -1 : 0);
    arena_release(&arena);
}

static void test_order(void **state)
{
    struct migrations list = {0};
    (void)state;

    write_file("dm/10_ten.yaml", VALID);
    write_file("dm/9_nine.yml", VALID);
    write_file("dm/0002_two.yaml", VALID);
    write_file("dm/2_two.test.yaml", "?");
    write_file("dm/3_three.test.yml", "?");
    write_file("dm/redferry.yaml", "?");
    write_file("dm/.1_hidden.yaml", "?");
    write_file("dm/1_readme.md", "?");
    check(&list, "", "");
    assert_int_equal(list.count, 3);
    assert_int_equal(list.items[0]->version, 2);
    assert_string_equal(list.items[0]->name, "two");
    assert_string_equal(list.items[0]->file, "dm/0002_two.yaml");
    assert_int_equal(list.items[1]->version, 9);
    assert_int_equal(list.items[2]->version, 10);
    migrations_release(&list);
}

static void test_complaints(void **state)
{
    struct migrations list = {0};
    (void)state;

    write_file("dm/1_a.yaml", VALID);
    write_file("dm/01_b.yaml", VALID);
    write_file("dm/001_c.yaml", VALID);
    write_file("dm/3.yaml", VALID);
    write_file("dm/99999999999999999999_big.yaml", VALID);
    write_file("dm/notes.yaml", VALID);
    write_file("dm/5_bad.yaml", "up:\n  - wirte: SET a b\n");
    write_file("dm/6_\033.yaml", VALID);
    check(
        &list,
        "!dm/01_b.yaml: its version is also that of dm/001_c.yaml\n"
        "!dm/1_a.yaml: its version is also that of dm/001_c.yaml\n"
        "!dm/3.yaml: its name is missing: VERSION_name.yaml is expected\n"
        "!dm/5_bad.yaml:2:5: unknown key 'wirte'; did you mean 'write'?\n"
        "!dm/6_\033.yaml: its name holds what is no printable UTF-8\n"
        "!dm/99999999999999999999_big.yaml: its version does not fit: it is a number from 1 to "
        "9223372036854775807\n"
        "dm/notes.yaml: ignored: its name does not begin with a version\n",
        "dm/01_b.yaml: its version is also that of dm/001_c.yaml (and 5 more)");
    migrations_release(&list);
}

static void test_remark_only(void **state)
{
    struct migrations list = {0};
    (void)state;

    write_file("dm/notes.yaml", VALID);
    check(&list, "dm/notes.yaml: ignored: its name does not begin with a version\n", "");
    migrations_release(&list);
}

static void test_odd_files(void **state)
{
    struct migrations list = {0};
    char *large = calloc(1, 1024 * 1024 + 2);
    (void)state;

    assert_non_null(large);
    memset(large, '#', 1024 * 1024 + 1);
    write_file("dm/1_large.yaml", large);
    large[1024 * 1024] = '\0';
    write_file("dm/2_full.yaml", large);
    free(large);
    assert_int_equal(mkfifo("dm/3_fifo.yaml", 0600), 0);
    assert_int_equal(mkdir("dm/4_directory.yaml", 0700), 0);
    assert_int_equal(symlink("/dev/zero", "dm/5_device.yaml"), 0);
    write_file("outside.yaml", VALID);
    assert_int_equal(symlink("../outside.yaml", "dm/6_out.yaml"), 0);
    assert_int_equal(mkdir("dm/..data", 0700), 0);
    write_file("dm/..data/in.yaml", VALID);
    assert_int_equal(symlink("..data/in.yaml", "dm/7_in.yaml"), 0);
    assert_int_equal(symlink("nowhere", "dm/8_dangling.yaml"), 0);
    check(&list,
          "!dm/1_large.yaml: is larger than 1 MiB\n"
          "!dm/2_full.yaml:1:1: the file is empty\n"
          "!dm/3_fifo.yaml: is a FIFO, not a file\n"
          "!dm/4_directory.yaml: is a directory, not a file\n"
          "!dm/5_device.yaml: is a link that leaves the directory\n"
          "!dm/6_out.yaml: is a link that leaves the directory\n"
          "!dm/8_dangling.yaml: cannot be read: No such file or directory\n",
          "dm/1_large.yaml: is larger than 1 MiB (and 6 more)");
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0]->version, 7);
    migrations_release(&list);
}

static void test_unreadable(void **state)
{
    struct migrations list = {0};
    (void)state;

    if (geteuid() == 0) skip();
    write_file("dm/1_a.yaml", VALID);
    assert_int_equal(chmod("dm/1_a.yaml", 0), 0);
    check(&list, "!dm/1_a.yaml: cannot be read: Permission denied\n",
          "dm/1_a.yaml: cannot be read: Permission denied");
    migrations_release(&list);
}

static void test_no_directory(void **state)
{
    struct migrations list = {0};
    (void)state;

    assert_int_equal(rmdir("dm"), 0);
    check(
        &list, "",
        "there is no migrations directory 'dm/'; 'redferry init' makes it, --migrations names "
        "another");
    write_file("dm", "");
    check(&list, "", "dm/: cannot be read: Not a directory");
    migrations_release(&list);
}

static void test_given_files(void **state)
{
    static const char *const files[] = {"dm/2_b.yaml", "dm/1_a.yaml", "dm/2_b.yaml",
                                        "dm/1_a.test.yaml"};
    struct migrations list = {0};
    struct arena arena = {0};
    struct complaint *complaints = NULL;
    struct error err = {0};
    (void)state;

    write_file("dm/1_a.yaml", VALID);
    write_file("dm/2_b.yaml", VALID);
    write_file("dm/3_c.yaml", "?");
    assert_int_equal(migration_dir_read_files(&list, files, 4, &arena, &complaints, &err), 0);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0]->version, 1);
    assert_null(complaints);
    migrations_release(&list);
    arena_release(&arena);
}

static void test_memory_runs_out(void **state)
{
    bool happened = true;
    (void)state;

    write_file("dm/1_a.yaml", VALID);
    write_file("dm/2_b.yaml", VALID);
    write_file("dm/3_c.yaml", "?");
    write_file("dm/notes.yaml", VALID);
    for (size_t nth = 1; happened; nth++) {
        struct migrations list = {0};
        struct arena arena = {0};
        struct complaint *complaints = NULL;
        struct error err = {0};
        alloc_fail_at(nth, false);
        assert_int_equal(migration_dir_read(&list, "dm", &arena, &complaints, &err), -1);
        happened = alloc_fail_happened();
        alloc_fail_never();
        if (happened) assert_non_null(strstr(err.message, "out of memory"));
        migrations_release(&list);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, enter, leave),
        cmocka_unit_test_setup_teardown(test_complaints, enter, leave),
        cmocka_unit_test_setup_teardown(test_remark_only, enter, leave),
        cmocka_unit_test_setup_teardown(test_odd_files, enter, leave),
        cmocka_unit_test_setup_teardown(test_unreadable, enter, leave),
        cmocka_unit_test_setup_teardown(test_no_directory, enter, leave),
        cmocka_unit_test_setup_teardown(test_given_files, enter, leave),
        cmocka_unit_test_setup_teardown(test_memory_runs_out, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
