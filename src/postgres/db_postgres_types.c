/*
 * PostgreSQL's types: which kind of value each one is, how its text is spelled, and whether
 * equal values always have equal bytes; and so, what the columns of a query are.
 *
 * The common built-in types are a table, so that most queries cost no question. Others are
 * looked up in pg_type, only for their name: they are text as it stands. A domain never shows
 * here, since the server describes a column of a domain by the type beneath.
 */
#include "db_postgres_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "buffer.h"
#include "error.h"

/* Whether equality and byte equality are the same thing. */
enum plainness {
    NEVER,
    ALWAYS,
    COLLATED /* unless some collation calls different texts equal */
};

struct type {
    Oid oid;
    const char *name; /* as format_type() has it: good for a cast */
    enum value_kind kind;
    enum db_postgres_form form;
    enum plainness plain;
};

/* By oid, which are fixed for good. */
static const struct type types[] = {
    {16, "boolean", VALUE_BOOLEAN, FORM_BOOLEAN, ALWAYS},
    {17, "bytea", VALUE_BYTES, FORM_BYTES, ALWAYS},
    {18, "\"char\"", VALUE_TEXT, FORM_AS_IT_STANDS, ALWAYS},
    {19, "name", VALUE_TEXT, FORM_AS_IT_STANDS, COLLATED},
    {20, "bigint", VALUE_INTEGER, FORM_AS_IT_STANDS, ALWAYS},
    {21, "smallint", VALUE_INTEGER, FORM_AS_IT_STANDS, ALWAYS},
    {23, "integer", VALUE_INTEGER, FORM_AS_IT_STANDS, ALWAYS},
    {25, "text", VALUE_TEXT, FORM_AS_IT_STANDS, COLLATED},
    {26, "oid", VALUE_INTEGER, FORM_AS_IT_STANDS, ALWAYS},
    {114, "json", VALUE_JSON, FORM_AS_IT_STANDS, NEVER},
    {700, "real", VALUE_FLOAT, FORM_AS_IT_STANDS, NEVER},
    {701, "double precision", VALUE_FLOAT, FORM_AS_IT_STANDS, NEVER},
    {1042, "bpchar", VALUE_TEXT, FORM_AS_IT_STANDS, NEVER},
    {1043, "character varying", VALUE_TEXT, FORM_AS_IT_STANDS, COLLATED},
    {1082, "date", VALUE_TEXT, FORM_AS_IT_STANDS, ALWAYS},
    {1083, "time without time zone", VALUE_TEXT, FORM_AS_IT_STANDS, ALWAYS},
    {1114, "timestamp without time zone", VALUE_TEXT, FORM_TIMESTAMP, ALWAYS},
    {1184, "timestamp with time zone", VALUE_TEXT, FORM_TIMESTAMPTZ, ALWAYS},
    {1186, "interval", VALUE_TEXT, FORM_AS_IT_STANDS, NEVER},
    {1266, "time with time zone", VALUE_TEXT, FORM_AS_IT_STANDS, NEVER},
    {1700, "numeric", VALUE_NUMERIC, FORM_AS_IT_STANDS, NEVER},
    {2950, "uuid", VALUE_TEXT, FORM_AS_IT_STANDS, ALWAYS},
    {3802, "jsonb", VALUE_JSON, FORM_AS_IT_STANDS, NEVER},
};

static int compare_oid(const void *key, const void *item)
{
    Oid oid = *(const Oid *)key;
    Oid other = ((const struct type *)item)->oid;
    return (oid > other) - (oid < other);
}

static const struct type *find(Oid oid)
{
    return bsearch(&oid, types, sizeof types / sizeof *types, sizeof *types, compare_oid);
}

enum value_kind db_postgres_types_kind(Oid oid, enum db_postgres_form *form)
{
    const struct type *type = find(oid);
    *form = type == NULL ? FORM_AS_IT_STANDS : type->form;
    return type == NULL ? VALUE_TEXT : type->kind;
}

enum db_postgres_form db_postgres_types_form(const struct column *column)
{
    if (column->kind == VALUE_BOOLEAN) return FORM_BOOLEAN;
    if (column->kind == VALUE_BYTES) return FORM_BYTES;
    if (strcmp(column->type, "timestamp without time zone") == 0) return FORM_TIMESTAMP;
    if (strcmp(column->type, "timestamp with time zone") == 0) return FORM_TIMESTAMPTZ;
    return FORM_AS_IT_STANDS;
}

/* Run one question whose only parameter, if any, is an oid. */
static int ask(struct postgres *pg, const char *sql, const char *oid, PGresult **answer,
               struct error *err)
{
    int sent = PQsendQueryParams(pg->connection, sql, oid != NULL, NULL, &oid, NULL, NULL, 0);
    if (db_postgres_wire_send(pg, sent, err) != 0) return -1;
    return db_postgres_wire_collect(pg, NULL, answer, err);
}

/* The type modifier -1 keeps a cast from cutting anything off: bpchar, not character(1). Labels
 * of one enum are equal where they are the same. */
static int look_up(struct postgres *pg, Oid oid, struct arena *arena, struct type *type,
                   struct error *err)
{
    static const char sql[] = "SELECT pg_catalog.format_type(oid, -1), typtype = 'e' "
                              "FROM pg_catalog.pg_type WHERE oid = $1::pg_catalog.oid";
    PGresult *answer = NULL;
    char number[16];
    (void)snprintf(number, sizeof number, "%u", oid);
    if (ask(pg, sql, number, &answer, err) != 0) return -1;

    *type = (struct type){.oid = oid, .name = "", .kind = VALUE_TEXT, .plain = NEVER};
    if (PQntuples(answer) == 1) {
        type->name = arena_text(arena, PQgetvalue(answer, 0, 0));
        type->plain = *PQgetvalue(answer, 0, 1) == 't' ? ALWAYS : NEVER;
    }
    PQclear(answer);
    return type->name == NULL ? error_memory(err) : 0;
}

/* Which collation a column has is not told; so any that calls different texts equal counts. */
static int ask_collations(struct postgres *pg, struct error *err)
{
    static const char sql[] = "SELECT EXISTS (SELECT FROM pg_catalog.pg_collation "
                              "WHERE NOT collisdeterministic)";
    PGresult *answer = NULL;
    pg->odd_collations = 0;
    if (PQserverVersion(pg->connection) < 120000) return 0;
    if (ask(pg, sql, NULL, &answer, err) != 0) {
        pg->odd_collations = -1;
        return -1;
    }
    pg->odd_collations = *PQgetvalue(answer, 0, 0) == 't';
    PQclear(answer);
    return 0;
}

static int describe(struct postgres *pg, Oid oid, struct arena *arena, struct column *column,
                    struct error *err)
{
    struct type looked_up;
    const struct type *type = find(oid);
    if (type == NULL) {
        if (look_up(pg, oid, arena, &looked_up, err) != 0) return -1;
        type = &looked_up;
    }
    if (type->plain == COLLATED && pg->odd_collations < 0 && ask_collations(pg, err) != 0)
        return -1;
    column->kind = type->kind;
    column->type = type->name;
    column->plain =
        type->plain == ALWAYS || (type->plain == COLLATED && pg->odd_collations == 0);
    return 0;
}

static int describe_columns(struct postgres *pg, const PGresult *description,
                            struct arena *arena, struct columns *columns, struct error *err)
{
    size_t count = (size_t)PQnfields(description);
    struct column *items = arena_array(arena, count == 0 ? 1 : count, sizeof *items);
    if (items == NULL) return error_memory(err);

    for (size_t i = 0; i < count; i++) {
        items[i].name = arena_text(arena, PQfname(description, (int)i));
        if (items[i].name == NULL) return error_memory(err);
        if (describe(pg, PQftype(description, (int)i), arena, &items[i], err) != 0) return -1;
    }
    *columns = (struct columns){.items = items, .count = count};
    return 0;
}

/* Let the server parse sql and describe its columns, without running it. Complaints say where
 * in shown; NULL: nowhere. */
static int prepare(struct postgres *pg, const char *sql, const char *shown,
                   PGresult **description, struct error *err)
{
    if (db_postgres_wire_send(pg, PQsendPrepare(pg->connection, "", sql, 0, NULL), err) != 0 ||
        db_postgres_wire_collect(pg, shown, NULL, err) != 0)
        return -1;
    if (description == NULL) return 0;
    if (db_postgres_wire_send(pg, PQsendDescribePrepared(pg->connection, ""), err) != 0)
        return -1;
    return db_postgres_wire_collect(pg, NULL, description, err);
}

/* Inside another query nothing that writes may stand, and what parses there only reads. */
static int check_reads_only(struct postgres *pg, const char *query, struct error *err)
{
    struct buffer sql = {0};
    int status = -1;
    buffer_append_format(&sql, "SELECT FROM (\n%s\n) AS redferry_source", query);
    if (buffer_text(&sql) == NULL)
        error_memory(err);
    else
        status = prepare(pg, sql.bytes, NULL, NULL, err);
    if (status != 0 && err->code == ERROR_FAILED) error_prefix(err, "`read` may only read: ");
    buffer_release(&sql);
    return status;
}

int db_postgres_types_describe(struct postgres *pg, const char *query, struct arena *arena,
                               struct columns *columns, struct error *err)
{
    PGresult *description = NULL;
    int status = prepare(pg, query, query, &description, err);
    if (status == 0 && PQnparams(description) > 0)
        status = error_set(err, ERROR_FAILED,
                           "the query has a parameter ($1), and nothing is "
                           "given for it");
    if (status == 0 && PQnfields(description) == 0)
        status = error_set(err, ERROR_FAILED, "the query gives no columns");
    if (status == 0) status = describe_columns(pg, description, arena, columns, err);
    if (status == 0) status = check_reads_only(pg, query, err);
    PQclear(description);
    return status;
}
