/*
 * One transaction behind the fence, from its WATCH to its last answer.
 *
 * It runs only if nobody took the fence since its own was seen in the checkpoint. Its commands
 * follow once MULTI is known to hold them back, and EXEC goes with them: what the server
 * refuses of them voids the transaction without us. Everything here waits for its answers; the
 * stream of batches is flight.c's. Trying again is for whoever asked.
 */
#include "fence_transaction.h"

#include <string.h>

#include "buffer.h"
#include "command.h"
#include "connection.h"
#include "crash.h"
#include "error.h"
#include "pipeline.h"
#include "reply.h"

enum fence_sight fence_transaction_see(const struct fence_name *name, const struct reply *reply)
{
    if (reply->type == REPLY_NIL) return FENCE_GONE;
    if (reply->type != REPLY_TEXT) return FENCE_OTHER;
    if (strcmp(reply->text, name->owner) == 0) return FENCE_OWN;
    return strncmp(reply->text, name->sink, strlen(name->sink)) == 0 ? FENCE_EARLIER
                                                                     : FENCE_OTHER;
}

void fence_transaction_append_frame(const struct fence_name *name, struct buffer *out)
{
    command_append_texts(out, 2, (const char *const[]){"WATCH", name->key});
    command_append_texts(out, 3, (const char *const[]){"HGET", name->key, "fence"});
    command_append_texts(out, 1, (const char *const[]){"MULTI"});
}

/* A transaction on its way. */
struct exchange {
    struct connection *connection;
    const struct fence_name *name;
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
    if (is_about_frame) (void)error_prefix(&exchange->error, "'%s': ", exchange->name->key);
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
        exchange->work->sight = fence_transaction_see(exchange->name, reply);
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

/* The next answer must not be taken for another question's: without one, the connection is of
 * no use. */
void fence_transaction_abandon(struct connection *connection)
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
    struct connection *connection = exchange->connection;
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
    if (is_open) fence_transaction_abandon(connection);
    return result;
}

enum fence_verdict fence_transaction_cut(const struct connection *connection,
                                         const struct error *err)
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
                    exchange->name->key);
    return FENCE_CHANGED;
}

/* Send it behind the frame, if there is one, and say what came of it. */
static enum fence_verdict transact(struct exchange *exchange, const struct buffer *frame,
                                   struct error *err)
{
    if (buffer_failed(frame)) {
        (void)error_memory(err);
        return FENCE_STOPPED;
    }
    exchange->work->is_short = exchange->work->was_sent = false;
    if (converse(exchange, frame, err) != 0)
        return fence_transaction_cut(exchange->connection, err);
    return judge(exchange, err);
}

enum fence_verdict fence_transaction_run(struct connection *connection,
                                         const struct fence_name *name, struct fence_work *work,
                                         struct error *err)
{
    struct exchange exchange = {
        .connection = connection, .name = name, .work = work, .frame = FENCE_FRAME};
    struct buffer frame = {0};
    fence_transaction_append_frame(name, &frame);
    const enum fence_verdict verdict = transact(&exchange, &frame, err);
    buffer_release(&frame);
    return verdict;
}

enum fence_verdict fence_transaction_go_on(struct connection *connection,
                                           const struct fence_name *name,
                                           struct fence_work *work, struct error *err)
{
    struct exchange exchange = {.connection = connection, .name = name, .work = work};
    const struct buffer no_frame = {0};
    return transact(&exchange, &no_frame, err);
}
