/*
 * Looking at queries and statements before they are run.
 *
 * Whether something may be read is not worked out from grants but tried: it is described, in a
 * transaction that can only read. A statement that writes is planned only. DDL cannot be
 * planned, so that nothing of it is known beforehand. Nor is it tried whether a database can be
 * written: what would be written is not ours to take back.
 */
#include "db_look.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "buffer.h"
#include "db.h"
#include "error.h"
#include "sql_text.h"

/* Who merely looks does not queue behind an ALTER TABLE. */
static int begin_impatiently(struct db *db, struct error *err)
{
    if (db_begin(db, DB_READ, err) != 0) return -1;
    if (db_dialect(db) == DB_SQLITE) return 0;
    return db_execute(db, "SET LOCAL lock_timeout = '2s'", NULL, 0, NULL, err);
}

/* Describe query, with a setting (NULL: none) for this transaction. */
static int describe(struct db *db, const char *query, const char *setting, struct error *err)
{
    struct arena arena = {0};
    struct columns columns = {0};
    int result = begin_impatiently(db, err);
    if (result == 0 && setting != NULL) result = db_execute(db, setting, NULL, 0, NULL, err);
    if (result == 0) result = db_describe(db, query, &arena, &columns, err);
    db_rollback(db);
    arena_release(&arena);
    return result;
}

int db_look_query(struct db *db, const char *query, struct error *err)
{
    return describe(db, query, NULL, err);
}

int db_look_query_unfiltered(struct db *db, const char *query, struct error *err)
{
    if (db_dialect(db) == DB_SQLITE) return 0;
    return describe(db, query, "SET LOCAL row_security = off", err);
}

bool db_look_can_plan(const char *sql)
{
    static const char *const words[] = {"SELECT", "INSERT",  "UPDATE", "DELETE",
                                        "MERGE",  "REPLACE", "WITH",   "VALUES"};
    const struct sql_text text = sql_text_scan(sql, strlen(sql));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text.keyword, words[i]) == 0) return true;
    return false;
}

/* Ask for the plan, and pass over it. */
static int explain(struct db *db, const char *explain, struct error *err)
{
    struct db_rows *rows = NULL;
    struct row row = {0};
    enum db_next next = DB_ROW;
    if (db_query(db, explain, NULL, 0, &rows, err) != 0) return -1;
    while (next == DB_ROW) next = db_rows_next(rows, true, &row, err);
    db_rows_close(rows);
    return next == DB_END ? 0 : -1;
}

int db_look_statement(struct db *db, const char *sql, struct error *err)
{
    struct buffer text = {0};
    int result = -1;
    buffer_append_format(&text, "EXPLAIN %s", sql);
    if (buffer_text(&text) == NULL)
        (void)error_memory(err);
    else if (begin_impatiently(db, err) == 0)
        result = explain(db, text.bytes, err);
    db_rollback(db);
    buffer_release(&text);
    return result;
}

const char *db_look_unwritable_file(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *directory = slash == NULL   ? "."
                            : slash == path ? "/"
                                            : arena_copy(arena, path, (size_t)(slash - path));
    const char *lock = arena_format(arena, "%s-redferry.lock", path);
    if (directory == NULL || lock == NULL) return NULL;
    if (access(path, W_OK) != 0)
        return arena_format(arena, "the file '%s' (%s)", path, strerror(errno));
    if (access(directory, W_OK | X_OK) != 0)
        return arena_format(arena, "its directory '%s', where SQLite's journal belongs (%s)",
                            directory, strerror(errno));
    if (access(lock, F_OK) == 0 && access(lock, R_OK | W_OK) != 0)
        return arena_format(arena, "the lock file '%s' (%s)", lock, strerror(errno));
    return NULL;
}

static int judge_file(const struct db *db, struct error *err)
{
    struct arena arena = {0};
    const char *what = db_look_unwritable_file(&arena, db_path(db));
    const int result =
        what != NULL ? error_set(err, ERROR_OPERATOR, "%s may not be written", what) : 0;
    arena_release(&arena);
    return result;
}

static bool is_true(const struct value *value)
{
    return value->length > 0 && value->bytes[0] == 't';
}

static int take_readiness(void *context, size_t query, const struct row *row, struct error *err)
{
    (void)context;
    (void)query;
    if (is_true(&row->values[0]))
        return error_set(err, ERROR_OPERATOR, "it is a standby, in recovery, and only reads");
    if (is_true(&row->values[1]))
        return error_set(err, ERROR_OPERATOR,
                         "transactions there only read (default_transaction_read_only)");
    return 0;
}

int db_look_writable(struct db *db, struct error *err)
{
    const char *query = "SELECT pg_catalog.pg_is_in_recovery(), "
                        "pg_catalog.current_setting('default_transaction_read_only') = 'on'";
    const struct db_questions question = {
        .queries = &query, .count = 1, .take = take_readiness};
    return db_dialect(db) == DB_SQLITE ? judge_file(db, err) : db_ask(db, &question, err);
}
