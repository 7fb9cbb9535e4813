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
#include <stdio.h>

#include "arena.h"
#include "attempt.h"
#include "clock.h"
#include "error.h"
#include "ledger.h"
#include "ledger_request.h"
#include "migration.h"
#include "session.h"
#include "stop.h"

enum { LOOK_EVERY_MS = 100, TELL_EVERY_MS = 1000, TEXT_SIZE = 512 };

/* A pause, as those who are told of it see it. */
struct pause {
    bool is_on;
    const char *by; /* who asked for it; in the attempt's arena */
    int64_t begun_ms, told_ms;
};

static const char *name_of(const char *by)
{
    return by != NULL ? by : "somebody";
}

/* ---- telling -------------------------------------------------------------------------- */

static void tell(struct attempt *attempt, enum event_kind kind, const char *text,
                 double seconds)
{
    struct event event = attempt->progress.event;
    event.kind = kind;
    event.text = text;
    event.seconds = seconds;
    /* The row counts are of this moment, so that rows and step_rows agree. */
    event.step_rows = event.tally.rows_read - attempt->progress.rows_before_step;
    listener_tell(&attempt->session->listener, &event);
}

/* At once, and then about every second. */
static void tell_of_pause(struct attempt *attempt, struct pause *pause)
{
    const int64_t now = clock_monotonic_ms();
    const bool is_first = pause->told_ms == 0;
    char text[TEXT_SIZE];
    if (!is_first && now - pause->told_ms < TELL_EVERY_MS) return;
    (void)snprintf(text, sizeof text,
                   "run %" PRId64 " is paused by %s; `redferry resume %" PRId64
                   "` has it go on",
                   attempt->run_id, name_of(pause->by), attempt->run_id);
    tell(attempt, EVENT_PAUSED, text, is_first ? 0 : (double)(now - pause->begun_ms) / 1000.0);
    pause->told_ms = now;
}

static void tell_of_going_on(struct attempt *attempt, const struct pause *pause, const char *by)
{
    char text[TEXT_SIZE];
    (void)snprintf(text, sizeof text, "run %" PRId64 " goes on: resumed by %s", attempt->run_id,
                   name_of(by));
    tell(attempt, EVENT_RESUMED, text,
         (double)(clock_monotonic_ms() - pause->begun_ms) / 1000.0);
}

/* ---- obeying -------------------------------------------------------------------------- */

static void pause_run(struct attempt *attempt, struct pause *pause, const char *by)
{
    if (!pause->is_on) *pause = (struct pause){.is_on = true, .begun_ms = clock_monotonic_ms()};
    pause->by = by;
    /* Nobody pauses it again and again by accident: --max-time may end it here, too. */
    attempt->session->has_progressed = true;
}

static void resume_run(struct attempt *attempt, struct pause *pause, const char *by)
{
    if (!pause->is_on) return;
    tell_of_going_on(attempt, pause, by);
    progress_skip(&attempt->progress, clock_monotonic_ms() - pause->begun_ms);
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
    const int64_t version = attempt->beginning.migration->version;
    struct arena *arena = &attempt->recovery.arena;
    struct run run = {.request = REQUEST_NONE};
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
                         name_of(run.requested_by), version);
    return error_set(err, ERROR_OPERATOR,
                     "cancelled by %s: `redferry run %" PRId64
                     "` goes on, `redferry down --only %" PRId64 "` undoes it",
                     name_of(run.requested_by), version, version);
}

static int wait_paused(struct attempt *attempt, struct pause *pause, struct error *err)
{
    tell_of_pause(attempt, pause);
    if (attempt_check_stop(attempt, err) != 0 ||
        stop_sleep(attempt->session->stop, LOOK_EVERY_MS, err) != 0)
        return -1;
    return attempt_is_due(attempt) ? attempt_report(attempt, err) : 0;
}

int obedience_heed(struct attempt *attempt, struct error *err)
{
    struct pause pause = {.is_on = false};
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

int obedience_dismiss(struct attempt *attempt, struct error *err)
{
    if (attempt->asked != REQUEST_RESUME) return 0;
    attempt->asked = REQUEST_NONE;
    return ledger_obey(attempt->session->ledger, attempt->run_id, REQUEST_RESUME, RUN_RUNNING,
                       &attempt->recovery.arena, NULL, err) < 0
               ? -1
               : 0;
}
