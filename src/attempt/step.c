/*
 * One step: source → templates → sink. Rows are taken as they come; when none is there yet the
 * wire to Redis goes on moving; batches end where the source says that they may. What a batch
 * is worth (a transaction, a checkpoint) is the sink's affair, and where the step stands in the
 * ledger is the attempt's.
 */
#include "step.h"

#include "arena.h"
#include "attempt.h"
#include "batch.h"
#include "buffer.h"
#include "clock.h"
#include "config.h"
#include "db.h"
#include "error.h"
#include "migration.h"
#include "obedience.h"
#include "session.h"
#include "sink.h"
#include "sink_fenced.h"
#include "source.h"
#include "stop.h"
#include "throttle.h"

enum { STEP_TICK_MS = 250 };

/* What carrying rows may come to, besides 0 (all are carried) and -1 with err. */
enum { CARRY_REST = 1 /* rows are left, to be taken up again */ };

static const struct columns no_columns = {0};

static int64_t batch_of(const struct step_work *work)
{
    const int64_t said = session_batch_said(work->attempt->session, work->step);
    return said > 0 ? said : MIGRATION_DEFAULT_BATCH;
}

static int64_t pause_of(const struct step_work *work)
{
    return session_pause_ms(work->attempt->session, work->step);
}

/* ---- preparing ------------------------------------------------------------------------ */

static int open_source(struct step_work *work, struct db *db, struct error *err)
{
    const struct source_options options = {
        .db = db,
        .step = work->step,
        .batch = work->sample > 0 ? work->sample : batch_of(work),
        .rests = work->sample > 0 || pause_of(work) > 0,
        .cursor = work->behind,
        .until = work->until,
    };
    return source_open(&work->source, &options, err);
}

static void close_source(struct step_work *work)
{
    source_close(work->source);
    work->source = NULL;
    db_close(work->from);
    work->from = work->db = NULL;
}

/*
 * A statement that stays open on a SQLite file in rollback mode would lock out the ledger's own
 * writes to that file; on one and the same connection it does not.
 */
static int open_best_source(struct step_work *work, struct error *err)
{
    struct session *session = work->attempt->session;
    if (work->step->from != NULL)
        work->db = work->from = session_open_from(session, work->step->from, err);
    else
        work->db = session_reader(session, err);
    if (work->db == NULL) return -1;
    if (open_source(work, work->db, err) != 0) return -1;
    if (!source_blocks_writers(work->source) || !db_is_same_file(work->db, session->db))
        return 0;
    source_close(work->source);
    work->source = NULL;
    work->db = session->db;
    return open_source(work, work->db, err);
}

/* The same, however often an operator has it wait. */
static int open_obediently(struct step_work *work, struct error *err)
{
    while (open_best_source(work, err) != 0) {
        close_source(work);
        if (obedience_take_up(work->attempt, err) != 0) return -1;
    }
    return 0;
}

static int bind_commands(struct step_work *work, struct error *err)
{
    const struct step *step = work->step;
    const char *file = work->attempt->beginning.migration->file;
    const struct columns *columns =
        work->source != NULL ? source_columns(work->source) : &no_columns;
    for (size_t i = 0; i < step->command_count; i++) {
        struct command *command = &step->commands[i];
        if (command_bind(command, columns, err) != 0) {
            /* The file is in order; the query has other columns today. */
            err->code = ERROR_FAILED;
            return error_prefix(err, "%s:%d:%d: step '%s': ", file, command->line,
                                command->column, step->name);
        }
    }
    work->prepared = true;
    return 0;
}

int64_t step_expected_rows(const struct step_work *work)
{
    struct source_estimate estimate = {.rows = -1};
    struct error ignored = {0}; /* what is the matter, the query itself will tell */
    if (work->source == NULL) return -1;
    return source_estimate(work->source, &estimate, &ignored) == 0 ? estimate.rows : -1;
}

int step_prepare(struct step_work *work, struct error *err)
{
    const struct step *step = work->step;
    const struct migration *migration = work->attempt->beginning.migration;
    if (step->read != NULL && open_obediently(work, err) != 0) {
        (void)error_name_version(err, migration->version);
        return error_prefix(err, "%s:%d:%d: step '%s': ", migration->file, step->read_line,
                            step->read_column, step->name);
    }
    return bind_commands(work, err);
}

void step_release(struct step_work *work)
{
    close_source(work);
    *work = (struct step_work){0};
}

/* ---- carrying rows -------------------------------------------------------------------- */

/*
 * Tell of the progress, and the ledger. Another program that waits to write to a SQLite file
 * in rollback mode keeps whoever reads it from writing, too: where rows are read from the
 * ledger's own file, neither would ever come to it. So the rows are let go; without a `key`
 * they would start over, and the other one has to wait.
 */
static int tick(struct step_work *work, struct error *err)
{
    if (attempt_tick(work->attempt, err) == 0) return 0;
    const bool is_locked = err->code == ERROR_FAILED && err->passing;
    if (!is_locked || !source_blocks_writers(work->source)) return -1;
    error_clear(err);
    work->is_in_the_way = work->step->key_count > 0;
    return 0;
}

static bool must_rest(const struct step_work *work)
{
    return work->is_in_the_way || work->attempt->asked != REQUEST_NONE;
}

/* Let the wire move for a while. However long Redis takes, the ledger and the listener hear of
 * the run. */
static int wait_for_redis(struct step_work *work, struct error *err)
{
    if (sink_wait(work->attempt->sink, -1, STEP_TICK_MS, err) < 0) return -1;
    return attempt_is_due(work->attempt) ? tick(work, err) : 0;
}

static int await_answers(struct step_work *work, struct error *err)
{
    while (!sink_is_flushed(work->attempt->sink)) {
        if (wait_for_redis(work, err) != 0) return -1;
    }
    return sink_flush(work->attempt->sink, err);
}

/* Send what the open batch holds, with the cursor of its last row. Returns 0; CARRY_REST where
 * that has to be left, while the wire has no room for it yet; or -1 with err. */
static int close_batch(struct step_work *work, struct buffer *cursor, struct error *err)
{
    struct sink *sink = work->attempt->sink;
    if (attempt_glance(work->attempt, err) != 0) return -1;
    buffer_clear(cursor);
    if (source_cursor(work->source, cursor, err) != 0) return -1;
    const char *text = cursor->length > 0 ? buffer_text(cursor) : NULL;
    if (buffer_failed(cursor)) return error_memory(err);
    while (!sink_has_room(sink)) {
        if (wait_for_redis(work, err) != 0) return -1;
        if (must_rest(work)) return CARRY_REST;
    }
    return sink_close_batch(sink, text, err);
}

/* Wait between two batches; the ledger goes on hearing of the run, and an operator is heard. */
static int pause_between(struct step_work *work, int64_t pause_ms, struct error *err)
{
    struct attempt *attempt = work->attempt;
    if (await_answers(work, err) != 0) return -1;
    while (pause_ms > 0 && !must_rest(work)) {
        const int64_t slice = pause_ms < STEP_TICK_MS ? pause_ms : STEP_TICK_MS;
        if (tick(work, err) != 0) return -1;
        if (attempt_check_stop(attempt, err) != 0) return -1;
        if (stop_sleep(attempt->session->stop, slice, err) != 0) return -1;
        pause_ms -= slice;
    }
    return 0;
}

/* How long to wait behind a batch: as was said, or longer where Redis takes too long. */
static int64_t wait_behind(const struct step_work *work)
{
    const struct throttle *throttle = sink_throttle(work->attempt->sink);
    const int64_t pause_ms = pause_of(work);
    const int64_t slow_ms = throttle != NULL ? (throttle->wait_us + 999) / 1000 : 0;
    return slow_ms > pause_ms ? slow_ms : pause_ms;
}

/* A batch is complete: send it, and see whether to go on. Returns as close_batch(). */
static int end_batch(struct step_work *work, struct buffer *cursor, struct error *err)
{
    struct attempt *attempt = work->attempt;
    const int closed = close_batch(work, cursor, err);
    if (closed != 0) return closed;
    source_set_batch(work->source, sink_batch_rows(attempt->sink));
    attempt->session->has_progressed = true;
    if (tick(work, err) != 0) return -1;
    if (attempt_check_stop(attempt, err) != 0) return -1;
    const int64_t wait_ms = wait_behind(work);
    return wait_ms > 0 ? pause_between(work, wait_ms, err) : 0;
}

/* The database has had nothing since dry_ms (monotonic): let the wire to Redis move meanwhile.
 * A stop need not wait for the next row: what the open batch holds was never sent. */
static int wait_for_row(struct step_work *work, int64_t dry_ms, struct error *err)
{
    struct attempt *attempt = work->attempt;
    if (sink_wait(attempt->sink, source_descriptor(work->source), STEP_TICK_MS, err) < 0)
        return -1;
    if (tick(work, err) != 0) return -1;
    if (attempt_check_stop(attempt, err) != 0) return -1;
    return obedience_see_lock(attempt, work->db, clock_monotonic_ms() - dry_ms, err);
}

static struct sink_step sink_step_of(const struct step_work *work)
{
    const struct step *step = work->step;
    if (work->source == NULL) return (struct sink_step){.step = step, .batch = 1};
    return (struct sink_step){.step = step,
                              .key_columns = source_key_columns(work->source),
                              .key_count = step->key_count,
                              .batch = batch_of(work),
                              .is_fixed = session_batch_said(work->attempt->session, step) > 0};
}

/* Take rows until the source ends, or they have to be let go. A database that
 * computes its rows in this process, and so is never waited for, may take long for each. */
static int carry_rows(struct step_work *work, struct buffer *cursor, struct error *err)
{
    struct attempt *attempt = work->attempt;
    struct sink *sink = attempt->sink;
    const struct stop *stop = attempt->session->stop;
    struct row row = {0};
    bool computes = true;
    int ended = 0;
    int64_t dry_ms = 0;
    while (!must_rest(work)) {
        const bool hurry = sink_full(sink) || stop_requested(stop);
        switch (source_next(work->source, hurry, false, &row, err)) {
        case SOURCE_ROW:
            if (sink_put(sink, &row, err) != 0) return -1;
            dry_ms = 0;
            if (computes && attempt_is_due(attempt) && tick(work, err) != 0) return -1;
            break;
        case SOURCE_AGAIN:
            computes = false;
            if (dry_ms == 0) dry_ms = clock_monotonic_ms();
            if (wait_for_row(work, dry_ms, err) != 0) return -1;
            break;
        case SOURCE_BATCH:
            ended = end_batch(work, cursor, err);
            if (ended != 0) return ended;
            break;
        case SOURCE_END:
            return close_batch(work, cursor, err);
        case SOURCE_FAILED:
            return attempt->is_interrupted ? CARRY_REST : -1;
        }
    }
    return CARRY_REST;
}

/* What is in flight behind a step is waited for by who closes it. Where it rests or fails, it
 * is answered here: the ledger must know how far it came. So are the batches behind it, but not
 * where a rest or a stop is asked for, or another's turn has come. The first error stays.
 * Returns result, or -1 with err. */
static int settle(struct sink *sink, int result, struct error *err)
{
    struct error later = {0};
    if (result == 0) return 0;
    if (result == CARRY_REST) {
        sink_fenced_drop_unsent(sink);
        return sink_flush(sink, err) == 0 ? CARRY_REST : -1;
    }
    sink_drop_batch(sink);
    if (err->code == ERROR_OPERATOR || err->code > ERROR_STOPPED) sink_fenced_drop_unsent(sink);
    if (err->code != ERROR_REDIS_UNREACHABLE) sink_flush(sink, &later);
    return -1;
}

/* All that was sent is answered, and the rest was never sent: what is left to read lies behind
 * the sink's cursor. Without a `key` there is none, and all is to be read again. */
static int note_place(struct step_work *work, struct error *err)
{
    struct attempt *attempt = work->attempt;
    attempt_settle(attempt);
    const char *cursor = sink_cursor(attempt->sink);
    if (cursor == NULL) return 0;
    work->behind = arena_text(&attempt->recovery.arena, cursor);
    attempt->behind = work->behind;
    return work->behind != NULL ? 0 : error_memory(err);
}

/* An operator asks for something, or another program waits for us: see to that with no
 * statement open, and then take the rows up again. before: rows that were read before this
 * step. */
static int rest(struct step_work *work, int64_t before, struct error *err)
{
    struct attempt *attempt = work->attempt;
    const struct step *step = work->step;
    attempt->is_interrupted = false;
    error_clear(err);
    if (note_place(work, err) != 0) return -1;
    close_source(work);
    if (work->is_in_the_way && attempt_report(attempt, err) != 0) return -1;
    work->is_in_the_way = false;
    if (obedience_heed(attempt, err) != 0) return -1;
    if (step->key_count == 0 && sink_tally(attempt->sink)->rows_read > before) {
        listener_say(&attempt->session->listener, EVENT_WARNING,
                     "%s: step '%s' has no `key`, so it starts over: its rows are sent again",
                     attempt->beginning.migration->file, step->name);
        if (sink_fenced_repeat(attempt->sink, step, NULL, err) != 0 ||
            recovery_balance(&attempt->recovery, err) != 0)
            return -1;
    }
    if (open_obediently(work, err) != 0) return -1;
    return bind_commands(work, err);
}

static int execute_read(struct step_work *work, struct error *err)
{
    struct sink *sink = work->attempt->sink;
    struct buffer cursor = {0};
    const int64_t before = sink_tally(sink)->rows_read;
    int result = CARRY_REST;
    while (result == CARRY_REST) {
        work->attempt->is_settled = false;
        const struct sink_step sink_step = sink_step_of(work);
        result = sink_begin(sink, &sink_step, err);
        if (result != 0) break;
        result = carry_rows(work, &cursor, err);
        /* Redis may take long to answer, and nobody is to wait for this statement meanwhile. */
        if (result == CARRY_REST) source_rest(work->source);
        result = settle(sink, result, err);
        if (result == CARRY_REST && rest(work, before, err) != 0) result = -1;
    }
    buffer_release(&cursor);
    return result;
}

int step_render(struct step_work *work, struct sink_step *sink_step, struct batch *batch,
                struct error *err)
{
    struct row row = {.columns = &no_columns};
    *sink_step = sink_step_of(work);
    if (work->source == NULL) return batch_put(batch, &row, err);
    for (;;) {
        switch (source_next(work->source, false, true, &row, err)) {
        case SOURCE_ROW:
            if (batch_put(batch, &row, err) != 0) return -1;
            break;
        case SOURCE_AGAIN:
        case SOURCE_BATCH:
            break;
        case SOURCE_END:
            return 0;
        case SOURCE_FAILED:
            return -1;
        }
    }
}

/* A step without a source is one row without columns. */
static int execute_commands(struct step_work *work, struct error *err)
{
    struct sink *sink = work->attempt->sink;
    const struct sink_step sink_step = sink_step_of(work);
    const struct row row = {.columns = &no_columns};
    int result = -1;
    if (sink_begin(sink, &sink_step, err) != 0) return -1;
    if (sink_put(sink, &row, err) == 0) result = sink_close_batch(sink, NULL, err);
    return settle(sink, result, err);
}

int step_execute(struct step_work *work, struct error *err)
{
    struct attempt *attempt = work->attempt;
    const struct step *step = work->step;
    int result = 0;
    if (step->sql != NULL)
        result = ledger_run_sql(attempt->session->ledger, attempt->run_id, step->sql,
                                &attempt->position, err);
    else if (work->source != NULL)
        result = execute_read(work, err);
    else
        result = execute_commands(work, err);
    if (result == 0 && step->sql == NULL)
        result = sink_fenced_end_step(attempt->sink, step->number + 1, err);
    /* Until here an answer may have to name a row by the source's columns. */
    source_close(work->source);
    work->source = NULL;
    return result;
}
