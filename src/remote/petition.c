/*
 * Petitions: what an operator asks of a run that is not his own.
 *
 * The run may be on any host; what both can reach is the ledger. So the petition is written
 * into the run's row, and the answer is read from there, for as long as a run that is alive can
 * need to obey. Whether it is alive is asked of the lock, so that nobody waits for the dead:
 * what has crashed is said at once, and to cancel it takes no more than writing that down, with
 * the lock in hand so that no other run of it begins meanwhile.
 */
#include "petition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "config.h"
#include "error.h"
#include "ledger.h"
#include "ledger_request.h"
#include "migration.h"
#include "session.h"
#include "stop.h"

/* A run obeys within two seconds. */
enum { PATIENCE_MS = 5000, LOOK_EVERY_MS = 100 };

/* What a look at the run may come to, besides 0 (it is settled) and -1 with err. */
enum { LOOK_AGAIN = 1 };

/* A petition on its way. */
struct way {
    struct session *session;
    struct petition *petition;
    int64_t begun_ms;
    const char *asked_at; /* when ours was written; NULL: not yet */
    bool is_shared;       /* the same was asked already: that counts as ours */
};

/* ---- words ------------------------------------------------------------------------------ */

/* What a run is once it has obeyed. */
static enum run_status wanted(enum request request)
{
    static const enum run_status statuses[] = {
        [REQUEST_PAUSE] = RUN_PAUSED,
        [REQUEST_RESUME] = RUN_RUNNING,
        [REQUEST_CANCEL] = RUN_CANCELLED,
    };
    return statuses[request];
}

bool petition_is_latest(const struct session *session, const struct run *run)
{
    struct arena arena = {0};
    struct ledger_state state;
    struct error ignored = {0};
    const struct run *latest = NULL;
    bool is_past = false;
    if (ledger_read(session->ledger, &state, &arena, &ignored) == 0) {
        const struct record *record = &state.record;
        for (size_t i = 0; i < record->run_count; i++)
            if (record->runs[i].version == run->version) latest = &record->runs[i];
        for (size_t i = 0; i < record->entry_count; i++)
            if (record->entries[i].version == run->version)
                is_past = run_is_past(run, &record->entries[i]);
    }
    const bool is_it = latest != NULL && latest->id == run->id && !is_past;
    arena_release(&arena);
    return is_it;
}

const char *petition_next(const struct session *session, const struct run *run,
                          char text[PETITION_COMMAND_SIZE])
{
    if (petition_is_latest(session, run))
        (void)snprintf(text, PETITION_COMMAND_SIZE, "`redferry %s %" PRId64 "` goes on with it",
                       run->down ? "down --only" : "run", run->version);
    else
        (void)snprintf(text, PETITION_COMMAND_SIZE,
                       "`redferry status %" PRId64 "` shows how it stands now", run->version);
    return text;
}

/* The definition that the ledger keeps of what run ran, yours to migration_free(); NULL: there
 * is none that this release can read. */
static struct migration *definition_of(struct session *session, const struct run *run)
{
    struct migration *definition = NULL;
    struct error ignored = {0};
    return session_definition(session, run->id, &definition, &ignored) == 0 ? definition : NULL;
}

static bool has_down(struct session *session, const struct run *run)
{
    struct migration *definition = definition_of(session, run);
    const bool has = definition != NULL && definition->has_down;
    migration_free(definition);
    return has;
}

/* What goes on with a run that is cancelled, or undoes it. Returns 0 or -1 with err. */
static int find_next(struct session *session, struct petition *petition, struct error *err)
{
    const struct run *run = &petition->run;
    char text[MIGRATION_REMEDY_SIZE];
    if (run->down) {
        petition->next =
            arena_format(session->results, "`redferry down --only %" PRId64 "` goes on with it",
                         run->version);
    } else {
        struct migration *definition = definition_of(session, run);
        petition->next = arena_text(
            session->results, migration_cancelled_remedy(run->version, definition, true, text));
        migration_free(definition);
    }
    return petition->next != NULL ? 0 : error_memory(err);
}

int petition_crashed(const struct session *session, const struct run *run, struct error *err)
{
    char next[PETITION_COMMAND_SIZE];
    return error_set(err, ERROR_OPERATOR,
                     "run %" PRId64 " of %" PRId64
                     "_%s has crashed: it says that it runs (on host %s, pid %" PRId64
                     "), and nobody holds the lock; %s",
                     run->id, run->version, run->name, run->host, run->pid,
                     petition_next(session, run, next));
}

/* Whether what we want was asked of the run, by us or by another. */
static bool has_asked(const struct way *way)
{
    return way->asked_at != NULL || way->is_shared;
}

static int end(struct way *way, enum petition_end how)
{
    way->petition->end = how;
    return 0;
}

/* The run has ended, whether it was asked or not. Returns 0 or -1 with err. */
static int judge_end(struct way *way, struct error *err)
{
    const struct petition *petition = way->petition;
    const struct run *run = &petition->run;
    char next[PETITION_COMMAND_SIZE];
    const bool was_asked = has_asked(way);
    const bool went_on = petition->request == REQUEST_RESUME && was_asked &&
                         run->request == REQUEST_NONE && run->status != RUN_CANCELLED;
    if (run->status == wanted(petition->request) || went_on)
        return end(way, was_asked ? PETITION_OBEYED : PETITION_MOOT);
    (void)end(way, PETITION_ENDED);
    (void)error_set(err, ERROR_OPERATOR, "run %" PRId64 " of %" PRId64 "_%s has ended%s: %s",
                    run->id, run->version, run->name, was_asked ? " before it could obey" : "",
                    run_status_text(run->status));
    if (run->status == RUN_SUCCEEDED && run->down) return -1;
    const struct error what = *err;
    const bool is_applied =
        run->status == RUN_SUCCEEDED && petition_is_latest(way->session, run);
    if (is_applied && !has_down(way->session, run)) return -1;
    if (is_applied)
        return error_set(err, what.code, "%s; `redferry down --only %" PRId64 "` undoes it",
                         what.message, run->version);
    return error_set(err, what.code, "%s; %s", what.message,
                     petition_next(way->session, run, next));
}

/* ---- looking at the run ----------------------------------------------------------------- */

/* The arena gets a run with each look, a few dozen in all. */
static int look(struct way *way, bool *crashed, struct error *err)
{
    struct petition *petition = way->petition;
    const int64_t id = petition->run.id != 0 ? petition->run.id : petition->run_id;
    struct session *session = way->session;
    return ledger_follow(session->ledger, id, session->results, &petition->run, crashed, err);
}

/* Find the run that is meant. Returns 0 or -1 with err. */
static int find(struct way *way, bool *crashed, struct error *err)
{
    struct petition *petition = way->petition;
    const int found = look(way, crashed, err);
    if (found < 0) return -1;
    if (found == 0 && petition->run_id != 0)
        return error_set(err, ERROR_INVALID,
                         "RUN: there is no run %" PRId64 " (`redferry history` lists them)",
                         petition->run_id);
    if (petition->run_id != 0 || (found == 1 && run_is_alive(&petition->run))) return 0;
    petition->run = (struct run){.id = 0};
    return error_set(err, ERROR_OPERATOR,
                     "nothing is running that could be asked to %s (`redferry history` shows "
                     "what ran)",
                     request_text(petition->request));
}

/* ---- a run that has crashed ---------------------------------------------------------------
 */

/* With the lock ours nobody goes on with it meanwhile. Returns 1, 0 where it had ended by now,
 * or -1 with err. */
static int record(struct way *way, struct error *err)
{
    struct session *session = way->session;
    const struct run *run = &way->petition->run;
    char text[ERROR_MESSAGE_SIZE];
    (void)snprintf(text, sizeof text, "it had crashed, and was cancelled by %s",
                   config_operator(session->config));
    return ledger_cancel(session->ledger, run->id, text, err);
}

/* Returns 0, LOOK_AGAIN or -1 with err. */
static int cancel_crashed(struct way *way, struct error *err)
{
    struct session *session = way->session;
    bool crashed = false;
    const int taken = session_take_lock(session, err);
    if (taken != 1) return taken < 0 ? -1 : LOOK_AGAIN;
    const int recorded = record(way, err);
    session_release_lock(session);
    if (recorded < 0) return -1;
    if (look(way, &crashed, err) < 0) return -1;
    return recorded == 1 ? end(way, PETITION_RECORDED) : LOOK_AGAIN;
}

static int judge_crash(struct way *way, struct error *err)
{
    if (way->petition->request == REQUEST_CANCEL) return cancel_crashed(way, err);
    (void)end(way, PETITION_CRASHED);
    return petition_crashed(way->session, &way->petition->run, err);
}

/* ---- asking -------------------------------------------------------------------------------
 */

/* Whether what stands there now is what we asked for, or what we found to be asked already. */
static bool is_ours(const struct way *way)
{
    const struct run *run = &way->petition->run;
    if (way->is_shared) return run->request == way->petition->request;
    return way->asked_at != NULL && run->requested_at != NULL &&
           strcmp(way->asked_at, run->requested_at) == 0;
}

static int refuse_overtaken(struct way *way, struct error *err)
{
    const struct run *run = &way->petition->run;
    const char *by = run->requested_by != NULL ? run->requested_by : "somebody";
    (void)end(way, PETITION_OVERTAKEN);
    if (run->request == REQUEST_NONE)
        return error_set(err, ERROR_OPERATOR,
                         "%s has asked for something else since (%s): run %" PRId64 " is %s",
                         by, run->requested_at != NULL ? run->requested_at : "", run->id,
                         run_status_text(run->status));
    return error_set(
        err, ERROR_OPERATOR, "%s has asked for `%s` instead (%s): run %" PRId64 " is %s", by,
        request_text(run->request), run->requested_at != NULL ? run->requested_at : "", run->id,
        run_status_text(run->status));
}

/* A SQLite file in rollback mode: it was waited for long enough. Returns -1. */
static int refuse_locked(struct error *err)
{
    const struct error why = *err;
    return error_set(err, ERROR_LOCKED,
                     "%s: nothing was asked; try again (a step that reads this file as one "
                     "statement keeps everybody from writing)",
                     why.message);
}

/* Write the request. Returns LOOK_AGAIN where there is something to wait for, 0 where it is so
 * already, or -1 with err. */
static int ask(struct way *way, struct error *err)
{
    struct session *session = way->session;
    struct petition *petition = way->petition;
    struct ledger_asked asked;
    const int found = ledger_ask(session->ledger, petition->run.id, petition->request,
                                 session->results, &asked, err);
    if (found < 0 && err->code == ERROR_FAILED && err->passing) return refuse_locked(err);
    if (found <= 0) return found < 0 ? -1 : LOOK_AGAIN;
    way->asked_at = asked.at;
    way->is_shared = asked.at == NULL && asked.before == petition->request;
    if (asked.at != NULL && asked.before != REQUEST_NONE) {
        petition->replaced = asked.before;
        petition->replaced_by = asked.before_by;
        petition->replaced_at = asked.before_at;
    }
    if (has_asked(way) || asked.status != wanted(petition->request)) return LOOK_AGAIN;
    petition->run.status = asked.status;
    return end(way, PETITION_MOOT);
}

/* Whether the run, which is alive, has obeyed. Returns 0, LOOK_AGAIN or -1 with err. */
static int judge_alive(struct way *way, struct error *err)
{
    const struct petition *petition = way->petition;
    const struct run *run = &petition->run;
    if (!has_asked(way)) return ask(way, err);
    if (run->request != REQUEST_NONE)
        return is_ours(way) ? LOOK_AGAIN : refuse_overtaken(way, err);
    if (run->status == wanted(petition->request)) return end(way, PETITION_OBEYED);
    return refuse_overtaken(way, err);
}

static int judge(struct way *way, bool crashed, struct error *err)
{
    if (!run_is_alive(&way->petition->run)) return judge_end(way, err);
    return crashed ? judge_crash(way, err) : judge_alive(way, err);
}

/* Nothing happened for so long. */
static int give_up(struct way *way, struct error *err)
{
    const struct petition *petition = way->petition;
    const struct run *run = &petition->run;
    if (!has_asked(way))
        return error_set(err, ERROR_LOCKED,
                         "run %" PRId64
                         " is in an `sql` step ('%s'), one transaction that keeps "
                         "its row: nothing was asked; try again when that is over (`redferry "
                         "watch %" PRId64 "` shows it)",
                         run->id, run->step_name != NULL ? run->step_name : "", run->id);
    (void)end(way, PETITION_WAITING);
    return error_set(err, ERROR_INCOMPLETE,
                     "run %" PRId64
                     " has not obeyed yet: `%s` stands, and is obeyed at its next "
                     "batch boundary (`redferry watch %" PRId64 "` follows it)",
                     run->id, request_text(petition->request), run->id);
}

int petition_make(struct session *session, struct petition *petition, struct error *err)
{
    struct way way = {
        .session = session, .petition = petition, .begun_ms = clock_monotonic_ms()};
    bool crashed = false;
    const char *operator_name = config_operator(session->config);
    if (operator_name == NULL) return error_memory(err);
    ledger_sign(session->ledger, operator_name);
    session->patience_ms = PATIENCE_MS;
    if (find(&way, &crashed, err) != 0) return -1;
    for (;;) {
        const int judged = judge(&way, crashed, err);
        const bool is_cancelled = judged == 0 && (petition->end == PETITION_RECORDED ||
                                                  petition->run.status == RUN_CANCELLED);
        if (is_cancelled) return find_next(session, petition, err);
        if (judged != LOOK_AGAIN) return judged;
        if (clock_monotonic_ms() - way.begun_ms >= PATIENCE_MS) return give_up(&way, err);
        if (stop_sleep(session->stop, LOOK_EVERY_MS, err) != 0 || look(&way, &crashed, err) < 0)
            return -1;
    }
}
