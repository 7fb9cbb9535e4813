#ifndef REDFERRY_LEDGER_SIDE_H
#define REDFERRY_LEDGER_SIDE_H

/*
 * What the tests of the ledger stand on: each of them runs once on PostgreSQL and once on
 * SQLite, on an empty database, and looks at the tables with libpq and sqlite3 themselves, not
 * through the code that it tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <sqlite3.h>

#include "agenda.h"
#include "arena.h"
#include "buffer.h"
#include "db.h"
#include "error.h"
#include "ledger.h"
#include "migration.h"
#include "url.h"

/* Where a test runs. */
struct side {
    enum db_dialect dialect;
    PGconn *pg;
    sqlite3 *lite;
    char path[256];
    struct arena arena;
};

static struct side side_postgresql = {.dialect = DB_POSTGRESQL};
static struct side side_sqlite = {.dialect = DB_SQLITE};

/* clang-format off */
#define ON_BOTH(test) \
    {#test " (postgresql)", test, side_set_up, side_tear_down, &side_postgresql}, \
    {#test " (sqlite)", test, side_set_up, side_tear_down, &side_sqlite}
#define ON_POSTGRESQL(test) {#test, test, side_set_up, side_tear_down, &side_postgresql}
#define ON_SQLITE(test)     {#test, test, side_set_up, side_tear_down, &side_sqlite}

/* The call must not fail. */
#define assert_fine(call, err) \
    do { if ((call) < 0) fail_msg("%s: %s", #call, (err)->message); } while (0)

/* The call must fail with the code, and its message must hold the text. */
#define assert_refused(call, err, wanted, text) \
    do { \
        error_clear(err); \
        assert_int_equal(call, -1); \
        if (strstr((err)->message, text) == NULL) \
            fail_msg("'%s' does not say '%s'", (err)->message, text); \
        assert_int_equal((err)->code, wanted); \
    } while (0)
/* clang-format on */

static inline void side_ask_pg(struct side *side, const char *sql, struct buffer *answer)
{
    PGresult *result = PQexec(side->pg, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(side->pg));
    for (int row = 0; row < PQntuples(result); row++) {
        for (int column = 0; column < PQnfields(result); column++) {
            if (column > 0) buffer_append_char(answer, '|');
            buffer_append_text(answer, PQgetvalue(result, row, column));
        }
        if (row + 1 < PQntuples(result)) buffer_append_char(answer, '\n');
    }
    PQclear(result);
}

static inline int side_take_lite(void *context, int count, char **values, char **names)
{
    struct buffer *answer = context;
    (void)names;
    if (answer->length > 0) buffer_append_char(answer, '\n');
    for (int column = 0; column < count; column++) {
        if (column > 0) buffer_append_char(answer, '|');
        buffer_append_text(answer, values[column] != NULL ? values[column] : "");
    }
    return 0;
}

/* Run sql outside the ledger. Returns its rows as lines of a|b|c; the side's. */
static inline const char *side_ask(struct side *side, const char *sql)
{
    struct buffer answer = {0};
    char *message = NULL;
    if (side->pg != NULL) {
        side_ask_pg(side, sql, &answer);
    } else if (sqlite3_exec(side->lite, sql, side_take_lite, &answer, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
    const char *text = arena_text(&side->arena, buffer_text(&answer));
    buffer_release(&answer);
    return text;
}

#define assert_answer(side, sql, expected) assert_string_equal(side_ask(side, sql), expected)

static inline void side_remove_files(const struct side *side)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal", "-redferry.lock"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "%s%s", side->path, endings[i]);
        (void)unlink(path);
    }
}

static inline int side_set_up(void **state)
{
    struct side *side = *state;
    if (side->dialect == DB_POSTGRESQL) {
        side->pg = PQconnectdb(getenv("REDFERRY_TEST_POSTGRES"));
        if (PQstatus(side->pg) != CONNECTION_OK) fail_msg("%s", PQerrorMessage(side->pg));
        side_ask(side,
                 "SET client_min_messages = warning; DROP SCHEMA IF EXISTS public, other, "
                 "\"Odd-one\" CASCADE; CREATE SCHEMA public; "
                 "GRANT USAGE ON SCHEMA public TO PUBLIC");
        return 0;
    }
    (void)snprintf(side->path, sizeof side->path, "%s/ledger_%d.db",
                   getenv("REDFERRY_TEST_DIR"), (int)getpid());
    side_remove_files(side);
    if (sqlite3_open(side->path, &side->lite) != SQLITE_OK) fail_msg("no '%s'", side->path);
    sqlite3_busy_timeout(side->lite, 10000);
    side_ask(side, "PRAGMA user_version = 1");
    return 0;
}

static inline int side_tear_down(void **state)
{
    struct side *side = *state;
    PQfinish(side->pg);
    sqlite3_close(side->lite);
    side->pg = NULL;
    side->lite = NULL;
    if (side->dialect == DB_SQLITE) side_remove_files(side);
    arena_release(&side->arena);
    return 0;
}

/* A connection of redferry's; role: instead of the superuser, in PostgreSQL. */
static inline struct db *side_open(struct side *side, const char *role)
{
    struct error err = {0};
    struct url url = {0};
    struct db *db = NULL;
    char text[512];
    if (side->dialect == DB_POSTGRESQL) {
        const char *all = getenv("REDFERRY_TEST_POSTGRES");
        const char *user = strstr(all, "user=");
        (void)snprintf(text, sizeof text, "%.*suser=%s", (int)(user - all), all,
                       role != NULL ? role : "postgres");
    } else {
        (void)snprintf(text, sizeof text, "sqlite:%s", side->path);
    }
    assert_fine(url_parse_database(&url, text, "--database", &side->arena, &err), &err);
    assert_fine(db_open(&db, &url, NULL, &err), &err);
    return db;
}

/* A runner, or an operator: a connection and a ledger on it. */
struct client {
    struct db *db;
    struct ledger *ledger;
};

static inline struct client client_open_as(struct side *side, const char *table,
                                           const char *role, const char *operator_name)
{
    struct error err = {0};
    struct client client = {.db = side_open(side, role)};
    struct ledger_author author = {.operator_name = operator_name,
                                   .context = "TICKET-7",
                                   .host = "host-1",
                                   .pid = 4711,
                                   .tool_version = "0.1.0"};
    assert_fine(ledger_open(&client.ledger, client.db, table, &author, &err), &err);
    return client;
}

static inline struct client client_open(struct side *side, const char *operator_name)
{
    return client_open_as(side, "data_migrations", NULL, operator_name);
}

static inline void client_close(struct client *client)
{
    ledger_close(client->ledger);
    db_close(client->db);
    *client = (struct client){0};
}

/* The ledger's id, from a ledger that is made where it is absent; the side's. */
static inline const char *client_ensure(struct side *side, struct client *client)
{
    struct error err = {0};
    const char *id = NULL;
    assert_fine(ledger_ensure(client->ledger, &side->arena, &id, &err), &err);
    assert_non_null(id);
    return id;
}

static inline struct ledger_state client_read(struct side *side, struct client *client)
{
    struct error err = {0};
    struct ledger_state state;
    assert_fine(ledger_read(client->ledger, &state, &side->arena, &err), &err);
    return state;
}

/* A migration, as far as the ledger looks at one. */
static inline struct migration a_migration(int64_t version, const char *name)
{
    struct migration migration = {.version = version,
                                  .name = name,
                                  .definition = "up:\n  - write: SET \"it's\" ü\n",
                                  .checksum = "sha256:00ff"};
    migration.definition_length = strlen(migration.definition);
    return migration;
}

#endif
