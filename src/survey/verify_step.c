/*
 * One step verified: its rows once more, and what their commands would leave held against what
 * Redis holds. Rows are read as a run reads them: read-only, in one statement and so one
 * snapshot (in batches where the step pauses). What the step was not written for is not read: a
 * step of commands that cannot be compared only matters where it may have overwritten
 * something.
 */
#include "verify_step.h"

#include "arena.h"
#include "clock.h"
#include "comparison.h"
#include "config.h"
#include "db.h"
#include "error.h"
#include "expectation.h"
#include "migration.h"
#include "row_key.h"
#include "session.h"
#include "sink.h"
#include "source.h"
#include "stop.h"

enum { TICK_MS = 250 };

static const struct columns no_columns = {0};

int verify_pass_over(struct session *session, bool is_named, const char *what,
                     const char **reason, struct error *err)
{
    const char *why = arena_text(session->results, err->message);
    if (what == NULL || why == NULL) return error_memory(err);
    (void)error_prefix(err, "%s: ", what);
    if (is_named) return -1;
    *reason = why;
    listener_say(&session->listener, EVENT_WARNING, "not compared: %s", err->message);
    error_clear(err);
    return 0;
}

int verify_step_init(struct verify_step *verify, const struct step *step,
                     struct session *session, struct error *err)
{
    *verify = (struct verify_step){.step = step};
    verify->lines =
        arena_array(&session->arena, step->command_count + 1, sizeof *verify->lines);
    if (verify->lines == NULL) return error_memory(err);
    for (size_t i = 0; i < step->command_count; i++)
        verify->lines[i] = comparison_line(&step->commands[i]);
    if (step->sql != NULL) verify->reason = "an `sql` statement leaves nothing in Redis";
    return 0;
}

/* ---- how to read ------------------------------------------------------------------------ */

/* Who pauses for the sake of Redis when writing does so when reading, too. */
static int64_t pause_of(const struct verify_work *work, const struct step *step)
{
    return session_pause_ms(work->session, step);
}

static int check_stop(const struct verify_work *work, struct error *err)
{
    const struct session *session = work->session;
    if (stop_requested(session->stop)) return stop_error(session->stop, err);
    if (!session_is_over(session)) return 0;
    return error_set(err, ERROR_INCOMPLETE, "--max-time is over: not everything was compared");
}

/* Put the row in front of an error about it. Returns -1. */
static int name_row(const struct verify_work *work, const struct verify_step *verify,
                    const struct source *source, const struct row *row, struct error *err)
{
    const struct sink_step step = {.step = verify->step,
                                   .key_columns = source_key_columns(source),
                                   .key_count = verify->step->key_count};
    return row_key_blame(err, &step, row, work->step_rows);
}

static int put_row(struct verify_work *work, const struct verify_step *verify,
                   const struct source *source, const struct row *row, struct error *err)
{
    work->tally.rows_read++;
    work->step_rows++;
    if (comparison_put(work->comparison, verify->lines, verify->step->command_count, row,
                       err) == 0)
        return 0;
    /* What is wrong with the wire is not this row's fault. */
    return comparison_has_failed(work->comparison) ? -1
                                                   : name_row(work, verify, source, row, err);
}

static int end_batch(struct verify_work *work, const struct step *step, struct error *err)
{
    int64_t pause_ms = pause_of(work, step);
    work->session->has_progressed = true;
    progress_count(&work->progress, &work->tally);
    if (check_stop(work, err) != 0) return -1;
    if (pause_ms == 0) return 0;
    if (comparison_flush(work->comparison, err) != 0) return -1;
    return stop_sleep(work->session->stop, pause_ms, err);
}

static int wait_for_row(struct verify_work *work, const struct source *source,
                        struct error *err)
{
    if (comparison_wait(work->comparison, source_descriptor(source), TICK_MS, err) < 0)
        return -1;
    progress_count(&work->progress, &work->tally);
    return check_stop(work, err);
}

static int compare_rows(struct verify_work *work, const struct verify_step *verify,
                        struct source *source, struct error *err)
{
    const struct stop *stop = work->session->stop;
    struct row row = {0};
    int result = 0;
    work->step_rows = 0;
    while (result == 0) {
        switch (source_next(source, stop_requested(stop), false, &row, err)) {
        case SOURCE_ROW:
            result = put_row(work, verify, source, &row, err);
            break;
        case SOURCE_AGAIN:
            result = wait_for_row(work, source, err);
            break;
        case SOURCE_BATCH:
            result = end_batch(work, verify->step, err);
            break;
        case SOURCE_END:
            return comparison_flush(work->comparison, err);
        case SOURCE_FAILED:
            return -1;
        }
    }
    return -1;
}

/* What cannot be read at all is not the step's fault; what only it needs may have gone. */
static struct db *find_database(struct verify_work *work, const struct step *step,
                                struct db **from, struct error *err)
{
    if (step->from == NULL) return session_reader(work->session, err);
    return *from = session_open_from(work->session, step->from, err);
}

static int open_source(const struct verify_work *work, const struct step *step, struct db *db,
                       struct source **source, struct error *err)
{
    const int64_t said = session_batch_said(work->session, step);
    const struct source_options options = {
        .db = db,
        .step = step,
        .batch = said > 0 ? said : MIGRATION_DEFAULT_BATCH,
        .rests = pause_of(work, step) > 0,
    };
    return source_open(source, &options, err);
}

static int bind(const struct step *step, const struct columns *columns, struct error *err)
{
    for (size_t i = 0; i < step->command_count; i++)
        if (command_bind(&step->commands[i], columns, err) != 0) return -1;
    return 0;
}

/* Whether there is anything to be learnt from a step's rows: something to compare, or what may
 * have overwritten something that differs so far. Returns 1, 0, or -1 with err. */
static int is_worth_reading(struct verify_work *work, const struct verify_step *verify,
                            struct error *err)
{
    bool may_overwrite = false;
    for (size_t i = 0; i < verify->step->command_count; i++) {
        if (verify->lines[i].rule != NULL) return 1;
        may_overwrite |= expectation_may_overwrite(verify->lines[i].command);
    }
    if (!may_overwrite) return 0;
    if (comparison_flush(work->comparison, err) != 0) return -1;
    return comparison_is_open(work->comparison) ? 1 : 0;
}

/* How many rows are expected; that it cannot be known stops nobody. */
static int64_t rows_expected(const struct source *source)
{
    struct source_estimate estimate;
    struct error ignored = {0};
    return source_estimate(source, &estimate, &ignored) == 0 ? estimate.rows : -1;
}

/* What a step cannot be read without is not there, or not as it was. */
static int pass_over_step(const struct verify_work *work, struct verify_step *verify,
                          struct error *err)
{
    const bool may_pass = err->code == ERROR_FAILED || err->code == ERROR_INVALID;
    const char *what = arena_format(&work->session->arena, "%s: step '%s'",
                                    work->migration->file, verify->step->name);
    return verify_pass_over(work->session, work->is_named || !may_pass, what, &verify->reason,
                            err);
}

static int compare_source(struct verify_work *work, struct verify_step *verify,
                          struct error *err)
{
    const struct step *step = verify->step;
    struct db *from = NULL;
    struct source *source = NULL;
    int result = -1;
    struct db *db = find_database(work, step, &from, err);
    if (db == NULL && step->from == NULL) return -1;
    if (db == NULL || open_source(work, step, db, &source, err) != 0 ||
        bind(step, source_columns(source), err) != 0) {
        result = pass_over_step(work, verify, err);
    } else {
        progress_step(&work->progress, step->number, step->name, rows_expected(source));
        result = compare_rows(work, verify, source, err);
        if (result != 0)
            (void)error_prefix(err, "%s: step '%s': ", work->migration->file, step->name);
    }
    source_close(source);
    db_close(from);
    return result;
}

/* A step without a source is one row without columns. */
static int compare_once(struct verify_work *work, struct verify_step *verify, struct error *err)
{
    const struct step *step = verify->step;
    const struct row row = {.columns = &no_columns};
    progress_step(&work->progress, step->number, step->name, -1);
    if (bind(step, &no_columns, err) == 0 &&
        comparison_put(work->comparison, verify->lines, step->command_count, &row, err) == 0 &&
        comparison_flush(work->comparison, err) == 0)
        return 0;
    return error_prefix(err, "%s: step '%s': ", work->migration->file, step->name);
}

int verify_step_compare(struct verify_work *work, struct verify_step *verify, struct error *err)
{
    const struct step *step = verify->step;
    if (verify->reason != NULL) return 0;
    const int worth = is_worth_reading(work, verify, err);
    if (worth <= 0) return worth;
    const int result = step->read != NULL ? compare_source(work, verify, err)
                                          : compare_once(work, verify, err);
    if (result != 0 || verify->reason != NULL) return result;
    progress_count(&work->progress, &work->tally);
    progress_end(&work->progress, EVENT_STEP_DONE, NULL);
    work->session->has_progressed = true;
    return check_stop(work, err);
}
