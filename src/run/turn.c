/*
 * Turns: one runner per ledger. The lock only keeps order, it is not what makes a run safe (the
 * ledger's transactions are), so this file is about manners: poll and never wait inside the
 * database, say who is being waited for, look at the ledger again between two tries, and do not
 * try anew what somebody else has just failed at.
 */
#include "turn.h"

#include <inttypes.h>

#include "clock.h"
#include "config.h"
#include "db.h"
#include "error.h"
#include "number.h"
#include "session.h"
#include "stop.h"

enum { POLL_FIRST_MS = 50, POLL_MOST_MS = 1000, TELL_EVERY_MS = 1000 };

/* What is known of those who were here before us. */
struct queue {
    int64_t
        newest_run; /* the newest run when we came: what is newer began while we were here */
    int64_t awaited_run; /* the one that was running then; 0: none */
    int64_t begun_ms;
    int64_t told_ms; /* 0: not yet */
};

static const struct run *running_run(const struct session *session)
{
    const struct record *record = &session->state.record;
    for (size_t i = 0; i < record->run_count; i++) {
        const enum run_status status = record->runs[i].status;
        if (status == RUN_RUNNING || status == RUN_PAUSED) return &record->runs[i];
    }
    return NULL;
}

static void queue_up(struct queue *queue, const struct session *session)
{
    const struct record *record = &session->state.record;
    const struct run *run = running_run(session);
    *queue = (struct queue){.begun_ms = clock_monotonic_ms()};
    for (size_t i = 0; i < record->run_count; i++)
        if (record->runs[i].id > queue->newest_run) queue->newest_run = record->runs[i].id;
    if (run != NULL && record->lock_held) queue->awaited_run = run->id;
}

/* Whether a run that we waited for, to do the same, ended badly: then its end is ours too. */
static int check_awaited(const struct queue *queue, const struct session *session,
                         const struct turn *turn, struct error *err)
{
    const struct record *record = &session->state.record;
    for (size_t i = 0; turn->shares_fate && i < record->run_count; i++) {
        const struct run *run = &record->runs[i];
        if (run->id <= queue->newest_run && run->id != queue->awaited_run) continue;
        if (run->down) continue;
        if (run->status == RUN_FAILED)
            return error_set(err, ERROR_FAILED,
                             "%" PRId64 "_%s failed on host %s (run %" PRId64 "): %s",
                             run->version, run->name, run->host, run->id,
                             run->error != NULL ? run->error : "no message");
        if (run->status == RUN_CANCELLED)
            return error_set(err, ERROR_OPERATOR,
                             "%" PRId64 "_%s was cancelled (run %" PRId64
                             "): `redferry run %" PRId64
                             "` goes on, `redferry down --only %" PRId64 "` undoes it",
                             run->version, run->name, run->id, run->version, run->version);
    }
    return 0;
}

static void tell_holder(struct queue *queue, const struct session *session)
{
    const struct run *run = running_run(session);
    const int64_t now = clock_monotonic_ms();
    struct error words = {0};
    struct event event = {
        .kind = EVENT_WAITING,
        .text = "waiting for the lock: another redferry is starting or finishing",
        .rows_total = -1,
        .seconds = (double)(now - queue->begun_ms) / 1000.0,
    };
    if (queue->told_ms != 0 && now - queue->told_ms < TELL_EVERY_MS) return;
    if (run != NULL) {
        error_set(
            &words, ERROR_NONE,
            "waiting for %s on host %s (pid %" PRId64 "), running %" PRId64 "_%s since %s",
            run->operator_name, run->host, run->pid, run->version, run->name, run->started_at);
        event.text = words.message;
        event.version = run->version;
        event.name = run->name;
        event.down = run->down;
        event.run_id = run->id;
        event.tally = run->tally;
    }
    listener_tell(&session->listener, &event);
    queue->told_ms = now;
}

/* The lock is taken by another: what --on-lock and --lock-timeout say to that. */
static int check_patience(const struct queue *queue, const struct session *session,
                          struct error *err)
{
    const struct config *config = session->config;
    const struct run *run = running_run(session);
    const char *holder = run != NULL ? run->operator_name : "another redferry";
    const char *host = run != NULL ? run->host : "an unknown host";
    char patience[32];
    if (config->on_lock == ON_LOCK_SKIP)
        return error_set(err, ERROR_INCOMPLETE, "the lock is held by %s on %s: skipped", holder,
                         host);
    if (config->on_lock == ON_LOCK_FAIL)
        return error_set(err, ERROR_LOCKED, "the lock is held by %s on %s", holder, host);
    if (clock_monotonic_ms() - queue->begun_ms < config->lock_timeout_ms) return 0;
    return error_set(err, ERROR_LOCKED,
                     "the lock is still held by %s on %s after %s (--lock-timeout)", holder,
                     host, number_duration_text(config->lock_timeout_ms, patience));
}

static bool is_needed(const struct turn *turn, const struct session *session)
{
    return turn->needed == NULL || turn->needed(session, turn->question);
}

/* Take the lock, or find that nothing is needed any more. As turn_take(), but the agenda may be
 * older than the lock. */
static int poll_lock(struct queue *queue, struct session *session, const struct turn *turn,
                     struct error *err)
{
    struct clock_backoff backoff = {.first_ms = POLL_FIRST_MS, .most_ms = POLL_MOST_MS};
    for (;;) {
        const int taken = db_lock_try(session->db, ledger_lock_name(session->ledger), err);
        if (taken != 0) return taken;
        if (session_read(session, err) != 0) return -1;
        if (!is_needed(turn, session)) return 0;
        if (check_awaited(queue, session, turn, err) != 0) return -1;
        tell_holder(queue, session);
        if (check_patience(queue, session, err) != 0) return -1;
        if (stop_sleep(session->stop, clock_backoff_next(&backoff), err) != 0) return -1;
    }
}

int turn_take(struct session *session, const struct turn *turn, struct error *err)
{
    struct queue queue = {0};
    queue_up(&queue, session);
    const int taken = poll_lock(&queue, session, turn, err);
    if (taken != 1) return taken;
    if (session_keep_lock(session, err) != 0) return -1;
    if (session_read(session, err) != 0) return -1;
    if (!is_needed(turn, session)) {
        session_release_lock(session);
        return 0;
    }
    return check_awaited(&queue, session, turn, err) != 0 ? -1 : 1;
}
