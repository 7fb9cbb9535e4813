/*
 * Blockades: a lock of somebody else's, which the database makes us wait for.
 *
 * redferry's own lock is polled, and never waited in; but whoever has locked the ledger's
 * tables, those that rows are read from, or a SQLite file, holds up a statement that is on its
 * way. So the wait is watched from beside: it is said for whom, as far as the database tells,
 * and it lasts no longer than that for redferry's lock would. It costs nothing where nothing is
 * locked: nobody asks before half a second has passed.
 *
 * A statement that only takes long is none of this, and is left alone. What an operator asks of
 * a run that waits is obedience.c's affair.
 */
#include "blockade.h"

#include "config.h"
#include "db.h"
#include "db_blocker.h"
#include "number.h"
#include "session.h"
#include "stop.h"

enum {
    LEAST_MS = 500,
    SAME_WAIT_MS = 100, /* two looks at one wait differ by less in when it began */
    ASK_AGAIN_MS = 1000,
    ASK_AGAIN_MOST_MS = 30000,
    ASK_AGAIN_SEEN_MS = 3000,
    TELL_EVERY_MS = 1000,
    LAST_WORDS_MS = 1000
};

/* ---- seeing ----------------------------------------------------------------------------- */

/* A statement that takes long for other reasons is asked about less and less. */
static void ask(struct session *session, struct db *db, int64_t now)
{
    struct blockade *blockade = &session->blockade;
    struct error holder = {0};
    blockade->is_seen = db_blocker_find(db, &holder);
    blockade->ask_at_ms = now + (blockade->is_seen ? (int64_t)ASK_AGAIN_SEEN_MS
                                                   : clock_backoff_next(&blockade->backoff));
    if (!blockade->is_seen) return;
    if (db_path(db) != NULL)
        error_set(&blockade->words, ERROR_NONE, "'%s', locked by %s", db_path(db),
                  holder.message);
    else
        error_set(&blockade->words, ERROR_NONE, "%s, locked by %s",
                  session_is_ledger(session, db) ? "the ledger's tables"
                                                 : "the tables that are read",
                  holder.message);
}

static void tell(struct session *session, int64_t waited_ms, int64_t now)
{
    struct blockade *blockade = &session->blockade;
    struct error words = {0};
    if (blockade->told_ms != 0 && now - blockade->told_ms < TELL_EVERY_MS) return;
    error_set(&words, ERROR_NONE, "waiting for %s", blockade->words.message);
    const struct event event = {
        .kind = EVENT_WAITING,
        .text = words.message,
        .rows_total = -1,
        .seconds = blockade->told_ms == 0 ? 0 : (double)waited_ms / 1000.0,
    };
    listener_tell(&session->listener, &event);
    blockade->told_ms = now;
}

bool blockade_see(struct session *session, struct db *db, int64_t waited_ms)
{
    struct blockade *blockade = &session->blockade;
    const int64_t now = clock_monotonic_ms();
    if (waited_ms < LEAST_MS) return false;
    /* The ledger may be waited for within a look at the wait for rows. */
    if (blockade->db != db || now - waited_ms > blockade->begun_ms + SAME_WAIT_MS)
        *blockade = (struct blockade){
            .db = db,
            .begun_ms = now - waited_ms,
            .backoff = {.first_ms = ASK_AGAIN_MS, .most_ms = ASK_AGAIN_MOST_MS}};
    if (now >= blockade->ask_at_ms) ask(session, db, now);
    const bool is_waited_for = session->is_at_work || session->config->on_lock == ON_LOCK_WAIT;
    if (blockade->is_seen && is_waited_for) tell(session, waited_ms, now);
    return blockade->is_seen;
}

/* ---- patience --------------------------------------------------------------------------- */

/* How long we have waited, as --lock-timeout counts: for our turn it is one wait. */
static int64_t waited_in_all(const struct session *session, int64_t waited_ms)
{
    const bool is_queue = session->queues && session->lock == NULL;
    return is_queue ? clock_monotonic_ms() - session->queued_ms : waited_ms;
}

/* What --on-lock and --lock-timeout say to it. */
static int check_patience(const struct session *session, int64_t waited_ms, struct error *err)
{
    const struct config *config = session->config;
    const char *what = session->blockade.words.message;
    char patience[32];
    if (config->on_lock == ON_LOCK_SKIP)
        return error_set(err, ERROR_INCOMPLETE, "skipped: it would have to wait for %s", what);
    if (config->on_lock == ON_LOCK_FAIL)
        return error_set(err, ERROR_LOCKED,
                         "it would have to wait for %s; --on-lock wait waits for its end",
                         what);
    const int64_t own = session->patience_ms;
    const bool is_own = own > 0 && own < config->lock_timeout_ms;
    const int64_t most = is_own ? own : config->lock_timeout_ms;
    if (waited_in_all(session, waited_ms) < most) return 0;
    return error_set(err, ERROR_LOCKED, "waited %s%s for %s; try again when that is over",
                     number_duration_text(most, patience), is_own ? "" : " (--lock-timeout)",
                     what);
}

/* It is waited for; but whoever is late, and has only that to say, says it in vain. */
static int look_at_work(struct session *session, struct db *db, int64_t waited_ms,
                        struct error *err)
{
    const bool is_seen = blockade_see(session, db, waited_ms);
    if (!is_seen || !session->gives_up || !session_is_late(session) ||
        waited_ms < LAST_WORDS_MS)
        return 0;
    return error_set(err, ERROR_LOCKED, "it would have to wait for %s",
                     session->blockade.words.message);
}

void blockade_watch(struct session *session)
{
    session->watch = (struct db_watch){.look = blockade_look, .context = session};
}

int blockade_look(struct db *db, int64_t waited_ms, void *context, struct error *err)
{
    struct session *session = context;
    if (session->is_at_work) return look_at_work(session, db, waited_ms, err);
    if (stop_requested(session->stop)) return stop_error(session->stop, err);
    if (!blockade_see(session, db, waited_ms)) return 0;
    return check_patience(session, waited_ms, err) == 0 ? 1 : -1;
}
