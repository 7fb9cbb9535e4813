/*
 * What PostgreSQL's planner expects of a query: how many rows, and whether an index serves its
 * order.
 *
 * The query is planned twice and never run. Once as it would be, for the rows. Once with
 * sorting made dear: a sort can be cheaper than an index that is there, and what counts is
 * whether it can be avoided. Only sorts on the way that the rows take to the top say something
 * of their order; one in a subquery of the SELECT list, or on the inner side of a join, does
 * not. How good the statistics are is not judged here.
 */
#include "db_postgres_explain.h"

#include <jansson.h>
#include <string.h>

#include "buffer.h"
#include "error.h"

enum { EXPLAINED, EXPLAINED_WITHOUT_SORTING, EXPLANATIONS };

enum { SINCE_INCREMENTAL_SORT = 130000 };

static bool text_is(const json_t *node, const char *name, const char *text)
{
    const char *found = json_string_value(json_object_get(node, name));
    return found != NULL && strcmp(found, text) == 0;
}

/* Whether a node's rows, and their order, come from this child. */
static bool gives_rows(const json_t *child)
{
    static const char relationship[] = "Parent Relationship";
    return text_is(child, relationship, "Outer") || text_is(child, relationship, "Member") ||
           text_is(child, relationship, "Subquery");
}

static bool is_sorted(const json_t *node)
{
    size_t i;
    const json_t *child;
    if (text_is(node, "Node Type", "Sort") || text_is(node, "Node Type", "Incremental Sort"))
        return true;
    json_array_foreach(json_object_get(node, "Plans"), i, child)
    {
        if (gives_rows(child) && is_sorted(child)) return true;
    }
    return false;
}

/* Whether any table is read, one that an index could be made for. */
static bool reads_table(const json_t *node)
{
    size_t i;
    const json_t *child;
    if (json_object_get(node, "Relation Name") != NULL) return true;
    json_array_foreach(json_object_get(node, "Plans"), i, child)
    {
        if (reads_table(child)) return true;
    }
    return false;
}

/* Whether the planner knows of rows that there are none, and leaves out what they would be read
 * from: a partitioned table that has no partition yet, or WHERE false. */
static bool leaves_out(const json_t *node)
{
    size_t i;
    const json_t *child;
    if (text_is(node, "One-Time Filter", "false")) return true;
    json_array_foreach(json_object_get(node, "Plans"), i, child)
    {
        if (gives_rows(child) && leaves_out(child)) return true;
    }
    return false;
}

/* The top node of one explanation, a reference of the caller's; NULL with err. */
static json_t *top_of(const PGresult *answer, struct error *err)
{
    const char *text = PQntuples(answer) > 0 ? PQgetvalue(answer, 0, 0) : "";
    json_t *plans = json_loads(text, JSON_DECODE_INT_AS_REAL, NULL);
    json_t *top = json_object_get(json_array_get(plans, 0), "Plan");
    if (top == NULL)
        (void)error_set(err, ERROR_FAILED, "PostgreSQL explained the query in no form we know");
    json_incref(top);
    json_decref(plans);
    return top;
}

static int read_answers(PGresult *const *answers, struct db_forecast *out, struct error *err)
{
    json_t *plan = top_of(answers[EXPLAINED], err);
    json_t *unsorted = plan != NULL ? top_of(answers[EXPLAINED_WITHOUT_SORTING], err) : NULL;
    if (unsorted != NULL) {
        const double rows = json_number_value(json_object_get(plan, "Plan Rows"));
        out->rows = rows < 9e18 ? (int64_t)rows : INT64_MAX;
        const bool has_table = reads_table(unsorted);
        out->sorts = is_sorted(unsorted) && (has_table || !leaves_out(unsorted));
        out->made = out->sorts && !has_table;
    }
    const int result = unsorted != NULL ? 0 : -1;
    json_decref(unsorted);
    json_decref(plan);
    return result;
}

/* Both at once, in the transaction that is open and that ends with it. */
static int ask(struct postgres *pg, const char *query, PGresult **answers, struct error *err)
{
    struct buffer sql = {0};
    const bool is_new = PQserverVersion(pg->connection) >= SINCE_INCREMENTAL_SORT;
    int status = -1;
    buffer_append_format(&sql,
                         "EXPLAIN (FORMAT JSON) %s\n;\nSET LOCAL enable_sort = off;\n%s"
                         "EXPLAIN (FORMAT JSON) %s",
                         query, is_new ? "SET LOCAL enable_incremental_sort = off;\n" : "",
                         query);
    if (buffer_text(&sql) == NULL)
        error_memory(err);
    else if (db_postgres_wire_send(pg, PQsendQuery(pg->connection, sql.bytes), err) == 0)
        status = db_postgres_wire_collect_rows(pg, answers, EXPLANATIONS, err);
    buffer_release(&sql);
    return status;
}

int db_postgres_explain(struct db *db, const char *query, const struct value *parameters,
                        size_t count, struct db_forecast *out, struct error *err)
{
    PGresult *answers[EXPLANATIONS] = {NULL};
    (void)parameters; /* they are in the query's text, as COPY takes none */
    (void)count;
    *out = (struct db_forecast){.rows = -1};
    if (db_begin(db, DB_READ, err) != 0) return -1;
    int status = ask((struct postgres *)db, query, answers, err);
    if (status == 0) status = read_answers(answers, out, err);
    for (size_t i = 0; i < EXPLANATIONS; i++) PQclear(answers[i]);
    db_rollback(db);
    return status;
}
