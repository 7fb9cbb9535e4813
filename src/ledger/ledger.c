/*
 * The ledger remembers: what is applied, and every attempt at it.
 *
 * What makes two runners safe is here, not in the lock: whoever writes a result first locks the
 * one row of data_migration_ledger, looks again at what is applied, and ends every run that
 * still says it runs; and every later word of a run is written only where that run still says
 * so. A runner that lost its lock unnoticed therefore finds no row and stops. The lock itself,
 * the waiting for it, and what to do about a run that was ended are the runner's business.
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

static bool is_alive(const struct run *run)
{
    return run->status == RUN_RUNNING || run->status == RUN_PAUSED;
}

static bool says_it_runs(const struct record *record)
{
    for (size_t i = 0; i < record->run_count; i++) {
        if (is_alive(&record->runs[i])) return true;
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
        if (!is_alive(run)) continue;
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
        if (!is_alive(run)) return 1;
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

/* ---- a run begins ---------------------------------------------------------------------- */

struct version {
    bool applied;
    bool stopped; /* a run of it stopped half-way, as the agenda sees it */
    bool down;    /* that was a run down */
};

static int take_version(void *context, const struct row *row, struct error *err)
{
    struct version *version = context;
    (void)err;
    version->applied = ledger_sql_is_true(&row->values[0]);
    version->stopped = ledger_sql_is_true(&row->values[1]);
    version->down = row->values[2].length == 4 && memcmp(row->values[2].bytes, "down", 4) == 0;
    return 0;
}

/* Whether there still is something to do: 1, 0, or -1 with err. */
static int is_wanted(struct ledger *ledger, const struct ledger_beginning *beginning,
                     struct error *err)
{
    struct ledger_statement statement = {.name = "version"};
    struct version version = {.applied = false};
    ledger_sql_integer(&statement, beginning->migration->version);
    if (ledger_sql_each(ledger, &statement, take_version, &version, err) != 0) return -1;

    if (beginning->down) return version.applied || version.stopped;
    if (beginning->again) return 1;
    if (version.stopped && version.down)
        return error_set(
            err, ERROR_OPERATOR,
            "it was undone half-way meanwhile: `redferry down --only %lld` goes on",
            (long long)beginning->migration->version);
    return !version.applied;
}

static int take_id(void *context, const struct row *row, struct error *err)
{
    const struct value *id = &row->values[0];
    if (number_parse(id->bytes, id->length, 1, INT64_MAX, context) == 0) return 0;
    return error_set(err, ERROR_FAILED, "the database gave the run no number");
}

static int insert_run(struct ledger *ledger, const struct ledger_beginning *beginning,
                      int64_t *run_id, struct error *err)
{
    const struct migration *migration = beginning->migration;
    const struct ledger_author *author = &ledger->author;
    struct ledger_statement insert = {.name = "begin_run"};

    ledger_sql_integer(&insert, migration->version);
    ledger_sql_text(&insert, migration->name);
    ledger_sql_text(&insert, beginning->down ? "down" : "up");
    ledger_sql_text(&insert, beginning->redis);
    ledger_sql_text(&insert, author->operator_name);
    ledger_sql_text(&insert, author->context);
    ledger_sql_text(&insert, author->host);
    ledger_sql_integer(&insert, author->pid);
    ledger_sql_text(&insert, author->tool_version);
    ledger_sql_text(&insert, migration->checksum);
    ledger_sql_text(&insert, migration->definition);
    return ledger_sql_each(ledger, &insert, take_id, run_id, err);
}

static int begin_run(struct ledger *ledger, const struct ledger_beginning *beginning,
                     int64_t *run_id, struct error *err)
{
    char by[48];
    if (ledger_write_begin(ledger, err) != 0) return -1;
    int wanted = is_wanted(ledger, beginning, err);
    if (wanted <= 0) return wanted;
    if (insert_run(ledger, beginning, run_id, err) != 0) return -1;
    (void)snprintf(by, sizeof by, "run %lld", (long long)*run_id);
    return ledger_write_end_others(ledger, *run_id, by, err) == 0 ? 1 : -1;
}

int ledger_begin(struct ledger *ledger, const struct ledger_beginning *beginning,
                 int64_t *run_id, struct error *err)
{
    return ledger_write_end(ledger, begin_run(ledger, beginning, run_id, err), err);
}

int ledger_end_crashed(struct ledger *ledger, const char *by, struct error *err)
{
    int result = ledger_write_begin(ledger, err);
    if (result == 0) result = ledger_write_end_others(ledger, 0, by, err);
    return ledger_write_end(ledger, result, err);
}

/* ---- a run goes on --------------------------------------------------------------------- */

int ledger_confirm(struct ledger *ledger, int64_t run_id, int64_t origin, struct error *err)
{
    struct ledger_statement statement = {.name = "confirm"};
    ledger_sql_integer(&statement, run_id);
    ledger_sql_integer(&statement, origin);
    return ledger_write_alone_for_run(ledger, DB_WRITE, &statement, run_id, err);
}

int ledger_check_running(struct ledger *ledger, int64_t run_id, struct error *err)
{
    struct ledger_statement statement = {.name = "running"};
    ledger_sql_integer(&statement, run_id);
    return ledger_write_alone_for_run(ledger, DB_READ, &statement, run_id, err);
}

int ledger_credit(struct ledger *ledger, int64_t run_id, int64_t killed_id,
                  const struct tally *missing, struct error *err)
{
    struct ledger_statement statement = {.name = "credit"};
    ledger_sql_integer(&statement, killed_id);
    ledger_sql_integer(&statement, missing->rows_read);
    ledger_sql_integer(&statement, missing->commands_sent);
    ledger_sql_integer(&statement, missing->messages_published);
    ledger_sql_integer(&statement, run_id);
    int result = db_begin(ledger->db, DB_WRITE, err);
    if (result == 0) result = ledger_write_for_run(ledger, &statement, run_id, err);
    return ledger_write_end(ledger, result, err);
}

struct mirrored {
    bool found;
    enum request request;
};

static int take_request(void *context, const struct row *row, struct error *err)
{
    struct mirrored *mirrored = context;
    mirrored->found = true;
    return ledger_request_take(&row->values[0], &mirrored->request, err);
}

int ledger_mirror(struct ledger *ledger, int64_t run_id, const struct ledger_position *position,
                  enum request *request, struct error *err)
{
    struct ledger_statement statement = {.name = "mirror"};
    struct mirrored mirrored = {.found = false};
    ledger_write_add_position(&statement, run_id, position);
    ledger_sql_text(&statement, position->cursor);

    const struct ledger_alone alone = {DB_WRITE, &statement, take_request, &mirrored};
    if (ledger_write_alone(ledger, alone, err) != 0) return -1;
    if (!mirrored.found) return ledger_write_refuse_ended(ledger, run_id, err);
    if (request != NULL) *request = mirrored.request;
    return 0;
}

static int record_step(struct ledger *ledger, int64_t run_id,
                       const struct ledger_position *position, struct error *err)
{
    struct ledger_statement statement = {.name = "record_step"};
    ledger_write_add_position(&statement, run_id, position);
    ledger_sql_text(&statement, position->cursor);
    return ledger_write_for_run(ledger, &statement, run_id, err);
}

int ledger_run_sql(struct ledger *ledger, int64_t run_id, const char *statement,
                   struct ledger_position *position, struct error *err)
{
    struct ledger_position done = *position;
    int64_t changed = 0;
    int result = db_begin(ledger->db, DB_WRITE, err);
    if (result == 0) result = record_step(ledger, run_id, position, err);
    crash_point("sql step begun");
    if (result == 0) result = db_execute(ledger->db, statement, NULL, 0, &changed, err);
    crash_point("sql step executed");
    done.tally.rows_changed += changed;
    done.cursor = "[]";
    if (result == 0) result = record_step(ledger, run_id, &done, err);
    result = ledger_write_end(ledger, result, err);
    if (result == 0) *position = done;
    return result;
}

/* ---- a run ends ------------------------------------------------------------------------ */

static int finish(struct ledger *ledger, int64_t run_id,
                  const struct ledger_beginning *beginning,
                  const struct ledger_position *position, struct error *err)
{
    struct ledger_statement run = {.name = "finish_run"};
    struct ledger_statement entry = {.name = beginning->down ? "unapply" : "apply"};
    if (ledger_write_begin(ledger, err) != 0) return -1;
    ledger_write_add_position(&run, run_id, position);
    if (ledger_write_for_run(ledger, &run, run_id, err) != 0) return -1;
    ledger_sql_integer(&entry, beginning->down ? beginning->migration->version : run_id);
    return ledger_sql_execute(ledger, &entry, NULL, err);
}

int ledger_finish(struct ledger *ledger, int64_t run_id,
                  const struct ledger_beginning *beginning,
                  const struct ledger_position *position, struct error *err)
{
    return ledger_write_end(ledger, finish(ledger, run_id, beginning, position, err), err);
}

/* A run that another has ended keeps what the other said of it. */
int ledger_stop(struct ledger *ledger, int64_t run_id, enum run_status status,
                const char *message, const struct ledger_position *position, struct error *err)
{
    struct ledger_statement mirror = {.name = "mirror"};
    struct ledger_statement stop = {.name = "stop_run"};
    struct mirrored mirrored = {.found = false};
    int result = db_begin(ledger->db, DB_WRITE, err);
    if (result == 0 && position != NULL) {
        ledger_write_add_position(&mirror, run_id, position);
        ledger_sql_text(&mirror, position->cursor);
        result = ledger_sql_each(ledger, &mirror, take_request, &mirrored, err);
    }
    ledger_sql_integer(&stop, run_id);
    ledger_sql_text(&stop, run_status_text(status));
    ledger_sql_text(&stop, message);
    if (result == 0) result = ledger_sql_execute(ledger, &stop, NULL, err);
    return ledger_write_end(ledger, result, err);
}

/* Ends no other's run: another may rightly be at work on the next version by now. */
int ledger_announced(struct ledger *ledger, int64_t run_id, struct error *err)
{
    struct ledger_statement statement = {.name = "announce"};
    ledger_sql_integer(&statement, run_id);
    const struct ledger_alone alone = {DB_WRITE, &statement, NULL, NULL};
    return ledger_write_alone(ledger, alone, err);
}

struct unannounced {
    bool found;
    int64_t rows;
};

static int take_unannounced(void *context, const struct row *row, struct error *err)
{
    struct unannounced *unannounced = context;
    const struct value *rows = &row->values[0];
    unannounced->found = true;
    if (number_parse(rows->bytes, rows->length, 0, INT64_MAX, &unannounced->rows) == 0)
        return 0;
    return error_set(err, ERROR_FAILED, "the ledger does not say how many rows were read");
}

int ledger_is_unannounced(struct ledger *ledger, int64_t version, int64_t run_id, int64_t *rows,
                          struct error *err)
{
    struct ledger_statement statement = {.name = "unannounced"};
    struct unannounced found = {0};
    ledger_sql_integer(&statement, version);
    ledger_sql_integer(&statement, run_id);
    const struct ledger_alone alone = {DB_READ, &statement, take_unannounced, &found};
    if (ledger_write_alone(ledger, alone, err) != 0) return -1;
    if (found.found) *rows = found.rows;
    return found.found;
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
