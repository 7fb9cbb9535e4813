/*
 * The PostgreSQL engine: transactions, statements, questions about queries, and the lock.
 *
 * Every statement runs in a transaction, and every transaction first sets for itself whatever
 * the text of values and the durability of the ledger depend on. Nothing is left in the
 * session: behind a transaction pooler the next transaction may be on another one. For the same
 * reason only unnamed statements are used. The wire, the rows and the types have files of their
 * own.
 */
#include "db_postgres_ask.h"
#include "db_postgres_explain.h"
#include "db_postgres_rows.h"
#include "db_postgres_settings.h"
#include "db_postgres_types.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "buffer.h"
#include "error.h"
#include "stop.h"
#include "url.h"

enum { BYTEA_OID = 17 };

/* ---- opening and closing ---------------------------------------------------------------- */

static void close_postgres(struct db *db)
{
    struct postgres *pg = (struct postgres *)db;
    db_rollback(db);
    db_postgres_wire_close(pg);
    free(pg->url);
    free(pg);
}

/* Not connected yet; NULL with err. */
static struct postgres *new_postgres(const char *url, const struct stop *stop,
                                     struct error *err)
{
    struct postgres *pg = calloc(1, sizeof *pg);
    char *copy = strdup(url);
    if (pg == NULL || copy == NULL) {
        free(pg);
        free(copy);
        (void)error_memory(err);
        return NULL;
    }
    *pg = (struct postgres){
        .db.ops = &db_postgres_ops, .stop = stop, .url = copy, .odd_collations = -1};
    return pg;
}

static int open_postgres(struct db **out, const struct url *url, const struct stop *stop,
                         struct error *err)
{
    if (db_postgres_wire_check(url, err) != 0) return -1;
    if (stop_requested(stop)) return stop_error(stop, err);

    struct postgres *pg = new_postgres(url->text, stop, err);
    if (pg == NULL) return -1;
    db_postgres_wire_start(pg);
    *out = &pg->db;
    return 0;
}

static int connect_postgres(struct db *db, struct error *err)
{
    return db_postgres_wire_connect((struct postgres *)db, err);
}

/* Also for a moment's last words, when a stop was asked for. */
static int open_beside(const struct db *db, const struct stop *stop, struct db **out,
                       struct error *err)
{
    const struct postgres *like = (const struct postgres *)db;
    struct postgres *pg = new_postgres(like->url, stop, err);
    if (pg == NULL) return -1;
    if (db_postgres_wire_connect(pg, err) != 0) {
        close_postgres(&pg->db);
        return -1;
    }
    *out = &pg->db;
    return 0;
}

static void use_stop(struct db *db, const struct stop *stop)
{
    ((struct postgres *)db)->stop = stop;
}

static const char *server(const struct db *db)
{
    return ((const struct postgres *)db)->server;
}

static const char *file(const struct db *db)
{
    (void)db;
    return NULL;
}

static int64_t backend(const struct db *db)
{
    return PQbackendPID(((const struct postgres *)db)->connection);
}

/* ---- transactions ----------------------------------------------------------------------- */

/* Begin, and say first in the same message; *answer (may be NULL) is that of first. */
static int run_begin(struct postgres *pg, enum db_access access, const char *first,
                     PGresult **answer, struct error *err)
{
    struct buffer sql = {0};
    int status = -1;
    db_postgres_settings_append(pg, access, &sql);
    buffer_append_format(&sql, "; %s", first);
    if (buffer_text(&sql) == NULL)
        error_memory(err);
    else if (db_postgres_wire_send(pg, PQsendQuery(pg->connection, sql.bytes), err) == 0)
        status = db_postgres_wire_collect(pg, NULL, answer, err);
    buffer_release(&sql);
    return status;
}

/* An idle connection may have been closed by the server, and libpq notices at the first word.
 * Nothing has happened by then: a new connection is as good. */
static int begin_with(struct postgres *pg, enum db_access access, const char *first,
                      PGresult **answer, struct error *err)
{
    if (pg->in_transaction)
        return error_set(err, ERROR_FAILED, "a transaction is open already");

    bool was_open = pg->connection != NULL;
    if (db_postgres_wire_connect(pg, err) != 0) return -1;
    int status = run_begin(pg, access, first, answer, err);
    if (status != 0 && was_open && err->code == ERROR_SQL_UNREACHABLE) {
        db_postgres_wire_drop(pg);
        error_clear(err);
        if (db_postgres_wire_connect(pg, err) != 0) return -1;
        status = run_begin(pg, access, first, answer, err);
    }
    pg->in_transaction = pg->connection != NULL;
    pg->streaming = false;
    pg->writing = access == DB_WRITE;
    if (status != 0) db_rollback(&pg->db);
    return status;
}

static int begin(struct db *db, enum db_access access, struct error *err)
{
    return begin_with((struct postgres *)db, access, "", NULL, err);
}

/* COMMIT of a transaction that failed is no error: it is answered with ROLLBACK. */
static int commit(struct db *db, struct error *err)
{
    struct postgres *pg = (struct postgres *)db;
    PGresult *result = NULL;
    if (!pg->in_transaction)
        return error_set(err, ERROR_SQL_UNREACHABLE,
                         "the transaction is gone, and with it the connection to PostgreSQL");

    if (db_postgres_wire_send(pg, PQsendQuery(pg->connection, "COMMIT"), err) != 0 ||
        db_postgres_wire_collect(pg, NULL, &result, err) != 0) {
        db_rollback(db);
        return -1;
    }
    bool committed = strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    pg->in_transaction = false;
    pg->locked = false;
    if (committed) return 0;
    return error_set(err, ERROR_FAILED, "the transaction had failed and was rolled back");
}

static void rollback(struct db *db)
{
    struct postgres *pg = (struct postgres *)db;
    struct error ignored = {0};
    if (!pg->in_transaction) return;
    /* Without a connection the server rolls back as well, and does not keep a stop waiting. A
     * stream's transaction may have ended by itself. */
    if (PQtransactionStatus(pg->connection) != PQTRANS_IDLE &&
        (stop_overdue(pg->stop) || PQtransactionStatus(pg->connection) == PQTRANS_ACTIVE ||
         db_postgres_wire_run(pg, "ROLLBACK", &ignored) != 0))
        db_postgres_wire_drop(pg);
    pg->in_transaction = false;
    pg->locked = false;
}

/* ---- statements ------------------------------------------------------------------------- */

/* Parameters as libpq wants them. */
struct bound {
    const char **values;
    int *lengths;
    int *formats;
    Oid *types;
    struct arena arena;
};

/* Text must be terminated for libpq, and cannot hold a NUL; bytes travel as they are. */
static int bind(struct bound *bound, const struct value *parameters, size_t count,
                struct error *err)
{
    bound->values = arena_array(&bound->arena, count + 1, sizeof *bound->values);
    bound->lengths = arena_array(&bound->arena, count + 1, sizeof *bound->lengths);
    bound->formats = arena_array(&bound->arena, count + 1, sizeof *bound->formats);
    bound->types = arena_array(&bound->arena, count + 1, sizeof *bound->types);
    for (size_t i = 0; i < count && !bound->arena.failed; i++) {
        const struct value *value = &parameters[i];
        bool bytes = value->kind == VALUE_BYTES;
        if (value->kind == VALUE_NULL) continue;
        if (!bytes && value->length > 0 && memchr(value->bytes, '\0', value->length) != NULL)
            return error_set(err, ERROR_FAILED, "PostgreSQL's text cannot hold a NUL byte");
        bound->values[i] = arena_copy(&bound->arena, value->bytes, value->length);
        bound->lengths[i] = (int)value->length;
        bound->formats[i] = bytes;
        bound->types[i] = bytes ? BYTEA_OID : 0;
    }
    return bound->arena.failed ? error_memory(err) : 0;
}

/* Run one statement in the transaction that is open. */
static int run_statement(struct postgres *pg, const char *sql, const struct value *parameters,
                         size_t count, PGresult **result, struct error *err)
{
    struct bound bound = {0};
    int status = bind(&bound, parameters, count, err);
    if (status == 0) {
        int sent = PQsendQueryParams(pg->connection, sql, (int)count, bound.types, bound.values,
                                     bound.lengths, bound.formats, 0);
        status = db_postgres_wire_send(pg, sent, err);
    }
    if (status == 0) status = db_postgres_wire_collect(pg, sql, result, err);
    arena_release(&bound.arena);
    return status;
}

/* The same, in a transaction of its own where none is open. */
static int run(struct postgres *pg, enum db_access access, const char *sql,
               const struct value *parameters, size_t count, PGresult **result,
               struct error *err)
{
    bool own = !pg->in_transaction;
    *result = NULL;
    if (own && begin(&pg->db, access, err) != 0) return -1;
    int status = run_statement(pg, sql, parameters, count, result, err);
    if (status == 0 && own) status = commit(&pg->db, err);
    if (status != 0 && own) rollback(&pg->db);
    if (status != 0) {
        PQclear(*result);
        *result = NULL;
    }
    return status;
}

/* PostgreSQL also counts the rows of a SELECT. */
static int64_t rows_changed(const char *tag)
{
    static const char *const words[] = {"INSERT ", "UPDATE ", "DELETE ", "MERGE "};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp(tag, words[i], strlen(words[i])) == 0)
            return strtoll(strrchr(tag, ' '), NULL, 10);
    }
    return 0;
}

static int execute(struct db *db, const char *sql, const struct value *parameters, size_t count,
                   int64_t *changed, struct error *err)
{
    PGresult *result = NULL;
    if (run((struct postgres *)db, DB_WRITE, sql, parameters, count, &result, err) != 0)
        return -1;
    if (changed != NULL) *changed = rows_changed(PQcmdStatus(result));
    PQclear(result);
    return 0;
}

static int execute_alone(struct db *db, const char *sql, struct error *err)
{
    struct postgres *pg = (struct postgres *)db;
    if (pg->in_transaction)
        return error_set(err, ERROR_FAILED, "a transaction is open already");
    if (db_postgres_wire_connect(pg, err) != 0) return -1;
    if (db_postgres_wire_send(pg, PQsendQuery(pg->connection, sql), err) != 0) return -1;
    return db_postgres_wire_collect(pg, sql, NULL, err);
}

static int query(struct db *db, const char *sql, const struct value *parameters, size_t count,
                 struct db_rows **out, struct error *err)
{
    struct postgres *pg = (struct postgres *)db;
    PGresult *result = NULL;
    if (run(pg, DB_READ, sql, parameters, count, &result, err) != 0) return -1;
    return db_postgres_rows_new(out, pg, result, err);
}

/* ---- what a query is -------------------------------------------------------------------- */

static int describe(struct db *db, const char *query_text, struct arena *arena,
                    struct columns *columns, struct error *err)
{
    struct postgres *pg = (struct postgres *)db;
    bool own = !pg->in_transaction;
    if (own && begin(db, DB_READ, err) != 0) return -1;
    int status = db_postgres_types_describe(pg, query_text, arena, columns, err);
    if (own) rollback(db);
    return status;
}

/* Begin a stream's transaction where the query has to be read under its settings, or put into
 * text what is to begin it. */
static int begin_stream(struct postgres *pg, const char *query_text, struct buffer *text,
                        struct error *err)
{
    if (pg->in_transaction || !db_postgres_text_is_plain(query_text))
        return begin(&pg->db, DB_READ, err);
    if (db_postgres_wire_connect(pg, err) != 0) return -1;
    db_postgres_settings_append(pg, DB_READ, text);
    buffer_append_text(text, "; ");
    pg->in_transaction = true;
    pg->writing = false;
    return 0;
}

/* COPY takes no parameters: they are in the query's text. */
static int stream(struct db *db, const char *query_text, const struct value *parameters,
                  size_t count, const struct columns *columns, struct db_rows **out,
                  struct error *err)
{
    struct postgres *pg = (struct postgres *)db;
    struct buffer text = {0};
    (void)parameters;
    (void)count;
    if (begin_stream(pg, query_text, &text, err) != 0) return -1;
    buffer_append_format(&text, "COPY (\n%s\n) TO STDOUT; COMMIT", query_text);
    int status = buffer_text(&text) == NULL
                     ? error_memory(err)
                     : db_postgres_rows_stream(out, pg, text.bytes, columns, err);
    buffer_release(&text);
    if (status != 0) rollback(db);
    return status;
}

static int append_parameter(struct db *db, struct buffer *query_text, size_t index,
                            const struct value *value, const struct column *column,
                            struct error *err)
{
    (void)db;
    (void)index;
    if (db_postgres_text_append_literal(query_text, value) != 0)
        return error_set(err, ERROR_FAILED, "PostgreSQL's text cannot hold a NUL byte");
    if (column->type[0] != '\0') buffer_append_format(query_text, "::%s", column->type);
    return buffer_failed(query_text) ? error_memory(err) : 0;
}

/* PostgreSQL's readers never block its writers. */
static int reading_blocks_writers(struct db *db, struct error *err)
{
    (void)db;
    (void)err;
    return 0;
}

/* ---- the lock --------------------------------------------------------------------------- */

/*
 * Ask a yes-or-no question about the lock of that key, by words before and behind it. Returns
 * 1, 0 or -1 with err. Not with a parameter: what executed that would stay open until the end
 * of the transaction, which is the end of the run, and with it a snapshot that keeps VACUUM
 * from its work.
 */
static int ask_lock(struct postgres *pg, const char *before, int64_t key, const char *behind,
                    struct error *err)
{
    struct buffer sql = {0};
    PGresult *answer = NULL;
    const bool own = !pg->in_transaction;
    int yes = -1;
    if (own && begin(&pg->db, DB_READ, err) != 0) return -1;
    buffer_append_format(&sql, "%s'%" PRId64 "'::bigint%s", before, key, behind);
    if (buffer_text(&sql) == NULL)
        error_memory(err);
    else if (db_postgres_wire_send(pg, PQsendQuery(pg->connection, sql.bytes), err) == 0 &&
             db_postgres_wire_collect(pg, sql.bytes, &answer, err) == 0)
        yes = *PQgetvalue(answer, 0, 0) == 't';
    PQclear(answer);
    buffer_release(&sql);
    if (own) rollback(&pg->db);
    return yes;
}

static int lock_try(struct db *db, const char *name, struct error *err)
{
    struct postgres *pg = (struct postgres *)db;
    PGresult *answer = NULL;
    char question[96];
    int64_t key;
    if (db_lock_number(name, &key, err) != 0) return -1;
    (void)snprintf(question, sizeof question,
                   "SELECT pg_catalog.pg_try_advisory_xact_lock('%" PRId64 "'::bigint)", key);
    if (begin_with(pg, DB_READ, question, &answer, err) != 0) return -1;
    pg->locked = *PQgetvalue(answer, 0, 0) == 't';
    pg->lock_key = key;
    PQclear(answer);
    if (!pg->locked) rollback(db);
    return pg->locked;
}

/* Nobody else has a reason to hold that one. */
static int lock_sign(struct db *db, const char *name, struct error *err)
{
    int64_t key;
    if (db_lock_number(name, &key, err) != 0) return -1;
    return ask_lock((struct postgres *)db, "SELECT pg_catalog.pg_try_advisory_xact_lock(", key,
                    ")", err) < 0
               ? -1
               : 0;
}

/* A key of 64 bits stands in pg_locks as two halves. */
#define LOCK_IN_PG_LOCKS                                                                       \
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted "  \
    "AND objsubid = 1 AND database = (SELECT oid FROM pg_catalog.pg_database "                 \
    "WHERE datname = pg_catalog.current_database()) "                                          \
    "AND (classid::bigint << 32 | objid::bigint) = "

static int lock_check(struct db *db, struct error *err)
{
    static const char mine[] = " AND pid = pg_catalog.pg_backend_pid())";
    struct postgres *pg = (struct postgres *)db;
    int held = pg->locked ? ask_lock(pg, LOCK_IN_PG_LOCKS, pg->lock_key, mine, err) : 0;
    if (held == 1) return 0;
    if (held < 0 && err->code > ERROR_STOPPED) return -1;
    if (held < 0) {
        err->code = ERROR_OPERATOR;
        return error_prefix(err, "the lock of this ledger was lost: ");
    }
    return error_set(err, ERROR_OPERATOR, "the lock of this ledger was lost");
}

/* Whoever is not asked says nothing, unless it is to say goodbye. */
static int lock_glance(struct db *db, struct error *err)
{
    const struct postgres *pg = (const struct postgres *)db;
    struct pollfd poll_server = {.fd = PQsocket(pg->connection), .events = POLLIN};
    if (pg->locked && poll(&poll_server, 1, 0) == 0) return 0;
    return lock_check(db, err);
}

static void lock_release(struct db *db)
{
    if (((struct postgres *)db)->locked) rollback(db);
}

static int lock_held(struct db *db, const char *name, struct error *err)
{
    int64_t key;
    if (db_lock_number(name, &key, err) != 0) return -1;
    return ask_lock((struct postgres *)db, LOCK_IN_PG_LOCKS, key, ")", err);
}

const struct db_ops db_postgres_ops = {
    .dialect = DB_POSTGRESQL,
    .open = open_postgres,
    .connect = connect_postgres,
    .open_beside = open_beside,
    .close = close_postgres,
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
    .ask = db_postgres_ask,
    .describe = describe,
    .stream = stream,
    .append_parameter = append_parameter,
    .next = db_postgres_rows_next,
    .descriptor = db_postgres_rows_descriptor,
    .raw = db_postgres_rows_raw,
    .close_rows = db_postgres_rows_close,
    .reading_blocks_writers = reading_blocks_writers,
    .forecast = db_postgres_explain,
    .lock_try = lock_try,
    .lock_sign = lock_sign,
    .lock_check = lock_check,
    .lock_glance = lock_glance,
    .lock_release = lock_release,
    .lock_held = lock_held,
};
