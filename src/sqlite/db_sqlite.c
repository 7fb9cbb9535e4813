/*
 * The SQLite engine: opening, transactions, and waiting for others' locks.
 *
 * A file is never created, since a mistyped path would then be an empty database in which
 * nothing was ever applied. SQLite waits and computes inside its own calls; two callbacks let a
 * stop's grace end both. What lies on the disk, the lock file as well, is db_sqlite_file.c's.
 */
#include "db_sqlite_explain.h"
#include "db_sqlite_file.h"
#include "db_sqlite_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "clock.h"
#include "error.h"
#include "stop.h"
#include "url.h"

enum {
    BUSY_LIMIT_MS = 30000, /* how long another program may hold its lock */
    BUSY_SLEEP_MS = 5,
    STEPS_BETWEEN_LOOKS = 20000 /* of SQLite's machine, well below a millisecond */
};

/* ---- waiting and computing -------------------------------------------------------------- */

/* Whether the wait goes on; as db_watch's look(), 1 only where it looked up. */
static int look_up(struct sqlite *lite, int64_t now)
{
    const struct db_watch *watch = lite->db.watch;
    if (watch == NULL || now - lite->watched_ms < DB_WATCH_EVERY_MS) return 0;
    const int looked =
        watch->look(&lite->db, now - lite->busy_since_ms, watch->context, &lite->refusal);
    lite->watched_ms = clock_monotonic_ms();
    return looked;
}

static int on_busy(void *context, int tries)
{
    struct sqlite *lite = context;
    struct error ignored;
    int64_t now = clock_monotonic_ms();
    if (tries == 0) {
        lite->busy_since_ms = lite->watched_ms = now;
        error_clear(&lite->refusal); /* one that nobody was told */
    }
    const int looked = look_up(lite, now);
    if (looked < 0) return 0;
    if (looked == 1) lite->busy_until_ms = now + 2 * DB_WATCH_EVERY_MS;
    if (now - lite->busy_since_ms >= BUSY_LIMIT_MS && now >= lite->busy_until_ms) return 0;
    return stop_wait(lite->stop, NULL, 0, BUSY_SLEEP_MS, false, &ignored) == 0;
}

static int on_progress(void *context)
{
    return stop_overdue(((struct sqlite *)context)->stop);
}

/* ---- opening and closing ---------------------------------------------------------------- */

static void close_sqlite(struct db *db)
{
    struct sqlite *lite = (struct sqlite *)db;
    db_rollback(db);
    db_lock_release(db);
    (void)sqlite3_close_v2(lite->connection);
    free(lite->path);
    free(lite);
}

static int refuse_file(struct sqlite *lite, int code, struct error *err)
{
    const bool is_denied = (code & 0xff) == SQLITE_CANTOPEN &&
                           db_sqlite_file_is_read_only(lite) && db_sqlite_file_has_wal(lite);
    db_sqlite_rows_error(lite, NULL, err);
    if (is_denied || (code & 0xff) == SQLITE_READONLY)
        return error_set(err, ERROR_SQL_UNREACHABLE,
                         "cannot open '%s': in WAL mode SQLite writes beside the file even to "
                         "read it, and that is not permitted%s",
                         lite->path, db_sqlite_file_advice(lite));
    if (err->code == ERROR_FAILED && !err->passing)
        return error_set(err, ERROR_SQL_UNREACHABLE, "cannot open '%s': %s", lite->path,
                         sqlite3_errmsg(lite->connection));
    return -1;
}

static int open_file(struct sqlite *lite, struct error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(lite->path, &lite->connection, flags, NULL);
    if (lite->connection == NULL) return error_memory(err);
    if (code != SQLITE_OK) return refuse_file(lite, code, err);
    (void)sqlite3_extended_result_codes(lite->connection, 1);
    (void)sqlite3_busy_handler(lite->connection, on_busy, lite);
    sqlite3_progress_handler(lite->connection, STEPS_BETWEEN_LOOKS, on_progress, lite);
    return 0;
}

static int open_sqlite(struct db **out, const struct url *url, const struct stop *stop,
                       struct error *err)
{
    if (db_sqlite_file_check(url->path, err) != 0) return -1;

    struct sqlite *lite = calloc(1, sizeof *lite);
    if (lite == NULL) return error_memory(err);
    lite->db.ops = &db_sqlite_ops;
    lite->stop = stop;
    lite->lock = -1;
    (void)snprintf(lite->server, sizeof lite->server, "SQLite %s", sqlite3_libversion());
    lite->path = realpath(url->path, NULL);
    if (lite->path == NULL) {
        error_set(err, ERROR_SQL_UNREACHABLE, "cannot open '%s': %s", url->path,
                  strerror(errno));
        goto failed;
    }
    if (open_file(lite, err) != 0) goto failed;
    *out = &lite->db;
    return 0;

failed:
    close_sqlite(&lite->db);
    return -1;
}

/* Reading the schema is what tells whether the file is a database. It may have to wait for
 * another program, and so is not done before somebody can watch. */
static int connect_sqlite(struct db *db, struct error *err)
{
    struct sqlite *lite = (struct sqlite *)db;
    if (lite->is_open) return 0;
    const int code =
        sqlite3_exec(lite->connection, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL);
    if (code != SQLITE_OK) return refuse_file(lite, code, err);
    lite->is_open = true;
    return 0;
}

static void use_stop(struct db *db, const struct stop *stop)
{
    ((struct sqlite *)db)->stop = stop;
}

static const char *server(const struct db *db)
{
    return ((const struct sqlite *)db)->server;
}

static const char *file(const struct db *db)
{
    return ((const struct sqlite *)db)->path;
}

static int64_t backend(const struct db *db)
{
    (void)db;
    return 0;
}

/* ---- transactions ----------------------------------------------------------------------- */

static int run(struct sqlite *lite, const char *sql, struct error *err)
{
    if (sqlite3_exec(lite->connection, sql, NULL, NULL, NULL) == SQLITE_OK) return 0;
    return db_sqlite_rows_error(lite, NULL, err);
}

static void allow_writing(struct sqlite *lite)
{
    if (lite->reads_only) (void)run(lite, "PRAGMA query_only = 0", &(struct error){0});
    lite->reads_only = false;
}

static int begin(struct db *db, enum db_access access, struct error *err)
{
    struct sqlite *lite = (struct sqlite *)db;
    if (lite->in_transaction)
        return error_set(err, ERROR_FAILED, "a transaction is open already");
    if (access == DB_WRITE && sqlite3_db_readonly(lite->connection, "main") == 1)
        return error_set(err, ERROR_OPERATOR, "'%s' cannot be written: the file is read-only%s",
                         lite->path, db_sqlite_file_advice(lite));

    const char *sql =
        access == DB_READ ? "PRAGMA query_only = 1; BEGIN DEFERRED" : "BEGIN IMMEDIATE";
    lite->reads_only = access == DB_READ;
    lite->in_transaction = run(lite, sql, err) == 0;
    if (!lite->in_transaction) allow_writing(lite);
    return lite->in_transaction ? 0 : -1;
}

static void rollback(struct db *db)
{
    struct sqlite *lite = (struct sqlite *)db;
    if (!lite->in_transaction) return;
    /* Some errors have rolled it back already. */
    if (sqlite3_get_autocommit(lite->connection) == 0)
        (void)run(lite, "ROLLBACK", &(struct error){0});
    lite->in_transaction = false;
    allow_writing(lite);
}

static int commit(struct db *db, struct error *err)
{
    struct sqlite *lite = (struct sqlite *)db;
    if (lite->in_transaction && sqlite3_get_autocommit(lite->connection) == 0) {
        if (run(lite, "COMMIT", err) != 0) {
            rollback(db);
            return -1;
        }
        lite->in_transaction = false;
        allow_writing(lite);
        return 0;
    }
    rollback(db);
    return error_set(err, ERROR_FAILED, "the transaction had failed and was rolled back");
}

/* ---- statements ------------------------------------------------------------------------- */

static int execute(struct db *db, const char *sql, const struct value *parameters, size_t count,
                   int64_t *changed, struct error *err)
{
    struct sqlite *lite = (struct sqlite *)db;
    sqlite3_stmt *statement = NULL;
    int step;
    if (db_sqlite_rows_prepare(lite, sql, parameters, count, &statement, err) != 0) return -1;

    /* sqlite3_changes64() still tells of the statement before where this one changes no rows.
     */
    int64_t before = sqlite3_total_changes64(lite->connection);
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
    }
    int status = step == SQLITE_DONE ? 0 : db_sqlite_rows_error(lite, NULL, err);
    if (status == 0 && changed != NULL) {
        bool none = sqlite3_total_changes64(lite->connection) == before;
        *changed = none ? 0 : sqlite3_changes64(lite->connection);
    }
    sqlite3_finalize(statement);
    return status;
}

static int execute_alone(struct db *db, const char *sql, struct error *err)
{
    return run((struct sqlite *)db, sql, err);
}

static int query(struct db *db, const char *sql, const struct value *parameters, size_t count,
                 struct db_rows **out, struct error *err)
{
    struct sqlite *lite = (struct sqlite *)db;
    sqlite3_stmt *statement = NULL;
    if (db_sqlite_rows_prepare(lite, sql, parameters, count, &statement, err) != 0) return -1;
    return db_sqlite_rows_new(out, lite, statement, NULL, err);
}

static int ask_one(struct db *db, const struct db_questions *questions, size_t question,
                   struct error *err)
{
    struct db_rows *rows = NULL;
    struct row row = {0};
    enum db_next next = DB_END;
    const struct db_parameters none = {0};
    const struct db_parameters *parameters =
        questions->parameters != NULL ? &questions->parameters[question] : &none;
    if (query(db, questions->queries[question], parameters->values, parameters->count, &rows,
              err) != 0)
        return -1;
    while ((next = db_sqlite_rows_next(rows, true, &row, err)) == DB_ROW) {
        if (questions->take(questions->context, question, &row, err) == 0) continue;
        next = DB_FAILED;
        break;
    }
    db_sqlite_rows_close(rows);
    return next == DB_END ? 0 : -1;
}

/* There is no way to the server to be saved. */
static int ask(struct db *db, const struct db_questions *questions, struct error *err)
{
    int status = 0;
    if (begin(db, questions->access, err) != 0) return -1;
    for (size_t i = 0; i < questions->count && status == 0; i++)
        status = ask_one(db, questions, i, err);
    if (status == 0) return commit(db, err);
    rollback(db);
    return -1;
}

static int check_reads_only(sqlite3_stmt *statement, struct error *err)
{
    if (sqlite3_stmt_readonly(statement)) return 0;
    return error_set(err, ERROR_FAILED, "`read` may only read: this statement writes");
}

static int describe(struct db *db, const char *sql, struct arena *arena,
                    struct columns *columns, struct error *err)
{
    struct sqlite *lite = (struct sqlite *)db;
    sqlite3_stmt *statement = NULL;
    if (db_sqlite_rows_prepare(lite, sql, NULL, 0, &statement, err) != 0) return -1;

    int status = check_reads_only(statement, err);
    if (status == 0 && sqlite3_bind_parameter_count(statement) > 0) {
        const char *name = sqlite3_bind_parameter_name(statement, 1);
        status = error_set(err, ERROR_FAILED,
                           "the query has a parameter (%s), and nothing is given for it",
                           name == NULL ? "?" : name);
    }
    if (status == 0) status = db_sqlite_rows_describe(lite, statement, arena, columns, err);
    sqlite3_finalize(statement);
    return status;
}

static int stream(struct db *db, const char *sql, const struct value *parameters, size_t count,
                  const struct columns *columns, struct db_rows **out, struct error *err)
{
    struct sqlite *lite = (struct sqlite *)db;
    sqlite3_stmt *statement = NULL;
    if (db_sqlite_rows_prepare(lite, sql, parameters, count, &statement, err) != 0) return -1;
    if (check_reads_only(statement, err) != 0) {
        sqlite3_finalize(statement);
        return -1;
    }
    return db_sqlite_rows_new(out, lite, statement, columns, err);
}

static int append_parameter(struct db *db, struct buffer *sql, size_t index,
                            const struct value *value, const struct column *column,
                            struct error *err)
{
    (void)db;
    (void)value;
    (void)column;
    buffer_append_format(sql, "?%zu", index);
    return buffer_failed(sql) ? error_memory(err) : 0;
}

static int reading_blocks_writers(struct db *db, struct error *err)
{
    struct db_rows *rows = NULL;
    struct row row;
    if (query(db, "PRAGMA main.journal_mode", NULL, 0, &rows, err) != 0) return -1;
    enum db_next next = db_rows_next(rows, true, &row, err);
    int blocks = next == DB_ROW &&
                 (row.values[0].length != 3 || memcmp(row.values[0].bytes, "wal", 3) != 0);
    db_rows_close(rows);
    return next == DB_FAILED ? -1 : blocks;
}

const struct db_ops db_sqlite_ops = {
    .dialect = DB_SQLITE,
    .open = open_sqlite,
    .connect = connect_sqlite,
    .close = close_sqlite,
    .use_stop = use_stop,
    .server = server,
    .file = file,
    .backend = backend,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .execute = execute,
    .execute_alone = execute_alone,
    .query = query,
    .ask = ask,
    .describe = describe,
    .stream = stream,
    .append_parameter = append_parameter,
    .next = db_sqlite_rows_next,
    .descriptor = db_sqlite_rows_descriptor,
    .raw = db_sqlite_rows_raw,
    .close_rows = db_sqlite_rows_close,
    .reading_blocks_writers = reading_blocks_writers,
    .forecast = db_sqlite_explain,
    .lock_try = db_sqlite_file_lock_try,
    .lock_sign = db_sqlite_file_lock_sign,
    .lock_check = db_sqlite_file_lock_check,
    .lock_glance = db_sqlite_file_lock_check,
    .lock_release = db_sqlite_file_lock_release,
    .lock_held = db_sqlite_file_lock_held,
};
