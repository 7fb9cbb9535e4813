/*
 * One attempt at one migration: the ledger's first safe transaction, the steps, the second one,
 * the announcement. Whatever goes wrong in between ends here too, in a run row that says what
 * it was. Which migrations are attempted, and in what order, is the runner's affair.
 */
#include "attempt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "announcement.h"
#include "arena.h"
#include "assurance.h"
#include "clock.h"
#include "config.h"
#include "crash.h"
#include "db.h"
#include "error.h"
#include "fence_look.h"
#include "migration.h"
#include "obedience.h"
#include "session.h"
#include "sink.h"
#include "sink_fenced.h"
#include "step.h"
#include "stop.h"
#include "throttle.h"

enum { MIRROR_INTERVAL_MS = 500, LAST_WORDS_MS = 800, MOST_GOING_BACK = 5 };

/* Those who are told of the progress see why it is slow. */
static void note_latency(struct attempt *attempt)
{
    const struct throttle *throttle = sink_throttle(attempt->sink);
    attempt->progress.event.slowed = throttle_is_on(throttle);
    attempt->progress.event.redis_us = throttle->took_us;
}

/* Bring what the sink has carried so far into the position; what `sql` steps changed, and that
 * they are done, is there already. */
static void count(struct attempt *attempt)
{
    if (attempt->sink == NULL) return;
    note_latency(attempt);
    const int64_t rows_changed = attempt->position.tally.rows_changed;
    attempt->position.tally = *sink_tally(attempt->sink);
    attempt->position.tally.rows_changed = rows_changed;
    if (attempt->failed_step == NULL || attempt->failed_step->sql != NULL) return;
    const char *cursor = sink_cursor(attempt->sink);
    attempt->position.cursor = cursor != NULL ? cursor : attempt->behind;
}

/* Tell the ledger where it stands, and learn what is asked of it. */
static int mirror(struct attempt *attempt, struct error *err)
{
    attempt->mirrored_ms = clock_monotonic_ms();
    return ledger_mirror(attempt->session->ledger, attempt->run_id, &attempt->position,
                         &attempt->asked, err);
}

enum { COMMAND_SIZE = 48 };

/* The command that goes on with this attempt, once it has stopped. Returns text. */
static const char *next_command(const struct attempt *attempt, char text[COMMAND_SIZE])
{
    const struct migration *migration = attempt->beginning.migration;
    const char *word = attempt->beginning.down ? "down --only"
                       : migration->manual     ? "run"
                                               : NULL;
    if (word == NULL)
        (void)snprintf(text, COMMAND_SIZE, "redferry up");
    else
        (void)snprintf(text, COMMAND_SIZE, "redferry %s %" PRId64, word, migration->version);
    return text;
}

/* What was found out about the lock, judged. A stop that came meanwhile is no loss. */
static int judge_lock(struct attempt *attempt, int held, struct error *err)
{
    char next[COMMAND_SIZE];
    if (held == 0) return 0;
    if (err->code != ERROR_OPERATOR) return -1;
    attempt->lost_lock = true;
    const struct error loss = *err;
    return error_set(err, loss.code, "%s; nothing more is written: `%s` goes on", loss.message,
                     next_command(attempt, next));
}

static int check_lock(struct attempt *attempt, struct error *err)
{
    return judge_lock(attempt, db_lock_check(attempt->session->lock, err), err);
}

int attempt_glance(struct attempt *attempt, struct error *err)
{
    return judge_lock(attempt, db_lock_glance(attempt->session->lock, err), err);
}

bool attempt_is_due(const struct attempt *attempt)
{
    return clock_glance_ms() - attempt->mirrored_ms >= MIRROR_INTERVAL_MS;
}

int attempt_report(struct attempt *attempt, struct error *err)
{
    return check_lock(attempt, err) == 0 ? mirror(attempt, err) : -1;
}

int attempt_tick(struct attempt *attempt, struct error *err)
{
    count(attempt);
    progress_count(&attempt->progress, &attempt->position.tally);
    if (!attempt_is_due(attempt)) return 0;
    return attempt_report(attempt, err) == 0 ? obedience_dismiss(attempt, err) : -1;
}

static int refuse_late(const struct attempt *attempt, struct error *err)
{
    char next[COMMAND_SIZE];
    return error_set(err, ERROR_INCOMPLETE, "--max-time is over; `%s` goes on",
                     next_command(attempt, next));
}

int attempt_check_stop(const struct attempt *attempt, struct error *err)
{
    const struct session *session = attempt->session;
    if (stop_requested(session->stop)) return stop_error(session->stop, err);
    return session_is_over(session) ? refuse_late(attempt, err) : 0;
}

int attempt_check_blocked(const struct attempt *attempt, struct error *err)
{
    if (attempt_check_stop(attempt, err) != 0) return -1;
    return session_is_late(attempt->session) ? refuse_late(attempt, err) : 0;
}

/* ---- steps ---------------------------------------------------------------------------- */

/* Prepare the steps from first up to an `sql` step, whose effect the queries behind it may
 * need; where that is the first one, it alone. */
static int prepare_from(struct attempt *attempt, size_t first, struct error *err)
{
    struct step_work *works = attempt->works;
    for (size_t i = first; i < attempt->steps->count; i++) {
        const struct step *step = &attempt->steps->items[i];
        if (works[i].prepared || (i > first && step->sql != NULL)) break;
        attempt->failed_step = step;
        works[i] = (struct step_work){.attempt = attempt, .step = step};
        if (step->number == attempt->recovery.step) works[i].behind = attempt->recovery.cursor;
        if (step_prepare(&works[i], err) != 0) return -1;
        if (step->sql != NULL) break;
    }
    attempt->failed_step = NULL;
    return 0;
}

/* Do what is left of a step, and close it. Before it writes, the ledger knows that it was
 * begun: a checkpoint that is lost then does not make it seem that nothing had happened. */
static int carry_out(struct attempt *attempt, struct step_work *work, struct error *err)
{
    const struct step *step = work->step;
    const bool is_done = work->source == NULL && work->behind != NULL; /* but not closed */
    if (step->sql != NULL)
        return obedience_check(attempt, err) == 0 ? step_execute(work, err) : -1;
    if (attempt_glance(attempt, err) != 0 || mirror(attempt, err) != 0 ||
        obedience_heed(attempt, err) != 0)
        return -1;
    if (!is_done) return step_execute(work, err);
    return sink_fenced_end_step(attempt->sink, step->number + 1, err);
}

static int execute(struct attempt *attempt, struct step_work *work, struct error *err)
{
    const struct step *step = work->step;
    crash_point("step begins");
    attempt->failed_step = step;
    attempt->behind = work->behind;
    attempt->position.step = step->number;
    attempt->position.step_name = step->name;
    attempt->position.cursor = work->behind;
    attempt->position.rows_total = step_expected_rows(work);
    progress_step(&attempt->progress, step->number, step->name, attempt->position.rows_total);
    if (attempt_check_stop(attempt, err) != 0) return -1;
    if (carry_out(attempt, work, err) != 0) {
        count(attempt);
        (void)error_name_version(err, attempt->beginning.migration->version);
        return error_prefix(err, "%s: step '%s': ", attempt->beginning.migration->file,
                            step->name);
    }
    count(attempt);
    attempt->session->has_progressed = true;
    if (step->sql == NULL) attempt->position.cursor = NULL;
    progress_count(&attempt->progress, &attempt->position.tally);
    progress_end(&attempt->progress, EVENT_STEP_DONE, NULL);
    attempt->failed_step = NULL;
    return 0;
}

static void release_works(struct attempt *attempt)
{
    for (size_t i = 0; attempt->works != NULL && i < attempt->steps->count; i++)
        step_release(&attempt->works[i]);
}

/* Execute the steps that are left. */
static int execute_all(struct attempt *attempt, struct error *err)
{
    for (size_t i = 0; i < attempt->steps->count; i++) {
        if (attempt->steps->items[i].number < attempt->recovery.step) continue;
        if (prepare_from(attempt, i, err) != 0 ||
            execute(attempt, &attempt->works[i], err) != 0)
            return -1;
    }
    return obedience_check(attempt, err);
}

/* The same, and where Redis came back with an older checkpoint meanwhile, once more from there.
 */
static int execute_from_place(struct attempt *attempt, struct error *err)
{
    const struct recovery *recovery = &attempt->recovery;
    for (int times = 0;; times++) {
        const int found = recovery_find_place(&attempt->recovery, err);
        /* What is prepared begins at the beginning. */
        if (recovery->step != 1 || recovery->cursor != NULL || times > 0)
            release_works(attempt);
        if (found == 0 && execute_all(attempt, err) == 0 && assurance_await(attempt, err) == 0)
            return 0;
        /* Something else may have gone wrong first, and be what is to be said. */
        if (times == MOST_GOING_BACK || err->code != ERROR_REDIS_UNREACHABLE ||
            !sink_fenced_went_back(attempt->sink))
            return -1;
        /* That it is gone altogether is a warning of its own. */
        if (!recovery->has_warned)
            listener_say(&attempt->session->listener, EVENT_WARNING, "%s; going on from there",
                         err->message);
        error_clear(err);
        attempt->position.cursor = attempt->behind = NULL;
        if (sink_fenced_go_back(attempt->sink, err) != 0) return -1;
    }
}

/* Redis is not touched before the queries of a first run are known to be good. */
static int open_recovery(struct attempt *attempt, bool afresh, struct error *err)
{
    struct recovery *recovery = &attempt->recovery;
    attempt->works = calloc(attempt->steps->count, sizeof *attempt->works);
    if (attempt->works == NULL) return error_memory(err);
    if (recovery_init(recovery, attempt, afresh, err) != 0) return -1;
    if (recovery_is_first(recovery) && prepare_from(attempt, 0, err) != 0) return -1;
    return recovery_open(recovery, err);
}

/* ---- beginning and ending ------------------------------------------------------------- */

/* How the ledger is to remember an attempt that ended with err. Whoever lost its lock was in
 * nobody's way but its own: those who wait for it go on with its work, instead of failing with
 * it. */
static enum run_status ended_as(const struct attempt *attempt, const struct error *err)
{
    const bool is_stop = err->code > ERROR_STOPPED || err->code == ERROR_INCOMPLETE;
    if (attempt->is_cancelled) return RUN_CANCELLED;
    return is_stop || attempt->lost_lock ? RUN_INTERRUPTED : RUN_FAILED;
}

void attempt_settle(struct attempt *attempt)
{
    struct error ignored = {0};
    if (attempt->sink == NULL || attempt->is_settled ||
        sink_flush(attempt->sink, &ignored) != 0)
        return;
    const char *cursor = sink_cursor(attempt->sink);
    if (cursor != NULL) cursor = arena_text(&attempt->recovery.arena, cursor);
    if (cursor != NULL)
        attempt->is_settled =
            sink_fenced_set_position(attempt->sink, cursor, cursor, &ignored) == 0;
    count(attempt);
}

/* Tell the ledger and the listener that the attempt ended badly. err stays what it was, but
 * that a lock that went with the whole server is a server to be waited for, no riddle. A stop
 * whose grace was used up leaves a moment for it, or the run would seem to have crashed. */
static void give_up(struct attempt *attempt, struct error *err)
{
    struct session *session = attempt->session;
    struct error later = {0};
    struct stop last;
    char text[RUN_ERROR_SIZE];
    crash_point("giving up");
    attempt_settle(attempt);
    obedience_end(attempt);
    session->gives_up = true;
    if (stop_overdue(session->stop)) {
        stop_extend(&last, session->stop, LAST_WORDS_MS);
        db_use_stop(session->db, &last);
    }
    const enum run_status status = ended_as(attempt, err);
    const char *why = status == RUN_FAILED ? run_error_text(err, text) : err->message;
    if (ledger_stop(session->ledger, attempt->run_id, status, why, &attempt->position,
                    &later) != 0)
        listener_say(&session->listener, EVENT_WARNING, "the ledger could not be told: %s",
                     later.message);
    if (attempt->lost_lock && later.code == ERROR_SQL_UNREACHABLE)
        err->code = ERROR_SQL_UNREACHABLE;
    db_use_stop(session->db, session->stop);
    attempt->progress.event.tally = attempt->position.tally; /* which the ledger was told */
    progress_end(&attempt->progress, EVENT_MIGRATION_FAILED, err->message);
}

static int begin(struct attempt *attempt, bool afresh, struct error *err)
{
    struct session *session = attempt->session;
    const struct migration *migration = attempt->beginning.migration;
    if (recovery_foresee(attempt, afresh, err) != 0) return -1;
    const int begun = ledger_begin(session->ledger, &attempt->beginning, &attempt->run_id, err);
    if (begun != 1) return begun;
    crash_point("run begun");
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
    crash_point("steps done");
    if (check_lock(attempt, err) != 0) return -1;
    obedience_end(attempt);
    if (ledger_finish(session->ledger, attempt->run_id, &attempt->beginning, &attempt->position,
                      err) != 0)
        return -1;
    crash_point("result written");
    attempt->finished = true;
    return 0;
}

/* What was applied is finished off with its message. An undone migration has nothing to say,
 * and whoever finds its checkpoint knows it for a leftover. */
static int announce(struct attempt *attempt, struct error *err)
{
    const struct migration *migration = attempt->beginning.migration;
    struct session *session = attempt->session;
    struct error later = {0};
    if (!attempt->beginning.down) {
        struct announcement announcement = {.migration = migration,
                                            .run_id = attempt->run_id,
                                            .rows = attempt->position.tally.rows_read};
        /* Earlier runs may have read more of them. */
        if (ledger_is_unannounced(session->ledger, migration->version, attempt->run_id,
                                  &announcement.rows, err) >= 0 &&
            announcement_send(session, attempt->sink, &announcement, err) == 0)
            return 0;
        return error_prefix(
            err, "%s: applied, but not announced yet (the next `redferry up` will): ",
            migration->file);
    }
    if (sink_fenced_finish(attempt->sink, NULL, 0, 0, &later) != 0)
        listener_say(&session->listener, EVENT_WARNING,
                     "%s: undone, but its checkpoint could not be removed: %s", migration->file,
                     later.message);
    return 0;
}

/* A run that has begun, to its end. */
static int carry_through(struct attempt *attempt, bool afresh, struct error *err)
{
    obedience_begin(attempt);
    if (open_recovery(attempt, afresh, err) != 0 || execute_from_place(attempt, err) != 0 ||
        finish(attempt, err) != 0) {
        give_up(attempt, err);
        return -1;
    }
    const int announced = announce(attempt, err);
    progress_end(&attempt->progress, EVENT_MIGRATION_DONE, NULL);
    return announced == 0 ? 1 : -1;
}

int attempt_run(struct attempt *attempt, struct session *session,
                const struct ledger_beginning *beginning, bool afresh, struct error *err)
{
    *attempt = (struct attempt){.session = session, .beginning = *beginning};
    attempt->beginning.redis = session->config->redis.label;
    attempt->steps = beginning->down ? &beginning->migration->down : &beginning->migration->up;
    attempt->position.rows_total = -1;
    const int begun = begin(attempt, afresh, err);
    if (begun != 1) return begun;
    session->is_at_work = true;
    const int ended = carry_through(attempt, afresh, err);
    session->is_at_work = session->gives_up = false;
    return ended;
}

void attempt_release(struct attempt *attempt)
{
    release_works(attempt);
    free(attempt->works);
    attempt->works = NULL;
    sink_close(attempt->sink);
    attempt->sink = NULL;
    fence_look_close(attempt->look);
    attempt->look = NULL;
    recovery_release(&attempt->recovery);
}
