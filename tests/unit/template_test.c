/* template: every placeholder, every complaint, and bytes that pass unchanged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "arena.h"
#include "buffer.h"
#include "error.h"
#include "template.h"

static const struct column items[] = {
    {.name = "name", .kind = VALUE_TEXT, .type = ""},
    {.name = "none", .kind = VALUE_TEXT, .type = ""},
    {.name = "on", .kind = VALUE_BOOLEAN, .type = ""},
    {.name = "_n", .kind = VALUE_INTEGER, .type = ""},
    {.name = "first name", .kind = VALUE_TEXT, .type = ""},
    {.name = "count(*)", .kind = VALUE_INTEGER, .type = ""},
    {.name = "a:b", .kind = VALUE_BYTES, .type = ""},
};
static const struct value values[] = {
    {VALUE_TEXT, "Ann", 3},     {VALUE_NULL, NULL, 0},  {VALUE_BOOLEAN, "true", 4},
    {VALUE_INTEGER, "-5", 2},   {VALUE_TEXT, "x y", 3}, {VALUE_INTEGER, "12", 2},
    {VALUE_BYTES, "\0\r\n", 3},
};
static const struct columns columns = {items, sizeof items / sizeof items[0]};
static const struct row row = {&columns, values};

static void test_render(void **state)
{
    (void)state;
    static const struct {
        const char *template;
        const char *text;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"${name}", "Ann"},
        {"flag:${name}", "flag:Ann"},
        {"${name}:${on}:${_n}!", "Ann:true:-5!"},
        {"${name}${name}", "AnnAnn"},
        {"${first name}/${count(*)}", "x y/12"},
        {"${name:-x}", "Ann"},
        {"${none:-x}", "x"},
        {"${none:-}", ""},
        {"<${none:-}>", "<>"},
        {"${none:-it's \"x\"}", "it's \"x\""},
        {"${none:-a\\}b}", "a}b"},
        {"${none:-\\\\}", NULL},
        {"${none:-a\\b\\\\c}", "a\\b\\\\c"},
        {"${none:-{\\}}", "{}"},
        {"${none:-$${x\\}}", "${x}"},
        {"${none:-a:-b|c}", "a:-b|c"},
        {"${none:-x|json}", "x|json"},
        {"${name|json} ${none|json} ${on|json} ${_n|json}", "\"Ann\" null true -5"},
        {"[${*|json}]", "[{\"name\":\"Ann\",\"none\":null,\"on\":true,\"first name\":\"x y\","
                        "\"count(*)\":12,\"a:b\":\"\\u0000\\r\\n\"}]"},
        {"$${", "${"},
        {"$${name}", "${name}"},
        {"$$${name}", "$${name}"}, /* the first $${ counts, from the left */
        {"$${${name}}", "${Ann}"},
        {"$", "$"},
        {"$$", "$$"},
        {"$name {name} } $}", "$name {name} } $}"},
        {"\\${name}", "\\Ann"},
        {"\"${name}'", "\"Ann'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct buffer buf = {0};
        struct error err = {0};
        struct template *template = NULL;
        const char *text = cases[i].template;
        int parsed = template_parse(&template, text, strlen(text), &arena, &err);
        assert_int_equal(parsed, cases[i].text != NULL ? 0 : -1);
        if (parsed == 0) {
            assert_int_equal(template_bind(template, &columns, &err), 0);
            assert_int_equal(template_render(template, &row, &buf, &err), 0);
            assert_string_equal(buffer_text(&buf), cases[i].text);
        }
        buffer_release(&buf);
        arena_release(&arena);
    }
}

static void test_bytes_pass_unchanged(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buffer buf = {0};
    struct error err = {0};
    struct template *template = NULL;
    assert_int_equal(template_parse(&template, "\0<${a:b}>\xff", 10, &arena, &err), 0);
    assert_int_equal(template_bind(template, &columns, &err), 0);
    assert_int_equal(template_render(template, &row, &buf, &err), 0);
    assert_int_equal(buf.length, 7);
    assert_memory_equal(buf.bytes, "\0<\0\r\n>\xff", 7);
    buffer_release(&buf);
    arena_release(&arena);
}

static void test_parse_errors(void **state)
{
    (void)state;
    static const struct {
        const char *template;
        const char *says;
    } cases[] = {
        {"${", "unclosed placeholder '${'"},
        {"x${name", "unclosed placeholder '${name': a '}' is missing"},
        {"${name is ${on}", "unclosed placeholder '${name'"},
        {"${name:-x", "unclosed placeholder '${name:-x'"},
        {"${name:-x\\}", "unclosed placeholder '${name:-x\\}'"},
        {"${}", "a placeholder without a column: '${}'"},
        {"${:-x}", "a placeholder without a column: '${:-x}'"},
        {"${|json}", "a placeholder without a column: '${|json}'"},
        {"${name|jsn}", "unknown suffix in '${name|jsn}'; known are '|json'"},
        {"${name|}", "unknown suffix in '${name|}'"},
        {"${name|json }", "unknown suffix in '${name|json }'"},
        {"${name|json:-x}", "unknown suffix in '${name|json:-x}'"},
        {"${*|jsn}", "unknown suffix in '${*|jsn}'; the row is '${*}' or '${*|json}'"},
        {"${*:-x}", "unknown suffix in '${*:-x}'; the row is"},
        {"x${*}", "'${*}' must be an argument of its own, not a part of 'x${*}'"},
        {"${*}x", "'${*}' must be an argument of its own"},
        {"${*}${*}", "'${*}' must be an argument of its own"},
        {"${none:-${name}}", "a placeholder inside the ':-' text of '${none}'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct template *template = NULL;
        const char *text = cases[i].template;
        assert_int_equal(template_parse(&template, text, strlen(text), &arena, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        if (strstr(err.message, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].template, err.message);
        assert_null(template);
        arena_release(&arena);
    }
}

static struct template *parsed(const char *text, struct arena *arena)
{
    struct template *template = NULL;
    struct error err = {0};
    assert_int_equal(template_parse(&template, text, strlen(text), arena, &err), 0);
    return template;
}

static void test_bind(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error err = {0};
    struct template *template = parsed("${on}${nane}", &arena);
    assert_int_equal(template_bind(template, &columns, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_string_equal(err.message, "unknown column 'nane'; the query has name, none, on, _n, "
                                     "first name, count(*), a:b");
    assert_int_equal(template_bind(template, &(struct columns){0}, &err), -1);
    assert_string_equal(err.message, "unknown column 'on'; there is no row here");
    assert_int_equal(template_bind(parsed("${*|json}", &arena), &(struct columns){0}, &err), 0);

    /* The same template, bound again to columns in another order. */
    static const struct column swapped[] = {{.name = "on", .type = ""},
                                            {.name = "name", .type = ""}};
    const struct value turned[] = {{VALUE_TEXT, "first", 5}, {VALUE_TEXT, "second", 6}};
    struct columns two = {swapped, 2};
    struct buffer buf = {0};
    template = parsed("${name},${on}", &arena);
    assert_int_equal(template_bind(template, &columns, &err), 0);
    assert_int_equal(template_bind(template, &two, &err), 0);
    assert_int_equal(template_render(template, &(struct row){&two, turned}, &buf, &err), 0);
    assert_string_equal(buffer_text(&buf), "second,first");
    buffer_release(&buf);
    arena_release(&arena);
}

static void test_render_errors(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error err = {0};
    struct buffer buf = {0};
    struct template *template = parsed("a${none}b", &arena);
    assert_int_equal(template_bind(template, &columns, &err), 0);
    assert_int_equal(template_render(template, &row, &buf, &err), -1);
    assert_int_equal(err.code, ERROR_FAILED);
    assert_string_equal(err.message,
                        "column 'none' is NULL; '${none:-text}' puts a text in its place");

    static const char *const jsons[] = {"${name|json}", "${*|json}"};
    const struct value broken[] = {{VALUE_TEXT, "\xff", 1}};
    struct columns one = {items, 1};
    for (size_t i = 0; i < 2; i++) {
        template = parsed(jsons[i], &arena);
        assert_int_equal(template_bind(template, &one, &err), 0);
        assert_int_equal(template_render(template, &(struct row){&one, broken}, &buf, &err),
                         -1);
        assert_int_equal(err.code, ERROR_FAILED);
        assert_non_null(strstr(err.message, "column 'name' is not valid UTF-8"));
    }
    assert_int_equal(template_render(parsed("${*}", &arena), &row, &buf, &err), -1);
    assert_non_null(strstr(err.message, "'${*}' is several arguments"));
    buffer_release(&buf);
    arena_release(&arena);
}

static void test_what_it_is(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char *text = NULL;
    size_t length = 0;

    assert_true(template_is_literal(parsed("a $${b", &arena), &text, &length));
    assert_int_equal(length, 5);
    assert_string_equal(text, "a ${b");
    assert_true(template_is_literal(parsed("", &arena), &text, &length));
    assert_int_equal(length, 0);
    assert_string_equal(text, "");
    assert_false(template_is_literal(parsed("a${b}", &arena), &text, &length));
    assert_false(template_is_literal(parsed("${*}", &arena), &text, &length));

    template_prefix(parsed("flag:${name}:x", &arena), &text, &length);
    assert_int_equal(length, 5);
    assert_memory_equal(text, "flag:", 5);
    template_prefix(parsed("${name}:x", &arena), &text, &length);
    assert_int_equal(length, 0);
    template_prefix(parsed("all", &arena), &text, &length);
    assert_int_equal(length, 3);

    assert_true(template_is_pairs(parsed("${*}", &arena)));
    assert_false(template_is_pairs(parsed("${*|json}", &arena)));
    assert_false(template_is_pairs(parsed("$${*}", &arena)));
    assert_false(template_is_pairs(parsed("", &arena)));

    const struct template *template = parsed("a${b}c${*|json}${d|json}${e:-f}", &arena);
    assert_string_equal(template_column(template, 0), "b");
    assert_string_equal(template_column(template, 1), "d");
    assert_string_equal(template_column(template, 2), "e");
    assert_null(template_column(template, 3));
    assert_null(template_column(parsed("", &arena), 0));
    arena_release(&arena);
}

/* What is appended is what was parsed, and parses to the same again. */
static void test_as_written(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",          "flag:${name}",  "a ${b|json} ${*|json}",
        "${*}",      "$${a}$$${",     "${a:-x\\}y}z",
        "${a:-}",    "${a:-$${b\\}}", "$",
        "${a}${b}$", "é${ü}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct buffer buf = {0};
        template_append(parsed(cases[i], &arena), &buf);
        assert_string_equal(buffer_text(&buf), cases[i]);
        buffer_release(&buf);
        arena_release(&arena);
    }
}

/* What a draft is told to be literal stays literal, whatever it looks like. */
static void test_draft(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct template_draft draft = {0};
    struct template *template = NULL;
    struct error err = {0};
    const char *text = NULL;
    size_t length = 0;

    for (const char *c = "$${name}${*}"; *c != '\0'; c++) template_draft_char(&draft, *c);
    assert_int_equal(template_draft_finish(&draft, &template, &arena, &err), 0);
    assert_true(template_is_literal(template, &text, &length));
    assert_string_equal(text, "$${name}${*}");

    /* A literal dollar in front of a placeholder. */
    template_draft_char(&draft, '$');
    assert_int_equal(template_draft_take(&draft, "${name} and more", 16, &err), 7);
    assert_int_equal(template_draft_take(&draft, "$${name}", 8, &err), 3);
    assert_int_equal(template_draft_take(&draft, "$name", 5, &err), 0);
    assert_int_equal(template_draft_take(&draft, "", 0, &err), 0);
    assert_int_equal(template_draft_take(&draft, "${name", 6, &err), -1);
    assert_int_equal(template_draft_finish(&draft, &template, &arena, &err), 0);
    struct buffer buf = {0};
    assert_int_equal(template_bind(template, &columns, &err), 0);
    assert_int_equal(template_render(template, &row, &buf, &err), 0);
    assert_string_equal(buffer_text(&buf), "$Ann${");
    buffer_release(&buf);
    template_draft_release(&draft);
    arena_release(&arena);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const char text[] = "flag:${name} is ${none:-nothing} of ${*|json}";
    size_t failures = 0;
    for (size_t nth = 1;; nth++) {
        struct arena arena = {0};
        struct buffer buf = {0};
        struct error err = {0};
        struct template *template = NULL;
        alloc_fail_at(nth, false);
        int result = template_parse(&template, text, strlen(text), &arena, &err);
        if (result == 0) result = template_bind(template, &columns, &err);
        if (result == 0) result = template_render(template, &row, &buf, &err);
        bool happened = alloc_fail_happened();
        alloc_fail_never();
        buffer_release(&buf);
        arena_release(&arena);
        assert_int_equal(result, happened ? -1 : 0);
        if (!happened) break;
        assert_string_equal(err.message, "out of memory");
        failures++;
    }
    assert_true(failures >= 4);
}

/* Cut, doubled and changed: nothing is read past the end, and what parses also renders. */
static void test_mangled(void **state)
{
    (void)state;
    static const char letters[] = "${}:-|*json$\\name\"{}$$";
    uint32_t seed = 7;
    size_t good = 0;
    for (int round = 0; round < 100000; round++) {
        struct arena arena = {0};
        struct buffer buf = {0};
        struct error err = {0};
        struct template *template = NULL;
        char text[16];
        size_t length = (size_t)round % sizeof text;
        for (size_t i = 0; i < length; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = letters[(seed >> 16) % (sizeof letters - 1)];
        }
        if (template_parse(&template, text, length, &arena, &err) == 0) {
            good++;
            if (template_bind(template, &columns, &err) == 0 && !template_is_pairs(template))
                (void)template_render(template, &row, &buf, &err);
        } else {
            assert_int_equal(err.code, ERROR_INVALID);
        }
        buffer_release(&buf);
        arena_release(&arena);
    }
    assert_true(good > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_render),        cmocka_unit_test(test_bytes_pass_unchanged),
        cmocka_unit_test(test_parse_errors),  cmocka_unit_test(test_bind),
        cmocka_unit_test(test_render_errors), cmocka_unit_test(test_what_it_is),
        cmocka_unit_test(test_as_written),    cmocka_unit_test(test_draft),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_mangled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
