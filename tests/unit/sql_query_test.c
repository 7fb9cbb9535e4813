/* What a query's words tell: columns, rows, order, and where they tell nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "alloc_fail.h"
#include "arena.h"
#include "sql_query.h"

static struct sql_query look(struct arena *arena, const char *sql)
{
    struct sql_query query;
    if (sql_query_read(&query, sql, arena) != 0) fail_msg("no memory for: %s", sql);
    return query;
}

static void test_columns(void **state)
{
    static const struct {
        const char *sql;
        const char *columns; /* with a blank behind each; NULL: they are not known */
    } cases[] = {
        {"SELECT id, t.name, price AS cost, \"Odd one\" FROM t", "id name cost Odd one "},
        {"SELECT DISTINCT ON (a, b) c, count(*) total FROM t", "c total "},
        {"WITH w AS (SELECT x FROM y) SELECT z FROM w", "z "},
        {"SELECT (SELECT max(a) FROM b) AS most FROM t -- , c", "most "},
        {"SELECT a IS DISTINCT FROM b AS differs FROM t", "differs "},
        {"SELECT * FROM t", NULL},
        {"SELECT a, lower(b) FROM t", NULL},
        {"VALUES (1)", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        char columns[100] = "";
        const struct sql_query query = look(&arena, cases[i].sql);
        assert_int_equal(query.knows_columns, cases[i].columns != NULL);
        for (size_t j = 0; query.knows_columns && j < query.column_count; j++) {
            strcat(columns, query.columns[j]);
            strcat(columns, " ");
            assert_true(sql_query_has(&query, query.columns[j]));
        }
        assert_string_equal(columns, cases[i].columns != NULL ? cases[i].columns : "");
        assert_false(sql_query_has(&query, "nowhere"));
        arena_release(&arena);
    }
}

static void test_rows(void **state)
{
    static const struct {
        const char *sql;
        bool is_one_row, is_cut, is_ordered;
    } cases[] = {
        {"SELECT a FROM t", false, false, false},
        {"SELECT count(*) FROM t", true, false, false},
        {"SELECT count(*) FROM t GROUP BY a", false, false, false},
        {"SELECT sum(a) OVER () FROM t", false, false, false},
        {"SELECT max(a) FROM t", true, false, false},
        {"SELECT max(a, b) FROM t", false, false, false},
        {"SELECT 1", true, false, false},
        {"SELECT unnest(a)", false, false, false},
        {"SELECT a FROM t ORDER BY b LIMIT 1", true, true, true},
        {"SELECT a FROM t LIMIT 10", false, true, false},
        {"SELECT a FROM (SELECT b FROM t ORDER BY c LIMIT 1) s", false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        const struct sql_query query = look(&arena, cases[i].sql);
        if (query.is_one_row != cases[i].is_one_row || query.is_cut != cases[i].is_cut ||
            query.is_ordered != cases[i].is_ordered)
            fail_msg("%s", cases[i].sql);
        arena_release(&arena);
    }
}

static void test_order_and_constants(void **state)
{
    static const char *const key[] = {"a", "b"};
    struct arena arena = {0};
    struct sql_query query = look(&arena, "SELECT a, b FROM t ORDER BY t.a ASC, 2");
    (void)state;
    assert_false(sql_query_contradicts(&query, key, 2, &arena));
    assert_true(sql_query_contradicts(&query, key, 1, &arena));
    query = look(&arena, "SELECT a, b FROM t ORDER BY a DESC");
    assert_true(sql_query_contradicts(&query, key, 1, &arena));
    query = look(&arena, "SELECT a, b FROM t ORDER BY b LIMIT 3");
    assert_false(sql_query_contradicts(&query, key, 1, &arena));

    query = look(&arena, "SELECT a FROM t WHERE t.id = 7 AND name = 'x' AND b = c");
    assert_true(sql_query_pins(&query, "ID"));
    assert_true(sql_query_pins(&query, "name"));
    assert_true(sql_query_pins(&query, NULL));
    assert_false(sql_query_pins(&query, "b"));
    query = look(&arena, "SELECT a FROM t WHERE id = 7 OR id = 8");
    assert_false(sql_query_pins(&query, "id"));
    arena_release(&arena);
}

static void test_memory_runs_out(void **state)
{
    struct arena arena = {0};
    struct sql_query query;
    (void)state;
    alloc_fail_at(1, true);
    assert_int_equal(sql_query_read(&query, "SELECT a FROM t", &arena), -1);
    alloc_fail_never();
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_order_and_constants),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
