/*
 * The runner: lock, agenda, attempts, unlock. It reads what there is, decides with selection.c,
 * waits its turn, decides again under the lock, and makes one attempt after the other until one
 * fails or somebody asks to stop. The common case, nothing to do, ends before the lock.
 */
#include "runner.h"

#include <inttypes.h>

#include "announcement.h"
#include "arena.h"
#include "assurance.h"
#include "attempt.h"
#include "checkpoint.h"
#include "clock.h"
#include "config.h"
#include "crash.h"
#include "db.h"
#include "error.h"
#include "ledger.h"
#include "ledger_run.h"
#include "migration.h"
#include "outcome.h"
#include "schema_migration.h"
#include "selection.h"
#include "session.h"
#include "stop.h"
#include "stranger.h"
#include "task.h"
#include "turn.h"

static void note_failure(struct session *session, struct outcome *outcome,
                         const struct attempt *attempt, const struct error *err)
{
    const struct migration *migration = attempt->beginning.migration;
    const struct step *step = attempt->failed_step;
    outcome->failed_version = migration->version;
    outcome->failed_name = arena_text(session->results, migration->name);
    outcome->failed_step = step != NULL ? step->number : 0;
    outcome->failed_step_name = step != NULL ? arena_text(session->results, step->name) : NULL;
    outcome->failed_error = arena_text(session->results, err->message);
}

/* ---- before the first attempt --------------------------------------------------------- */

int runner_check_oddities(const struct session *session, struct error *err)
{
    const bool strict = session->config->strict;
    for (size_t i = 0; i < session->agenda.count; i++) {
        const struct agenda_item *item = &session->agenda.items[i];
        if (item->state == STATE_MODIFIED && strict)
            return error_set(
                err, ERROR_OPERATOR,
                "%s was modified since it was applied (--strict): `redferry repair %" PRId64
                "` accepts it",
                item->migration->file, item->version);
        if (item->state == STATE_MODIFIED)
            listener_say(&session->listener, EVENT_WARNING,
                         "%s was modified since it was applied: `redferry repair %" PRId64
                         "` accepts it",
                         item->migration->file, item->version);
        if (item->pending && item->below_applied && strict)
            return error_set(
                err, ERROR_OPERATOR,
                "%" PRId64 "_%s is pending below an applied version (--strict): `redferry run "
                "%" PRId64 "` applies it all the same",
                item->version, item->name, item->version);
        if (item->pending && item->below_applied)
            listener_say(&session->listener, EVENT_WARNING,
                         "%" PRId64 "_%s is pending below an applied version", item->version,
                         item->name);
    }
    return 0;
}

/* Whether a step of them reads on the reader's connection. */
static bool tasks_will_read(const struct tasks *tasks)
{
    for (size_t i = 0; i < tasks->count; i++) {
        const struct task *task = &tasks->items[i];
        const struct steps *steps =
            task->choice.down ? &task->migration->down : &task->migration->up;
        for (size_t j = 0; j < steps->count; j++)
            if (steps->items[j].read != NULL && steps->items[j].from == NULL) return true;
    }
    return false;
}

/* ---- attempts ------------------------------------------------------------------------- */

static int carry_out_task(struct session *session, const struct task *task,
                          struct outcome *outcome, struct error *err)
{
    struct attempt attempt = {0};
    const struct ledger_beginning beginning = {
        .migration = task->migration,
        .down = task->choice.down,
        .again = task->choice.again,
    };
    if (task->own)
        listener_say(&session->listener, EVENT_WARNING,
                     "%" PRId64 "_%s has no file: using the definition that is stored with its "
                     "run",
                     task->migration->version, task->migration->name);
    int result = attempt_run(&attempt, session, &beginning, task->choice.afresh, err);
    if (result == 1 || attempt.finished) {
        const struct done done = {
            .version = task->migration->version,
            .name = task->migration->name,
            .undone = task->choice.down,
            .run_id = attempt.run_id,
            .tally = attempt.position.tally,
            .seconds = progress_seconds(&attempt.progress),
        };
        struct error later = {0};
        if (outcome_add(&outcome->done, session, &done, &later) != 0 && result >= 0) {
            *err = later;
            result = -1;
        }
    }
    if (result < 0 && err->code < ERROR_STOPPED && err->code != ERROR_INCOMPLETE)
        note_failure(session, outcome, &attempt, err);
    attempt_release(&attempt);
    return result < 0 ? -1 : 0;
}

static int carry_out_tasks(struct session *session, const struct tasks *tasks,
                           struct outcome *outcome, struct error *err)
{
    for (size_t i = 0; i < tasks->count; i++) {
        if (stop_requested(session->stop)) return stop_error(session->stop, err);
        /* The first one's was taken just now. */
        const int held =
            i == 0 ? db_lock_glance(session->lock, err) : db_lock_check(session->lock, err);
        if (held != 0) return -1;
        if (carry_out_task(session, &tasks->items[i], outcome, err) != 0) return -1;
        if (outcome->pending > 0) outcome->pending--;
    }
    return 0;
}

/* Applied migrations that were never finished off: their messages are sent now. */
static int finish_off(struct session *session, struct outcome *outcome, struct error *err)
{
    for (size_t i = 0; i < session->agenda.count; i++) {
        const struct agenda_item *item = &session->agenda.items[i];
        struct migration *migration = NULL;
        /* A run of it that is unfinished will come to it itself. */
        if (!item->unannounced || item->stopped || item->state == STATE_HALF_UNDONE) continue;
        if (task_definition(session, item->version, &migration, err) != 0) return -1;
        int result = announcement_send_late(session, migration, item->entry, err);
        crash_point("announced late");
        if (result != 0) (void)error_prefix(err, "%s: announcing: ", migration->file);
        const struct done done = {
            .version = item->version,
            .name = item->name,
            .run_id = item->entry->run_id,
            .tally = {.messages_published = (int64_t)migration->announcement_count},
        };
        if (result == 0) result = outcome_add(&outcome->announced, session, &done, err);
        if (item->migration == NULL) migration_free(migration);
        if (result != 0) return -1;
    }
    return 0;
}

/* ---- a whole command ------------------------------------------------------------------ */

static bool has_unannounced(const struct session *session)
{
    for (size_t i = 0; i < session->agenda.count; i++)
        if (session->agenda.items[i].unannounced) return true;
    return false;
}

/* Whether a wish still wants something; asked again while waiting for the lock. */
static bool wish_is_needed(const struct session *session, const void *question)
{
    const struct wish *wish = question;
    struct selection selection;
    struct arena arena = {0};
    struct error err = {0};
    const bool failed = selection_make(&selection, session, wish, &arena, &err) != 0;
    const bool needed = failed || selection.count > 0 || selection.blocked.code != ERROR_NONE ||
                        (wish->kind == WISH_UP && has_unannounced(session));
    arena_release(&arena);
    return needed;
}

/* What an `up` would find, going by the agenda as it was last read. */
static size_t left_to_do(const struct session *session, const struct wish *wish)
{
    return wish->kind == WISH_UP ? session->agenda.pending : 0;
}

/* Take out of selection what was not in the one that was made before the lock. */
static void keep_chosen(struct selection *selection, const struct selection *before)
{
    size_t kept = 0;
    for (size_t i = 0; i < selection->count; i++)
        for (size_t j = 0; j < before->count; j++)
            if (selection->items[i].version == before->items[j].version)
                selection->items[kept++] = selection->items[i];
    selection->count = kept;
}

/* Open Redis, and see that it is one to be written to, as far as that shows before anything is
 * written. Carrying again is what mends a Redis that does not know the ledger. */
static int open_redis(struct session *session, const struct wish *wish, struct error *err)
{
    if (session->redis != NULL) return 0; /* by the first half of a redo */
    if (ledger_check_layout(session->ledger, session->state.layout, err) != 0) return -1;
    if (session_open_redis(session, err) != 0 || assurance_check(session, err) != 0) return -1;
    const bool insists = wish->kind == WISH_RUN || wish->only != 0;
    struct checkpoint_trace trace;
    if (stranger_ask(session, &trace, err) != 0 ||
        stranger_check_restored(session, &trace, insists, err) != 0)
        return -1;
    if (wish->all) return 0;
    return stranger_check(session, &trace, session->config->strict && !wish->again, err);
}

/* With --strict an `up` that has nothing to do asks Redis all the same; but not where only a
 * newer release can read the runs that Redis' answer is compared with. */
static int check_idle(struct session *session, const struct wish *wish, struct error *err)
{
    if (wish->kind != WISH_UP || !session->config->strict || !session->config->has_redis ||
        session->state.layout > LEDGER_LAYOUT)
        return 0;
    return open_redis(session, wish, err);
}

/* Under the lock: decide once more, and do it. Two who undo `the last one` at once mean the
 * same one. */
static int carry_out_in_turn(struct session *session, const struct wish *wish,
                             const struct selection *before, struct outcome *outcome,
                             struct error *err)
{
    struct selection selection = {0};
    struct tasks tasks = {0};
    int result = -1;
    if (selection_make(&selection, session, wish, &session->arena, err) != 0) goto done;
    if (wish->kind == WISH_DOWN) keep_chosen(&selection, before);
    if (tasks_make(&tasks, session, &selection, err) != 0) goto done;
    outcome->pending = left_to_do(session, wish);
    if (selection.count == 0 && selection.blocked.code != ERROR_NONE &&
        !(wish->kind == WISH_UP && has_unannounced(session))) {
        *err = selection.blocked;
        outcome->blocked_by = selection.blocked_by;
        goto done;
    }
    if (open_redis(session, wish, err) != 0 || session_ensure(session, err) != 0) goto done;
    crash_point("ledger made");
    if (wish->kind == WISH_UP && finish_off(session, outcome, err) != 0) goto done;
    result = carry_out_tasks(session, &tasks, outcome, err);
    if (result == 0 && selection.blocked.code != ERROR_NONE) {
        *err = selection.blocked;
        outcome->blocked_by = selection.blocked_by;
        result = -1;
    }
done:
    tasks_release(&tasks);
    return result;
}

/* `run --all --again` means every applied one, and cannot carry those without a file. */
static void warn_of_missing(const struct session *session)
{
    for (size_t i = 0; i < session->agenda.count; i++) {
        const struct agenda_item *item = &session->agenda.items[i];
        if (item->entry != NULL && item->migration == NULL)
            listener_say(&session->listener, EVENT_WARNING,
                         "%" PRId64 "_%s is applied, but has no file: it is not carried again",
                         item->version, item->name);
    }
}

int runner_carry_out(struct session *session, const struct wish *wish, struct outcome *outcome,
                     struct error *err)
{
    struct selection selection = {0};
    struct tasks tasks = {0};
    const struct turn turn = {
        .needed = wish_is_needed, .question = wish, .shares_fate = wish->kind != WISH_DOWN};
    if ((wish->kind == WISH_UP && runner_check_oddities(session, err) != 0) ||
        selection_make(&selection, session, wish, &session->arena, err) != 0)
        return -1;
    if (wish->all) warn_of_missing(session);
    outcome->pending = left_to_do(session, wish);
    if (!wish_is_needed(session, wish)) return check_idle(session, wish, err);
    if (config_require(session->config, "redis", err) != 0) return -1;
    const int checked = tasks_make(&tasks, session, &selection, err);
    session->will_read = checked == 0 && tasks_will_read(&tasks);
    tasks_release(&tasks);
    if (checked != 0) return -1;
    const int taken = schema_migration_take_turn(session, &turn, err);
    int result = taken;
    if (taken == 1) result = carry_out_in_turn(session, wish, &selection, outcome, err);
    if (taken == 0) outcome->pending = left_to_do(session, wish);
    session_release_lock(session);
    crash_point("lock released");
    return result;
}

int runner_redo(struct session *session, struct outcome *outcome, struct error *err)
{
    const struct wish last = {.kind = WISH_DOWN, .count = 1};
    struct selection selection = {0};
    if (selection_make(&selection, session, &last, &session->arena, err) != 0) return -1;
    if (selection.count == 0)
        return error_set(err, ERROR_INVALID, "nothing is applied: nothing to redo");
    const int64_t version = selection.items[0].version;
    const struct migration *migration = migrations_find(&session->migrations, version);
    if (migration == NULL)
        return error_set(err, ERROR_OPERATOR,
                         "migration %" PRId64
                         " has no file to apply again: put it back, or `redferry down --only "
                         "%" PRId64 "` undoes it",
                         version, version);
    /* Nothing is undone that would then be refused. */
    if (task_check_guarantees(session, migration, &migration->up, err) != 0) return -1;
    const struct wish down = {.kind = WISH_DOWN, .only = version};
    const struct wish up = {.kind = WISH_RUN, .versions = &version, .version_count = 1};
    if (runner_carry_out(session, &down, outcome, err) != 0) return -1;
    session->queued_ms = clock_monotonic_ms();
    if (session_read(session, err) != 0) return -1;
    return runner_carry_out(session, &up, outcome, err);
}
