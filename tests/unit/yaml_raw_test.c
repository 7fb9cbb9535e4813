/* A document's own bytes: places, the form in quotes. What YAML takes away from commands is
 * told by the fixtures of migration_file_test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "yaml.h"
#include "yaml_raw.h"

static void test_quoted(void **state)
{
    static const char *const cases[][2] = {
        {"SET a b: c", "'SET a b: c'"}, {"it's", "\"it's\""},
        {"say \"x\"", "'say \"x\"'"},   {"it's \"x\"", "'it''s \"x\"'"},
        {"it's \\n", "'it''s \\n'"},    {"", "''"},
    };
    struct arena arena = {0};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *quoted = yaml_raw_quoted(&arena, cases[i][0], strlen(cases[i][0]));
        struct yaml_node *root = NULL;
        struct error err = {0};
        assert_string_equal(quoted, cases[i][1]);
        assert_int_equal(yaml_parse("f", quoted, strlen(quoted), &arena, &root, &err), 0);
        assert_string_equal(root->text, cases[i][0]);
    }
    arena_release(&arena);
}

static void test_place(void **state)
{
    static const char text[] = "a\r\n\xC3\xA9x\n\nz";
    const struct yaml_source source = {"f", text, sizeof text - 1};
    int line = 0, column = 0;
    (void)state;

    yaml_raw_place(&source, 0, &line, &column);
    assert_int_equal(line * 10 + column, 11);
    yaml_raw_place(&source, 5, &line, &column);
    assert_int_equal(line * 10 + column, 22);
    yaml_raw_place(&source, 8, &line, &column);
    assert_int_equal(line * 10 + column, 41);
    assert_int_equal(yaml_raw_advance(&source, 0, 4), 5);
    assert_int_equal(yaml_raw_advance(&source, 0, 99), source.length);
    assert_int_equal(yaml_raw_line_begin(&source, 5), 3);
    assert_int_equal(yaml_raw_line_end(&source, 3), 6);
}

/* Places within texts: exact where the file has the text as it stands. */
static void test_text_place(void **state)
{
    static const char text[] = "a: |\n\n   one\n    two\nb: one two\nc: 'it''s two'\n";
    const struct yaml_source source = {"f", text, sizeof text - 1};
    static const struct {
        const char *key;
        size_t offset;
        int line;
        int column;
    } cases[] = {
        {"a", 0, 2, 1}, {"a", 1, 3, 4}, {"a", 3, 3, 6},
        {"a", 6, 4, 5}, {"b", 4, 5, 8}, {"c", 5, 6, 4},
    };
    struct arena arena = {0};
    struct yaml_node *root = NULL;
    struct error err = {0};
    (void)state;

    assert_int_equal(yaml_parse("f", text, sizeof text - 1, &arena, &root, &err), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int line = 0, column = 0;
        yaml_raw_text_place(&source, yaml_get(root, cases[i].key, NULL), cases[i].offset, &line,
                            &column);
        if (line != cases[i].line || column != cases[i].column)
            fail_msg("%s, %zu: %d:%d", cases[i].key, cases[i].offset, line, column);
    }
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quoted),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_text_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
