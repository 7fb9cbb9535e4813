/*
 * Taking the fence, and patience with a Redis that is away.
 *
 * A connection that was cut may still deliver what it was sent, at any time. So a new one first
 * writes its own name into the checkpoint, which dirties every WATCH that was set before; what
 * arrives late then finds its transaction void. Whether this run may take the fence at all, and
 * what the checkpoint that it finds means, is asked of the run, which has the ledger; here is
 * only the order in which it must happen: read under WATCH, decide, write, confirm.
 *
 * How one transaction runs behind it is fence_transaction's; the stream of batches, flight.c's.
 */
#include "fence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "buffer.h"
#include "checkpoint.h"
#include "clock.h"
#include "command.h"
#include "connection.h"
#include "crash.h"
#include "error.h"
#include "fence_look.h"
#include "number.h"
#include "reply.h"
#include "stop.h"

enum {
    SHORT_RETRY_MS = 2000,
    FIRST_BACKOFF_MS = 50,
    MOST_BACKOFF_MS = 1000,
    SINK_SIZE = 64,
    NAME_SIZE = 96
};

struct fence {
    const struct fence_options *options;
    struct fence_name name; /* its texts are the three below */
    char *key;
    char sink[SINK_SIZE];
    char owner[NAME_SIZE];
    char *trace_key; /* of what stays for good */
    int64_t connections;
    bool is_confirmed;       /* once at least */
    struct checkpoint found; /* its fence is the own one */
    int64_t tried_ms;        /* since when things fail; 0: they do not */
    struct clock_backoff backoff;
};

int fence_new(struct fence **out, const struct fence_options *options, struct error *err)
{
    uint64_t chance = 0;
    struct fence *fence = calloc(1, sizeof *fence);
    if (fence == NULL) return error_memory(err);
    fence->options = options;
    fence_calm(fence);
    fence->key = checkpoint_key(options->ledger_id, options->version);
    fence->trace_key = checkpoint_trace_key(options->ledger_id);
    if (fence->key == NULL || fence->trace_key == NULL) {
        fence_free(fence);
        return error_memory(err);
    }
    if (getrandom(&chance, sizeof chance, 0) != sizeof chance) {
        fence_free(fence);
        return error_set(err, ERROR_FAILED, "the system gives no random numbers");
    }
    (void)snprintf(fence->sink, sizeof fence->sink, "%" PRId64 ".%016" PRIx64 ".",
                   options->run_id, chance);
    fence->name = (struct fence_name){fence->key, fence->sink, fence->owner};
    *out = fence;
    return 0;
}

void fence_free(struct fence *fence)
{
    if (fence == NULL) return;
    checkpoint_release(&fence->found);
    free(fence->key);
    free(fence->trace_key);
    free(fence);
}

const struct checkpoint *fence_checkpoint(const struct fence *fence)
{
    return &fence->found;
}

const char *fence_key(const struct fence *fence)
{
    return fence->key;
}

/* ---- patience --------------------------------------------------------------------------- */

void fence_calm(struct fence *fence)
{
    fence->tried_ms = 0;
    fence->backoff =
        (struct clock_backoff){.first_ms = FIRST_BACKOFF_MS, .most_ms = MOST_BACKOFF_MS};
}

/* Say that it is tried again for up to most_ms, because of err, which stays; the caller may use
 * the time. Returns 0, or -1 with err. */
static int tell(const struct fence *fence, int64_t most_ms, struct error *err)
{
    const struct fence_options *options = fence->options;
    const struct fence_outage outage = {
        .why = err->message, .begun_ms = fence->tried_ms, .most_ms = most_ms};
    struct error refusal = {0};
    if (options->waiting == NULL || options->waiting(options->context, &outage, &refusal) == 0)
        return 0;
    *err = refusal;
    return -1;
}

/* Sleep before the next try. Returns as tell(). */
static int back_off(struct fence *fence, int64_t most_ms, struct error *err)
{
    const struct stop *stop = connection_stop(fence->options->connection);
    if (tell(fence, most_ms, err) != 0) return -1;
    return stop_sleep(stop, clock_backoff_next(&fence->backoff), err);
}

/* The same as fence_wait(). is_away: no connection could be made, which is told at once. */
static int wait_or_give_up(struct fence *fence, bool is_short, bool is_away, struct error *err)
{
    const struct stop *stop = connection_stop(fence->options->connection);
    const int64_t most_ms = is_short ? SHORT_RETRY_MS : fence->options->retry_for_ms;
    const int64_t now_ms = clock_monotonic_ms();
    char duration[32];
    if (stop_requested(stop)) return stop_error(stop, err);
    if (fence->tried_ms == 0) {
        fence->tried_ms = now_ms;
        return is_away && most_ms > 0 ? tell(fence, most_ms, err) : 0;
    }
    int64_t tried_ms = now_ms - fence->tried_ms;
    if (tried_ms < most_ms) return back_off(fence, most_ms, err);

    struct error why = *err;
    if (tried_ms >= 1000) tried_ms -= tried_ms % 1000;
    (void)number_duration_text(tried_ms, duration);
    return error_set(err, why.code, "%s (tried again for %s)", why.message, duration);
}

int fence_wait(struct fence *fence, bool is_short, struct error *err)
{
    return wait_or_give_up(fence, is_short, false, err);
}

/* ---- behind it -------------------------------------------------------------------------- */

void fence_append_frame(const struct fence *fence, struct buffer *out)
{
    fence_transaction_append_frame(&fence->name, out);
}

enum fence_sight fence_see(const struct fence *fence, const struct reply *reply)
{
    return fence_transaction_see(&fence->name, reply);
}

enum fence_verdict fence_execute(struct fence *fence, struct fence_work *work,
                                 struct error *err)
{
    return fence_transaction_run(fence->options->connection, &fence->name, work, err);
}

int fence_lost(struct fence *fence, struct error *err)
{
    const struct reply *reply = NULL;
    if (connection_ask(fence->options->connection, &reply, err, "HGET", fence->key, "fence",
                       (const char *)NULL) != 0)
        return -1;
    switch (fence_see(fence, reply)) {
    case FENCE_GONE:
        return 0;
    case FENCE_OWN:
    case FENCE_EARLIER:
        return error_set(
            err, ERROR_OPERATOR,
            "somebody changed '%s' meanwhile; nothing was written since: the next attempt "
            "goes by what it says then",
            fence->key);
    case FENCE_OTHER:
        break;
    }
    return error_set(
        err, ERROR_OPERATOR,
        "fenced: another run has taken over '%s' (%.*s); nothing was written since: `redferry "
        "history` shows whose",
        fence->key, NAME_SIZE, reply->type == REPLY_TEXT ? reply->text : "?");
}

/* ---- taking it -------------------------------------------------------------------------- */

/* Read the checkpoint under WATCH, unless that has been done ahead. */
static enum fence_verdict see(struct fence *fence, struct error *err)
{
    const struct fence_options *options = fence->options;
    struct checkpoint *found = &fence->found;
    enum fence_verdict verdict = FENCE_RAN;
    checkpoint_release(found);
    if (!fence_look_use_up(options->look, found))
        verdict = fence_look_now(options->connection, fence->key, found, err);
    if (verdict == FENCE_RAN)
        found->is_own =
            found->present && strncmp(found->fence, fence->sink, strlen(fence->sink)) == 0;
    return verdict;
}

/* Ask what it means. Returns 0, or -1 with err. */
static int decide(struct fence *fence, struct error *err)
{
    const struct fence_options *options = fence->options;
    enum fence_answer answer = FENCE_REFUSE;
    if (options->decide(options->context, &fence->found, fence->is_confirmed, &answer, err) !=
        0)
        return -1;
    if (answer == FENCE_RESUME && fence->found.present) return 0;
    if (answer != FENCE_AFRESH)
        return error_set(err, ERROR_FAILED, "there is no checkpoint to go on with");
    const struct checkpoint fresh = {
        .fence = "",
        .origin = options->run_id,
        .down = options->down,
        .checksum = options->checksum,
        .step = 1,
    };
    checkpoint_release(&fence->found);
    return checkpoint_copy(&fence->found, &fresh, err);
}

/* Compose what writes the own fence, and what stays in Redis for good. */
static size_t compose(struct fence *fence, struct buffer *out)
{
    const struct fence_options *options = fence->options;
    char now[CLOCK_TEXT_SIZE];
    size_t commands = 1;
    fence->found.fence = fence->owner;
    fence->found.fence_run = options->run_id;
    fence->found.is_own = true;
    if (fence->found.present) {
        command_append_texts(out, 6,
                             (const char *const[]){"HSET", fence->key, "fence", fence->owner,
                                                   "checksum", options->checksum});
    } else {
        fence->found.present = true;
        commands = checkpoint_append_fresh(out, fence->key, &fence->found);
    }
    const struct checkpoint_trace trace = {
        .database = options->database,
        .first_run = options->run_id,
        .last_run = options->run_id,
        .last_write = clock_text(clock_wall_ms(), now),
    };
    return commands + checkpoint_append_trace(out, fence->trace_key, &trace);
}

static void name_connection(struct fence *fence)
{
    fence->connections++;
    (void)snprintf(fence->owner, sizeof fence->owner, "%s%" PRId64, fence->sink,
                   fence->connections);
}

/* Run what takes it, in the transaction that is open. */
static enum fence_verdict write_name(struct fence *fence, bool *is_short, struct error *err)
{
    struct connection *connection = fence->options->connection;
    struct buffer commands = {0};
    enum fence_verdict verdict = FENCE_STOPPED;
    name_connection(fence);
    struct fence_work work = {.commands = compose(fence, &commands)};
    work.bytes = commands.bytes;
    work.length = commands.length;
    if (!buffer_failed(&commands)) {
        verdict = fence_transaction_go_on(connection, &fence->name, &work, err);
    } else {
        (void)error_memory(err);
        fence_transaction_abandon(connection);
    }
    *is_short = work.is_short;
    buffer_release(&commands);
    return verdict;
}

/* Try it once, on the connection as it is. */
static enum fence_verdict try_to_take(struct fence *fence, bool *is_short, struct error *err)
{
    const enum fence_verdict verdict = see(fence, err);
    crash_point("checkpoint looked at");
    if (verdict != FENCE_RAN) return verdict;
    if (decide(fence, err) == 0) return write_name(fence, is_short, err);
    fence_transaction_abandon(fence->options->connection);
    return FENCE_STOPPED;
}

/* A new connection, to a server that may be written to. */
static enum fence_verdict reconnect(struct fence *fence, struct error *err)
{
    struct connection *connection = fence->options->connection;
    if (connection_reopen(connection, err) == 0 &&
        connection_check_server(connection, err) == 0)
        return FENCE_RAN;
    return err->passing ? FENCE_CUT : FENCE_STOPPED;
}

static int take_until_done(struct fence *fence, bool is_new, struct error *err)
{
    const struct fence_options *options = fence->options;
    for (;;) {
        bool is_short = false;
        enum fence_verdict verdict = is_new ? reconnect(fence, err) : FENCE_RAN;
        const bool is_away = verdict != FENCE_RAN;
        if (!is_away) verdict = try_to_take(fence, &is_short, err);
        if (verdict == FENCE_RAN) break;
        if (verdict == FENCE_STOPPED || verdict == FENCE_FAILED) return -1;
        is_new = verdict != FENCE_CHANGED;
        if (wait_or_give_up(fence, is_short, is_away, err) != 0) return -1;
    }
    crash_point("fence taken");
    if (options->confirm(options->context, fence->found.origin, err) != 0) return -1;
    fence->is_confirmed = true;
    crash_point("fence confirmed");
    return 0;
}

int fence_take(struct fence *fence, struct error *err)
{
    return take_until_done(fence, false, err);
}

int fence_retake(struct fence *fence, struct error *err)
{
    return take_until_done(fence, true, err);
}

int fence_reopen(struct fence *fence, struct error *err)
{
    for (;;) {
        if (fence_wait(fence, false, err) != 0) return -1;
        enum fence_verdict verdict = reconnect(fence, err);
        if (verdict == FENCE_RAN) return 0;
        if (verdict == FENCE_STOPPED) return -1;
    }
}

/* ---- without it ------------------------------------------------------------------------- */

int fence_clear(struct connection *connection, const char *ledger_id, int64_t version,
                struct error *err)
{
    const struct reply *reply = NULL;
    char *key = checkpoint_key(ledger_id, version);
    char *trace_key = checkpoint_trace_key(ledger_id);
    int result = -1;
    if (key == NULL || trace_key == NULL)
        (void)error_memory(err);
    else if (connection_ask(connection, &reply, err, "HDEL", trace_key, "last_run",
                            (const char *)NULL) == 0 &&
             connection_ask(connection, &reply, err, "DEL", key, (const char *)NULL) == 0)
        result = reply->type == REPLY_INTEGER && reply->integer > 0;
    free(key);
    free(trace_key);
    return result;
}
