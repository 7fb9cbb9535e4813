/*
 * Scratch databases on a PostgreSQL: made, dropped, and swept up.
 *
 * They are made from template0, on which nobody has a session that could be in the way, with
 * the encoding and the locale of the database that was named. Whoever is killed while it makes
 * one leaves a session that goes on with that: so the session signs with the token, and a sweep
 * ends those that signed before it looks for what is there.
 *
 * What is in them is not known here.
 */
#include "db_scratch.h"

#include <stdio.h>

#include "arena.h"
#include "buffer.h"
#include "clock.h"
#include "db.h"
#include "error.h"
#include "number.h"
#include "stop.h"

enum { TRIES = 500, PAUSE_MS = 10 };

/* ---- connecting ------------------------------------------------------------------------- */

int db_scratch_open(struct db **out, const struct url *url, const struct stop *stop,
                    struct error *err)
{
    enum { PATIENCE_S = 30 };
    struct clock_backoff backoff = {.first_ms = 20, .most_ms = 500};
    const int64_t until = clock_monotonic_ms() + PATIENCE_S * 1000;
    while (db_open(out, url, stop, err) != 0) {
        if (!err->passing) return -1;
        if (clock_monotonic_ms() >= until)
            return error_prefix(err, "waited for %ds: ", PATIENCE_S);
        if (stop_sleep(stop, clock_backoff_next(&backoff), err) != 0) return -1;
        error_clear(err);
    }
    return 0;
}

/* ---- making ----------------------------------------------------------------------------- */

/* Who may make databases, and how many connections it can have: ours will be free again, and
 * those of others count against what the server has, or (of the same role) against its limit.
 * reserved_connections came with PostgreSQL 16. */
static const char ROOM_QUERY[] =
    "SELECT greatest(0, least("
    "pg_catalog.current_setting('max_connections')::int - "
    "pg_catalog.current_setting('superuser_reserved_connections')::int - "
    "coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::int - "
    "(SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'), "
    "CASE WHEN rolsuper OR rolconnlimit < 0 THEN 1000000 ELSE rolconnlimit - "
    "(SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE usename = current_user) END) + 1) "
    "FROM pg_catalog.pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreatedb)";

int db_scratch_check(const struct url *url, const struct stop *stop, size_t *room,
                     struct error *err)
{
    struct db *db = NULL;
    struct db_rows *rows = NULL;
    struct row row = {0};
    int64_t left = 0;
    if (db_scratch_open(&db, url, stop, err) != 0) return -1;
    int result = db_query(db, ROOM_QUERY, NULL, 0, &rows, err);
    if (result == 0) {
        const enum db_next next = db_rows_next(rows, true, &row, err);
        if (next == DB_ROW &&
            number_parse(row.values[0].bytes, row.values[0].length, 0, INT32_MAX, &left) == 0)
            *room = (size_t)left;
        if (next == DB_END)
            result = error_set(err, ERROR_INVALID,
                               "the role may not make scratch databases: ALTER ROLE … CREATEDB "
                               "permits it; without --database tests run on SQLite");
        if (next == DB_FAILED) result = -1;
    }
    db_rows_close(rows);
    db_close(db);
    return result;
}

/* Append words and value where there is something to be said. */
static void append_locale(struct buffer *sql, const char *words, const struct value *value)
{
    if (value->kind == VALUE_NULL || value->length == 0) return;
    buffer_append_format(sql, " %s '", words);
    for (size_t i = 0; i < value->length; i++) {
        if (value->bytes[i] == '\'') buffer_append_char(sql, '\'');
        buffer_append_char(sql, value->bytes[i]);
    }
    buffer_append_char(sql, '\'');
}

/* What CREATE DATABASE is to say of encoding and locale: those of the database we are in. What
 * pg_database calls them changed with its versions, which to_jsonb() does not mind. */
static const char LOCALE_QUERY[] =
    "SELECT pg_catalog.pg_encoding_to_char(encoding), datcollate::text, datctype::text, "
    "CASE pg_catalog.to_jsonb(d)->>'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN "
    "'builtin' END, coalesce(pg_catalog.to_jsonb(d)->>'datlocale', "
    "pg_catalog.to_jsonb(d)->>'daticulocale') "
    "FROM pg_catalog.pg_database d WHERE datname = pg_catalog.current_database()";

static int append_locales(struct db *db, struct buffer *sql, struct error *err)
{
    struct db_rows *rows = NULL;
    struct row row = {0};
    if (db_query(db, LOCALE_QUERY, NULL, 0, &rows, err) != 0) return -1;
    const enum db_next next = db_rows_next(rows, true, &row, err);
    if (next == DB_ROW) {
        const bool is_icu = row.values[3].length == 3;
        append_locale(sql, "ENCODING", &row.values[0]);
        append_locale(sql, "LC_COLLATE", &row.values[1]);
        append_locale(sql, "LC_CTYPE", &row.values[2]);
        append_locale(sql, "LOCALE_PROVIDER", &row.values[3]);
        if (row.values[3].kind != VALUE_NULL)
            append_locale(sql, is_icu ? "ICU_LOCALE" : "BUILTIN_LOCALE", &row.values[4]);
    }
    db_rows_close(rows);
    return next == DB_FAILED ? -1 : 0;
}

static int sign(struct db *db, const char *token, struct error *err)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SET application_name = '%s'", token);
    return db_execute_alone(db, sql, err);
}

int db_scratch_create(const struct url *url, const char *token, const char *name,
                      struct error *err)
{
    struct db *db = NULL;
    struct buffer sql = {0};
    int result = db_scratch_open(&db, url, NULL, err);
    if (result == 0) result = sign(db, token, err);
    buffer_append_format(&sql, "CREATE DATABASE \"%s\" TEMPLATE template0", name);
    if (result == 0) result = append_locales(db, &sql, err);
    if (result == 0 && buffer_text(&sql) == NULL) result = error_memory(err);
    if (result == 0) result = db_execute_alone(db, sql.bytes, err);
    if (result != 0) (void)error_prefix(err, "making a scratch database: ");
    db_close(db);
    buffer_release(&sql);
    return result;
}

/* ---- dropping --------------------------------------------------------------------------- */

/* Its sessions are our own, of runs that were killed at that. */
static int drop_one(struct db *db, const char *name, struct error *err)
{
    struct buffer end = {0}, drop = {0};
    buffer_append_format(&end,
                         "SELECT pg_catalog.pg_terminate_backend(pid) FROM "
                         "pg_catalog.pg_stat_activity WHERE datname = '%s'",
                         name);
    buffer_append_format(&drop, "DROP DATABASE IF EXISTS \"%s\"", name);
    int result = -1;
    if (buffer_text(&end) == NULL || buffer_text(&drop) == NULL) {
        (void)error_memory(err);
    } else {
        /* A session that was told to end is not gone at once. */
        for (int tries = 0; tries < TRIES && result != 0; tries++) {
            struct error ignored = {0};
            if (tries > 0) (void)stop_sleep(NULL, PAUSE_MS, &ignored);
            (void)db_execute_alone(db, end.bytes, &ignored);
            error_clear(err);
            result = db_execute_alone(db, drop.bytes, err);
            if (result != 0 && err->code == ERROR_SQL_UNREACHABLE) break;
        }
    }
    buffer_release(&end);
    buffer_release(&drop);
    return result;
}

int db_scratch_drop(const struct url *url, const char *const *names, size_t count,
                    struct error *err)
{
    struct db *db = NULL;
    int result = db_scratch_open(&db, url, NULL, err);
    for (size_t i = 0; i < count && result == 0; i++) result = drop_one(db, names[i], err);
    db_close(db);
    return result;
}

/* ---- sweeping --------------------------------------------------------------------------- */

/* End the sessions that signed, and wait until they are gone. */
static int end_signed(struct db *db, const char *token, struct error *err)
{
    const struct value name = value_text(token);
    enum db_next next = DB_ROW;
    for (int tries = 0; tries < TRIES && next == DB_ROW; tries++) {
        struct error ignored = {0};
        struct db_rows *rows = NULL;
        struct row row = {0};
        if (tries > 0) (void)stop_sleep(NULL, PAUSE_MS, &ignored);
        if (db_query(db,
                     "SELECT pg_catalog.pg_terminate_backend(pid) FROM "
                     "pg_catalog.pg_stat_activity WHERE application_name = $1",
                     &name, 1, &rows, err) != 0)
            return -1;
        next = db_rows_next(rows, true, &row, err);
        db_rows_close(rows);
    }
    return next == DB_FAILED ? -1 : 0;
}

/* Names are not taken from a table while it changes. */
static int list_left(struct db *db, const char *token, struct arena *arena, const char **names,
                     size_t most, size_t *count, struct error *err)
{
    struct db_rows *rows = NULL;
    struct row row = {0};
    enum db_next next = DB_END;
    const struct value prefix = value_text(token);
    if (db_query(db,
                 "SELECT datname::text FROM pg_catalog.pg_database WHERE "
                 "pg_catalog.left(datname::text, pg_catalog.length($1)) = $1",
                 &prefix, 1, &rows, err) != 0)
        return -1;
    while (*count < most && (next = db_rows_next(rows, true, &row, err)) == DB_ROW) {
        names[*count] = arena_copy(arena, row.values[0].bytes, row.values[0].length);
        if (names[(*count)++] != NULL) continue;
        (void)error_memory(err);
        next = DB_FAILED;
        break;
    }
    db_rows_close(rows);
    return next == DB_FAILED ? -1 : 0;
}

int db_scratch_sweep(const struct url *url, const char *token, struct error *err)
{
    enum { MOST = 256 };
    const char *names[MOST];
    struct arena arena = {0};
    struct db *db = NULL;
    size_t count = 0;
    int result = db_scratch_open(&db, url, NULL, err);
    if (result == 0) result = end_signed(db, token, err);
    do {
        count = 0;
        if (result == 0) result = list_left(db, token, &arena, names, MOST, &count, err);
        for (size_t i = 0; i < count && result == 0; i++) result = drop_one(db, names[i], err);
    } while (result == 0 && count == MOST);
    if (result != 0) (void)error_prefix(err, "scratch databases '%s…' may be left: ", token);
    db_close(db);
    arena_release(&arena);
    return result;
}
