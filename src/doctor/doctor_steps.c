/*
 * The doctor's look at the steps of the pending migrations.
 *
 * Whether a query may be read is not worked out from grants but tried: it is described, planned
 * and read for its first rows, in transactions that can only read (db_look). The rows' commands
 * are kept, for Redis to be asked about them.
 */
#include "doctor_steps.h"

#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "buffer.h"
#include "command.h"
#include "command_facts.h"
#include "config.h"
#include "db.h"
#include "db_look.h"
#include "doctor.h"
#include "doctor_sql.h"
#include "error.h"
#include "migration.h"
#include "number.h"
#include "resp.h"
#include "row_key.h"
#include "session.h"
#include "sink.h"
#include "source_query.h"

enum {
    SAMPLE_ROWS = 3,
    OVERHEAD = 64, /* what Redis needs for a key or a member besides its bytes, about */
    MOST_COUNTED = 1000000
};

/* Going through them. */
struct visit {
    struct doctor *doctor;
    const struct migration *migration;
    const struct step *step;
    struct db *db;   /* where the step reads */
    bool behind_sql; /* an `sql` step that is still to come may change what it finds */
    size_t pending;  /* migrations */
    size_t reads, statements;
    size_t later;              /* steps that wait for an `sql` step */
    size_t unknowable;         /* statements that cannot be planned */
    struct source_query query; /* of the step; {0}: none */
};

static const struct columns no_columns = {0};

/* What is wrong with the step, at a place of its file. Behind an `sql` step it may be right by
 * then. Returns 0, or -1 where it is no matter of the step. */
static int blame(struct visit *visit, int line, int column, struct error *err)
{
    struct doctor *doctor = visit->doctor;
    if (err->code > ERROR_STOPPED ||
        (err->code == ERROR_SQL_UNREACHABLE && visit->step->from == NULL))
        return -1;
    if (visit->behind_sql && err->code == ERROR_FAILED) {
        visit->later++;
    } else {
        doctor_find(doctor, DOCTOR_PROBLEM, "%s:%d:%d: step '%s': %s", visit->migration->file,
                    line, column, visit->step->name, err->message);
        if (strstr(err->message, "permission denied") != NULL)
            doctor_advise(doctor, "GRANT what it needs there TO %s",
                          doctor->postgres.role != NULL ? doctor->postgres.role : "its role");
    }
    error_clear(err);
    return 0;
}

static int take_count(void *context, const struct row *row, struct error *err)
{
    (void)err;
    (void)number_parse(row->values[0].bytes, row->values[0].length, 0, INT64_MAX,
                       (int64_t *)context);
    return 0;
}

/* Row-level security leaves rows out without a word, and so would the run. */
static int warn_of_hidden_rows(struct visit *visit, struct error *err)
{
    struct doctor *doctor = visit->doctor;
    const int result = db_look_query_unfiltered(visit->db, visit->step->read, err);
    if (result == 0 || err->code != ERROR_FAILED) return result;
    error_clear(err);
    doctor_find(doctor, DOCTOR_WARNING,
                "%s:%d:%d: step '%s': row-level security may hide rows from its role, and they "
                "would not be carried",
                visit->migration->file, visit->step->read_line, visit->step->read_column,
                visit->step->name);
    doctor_advise(doctor, "where all are meant, read as a role with BYPASSRLS");
    return 0;
}

/* About how many rows there are: what the database's statistics say; where they say nothing, as
 * mostly in SQLite, they are counted up to a bound. */
static int count_rows(struct visit *visit, int64_t *count, struct error *err)
{
    const struct source_span whole = {0};
    struct db_forecast forecast = {0};
    struct buffer sql = {0};
    if (source_query_forecast(&visit->query, &whole, &forecast, err) != 0) return -1;
    *count = forecast.rows;
    if (forecast.rows >= 0) return 0;
    buffer_append_format(&sql, "SELECT count(*) FROM (SELECT 1 FROM (\n%s\n) LIMIT %d)",
                         visit->query.text, MOST_COUNTED);
    const int result = buffer_text(&sql) != NULL
                           ? doctor_sql_ask(visit->db, sql.bytes, take_count, count, err)
                           : error_memory(err);
    buffer_release(&sql);
    return result;
}

/* What a command adds to Redis' memory, about: nothing where it removes, or only tells. */
static double weigh(const struct command *command, const char *bytes, size_t length)
{
    static const char *const lighter[] = {
        "DEL",      "UNLINK",  "HDEL",   "SREM",    "ZREM",      "LREM",   "EXPIRE", "PEXPIRE",
        "EXPIREAT", "PERSIST", "RENAME", "PUBLISH", "PEXPIREAT", "GETDEL", "XDEL"};
    struct resp resp = {bytes, length};
    struct resp_command whole;
    struct resp_argument argument;
    double weight = OVERHEAD;
    if (command->is_publish || (command->facts != NULL && !command->facts->writes)) return 0;
    for (size_t i = 0; command->facts != NULL && i < sizeof lighter / sizeof *lighter; i++)
        if (strcmp(command->facts->name, lighter[i]) == 0) return 0;
    if (!resp_next(&resp, &whole) || !resp_argument(&whole, &argument)) return 0;
    while (resp_argument(&whole, &argument)) weight += (double)argument.length;
    return weight;
}

/* Keep what command would send for row. */
static int keep_sample(struct visit *visit, const struct command *command,
                       const struct row *row, double *weight, struct error *err)
{
    struct doctor *doctor = visit->doctor;
    struct buffer resp = {0};
    int result = command_render(command, row, &resp, err);
    struct doctor_sample *samples = NULL;
    if (result == 0) {
        samples = doctor_grow(doctor, doctor->samples, doctor->sample_count,
                              &doctor->sample_capacity, sizeof *samples);
        result = samples != NULL ? 0 : error_memory(err);
    }
    if (result == 0) {
        doctor->samples = samples;
        samples[doctor->sample_count++] = (struct doctor_sample){
            .migration = visit->migration,
            .command = command,
            .bytes = arena_copy(doctor->arena, resp.bytes, resp.length),
            .length = resp.length,
        };
        *weight += weigh(command, resp.bytes, resp.length);
    }
    buffer_release(&resp);
    return result;
}

/* The row is named by its key, as the run would. */
static void name_row(const struct visit *visit, const struct row *row, struct error *err)
{
    const struct sink_step step = {.step = visit->step,
                                   .key_columns = visit->query.key,
                                   .key_count = visit->query.key_count};
    (void)row_key_blame(err, &step, row, 0);
}

/* Returns 0; 1 where a command was blamed; or -1 with err. */
static int keep_samples(struct visit *visit, const struct row *row, double *weight,
                        struct error *err)
{
    const struct step *step = visit->step;
    for (size_t i = 0; i < step->command_count; i++) {
        const struct command *command = &step->commands[i];
        if (keep_sample(visit, command, row, weight, err) == 0) continue;
        name_row(visit, row, err);
        return blame(visit, command->line, command->column, err) == 0 ? 1 : -1;
    }
    return 0;
}

/* Returns 0; 1 where a command was blamed; or -1 with err. */
static int bind_commands(struct visit *visit, const struct columns *columns, struct error *err)
{
    for (size_t i = 0; i < visit->step->command_count; i++) {
        struct command *command = &visit->step->commands[i];
        if (command_bind(command, columns, err) == 0) continue;
        err->code = ERROR_FAILED; /* the file is in order; the query has other columns today */
        return blame(visit, command->line, command->column, err) == 0 ? 1 : -1;
    }
    return 0;
}

/* Read the first rows, and weigh them. Returns as keep_samples(). */
static int read_samples(struct visit *visit, int64_t expected, struct error *err)
{
    struct doctor *doctor = visit->doctor;
    const struct source_span whole = {0};
    struct db_rows *rows = NULL;
    struct row row = {0};
    enum db_next next = DB_END;
    double weight = 0;
    int count = 0, result = 0;
    if (source_query_stream(&visit->query, &whole, SAMPLE_ROWS, &rows, err) != 0) return -1;
    while (result == 0 && count < SAMPLE_ROWS &&
           (next = db_rows_next(rows, true, &row, err)) == DB_ROW) {
        row.columns = &visit->query.columns;
        result = keep_samples(visit, &row, &weight, err);
        count++;
    }
    db_rows_close(rows);
    if (result != 0 || next == DB_FAILED) return result > 0 ? 1 : -1;
    if (count > 0 && expected > 0) {
        if (count < SAMPLE_ROWS) expected = count;
        doctor->load.rows += (double)expected;
        doctor->load.bytes += (double)expected * weight / count;
    }
    return 0;
}

/* Describe it, try its order, find every placeholder's column, read the first rows. Returns as
 * bind_commands(). */
static int try_read(struct visit *visit, struct error *err)
{
    const struct source_span whole = {0};
    int64_t expected = 0;
    if (db_look_query(visit->db, visit->step->read, err) != 0 ||
        source_query_init(&visit->query, visit->db, visit->step, err) != 0 ||
        source_query_try(&visit->query, &whole, err) != 0)
        return -1;
    const int bound = bind_commands(visit, &visit->query.columns, err);
    if (bound != 0) return bound;
    if (warn_of_hidden_rows(visit, err) != 0 || count_rows(visit, &expected, err) != 0)
        return -1;
    return read_samples(visit, expected, err);
}

static int visit_read(struct visit *visit, struct error *err)
{
    struct session *session = visit->doctor->session;
    const struct step *step = visit->step;
    struct db *from = NULL;
    if (step->from != NULL)
        visit->db = from = session_open_from(session, step->from, err);
    else
        visit->db =
            session->config->ledger_is_database ? session->db : session_reader(session, err);
    int result = visit->db != NULL ? try_read(visit, err) : -1;
    if (result == 0)
        visit->reads++;
    else
        visit->doctor->load.is_partial = true;
    if (result < 0) result = blame(visit, step->read_line, step->read_column, err);
    source_query_release(&visit->query);
    db_close(from);
    return result < 0 ? -1 : 0;
}

static int visit_statement(struct visit *visit, struct error *err)
{
    const struct step *step = visit->step;
    int result = 0;
    if (!db_look_can_plan(step->sql))
        visit->unknowable++;
    else if (db_look_statement(visit->doctor->session->db, step->sql, err) == 0)
        visit->statements++;
    else
        result = blame(visit, step->sql_line, step->sql_column, err);
    visit->behind_sql = true;
    return result;
}

static int visit_commands(struct visit *visit, struct error *err)
{
    const struct row row = {.columns = &no_columns};
    double weight = 0;
    int result = bind_commands(visit, &no_columns, err);
    if (result == 0) result = keep_samples(visit, &row, &weight, err);
    visit->doctor->load.bytes += weight;
    return result < 0 ? -1 : 0;
}

static int visit_step(struct visit *visit, struct error *err)
{
    struct doctor *doctor = visit->doctor;
    const struct command *culprit = NULL;
    if (!doctor->session->config->allow_repeats &&
        step_guarantee(visit->step, &culprit) == GUARANTEE_REFUSED) {
        doctor_find(doctor, DOCTOR_PROBLEM,
                    "%s:%d:%d: step '%s': '%s' must not be repeated, and without a `key` the "
                    "step cannot know where it stopped",
                    visit->migration->file, culprit->line, culprit->column, visit->step->name,
                    culprit->text);
        doctor_advise(doctor, "give it a `key` (or --allow-repeats)");
    }
    if (visit->step->sql != NULL) return visit_statement(visit, err);
    if (visit->step->read != NULL) return visit_read(visit, err);
    return visit_commands(visit, err);
}

/* The top-level messages, as they would be sent. */
static int visit_announcements(struct visit *visit, struct error *err)
{
    const struct migration *migration = visit->migration;
    const struct columns *columns = migration_announcement_columns();
    char version[24], rows[24];
    const struct value values[] = {value_integer(migration->version, version),
                                   value_text(migration->name), value_integer(0, rows)};
    const struct row row = {.columns = columns, .values = values};
    double weight = 0;
    for (size_t i = 0; i < migration->announcement_count; i++) {
        struct command *command = &migration->announcements[i];
        if (command_bind(command, columns, err) != 0 ||
            keep_sample(visit, command, &row, &weight, err) != 0)
            return -1;
    }
    return 0;
}

static int visit_migration(struct visit *visit, struct error *err)
{
    const struct steps *steps = &visit->migration->up;
    visit->pending++;
    for (size_t i = 0; i < steps->count; i++) {
        visit->step = &steps->items[i];
        if (visit_step(visit, err) != 0) return -1;
    }
    return visit_announcements(visit, err);
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

int doctor_steps(struct doctor *doctor, struct error *err)
{
    const struct agenda *agenda = &doctor->session->agenda;
    struct visit visit = {.doctor = doctor};
    char later[96] = "", unknowable[96] = "";
    for (size_t i = 0; i < agenda->count; i++) {
        if (!agenda->items[i].pending) continue;
        visit.migration = agenda->items[i].migration;
        if (visit_migration(&visit, err) != 0) return -1;
    }
    if (visit.pending == 0) {
        doctor_find(doctor, DOCTOR_OK, "nothing is pending");
        return 0;
    }
    if (visit.later > 0)
        (void)snprintf(later, sizeof later,
                       "; %zu step%s can be known only behind an `sql` step", visit.later,
                       plural(visit.later));
    if (visit.unknowable > 0)
        (void)snprintf(unknowable, sizeof unknowable,
                       "; %zu statement%s cannot be known beforehand", visit.unknowable,
                       plural(visit.unknowable));
    doctor_find(
        doctor, DOCTOR_OK,
        "of %zu pending migration%s %zu quer%s can be read and %zu statement%s planned%s%s",
        visit.pending, plural(visit.pending), visit.reads, visit.reads == 1 ? "y" : "ies",
        visit.statements, plural(visit.statements), later, unknowable);
    return 0;
}
