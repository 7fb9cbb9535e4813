/*
 * The documents of --json: the keys and types that scripts rely on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_lint_sarif.h"
#include "document.h"

/* Print the document as one line, and compare. */
static void expect(struct json_t *document, const char *wanted)
{
    char *page = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&page, &length);
    assert_non_null(stream);
    assert_int_equal(document_print(document, stream, true), 0);
    assert_int_equal(fclose(stream), 0);
    assert_true(length > 0 && page[length - 1] == '\n');
    page[length - 1] = '\0';
    assert_string_equal(page, wanted);
    free(page);
}

static const redferry_done both[] = {
    {.version = 9, .name = "nine", .undone = true, .tally = {1, 0, 2, 3}, .seconds = 0.0126},
    {.version = INT64_MAX, .name = "last", .tally = {5, 0, 6, 7}, .seconds = 12},
};

static void test_up(void **state)
{
    (void)state;
    static const struct document_lists lists = {.done = "applied"};
    const redferry_outcome one = {.done = both + 1, .done_count = 1};
    const redferry_outcome failed = {
        .failed_version = 12, .failed_step = 2, .failed_error = "no"};
    const redferry_outcome nowhere = {.failed_version = 12, .failed_error = "no"};
    expect(document_outcome(&lists, &one, 0, ""),
           "{\"applied\":[{\"version\":\"9223372036854775807\",\"name\":\"last\","
           "\"rows_read\":5,\"commands_sent\":6,\"messages_published\":7,\"seconds\":12.0}],"
           "\"failed\":null,\"exit\":0}");
    expect(document_outcome(&lists, &failed, 1, "12 twelve: no"),
           "{\"applied\":[],\"failed\":{\"version\":\"12\",\"step\":2,\"error\":\"no\"},"
           "\"exit\":1}");
    expect(document_outcome(&lists, &nowhere, 1, "12 twelve: no"),
           "{\"applied\":[],\"failed\":{\"version\":\"12\",\"step\":null,\"error\":\"no\"},"
           "\"exit\":1}");
    expect(document_outcome(&lists, NULL, 6, "no database"),
           "{\"applied\":[],\"failed\":null,\"error\":\"no database\",\"exit\":6}");
}

static void test_redo_tells_both_directions_apart(void **state)
{
    (void)state;
    static const struct document_lists lists = {.done = "applied", .undone = "undone"};
    const redferry_outcome outcome = {.done = both, .done_count = 2};
    expect(document_outcome(&lists, &outcome, 0, ""),
           "{\"undone\":[{\"version\":\"9\",\"name\":\"nine\",\"rows_read\":1,"
           "\"commands_sent\":2,\"messages_published\":3,\"seconds\":0.013}],"
           "\"applied\":[{\"version\":\"9223372036854775807\",\"name\":\"last\","
           "\"rows_read\":5,\"commands_sent\":6,\"messages_published\":7,\"seconds\":12.0}],"
           "\"failed\":null,\"exit\":0}");
}

static void test_mark_is_brief(void **state)
{
    (void)state;
    static const struct document_lists lists = {.done = "unmarked", .brief = true};
    const redferry_outcome outcome = {.done = both, .done_count = 1};
    expect(document_outcome(&lists, &outcome, 0, ""),
           "{\"unmarked\":[{\"version\":\"9\",\"name\":\"nine\"}],\"exit\":0}");
    expect(document_outcome(&lists, NULL, 4, "not yet"),
           "{\"unmarked\":[],\"error\":\"not yet\",\"exit\":4}");
}

static void test_status(void **state)
{
    (void)state;
    static const redferry_migration migrations[] = {
        {.version = 20200211131900,
         .name = "flags",
         .state = "applied",
         .applied_at = "2020-02-11T13:19:00.123Z",
         .applied_by = "me@host",
         .run_id = 7,
         .tally = {.rows_read = 2}},
        {.version = 20200211131901, .name = "new", .state = "pending", .pending = true},
    };
    const redferry_status_report report = {
        .migrations = migrations, .count = 2, .pending = 1, .applied = 1, .redis = "known"};
    const redferry_status_report empty = {.redis = NULL};
    expect(document_status(&report, 0, ""),
           "{\"migrations\":[{\"version\":\"20200211131900\",\"name\":\"flags\","
           "\"state\":\"applied\",\"applied_at\":\"2020-02-11T13:19:00.123Z\","
           "\"applied_by\":\"me@host\",\"rows_read\":2,\"run_id\":\"7\",\"error\":null},"
           "{\"version\":\"20200211131901\",\"name\":\"new\",\"state\":\"pending\","
           "\"applied_at\":null,\"applied_by\":null,\"rows_read\":null,\"run_id\":null,"
           "\"error\":null}],\"pending\":1,\"applied\":1,\"redis\":\"known\"}");
    expect(document_status(&empty, 4, "strict"),
           "{\"migrations\":[],\"pending\":0,\"applied\":0,\"redis\":null,\"error\":\"strict\","
           "\"exit\":4}");
}

static void test_history(void **state)
{
    (void)state;
    static const redferry_run_record run = {
        .id = 7,
        .version = 3,
        .name = "three",
        .direction = "up",
        .status = "failed",
        .step = 1,
        .step_name = "all",
        .cursor = "[\"a\"]",
        .tally = {1, 2, 3, 4},
        .error = "bad byte \xff",
        .operator_name = "me",
        .host = "host",
        .pid = 42,
        .tool_version = "0.1.0",
        .checksum = "sha256:00",
        .started_at = "2020-02-11T13:19:00.123Z",
        .requested_by = "ana",
        .rows_total = -1,
    };
    const redferry_history_report report = {&run, 1};
    expect(document_history(&report),
           "{\"runs\":[{\"id\":\"7\",\"version\":\"3\",\"name\":\"three\",\"direction\":\"up\","
           "\"status\":\"failed\",\"step\":1,\"step_name\":\"all\",\"cursor\":\"[\\\"a\\\"]\","
           "\"request\":null,\"requested_by\":\"ana\",\"requested_at\":null,"
           "\"rows_total\":null,\"rows_read\":1,\"rows_changed\":2,\"commands_sent\":3,"
           "\"messages_published\":4,"
           "\"redis\":null,\"error\":\"bad byte \xef\xbf\xbd\",\"operator\":\"me\","
           "\"context\":null,\"host\":\"host\",\"pid\":42,\"tool_version\":\"0.1.0\","
           "\"checksum\":\"sha256:00\",\"started_at\":\"2020-02-11T13:19:00.123Z\","
           "\"updated_at\":null,\"finished_at\":null}],\"exit\":0}");
}

static void test_petition(void **state)
{
    (void)state;
    const redferry_petition none = {.request = "pause"};
    expect(document_petition(&none, 4, "nothing is running"),
           "{\"request\":\"pause\",\"result\":null,\"replaced\":null,\"run\":null,"
           "\"error\":\"nothing is running\",\"exit\":4}");
    const redferry_petition other = {
        .request = "cancel", .result = "obeyed", .replaced = "pause", .replaced_by = "ana"};
    expect(document_petition(&other, 0, ""),
           "{\"request\":\"cancel\",\"result\":\"obeyed\",\"replaced\":{\"request\":"
           "\"pause\",\"by\":\"ana\",\"at\":null},\"run\":null,\"exit\":0}");
}

static void test_watch(void **state)
{
    (void)state;
    const redferry_watch_report nothing = {0};
    expect(document_watch(&nothing, 0, ""), "{\"run\":null,\"crashed\":false,\"exit\":0}");
}

static void test_lint(void **state)
{
    (void)state;
    static const redferry_finding findings[] = {
        {"RF100", "error", "1_a.yaml", 3, 4, "unknown key"},
        {"RF101", "warning", "x.yaml", 0, 0, "ignored"},
    };
    static const redferry_promise promises[] = {{1, "a", true, 2, "all", "exactly once"}};
    const redferry_lint_report report = {findings, 2, promises, 1, 2, 1, 1, 0, NULL, 0};
    expect(document_lint(&report, 2),
           "{\"findings\":[{\"code\":\"RF100\",\"severity\":\"error\",\"file\":\"1_a.yaml\","
           "\"line\":3,\"column\":4,\"text\":\"unknown key\"},{\"code\":\"RF101\","
           "\"severity\":\"warning\",\"file\":\"x.yaml\",\"line\":null,\"column\":null,"
           "\"text\":\"ignored\"}],\"steps\":[{\"version\":\"1\","
           "\"name\":\"a\",\"direction\":\"down\",\"step\":2,\"step_name\":\"all\","
           "\"guarantee\":\"exactly once\"}],\"files\":2,\"errors\":1,\"warnings\":1,"
           "\"notes\":0,\"exit\":2}");
}

/* Paths are seen from the repository, whatever the finding's was relative to. */
static void test_sarif_paths(void **state)
{
    static const struct {
        const char *file, *directory, *root, *uri;
    } cases[] = {
        {"dm/1_a.yaml", "/repo", "/repo", "dm/1_a.yaml"},
        {"./dm//1_a.yaml", "/repo/app", "/repo", "app/dm/1_a.yaml"},
        {"../dm/1 a.yaml", "/repo/app", "/repo", "dm/1%20a.yaml"},
        {"/repo/dm/1_\xC3\xA9.yaml", "/elsewhere", "/repo/", "dm/1_%C3%A9.yaml"},
        {"/repository/1.yaml", "/repo", "/repo", "../repository/1.yaml"},
        {"/1.yaml", "/repo/a", "/repo/a", "../../1.yaml"},
        {"1.yaml", "/", "/", "1.yaml"},
        {"../../../1.yaml", "/a/b", "/", "1.yaml"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const redferry_rule rule = {"RF100", "n", "error", "s", "e", "w", "r"};
        const redferry_finding finding = {"RF100", "error", cases[i].file, 3, 4, "t"};
        const redferry_lint_report report = {
            .findings = &finding, .count = 1, .rules = &rule, .rule_count = 1};
        json_t *log = cmd_lint_sarif(&report, cases[i].directory, cases[i].root);
        const char *uri = NULL;
        int line = 0, column = 0, index = -1;
        assert_int_equal(json_unpack(log, "{s:[{s:[{s:i, s:[{s:{s:{s:s}, s:{s:i, s:i}}}]}]}]}",
                                     "runs", "results", "ruleIndex", &index, "locations",
                                     "physicalLocation", "artifactLocation", "uri", &uri,
                                     "region", "startLine", &line, "startColumn", &column),
                         0);
        assert_string_equal(uri, cases[i].uri);
        assert_int_equal(line, 3);
        assert_int_equal(column, 4);
        assert_int_equal(index, 0);
        json_decref(log);
    }
}

static void test_rules(void **state)
{
    (void)state;
    const redferry_rule rule = {"RF1", "a", "note", "b", "c", "d", "e"};
    expect(document_rules(&rule, 1),
           "{\"rules\":[{\"code\":\"RF1\",\"name\":\"a\",\"severity\":\"note\","
           "\"summary\":\"b\",\"explanation\":\"c\",\"wrong\":\"d\",\"right\":\"e\"}],"
           "\"exit\":0}");
}

static void test_doctor(void **state)
{
    (void)state;
    const redferry_examination items[] = {
        {.verdict = "ok", .name = "lock", .text = "free"},
        {.verdict = "problem", .name = "redis", .text = "no", .advice = "do"},
    };
    const redferry_doctor_report report = {.items = items, .count = 2, .ok = 1, .problems = 1};
    expect(
        document_doctor(&report, 4),
        "{\"examinations\":[{\"verdict\":\"ok\",\"examination\":\"lock\",\"text\":\"free\","
        "\"advice\":null},{\"verdict\":\"problem\",\"examination\":\"redis\",\"text\":\"no\","
        "\"advice\":\"do\"}],\"ok\":1,\"warnings\":0,\"problems\":1,\"exit\":4}");
}

static void test_texts_and_errors(void **state)
{
    (void)state;
    expect(document_texts(0, "file", "a\"b", "ledger", (const char *)NULL, (const char *)NULL),
           "{\"file\":\"a\\\"b\",\"ledger\":null,\"exit\":0}");
    expect(document_error("what\n", 2), "{\"error\":\"what\\n\",\"exit\":2}");
}

/* jansson knows no infinity: a figure that is none must not cost the document. */
static void test_bears_figures_that_are_none(void **state)
{
    (void)state;
    static const struct document_lists lists = {.done = "applied"};
    const redferry_done odd = {.version = 1, .name = "odd", .seconds = -1.0 / 0.0};
    const redferry_outcome outcome = {.done = &odd, .done_count = 1};
    expect(document_outcome(&lists, &outcome, 0, NULL),
           "{\"applied\":[{\"version\":\"1\",\"name\":\"odd\",\"rows_read\":0,"
           "\"commands_sent\":0,\"messages_published\":0,\"seconds\":0.0}],\"failed\":null,"
           "\"exit\":0}");
}

static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

static void test_says_so_without_memory(void **state)
{
    (void)state;
    char page[128] = "";
    FILE *stream = fmemopen(page, sizeof page, "w");
    assert_non_null(stream);
    json_set_alloc_funcs(no_memory, free);
    int result = document_print(document_error("what", 2), stream, true);
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(result, -1);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(page, "{\"error\":\"out of memory\",\"exit\":1}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_up),
        cmocka_unit_test(test_redo_tells_both_directions_apart),
        cmocka_unit_test(test_mark_is_brief),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_petition),
        cmocka_unit_test(test_watch),
        cmocka_unit_test(test_lint),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_sarif_paths),
        cmocka_unit_test(test_doctor),
        cmocka_unit_test(test_texts_and_errors),
        cmocka_unit_test(test_bears_figures_that_are_none),
        cmocka_unit_test(test_says_so_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
