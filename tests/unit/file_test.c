/* Reading files whole: the limit, what is no file, and secrets; and what names end in. */
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

static char scratch[] = "/tmp/file_test.XXXXXX";

static int enter(void **state)
{
    (void)state;
    return mkdtemp(scratch) != NULL && chdir(scratch) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf -- '%s'", scratch);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void write_bytes(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void test_read(void **state)
{
    struct arena arena = {0};
    struct error err = {0};
    char *bytes = NULL;
    char *full = calloc(1, FILE_MOST_BYTES + 1);
    size_t length = 0;
    (void)state;

    assert_non_null(full);
    write_bytes("f", "a\0b", 3);
    assert_int_equal(file_read("f", &arena, &bytes, &length, &err), 0);
    assert_int_equal(length, 3);
    assert_memory_equal(bytes, "a\0b", 4);
    write_bytes("f", "", 0);
    assert_int_equal(file_read("f", &arena, &bytes, &length, &err), 0);
    assert_int_equal(length, 0);
    write_bytes("f", full, FILE_MOST_BYTES);
    assert_int_equal(file_read("f", &arena, &bytes, &length, &err), 0);
    assert_int_equal(length, FILE_MOST_BYTES);
    write_bytes("f", full, FILE_MOST_BYTES + 1);
    assert_int_equal(file_read("f", &arena, &bytes, &length, &err), -1);
    assert_string_equal(err.message, "f: is larger than 1 MiB");
    assert_int_equal(err.code, ERROR_INVALID);
    free(full);
    arena_release(&arena);
}

static void test_no_file(void **state)
{
    static const char *const cases[][2] = {
        {"gone", "gone: cannot be read: No such file or directory"},
        {".", ".: is a directory, not a file"},
        {"fifo", "fifo: is a FIFO, not a file"},
        {"/dev/null", "/dev/null: is a device, not a file"},
    };
    (void)state;

    assert_int_equal(mkfifo("fifo", 0600), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct error err = {0};
        char *bytes = NULL;
        size_t length = 0;
        assert_int_equal(file_read(cases[i][0], &arena, &bytes, &length, &err), -1);
        assert_string_equal(err.message, cases[i][1]);
        arena_release(&arena);
    }
}

static void test_secret(void **state)
{
    static const struct {
        const char *content;
        const char *text; /* NULL: refused */
    } cases[] = {
        {"secret", "secret"},
        {"secret\n", "secret"},
        {"secret\r\n", "secret"},
        {"a\n\n", "a"},
        {"a\r\n\r\n", "a"},
        {" a b ", " a b "},
        {"a\nb\n", NULL},
        {"a\n\nb", NULL},
        {"\na", NULL},
        {"a\n \n", NULL},
        {"", NULL},
        {"\n", NULL},
        {"\r\n\r\n", NULL},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct error err = {0};
        char *text = NULL;
        int open_to_all = -1;
        write_bytes("s", cases[i].content, strlen(cases[i].content));
        assert_int_equal(chmod("s", i % 2 == 0 ? 0600 : 0604), 0);
        if (cases[i].text == NULL) {
            assert_int_equal(file_read_secret("s", &arena, &text, &open_to_all, &err), -1);
            assert_int_equal(err.code, ERROR_INVALID);
        } else {
            assert_int_equal(file_read_secret("s", &arena, &text, &open_to_all, &err), 0);
            assert_string_equal(text, cases[i].text);
            assert_int_equal(open_to_all, i % 2);
        }
        arena_release(&arena);
    }
}

static void test_endings(void **state)
{
    (void)state;
    assert_true(file_has_ending("a.yaml", ".yaml"));
    assert_true(file_has_ending("dir/a.test.yaml", ".yaml"));
    assert_false(file_has_ending("a.yaml.txt", ".yaml"));
    assert_false(file_has_ending("a.YAML", ".yaml"));
    assert_false(file_has_ending(".yaml", ".yaml"));
    assert_false(file_has_ending("aml", ".yaml"));
    assert_false(file_has_ending("", ".yaml"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_secret),
        cmocka_unit_test(test_endings),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
