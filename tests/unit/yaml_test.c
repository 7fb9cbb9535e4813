/* Strict YAML: the tree, its places, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "yaml.h"

static struct yaml_node *parse(const char *text, struct arena *arena)
{
    struct yaml_node *root = NULL;
    struct error err = {0};

    if (yaml_parse("f", text, strlen(text), arena, &root, &err) != 0)
        fail_msg("%s", err.message);
    return root;
}

static void test_tree(void **state)
{
    struct arena arena = {0};
    const struct yaml_node *name = NULL;
    const struct yaml_node *root =
        parse("a: yes\nb:\n  - é\n  - [x, 'y']\nc: |\n  one\n  two\n", &arena);
    const struct yaml_node *node = yaml_get(root, "a", NULL);
    (void)state;

    assert_int_equal(root->kind, YAML_MAPPING);
    assert_int_equal(root->count, 3);
    assert_string_equal(node->text, "yes");
    assert_int_equal(node->style, YAML_PLAIN);
    node = yaml_get(root, "b", &name);
    assert_int_equal(name->line, 2);
    assert_int_equal(node->kind, YAML_LIST);
    assert_int_equal(node->count, 2);
    assert_int_equal(node->first->offset, 14);
    assert_int_equal(node->first->end_offset, 16);
    node = node->first->next;
    assert_true(node->first->flow);
    assert_int_equal(node->line, 4);
    assert_int_equal(node->column, 5);
    assert_int_equal(node->first->next->style, YAML_QUOTED);
    assert_int_equal(node->first->next->column, 9);
    node = yaml_get(root, "c", NULL);
    assert_int_equal(node->style, YAML_LITERAL);
    assert_string_equal(node->text, "one\ntwo\n");
    assert_null(yaml_get(root, "d", NULL));
    arena_release(&arena);
}

/* A byte order mark is no character of the first line. */
static void test_byte_order_mark(void **state)
{
    struct arena arena = {0};
    const struct yaml_node *root = parse("\xEF\xBB\xBF{a: b}", &arena);
    (void)state;

    assert_int_equal(root->column, 1);
    assert_int_equal(root->offset, 3);
    assert_int_equal(root->first->next->offset, 7);
    arena_release(&arena);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        const char *complaint;
    } cases[] = {
        {"", "f:1:1: the file is empty"},
        {"a: &x b\n",
         "f:1:4: anchors are not allowed; put text that begins with '&' in quotes"},
        {"a: *x\n", "f:1:4: aliases are not allowed; put text that begins with '*' in quotes"},
        {"a: !!int 3\n",
         "f:1:4: tags are not allowed; put text that begins with '!' in quotes"},
        {"- a\n---\n- b\n", "f:2:1: a second document begins here; a file holds one"},
        {"a: 1\n'a': 2\n",
         "f:2:1: the key 'a' is here for the second time; line 1 has it already"},
        {"{a: {b: 1, b: 2}}\n",
         "f:1:12: the key 'b' is here for the second time; line 1 has it already"},
        {"? {a: b}\n: c\n", "f:1:3: a key is a text"},
        {"\"a\\0b\": c\n", "f:1:1: a NUL in a key is not allowed"},
        {"a: b\n<<: c\n", "f:2:1: merge keys ('<<') are not allowed"},
        {"%YAML 1.2\n---\na: b\n", "f:1:1: directives are not allowed"},
        {"a: 'b\n\n\n", "f:1:4: this quote is never closed"},
        {"a: b\xFF\n", "f:1:5: this is not valid UTF-8 (byte 0xFF)"},
        {"a: \xED\xA0\x80\n", "f:1:4: this is not valid UTF-8 (byte 0xED)"},
        {"a: \xF4\x90\x80\x80\n", "f:1:4: this is not valid UTF-8 (byte 0xF4)"},
        {"a: b\nc: \xC3", "f:2:4: this is not valid UTF-8 (byte 0xC3)"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct yaml_node *root = NULL;
        struct error err = {0};
        assert_int_equal(
            yaml_parse("f", cases[i].text, strlen(cases[i].text), &arena, &root, &err), -1);
        assert_string_equal(err.message, cases[i].complaint);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_null(root);
        arena_release(&arena);
    }
}

static void test_depth(void **state)
{
    char text[80];
    struct arena arena = {0};
    struct yaml_node *root = NULL;
    struct error err = {0};
    (void)state;

    memset(text, '[', 32);
    memset(text + 32, ']', 32);
    assert_int_equal(yaml_parse("f", text, 64, &arena, &root, &err), 0);
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    assert_int_equal(yaml_parse("f", text, 66, &arena, &root, &err), -1);
    assert_string_equal(err.message, "f:1:33: nested more than 32 levels deep");
    arena_release(&arena);
}

/* As many keys as fit into a file are looked through for duplicates without taking their
 * square: that would be minutes. */
static void test_many_keys(void **state)
{
    enum { KEYS = 100000 };
    struct arena arena = {0};
    struct yaml_node *root = NULL;
    struct error err = {0};
    char *text = malloc(KEYS * 12 + 1);
    size_t length = 0;
    (void)state;

    assert_non_null(text);
    for (int i = 0; i < KEYS; i++) length += (size_t)sprintf(text + length, "%d:\n", i);
    assert_int_equal(yaml_parse("f", text, length, &arena, &root, &err), 0);
    assert_int_equal(root->count, KEYS);
    length += (size_t)sprintf(text + length, "77:\n");
    assert_int_equal(yaml_parse("f", text, length, &arena, &root, &err), -1);
    assert_string_equal(
        err.message,
        "f:100001:1: the key '77' is here for the second time; line 78 has it already");
    free(text);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),      cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
