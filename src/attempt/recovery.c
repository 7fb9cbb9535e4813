/*
 * Recovery: how an attempt finds out where to begin. It asks the ledger for the runs before its
 * own and Redis for the checkpoint, lets resume.c decide what the two mean together, and has
 * the ledger confirm the run before and behind each taking of the fence, for a checkpoint may
 * be written only by a run that SQL still knows as running. What an earlier run could not
 * settle any more, because it was killed before it read an answer, is settled here before the
 * first row.
 */
#include "recovery.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "attempt.h"
#include "batch.h"
#include "checkpoint.h"
#include "config.h"
#include "crash.h"
#include "error.h"
#include "fence_look.h"
#include "ledger.h"
#include "ledger_run.h"
#include "migration.h"
#include "obedience.h"
#include "session.h"
#include "sink.h"
#include "sink_fenced.h"
#include "step.h"

/* ---- what the sink asks ----------------------------------------------------------------- */

/* What the own run has done since its history was read. */
static void bring_up_to_date(struct recovery *recovery)
{
    const struct ledger_position *position = &recovery->attempt->position;
    recovery->runs[0].step = position->step;
    recovery->runs[0].cursor = position->cursor;
    resume_study(&recovery->resume);
}

static void warn_of_loss(struct recovery *recovery)
{
    const struct migration *migration = recovery->resume.migration;
    if (recovery->has_warned) return;
    recovery->has_warned = true;
    listener_say(
        &recovery->attempt->session->listener, EVENT_WARNING,
        "%s: its checkpoint is gone from Redis (flushed, evicted, or restored); all that "
        "it did may be repeated, and it starts over from step 1",
        migration->file);
}

/* What another has begun since is not in the history that was read; so whoever was ended
 * meanwhile, by one who may have finished all, does not judge by it, and leaves nothing behind.
 * The checkpoint is WATCHed already: one who begins after SQL's answer, and writes, makes what
 * follows from it void. */
static int decide(void *context, const struct checkpoint *found, bool again,
                  enum fence_answer *answer, struct error *err)
{
    struct recovery *recovery = context;
    const struct attempt *attempt = recovery->attempt;
    if (ledger_check_running(attempt->session->ledger, attempt->run_id, err) != 0) return -1;
    bring_up_to_date(recovery);
    const enum resume_way way = resume_decide(&recovery->resume, found, again, err);
    if (way == RESUME_REFUSED) return -1;
    if (way == RESUME_OVER) warn_of_loss(recovery);
    *answer = way == RESUME_ON ? FENCE_RESUME : FENCE_AFRESH;
    return 0;
}

static int confirm(void *context, int64_t origin, struct error *err)
{
    struct recovery *recovery = context;
    const struct attempt *attempt = recovery->attempt;
    if (ledger_confirm(attempt->session->ledger, attempt->run_id, origin, err) != 0) return -1;
    recovery->runs[0].origin = origin;
    return 0;
}

/* Redis keeps us waiting: who looks on is told, where it is away. In the middle of a step the
 * run is alive, and says so; but not where another program waits to write to the very file that
 * is being read. */
static int waiting(void *context, const struct fence_outage *outage, struct error *err)
{
    const struct recovery *recovery = context;
    struct attempt *attempt = recovery->attempt;
    if (outage != NULL)
        progress_tell_outage(&attempt->progress, outage->why, outage->begun_ms,
                             outage->most_ms);
    if (attempt->failed_step == NULL || !attempt_is_due(attempt)) return 0;
    if (attempt_tick(attempt, err) == 0) return 0;
    if (err->code != ERROR_FAILED || !err->passing) return -1;
    error_clear(err);
    return 0;
}

/* ---- opening ---------------------------------------------------------------------------- */

static const struct entry *entry_of(const struct session *session, int64_t version)
{
    const struct agenda_item *item = agenda_find(&session->agenda, version);
    return item != NULL ? item->entry : NULL;
}

/* The file as the last run that began to write had it, where it has changed since. What this
 * release cannot read any more is as good as unknown: nothing is known to be unchanged. */
static int load_before(struct resume *resume, struct session *session,
                       struct migration **before, struct error *err)
{
    const struct run *then = resume->then;
    if (then == NULL || strcmp(then->checksum, resume->migration->checksum) == 0) return 0;
    if (session_definition(session, then->id, before, err) != 0) {
        if (err->code != ERROR_INVALID) return -1;
        error_clear(err);
    }
    resume->before = *before;
    return 0;
}

int recovery_study(struct resume *resume, struct session *session, struct migration **before,
                   struct arena *arena, struct error *err)
{
    struct run *runs = NULL;
    *before = NULL;
    resume->run_id = INT64_MAX;
    resume->entry = entry_of(session, resume->migration->version);
    if (ledger_history(session->ledger, resume->migration->version, 0, arena, &runs,
                       &resume->run_count, err) != 0)
        return -1;
    resume->runs = runs;
    resume_study(resume);
    return load_before(resume, session, before, err);
}

/* Read the runs of this version, and the file as the last of them had it. */
static int load_history(struct recovery *recovery, struct error *err)
{
    const struct attempt *attempt = recovery->attempt;
    struct session *session = attempt->session;
    struct resume *resume = &recovery->resume;
    if (ledger_history(session->ledger, resume->migration->version, 0, &recovery->arena,
                       &recovery->runs, &resume->run_count, err) != 0)
        return -1;
    resume->runs = recovery->runs;
    if (resume->run_count == 0 || recovery->runs[0].id != attempt->run_id)
        return error_set(err, ERROR_OPERATOR,
                         "run %" PRId64 " is not the newest of its version any more: another "
                         "runner began (`redferry history` shows who)",
                         attempt->run_id);
    bring_up_to_date(recovery);
    return load_before(resume, session, &recovery->before, err);
}

/* Give up what was seen before the run began, unless it is all that there can be to see: what
 * the history that was read since says of a checkpoint may be about a later one. */
static void look_again(struct recovery *recovery)
{
    struct attempt *attempt = recovery->attempt;
    if (attempt->look == NULL ||
        (recovery_is_first(recovery) && !fence_look_found(attempt->look)->present))
        return;
    fence_look_close(attempt->look);
    attempt->look = NULL;
}

static int open_sink(struct recovery *recovery, struct error *err)
{
    struct attempt *attempt = recovery->attempt;
    look_again(recovery);
    const struct session *session = attempt->session;
    const struct sink_fenced_options options = {
        .fence =
            {
                .connection = session->redis,
                .retry_for_ms = session->config->retry_for_ms,
                .ledger_id = session->ledger_id,
                .database = session->database,
                .version = attempt->beginning.migration->version,
                .run_id = attempt->run_id,
                .down = attempt->beginning.down,
                .checksum = attempt->beginning.migration->checksum,
                .look = attempt->look,
                .decide = decide,
                .confirm = confirm,
                .waiting = waiting,
                .context = recovery,
            },
        .max_latency_us = session->config->max_redis_latency_ms * 1000,
    };
    return sink_fenced_open(&attempt->sink, &options, err);
}

static void subtract(struct tally *from, const struct tally *what)
{
    from->rows_read -= what->rows_read;
    from->commands_sent -= what->commands_sent;
    from->messages_published -= what->messages_published;
}

/* What of missing falls to a run that says has: all that is to be added, where it is the last
 * one; or as much as can be taken away. */
static int64_t share(int64_t *missing, int64_t has, bool is_last)
{
    int64_t part = -*missing < has ? *missing : -has;
    if (*missing > 0) part = is_last ? *missing : 0;
    *missing -= part;
    return part;
}

static struct tally share_all(struct tally *missing, const struct tally *has, bool is_last)
{
    return (struct tally){
        .rows_read = share(&missing->rows_read, has->rows_read, is_last),
        .commands_sent = share(&missing->commands_sent, has->commands_sent, is_last),
        .messages_published =
            share(&missing->messages_published, has->messages_published, is_last),
    };
}

static bool is_nothing(const struct tally *tally)
{
    return tally->rows_read == 0 && tally->commands_sent == 0 && tally->messages_published == 0;
}

int recovery_balance(struct recovery *recovery, struct error *err)
{
    const struct resume *resume = &recovery->resume;
    struct sink *sink = recovery->attempt->sink;
    struct ledger *ledger = recovery->attempt->session->ledger;
    const int64_t origin = recovery->runs[0].origin;
    struct tally missing = sink_fenced_total(sink);
    bool is_last = true;
    subtract(&missing, sink_tally(sink));
    for (size_t i = 1; i < resume->run_count; i++)
        if (recovery->runs[i].origin == origin) subtract(&missing, &recovery->runs[i].tally);
    const struct tally own = share_all(&missing, sink_tally(sink), false);
    sink_recount(sink, &own);
    for (size_t i = 1; i < resume->run_count; i++) {
        struct run *run = &recovery->runs[i];
        if (run->origin != origin) continue;
        struct tally part = share_all(&missing, &run->tally, is_last);
        is_last = false;
        if (is_nothing(&part)) continue;
        if (ledger_credit(ledger, resume->run_id, run->id, &part, err) != 0) return -1;
        run->tally.rows_read += part.rows_read;
        run->tally.commands_sent += part.commands_sent;
        run->tally.messages_published += part.messages_published;
    }
    return 0;
}

/* ---- before it begins ------------------------------------------------------------------- */

/* Whether anything may be left of an earlier run, so that it is worth asking for all of them:
 * mostly nothing is. */
static bool has_past(const struct attempt *attempt)
{
    const struct agenda_item *item =
        agenda_find(&attempt->session->agenda, attempt->beginning.migration->version);
    return fence_look_found(attempt->look)->present ||
           (item != NULL && item->run != NULL && item->run->status != RUN_SUCCEEDED);
}

static bool has_unended(const struct resume *resume)
{
    for (size_t i = 0; i < resume->run_count; i++)
        if (run_is_alive(&resume->runs[i])) return true;
    return false;
}

/* Decide as the run would that is not begun. Returns 0, or -1 with err; *unended: there is a
 * run that nobody has ended, and its runner may have changed what was looked at. */
static int decide_ahead(const struct attempt *attempt, bool afresh, bool *unended,
                        struct error *err)
{
    struct arena arena = {0};
    struct migration *before = NULL;
    struct resume resume = {.migration = attempt->beginning.migration,
                            .down = attempt->beginning.down,
                            .afresh = afresh};
    int result = recovery_study(&resume, attempt->session, &before, &arena, err);
    if (result == 0 &&
        resume_decide(&resume, fence_look_found(attempt->look), false, err) == RESUME_REFUSED)
        result = error_prefix(err, "%s: ", resume.migration->file);
    *unended = has_unended(&resume);
    migration_free(before);
    arena_release(&arena);
    return result;
}

int recovery_foresee(struct attempt *attempt, bool afresh, struct error *err)
{
    struct session *session = attempt->session;
    const int64_t version = attempt->beginning.migration->version;
    for (;;) {
        bool unended = false;
        attempt->look = fence_look_open(session->redis, session->ledger_id, version, err);
        if (attempt->look == NULL && err->code == ERROR_OPERATOR)
            return error_prefix(err, "%s: ", attempt->beginning.migration->file);
        if (attempt->look == NULL) error_clear(err);
        if (attempt->look == NULL || !has_past(attempt) ||
            decide_ahead(attempt, afresh, &unended, err) == 0)
            return 0;
        if (err->code != ERROR_OPERATOR || !unended) return -1;
        error_clear(err);
        fence_look_close(attempt->look);
        attempt->look = NULL;
        if (ledger_end_crashed(session->ledger, "the next attempt, which was refused,", err) !=
            0)
            return -1;
    }
}

int recovery_init(struct recovery *recovery, struct attempt *attempt, bool afresh,
                  struct error *err)
{
    *recovery = (struct recovery){.attempt = attempt};
    recovery->resume = (struct resume){
        .migration = attempt->beginning.migration,
        .down = attempt->beginning.down,
        .afresh = afresh,
        .run_id = attempt->run_id,
        .entry = entry_of(attempt->session, attempt->beginning.migration->version),
    };
    if (load_history(recovery, err) != 0) return -1;
    crash_point("history read");
    return 0;
}

bool recovery_is_first(const struct recovery *recovery)
{
    return recovery->resume.afresh || recovery->resume.origin == 0;
}

int recovery_open(struct recovery *recovery, struct error *err)
{
    const struct attempt *attempt = recovery->attempt;
    const struct migration *migration = attempt->beginning.migration;
    if (open_sink(recovery, err) != 0) return error_prefix(err, "%s: ", migration->file);
    const struct checkpoint *found = sink_fenced_checkpoint(attempt->sink);
    if (found->origin == attempt->run_id) return 0;
    listener_say(&attempt->session->listener, EVENT_NOTE,
                 "%" PRId64 "_%s: going on in step %" PRId64 ", behind %" PRId64 " rows",
                 migration->version, migration->name, found->step, found->tally.rows_read);
    return 0;
}

void recovery_release(struct recovery *recovery)
{
    migration_free(recovery->before);
    arena_release(&recovery->arena);
    *recovery = (struct recovery){0};
}

/* ---- what was left unsettled ------------------------------------------------------------ */

static const struct step *find_step(const struct attempt *attempt, int64_t number)
{
    for (size_t i = 0; i < attempt->steps->count; i++)
        if (attempt->steps->items[i].number == number) return &attempt->steps->items[i];
    return NULL;
}

/* The last batch ran, nobody read its answers, and it must not run twice: reading has to tell
 * which of its commands failed. */
static int check_unread(struct recovery *recovery, const struct step *step,
                        const struct checkpoint *found, struct error *err)
{
    struct attempt *attempt = recovery->attempt;
    struct step_work work = {
        .attempt = attempt, .step = step, .behind = found->seen, .until = found->cursor};
    struct sink_step sink_step = {.step = step};
    struct batch batch = {0};
    struct error why = {0};
    size_t unknown = SIZE_MAX;
    int result = -1;
    batch_begin(&batch, &sink_step, 1);
    if (step_prepare(&work, err) == 0 && step_render(&work, &sink_step, &batch, err) == 0)
        result = sink_fenced_check_unread(attempt->sink, batch.bytes.bytes, batch.bytes.length,
                                          &unknown, err);
    if (result != 0 && unknown < batch.commands) {
        why = *err;
        (void)batch_error(&batch, unknown, why.code, "may have failed", why.message, err);
    }
    batch_release(&batch);
    step_release(&work);
    return result;
}

/* Say in which file, and which step, what is left of an earlier run went wrong. Returns -1. */
static int place(const struct attempt *attempt, const struct step *step, struct error *err)
{
    (void)error_name_version(err, attempt->beginning.migration->version);
    return error_prefix(err, "%s: %s%s%s", attempt->beginning.migration->file,
                        step != NULL ? "step '" : "", step != NULL ? step->name : "",
                        step != NULL ? "': " : "");
}

/* The answers to the last batch were not read. One that may run twice does. */
static int settle_unread(struct recovery *recovery, const struct checkpoint *found,
                         struct error *err)
{
    struct attempt *attempt = recovery->attempt;
    const struct step *step = find_step(attempt, found->step);
    if (checkpoint_is_settled(found)) return 0;
    if (step == NULL)
        return error_set(
            err, ERROR_OPERATOR,
            "the checkpoint stands in step %" PRId64
            ", which there is not; look at what is in Redis, then `redferry repair "
            "%" PRId64 "` begins anew",
            found->step, recovery->resume.migration->version);
    attempt->failed_step = step;
    if (step_is_idempotent(step)) {
        recovery->cursor = found->seen;
        return sink_fenced_repeat(attempt->sink, step, found->seen, err);
    }
    while (check_unread(recovery, step, found, err) != 0) {
        if (obedience_take_up(attempt, err) != 0)
            return error_prefix(err, "the last batch of an earlier run: ");
    }
    return 0;
}

/* What a step without a key has carried is carried again: it starts over. */
static int forget_unplaced(struct recovery *recovery, const struct step *step,
                           const struct checkpoint *found, struct error *err)
{
    if (step == NULL || found->cursor != NULL || found->again == 0) return 0;
    return sink_fenced_repeat(recovery->attempt->sink, step, NULL, err);
}

int recovery_find_place(struct recovery *recovery, struct error *err)
{
    struct attempt *attempt = recovery->attempt;
    const struct checkpoint *found = sink_fenced_checkpoint(attempt->sink);
    recovery->has_warned = false;
    recovery->step = found->step;
    recovery->cursor = found->cursor;
    const struct step *step = find_step(attempt, found->step);
    if (settle_unread(recovery, found, err) != 0 ||
        forget_unplaced(recovery, step, found, err) != 0)
        return place(attempt, step, err);
    if (recovery_balance(recovery, err) != 0) return -1;
    attempt->failed_step = step;
    if (sink_fenced_send_failed(attempt->sink, err) != 0) return place(attempt, step, err);
    attempt->failed_step = NULL;
    bring_up_to_date(recovery);
    /* What SQL has recorded, Redis need not know of. */
    if (recovery->step > recovery->resume.sql_done) return 0;
    recovery->step = recovery->resume.sql_done + 1;
    recovery->cursor = NULL;
    return 0;
}
