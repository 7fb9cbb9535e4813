/* command_line: splits exactly as redis-cli does, whose own function is asked; placeholders are
 * one piece in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis.h>
#include <sds.h>

#include "alloc_fail.h"
#include "arena.h"
#include "buffer.h"
#include "command_line.h"
#include "error.h"
#include "template.h"

static uint32_t seed = 20200211;

static uint32_t random_below(uint32_t limit)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % limit;
}

static void test_as_redis_cli(void **state)
{
    (void)state;
    enum { MOST = 4 };
    static const struct {
        const char *line;
        const char *arguments[MOST];
    } cases[] = {
        {"", {NULL}},
        {"  \t ", {NULL}},
        {"SET a b", {"SET", "a", "b"}},
        {"  SET\ta \r\n b  ", {"SET", "a", "b"}},
        {"\v\fSET a\vb", {"SET", "a\vb"}},
        {"SET \"a b\" 'c d'", {"SET", "a b", "c d"}},
        {"SET \"\" ''", {"SET", "", ""}},
        {"a\"b c\" d", {"ab c", "d"}},
        {"a'b \"c'", {"ab \"c"}},
        {"\"\\n\\r\\t\\b\\a\\\\\\\"\"", {"\n\r\t\b\a\\\""}},
        {"\"\\x41\\xff\\xZZ\\x4\"", {"A\xffxZZx4"}},
        {"\"\\q\\'\"", {"q'"}},
        {"'\\n\\'\\\\.'", {"\\n'\\\\."}},
        {"a\\nb c\\", {"a\\nb", "c\\"}},
        {"grün \"\\xf0\\x9f\\x9a\\x80\"", {"grün", "🚀"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct command_line split = {0};
        struct error err = {0};
        const char *line = cases[i].line;
        assert_int_equal(command_line_split(&split, line, strlen(line), &arena, &err), 0);
        for (size_t k = 0; k < MOST; k++) {
            const char *text = NULL;
            size_t length = 0;
            assert_int_equal(k < split.count, cases[i].arguments[k] != NULL);
            if (k >= split.count) break;
            assert_true(template_is_literal(split.arguments[k], &text, &length));
            assert_string_equal(text, cases[i].arguments[k]);
        }
        arena_release(&arena);
    }
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *says;
    } cases[] = {
        {"SET a \"b", "a double quote is not closed: \"b"},
        {"SET a \"b\\", "a double quote is not closed: \"b\\"},
        {"SET a \"b\\\"", "a double quote is not closed: \"b\\\""},
        {"SET a 'b", "a single quote is not closed: 'b"},
        {"SET a 'b\\'", "a single quote is not closed: 'b\\'"},
        {"SET it's b", "a single quote is not closed: 's b"},
        {"SET \"a\"b c", "text right behind a closing quote: \"b c"},
        {"SET 'a''b'", "text right behind a closing quote: ''b'"},
        {"SET \"a\"${b}", "text right behind a closing quote: \"${b}"},
        {"a\\nb \\\"c\\\"", "a double quote is not closed"},
        {"SET a ${b", "unclosed placeholder '${b'"},
        {"SET a \"${b\" c", "unclosed placeholder '${b'"},
        {"SET ${a ${b}", "unclosed placeholder '${a'"},
        {"SET ${a|text} b", "unknown suffix in '${a|text}'"},
        {"SET x${*}", "must be an argument of its own"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct command_line split = {0};
        struct error err = {0};
        const char *line = cases[i].line;
        assert_int_equal(command_line_split(&split, line, strlen(line), &arena, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        if (strstr(err.message, cases[i].says) == NULL) fail_msg("%s: %s", line, err.message);
        arena_release(&arena);
    }
    struct arena arena = {0};
    struct command_line split = {0};
    struct error err = {0};
    assert_int_equal(command_line_split(&split, "SET a\0b", 7, &arena, &err), -1);
    assert_non_null(strstr(err.message, "NUL"));
    arena_release(&arena);
}

/* Random lines of what the rules are about: the same arguments, or an error from both. */
static void test_against_redis_cli(void **state)
{
    (void)state;
    static const char letters[] = "  \t\n\v\"\"''\\\\\\xnrtba0fZ4\xc3$";
    size_t split_well = 0;
    for (int round = 0; round < 200000; round++) {
        char line[24];
        size_t length = random_below(sizeof line - 1);
        for (size_t i = 0; i < length; i++) line[i] = letters[random_below(sizeof letters - 1)];
        line[length] = '\0';

        struct arena arena = {0};
        struct command_line split = {0};
        struct error err = {0};
        int expected_count = 0;
        sds *expected = sdssplitargs(line, &expected_count);
        int result = command_line_split(&split, line, length, &arena, &err);
        assert_int_equal(result, expected != NULL ? 0 : -1);
        if (result == 0) {
            assert_int_equal(split.count, expected_count);
            split_well++;
        }
        for (size_t i = 0; i < split.count; i++) {
            const char *text = NULL;
            size_t text_length = 0;
            assert_true(template_is_literal(split.arguments[i], &text, &text_length));
            assert_int_equal(text_length, sdslen(expected[i]));
            assert_memory_equal(text, expected[i], text_length);
        }
        sdsfreesplitres(expected, expected_count);
        arena_release(&arena);
    }
    assert_true(split_well > 10000 && split_well < 190000);
}

static const struct column items[] = {{.name = "name", .type = ""},
                                      {.name = "none", .type = ""}};
static const struct value values[] = {{VALUE_TEXT, "it's \"it\" \\", 11},
                                      {VALUE_NULL, NULL, 0}};
static const struct columns columns = {items, 2};
static const struct row row = {&columns, values};

static void test_placeholders(void **state)
{
    (void)state;
    enum { MOST = 3 };
    static const char value[] = "it's \"it\" \\";
    static const struct {
        const char *line;
        const char *arguments[MOST];
    } cases[] = {
        {"${name}", {"it's \"it\" \\"}},
        {"a:${name}:b c", {"a:it's \"it\" \\:b", "c"}},
        {"\"${name}\" '${name}'", {value, value}},
        {"'a ${name} b' c", {"a it's \"it\" \\ b", "c"}},
        {"${none:-it's \"x\" y} z", {"it's \"x\" y", "z"}},
        {"\"${none:-it's \"x\" y}\" z", {"it's \"x\" y", "z"}},
        {"'${none:-it's \"x\" y}' z", {"it's \"x\" y", "z"}},
        {"\"${none:-\\n\\x41}\"", {"\\n\\x41"}}, /* no escapes in a placeholder */
        {"${none:-} x", {"", "x"}},
        {"$${name} \"$${name}\" '$${name}'", {"${name}", "${name}", "${name}"}},
        {"\"\\x24{name}\" \"\\${name}\" \"$\\{name}\"", {"${name}", "${name}", "${name}"}},
        {"\"\\x24${name}\" \"\\$${name}\"", {"$it's \"it\" \\", "$it's \"it\" \\"}},
        {"\"\\\\${name}\" \\${name}", {"\\it's \"it\" \\", "\\it's \"it\" \\"}},
        {"'\\${name}'", {"\\it's \"it\" \\"}},
        {"$name $ {name}", {"$name", "$", "{name}"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct command_line split = {0};
        struct error err = {0};
        const char *line = cases[i].line;
        assert_int_equal(command_line_split(&split, line, strlen(line), &arena, &err), 0);
        for (size_t k = 0; k < MOST; k++) {
            struct buffer buf = {0};
            assert_int_equal(k < split.count, cases[i].arguments[k] != NULL);
            if (k >= split.count) break;
            assert_int_equal(template_bind(split.arguments[k], &columns, &err), 0);
            assert_int_equal(template_render(split.arguments[k], &row, &buf, &err), 0);
            assert_string_equal(buffer_text(&buf), cases[i].arguments[k]);
            buffer_release(&buf);
        }
        arena_release(&arena);
    }
}

static void test_append(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *text;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain:text-1{}", 14, "plain:text-1{}"},
        {"two words", 9, "\"two words\""},
        {"{\"a\": 1}", 8, "'{\"a\": 1}'"},
        {"it's", 4, "\"it's\""},
        {"it's \"it\"", 9, "\"it's \\\"it\\\"\""},
        {"a\\b", 3, "\"a\\\\b\""},
        {"\"a\\", 3, "\"\\\"a\\\\\""},
        {"a\nb\x1b\x7f", 5, "\"a\\nb\\x1b\\x7f\""},
        {"a\0b", 3, "\"a\\x00b\""},
        {"grün", 5, "grün"},
        {"\xff", 1, "\"\\xff\""},
        {"ü\xff", 3, "\"\\xc3\\xbc\\xff\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer buf = {0};
        command_line_append(&buf, cases[i].bytes, cases[i].length);
        assert_string_equal(buffer_text(&buf), cases[i].text);
        buffer_release(&buf);
    }
}

/* What is written down is read by redis-cli as the bytes it was made of. */
static void test_append_reads_back(void **state)
{
    (void)state;
    static const char letters[] = "ab \t\n\v\f\r\"\"''\\\\x41\xc3\xbc\xff\x1b\x7f$#";
    for (int round = 0; round < 100000; round++) {
        char bytes[2][16];
        size_t lengths[2];
        struct buffer buf = {0};
        for (size_t i = 0; i < 2; i++) {
            lengths[i] = random_below(sizeof bytes[i]);
            for (size_t k = 0; k < lengths[i]; k++)
                bytes[i][k] =
                    random_below(20) == 0 ? '\0' : letters[random_below(sizeof letters - 1)];
            if (i > 0) buffer_append_char(&buf, ' ');
            command_line_append(&buf, bytes[i], lengths[i]);
        }
        int count = 0;
        sds *read = sdssplitargs(buffer_text(&buf), &count);
        assert_non_null(read);
        assert_int_equal(count, 2);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(sdslen(read[i]), lengths[i]);
            if (lengths[i] > 0) assert_memory_equal(read[i], bytes[i], lengths[i]);
        }
        sdsfreesplitres(read, count);
        buffer_release(&buf);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const char line[] = "HSET \"flag:${name}\" enabled ${none:-'nothing'}";
    size_t failures = 0;
    for (size_t nth = 1;; nth++) {
        struct arena arena = {0};
        struct command_line split = {0};
        struct error err = {0};
        alloc_fail_at(nth, false);
        int result = command_line_split(&split, line, strlen(line), &arena, &err);
        bool happened = alloc_fail_happened();
        alloc_fail_never();
        arena_release(&arena);
        assert_int_equal(result, happened ? -1 : 0);
        if (!happened) break;
        assert_string_equal(err.message, "out of memory");
        failures++;
    }
    assert_true(failures >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_redis_cli),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_against_redis_cli),
        cmocka_unit_test(test_placeholders),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_append_reads_back),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
