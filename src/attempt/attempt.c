/*
 * One attempt at one migration: the ledger's first safe transaction, the steps, the second one,
 * the announcement. Whatever goes wrong in between ends here too, in a run row that says what
 * it was. Which migrations are attempted, and in what order, is the runner's affair.
 */
#include "attempt.h"

#include <stdlib.h>

#include "arena.h"
#include "clock.h"
#include "config.h"
#include "connection.h"
#include "db.h"
#include "error.h"
#include "migration.h"
#include "session.h"
#include "sink.h"
#include "sink_pipelined.h"
#include "step.h"
#include "stop.h"

enum { MIRROR_INTERVAL_MS = 500, LAST_WORDS_MS = 800 };

/* Bring what the sink has carried so far into the position; what `sql` steps changed is there
 * already. */
static void count(struct attempt *attempt)
{
    if (attempt->sink == NULL) return;
    const int64_t rows_changed = attempt->position.tally.rows_changed;
    attempt->position.tally = *sink_tally(attempt->sink);
    attempt->position.tally.rows_changed = rows_changed;
    attempt->position.cursor = sink_cursor(attempt->sink);
}

static int check_lock(struct attempt *attempt, struct error *err)
{
    if (db_lock_check(attempt->session->lock, err) == 0) return 0;
    attempt->lost_lock = true;
    return -1;
}

bool attempt_is_due(const struct attempt *attempt)
{
    return clock_monotonic_ms() - attempt->mirrored_ms >= MIRROR_INTERVAL_MS;
}

int attempt_tick(struct attempt *attempt, struct error *err)
{
    struct session *session = attempt->session;
    const int64_t now = clock_monotonic_ms();
    count(attempt);
    progress_count(&attempt->progress, &attempt->position.tally);
    if (attempt->mirrored_ms != 0 && now - attempt->mirrored_ms < MIRROR_INTERVAL_MS) return 0;
    attempt->mirrored_ms = now;
    if (check_lock(attempt, err) != 0) return -1;
    return ledger_mirror(session->ledger, attempt->run_id, &attempt->position, NULL, NULL, err);
}

int attempt_check_stop(const struct attempt *attempt, struct error *err)
{
    const struct session *session = attempt->session;
    const int64_t most = session->config->max_time_ms;
    if (stop_requested(session->stop)) return stop_error(session->stop, err);
    if (most < 0 || clock_monotonic_ms() - session->begun_ms < most) return 0;
    return error_set(err, ERROR_INCOMPLETE, "--max-time is over; `redferry up` goes on");
}

/* ---- steps ---------------------------------------------------------------------------- */

/* Prepare the steps from first up to the next `sql` step, whose effect the queries behind it
 * may need. */
static int prepare_from(struct attempt *attempt, struct step_work *works, size_t first,
                        struct error *err)
{
    for (size_t i = first; i < attempt->steps->count; i++) {
        const struct step *step = &attempt->steps->items[i];
        if (works[i].prepared || (i > first && step->sql != NULL)) break;
        attempt->failed_step = step;
        if (step_prepare(&works[i], attempt, step, err) != 0) return -1;
    }
    attempt->failed_step = NULL;
    return 0;
}

static int execute(struct attempt *attempt, struct step_work *work, struct error *err)
{
    const struct step *step = work->step;
    attempt->position.step = step->number;
    attempt->position.step_name = step->name;
    attempt->position.cursor = NULL;
    progress_step(&attempt->progress, step->number, step->name);
    attempt->failed_step = step;
    if (attempt_check_stop(attempt, err) != 0) return -1;
    if (step_execute(work, err) != 0) {
        count(attempt);
        return error_prefix(err, "%s: step '%s': ", attempt->beginning.migration->file,
                            step->name);
    }
    count(attempt);
    progress_count(&attempt->progress, &attempt->position.tally);
    progress_end(&attempt->progress, EVENT_STEP_DONE, NULL);
    attempt->failed_step = NULL;
    return 0;
}

static int execute_all(struct attempt *attempt, struct error *err)
{
    const size_t total = attempt->steps->count;
    struct step_work *works = calloc(total, sizeof *works);
    int result = works != NULL ? 0 : error_memory(err);
    for (size_t i = 0; result == 0 && i < total; i++) {
        result = prepare_from(attempt, works, i, err);
        if (result == 0) result = execute(attempt, &works[i], err);
    }
    for (size_t i = 0; works != NULL && i < total; i++) step_release(&works[i]);
    free(works);
    return result;
}

/* ---- beginning and ending ------------------------------------------------------------- */

/* How the ledger is to remember an attempt that ended with err. Whoever lost its lock was in
 * nobody's way but its own: those who wait for it go on with its work, instead of failing with
 * it. */
static enum run_status ended_as(const struct attempt *attempt, const struct error *err)
{
    const bool is_stop = err->code > ERROR_STOPPED || err->code == ERROR_INCOMPLETE;
    return is_stop || attempt->lost_lock ? RUN_INTERRUPTED : RUN_FAILED;
}

/* Tell the ledger and the listener that the attempt ended badly. err stays what it was. A stop
 * whose grace was used up leaves a moment for it, or the run would seem to have crashed. */
static void give_up(struct attempt *attempt, const struct error *err)
{
    struct session *session = attempt->session;
    struct error later = {0};
    struct stop last;
    if (stop_overdue(session->stop)) {
        stop_extend(&last, session->stop, LAST_WORDS_MS);
        db_use_stop(session->db, &last);
    }
    if (ledger_stop(session->ledger, attempt->run_id, ended_as(attempt, err), err->message,
                    &attempt->position, &later) != 0)
        listener_say(&session->listener, EVENT_WARNING, "the ledger could not be told: %s",
                     later.message);
    db_use_stop(session->db, session->stop);
    progress_end(&attempt->progress, EVENT_MIGRATION_FAILED, err->message);
}

static int begin(struct attempt *attempt, struct error *err)
{
    struct session *session = attempt->session;
    const struct migration *migration = attempt->beginning.migration;
    const int begun = ledger_begin(session->ledger, &attempt->beginning, &attempt->run_id, err);
    if (begun != 1) return begun;
    const struct run run = {
        .id = attempt->run_id,
        .version = migration->version,
        .name = migration->name,
        .down = attempt->beginning.down,
    };
    progress_begin(&attempt->progress, &session->listener, &run, (int)attempt->steps->count);
    return 1;
}

static int finish(struct attempt *attempt, struct error *err)
{
    struct session *session = attempt->session;
    if (check_lock(attempt, err) != 0) return -1;
    if (ledger_finish(session->ledger, attempt->run_id, &attempt->beginning, &attempt->position,
                      err) != 0)
        return -1;
    attempt->finished = true;
    return 0;
}

/* An undone migration has nothing to announce; what was applied is finished off with its
 * message. */
static int announce(struct attempt *attempt, struct error *err)
{
    const struct migration *migration = attempt->beginning.migration;
    if (attempt->beginning.down) return 0;
    if (attempt_announce(attempt->session, migration, attempt->position.tally.rows_read, err) !=
        0)
        return error_prefix(
            err, "%s: applied, but not announced yet (the next `redferry up` will): ",
            migration->file);
    return 0;
}

int attempt_run(struct attempt *attempt, struct session *session,
                const struct ledger_beginning *beginning, struct error *err)
{
    *attempt = (struct attempt){.session = session, .beginning = *beginning};
    attempt->beginning.redis = session->config->redis.label;
    attempt->steps = beginning->down ? &beginning->migration->down : &beginning->migration->up;
    attempt->position.rows_total = -1;
    const int begun = begin(attempt, err);
    if (begun != 1) return begun;
    if (sink_pipelined_open(&attempt->sink, session->redis, session->config->retry_for_ms,
                            err) != 0 ||
        execute_all(attempt, err) != 0 || finish(attempt, err) != 0) {
        give_up(attempt, err);
        return -1;
    }
    if (announce(attempt, err) != 0) return -1;
    progress_end(&attempt->progress, EVENT_MIGRATION_DONE, NULL);
    return 1;
}

void attempt_release(struct attempt *attempt)
{
    sink_close(attempt->sink);
    attempt->sink = NULL;
}

/* ---- announcing ----------------------------------------------------------------------- */

/* Send the top-level messages: a step of nothing but `publish`, over one row. */
static int send_announcements(struct session *session, const struct migration *migration,
                              int64_t rows, struct error *err)
{
    char version[24], total[24];
    const struct value values[] = {
        value_integer(migration->version, version),
        value_text(migration->name),
        value_integer(rows, total),
    };
    const struct columns *columns = migration_announcement_columns();
    const struct row row = {.columns = columns, .values = values};
    const struct step step = {
        .number = 1,
        .name = "publish",
        .commands = migration->announcements,
        .command_count = migration->announcement_count,
    };
    const struct sink_step sink_step = {.step = &step};
    struct sink *sink = NULL;
    int result = -1;
    for (size_t i = 0; i < step.command_count; i++)
        if (command_bind(&step.commands[i], columns, err) != 0) return -1;
    if (sink_pipelined_open(&sink, session->redis, session->config->retry_for_ms, err) == 0 &&
        sink_begin(sink, &sink_step, err) == 0 && sink_put(sink, &row, err) == 0 &&
        sink_close_batch(sink, NULL, err) == 0)
        result = sink_flush(sink, err);
    sink_close(sink);
    return result;
}

int attempt_announce(struct session *session, const struct migration *migration, int64_t rows,
                     struct error *err)
{
    if (migration->announcement_count > 0 &&
        send_announcements(session, migration, rows, err) != 0)
        return -1;
    return ledger_announced(session->ledger, migration->version, err);
}
