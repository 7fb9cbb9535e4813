/*
 * The doctor's look at the SQL side: the server, or the file.
 *
 * One statement asks PostgreSQL for all that is to be known of it; what each answer means is
 * judged by a function of its own, which asks nobody. A file is looked at through the system,
 * for to try whether it may be written would be to write. What the migrations ask of the
 * database is doctor_steps.c's.
 */
#include "doctor_sql.h"

#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

#include "arena.h"
#include "buffer.h"
#include "clock.h"
#include "config.h"
#include "db.h"
#include "db_look.h"
#include "doctor.h"
#include "error.h"
#include "ledger_sql.h"
#include "number.h"
#include "schema_migration.h"
#include "session.h"

enum {
    LEAST_POSTGRES = 130000,
    RUN_CONNECTIONS = 3 /* the ledger's, the lock's, the reader's */
};

static const int64_t little_disk = INT64_C(64) << 20;

/* ---- what it is like ------------------------------------------------------------------ */

static int64_t number_of(const struct value *value, int64_t none)
{
    int64_t number = none;
    if (value->kind != VALUE_NULL)
        (void)number_parse(value->bytes, value->length, INT64_MIN, INT64_MAX, &number);
    return number;
}

/* The columns of examine_server.sql. */
static int take_server(void *context, const struct row *row, struct error *err)
{
    struct doctor *doctor = context;
    const struct value *values = row->values;
    const int64_t now_ms = clock_wall_ms();
    const int64_t backend = db_backend(doctor->session->db);
    doctor->postgres = (struct doctor_postgres){
        .version = number_of(&values[0], 0),
        .role = arena_copy(doctor->arena, values[1].bytes, values[1].length),
        .is_standby = ledger_sql_is_true(&values[2]),
        .is_read_only = ledger_sql_is_true(&values[3]),
        .room = number_of(&values[4], 0),
        .used = number_of(&values[5], 0),
        .role_room = number_of(&values[6], -1),
        .role_used = number_of(&values[7], 0),
        .is_remote = ledger_sql_is_true(&values[8]),
        .is_encrypted = ledger_sql_is_true(&values[9]),
        .has_pooler = backend != 0 && backend != number_of(&values[10], 0),
    };
    doctor->database_ahead_ms = number_of(&values[11], now_ms) - now_ms;
    return doctor->arena->failed ? error_memory(err) : 0;
}

static int take_text(void *context, const struct row *row, struct error *err)
{
    struct buffer *text = context;
    buffer_clear(text);
    buffer_append(text, row->values[0].bytes, row->values[0].length);
    return buffer_text(text) != NULL ? 0 : error_memory(err);
}

int doctor_sql_ask(struct db *db, const char *sql,
                   int (*take)(void *context, const struct row *row, struct error *err),
                   void *context, struct error *err)
{
    struct db_rows *rows = NULL;
    struct row row = {0};
    enum db_next next = DB_END;
    if (db_query(db, sql, NULL, 0, &rows, err) != 0) return -1;
    while ((next = db_rows_next(rows, true, &row, err)) == DB_ROW)
        if (take(context, &row, err) != 0) {
            next = DB_FAILED;
            break;
        }
    db_rows_close(rows);
    return next == DB_END ? 0 : -1;
}

/* Another ledger than the one that there is would have everything carried again. */
static bool may_have_ledger(struct session *session)
{
    struct error ignored = {0}; /* it is looked at later */
    return session_read(session, &ignored) != 0 || session->state.present;
}

static int look_at_file(struct doctor *doctor, struct error *err)
{
    struct session *session = doctor->session;
    struct statvfs disk;
    struct buffer journal = {0};
    const char *path = session->database; /* its real one */
    const bool has_disk = statvfs(path, &disk) == 0;
    int result =
        doctor_sql_ask(session->db, "PRAGMA main.journal_mode", take_text, &journal, err);
    doctor->sqlite = (struct doctor_sqlite){
        .path = arena_text(doctor->arena, path),
        .journal = arena_copy(doctor->arena, journal.bytes != NULL ? journal.bytes : "",
                              journal.length),
        .not_written = db_look_unwritable_file(doctor->arena, path),
        .free_bytes = has_disk ? (int64_t)disk.f_bavail * (int64_t)disk.f_frsize : -1,
        .is_on_read_only_disk = has_disk && (disk.f_flag & ST_RDONLY) != 0,
        .has_ledger = may_have_ledger(session),
    };
    buffer_release(&journal);
    return result;
}

/* Where that is another database than the ledger's. */
static int connect_source(struct doctor *doctor, struct error *err)
{
    struct session *session = doctor->session;
    doctor->has_source = true;
    if (session->config->ledger_is_database) return 0;
    if (session_reader(session, err) == NULL) {
        if (err->code > ERROR_STOPPED) return -1;
        doctor->has_source = false;
        doctor_find(doctor, DOCTOR_PROBLEM, "where rows come from: %s", err->message);
        error_clear(err);
        return 0;
    }
    doctor_find(doctor, DOCTOR_OK, "where rows come from: %s, '%s'", db_server(session->reader),
                session->config->database.label);
    return 0;
}

int doctor_sql_connect(struct doctor *doctor, struct error *err)
{
    struct session *session = doctor->session;
    const struct ledger_statement statement = {.name = "examine_server"};
    if (session_connect(session, err) != 0) return -1;
    const bool is_file = db_dialect(session->db) == DB_SQLITE;
    const int looked =
        is_file ? look_at_file(doctor, err)
                : ledger_sql_each(session->ledger, &statement, take_server, doctor, err);
    if (looked != 0) return -1;
    doctor->has_database = true;
    const struct doctor_postgres *server = &doctor->postgres;
    if (!is_file && server->version < LEAST_POSTGRES) {
        doctor_find(doctor, DOCTOR_PROBLEM, "%s is too old", db_server(session->db));
        doctor_advise(doctor, "redferry needs PostgreSQL 13 or newer");
    } else if (is_file) {
        doctor_find(doctor, DOCTOR_OK, "%s, '%s', journal mode '%s'%s", db_server(session->db),
                    doctor->sqlite.path, doctor->sqlite.journal,
                    strcmp(doctor->sqlite.journal, "wal") == 0
                        ? ""
                        : ": while a batch is read, who writes waits");
    } else {
        doctor_find(doctor, DOCTOR_OK, "%s, '%s', as role %s%s", db_server(session->db),
                    session->config->ledger.label, server->role,
                    server->has_pooler ? ", through a pooler" : "");
    }
    return connect_source(doctor, err);
}

/* ---- judgements ----------------------------------------------------------------------- */

static void judge_file(struct doctor *doctor)
{
    const struct doctor_sqlite *file = &doctor->sqlite;
    char space[DOCTOR_SIZE_TEXT] = "unknown space";
    if (file->free_bytes >= 0) (void)doctor_size_text((double)file->free_bytes, space);
    if (file->not_written != NULL) {
        doctor_find(doctor, DOCTOR_PROBLEM, "may not be written: %s", file->not_written);
        doctor_advise(doctor, "%s",
                      !file->is_on_read_only_disk
                          ? "run redferry as the user that owns the database, or let its group "
                            "write both"
                      : file->has_ledger
                          ? "its file system is mounted read-only: mount it for writing"
                          : "its file system is mounted read-only: mount it for writing, or "
                            "keep the ledger elsewhere (--ledger)");
    } else if (file->free_bytes >= 0 && file->free_bytes < little_disk) {
        doctor_find(doctor, DOCTOR_WARNING, "only %s are free on its disk", space);
        doctor_advise(doctor, "make room: a full disk stops a run");
    } else {
        doctor_find(doctor, DOCTOR_OK, "file and directory may be written, %s are free", space);
    }
}

int doctor_sql_writes(struct doctor *doctor, struct error *err)
{
    const struct doctor_postgres *server = &doctor->postgres;
    (void)err;
    if (doctor->sqlite.path != NULL) {
        judge_file(doctor);
    } else if (server->is_standby) {
        doctor_find(doctor, DOCTOR_PROBLEM, "this is a standby, in recovery: it only reads");
        doctor_advise(doctor, "name the primary (with several hosts in the URL, "
                              "?target_session_attrs=read-write picks it)");
    } else if (server->is_read_only) {
        doctor_find(doctor, DOCTOR_PROBLEM,
                    "transactions of role %s only read (default_transaction_read_only)",
                    server->role);
        doctor_advise(doctor, "ALTER ROLE %s SET default_transaction_read_only = off",
                      server->role);
    } else {
        doctor_find(doctor, DOCTOR_OK, "a primary, and transactions may write");
    }
    return 0;
}

/* How many more connections there could be now. */
static int64_t connections_left(const struct doctor_postgres *server)
{
    const int64_t left = server->room - server->used;
    if (server->role_room < 0) return left;
    const int64_t role_left = server->role_room - server->role_used;
    return role_left < left ? role_left : left;
}

int doctor_sql_connections(struct doctor *doctor, struct error *err)
{
    const struct doctor_postgres *server = &doctor->postgres;
    const int64_t left = connections_left(server) + 1; /* the doctor's goes */
    const bool by_role = server->role_room >= 0 && server->role_room < server->room;
    (void)err;
    if (doctor->sqlite.path != NULL) return 0;
    if (server->has_pooler) {
        doctor_find(doctor, DOCTOR_OK,
                    "a pooler stands before the server: a run needs %d of its connections at "
                    "once, and one for each `from`",
                    RUN_CONNECTIONS);
        return 0;
    }
    if (left >= RUN_CONNECTIONS) {
        doctor_find(doctor, DOCTOR_OK, "%" PRId64 " are left, a run takes %d", left,
                    RUN_CONNECTIONS);
        return 0;
    }
    doctor_find(doctor, DOCTOR_WARNING, "only %" PRId64 " %s left, and a run takes %d",
                left > 0 ? left : 0, left == 1 ? "is" : "are", RUN_CONNECTIONS);
    if (by_role)
        doctor_advise(doctor, "ALTER ROLE %s CONNECTION LIMIT %" PRId64, server->role,
                      server->role_used + RUN_CONNECTIONS);
    else
        doctor_advise(doctor, "end sessions that are idle, or raise max_connections; `up` "
                              "waits for a place for as long as --lock-timeout says");
    return 0;
}

int doctor_sql_encryption(struct doctor *doctor, struct error *err)
{
    const struct doctor_postgres *server = &doctor->postgres;
    (void)err;
    if (doctor->sqlite.path != NULL || server->has_pooler) return 0;
    if (server->is_encrypted) {
        doctor_find(doctor, DOCTOR_OK, "the connection is encrypted");
    } else if (!server->is_remote) {
        doctor_find(doctor, DOCTOR_OK, "the server is on this host");
    } else {
        doctor_find(doctor, DOCTOR_WARNING,
                    "the connection is not encrypted: rows can be read on their way");
        doctor_advise(doctor, "?sslmode=verify-full in the database's URL");
    }
    return 0;
}

int doctor_sql_clock(struct doctor *doctor, struct error *err)
{
    (void)err;
    if (doctor->sqlite.path == NULL)
        doctor_judge_clock(doctor, "the database server's", doctor->database_ahead_ms);
    return 0;
}

int doctor_sql_schema(struct doctor *doctor, struct error *err)
{
    struct error words = {0};
    const char *remedy = NULL;
    const int seen = schema_migration_see(doctor->session, &words, &remedy, err);
    if (seen < 0 && err->code != ERROR_FAILED) return -1;
    if (seen < 0) {
        doctor_find(doctor, DOCTOR_OK, "cannot be seen: %s", err->message);
    } else if (seen == 0) {
        doctor_find(doctor, DOCTOR_OK, "none is in progress");
    } else {
        doctor_find(doctor, DOCTOR_WARNING, "one is in progress, which `up` waits for: %s",
                    words.message);
        if (remedy != NULL)
            doctor_advise(doctor, "where it has crashed: `%s`", remedy);
        else
            doctor_advise(doctor, "let it end, or use --during-schema-migration");
    }
    return 0;
}
