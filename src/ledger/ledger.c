/*
 * The ledger remembers: what is applied, and every attempt at it.
 *
 * Here are its tables' names, its readings, and what a person tells it by hand; how it is read,
 * made and written are modules of their own, and the life of a run is ledger_run's. The lock
 * itself, and the waiting for it, are the runner's business.
 */
#include "ledger.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash.h"
#include "db.h"
#include "error.h"
#include "ledger_glance.h"
#include "ledger_privileges.h"
#include "ledger_read.h"
#include "ledger_request.h"
#include "ledger_sql.h"
#include "ledger_tables.h"
#include "ledger_write.h"
#include "migration.h"
#include "number.h"

/* PostgreSQL cuts longer names off, and then two tables would be one. */
enum { MOST_SCHEMA = 63, MOST_TABLE = 63 - (int)(sizeof "_ledger" - 1) };

static const char standard_table[] = "data_migrations";

/* ---- open and close -------------------------------------------------------------------- */

/* Whether a name can be quoted in every place where the statements have one. */
static bool is_name(const char *text, size_t most)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (!isalnum(c) && c != '_' && c != '-' && c != '$' && c < 0x80) return false;
    }
    return length > 0 && length <= most;
}

static int refuse_name(const char *table, const char *why, struct error *err)
{
    return error_set(err, ERROR_INVALID, "'%s' cannot be the ledger's table: %s", table, why);
}

/* Take "NAME" or "schema.NAME" apart into ledger's names. */
static int name_tables(struct ledger *ledger, const char *table, struct error *err)
{
    struct arena *arena = &ledger->arena;
    const char *dot = strchr(table, '.');
    const char *name = dot != NULL ? dot + 1 : table;
    if (dot != NULL && ledger->dialect == DB_SQLITE)
        return refuse_name(table, "SQLite has no schemas, the name stands alone", err);
    if (dot != NULL) ledger->given_schema = arena_copy(arena, table, (size_t)(dot - table));
    if (ledger->given_schema != NULL && !is_name(ledger->given_schema, MOST_SCHEMA))
        return refuse_name(table, "in front of the dot stands no schema's name", err);
    if (!is_name(name, MOST_TABLE))
        return refuse_name(table,
                           "a name is 1 to 56 letters, digits, '_', '-' or '$', in PostgreSQL "
                           "also schema.NAME",
                           err);
    if (ledger->dialect == DB_SQLITE && strncasecmp(name, "sqlite_", 7) == 0)
        return refuse_name(table, "SQLite keeps names that begin with 'sqlite_' to itself",
                           err);

    bool standard = strcmp(name, standard_table) == 0;
    ledger->tables[LEDGER_ENTRIES] = arena_text(arena, name);
    ledger->tables[LEDGER_RUNS] =
        standard ? "data_migration_runs" : arena_format(arena, "%s_runs", name);
    ledger->tables[LEDGER_ROW] =
        standard ? "data_migration_ledger" : arena_format(arena, "%s_ledger", name);
    return arena->failed ? error_memory(err) : 0;
}

/* Until the database has said how it writes the schema: quoted. */
static int quote_schema(struct ledger *ledger, struct error *err)
{
    if (ledger->given_schema == NULL) return 0;
    db_append_identifier(&ledger->text, ledger->given_schema);
    if (buffer_text(&ledger->text) != NULL)
        ledger->schema = arena_copy(&ledger->arena, ledger->text.bytes, ledger->text.length);
    return ledger->schema != NULL ? 0 : error_memory(err);
}

static int open_ledger(struct ledger **out, const struct ledger *like, const char *table,
                       struct error *err)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL) return error_memory(err);
    *ledger = *like;
    if (name_tables(ledger, table, err) != 0 || quote_schema(ledger, err) != 0) {
        ledger_close(ledger);
        return -1;
    }
    *out = ledger;
    return 0;
}

int ledger_open(struct ledger **out, struct db *db, const char *table,
                const struct ledger_author *author, struct error *err)
{
    const struct ledger like = {.db = db, .dialect = db_dialect(db), .author = *author};
    return open_ledger(out, &like, table, err);
}

int ledger_open_to_print(struct ledger **out, enum db_dialect dialect, const char *table,
                         struct error *err)
{
    const struct ledger like = {.dialect = dialect};
    return open_ledger(out, &like, table, err);
}

void ledger_close(struct ledger *ledger)
{
    if (ledger == NULL) return;
    buffer_release(&ledger->text);
    arena_release(&ledger->arena);
    free(ledger);
}

void ledger_sign(struct ledger *ledger, const char *operator_name)
{
    ledger->author.operator_name = operator_name;
}

void ledger_use(struct ledger *ledger, struct db *db)
{
    ledger->db = db;
}

const char *ledger_lock_name(const struct ledger *ledger)
{
    return ledger->lock_name;
}

const char *ledger_holder_name(const struct ledger *ledger, const char *host, int64_t pid,
                               struct arena *arena)
{
    return arena_format(arena, "%s held by %lld of %s", ledger->lock_name, (long long)pid,
                        host);
}

/* ---- reading --------------------------------------------------------------------------- */

static bool says_it_runs(const struct record *record)
{
    for (size_t i = 0; i < record->run_count; i++) {
        if (run_is_alive(&record->runs[i])) return true;
    }
    return false;
}

/* Find out whose run it is that the lock is held for: one that crashed says that it runs as
 * well, and another may have taken the lock since. */
static int find_holder(struct ledger *ledger, struct record *record, struct arena *arena,
                       struct error *err)
{
    for (size_t i = 0; i < record->run_count && record->holder == NULL; i++) {
        const struct run *run = &record->runs[i];
        if (!run_is_alive(run)) continue;
        const char *name = ledger_holder_name(ledger, run->host, run->pid, arena);
        if (name == NULL) return error_memory(err);
        const int held = db_lock_held(ledger->db, name, err);
        if (held < 0) return -1;
        if (held == 1) record->holder = run;
    }
    return 0;
}

/*
 * A run may end between reading its row and asking for its lock. Only one that still says it
 * runs in a second reading, after nobody held the lock, has crashed.
 */
int ledger_read(struct ledger *ledger, struct ledger_state *state, struct arena *arena,
                struct error *err)
{
    for (int reading = 1; reading <= 2; reading++) {
        if (ledger_read_state(ledger, state, arena, err) != 0) return -1;
        if (reading == 2 || !says_it_runs(&state->record)) return 0;
        int held = db_lock_held(ledger->db, ledger->lock_name, err);
        if (held < 0) return -1;
        state->record.lock_held = held == 1;
        if (held == 1) return find_holder(ledger, &state->record, arena, err);
    }
    return 0;
}

int ledger_glance(struct ledger *ledger, struct ledger_state *state, struct arena *arena,
                  struct error *err)
{
    return ledger_glance_state(ledger, state, arena, err);
}

/* As with ledger_read(), only who says twice that it runs, without the lock, has crashed. */
int ledger_follow(struct ledger *ledger, int64_t run_id, struct arena *arena, struct run *run,
                  bool *crashed, struct error *err)
{
    *crashed = false;
    for (int reading = 1;; reading++) {
        const int found = ledger_read_run(ledger, run_id, arena, run, err);
        if (found != 1) return found;
        if (!run_is_alive(run)) return 1;
        if (reading == 2) break;
        const int held = db_lock_held(ledger->db, ledger->lock_name, err);
        if (held != 0) return held;
    }
    *crashed = true;
    return 1;
}

int ledger_history(struct ledger *ledger, int64_t version, int64_t run_id, struct arena *arena,
                   struct run **runs, size_t *count, struct error *err)
{
    struct ledger_read_runs list = {.ledger = ledger, .arena = arena};
    if (ledger_read_history(&list, version, run_id, err) != 0) return -1;
    *runs = list.items;
    *count = list.count;
    return 0;
}

/* ---- the tables ------------------------------------------------------------------------ */

/* Where two make the tables at once in spite of the lock, one fails, and then finds them made.
 */
int ledger_ensure(struct ledger *ledger, struct arena *arena, const char **id,
                  struct error *err)
{
    if (ledger_tables_ensure(ledger, arena, id, err) == 0) return 0;
    if (err->code != ERROR_FAILED || err->passing) return -1;
    error_clear(err);
    return ledger_tables_ensure(ledger, arena, id, err);
}

int ledger_check(struct ledger *ledger, struct error *err)
{
    return ledger_tables_check(ledger, err);
}

/* That all columns are there, reading has shown. */
int ledger_is_ready(struct ledger *ledger, const struct ledger_state *state, struct error *err)
{
    if (!state->present || state->layout != LEDGER_LAYOUT || state->id == NULL) return 0;
    return ledger_privileges_check(ledger, LEDGER_TO_WRITE, false, err) == 0 ? 1 : -1;
}

int ledger_check_layout(const struct ledger *ledger, int64_t layout, struct error *err)
{
    return ledger_tables_check_layout(ledger, layout, err);
}

const char *ledger_creation_sql(struct ledger *ledger, struct arena *arena)
{
    return ledger_tables_creation_sql(ledger, arena);
}

/* ---- by hand --------------------------------------------------------------------------- */

/* What a person tells the ledger of a version. */
struct change {
    const char *word; /* the command, for whoever's run it ends */
    int64_t version;
    struct ledger_statement statements[2];
    size_t count;
};

/* Lock the ledger, run the statements, and where they changed anything end running runs.
 * Returns 1 where they did, else 0, or -1 with err. */
static int make(struct ledger *ledger, const struct change *change, struct error *err)
{
    char by[64];
    int64_t total = 0;
    int result = ledger_write_begin(ledger, err);
    for (size_t i = 0; result == 0 && i < change->count; i++) {
        int64_t changed = 0;
        result = ledger_sql_execute(ledger, &change->statements[i], &changed, err);
        total += changed;
    }
    (void)snprintf(by, sizeof by, "`redferry %s %lld`", change->word,
                   (long long)change->version);
    if (result == 0 && total > 0) result = ledger_write_end_others(ledger, 0, by, err);
    return ledger_write_end(ledger, result == 0 ? total > 0 : -1, err);
}

int ledger_mark(struct ledger *ledger, const struct migration *migration, struct error *err)
{
    struct change change = {
        "mark", migration->version, {{.name = "mark"}, {.name = "close_runs"}}, 2};
    struct ledger_statement *mark = change.statements;
    ledger_sql_integer(mark, migration->version);
    ledger_sql_text(mark, migration->name);
    ledger_sql_text(mark, migration->checksum);
    ledger_sql_text(mark, ledger->author.operator_name);
    ledger_sql_integer(&change.statements[1], migration->version);
    return make(ledger, &change, err);
}

int ledger_unmark(struct ledger *ledger, int64_t version, struct error *err)
{
    struct change change = {"unmark", version, {{.name = "unapply"}}, 1};
    ledger_sql_integer(change.statements, version);
    return make(ledger, &change, err);
}

int ledger_repair(struct ledger *ledger, int64_t version, const char *checksum,
                  struct error *err)
{
    struct change change = {"repair", version, {{.name = "repair"}, {.name = "forget"}}, 2};
    ledger_sql_integer(&change.statements[0], version);
    ledger_sql_text(&change.statements[0], checksum);
    ledger_sql_integer(&change.statements[1], version);
    return make(ledger, &change, err);
}
