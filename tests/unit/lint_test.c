/* The rules of lint: every one finds fault with what it calls wrong, and with nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "error.h"
#include "lint.h"
#include "lint_report.h"

/* A directory of its own for each test, gone into. */
static char scratch[] = "/tmp/lint_test.XXXXXX";

static int enter(void **state)
{
    (void)state;
    strcpy(scratch, "/tmp/lint_test.XXXXXX");
    return mkdtemp(scratch) != NULL && chdir(scratch) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf -- '%s'", scratch);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

/* ---- files ------------------------------------------------------------------------------ */

static void write_file(const char *path, const char *text, size_t length)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* The length of NAME.yaml in a line "# NAME.yaml", or 0. */
static size_t file_name(const char *line)
{
    const size_t length = strcspn(line, "\n");
    if (strncmp(line, "# ", 2) != 0 || length < 8) return 0;
    if (strncmp(line + length - 5, ".yaml", 5) != 0) return 0;
    return memchr(line + 2, ' ', length - 2) == NULL ? length - 2 : 0;
}

/* Write the files of an example. One that names none is all one file. */
static void write_example(const char *example)
{
    while (*example != '\0') {
        const size_t named = file_name(example);
        char name[256] = "1_example.yaml";
        const char *begin = example;
        if (named > 0) {
            snprintf(name, sizeof name, "%.*s", (int)named, example + 2);
            begin += named + 3;
        }
        const char *end = begin;
        while (*end != '\0' && file_name(end) == 0) {
            end += strcspn(end, "\n");
            end += *end == '\n';
        }
        write_file(name, begin, (size_t)(end - begin));
        example = end;
    }
}

/* ---- looking ---------------------------------------------------------------------------- */

struct lint {
    struct arena arena;
    struct lint_report report;
};

/* Lint all files here. */
static void look(struct lint *lint)
{
    struct error err = {0};
    const struct lint_wish wish = {.directory = "."};
    *lint = (struct lint){0};
    if (lint_check(&lint->report, &wish, &lint->arena, &err) != 0) fail_msg("%s", err.message);
    if (lint_settle(&lint->report, &err) != 0) fail_msg("%s", err.message);
}

static void leave_off(struct lint *lint)
{
    lint_release(&lint->report);
    arena_release(&lint->arena);
}

/* The codes of all findings but notes (and but rule's own, if it is one), a blank between. */
static void codes(const struct lint_report *report, const char *rule, char *text, size_t size)
{
    text[0] = '\0';
    for (const struct lint_finding *one = report->findings; one != NULL; one = one->next) {
        if (one->severity == LINT_NOTE && strcmp(one->rule->code, rule) != 0) continue;
        if (strstr(text, one->rule->code) != NULL) continue;
        snprintf(text + strlen(text), size - strlen(text), "%s%s", text[0] != '\0' ? " " : "",
                 one->rule->code);
    }
}

static void expect_codes(const struct lint_rule *rule, const char *example, const char *want)
{
    struct lint lint;
    char got[256];
    assert_int_equal(enter(NULL), 0);
    write_example(example);
    look(&lint);
    codes(&lint.report, rule->code, got, sizeof got);
    if (strcmp(got, want) != 0)
        fail_msg("%s: lint finds '%s' and not '%s' in\n%s", rule->code, got, want, example);
    leave_off(&lint);
    assert_int_equal(leave(NULL), 0);
}

/* ---- the table -------------------------------------------------------------------------- */

static void test_examples(void **state)
{
    size_t count = 0;
    const struct lint_rule *rules = lint_rules(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        if (rules[i].asks_database) continue;
        expect_codes(&rules[i], rules[i].wrong, rules[i].code);
        expect_codes(&rules[i], rules[i].right, "");
    }
}

static void test_table(void **state)
{
    size_t count = 0;
    const struct lint_rule *rules = lint_rules(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct lint_rule *rule = &rules[i];
        if (i > 0 && strcmp(rules[i - 1].code, rule->code) >= 0)
            fail_msg("%s is out of order", rule->code);
        assert_true(strlen(rule->code) == 5 && strspn(rule->code + 2, "0123456789") == 3);
        assert_ptr_equal(lint_rule_find(rule->code), rule);
        assert_true(strlen(rule->name) > 5 && strlen(rule->explanation) > 80);
        assert_true(rule->summary[strlen(rule->summary) - 1] != '.');
        assert_true(rule->explanation[strlen(rule->explanation) - 1] == '.');
        for (size_t j = 0; j < i; j++) assert_string_not_equal(rule->name, rules[j].name);
    }
    assert_null(lint_rule_find("RF999"));
}

/* ---- the report ------------------------------------------------------------------------- */

static void test_order(void **state)
{
    struct arena arena = {0};
    struct error err = {0};
    struct lint_report report = {.arena = &arena};
    static const struct lint_place places[] = {{"b", 1, 1}, {"a", 9, 2}, {"a", 10, 1},
                                               {"a", 9, 1}, {"a", 0, 0}, {"b", 1, 1},
                                               {"a", 9, 2}};
    char text[128] = "";
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        assert_non_null(
            lint_report_add(&report, i == 6 ? "RF100" : "RF202", places[i], "%zu", i));
    lint_report_soften(report.findings, LINT_NOTE);
    lint_report_soften(report.findings, LINT_ERROR);
    assert_int_equal(lint_report_finish(&report, &err), 0);
    for (const struct lint_finding *one = report.findings; one != NULL; one = one->next)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", one->text);
    assert_string_equal(text, "4 3 6 1 2 0 5 ");
    assert_int_equal(report.errors, 1);
    assert_int_equal(report.warnings, 5);
    assert_int_equal(report.notes, 1);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
