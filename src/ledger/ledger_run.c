/*
 * The life of a run: it begins, says where it stands, and ends.
 *
 * What makes two runners safe is here, not in the lock: whoever writes a result first locks the
 * one row of data_migration_ledger, looks again at what is applied, and ends every run that
 * still says it runs; and every later word of a run is written only where that run still says
 * so. A runner that lost its lock unnoticed therefore finds no row and stops. What to do about
 * a run that was ended is the runner's business.
 */
#include "ledger_run.h"

#include <stdio.h>
#include <string.h>

#include "crash.h"
#include "db.h"
#include "error.h"
#include "ledger_request.h"
#include "ledger_sql.h"
#include "ledger_write.h"
#include "migration.h"
#include "number.h"

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
    version->down = value_is(&row->values[2], "down");
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
            "%lld_%s was undone half-way meanwhile: `redferry down --only %lld` goes on",
            (long long)beginning->migration->version, beginning->migration->name,
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
