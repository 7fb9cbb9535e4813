/*
 * Waiting until what was written would survive.
 *
 * Redis answers EXEC before any replica, and before any disk, has it. WAIT and WAITAOF hold
 * their answer back until enough of them do, or until their own time is over, and then say how
 * many it were: the number is the answer, so it is compared here and nowhere trusted.
 *
 * The question is put once and not in slices: each further WAIT would ask for what the
 * application has written in between as well, and a replica that is always a little late would
 * never be there. So the waiting is interrupted on our side; the answer is then still owed,
 * which is why the connection is given up. What to do without enough of them is the caller's
 * affair.
 */
#include "durability.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "buffer.h"
#include "clock.h"
#include "command.h"
#include "connection.h"
#include "error.h"
#include "number.h"
#include "pipeline.h"
#include "reply.h"
#include "stop.h"

enum { ANSWER_PATIENCE_MS = 5000, DIGITS = 24 };

bool durability_is_asked(const struct durability *durability)
{
    return durability->replicas > 0 || durability->aof;
}

/* ---- what the server said --------------------------------------------------------------- */

/* How many have it. */
struct count {
    int64_t local; /* 1: on the server's own disk */
    int64_t replicas;
};

/* Returns 0, or -1 with err where reply counts nothing. */
static int read_count(struct count *count, bool aof, const struct reply *reply,
                      struct error *err)
{
    const struct reply *local = aof ? reply_element(reply, 0) : NULL;
    const struct reply *replicas = aof ? reply_element(reply, 1) : reply;
    if (reply->type == REPLY_ERROR) return reply_error(reply, err);
    if ((aof && (local == NULL || local->type != REPLY_INTEGER)) || replicas == NULL ||
        replicas->type != REPLY_INTEGER)
        return error_set(err, ERROR_FAILED, "%s: an answer that counts nothing",
                         aof ? "WAITAOF" : "WAIT");
    *count = (struct count){local != NULL ? local->integer : 0, replicas->integer};
    return 0;
}

/* Compare what was counted with what was asked for. Returns 0 or -1 with err. */
static int judge(const struct count *count, const struct durability *durability,
                 struct error *err)
{
    char patience[32];
    (void)number_duration_text(durability->timeout_ms, patience);
    if (durability->aof && count->local < 1)
        return error_set(err, ERROR_FAILED,
                         "Redis has not synced its append-only file within %s (--wait-aof)",
                         patience);
    if (count->replicas < durability->replicas)
        return error_set(err, ERROR_FAILED,
                         "%" PRId64 " of %" PRId64
                         " replicas have confirmed what was written%s within %s "
                         "(--wait-replicas)",
                         count->replicas, durability->replicas,
                         durability->aof ? " and synced it to disk" : "", patience);
    return 0;
}

/* ---- asking ----------------------------------------------------------------------------- */

int durability_check(struct connection *connection, const struct durability *durability,
                     struct error *err)
{
    const struct reply *reply = NULL;
    int result = 0;
    /* Neither waits for more than a millisecond: nothing was written yet. */
    if (durability->aof)
        result = connection_ask(connection, &reply, err, "WAITAOF", "1", "0", "1",
                                (const char *)NULL);
    else if (durability->replicas > 0)
        result = connection_ask(connection, &reply, err, "WAIT", "0", "1", (const char *)NULL);
    if (result == 0 || reply == NULL || reply->type != REPLY_ERROR) return result;

    const char *version = connection_version(connection);
    err->code = ERROR_INVALID;
    if (durability->aof && strstr(reply->text, "unknown command") != NULL)
        return error_set(err, ERROR_INVALID,
                         "--wait-aof needs a Redis that has WAITAOF, as from 7.2 on; this is "
                         "Redis %s",
                         version != NULL ? version : "of another version");
    return error_prefix(
        err, "%s: Redis refuses it: ", durability->aof ? "--wait-aof" : "--wait-replicas");
}

/* Append WAIT or WAITAOF. A timeout of 0 would be none at all. */
static void append_question(struct buffer *out, const struct durability *durability)
{
    char replicas[DIGITS], timeout[DIGITS];
    const int64_t timeout_ms = durability->timeout_ms > 0 ? durability->timeout_ms : 1;
    (void)snprintf(replicas, sizeof replicas, "%" PRId64, durability->replicas);
    (void)snprintf(timeout, sizeof timeout, "%" PRId64, timeout_ms);
    if (durability->aof)
        command_append_texts(out, 4, (const char *const[]){"WAITAOF", "1", replicas, timeout});
    else
        command_append_texts(out, 3, (const char *const[]){"WAIT", replicas, timeout});
}

/* The one answer, on its way. */
struct answer {
    bool aof;
    struct count count;
};

static int take(void *context, const struct reply *reply, struct error *err)
{
    struct answer *answer = context;
    return read_count(&answer->count, answer->aof, reply, err);
}

int durability_wait(struct connection *connection, const struct durability *durability,
                    int (*tick)(void *context, int64_t waited_ms, struct error *err),
                    void *context, struct error *err)
{
    const struct stop *stop = connection_stop(connection);
    const int64_t begun_ms = clock_monotonic_ms();
    struct answer answer = {.aof = durability->aof};
    struct pipeline *pipeline = NULL;
    struct buffer question = {0};
    int result = -1;
    if (!durability_is_asked(durability)) return 0;
    append_question(&question, durability);
    if (buffer_failed(&question)) {
        (void)error_memory(err);
        goto done;
    }
    if (pipeline_new(&pipeline, connection, take, &answer, err) != 0 ||
        pipeline_send(pipeline, question.bytes, question.length, 1, err) != 0)
        goto done;
    pipeline_set_patience(pipeline, durability->timeout_ms + ANSWER_PATIENCE_MS);
    for (;;) {
        if (stop_requested(stop)) {
            (void)stop_error(stop, err);
            goto done;
        }
        if (pipeline_pump(pipeline, -1, DURABILITY_TICK_MS, err) < 0) goto done;
        if (pipeline_unanswered(pipeline) == 0) break;
        if (tick(context, clock_monotonic_ms() - begun_ms, err) != 0) goto done;
    }
    result = judge(&answer.count, durability, err);
done:
    pipeline_free(pipeline);
    buffer_release(&question);
    return result;
}
