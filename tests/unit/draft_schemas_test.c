/*
 * The schemas beside an author's files: where the files' first lines say, this release's, and
 * not written again for nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "draft_schemas.h"
#include "error.h"
#include "file.h"
#include "scaffold.h"

static int enter(void **state)
{
    static char directory[16];
    strcpy(directory, "/tmp/rf.XXXXXX");
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

static time_t changed_at(const char *path)
{
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    return facts.st_mtim.tv_sec;
}

/* They are where the first lines say, and only another release's are replaced. */
static void test_schemas(void **state)
{
    static const char path[] = "dm/.redferry/migration.schema.json";
    const struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
    struct arena arena = {0};
    struct error err = {0};
    char *bytes = NULL;
    size_t length = 0;
    FILE *file = NULL;
    (void)state;

    assert_non_null(
        strstr(scaffold_migration_schema, "$schema=.redferry/migration.schema.json"));
    assert_non_null(
        strstr(scaffold_test_schema, "$schema=.redferry/migration-test.schema.json"));
    if (draft_schemas_write("dm", &err) != 0) fail_msg("%s", err.message);
    assert_int_equal(access("dm/.redferry/migration-test.schema.json", R_OK), 0);
    assert_int_equal(file_read(path, &arena, &bytes, &length, &err), 0);
    assert_memory_equal(bytes, "{\n", 2);
    assert_memory_equal(bytes + length - 3, "\n}\n", 3);

    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    assert_int_equal(draft_schemas_write("dm", &err), 0);
    assert_int_equal(changed_at(path), 1000);
    file = fopen(path, "a");
    assert_non_null(file);
    fputs(" ", file);
    fclose(file);
    assert_int_equal(draft_schemas_write("dm", &err), 0);
    assert_int_not_equal(changed_at(path), 1000);
    assert_int_equal(file_read(path, &arena, &bytes, &length, &err), 0);
    assert_memory_equal(bytes + length - 3, "\n}\n", 3);

    assert_int_equal(draft_schemas_write("none", &err), -1);
    assert_string_equal(err.message,
                        "cannot write 'none/.redferry': No such file or directory");
    arena_release(&arena);
}

/* Nothing is written where a link leads, be it the folder or a file in it. */
static void test_links(void **state)
{
    struct error err = {0};
    struct stat facts;
    (void)state;

    assert_int_equal(mkdir("elsewhere", 0777), 0);
    assert_int_equal(symlink("../elsewhere", "dm/.redferry"), 0);
    assert_int_equal(draft_schemas_write("dm", &err), -1);
    assert_string_equal(err.message,
                        "'dm/.redferry' is a symbolic link, which is not followed: remove it");
    assert_int_equal(rmdir("elsewhere"), 0);
    assert_int_equal(unlink("dm/.redferry"), 0);

    error_clear(&err);
    assert_int_equal(mkdir("dm/.redferry", 0777), 0);
    assert_int_equal(symlink("../../made", "dm/.redferry/migration.schema.json"), 0);
    assert_int_equal(draft_schemas_write("dm", &err), 0);
    assert_int_equal(access("made", F_OK), -1);
    assert_int_equal(lstat("dm/.redferry/migration.schema.json", &facts), 0);
    assert_true(S_ISREG(facts.st_mode));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_schemas, enter, leave),
        cmocka_unit_test_setup_teardown(test_links, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
