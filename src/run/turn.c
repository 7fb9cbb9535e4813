/*
 * Turns: one runner per ledger. The lock only keeps order, it is not what makes a run safe (the
 * ledger's transactions are), so this file is about manners: poll and never wait inside the
 * database, say who is being waited for, look at the ledger again between two tries, and do not
 * try anew what somebody else has just failed at.
 */
#include "turn.h"

#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "crash.h"
#include "db.h"
#include "error.h"
#include "number.h"
#include "session.h"
#include "stop.h"

enum { POLL_FIRST_MS = 50, POLL_MOST_MS = 1000, TELL_EVERY_MS = 1000 };

/* What one try may come to, besides 1 (taken), 0 (nothing is needed) and -1 with err. */
enum { TRY_AGAIN = 2 };

/* What is known of those who were here before us. */
struct queue {
    int64_t
        newest_run; /* the newest run when we came: what is newer began while we were here */
    int64_t awaited_run; /* the one that was running then; 0: none */
    int64_t told_ms;     /* 0: not yet */
    int64_t pid;         /* of the one for whom we were last told to wait; 0: not known yet */
    bool paused;         /* and that this one is paused */
};

static const struct run *running_run(const struct session *session)
{
    const struct record *record = &session->state.record;
    for (size_t i = 0; i < record->run_count; i++)
        if (run_is_alive(&record->runs[i])) return &record->runs[i];
    return NULL;
}

static void queue_up(struct queue *queue, const struct session *session)
{
    const struct record *record = &session->state.record;
    const struct run *run = running_run(session);
    *queue = (struct queue){.newest_run = record_newest_run(record)};
    if (run != NULL && record->lock_held) queue->awaited_run = run->id;
}

/* Whether run was under way when we came, or began later. Who first had to wait for a place on
 * the server may find it ended already: by the database's own clock, since we came. */
static bool was_awaited(const struct queue *queue, const struct session *session,
                        const struct run *run)
{
    return run->id > queue->newest_run || run->id == queue->awaited_run ||
           run->ended_ms_ago <= session->read_ms - session->queued_ms;
}

static int share_failure(const struct run *run, struct error *err)
{
    struct error own = {0};
    run_error_read(run, &own);
    return error_set(err, own.code, "%" PRId64 "_%s failed on host %s (run %" PRId64 "): %s",
                     run->version, run->name, run->host, run->id, own.message);
}

/* Whether a run that we waited for, to do the same, ended badly: then its end is ours too. */
static int check_awaited(const struct queue *queue, const struct session *session,
                         const struct turn *turn, struct error *err)
{
    const struct record *record = &session->state.record;
    char remedy[MIGRATION_REMEDY_SIZE];
    for (size_t i = 0; turn->shares_fate && i < record->run_count; i++) {
        const struct run *run = &record->runs[i];
        if (run->down || !was_awaited(queue, session, run)) continue;
        if (run->status == RUN_FAILED) return share_failure(run, err);
        const struct migration *migration = migrations_find(&session->migrations, run->version);
        if (run->status == RUN_CANCELLED)
            return error_set(
                err, ERROR_OPERATOR, "%" PRId64 "_%s was cancelled (run %" PRId64 "): %s",
                run->version, run->name, run->id,
                migration_cancelled_remedy(run->version, migration, migration != NULL, remedy));
    }
    return 0;
}

const char *turn_describe_holder(const struct session *session, struct error *words)
{
    const struct run *run = session->state.record.holder;
    if (run == NULL) return "another redferry that is starting or finishing";
    error_set(
        words, ERROR_NONE, "%s on host %s (pid %" PRId64 "), %s %" PRId64 "_%s since %s%s%s%s",
        run->operator_name, run->host, run->pid, run->down ? "undoing" : "running",
        run->version, run->name, run->started_at, run->status == RUN_PAUSED ? ", paused" : "",
        run->status == RUN_PAUSED && run->requested_by != NULL ? " by " : "",
        run->status == RUN_PAUSED && run->requested_by != NULL ? run->requested_by : "");
    return words->message;
}

/* Say for whom we wait, at once, as soon as the name is known, when it is another (what was
 * read first may be the run of one that crashed), and when that one is paused or goes on; and
 * then about every second. */
static void tell_holder(struct queue *queue, const struct session *session)
{
    const struct run *run = session->state.record.holder;
    const int64_t now = clock_monotonic_ms();
    struct error holder = {0}, words = {0};
    const bool paused = run != NULL && run->status == RUN_PAUSED;
    const bool first = queue->told_ms == 0 || (run != NULL && run->pid != queue->pid) ||
                       (run != NULL && paused != queue->paused);
    if (!first && now - queue->told_ms < TELL_EVERY_MS) return;
    error_set(&words, ERROR_NONE, "waiting for %s", turn_describe_holder(session, &holder));
    struct event event = {
        .kind = EVENT_WAITING,
        .text = words.message,
        .rows_total = -1,
        .seconds = first ? 0 : (double)(now - session->queued_ms) / 1000.0,
    };
    if (run != NULL) {
        event.version = run->version;
        event.name = run->name;
        event.down = run->down;
        event.run_id = run->id;
        event.tally = run->tally;
    }
    listener_tell(&session->listener, &event);
    queue->told_ms = now;
    if (run != NULL) queue->pid = run->pid;
    queue->paused = paused;
}

/* What to type next, about the one who holds the lock; a text of words. */
static const char *advise(const struct session *session, struct error *words)
{
    const struct run *run = session->state.record.holder;
    if (run == NULL)
        (void)error_set(words, ERROR_NONE, "`redferry watch` shows what it does");
    else if (run->status == RUN_PAUSED)
        (void)error_set(words, ERROR_NONE, "`redferry resume %" PRId64 "` has it go on",
                        run->id);
    else
        (void)error_set(words, ERROR_NONE, "`redferry watch %" PRId64 "` follows it", run->id);
    return words->message;
}

/* How much longer we wait, in milliseconds. */
static int64_t patience_left(const struct session *session)
{
    return session->queued_ms + session->config->lock_timeout_ms - clock_monotonic_ms();
}

/* The lock is taken by another: what --on-lock and --lock-timeout say to that. */
static int check_patience(const struct session *session, struct error *err)
{
    const struct config *config = session->config;
    struct error words = {0}, advice = {0};
    const char *holder = turn_describe_holder(session, &words);
    const char *next = advise(session, &advice);
    char patience[32];
    if (config->on_lock == ON_LOCK_SKIP)
        return error_set(err, ERROR_INCOMPLETE, "skipped: the lock is held by %s; %s", holder,
                         next);
    if (config->on_lock == ON_LOCK_FAIL)
        return error_set(err, ERROR_LOCKED,
                         "the lock is held by %s; %s, --on-lock wait waits for its end", holder,
                         next);
    if (patience_left(session) > 0) return 0;
    return error_set(err, ERROR_LOCKED,
                     "the lock is still held after %s (--lock-timeout) by %s; %s",
                     number_duration_text(config->lock_timeout_ms, patience), holder, next);
}

static bool is_needed(const struct turn *turn, const struct session *session)
{
    return turn->needed == NULL || turn->needed(session, turn->question);
}

static int try_once(struct queue *queue, struct session *session, const struct turn *turn,
                    struct error *err)
{
    const int taken = session_take_lock(session, err);
    if (taken != 0) return taken;
    if (session_read(session, err) != 0) return -1;
    if (!is_needed(turn, session)) return 0;
    if (check_awaited(queue, session, turn, err) != 0) return -1;
    if (session->config->on_lock == ON_LOCK_WAIT) tell_holder(queue, session);
    return check_patience(session, err) != 0 ? -1 : TRY_AGAIN;
}

/* The connection went away while we asked: whether that is worth a new one. */
static int judge_loss(const struct session *session, struct error *err)
{
    if (err->code != ERROR_SQL_UNREACHABLE || patience_left(session) <= 0) return -1;
    error_clear(err);
    return TRY_AGAIN;
}

/* Take the lock, or find that nothing is needed any more. As turn_take(), but the agenda may be
 * older than the lock. */
static int poll_lock(struct queue *queue, struct session *session, const struct turn *turn,
                     struct error *err)
{
    struct clock_backoff backoff = {.first_ms = POLL_FIRST_MS, .most_ms = POLL_MOST_MS};
    for (;;) {
        if (session_reconnect(session, err) != 0) return -1;
        int tried = try_once(queue, session, turn, err);
        if (tried < 0) tried = judge_loss(session, err);
        if (tried != TRY_AGAIN) return tried;
        session_disconnect(session);
        if (stop_sleep(session->stop, clock_backoff_next(&backoff), err) != 0) return -1;
    }
}

/* Whoever is stopped here has done nothing yet. Returns -1. */
static int tell_of_stop(struct error *err)
{
    const struct error stopped = *err;
    if (stopped.code <= ERROR_STOPPED || strstr(stopped.message, " while waiting") != NULL)
        return -1;
    return error_set(err, stopped.code, "%s while waiting for the lock", stopped.message);
}

int turn_take(struct session *session, const struct turn *turn, struct error *err)
{
    struct queue queue = {0};
    queue_up(&queue, session);
    const int taken = poll_lock(&queue, session, turn, err);
    if (taken < 0) return tell_of_stop(err);
    if (taken != 1) return taken;
    crash_point("lock kept");
    if (session_read(session, err) != 0) return -1; /* what was read may have changed */
    if (!is_needed(turn, session)) {
        session_release_lock(session);
        return 0;
    }
    return check_awaited(&queue, session, turn, err) != 0 ? -1 : 1;
}
