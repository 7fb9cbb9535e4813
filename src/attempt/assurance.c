/*
 * Assurance: between the last batch and the ledger's word that the migration is applied lies
 * the only moment at which waiting for replicas and disks is of use. Before it they would be
 * waited for in vain if a batch followed; after it nobody would wait again. What was written
 * stays written, and the checkpoint says so: whoever comes next begins at this point.
 *
 * How many is enough, and what is meant by it, is Redis' own count (durability.c).
 */
#include "assurance.h"

#include <inttypes.h>
#include <stdio.h>

#include "attempt.h"
#include "config.h"
#include "connection.h"
#include "durability.h"
#include "error.h"
#include "migration.h"
#include "obedience.h"
#include "session.h"
#include "sink_fenced.h"

enum { MOST_LOSSES = 3, TELL_EVERY_MS = 1000 };

static struct durability asked_for(const struct session *session)
{
    const struct config *config = session->config;
    return (struct durability){
        .replicas = config->wait_replicas,
        .aof = config->wait_aof,
        .timeout_ms = config->retry_for_ms,
    };
}

int assurance_check(struct session *session, struct error *err)
{
    const struct durability durability = asked_for(session);
    return durability_check(session->redis, &durability, err);
}

/* One wait, as those who are told of it see it. */
struct waiting {
    struct attempt *attempt;
    int64_t told_ms; /* since the beginning; 0: not yet */
};

static void tell(struct waiting *waiting, int64_t waited_ms)
{
    const struct attempt *attempt = waiting->attempt;
    const struct config *config = attempt->session->config;
    struct event event = attempt->progress.event;
    char text[128];
    if (waiting->told_ms != 0 && waited_ms - waiting->told_ms < TELL_EVERY_MS) return;
    if (config->wait_replicas > 0)
        (void)snprintf(
            text, sizeof text, "waiting for %" PRId64 " %s to confirm what was written%s",
            config->wait_replicas, config->wait_replicas == 1 ? "replica" : "replicas",
            config->wait_aof ? ", on disk" : "");
    else
        (void)snprintf(text, sizeof text, "waiting for Redis to have it on disk");
    event.kind = EVENT_WAITING;
    event.text = text;
    event.seconds = waiting->told_ms == 0 ? 0 : (double)waited_ms / 1000.0;
    listener_tell(&attempt->session->listener, &event);
    waiting->told_ms = waited_ms > 0 ? waited_ms : 1;
}

static int tick(void *context, int64_t waited_ms, struct error *err)
{
    struct waiting *waiting = context;
    tell(waiting, waited_ms);
    if (attempt_tick(waiting->attempt, err) != 0) return -1;
    if (waiting->attempt->asked == REQUEST_NONE) return 0;
    return error_set(err, ERROR_FAILED, "somebody asks for something else");
}

/* Whether err is that the connection was lost. */
static bool is_cut(const struct session *session, const struct error *err)
{
    struct error ignored = {0};
    return err->code == ERROR_REDIS_UNREACHABLE &&
           connection_check(session->redis, &ignored) != 0;
}

/* Say what it is about, and that nothing is lost by it. Returns -1. */
static int explain(const struct attempt *attempt, struct error *err)
{
    const struct error why = *err;
    if (err->code == ERROR_FAILED)
        (void)error_set(err, why.code, "%s; all is written, and the next try only waits again",
                        why.message);
    return error_prefix(err, "%s: ", attempt->beginning.migration->file);
}

int assurance_await(struct attempt *attempt, struct error *err)
{
    struct session *session = attempt->session;
    const struct durability durability = asked_for(session);
    const int64_t behind = attempt->steps->items[attempt->steps->count - 1].number + 1;
    struct waiting waiting = {.attempt = attempt};
    int losses = 0;
    if (!durability_is_asked(&durability)) return 0;
    /* Redis waits for what this very connection wrote last. That it has written something is
     * certain, also where an earlier run did all the work: it has taken the fence. */
    while (durability_wait(session->redis, &durability, tick, &waiting, err) != 0) {
        const bool is_asked = attempt->asked != REQUEST_NONE;
        if (!is_asked && (!is_cut(session, err) || ++losses == MOST_LOSSES))
            return explain(attempt, err);
        error_clear(err);
        if (obedience_heed(attempt, err) != 0) return -1;
        if (sink_fenced_end_step(attempt->sink, behind, err) != 0) return explain(attempt, err);
    }
    return 0;
}
