/*
 * Requests, obeyed.
 *
 * A run learns what is asked of it whenever it tells the ledger where it stands, twice a
 * second; its steps then leave their rows, and come here with nothing in flight and nothing
 * open. A paused run goes on reporting, so that it does not look dead, keeps its lock, and
 * still obeys signals and --max-time. Nothing is obeyed that does not stand any more: the
 * ledger is asked once more with the very statement that says so.
 *
 * Where rows are left, and where they are taken up again, is the step's affair.
 */
#include "obedience.h"

#include <inttypes.h>

#include "arena.h"
#include "attempt.h"
#include "blockade.h"
#include "clock.h"
#include "db.h"
#include "error.h"
#include "ledger.h"
#include "ledger_request.h"
#include "migration.h"
#include "session.h"
#include "stop.h"

enum { LOOK_EVERY_MS = 100 };

/* A pause, and who asked for it (in the attempt's arena). */
struct pause {
    struct progress_pause told;
    bool is_on;
    const char *by;
};

/* ---- obeying -------------------------------------------------------------------------- */

static void pause_run(struct attempt *attempt, struct pause *pause, const char *by)
{
    if (!pause->is_on) *pause = (struct pause){.told.begun_ms = clock_monotonic_ms()};
    pause->is_on = true;
    pause->by = by;
    /* Nobody pauses it again and again by accident: --max-time may end it here, too. */
    attempt->session->has_progressed = true;
}

static void resume_run(struct attempt *attempt, struct pause *pause, const char *by)
{
    if (!pause->is_on) return;
    progress_resume(&attempt->progress, &pause->told, by);
    pause->is_on = false;
}

/* Pause or resume, where that still stands. Returns 0 or -1 with err. */
static int obey(struct attempt *attempt, struct pause *pause, struct error *err)
{
    const enum request asked = attempt->asked;
    const bool is_pause = asked == REQUEST_PAUSE;
    const char *by = NULL;
    const int obeyed =
        ledger_obey(attempt->session->ledger, attempt->run_id, asked,
                    is_pause ? RUN_PAUSED : RUN_RUNNING, &attempt->recovery.arena, &by, err);
    if (obeyed < 0) return -1;
    if (obeyed == 0) return attempt_report(attempt, err); /* something else is asked by now */
    attempt->asked = REQUEST_NONE;
    if (is_pause)
        pause_run(attempt, pause, by);
    else
        resume_run(attempt, pause, by);
    return 0;
}

/* Returns -1 with err; or 0 where something else is asked by now. */
static int cancel(struct attempt *attempt, struct error *err)
{
    const struct migration *migration = attempt->beginning.migration;
    const int64_t version = migration->version;
    struct arena *arena = &attempt->recovery.arena;
    struct run run = {.request = REQUEST_NONE};
    char remedy[MIGRATION_REMEDY_SIZE];
    bool crashed = false;
    if (ledger_follow(attempt->session->ledger, attempt->run_id, arena, &run, &crashed, err) <
        0)
        return -1;
    attempt->asked = run.request;
    if (run.request != REQUEST_CANCEL) return 0;
    attempt->is_cancelled = true;
    if (attempt->beginning.down)
        return error_set(err, ERROR_OPERATOR,
                         "cancelled by %s: `redferry down --only %" PRId64 "` goes on",
                         progress_name(run.requested_by), version);
    return error_set(err, ERROR_OPERATOR, "cancelled by %s: %s",
                     progress_name(run.requested_by),
                     migration_cancelled_remedy(version, migration, true, remedy));
}

static int wait_paused(struct attempt *attempt, struct pause *pause, struct error *err)
{
    progress_pause(&attempt->progress, &pause->told, pause->by);
    if (attempt_check_stop(attempt, err) != 0 ||
        stop_sleep(attempt->session->stop, LOOK_EVERY_MS, err) != 0)
        return -1;
    return attempt_is_due(attempt) ? attempt_report(attempt, err) : 0;
}

int obedience_heed(struct attempt *attempt, struct error *err)
{
    struct pause pause = {.is_on = false};
    /* Also of a wait whose end nobody minded, as that for an estimate. */
    attempt->is_interrupted = false;
    while (attempt->asked != REQUEST_NONE || pause.is_on) {
        int result = 0;
        if (attempt->asked == REQUEST_CANCEL)
            result = cancel(attempt, err);
        else if (attempt->asked != REQUEST_NONE)
            result = obey(attempt, &pause, err);
        else
            result = wait_paused(attempt, &pause, err);
        if (result != 0) return -1;
    }
    return 0;
}

int obedience_check(struct attempt *attempt, struct error *err)
{
    if (attempt_is_due(attempt) && attempt_report(attempt, err) != 0) return -1;
    return obedience_heed(attempt, err);
}

/* ---- while the database keeps us waiting ---------------------------------------------- */

int obedience_see_lock(struct attempt *attempt, struct db *db, int64_t waited_ms,
                       struct error *err)
{
    if (!blockade_see(attempt->session, db, waited_ms)) return 0;
    return attempt_check_blocked(attempt, err);
}

int obedience_look(struct db *db, int64_t waited_ms, void *context, struct error *err)
{
    struct attempt *attempt = context;
    const struct session *session = attempt->session;
    if (session_is_ledger(session, db) || db_is_same_file(db, session->db))
        return obedience_see_lock(attempt, db, waited_ms, err);
    if (attempt_check_stop(attempt, err) != 0) return -1;
    if (attempt_is_due(attempt) &&
        (attempt_report(attempt, err) != 0 || obedience_dismiss(attempt, err) != 0))
        return -1;
    if (attempt->asked == REQUEST_NONE) return obedience_see_lock(attempt, db, waited_ms, err);
    attempt->is_interrupted = true;
    return error_set(err, ERROR_INCOMPLETE, "interrupted, to `%s`",
                     request_text(attempt->asked));
}

void obedience_begin(struct attempt *attempt)
{
    attempt->session->watch = (struct db_watch){.look = obedience_look, .context = attempt};
}

void obedience_end(struct attempt *attempt)
{
    attempt->is_interrupted = false;
    blockade_watch(attempt->session);
}

int obedience_take_up(struct attempt *attempt, struct error *err)
{
    if (!attempt->is_interrupted) return -1;
    error_clear(err);
    return obedience_heed(attempt, err);
}

int obedience_dismiss(struct attempt *attempt, struct error *err)
{
    if (attempt->asked != REQUEST_RESUME) return 0;
    attempt->asked = REQUEST_NONE;
    return ledger_obey(attempt->session->ledger, attempt->run_id, REQUEST_RESUME, RUN_RUNNING,
                       &attempt->recovery.arena, NULL, err) < 0
               ? -1
               : 0;
}
