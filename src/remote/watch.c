/*
 * Watching a run from beside.
 *
 * All that is known of it is its row in the ledger, which moves twice a second; so it is looked
 * at as often, with one small read. What the row says is told through the same progress as that
 * of an own run, so that it looks the same everywhere. That a run has crashed is seen by its
 * lock, not guessed from how long it has been silent. Nothing here changes anything.
 */
#include "watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "error.h"
#include "ledger.h"
#include "migration.h"
#include "petition.h"
#include "progress.h"
#include "session.h"
#include "stop.h"

enum { LOOK_EVERY_MS = 500, TEXT_SIZE = 512 };

/* What is going on between two looks. */
struct view {
    struct session *session;
    struct watch *watch;
    struct progress progress;
    struct arena names;    /* of the migration and its steps */
    struct arena looks[2]; /* the last two looks at the run, by turns */
    unsigned turn;
    bool knows_rows;                /* how many rows of its step it has done */
    struct progress_pause pause;    /* as it is seen */
    char asked_at[CLOCK_TEXT_SIZE]; /* of the request that was told last */
};

/* ---- the end ------------------------------------------------------------------------------
 */

/* What the run itself said may name the next command, and then knows it better, while it is the
 * latest; later only what it says of itself still holds. Returns -1. */
static int refuse(const struct view *view, int code, const char *what, struct error *err)
{
    const struct run *run = &view->watch->run;
    char next[PETITION_COMMAND_SIZE];
    const char *why = run->error != NULL ? run->error : "";
    const bool has_advice = strstr(why, "`redferry ") != NULL;
    const bool knows = has_advice && petition_is_latest(view->session, run);
    const size_t length = knows ? strlen(why) : run_error_length(run);
    (void)error_set(err, code, "run %" PRId64 " of %" PRId64 "_%s %s%s%.*s", run->id,
                    run->version, run->name, what, length > 0 ? ": " : "", (int)length, why);
    if (knows) return -1;
    const struct error known = *err;
    return error_set(err, code, "%s; %s", known.message,
                     petition_next(view->session, run, next));
}

/* How a run that has ended did. Returns 0 or -1 with err. */
static int judge_end(const struct view *view, struct error *err)
{
    static const struct {
        int code;
        const char *what;
    } ends[] = {
        [RUN_FAILED] = {ERROR_FAILED, "failed"},
        [RUN_CANCELLED] = {ERROR_OPERATOR, "was cancelled"},
        [RUN_INTERRUPTED] = {ERROR_INCOMPLETE, "was interrupted"},
    };
    const enum run_status status = view->watch->run.status;
    if (status == RUN_SUCCEEDED) return 0;
    return refuse(view, ends[status].code, ends[status].what, err);
}

static int judge_crash(const struct view *view, struct error *err)
{
    (void)petition_crashed(view->session, &view->watch->run, err);
    err->code = ERROR_INCOMPLETE;
    return -1;
}

/* ---- telling ------------------------------------------------------------------------------
 */

/* How many steps the file had as it ran; 0 where that is not known. */
static int count_steps(struct view *view)
{
    const struct run *run = &view->watch->run;
    struct migration *migration = NULL;
    struct error ignored = {0};
    size_t count = 0;
    if (session_definition(view->session, run->id, &migration, &ignored) == 0 &&
        migration != NULL)
        count = run->down ? migration->down.count : migration->up.count;
    migration_free(migration);
    return (int)count;
}

/* Begin as if we had been there from the beginning. */
static void begin(struct view *view)
{
    const struct run *run = &view->watch->run;
    struct progress *progress = &view->progress;
    struct run lasting = *run;
    char text[TEXT_SIZE];
    lasting.name = arena_text(&view->names, run->name);
    (void)snprintf(text, sizeof text,
                   "run %" PRId64 ", begun by %s on host %s (pid %" PRId64 ") at %s", run->id,
                   progress_name(run->operator_name), run->host, run->pid, run->started_at);
    progress_begin(progress, &view->session->listener, &lasting, count_steps(view));
    progress->begun_ms -= run->took_ms;
    progress_tell(progress, EVENT_NOTE, text, (double)run->took_ms / 1000.0);
}

/* Which step it is in. How many rows of that it had done when we came is known of the first
 * one only. */
static void tell_step(struct view *view)
{
    const struct run *run = &view->watch->run;
    struct progress *progress = &view->progress;
    const bool is_first = progress->event.step == 0;
    if (run->step == 0 || run->step == progress->event.step) return;
    if (!is_first) progress_end(progress, EVENT_STEP_DONE, NULL);
    view->knows_rows = !is_first || run->step == 1;
    progress->event.tally = run->tally;
    progress_step(progress, (int)run->step,
                  run->step_name != NULL ? arena_text(&view->names, run->step_name) : NULL, -1);
    if (is_first && run->step == 1) progress_join(progress, run->took_ms, run->tally.rows_read);
}

/* A request that is not obeyed yet. */
static void tell_request(struct view *view)
{
    const struct run *run = &view->watch->run;
    char text[TEXT_SIZE];
    if (run->request == REQUEST_NONE || run->requested_at == NULL ||
        strcmp(run->requested_at, view->asked_at) == 0)
        return;
    (void)snprintf(view->asked_at, sizeof view->asked_at, "%s", run->requested_at);
    (void)snprintf(text, sizeof text, "run %" PRId64 " is asked to %s by %s", run->id,
                   request_text(run->request), progress_name(run->requested_by));
    progress_tell(&view->progress, EVENT_NOTE, text, progress_seconds(&view->progress));
}

static void tell_look(struct view *view)
{
    const struct run *run = &view->watch->run;
    tell_step(view);
    view->progress.event.rows_total = view->knows_rows ? run->rows_total : -1;
    tell_request(view);
    if (run->status == RUN_PAUSED)
        progress_pause(&view->progress, &view->pause, run->requested_by);
    else if (view->pause.begun_ms != 0 && run->status == RUN_RUNNING)
        progress_resume(&view->progress, &view->pause, run->requested_by);
    progress_count(&view->progress, &run->tally);
}

/* ---- looking ------------------------------------------------------------------------------
 */

/* Returns 1, 0 where there is no such run, or -1 with err. */
static int look(struct view *view, struct error *err)
{
    struct watch *watch = view->watch;
    struct arena *arena = &view->looks[view->turn++ % 2];
    const int64_t id = watch->run.id != 0 ? watch->run.id : watch->run_id;
    struct run run = {.id = 0};
    arena_release(arena);
    const int found =
        ledger_follow(view->session->ledger, id, arena, &run, &watch->crashed, err);
    if (found == 1) watch->run = run;
    return found;
}

/* Follow the run, which was alive when we came. Returns as watch_run(). */
static int follow(struct view *view, struct error *err)
{
    const struct run *run = &view->watch->run;
    int result = 0;
    begin(view);
    while (run_is_alive(run) && !view->watch->crashed) {
        tell_look(view);
        if (stop_sleep(view->session->stop, LOOK_EVERY_MS, err) != 0) {
            const struct error stopped = *err;
            return error_set(err, stopped.code, "watching was %s; run %" PRId64 " goes on",
                             stopped.message, run->id);
        }
        result = look(view, err);
        if (result < 0) return -1;
        if (result == 0)
            return error_set(err, ERROR_OPERATOR, "run %" PRId64 " is gone from the ledger",
                             run->id);
    }
    tell_look(view);
    result = view->watch->crashed ? judge_crash(view, err) : judge_end(view, err);
    if (result == 0 && run->step != 0) progress_end(&view->progress, EVENT_STEP_DONE, NULL);
    progress_end(&view->progress, result == 0 ? EVENT_MIGRATION_DONE : EVENT_MIGRATION_FAILED,
                 result == 0 ? NULL : err->message);
    return result;
}

/* Read it once more, to where the caller finds it when all else is gone. */
static void keep(struct view *view)
{
    struct error ignored = {0};
    struct run run = {.id = 0};
    bool crashed = false;
    struct watch *watch = view->watch;
    if (watch->run.id == 0) return;
    if (ledger_follow(view->session->ledger, watch->run.id, view->session->results, &run,
                      &crashed, &ignored) == 1)
        watch->run = run;
    else
        watch->run = (struct run){.id = 0};
}

int watch_run(struct session *session, struct watch *watch, struct error *err)
{
    struct view view = {.session = session, .watch = watch};
    watch->run = (struct run){.id = 0};
    int result = look(&view, err);
    if (result == 0 && watch->run_id != 0)
        result = error_set(err, ERROR_INVALID,
                           "RUN: there is no run %" PRId64 " (`redferry history` lists them)",
                           watch->run_id);
    if (result == 1) {
        watch->followed = run_is_alive(&watch->run) && !watch->crashed;
        result = watch->followed  ? follow(&view, err)
                 : watch->crashed ? judge_crash(&view, err)
                                  : judge_end(&view, err);
    }
    keep(&view);
    arena_release(&view.names);
    arena_release(&view.looks[0]);
    arena_release(&view.looks[1]);
    return result;
}
