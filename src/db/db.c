/*
 * The front of the SQL databases: picks the engine by the URL and passes every call on.
 *
 * It exists so that nobody above has to know which engine is behind. What needs no engine is
 * done here, once: identifiers in quotes, and looking whether a text is one query at all.
 */
#include "db_driver.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "digest.h"
#include "error.h"
#include "sql_text.h"
#include "url.h"

int db_open(struct db **out, const struct url *url, const struct stop *stop, struct error *err)
{
    if (db_open_ahead(out, url, stop, err) != 0) return -1;
    if (db_connect(*out, err) == 0) return 0;
    db_close(*out);
    *out = NULL;
    return -1;
}

int db_connect(struct db *db, struct error *err)
{
    return db->ops->connect(db, err);
}

int db_open_ahead(struct db **out, const struct url *url, const struct stop *stop,
                  struct error *err)
{
    *out = NULL;
    if (url->kind == URL_POSTGRESQL) return db_postgres_ops.open(out, url, stop, err);
    if (url->kind == URL_SQLITE) return db_sqlite_ops.open(out, url, stop, err);
    return error_set(err, ERROR_INVALID, "'%s' is not the URL of a SQL database",
                     url->redacted);
}

void db_close(struct db *db)
{
    if (db != NULL) db->ops->close(db);
}

enum db_dialect db_dialect_of(const struct url *url)
{
    return url->kind == URL_POSTGRESQL ? DB_POSTGRESQL : DB_SQLITE;
}

void db_use_stop(struct db *db, const struct stop *stop)
{
    db->ops->use_stop(db, stop);
}

void db_set_watch(struct db *db, const struct db_watch *watch)
{
    db->watch = watch;
}

enum db_dialect db_dialect(const struct db *db)
{
    return db->ops->dialect;
}

const char *db_path(const struct db *db)
{
    return db->ops->file(db);
}

const char *db_server(const struct db *db)
{
    return db->ops->server(db);
}

int64_t db_backend(const struct db *db)
{
    return db->ops->backend(db);
}

int db_begin(struct db *db, enum db_access access, struct error *err)
{
    return db->ops->begin(db, access, err);
}

int db_commit(struct db *db, struct error *err)
{
    return db->ops->commit(db, err);
}

void db_rollback(struct db *db)
{
    if (db != NULL) db->ops->rollback(db);
}

int db_execute(struct db *db, const char *sql, const struct value *parameters, size_t count,
               int64_t *changed, struct error *err)
{
    return db->ops->execute(db, sql, parameters, count, changed, err);
}

int db_execute_alone(struct db *db, const char *sql, struct error *err)
{
    return db->ops->execute_alone(db, sql, err);
}

int db_query(struct db *db, const char *sql, const struct value *parameters, size_t count,
             struct db_rows **out, struct error *err)
{
    *out = NULL;
    return db->ops->query(db, sql, parameters, count, out, err);
}

int db_ask(struct db *db, const struct db_questions *questions, struct error *err)
{
    return db->ops->ask(db, questions, err);
}

/* Make sure that sql is one query, and copy it without what follows its end. Places in errors
 * count from the same beginning. */
static int cut_query(const char *sql, char **out, struct error *err)
{
    struct sql_text text = sql_text_scan(sql, strlen(sql));
    if (text.unclosed != NULL)
        return error_set(err, ERROR_FAILED, "an unclosed %s in the query", text.unclosed);
    if (text.statements == 0) return error_set(err, ERROR_FAILED, "the query is empty");
    if (text.statements > 1)
        return error_set(err, ERROR_FAILED,
                         "`read` takes one query, and here are %zu statements",
                         text.statements);
    if (!sql_text_is_query(&text, sql))
        return error_set(err, ERROR_FAILED,
                         "`read` may only read: it takes a SELECT, WITH, VALUES or TABLE%s%s",
                         text.keyword[0] != '\0' ? ", not " : "", text.keyword);
    *out = strndup(sql, text.end);
    return *out == NULL ? error_memory(err) : 0;
}

int db_describe(struct db *db, const char *query, struct arena *arena, struct columns *columns,
                struct error *err)
{
    char *text = NULL;
    if (cut_query(query, &text, err) != 0) return -1;
    int status = db->ops->describe(db, text, arena, columns, err);
    free(text);
    return status;
}

int db_stream(struct db *db, const char *query, const struct value *parameters, size_t count,
              const struct columns *columns, struct db_rows **out, struct error *err)
{
    *out = NULL;
    return db->ops->stream(db, query, parameters, count, columns, out, err);
}

int db_append_parameter(struct db *db, struct buffer *query, size_t index,
                        const struct value *value, const struct column *column,
                        struct error *err)
{
    return db->ops->append_parameter(db, query, index, value, column, err);
}

void db_append_identifier(struct buffer *sql, const char *name)
{
    buffer_append_char(sql, '"');
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '"') buffer_append_char(sql, '"');
        buffer_append_char(sql, *at);
    }
    buffer_append_char(sql, '"');
}

enum db_next db_rows_next(struct db_rows *rows, bool wait, struct row *row, struct error *err)
{
    return rows->db->ops->next(rows, wait, row, err);
}

int db_rows_descriptor(const struct db_rows *rows)
{
    return rows->db->ops->descriptor(rows);
}

struct value db_rows_raw(const struct db_rows *rows, size_t column)
{
    return rows->db->ops->raw(rows, column);
}

void db_rows_close(struct db_rows *rows)
{
    if (rows != NULL) rows->db->ops->close_rows(rows);
}

int db_reading_blocks_writers(struct db *db, struct error *err)
{
    return db->ops->reading_blocks_writers(db, err);
}

bool db_is_same_file(const struct db *one, const struct db *other)
{
    const char *path = db_path(one), *other_path = db_path(other);
    return path != NULL && other_path != NULL && strcmp(path, other_path) == 0;
}

int db_forecast(struct db *db, const char *query, const struct value *parameters, size_t count,
                struct db_forecast *out, struct error *err)
{
    return db->ops->forecast(db, query, parameters, count, out, err);
}

int db_lock_number(const char *name, int64_t *number, struct error *err)
{
    struct buffer text = {0};
    int status = -1;
    buffer_append_format(&text, "redferry:%s", name);
    if (buffer_failed(&text))
        error_memory(err);
    else
        status = digest_number(text.bytes, text.length, number, err);
    buffer_release(&text);
    return status;
}

int db_lock_try(struct db *db, const char *name, struct error *err)
{
    return db->ops->lock_try(db, name, err);
}

int db_lock_sign(struct db *db, const char *name, struct error *err)
{
    return db->ops->lock_sign(db, name, err);
}

int db_lock_check(struct db *db, struct error *err)
{
    return db->ops->lock_check(db, err);
}

int db_lock_glance(struct db *db, struct error *err)
{
    return db->ops->lock_glance(db, err);
}

void db_lock_release(struct db *db)
{
    if (db != NULL) db->ops->lock_release(db);
}

int db_lock_held(struct db *db, const char *name, struct error *err)
{
    return db->ops->lock_held(db, name, err);
}
