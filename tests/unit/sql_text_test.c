/* sql_text: where statements end, in both dialects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "sql_text.h"

static struct sql_text scan(const char *sql)
{
    return sql_text_scan(sql, strlen(sql));
}

/* One statement each: what is left of it without blanks, comments and ';' around it. */
static void test_one_statement(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        const char *statement;
    } cases[] = {
        {"SELECT 1", "SELECT 1"},
        {"  SELECT 1 ;  ", "SELECT 1"},
        {"SELECT 1;;;", "SELECT 1"},
        {";;SELECT 1", "SELECT 1"},
        {"SELECT 1 -- the end;", "SELECT 1"},
        {"SELECT 1; -- the end; really\n/* ; */\n", "SELECT 1"},
        {"-- SELECT 2;\n/* ; /* ; */ ; */ SELECT 1 /* x */ ;", "SELECT 1"},
        {"SELECT 1 -- a;\n + 2", "SELECT 1 -- a;\n + 2"},
        {"SELECT 1 -- a;\r + 2", "SELECT 1 -- a;\r + 2"},
        {"SELECT ';', ''';', \";\"\"\", `;```", "SELECT ';', ''';', \";\"\"\", `;```"},
        {"SELECT '\\', 1", "SELECT '\\', 1"}, /* no escape in a standard string */
        {"SELECT E'\\';', e'''\\\\'", "SELECT E'\\';', e'''\\\\'"},
        {"SELECT E'a'\n 'b\\';' || ''", "SELECT E'a'\n 'b\\';' || ''"},
        {"SELECT E'a' -- ';\n 'b\\';'", "SELECT E'a' -- ';\n 'b\\';'"},
        {"SELECT note'x', '\\'", "SELECT note'x', '\\'"},
        {"SELECT U&'\\0041;', x'0;', B'0;'", "SELECT U&'\\0041;', x'0;', B'0;'"},
        {"SELECT $$;'\"$$", "SELECT $$;'\"$$"},
        {"SELECT $a$;$$;$b$;$a$", "SELECT $a$;$$;$b$;$a$"},
        {"SELECT $ä1$;$ä1$", "SELECT $ä1$;$ä1$"},
        {"SELECT a$b$, c$b$", "SELECT a$b$, c$b$"},
        {"SELECT $1, $2", "SELECT $1, $2"},
        {"SELECT [a;b] FROM [it's]", "SELECT [a;b] FROM [it's]"},
        {"SELECT t.[a;b],[c'd]", "SELECT t.[a;b],[c'd]"},
        {"SELECT ARRAY['a]b;', 'c'][1]", "SELECT ARRAY['a]b;', 'c'][1]"},
        {"SELECT ARRAY [[';]'],[']']], a[2]", "SELECT ARRAY [[';]'],[']']], a[2]"},
        {"SELECT data['k];'], (data)['x;']", "SELECT data['k];'], (data)['x;']"},
        {"SELECT 'a'::text[]", "SELECT 'a'::text[]"},
        {"SELECT 5 - -1, 4/2, 3*/**/2", "SELECT 5 - -1, 4/2, 3*/**/2"},
        {"(SELECT 1)", "(SELECT 1)"},
        {"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)",
         "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)"},
        {"CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET c = CASE WHEN 1 THEN 2 END; "
         "DELETE FROM d; END;",
         "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET c = CASE WHEN 1 THEN 2 END; "
         "DELETE FROM d; END"},
        {"create temp trigger t begin select 1; end",
         "create temp trigger t begin select 1; end"},
        {"CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; ",
         "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END"},
        {"CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$;",
         "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sql_text text = scan(cases[i].sql);
        if (text.unclosed != NULL || text.stray_parenthesis || text.statements != 1)
            fail_msg("%s: %zu statements", cases[i].sql, text.statements);
        assert_int_equal(text.second, 0);
        assert_int_equal(text.end - text.begin, strlen(cases[i].statement));
        assert_memory_equal(cases[i].sql + text.begin, cases[i].statement,
                            text.end - text.begin);
    }
}

static void test_several_statements(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        size_t statements;
        const char *second;
    } cases[] = {
        {"SELECT 1; SELECT 2", 2, "SELECT 2"},
        {"SELECT 1;/* x */;-- y\nDELETE FROM t; SELECT 3", 3, "DELETE FROM t; SELECT 3"},
        {"SELECT '\\'; SELECT 2 --'", 2, "SELECT 2 --'"},
        {"SELECT a$b$; SELECT 2", 2, "SELECT 2"},
        {"SELECT E'a' 'b\\'; SELECT 2", 2, "SELECT 2"},
        {"BEGIN; SELECT 1; END", 3, "SELECT 1; END"},
        {"CREATE TABLE t (a int); CREATE TABLE u (a int)", 2, "CREATE TABLE u (a int)"},
        {"CREATE TRIGGER t BEGIN SELECT 1; END; SELECT 2", 2, "SELECT 2"},
        {"CREATE FUNCTION f() AS $$ x $$; BEGIN; END", 3, "BEGIN; END"},
        {"CREATE TABLE a AS SELECT b.function; BEGIN; END", 3, "BEGIN; END"},
        {"SELECT ARRAY[1]; SELECT [a]", 2, "SELECT [a]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sql_text text = scan(cases[i].sql);
        if (text.statements != cases[i].statements)
            fail_msg("%s: %zu statements", cases[i].sql, text.statements);
        assert_string_equal(cases[i].sql + text.second, cases[i].second);
        assert_null(text.unclosed);
    }
    struct sql_text text = scan("SELECT 1 /* a */ ; SELECT 2");
    assert_int_equal(text.begin, 0);
    assert_int_equal(text.end, strlen("SELECT 1"));
}

static void test_no_statement(void **state)
{
    (void)state;
    static const char *const cases[] = {"",     "  \n",        ";",
                                        " ; ;", "-- SELECT 1", "/* SELECT 1 */;"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sql_text text = scan(cases[i]);
        assert_int_equal(text.statements, 0);
        assert_int_equal(text.begin, text.end);
        assert_string_equal(text.keyword, "");
        assert_null(text.unclosed);
        assert_false(sql_text_is_query(&text, cases[i]));
    }
}

static void test_unclosed(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        const char *unclosed;
    } cases[] = {
        {"SELECT 'a", "quote"},
        {"SELECT 'a''", "quote"},
        {"SELECT E'a\\'", "quote"},
        {"SELECT E'a\\", "quote"},
        {"SELECT \"a", "quote"},
        {"SELECT `a", "quote"},
        {"SELECT [a", "quote"},
        {"SELECT $$a$", "dollar quote"},
        {"SELECT $a$ $A$", "dollar quote"},
        {"SELECT $$", "dollar quote"},
        {"SELECT 1 /* a", "comment"},
        {"SELECT 1 /* a /* b */", "comment"},
        {"SELECT 1 /*/", "comment"},
        {"SELECT (1", "parenthesis"},
        {"SELECT (1; SELECT 2", "parenthesis"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sql_text text = scan(cases[i].sql);
        if (text.unclosed == NULL) fail_msg("%s", cases[i].sql);
        assert_string_equal(text.unclosed, cases[i].unclosed);
        assert_int_equal(text.statements, 1);
        assert_false(text.stray_parenthesis);
    }
    assert_true(scan("SELECT 1) x").stray_parenthesis);
    assert_true(scan(")").stray_parenthesis);
    assert_true(scan("SELECT (1)) FROM (SELECT 2").stray_parenthesis);
    assert_false(scan("SELECT ')', (1) -- )").stray_parenthesis);
}

static void test_keyword(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        const char *keyword;
        bool is_query;
        bool is_control;
    } cases[] = {
        {"select 1", "SELECT", true, false},
        {"/* a */With x AS (SELECT 1) SELECT 2", "WITH", true, false},
        {"VALUES (1)", "VALUES", true, false},
        {"VALUES(1)", "VALUES", true, false},
        {"TABLE t;", "TABLE", true, false},
        {" (SELECT 1)", "", true, false},
        {"DELETE FROM t", "DELETE", false, false},
        {"EXPLAIN SELECT 1", "EXPLAIN", false, false},
        {"SELECTED", "SELECTED", false, false},
        {"\"SELECT\"", "", false, false},
        {"12", "", false, false},
        {"SET TRANSACTION READ ONLY", "SET", false, false},
        {"begin", "BEGIN", false, true},
        {"START TRANSACTION", "START", false, true},
        {"commit;", "COMMIT", false, true},
        {"END", "END", false, true},
        {"ROLLBACK TO x", "ROLLBACK", false, true},
        {"ABORT", "ABORT", false, true},
        {"SAVEPOINT x", "SAVEPOINT", false, true},
        {"RELEASE x", "RELEASE", false, true},
        {"PREPARE /* x */ transaction 'x'", "PREPARE", false, true},
        {"PREPARE x AS SELECT 1", "PREPARE", false, false},
        {"PREPARE x AS TABLE \"PREPARE TRANSACTION\"", "PREPARE", false, false},
        {"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNO", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sql_text text = scan(cases[i].sql);
        assert_string_equal(text.keyword, cases[i].keyword);
        assert_int_equal(sql_text_is_query(&text, cases[i].sql), cases[i].is_query);
        assert_int_equal(sql_text_is_transaction_control(&text, cases[i].sql),
                         cases[i].is_control);
    }
}

static void test_find(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        long offset;
    } cases[] = {
        {"SELECT a FROM t ORDER BY a", 16},
        {"SELECT a FROM t order /* x */\n-- y\nby a", 16},
        {"order by", 0},
        {"SELECT a FROM t", -1},
        {"SELECT (SELECT b ORDER BY c) FROM t", -1},
        {"SELECT 'ORDER BY', \"ORDER\" BY, $$ ORDER BY $$ -- ORDER BY", -1},
        {"SELECT \"ORDER\" by", -1},
        {"SELECT row_number() OVER (ORDER BY x) FROM t ORDER BY y", 45},
        {"SELECT borders by", -1},
        {"SELECT order, by", -1},
        {"SELECT order order by 1", 13},
        {"SELECT (a) ORDER (x) BY", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *sql = cases[i].sql;
        assert_int_equal(sql_text_find(sql, strlen(sql), "ORDER", "BY"), cases[i].offset);
    }
    assert_int_equal(sql_text_find("SELECT 1 LIMIT 5", 16, "limit", NULL), 9);
    assert_int_equal(sql_text_find("SELECT (SELECT 1 LIMIT 5)", 25, "LIMIT", NULL), -1);
    assert_int_equal(sql_text_find("SELECT 1 LIMIT 5", 13, "LIMIT", NULL), -1);
}

/* A ';' that some quote or comment holds is never seen, however they are mixed. */
static void test_mixed(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "'a;''b'",
        "\"a;\"\"b\"",
        "$$;'$$",
        "$t$;$$;$t$",
        "E'\\';'",
        "-- ;'\n",
        "/* ; ' /* \" */ */",
        "(1, ';')",
        "word",
        "12.5",
        "ARRAY['];']",
        "+",
        "\n",
        "x[1]",
    };
    uint32_t seed = 3;
    for (int round = 0; round < 20000; round++) {
        char sql[512] = "SELECT ";
        for (int i = 0; i < 12; i++) {
            seed = seed * 1664525 + 1013904223;
            strcat(sql, parts[(seed >> 16) % (sizeof parts / sizeof parts[0])]);
            strcat(sql, " ");
        }
        strcat(sql, "; SELECT ';'");
        struct sql_text text = scan(sql);
        if (text.statements != 2 || text.unclosed != NULL) fail_msg("%s", sql);
        assert_string_equal(sql + text.second, "SELECT ';'");
    }
}

static void expect_table(const char *sql, const char *table)
{
    struct sql_text_place place;
    if (!sql_text_find_whole_table(sql, strlen(sql), &place)) {
        if (table != NULL) fail_msg("%s: no table", sql);
        return;
    }
    if (table == NULL)
        fail_msg("%s: %.*s", sql, (int)(place.end - place.begin), sql + place.begin);
    assert_int_equal(place.end - place.begin, strlen(table));
    assert_memory_equal(sql + place.begin, table, place.end - place.begin);
}

/* Words, names and strings, and single characters; nothing of comments. */
static void test_tokens(void **state)
{
    static const char sql[] = "SELECT a.\"b c\", 'd''e' -- f\n, [g h], 1.5 /* i */ FROM $$j$$;";
    static const char kinds[] = "WWSQSQSQSSWQS";
    static const char *const texts[] = {"SELECT", "a", ".",   "\"b c\"", ",",     "'d''e'", ",",
                                        "[g h]",  ",", "1.5", "FROM",    "$$j$$", ";"};
    struct arena arena = {0};
    size_t count = 0;
    (void)state;
    struct sql_token *tokens = sql_text_tokens(sql, strlen(sql), &arena, &count);
    assert_non_null(tokens);
    assert_int_equal(count, sizeof texts / sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(" WQS"[tokens[i].kind], kinds[i]);
        assert_int_equal(tokens[i].end - tokens[i].begin, strlen(texts[i]));
        assert_memory_equal(sql + tokens[i].begin, texts[i], strlen(texts[i]));
    }
    assert_int_equal(tokens[count].kind, SQL_TOKEN_END);
    assert_non_null(sql_text_tokens("", 0, &arena, &count));
    assert_int_equal(count, 0);
    arena_release(&arena);
}

static void test_whole_table(void **state)
{
    (void)state;
    expect_table("SELECT a, b FROM t", "t");
    expect_table(" select all a from t; -- WHERE", "t");
    expect_table("SELECT (SELECT x FROM u WHERE y) FROM \"a \"\"t\"\"\"", "\"a \"\"t\"\"\"");
    expect_table("SELECT a FROM t AS u", "t");
    expect_table("SELECT a FROM [t x] u ORDER BY b, (SELECT 1 LIMIT 1) DESC", "[t x]");

    expect_table("", NULL);
    expect_table("SELECT 1", NULL);
    expect_table("SELECT DISTINCT a FROM t", NULL);
    expect_table("SELECT a FROM t WHERE b", NULL);
    expect_table("SELECT a FROM t AS u WHERE b", NULL);
    expect_table("SELECT a FROM s.t", NULL);
    expect_table("SELECT a FROM f(1)", NULL);
    expect_table("SELECT a FROM (SELECT 1)", NULL);
    expect_table("SELECT a FROM t, u", NULL);
    expect_table("SELECT a FROM t NATURAL JOIN u", NULL);
    expect_table("SELECT a FROM t LIMIT 1", NULL);
    expect_table("SELECT a FROM t ORDER BY b LIMIT 1", NULL);
    expect_table("SELECT a FROM t UNION SELECT 1 ORDER BY 1", NULL);
    expect_table("TABLE t", NULL);
    expect_table("WITH t AS (SELECT 1) SELECT * FROM t", NULL);
}

/* Any bytes: nothing is read past the end, and the places are in order. */
static void test_any_bytes(void **state)
{
    (void)state;
    static const char letters[] = "a;'\"`[]$()/*-\\\nE1 \xc3";
    uint32_t seed = 9;
    for (int round = 0; round < 100000; round++) {
        char sql[16];
        size_t length = (size_t)round % sizeof sql;
        for (size_t i = 0; i < length; i++) {
            seed = seed * 1664525 + 1013904223;
            sql[i] = letters[(seed >> 16) % (sizeof letters - 1)];
        }
        struct sql_text text = sql_text_scan(sql, length);
        assert_true(text.begin <= text.end && text.end <= length);
        assert_true(text.statements < 2 || (text.second > text.begin && text.second < length));
        assert_true(sql_text_find(sql, length, "a", "a") < (long)length);
        struct sql_text_place place;
        assert_false(sql_text_find_whole_table(sql, length, &place));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_statement), cmocka_unit_test(test_several_statements),
        cmocka_unit_test(test_no_statement),  cmocka_unit_test(test_unclosed),
        cmocka_unit_test(test_keyword),       cmocka_unit_test(test_find),
        cmocka_unit_test(test_tokens),        cmocka_unit_test(test_whole_table),
        cmocka_unit_test(test_mixed),         cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
