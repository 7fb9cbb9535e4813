/*
 * Taking the fence, and writing behind it.
 *
 * A connection that was cut may still deliver what it was sent, at any time. So a new one first
 * writes its own name into the checkpoint, which dirties every WATCH that was set before; what
 * arrives late then finds its transaction void. Whether this run may take the fence at all, and
 * what the checkpoint that it finds means, is asked of the run, which has the ledger; here is
 * only the order in which it must happen: read under WATCH, decide, write, confirm.
 *
 * Everything here waits for its answers. The stream of batches is flight.c's.
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
#include "number.h"
#include "pipeline.h"
#include "reply.h"
#include "sink_fenced.h"
#include "stop.h"

enum {
    SHORT_RETRY_MS = 2000,
    FIRST_BACKOFF_MS = 50,
    MOST_BACKOFF_MS = 1000,
    SINK_SIZE = 64,
    NAME_SIZE = 96
};

struct fence {
    const struct sink_fenced_options *options;
    char *key;             /* of the checkpoint */
    char *trace_key;       /* of what stays for good */
    char sink[SINK_SIZE];  /* "<run id>.<random>." */
    char owner[NAME_SIZE]; /* the same and the connection's number: what `fence` holds */
    int64_t connections;
    bool is_confirmed;       /* once at least */
    struct checkpoint found; /* its fence is the own one */
    int64_t tried_ms;        /* since when things fail; 0: they do not */
    struct clock_backoff backoff;
};

/* The checkpoint's key; yours to free(), NULL where memory runs out. */
static char *make_key(const char *ledger_id, int64_t version)
{
    char *key = NULL;
    return asprintf(&key, "redferry:{%s}:%" PRId64, ledger_id, version) < 0 ? NULL : key;
}

/* The key of what stays for good; as above. */
static char *make_trace_key(const char *ledger_id)
{
    char *key = NULL;
    return asprintf(&key, CHECKPOINT_TRACE_KEY, ledger_id) < 0 ? NULL : key;
}

int fence_new(struct fence **out, const struct sink_fenced_options *options, struct error *err)
{
    uint64_t chance = 0;
    struct fence *fence = calloc(1, sizeof *fence);
    if (fence == NULL) return error_memory(err);
    fence->options = options;
    fence_calm(fence);
    fence->key = make_key(options->ledger_id, options->version);
    fence->trace_key = make_trace_key(options->ledger_id);
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

/* Sleep before the next try; the caller may use the time. err, why it is tried again, stays. */
static int back_off(struct fence *fence, struct error *err)
{
    const struct sink_fenced_options *options = fence->options;
    struct error refusal = {0};
    if (options->waiting != NULL && options->waiting(options->context, &refusal) != 0) {
        *err = refusal;
        return -1;
    }
    return stop_sleep(connection_stop(options->connection), clock_backoff_next(&fence->backoff),
                      err);
}

int fence_wait(struct fence *fence, bool is_short, struct error *err)
{
    const struct stop *stop = connection_stop(fence->options->connection);
    const int64_t most_ms = is_short ? SHORT_RETRY_MS : fence->options->retry_for_ms;
    const int64_t now_ms = clock_monotonic_ms();
    char duration[32];
    if (stop_requested(stop)) return stop_error(stop, err);
    if (fence->tried_ms == 0) {
        fence->tried_ms = now_ms;
        return 0;
    }
    int64_t tried_ms = now_ms - fence->tried_ms;
    if (tried_ms < most_ms) return back_off(fence, err);

    struct error why = *err;
    if (tried_ms >= 1000) tried_ms -= tried_ms % 1000;
    (void)number_duration_text(tried_ms, duration);
    return error_set(err, why.code, "%s (tried again for %s)", why.message, duration);
}

/* ---- what is seen ----------------------------------------------------------------------- */

enum fence_sight fence_see(const struct fence *fence, const struct reply *reply)
{
    if (reply->type == REPLY_NIL) return FENCE_GONE;
    if (reply->type != REPLY_TEXT) return FENCE_OTHER;
    if (strcmp(reply->text, fence->owner) == 0) return FENCE_OWN;
    return strncmp(reply->text, fence->sink, strlen(fence->sink)) == 0 ? FENCE_EARLIER
                                                                       : FENCE_OTHER;
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

/* ---- transactions ----------------------------------------------------------------------- */

void fence_append_frame(const struct fence *fence, struct buffer *out)
{
    command_append_texts(out, 2, (const char *const[]){"WATCH", fence->key});
    command_append_texts(out, 3, (const char *const[]){"HGET", fence->key, "fence"});
    command_append_texts(out, 1, (const char *const[]){"MULTI"});
}

/* A transaction on its way. */
struct exchange {
    const struct fence *fence;
    struct fence_work *work;
    size_t frame; /* what comes before the commands: FENCE_FRAME, or 0: MULTI is answered */
    size_t taken; /* answers so far */
    bool is_executing;
    bool ran;
    enum reply_trouble trouble; /* of error */
    struct error error;
};

static bool went_wrong(const struct exchange *exchange)
{
    return exchange->error.code != ERROR_NONE;
}

/* Remember the first answer that was not the expected one, or one that waiting does not mend.
 * What the frame is answered is about the checkpoint; what it holds, its owner names. */
static void blame(struct exchange *exchange, const struct reply *reply, bool is_about_frame)
{
    const bool is_error = reply->type == REPLY_ERROR;
    const enum reply_trouble trouble = is_error ? reply_trouble(reply) : REPLY_FINAL;
    if (went_wrong(exchange) && (exchange->trouble == REPLY_FINAL || trouble != REPLY_FINAL))
        return;
    exchange->trouble = trouble;
    if (is_error)
        (void)reply_error(reply, &exchange->error);
    else
        (void)error_set(&exchange->error, ERROR_FAILED, "an answer that does not belong there");
    if (is_about_frame) (void)error_prefix(&exchange->error, "'%s': ", exchange->fence->key);
}

static void take_elements(struct exchange *exchange, const struct reply *array)
{
    const struct reply *element = array + 1;
    exchange->ran = true;
    for (size_t i = 0; i < array->count; i++) {
        if (element->type == REPLY_ERROR) {
            blame(exchange, element, false);
            if (exchange->work->failed != NULL)
                buffer_append(exchange->work->failed, &i, sizeof i);
        }
        element += element->span;
    }
}

static void take_end(struct exchange *exchange, const struct reply *reply)
{
    if (reply->type == REPLY_NIL) return; /* void */
    if (reply->type == REPLY_ARRAY && reply->count == exchange->work->commands)
        take_elements(exchange, reply);
    else if (!went_wrong(exchange) || reply->type != REPLY_ERROR)
        blame(exchange, reply, true); /* "previous errors" are better told by themselves */
}

static void take_frame(struct exchange *exchange, size_t at, const struct reply *reply)
{
    if (at == FENCE_FRAME - 2 && reply->type != REPLY_ERROR)
        exchange->work->sight = fence_see(exchange->fence, reply);
    else if (!reply_is_status(reply, "OK"))
        blame(exchange, reply, true);
}

static int take(void *context, const struct reply *reply, struct error *err)
{
    struct exchange *exchange = context;
    const size_t at = exchange->taken++;
    (void)err;
    if (at < exchange->frame)
        take_frame(exchange, at, reply);
    else if (!exchange->is_executing)
        return 0; /* DISCARD's answer */
    else if (at == exchange->frame + exchange->work->commands)
        take_end(exchange, reply);
    else if (!reply_is_status(reply, "QUEUED"))
        blame(exchange, reply, false);
    return 0;
}

/* Whether its commands may be sent, and EXEC with them: what the server refuses of them voids
 * the transaction without us. */
static bool may_go_on(const struct exchange *exchange)
{
    const struct fence_work *work = exchange->work;
    const unsigned accepted = work->accepted == 0 ? FENCE_OWN : work->accepted;
    return !went_wrong(exchange) && (exchange->frame == 0 || (work->sight & accepted) != 0);
}

static int send_and_wait(struct pipeline *pipeline, const char *bytes, size_t length,
                         size_t commands, struct error *err)
{
    if (pipeline_send(pipeline, bytes, length, commands, err) != 0) return -1;
    return pipeline_drain(pipeline, err);
}

/* Give up a transaction that is open, and its WATCH with it. The next answer must not be taken
 * for another question's: without one, the connection is of no use. */
static void abandon(struct connection *connection)
{
    const struct reply *reply = NULL;
    struct error why = {0};
    if (connection_ask(connection, &reply, &why, "DISCARD", (const char *)NULL) != 0 &&
        reply == NULL)
        (void)connection_break(connection, &why);
}

/* Send the frame; and once MULTI is known to hold them back, what it is to hold and EXEC; or
 * else DISCARD (behind a MULTI that was refused, an error that says so and is as good). */
static int converse(struct exchange *exchange, const struct buffer *frame, struct error *err)
{
    static const char exec[] = "*1\r\n$4\r\nEXEC\r\n";
    static const char discard[] = "*1\r\n$7\r\nDISCARD\r\n";
    struct fence_work *work = exchange->work;
    struct connection *connection = exchange->fence->options->connection;
    struct pipeline *pipeline = NULL;
    bool is_open = exchange->frame == 0;
    int result = -1;
    if (pipeline_new(&pipeline, connection, take, exchange, err) != 0 ||
        send_and_wait(pipeline, frame->bytes, frame->length, exchange->frame, err) != 0)
        goto done;
    is_open = true;
    crash_point("transaction opened");
    exchange->is_executing = may_go_on(exchange);
    if (exchange->is_executing &&
        pipeline_send(pipeline, work->bytes, work->length, work->commands, err) != 0)
        goto done;
    work->was_sent = exchange->is_executing;
    const char *end = exchange->is_executing ? exec : discard;
    result = send_and_wait(pipeline, end, strlen(end), 1, err);
    is_open = result != 0;
    crash_point("transaction answered");
done:
    pipeline_free(pipeline);
    if (is_open) abandon(connection);
    return result;
}

/* What it means that the wire gave no answer; err says why. */
static enum fence_verdict cut(const struct connection *connection, const struct error *err)
{
    struct error ignored = {0};
    return err->code == ERROR_REDIS_UNREACHABLE && connection_check(connection, &ignored) != 0
               ? FENCE_CUT
               : FENCE_STOPPED;
}

static enum fence_verdict judge(struct exchange *exchange, struct error *err)
{
    if (exchange->ran && !went_wrong(exchange)) return FENCE_RAN;
    if (went_wrong(exchange)) {
        *err = exchange->error;
        exchange->work->is_short = exchange->trouble == REPLY_SHORT;
        if (exchange->ran) return FENCE_FAILED;
        return exchange->trouble == REPLY_FINAL ? FENCE_STOPPED : FENCE_REFUSED;
    }
    (void)error_set(err, ERROR_OPERATOR, "'%s' was changed by somebody else",
                    exchange->fence->key);
    return FENCE_CHANGED;
}

/* Run work behind a frame of so many commands; 0: behind what fence_look has opened. */
static enum fence_verdict transact(struct fence *fence, const struct buffer *frame,
                                   size_t commands, struct fence_work *work, struct error *err)
{
    struct exchange exchange = {.fence = fence, .work = work, .frame = commands};
    if (buffer_failed(frame)) {
        (void)error_memory(err);
        return FENCE_STOPPED;
    }
    work->is_short = work->was_sent = false;
    if (converse(&exchange, frame, err) != 0) return cut(fence->options->connection, err);
    return judge(&exchange, err);
}

enum fence_verdict fence_execute(struct fence *fence, struct fence_work *work,
                                 struct error *err)
{
    struct buffer frame = {0};
    fence_append_frame(fence, &frame);
    const enum fence_verdict verdict = transact(fence, &frame, FENCE_FRAME, work, err);
    buffer_release(&frame);
    return verdict;
}

/* ---- looking ---------------------------------------------------------------------------- */

struct fence_look {
    struct connection *connection;
    struct checkpoint found;
    bool is_open; /* nobody has used it up */
};

/* What is asked of the checkpoint's key. */
enum { LOOK_WATCH, LOOK_HGETALL, LOOK_MULTI, LOOK_PARTS };

static enum fence_verdict judge_refusal(const char *key, int part, const struct reply *reply,
                                        struct error *err)
{
    (void)reply_error(reply, err);
    if (part == LOOK_MULTI)
        (void)error_prefix(err, "'%s': ", key);
    else if (reply_is_error(reply, "NOPERM"))
        (void)error_prefix(err,
                           "the checkpoint '%s' (redferry needs the keys ~redferry:*): ", key);
    else if (reply_is_error(reply, "WRONGTYPE"))
        (void)error_set(err, ERROR_OPERATOR,
                        "'%s' is no hash: it is not redferry's; `redferry repair %s` removes "
                        "it, and what was delivered is delivered again",
                        key, strrchr(key, ':') + 1);
    return reply_trouble(reply) == REPLY_FINAL ? FENCE_STOPPED : FENCE_REFUSED;
}

static enum fence_verdict judge_look(const char *key, int part, const struct reply *reply,
                                     struct checkpoint *found, struct error *err)
{
    if (reply->type == REPLY_ERROR) return judge_refusal(key, part, reply, err);
    if (part == LOOK_HGETALL)
        return checkpoint_parse(found, reply, err) == 0 ? FENCE_RAN : FENCE_STOPPED;
    if (reply_is_status(reply, "OK")) return FENCE_RAN;
    (void)error_set(err, ERROR_FAILED, "'%s': an answer that does not belong there", key);
    return FENCE_STOPPED;
}

static int send_look(struct connection *connection, const char *key, struct error *err)
{
    struct buffer call = {0};
    command_append_texts(&call, 2, (const char *const[]){"WATCH", key});
    command_append_texts(&call, 2, (const char *const[]){"HGETALL", key});
    command_append_texts(&call, 1, (const char *const[]){"MULTI"});
    const int result = buffer_failed(&call)
                           ? error_memory(err)
                           : connection_call_all(connection, call.bytes, call.length, err);
    buffer_release(&call);
    return result;
}

/* Read the checkpoint in key under WATCH, and open the transaction that is to follow: that it
 * holds back what is sent behind it is known then. found holds nothing. Where it does not
 * return FENCE_RAN, no transaction is open. */
static enum fence_verdict look(struct connection *connection, const char *key,
                               struct checkpoint *found, struct error *err)
{
    enum fence_verdict verdict = FENCE_RAN;
    bool is_open = false;
    if (send_look(connection, key, err) != 0) return cut(connection, err);
    for (int part = 0; part < LOOK_PARTS; part++) {
        const struct reply *reply = NULL;
        struct error why = {0};
        if (connection_answer(connection, &reply, &why) != 0) {
            *err = why;
            return cut(connection, err);
        }
        const enum fence_verdict judged = judge_look(key, part, reply, found, &why);
        if (verdict == FENCE_RAN && judged != FENCE_RAN) *err = why;
        if (verdict == FENCE_RAN) verdict = judged;
        is_open = part == LOOK_MULTI && judged == FENCE_RAN;
    }
    if (verdict != FENCE_RAN && is_open) abandon(connection);
    return verdict;
}

struct fence_look *fence_look_open(struct connection *connection, const char *ledger_id,
                                   int64_t version, struct error *err)
{
    struct fence_look *ahead = calloc(1, sizeof *ahead);
    char *key = make_key(ledger_id, version);
    if (ahead == NULL || key == NULL ||
        look(connection, key, &ahead->found, err) != FENCE_RAN) {
        fence_look_close(ahead);
        ahead = NULL;
    } else {
        ahead->connection = connection;
        ahead->is_open = true;
    }
    free(key);
    return ahead;
}

void fence_look_close(struct fence_look *ahead)
{
    if (ahead == NULL) return;
    if (ahead->is_open) abandon(ahead->connection);
    checkpoint_release(&ahead->found);
    free(ahead);
}

const struct checkpoint *fence_look_found(const struct fence_look *ahead)
{
    return &ahead->found;
}

/* ---- taking it -------------------------------------------------------------------------- */

/* Read the checkpoint under WATCH, unless that has been done ahead. */
static enum fence_verdict see(struct fence *fence, struct error *err)
{
    struct fence_look *ahead = fence->options->look;
    struct checkpoint *found = &fence->found;
    enum fence_verdict verdict = FENCE_RAN;
    checkpoint_release(found);
    if (ahead != NULL && ahead->is_open) {
        *found = ahead->found;
        ahead->found = (struct checkpoint){0};
        ahead->is_open = false;
    } else {
        verdict = look(fence->options->connection, fence->key, found, err);
    }
    if (verdict == FENCE_RAN)
        found->is_own =
            found->present && strncmp(found->fence, fence->sink, strlen(fence->sink)) == 0;
    return verdict;
}

/* Ask what it means. Returns 0, or -1 with err. */
static int decide(struct fence *fence, struct error *err)
{
    const struct sink_fenced_options *options = fence->options;
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
    const struct sink_fenced_options *options = fence->options;
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
    const struct buffer no_frame = {0};
    struct buffer commands = {0};
    enum fence_verdict verdict = FENCE_STOPPED;
    name_connection(fence);
    struct fence_work work = {.commands = compose(fence, &commands)};
    work.bytes = commands.bytes;
    work.length = commands.length;
    if (!buffer_failed(&commands)) {
        verdict = transact(fence, &no_frame, 0, &work, err);
    } else {
        (void)error_memory(err);
        abandon(fence->options->connection);
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
    abandon(fence->options->connection);
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
    const struct sink_fenced_options *options = fence->options;
    for (;;) {
        bool is_short = false;
        enum fence_verdict verdict = is_new ? reconnect(fence, err) : FENCE_RAN;
        if (verdict == FENCE_RAN) verdict = try_to_take(fence, &is_short, err);
        if (verdict == FENCE_RAN) break;
        if (verdict == FENCE_STOPPED || verdict == FENCE_FAILED) return -1;
        is_new = verdict != FENCE_CHANGED;
        if (fence_wait(fence, is_short, err) != 0) return -1;
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
    char *key = make_key(ledger_id, version);
    char *trace_key = make_trace_key(ledger_id);
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

int fence_look(struct connection *connection, const char *ledger_id, int64_t version,
               struct checkpoint *out, struct error *err)
{
    const struct reply *reply = NULL;
    char *key = make_key(ledger_id, version);
    if (key == NULL) return error_memory(err);
    int result = connection_ask(connection, &reply, err, "HGETALL", key, (const char *)NULL);
    if (result == 0)
        result = checkpoint_parse(out, reply, err);
    else if (reply != NULL && reply->type == REPLY_ERROR)
        (void)judge_refusal(key, LOOK_HGETALL, reply, err);
    free(key);
    return result;
}
