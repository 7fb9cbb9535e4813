/*
 * The three tables themselves: whether they are there, are ours, may be used, and how they are
 * made.
 *
 * Looking comes before making, so that a role without CREATE can use tables that exist, and so
 * that nothing is ever put into another tool's table. What is asked on every deploy is one
 * small question (locate.sql); the dear ones, columns and privileges, are asked before the
 * tables are made and after something failed, to say why. An existing table is never altered or
 * dropped.
 */
#include "ledger_tables.h"

#include <string.h>

#include "crash.h"
#include "db.h"
#include "error.h"
#include "ledger_privileges.h"
#include "number.h"

enum { MOST_COLUMNS = 32, MOST_CREATIONS = 3 };

/* The columns of layout 1. A further layout adds columns or tables; it never changes what
 * version, name and checksum of data_migrations mean. */
static const char *const table_columns[LEDGER_TABLES][MOST_COLUMNS] = {
    [LEDGER_ENTRIES] = {"version", "name", "checksum", "run_id", "rows_read", "rows_changed",
                        "commands_sent", "messages_published", "redis", "applied_by",
                        "applied_at", "announced_at"},
    [LEDGER_RUNS] = {"id",         "version",      "name",          "direction",
                     "status",     "request",      "requested_by",  "requested_at",
                     "step",       "step_name",    "cursor",        "rows_total",
                     "rows_read",  "rows_changed", "commands_sent", "messages_published",
                     "redis",      "origin",       "error",         "operator",
                     "context",    "host",         "pid",           "tool_version",
                     "checksum",   "definition",   "started_at",    "updated_at",
                     "finished_at"},
    [LEDGER_ROW] = {"id", "layout", "created_at"},
};

/* The statements that make each table; a dialect has some of them. */
static const char *const creations[LEDGER_TABLES][MOST_CREATIONS] = {
    [LEDGER_ENTRIES] = {"create_data_migrations", "comment_data_migrations"},
    [LEDGER_RUNS] = {"create_data_migration_runs", "comment_data_migration_runs"},
    [LEDGER_ROW] = {"create_data_migration_ledger", "create_one_row_index",
                    "comment_data_migration_ledger"},
};

/* The name of table for people; the buffer's. */
static const char *table_text(const struct ledger *ledger, enum ledger_table table,
                              struct buffer *text)
{
    buffer_clear(text);
    ledger_sql_append_table(ledger, text, table);
    const char *name = buffer_text(text);
    return name != NULL ? name : ledger->tables[table];
}

/* SQLite's statements have no use for a schema, and so no parameter. */
void ledger_tables_add_schema(const struct ledger *ledger, struct ledger_statement *statement)
{
    if (ledger->dialect == DB_POSTGRESQL) ledger_sql_text(statement, ledger->schema);
}

/* ---- where they are -------------------------------------------------------------------- */

int ledger_tables_take_location(void *context, const struct row *row, struct error *err)
{
    struct ledger *ledger = context;
    const struct value *schema = &row->values[0];
    for (int table = 0; table < LEDGER_TABLES; table++)
        ledger->found[table] = ledger_sql_is_true(&row->values[1 + table]);
    if (ledger->located) return 0;

    if (schema->kind != VALUE_NULL) {
        ledger->schema = arena_copy(&ledger->arena, schema->bytes, schema->length);
        ledger->lock_name = arena_format(&ledger->arena, "%s.%s", ledger->schema,
                                         ledger->tables[LEDGER_ENTRIES]);
    } else {
        ledger->lock_name = arena_text(&ledger->arena, ledger->tables[LEDGER_ENTRIES]);
    }
    if (ledger->arena.failed) return error_memory(err);
    ledger->located = true;
    return 0;
}

int ledger_tables_locate(struct ledger *ledger, struct error *err)
{
    struct ledger_statement statement = {.name = "locate"};
    ledger_tables_add_schema(ledger, &statement);
    return ledger_sql_each(ledger, &statement, ledger_tables_take_location, ledger, err);
}

/* ---- the one row ----------------------------------------------------------------------- */

int ledger_tables_take_row(void *context, const struct row *row, struct error *err)
{
    struct ledger_row *found = context;
    const struct value *id = &row->values[0];
    const struct value *layout = &row->values[1];
    const char *text = arena_copy(found->arena, layout->bytes, layout->length);
    found->id = arena_copy(found->arena, id->bytes, id->length);
    if (found->id == NULL || text == NULL) return error_memory(err);
    if (number_parse(text, layout->length, 1, INT64_MAX, &found->layout) == 0) return 0;
    return ledger_tables_foreign(found->ledger, LEDGER_ROW, "layout", text, err);
}

int ledger_tables_row(struct ledger *ledger, const char *name, struct arena *arena,
                      int64_t *layout, const char **id, struct error *err)
{
    struct ledger_statement statement = {.name = name};
    struct ledger_row found = {.ledger = ledger, .arena = arena};
    if (ledger_sql_each(ledger, &statement, ledger_tables_take_row, &found, err) != 0)
        return -1;
    *layout = found.layout;
    *id = found.id;
    return 0;
}

int ledger_tables_check_layout(const struct ledger *ledger, int64_t layout, struct error *err)
{
    if (layout <= LEDGER_LAYOUT) return 0;
    struct buffer name = {0};
    (void)error_set(
        err, ERROR_OPERATOR,
        "the ledger '%s' has layout %lld, and redferry %s writes layout %d: it takes "
        "a newer redferry than %s, one that knows layout %lld",
        table_text(ledger, LEDGER_ENTRIES, &name), (long long)layout,
        ledger->author.tool_version, LEDGER_LAYOUT, ledger->author.tool_version,
        (long long)layout);
    buffer_release(&name);
    return -1;
}

/* ---- whether they are ours ------------------------------------------------------------- */

struct seen_columns {
    bool seen[LEDGER_TABLES][MOST_COLUMNS];
};

static int take_column(void *context, const struct row *row, struct error *err)
{
    struct seen_columns *columns = context;
    const struct value *name = &row->values[1];
    enum ledger_table table = LEDGER_ENTRIES;
    if (ledger_sql_table(&row->values[0], &table, err) != 0) return -1;
    for (int i = 0; i < MOST_COLUMNS && table_columns[table][i] != NULL; i++) {
        const char *wanted = table_columns[table][i];
        if (strlen(wanted) == name->length && memcmp(wanted, name->bytes, name->length) == 0)
            columns->seen[table][i] = true;
    }
    return 0;
}

/* Append the names of table's missing columns, and return how many they are. */
static int append_missing(const struct seen_columns *columns, int table, struct buffer *names)
{
    int missing = 0;
    for (int i = 0; i < MOST_COLUMNS && table_columns[table][i] != NULL; i++) {
        if (columns->seen[table][i]) continue;
        buffer_append_format(names, "%s'%s'", missing++ > 0 ? ", " : "",
                             table_columns[table][i]);
    }
    return missing;
}

int ledger_tables_check_columns(struct ledger *ledger, struct error *err)
{
    struct ledger_statement statement = {.name = "columns"};
    struct seen_columns columns = {0};
    struct buffer names = {0}, table_name = {0};
    int result = -1;

    ledger_tables_add_schema(ledger, &statement);
    if (ledger_sql_each(ledger, &statement, take_column, &columns, err) != 0) goto done;
    for (int table = 0; table < LEDGER_TABLES; table++) {
        buffer_clear(&names);
        if (!ledger->found[table] || append_missing(&columns, table, &names) == 0) continue;
        const char *missing = buffer_text(&names);
        (void)error_set(
            err, ERROR_OPERATOR,
            "the table '%s' is not redferry's, it has no column %s: keep the ledger "
            "in tables of another name with --ledger-table NAME",
            table_text(ledger, (enum ledger_table)table, &table_name),
            missing != NULL ? missing : "of its");
        goto done;
    }
    result = 0;
done:
    buffer_release(&names);
    buffer_release(&table_name);
    return result;
}

int ledger_tables_foreign(const struct ledger *ledger, enum ledger_table table,
                          const char *column, const char *text, struct error *err)
{
    struct buffer name = {0};
    (void)error_set(
        err, ERROR_OPERATOR,
        "the column '%s' of the table '%s' holds '%s', which redferry never writes: "
        "where the table is another tool's, keep the ledger in tables of another "
        "name with --ledger-table NAME",
        column, table_text(ledger, table, &name), text);
    buffer_release(&name);
    return -1;
}

static int explain(struct ledger *ledger, enum ledger_need need, struct error *err)
{
    struct error cause = {0};
    db_rollback(ledger->db);
    if (err->code != ERROR_FAILED || err->passing) return -1;

    if (db_begin(ledger->db, DB_READ, &cause) == 0 &&
        ledger_privileges_check(ledger, need, false, &cause) == 0)
        (void)ledger_tables_check_columns(ledger, &cause);
    db_rollback(ledger->db);
    if (cause.code == ERROR_OPERATOR) *err = cause;
    return -1;
}

int ledger_tables_explain(struct ledger *ledger, struct error *err)
{
    return explain(ledger, LEDGER_TO_READ, err);
}

int ledger_tables_explain_asking(struct ledger *ledger, struct error *err)
{
    return explain(ledger, LEDGER_TO_ASK, err);
}

/* ---- making them ----------------------------------------------------------------------- */

static int take_existence(void *context, const struct row *row, struct error *err)
{
    (void)row;
    (void)err;
    *(bool *)context = true;
    return 0;
}

/* Entries that got lost while the history stayed: made anew, everything would run again. */
int ledger_tables_check_entries(struct ledger *ledger, struct error *err)
{
    struct ledger_statement statement = {.name = "has_succeeded"};
    struct buffer entries = {0}, runs = {0};
    bool lost = false;
    if (ledger->found[LEDGER_ENTRIES] || !ledger->found[LEDGER_RUNS]) return 0;
    if (ledger_sql_each(ledger, &statement, take_existence, &lost, err) != 0) return -1;
    if (!lost) return 0;
    (void)error_set(err, ERROR_OPERATOR,
                    "the table '%s' is gone, and '%s' knows of migrations that were applied: "
                    "restore it, or everything would run again; where that is meant, drop '%s' "
                    "as well",
                    table_text(ledger, LEDGER_ENTRIES, &entries),
                    table_text(ledger, LEDGER_RUNS, &runs),
                    table_text(ledger, LEDGER_RUNS, &runs));
    buffer_release(&entries);
    buffer_release(&runs);
    return -1;
}

/* What is there must be ours, of a layout that we know, and usable. *layout stays 0 where the
 * row is not filled yet. */
static int check_existing(struct ledger *ledger, struct arena *arena, int64_t *layout,
                          const char **id, struct error *err)
{
    bool creates = false;
    for (int table = 0; table < LEDGER_TABLES; table++) creates |= !ledger->found[table];

    if (ledger->found[LEDGER_ROW] &&
        (ledger_tables_row(ledger, "read_layout", arena, layout, id, err) != 0 ||
         ledger_tables_check_layout(ledger, *layout, err) != 0))
        return -1;
    if (ledger_tables_check_columns(ledger, err) != 0) return -1;
    if (ledger_privileges_check(ledger, *layout == 0 ? LEDGER_TO_FILL : LEDGER_TO_WRITE,
                                creates, err) != 0)
        return -1;
    return ledger_tables_check_entries(ledger, err);
}

static int create_absent(struct ledger *ledger, struct error *err)
{
    for (int table = 0; table < LEDGER_TABLES; table++) {
        for (int i = 0; !ledger->found[table] && i < MOST_CREATIONS; i++) {
            struct ledger_statement statement = {.name = creations[table][i]};
            if (statement.name == NULL || !ledger_sql_knows(ledger, statement.name)) continue;
            if (ledger_sql_execute(ledger, &statement, NULL, err) != 0) return -1;
        }
    }
    return 0;
}

static int fill(struct ledger *ledger, struct arena *arena, const char **id, struct error *err)
{
    struct ledger_statement statement = {.name = "fill_ledger"};
    int64_t layout = 0;
    if (ledger_sql_execute(ledger, &statement, NULL, err) != 0) return -1;
    if (ledger_tables_row(ledger, "read_layout", arena, &layout, id, err) != 0) return -1;
    if (*id == NULL)
        return error_set(err, ERROR_OPERATOR, "the ledger's row was written and is not there");
    crash_point("tables filled");
    return ledger_tables_check_layout(ledger, layout, err);
}

int ledger_tables_ensure(struct ledger *ledger, struct arena *arena, const char **id,
                         struct error *err)
{
    int64_t layout = 0;
    *id = NULL;
    if (db_begin(ledger->db, DB_WRITE, err) != 0) return -1;
    if (ledger_tables_locate(ledger, err) == 0 &&
        check_existing(ledger, arena, &layout, id, err) == 0 &&
        create_absent(ledger, err) == 0 && (layout != 0 || fill(ledger, arena, id, err) == 0) &&
        db_commit(ledger->db, err) == 0)
        return 0;
    return explain(ledger, LEDGER_TO_WRITE, err);
}

int ledger_tables_check(struct ledger *ledger, struct error *err)
{
    struct arena arena = {0};
    const char *id = NULL;
    int64_t layout = 0;
    int result = -1;
    if (db_begin(ledger->db, DB_READ, err) == 0 && ledger_tables_locate(ledger, err) == 0 &&
        check_existing(ledger, &arena, &layout, &id, err) == 0)
        result = 0;
    db_rollback(ledger->db);
    if (result != 0) (void)explain(ledger, LEDGER_TO_WRITE, err);
    arena_release(&arena);
    return result;
}

const char *ledger_tables_creation_sql(struct ledger *ledger, struct arena *arena)
{
    struct buffer text = {0};
    for (int table = 0; table < LEDGER_TABLES; table++) {
        for (int i = 0; i < MOST_CREATIONS && creations[table][i] != NULL; i++) {
            if (!ledger_sql_knows(ledger, creations[table][i])) continue;
            ledger_sql_append(ledger, &text, creations[table][i]);
            buffer_append_text(&text, "\n\n");
        }
    }
    ledger_sql_append(ledger, &text, "fill_ledger");
    buffer_append_text(&text, "\n");
    const char *copy =
        buffer_text(&text) != NULL ? arena_copy(arena, text.bytes, text.length) : NULL;
    buffer_release(&text);
    return copy;
}
