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

#include "alloc_fail.h"
#include "arena.h"
#include "buffer.h"
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
    const struct lint_wish wish = {.directory = ".", .expects_tests = true};
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

/* ---- what is right, and what is nearly ----------------------------------------------------
 */

/* Lint the lines of a step, or of several, and compare the codes of all that is no note. */
static void expect_step(const char *lines, const char *want)
{
    struct lint lint;
    char text[4096], got[256];
    const int length = snprintf(text, sizeof text, "up:\n%s\n", lines);
    assert_true(length > 0 && (size_t)length < sizeof text);
    write_file("1_example.yaml", text, (size_t)length);
    look(&lint);
    codes(&lint.report, "", got, sizeof got);
    if (strcmp(got, want) != 0)
        fail_msg("lint finds '%s' and not '%s' in\n%s", got, want, text);
    leave_off(&lint);
}

/* A query, its key, and one command; want as above. */
struct query_case {
    const char *read, *key, *write, *want;
};

static void expect_queries(const struct query_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char lines[2048];
        (void)snprintf(lines, sizeof lines,
                       "  - read: |\n      %s\n    key: %s\n    write: '%s'", cases[i].read,
                       cases[i].key, cases[i].write);
        expect_step(lines, cases[i].want);
    }
}

static void test_order_by(void **state)
{
    static const struct query_case cases[] = {
        {"SELECT id FROM t ORDER BY id", "id", "SET a:${id} b", ""},
        {"SELECT id FROM t ORDER BY t.ID ASC", "id", "SET a:${id} b", ""},
        {"SELECT x, id FROM t ORDER BY 2", "id", "SET a:${id} b", ""},
        {"SELECT x, id FROM t ORDER BY 1", "id", "SET a:${id} b", "RF202"},
        {"SELECT id FROM t ORDER BY id DESC", "id", "SET a:${id} b", "RF202"},
        {"SELECT id FROM t ORDER BY id, x", "id", "SET a:${id} b", "RF202"},
        {"SELECT a, b FROM t ORDER BY a, b", "[a, b]", "SET x:${a}:${b} y", ""},
        {"SELECT a, b FROM t ORDER BY a", "[a, b]", "SET x:${a}:${b} y", ""},
        {"SELECT a, b FROM t ORDER BY b, a", "[a, b]", "SET x:${a}:${b} y", "RF202"},
        {"SELECT id FROM t ORDER BY lower(id)", "id", "SET a:${id} b", "RF202"},
        {"SELECT id FROM t ORDER BY x DESC LIMIT 9", "id", "SET a:${id} b", ""},
        {"SELECT DISTINCT ON (id) id, x FROM t ORDER BY id, x DESC", "id", "SET a:${id} ${x}",
         ""},
        {"SELECT id, array_agg(x ORDER BY x) AS x FROM t GROUP BY id", "id", "SET a:${id} ${x}",
         ""},
        {"SELECT id, 'ORDER BY x' AS x FROM t -- ORDER BY x", "id", "SET a:${id} ${x}", ""},
    };
    (void)state;
    expect_queries(cases, sizeof cases / sizeof *cases);
}

static void test_columns(void **state)
{
    static const struct query_case cases[] = {
        {"SELECT a.id FROM a", "id", "SET x:${id} y", ""},
        {"SELECT A.ID FROM a", "id", "SET x:${id} y", ""},
        {"SELECT s.a.id, b.\"name\" FROM a", "id", "SET x:${id} ${name}", ""},
        {"SELECT a.\"Id\" FROM a", "other", "SET x:${Id} y", "RF204"},
        {"SELECT id FROM a", "name", "SET x:${id} ${name}", "RF204 RF205"},
        {"SELECT id, 1 + 1 FROM a", "name", "SET x:${id} ${name}", ""},
        {"SELECT id, lower(name) FROM a", "id", "SET x:${id} ${lower}", ""},
        {"SELECT id, lower(name) n FROM a", "id", "SET x:${id} ${name}", "RF205"},
        {"SELECT id, a.name n FROM a", "id", "SET x:${id} ${name}", "RF205"},
        {"SELECT id, NOT enabled FROM a", "id", "SET x:${id} ${off}", ""},
        {"SELECT id, x::text FROM a", "id", "SET x:${id} ${x}", ""},
        {"SELECT id, x IS DISTINCT FROM y AS same FROM a", "id", "SET x:${id} ${same}", ""},
        {"SELECT id, extract(epoch FROM t) AS e FROM a", "id", "SET x:${id} ${e}", ""},
        {"SELECT id, CASE WHEN f(x) THEN 1 END FROM a", "id", "SET x:${id} ${v}", ""},
        {"SELECT id, CASE WHEN f(x) THEN 1 END AS v FROM a", "id", "SET x:${id} ${w}", "RF205"},
        {"SELECT * FROM a", "id", "SET x:${id} ${name}", ""},
        {"SELECT a.*, 1 AS one FROM a", "id", "SET x:${id} ${name}", ""},
        {"WITH b AS (SELECT 1 AS x) SELECT id FROM b", "x", "SET x:${id} y", "RF204"},
        {"SELECT id FROM a UNION SELECT name FROM b", "name", "SET x:${id} y", "RF204"},
        {"VALUES (1)", "column1", "SET x:${column1} y", ""},
        {"(SELECT id FROM a)", "name", "SET x:${id} y", ""},
        {"SELECT DISTINCT id FROM a", "id", "SET x:${id} ${it:-none}", "RF205"},
        {"SELECT ALL id FROM a", "id", "SET x:${id} ${it|json}", "RF205"},
        {"SELECT id AS [the id] FROM a", "the id", "SET x:${the id} y", ""},
        {"SELECT offset FROM a", "offset", "SET x:${offset} y", ""},
    };
    (void)state;
    expect_queries(cases, sizeof cases / sizeof *cases);
}

static void test_times(void **state)
{
    static const struct query_case cases[] = {
        {"SELECT id FROM t WHERE a > NOW ( )", "id", "SET a:${id} b", "RF401"},
        {"SELECT id FROM t WHERE a > current_timestamp", "id", "SET a:${id} b", "RF401"},
        {"SELECT id FROM t WHERE a > (SELECT CURRENT_DATE - 7)", "id", "SET a:${id} b",
         "RF401"},
        {"SELECT id FROM t WHERE a > datetime(\"now\")", "id", "SET a:${id} b", ""},
        {"SELECT id FROM t WHERE a > strftime('%s', 'NOW', '-1 day')", "id", "SET a:${id} b",
         "RF401"},
        {"SELECT id FROM t WHERE a > unixepoch()", "id", "SET a:${id} b", "RF401"},
        {"SELECT id FROM t WHERE a > 'now'::timestamptz", "id", "SET a:${id} b", "RF401"},
        {"SELECT id FROM t WHERE a > date 'today'", "id", "SET a:${id} b", "RF401"},
        {"SELECT id, date(a) AS d FROM t", "id", "SET a:${id} ${d}", ""},
        {"SELECT id, t.now, s.now() AS x FROM t", "id", "SET a:${id} ${now}", ""},
        {"SELECT id, a AS current_date FROM t", "id", "SET a:${id} ${current_date}", ""},
        {"SELECT id, 'now()' AS x /* now() */ FROM t -- now()", "id", "SET a:${id} ${x}", ""},
        {"SELECT id, now FROM t WHERE b = 'now'", "id", "SET a:${id} ${now}", ""},
        {"SELECT id FROM t ORDER BY random() LIMIT 5", "id", "SET a:${id} b", "RF402"},
        {"SELECT id FROM t TABLESAMPLE SYSTEM (10)", "id", "SET a:${id} b", "RF402"},
        {"SELECT id, random AS x FROM t", "id", "SET a:${id} ${x}", ""},
    };
    (void)state;
    expect_queries(cases, sizeof cases / sizeof *cases);
    /* What an `sql` step makes, it makes once. */
    expect_step("  - sql: UPDATE t SET moved_at = now(), token = gen_random_uuid()", "");
}

static void test_limits_and_writes(void **state)
{
    static const struct query_case cases[] = {
        {"SELECT id FROM t OFFSET 5", "id", "SET a:${id} b", "RF403"},
        {"SELECT id FROM t FETCH FIRST 5 ROWS ONLY", "id", "SET a:${id} b", "RF403"},
        {"SELECT id FROM t WHERE x = (SELECT y FROM u LIMIT 1)", "id", "SET a:${id} b", ""},
        {"SELECT id, (SELECT y FROM u ORDER BY z LIMIT 1) AS y FROM t", "id",
         "SET a:${id} ${y}", ""},
        {"SELECT id FROM t WHERE t.limit > 5", "id", "SET a:${id} b", ""},
        {"SELECT id FROM t FOR NO KEY UPDATE", "id", "SET a:${id} b", "RF405"},
        {"SELECT substring(id FOR 3) AS id FROM t", "id", "SET a:${id} b", ""},
        {"WITH d AS (DELETE FROM u RETURNING id) SELECT id FROM d", "id", "SET a:${id} b",
         "RF405"},
        {"WITH d AS MATERIALIZED (UPDATE u SET x = 1 RETURNING id) SELECT id FROM d", "id",
         "SET a:${id} b", "RF405"},
        {"SELECT nextval('s') AS id FROM t", "id", "SET a:${id} b", "RF405"},
        {"SELECT id, \"update\", replace(x, 'DELETE', '') AS x FROM t", "id",
         "SET a:${id} ${x}", ""},
    };
    (void)state;
    expect_queries(cases, sizeof cases / sizeof *cases);
}

static void test_once_per_row(void **state)
{
    static const struct query_case cases[] = {
        {"SELECT id FROM t", "id", "INCR total", ""},
        {"SELECT id FROM t", "id", "SADD all them", "RF301"},
        {"SELECT id FROM t", "id", "PUBLISH all them", "RF301"},
        {"SELECT id FROM t", "id", "MODULE.ADD all them", ""},
        {"SELECT count(*) AS n FROM t", "n", "SET total ${n}", ""},
        {"SELECT max(a) AS id, count(*) AS n FROM t GROUP BY b", "id", "SET total ${n}",
         "RF302"},
        {"SELECT id, count(*) OVER () AS n FROM t", "id", "SET total ${n}", "RF302"},
        {"SELECT json_agg(a) AS n FROM t WHERE b", "n", "SET total ${n}", ""},
        {"SELECT a AS n FROM t ORDER BY b LIMIT 1", "n", "SET total ${n}", ""},
        {"SELECT a AS n FROM t ORDER BY b LIMIT 10", "n", "SET total ${n}", "RF302"},
        {"SELECT 1 AS n", "n", "SET total ${n}", ""},
        {"SELECT max(a) AS n FROM t", "n", "SET total ${n}", ""},
        {"SELECT max(a, b) AS n FROM t", "n", "SET total ${n}", "RF302"},
        {"SELECT a, n FROM t WHERE t.a = 'x' AND b > 5", "a", "SET total ${n}", ""},
        {"SELECT a, n FROM t WHERE b = 'x'", "a", "SET total ${n}", "RF302"},
        {"SELECT a, n FROM t WHERE a >= 5", "a", "SET total ${n}", "RF302"},
        {"SELECT a, n FROM t WHERE a = 5 OR a = 6", "a", "SET total ${n}", "RF302"},
        {"SELECT a, b, n FROM t WHERE a = 5", "[a, b]", "SET total ${n}", "RF302"},
        {"SELECT a, b, n FROM t WHERE a = 5 AND b = ''", "[a, b]", "SET total ${n}", ""},
        {"SELECT generate_series(1, 9) AS n", "n", "SET total ${n}", "RF302"},
        {"SELECT id, name FROM t", "id", "SET by:${name} ${id}", ""},
        {"SELECT id, name FROM t", "id", "SET total ${name} NX", ""},
        {"SELECT id, name FROM t", "id", "HSET all last ${name}", "RF302"},
        {"SELECT id, name FROM t", "id", "HSET all ${id} ${name}", ""},
        {"SELECT id, name FROM t", "id", "HSET all ${*}", ""},
        {"SELECT id, name FROM t", "id", "SETEX last 60 ${name}", "RF302"},
        {"SELECT a, b, c FROM t", "[a, b]", "SET x:${a} ${c}", "RF302"},
        {"SELECT a, b, c FROM t", "[a, b]", "SET x:${a}:${b} ${c}", ""},
        {"SELECT a, b, c FROM t", "[a, b]", "SET x:${a}:${c} ${b}", ""},
        {"SELECT a, b, c FROM t", "[a, b]", "HSET x:${a} ${b} ${c}", ""},
        {"SELECT id FROM t", "id", "KEYS x:${id}", "RF305"},
        {"SELECT id FROM t", "id", "HGETALL x:${id}", "RF306"},
        {"SELECT id FROM t", "id", "TOUCH x:${id}", ""},
        {"SELECT id FROM t", "id", "LPOP x:${id}", "RF308"},
        {"SELECT id, a FROM t", "id", "RENAME x:${id} x:${a}", "RF309"},
        {"SELECT id, a FROM t", "id", "RENAME x:${id} y:${a}", ""},
    };
    (void)state;
    expect_queries(cases, sizeof cases / sizeof *cases);
    expect_step("  - read: SELECT id, a FROM t\n    write: SET last ${a}", "RF302");
    expect_step("  - read: SELECT a FROM t WHERE b = 'x'\n    write: SET last ${a}", "");
    expect_step("  - read: SELECT id, a FROM t\n    write: SET x:${a} ${id}", "");
    expect_step("  - read: SELECT id FROM t\n    key: id\n    write:\n      - DEL all\n"
                "      - SADD all ${id}",
                "RF303");
    expect_step("  - read: SELECT id FROM t\n    key: id\n    write:\n"
                "      - DEL own:${id} all\n      - SADD all ${id}",
                "RF303");
    expect_step("  - read: SELECT id FROM t\n    key: id\n    write:\n"
                "      - DEL all own:${id}\n      - SADD own:${id} a",
                "");
    expect_step("  - write:\n      - DEL all\n      - SADD all a", "");
    expect_step("  - write: [DEL a, GET b]", "RF306");
}

static void test_expiry(void **state)
{
    (void)state;
    expect_step("  - write: EXPIRE a 60", "");
    expect_step("  - read: SELECT id FROM t\n    write: PEXPIRE a:${id} 60", "RF304");
    expect_step("  - read: SELECT id FROM t\n    write: GETEX a:${id} px 60", "RF304");
    expect_step("  - read: SELECT id FROM t\n    write: SET a:${id} EX", "");
    expect_step("  - read: SELECT id FROM t\n    write: EXPIREAT a:${id} 2000000000", "");
    expect_step("  - write: [EXPIRE a 60, SET a b KEEPTTL]", "");
    expect_step("  - write: [EXPIRE a 60, SET a b EX 60]", "");
    expect_step("  - write: [EXPIRE a 60, SET a b]", "RF307");
    expect_step("  - write: [EXPIRE a 60, HSET a b c]", "");
    expect_step("  - write: EXPIRE a 60\n  - write: MSET b c a d", "RF307");
    expect_step("  - write: EXPIRE a 60\n  - write: DEL a\n  - write: SET a b", "");
}

static void test_one_row(void **state)
{
    (void)state;
    expect_step("  - read: SELECT max(id) AS n FROM x\n    write: SET a ${n}", "");
    expect_step("  - read: SELECT min(v) AS n FROM x\n    key: n\n    write: HSET a b ${n}",
                "");
    expect_step("  - read: SELECT coalesce(max(v),0) AS n FROM x\n    write: SET a ${n}", "");
    expect_step("  - read: SELECT max(a, b) AS n FROM x\n    write: SET a ${n}", "RF302");
    expect_step("  - read: SELECT max(a) AS n FROM x GROUP BY b\n    write: SET a ${n}",
                "RF302");
}

static void test_slips(void **state)
{
    (void)state;
    expect_step("  - write: SET a", "RF312");
    expect_step("  - write: HSET a b c d", "RF312");
    expect_step("  - write: GETSET a b c", "RF312");
    expect_step("  - write: ZADD a 1", "RF312");
    expect_step("  - read: SELECT id FROM x\n    key: id\n    write: HSET a:${id} ${*}", "");
    expect_step("  - write: [ZAD a 1 b, HST a b c]", "RF313");
    expect_step("  - write: [BF.ADD a b, MSETEX a b, FROBNICATE a]", ""); /* notes */

    expect_step("  - read: SELECT id FROM x\n    write: SET a:$id b", "RF314");
    expect_step("  - read: SELECT id FROM x\n    write: SET a:${id} $id", "RF314");
    expect_step("  - read: SELECT id FROM x\n    write: SET 'a:{id}' b", "RF314");
    expect_step("  - read: SELECT id FROM x\n    write: 'SET a:#{id} b'", "RF314");
    expect_step("  - read: SELECT id FROM x\n    write: 'SET a:${{id}} b'", "RF205 RF314");
    expect_step("  - read: SELECT * FROM x\n    key: id\n    write: 'SET a:${ID} {Id}'",
                "RF314");
    expect_step("  - read: SELECT id FROM x\n    write: 'SET a:{${id}}:id $idle'", "");
    expect_step("  - read: SELECT id FROM x\n    write: 'SET a:${id} $${id}'", "");
    expect_step("  - read: SELECT id FROM x\n    write: 'SET a:${id} {other}$'", "");

    expect_step("  - read: SELECT a, b FROM x\n    write: SET ${a}${b} c", "RF315");
    expect_step("  - read: SELECT a, b FROM x\n    write: SET k:${a|json}${b} c", "");
    expect_step("  - read: SELECT a, b FROM x\n    write: SET ${a}:${b} ${a}${b}", "");

    expect_step("  - write: DEL a:*", "RF316");
    expect_step("  - write: UNLINK b a:*:c", "RF316");
    expect_step("  - read: SELECT id FROM x\n    write: 'EXPIREAT a:${id}:* 1900000000'",
                "RF316");
    expect_step("  - write: [SET a:* b, \"SREM s *\", COPY a b]", "");
    expect_step("  - read: SELECT id FROM x\n    write: 'DEL a:${id}'", "");
}

static void test_same_keys(void **state)
{
    (void)state;
    expect_step("  - write: [SET a b, SET a c]", "RF311");
    expect_step("  - write: [SET a b, SET c d]", "");
    expect_step("  - write: [SET a b, SET a c NX]", "");
    expect_step("  - write: [SET a b, SET a c XX]", "");
    expect_step("  - write: [SET a b, DEL a, SET a c]", "");
    expect_step("  - write: [HSET a b c, HSET a d e]", "");
    expect_step("  - write: [HSET a b c, HSET a d e b f]", "RF311");
    expect_step("  - read: SELECT i FROM t\n    key: i\n    write:\n      - HSET a:${i} b c\n"
                "      - HSET a:${i} ${*} d b",
                "");
    expect_step("  - write: [HSET a b c, SET a d]", "RF311");
    expect_step("  - write: [SET a d, HSET a b c]", "RF310");
    expect_step("  - write: [SADD a d, ZREM a b]", "RF310");
    expect_step("  - write: [SADD a d, EXPIREAT a 2000000000, ZREM a b]", "RF310");
    expect_step("  - write: [SADD a d, RENAME a b, HSET a c d]", "");
    expect_step("  - write: [SADD a d, SUNIONSTORE b a, SADD b e]", "");
    expect_step("  - write: [SADD b d, SUNIONSTORE b a]", "RF311");
    expect_step("  - write: [MSET a 1 a 2]", "");
    expect_step("  - read: SELECT i FROM t\n    key: i\n    write: SET a:${i} 1\n"
                "  - read: SELECT j FROM t\n    key: j\n    write: SET a:${j} 2",
                "RF311");
    expect_step("  - read: SELECT i FROM t\n    key: i\n    write: [ 'SET a:${i} 1', "
                "'SET a:${i}:b 2' ]",
                "");
}

/* How many notes of a rule stand in that line of a text, which has nothing worse. */
static size_t count_notes(const char *text, const char *code, int line)
{
    struct lint lint;
    size_t notes = 0;
    write_file("1_example.yaml", text, strlen(text));
    look(&lint);
    assert_int_equal(lint.report.warnings + lint.report.errors, 0);
    for (const struct lint_finding *one = lint.report.findings; one != NULL; one = one->next)
        notes += strcmp(one->rule->code, code) == 0 && one->place.line == line;
    leave_off(&lint);
    return notes;
}

/* Two steps that fill the same hashes or sorted sets are noted where they may meet. */
static void test_two_steps(void **state)
{
    static const struct {
        const char *first, *second;
        size_t notes;
    } cases[] = {
        {"HSET a:${i} ${*}", "HSET a:${i} b c", 1},  {"HSET a:${i} b c", "HSET a:${i} ${*}", 1},
        {"HSET all ${i} b", "HSET all ${i} c", 1},   {"HSET a:${i} b c", "HSET a:${i} d e", 0},
        {"HSET a:${i} ${*}", "HSET b:${i} ${*}", 0}, {"ZADD all 1 ${i}", "ZADD all 2 ${i}", 1},
        {"SADD all ${i}", "SADD all ${i}", 0},       {"RPUSH all ${i}", "RPUSH all ${i}", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        (void)snprintf(text, sizeof text,
                       "up:\n  - read: SELECT i FROM t\n    key: i\n    write: %s\n"
                       "  - read: SELECT i FROM u\n    key: i\n    write: %s\n",
                       cases[i].first, cases[i].second);
        if (count_notes(text, "RF311", 7) != cases[i].notes) fail_msg("%s", text);
    }
}

static void test_down(void **state)
{
    (void)state;
    expect_step("  - write: SET a b\ndown:\n  - write: SET a before", "");
    expect_step("  - write: SET a b\ndown:\n  - sql: DELETE FROM t", "RF502");
    expect_step("  - write: SET a b\ndown:\n  - write: EVAL x 1 c", "");
    expect_step("  - write: SET a b\ndown:\n  - write: MODULE.CLEAR", "");
    expect_step("  - write: DEL a\ndown:\n  - write: DEL b", "");
    expect_step("  - write: [SADD tmp b, RENAME tmp set]\ndown:\n  - write: DEL set", "");
    expect_step("  - read: SELECT id FROM t\n    key: id\n    write: SET a:${id} b\n"
                "down:\n  - write: DEL a:1 a:2",
                "");
    expect_step("  - read: SELECT id FROM t\n    key: id\n    write: SET a:${id} b\n"
                "down:\n  - write: DEL a b",
                "RF502");
    expect_step("  - read: SELECT id FROM t\n    key: id\n    write: SET a:${id}:x b\n"
                "down:\n  - read: SELECT id FROM t\n    key: id\n    write: DEL a:${id}:y",
                "RF502");
    expect_step("  - read: SELECT id FROM t\n    key: id\n    write: SET a:${id}:x b\n"
                "down:\n  - read: SELECT k FROM t\n    key: k\n    write: DEL ${k}",
                "");
}

/* What a statement did only a statement undoes. */
static void test_down_of_statements(void **state)
{
    (void)state;
    assert_int_equal(
        count_notes("up:\n  - write: SET a b\n  - name: x\n    sql: DELETE FROM t\n"
                    "down:\n  - write: DEL a\n",
                    "RF502", 4),
        1);
    assert_int_equal(count_notes("up:\n  - sql: DELETE FROM t\ndown:\n  - write: DEL a\n"
                                 "  - sql: SELECT 1\n",
                                 "RF502", 2),
                     0);
    assert_int_equal(count_notes("up:\n  - sql: DELETE FROM t\n", "RF502", 2), 0);
}

static void test_messages(void **state)
{
    (void)state;
    expect_step("  - write: SET a b\n  - write: PUBLISH a b", "");
    expect_step("  - write: PUBLISH a b", "");
    expect_step("  - write: PUBLISH a b\n  - sql: DELETE FROM t", "");
    expect_step("  - write: SET a b\n    publish: {channel: x, message: y}\n  - write: SET c d",
                "");
    expect_step("  - write: HSET a b c\n    publish: {channel: x, message: y}\n"
                "  - write: HSET a d e",
                "RF503");
    expect_step("  - read: SELECT id FROM t\n    key: id\n    publish: x\n  - write: SET a b",
                "RF503");
}

/* ---- comments -----------------------------------------------------------------------------
 */

static void test_allowed(void **state)
{
    (void)state;
    expect_step("  - write: [SET a b, SET a c] # redferry: allow RF311 so be it", "");
    expect_step("  - write: [SET a b, SET a c] #redferry:allow RF311", "");
    expect_step("  - write: [SET a b, SET a c] # redferry: allow RF310", "RF311 RF102");
    expect_step("  - write:\n      - GET a # redferry: allow RF306, RF305 both\n      - KEYS a",
                "RF102 RF305");
    expect_step("  - write:\n      # redferry: allow RF306\n\n      # more\n      - GET a\n"
                "      - GET b",
                "RF306");
    expect_step("  - write: | # redferry: allow RF306 RF305\n      GET a\n      KEYS b\n", "");
    expect_step("  - write: |\n      GET a\n    # redferry: allow RF306\n", "RF306 RF102");
    expect_step("  - write: |\n      SET a '\n      # redferry: allow RF999'\n", "RF100");
    expect_step("  - write: 'SET a \"# redferry: allow RF999\"'", "");
    expect_step("  - sql: |\n      SELECT 1 -- x\n      # redferry: allow RF999\n", "");
    expect_step("  - write: SET a b# redferry:_allow_RF999", "");
    expect_step("  - write: GET a # redferry: allow RF306: it warms the cache\n", "");
    expect_step("  - write: GET a # redferry: allowed RF306\n", "RF306");
    expect_step("  - write: GET a # redferry: allow it\n", "RF306 RF103");
    expect_step("  - write: SET a b # redferry: allow RF100\n", "RF103");
    expect_step("  - write: SET a b # redferry: allow RF\n", "RF103");
    expect_step("  - read: >\n      SELECT id,\n      now() AS t\n      FROM x\n    key: id\n"
                "    # redferry: allow RF401\n    write: SET a:${id} ${t}",
                "RF401 RF102");
    expect_step(
        "  # redferry: allow RF401\n  - read: SELECT id,\n      now() AS t\n"
        "      FROM x # redferry: allow RF402\n    key: id\n    write: SET a:${id} ${t}",
        "RF102");
    expect_step("  - write: GET a\n    # redferry: allow RF306", "RF306 RF102");
}

static void test_allowed_for_all(void **state)
{
    static const char text[] = "---\r\n"
                               "# A file.\r\n"
                               "\r\n"
                               "# redferry: allow RF306 RF501\r\n"
                               "up:\r\n"
                               "  - write: GET a\r\n"
                               "  - write: GET b # redferry: allow RF306 twice\r\n";
    struct lint lint;
    (void)state;
    write_file("1_example.yaml", text, sizeof text - 1);
    static const char other[] = "# redferry: allow RF101 of another tool\nx: [\n";
    write_file("config.yaml", other, sizeof other - 1);
    look(&lint);
    assert_int_equal(lint.report.errors, 0);
    assert_int_equal(lint.report.notes, 1); /* there is no test */
    assert_int_equal(lint.report.warnings, 1);
    assert_string_equal(lint.report.findings->rule->code, "RF701");
    assert_string_equal(lint.report.findings->next->rule->code, "RF102");
    assert_int_equal(lint.report.findings->next->place.line, 7);
    assert_int_equal(lint.report.findings->next->place.column, 18);
    leave_off(&lint);
}

/* ---- places -------------------------------------------------------------------------------
 */

static void test_places(void **state)
{
    static const char text[] = "up:\n"
                               "  - pause: 20ms\n"
                               "    read: |\n"
                               "      SELECT id,\n"
                               "        now() AS t\n"
                               "      FROM x\n"
                               "    write: SET a:${id} ${t}\n"
                               "down:\n"
                               "  - read: SELECT 'é' AS a, now() AS t FROM x\n"
                               "    key: b\n"
                               "    write: [[SET, \"a:${a}\", \"${t}\"]]\n";
    static const struct lint_place places[] = {
        {"", 2, 5}, {"", 5, 9}, {"", 9, 28}, {"", 10, 5}};
    struct lint lint;
    size_t count = 0;
    (void)state;
    write_file("1_example.yaml", text, sizeof text - 1);
    look(&lint);
    for (const struct lint_finding *one = lint.report.findings->next; one != NULL;
         one = one->next) {
        assert_true(count < 4);
        assert_int_equal(one->place.line, places[count].line);
        assert_int_equal(one->place.column, places[count].column);
        count++;
    }
    assert_int_equal(count, 4);
    leave_off(&lint);
}

/* ---- memory -------------------------------------------------------------------------------
 */

static void test_memory_runs_out(void **state)
{
    static const char files[] =
        "# 1_a.yaml\n"
        "# redferry: allow RF304 RF501\n"
        "up:\n"
        "  - read: SELECT a, t.b, now() AS c FROM t ORDER BY x LIMIT 5\n"
        "    key: [b, d]\n"
        "    write: # redferry: allow RF999\n"
        "      - SET k:${a} ${e} EX 5\n"
        "      - HSET k:${a} f ${b}\n"
        "      - DEL all ${b}\n"
        "      - GET all\n"
        "    publish: news\n"
        "  - write: [[SET, k, v]]\n"
        "    publish: {channel: x, message: y}\n"
        "  - write: [RENAME k l, SADD k m]\n"
        "down:\n"
        "  - write: DEL l\n"
        "# 1_a.test.yaml\n"
        "expect: {redis: [EXISTS k: 1]}\n"
        "# b.yaml\n"
        "# redferry: allow RF101\n"
        "# 2_b.test.yaml\n"
        "oops: 1\n";
    const struct lint_wish wish = {.directory = ".", .expects_tests = true};
    bool happened = true;
    size_t nth = 0;
    (void)state;
    write_example(files);
    while (happened) {
        struct arena arena = {0};
        struct error err = {0};
        struct lint_report report = {0};
        alloc_fail_at(++nth, false);
        int result = lint_check(&report, &wish, &arena, &err);
        if (result == 0) result = lint_settle(&report, &err);
        happened = alloc_fail_happened();
        alloc_fail_never();
        assert_int_equal(result, happened ? -1 : 0);
        if (happened) assert_non_null(strstr(err.message, "out of memory"));
        if (!happened) assert_true(report.errors > 2 && report.warnings > 5);
        lint_release(&report);
        arena_release(&arena);
    }
    assert_true(nth > 20);
}

/* ---- files that nobody writes by hand ---------------------------------------------------- */

/* Lint a file with piece so often between head and tail; the codes of all that is no note. */
static void expect_generated(const char *head, const char *piece, const char *tail,
                             const char *want)
{
    enum { SIZE = 900000, PATIENCE_S = 100 };
    struct lint lint;
    char *text = malloc(SIZE), got[256];
    size_t length = (size_t)snprintf(text, SIZE, "%s", head);
    while (length + strlen(piece) + strlen(tail) < SIZE)
        length += (size_t)snprintf(text + length, SIZE - length, "%s", piece);
    length += (size_t)snprintf(text + length, SIZE - length, "%s", tail);
    write_file("1_example.yaml", text, length);
    (void)alarm(PATIENCE_S); /* what is quadratic takes minutes */
    look(&lint);
    (void)alarm(0);
    codes(&lint.report, "", got, sizeof got);
    assert_string_equal(got, want);
    leave_off(&lint);
    free(text);
}

static void test_generated(void **state)
{
    static const char step[] = "up:\n  - read: SELECT id FROM t\n    key: id\n    write:\n";
    (void)state;
    expect_generated(step, "      - DEL k${id}\n", "", "");
    expect_generated(step, "      - DEL k${id}\n", "down:\n  - write: DEL a\n", "");
    expect_generated("# redferry: allow ", "RF301 ", "\nup:\n  - write: SET a b\n", "RF102");
}

/* Append piece so often, with a number from 0 on for each '@'. */
static void append_numbered(struct buffer *text, const char *piece, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (const char *at = piece; *at != '\0'; at++) {
            if (*at == '@')
                buffer_append_integer(text, (int64_t)i);
            else
                buffer_append_char(text, *at);
        }
    }
}

/* What is found among few keys is found among many, and nothing else. */
static void test_many_keys(void **state)
{
    enum { MANY = 2500, PATIENCE_S = 100 };
    static const char step[] = "  - read: SELECT id, a FROM t\n    key: id\n";
    static const struct {
        const char *before, *piece, *behind, *down;
        size_t downs;
        const char *want;
    } cases[] = {
        {"", "      - SET k@:${id} b\n", "", "      - DEL k@:${id}\n", MANY, ""},
        {"", "      - SET k@:${id} b\n", "", "      - DEL k@:${id}\n", MANY - 1, "RF502"},
        {"", "      - SET k@:${id} b\n", "", "      - DEL ${a}\n", 1, ""},
        {"", "      - SET k@:${id} b\n", "", "      - DEL k${a}:${id}\n", 1, ""},
        {"", "      - SET k@:${id} b\n", "", "      - DEL l${a}:${id}\n", 1, "RF502"},
        {"", "      - SET k:${id}:@x b\n", "", "      - DEL k:${id}:@y\n", MANY, "RF502"},
        {"", "      - SADD k@ ${id}\n", "      - DEL k7\n", NULL, 0, "RF303"},
        {"", "      - SADD k@ ${id}\n", "      - DEL l\n", NULL, 0, "RF301"},
        {"", "      - SADD k@ ${id}\n", "      - RENAME x:${id} x:${a}\n", NULL, 0, "RF309"},
        {"", "      - SADD k@ ${id}\n", "      - RENAME x:${id} y:${a}\n", NULL, 0, ""},
        {"    write: SADD k7 ${id}\n    publish: c\n", "      - SADD k@ ${id}\n", "", NULL, 0,
         "RF503"},
        {"    write: SADD l ${id}\n    publish: c\n", "      - SADD k@ ${id}\n", "", NULL, 0,
         ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer text = {0};
        struct lint lint;
        char got[256];
        buffer_append_text(&text, "up:\n");
        if (cases[i].before[0] != '\0')
            buffer_append_format(&text, "%s%s", step, cases[i].before);
        buffer_append_format(&text, "%s    write:\n", step);
        append_numbered(&text, cases[i].piece, MANY);
        buffer_append_text(&text, cases[i].behind);
        if (cases[i].down != NULL) {
            buffer_append_format(&text, "down:\n%s    write:\n", step);
            append_numbered(&text, cases[i].down, cases[i].downs);
        }
        write_file("1_example.yaml", text.bytes, text.length);
        (void)alarm(PATIENCE_S); /* what is quadratic takes long */
        look(&lint);
        (void)alarm(0);
        codes(&lint.report, "", got, sizeof got);
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("case %zu: lint finds '%s' and not '%s'", i, got, cases[i].want);
        leave_off(&lint);
        buffer_release(&text);
    }
}

/* Each of many findings finds the comment that allows it, and each comment its finding. */
static void test_many_comments(void **state)
{
    enum { MANY = 2500 };
    struct buffer text = {0};
    struct lint lint;
    (void)state;
    buffer_append_text(&text, "# redferry: allow RF501 for good\nup:\n  - write:\n");
    append_numbered(&text, "      - GET k@ # redferry: allow RF306 by number\n", MANY);
    buffer_append_text(&text, "      - GET a\n"
                              "      # redferry: allow RF306 above\n"
                              "      - GET b\n"
                              "      - SET c d # redferry: allow RF306 of nothing\n");
    write_file("1_example.yaml", text.bytes, text.length);
    look(&lint);
    assert_int_equal(lint.report.warnings, 2);
    const struct lint_finding *one = lint.report.findings;
    while (one->severity == LINT_NOTE) one = one->next;
    assert_string_equal(one->rule->code, "RF306");
    assert_int_equal(one->place.line, MANY + 4);
    assert_string_equal(one->next->rule->code, "RF102");
    assert_int_equal(one->next->place.line, MANY + 7);
    leave_off(&lint);
    buffer_release(&text);
}

/* ---- tests ------------------------------------------------------------------------------ */

#define UP     "up: [{write: SET a b}]\n"
#define EXPECT "expect:\n  redis: [GET a: b]\n"

/* The test of a migration, and the line of what is found behind its `down`; 0: nothing is. */
struct down_case {
    const char *migration, *test;
    int line;
};

static void test_behind_down(void **state)
{
    static const char down[] = UP "down: [{write: DEL a}]\n";
    static const struct down_case cases[] = {
        {down, "given: {redis: [SET c d]}\n" EXPECT, 2},
        {down, EXPECT "after_down: {published: []}\n", 3},
        {down, EXPECT "after_down: {redis: [EXISTS a: 0]}\n", 0},
        {down, EXPECT "after_down: {sql: [SELECT 1: 1]}\n", 0},
        {down, EXPECT "after_down: {published: [gone: a]}\n", 0},
        {down, "# redferry: allow RF707 it is looked at by hand\n" EXPECT, 0},
        {UP, EXPECT, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lint lint;
        int line = 0;
        write_file("1_a.yaml", cases[i].migration, strlen(cases[i].migration));
        write_file("1_a.test.yaml", cases[i].test, strlen(cases[i].test));
        look(&lint);
        for (const struct lint_finding *one = lint.report.findings; one != NULL;
             one = one->next)
            if (strcmp(one->rule->code, "RF707") == 0) line = one->place.line;
        assert_int_equal(line, cases[i].line);
        assert_int_equal(lint.report.errors + lint.report.warnings, 0);
        leave_off(&lint);
    }
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
        cmocka_unit_test_setup_teardown(test_memory_runs_out, enter, leave),
        cmocka_unit_test_setup_teardown(test_order_by, enter, leave),
        cmocka_unit_test_setup_teardown(test_columns, enter, leave),
        cmocka_unit_test_setup_teardown(test_times, enter, leave),
        cmocka_unit_test_setup_teardown(test_limits_and_writes, enter, leave),
        cmocka_unit_test_setup_teardown(test_once_per_row, enter, leave),
        cmocka_unit_test_setup_teardown(test_expiry, enter, leave),
        cmocka_unit_test_setup_teardown(test_one_row, enter, leave),
        cmocka_unit_test_setup_teardown(test_slips, enter, leave),
        cmocka_unit_test_setup_teardown(test_same_keys, enter, leave),
        cmocka_unit_test_setup_teardown(test_two_steps, enter, leave),
        cmocka_unit_test_setup_teardown(test_down, enter, leave),
        cmocka_unit_test_setup_teardown(test_down_of_statements, enter, leave),
        cmocka_unit_test_setup_teardown(test_messages, enter, leave),
        cmocka_unit_test_setup_teardown(test_allowed, enter, leave),
        cmocka_unit_test_setup_teardown(test_allowed_for_all, enter, leave),
        cmocka_unit_test_setup_teardown(test_places, enter, leave),
        cmocka_unit_test_setup_teardown(test_generated, enter, leave),
        cmocka_unit_test_setup_teardown(test_behind_down, enter, leave),
        cmocka_unit_test_setup_teardown(test_many_keys, enter, leave),
        cmocka_unit_test_setup_teardown(test_many_comments, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
