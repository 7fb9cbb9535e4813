/*
 * Looking at the checkpoint: for whoever is to take its fence, or only to know.
 *
 * Who is to take the fence reads under WATCH, and has the transaction opened in the same round
 * trip, so that what he writes then is void if anybody changed the checkpoint meanwhile. It may
 * be looked at ahead of that, while the ledger is still being asked; whether what was seen is
 * still good is for its user to know.
 */
#include "fence_look.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "checkpoint.h"
#include "command.h"
#include "connection.h"
#include "error.h"
#include "reply.h"

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

enum fence_verdict fence_look_now(struct connection *connection, const char *key,
                                  struct checkpoint *found, struct error *err)
{
    enum fence_verdict verdict = FENCE_RAN;
    bool is_open = false;
    if (send_look(connection, key, err) != 0) return fence_transaction_cut(connection, err);
    for (int part = 0; part < LOOK_PARTS; part++) {
        const struct reply *reply = NULL;
        struct error why = {0};
        if (connection_answer(connection, &reply, &why) != 0) {
            *err = why;
            return fence_transaction_cut(connection, err);
        }
        const enum fence_verdict judged = judge_look(key, part, reply, found, &why);
        if (verdict == FENCE_RAN && judged != FENCE_RAN) *err = why;
        if (verdict == FENCE_RAN) verdict = judged;
        is_open = part == LOOK_MULTI && judged == FENCE_RAN;
    }
    if (verdict != FENCE_RAN && is_open) fence_transaction_abandon(connection);
    return verdict;
}

struct fence_look *fence_look_open(struct connection *connection, const char *ledger_id,
                                   int64_t version, struct error *err)
{
    struct fence_look *ahead = calloc(1, sizeof *ahead);
    char *key = checkpoint_key(ledger_id, version);
    if (ahead == NULL || key == NULL ||
        fence_look_now(connection, key, &ahead->found, err) != FENCE_RAN) {
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
    if (ahead->is_open) fence_transaction_abandon(ahead->connection);
    checkpoint_release(&ahead->found);
    free(ahead);
}

const struct checkpoint *fence_look_found(const struct fence_look *ahead)
{
    return &ahead->found;
}

bool fence_look_use_up(struct fence_look *ahead, struct checkpoint *found)
{
    if (ahead == NULL || !ahead->is_open) return false;
    *found = ahead->found;
    ahead->found = (struct checkpoint){0};
    ahead->is_open = false;
    return true;
}

int fence_look(struct connection *connection, const char *ledger_id, int64_t version,
               struct checkpoint *out, struct error *err)
{
    const struct reply *reply = NULL;
    char *key = checkpoint_key(ledger_id, version);
    if (key == NULL) return error_memory(err);
    int result = connection_ask(connection, &reply, err, "HGETALL", key, (const char *)NULL);
    if (result == 0)
        result = checkpoint_parse(out, reply, err);
    else if (reply != NULL && reply->type == REPLY_ERROR)
        (void)judge_refusal(key, LOOK_HGETALL, reply, err);
    free(key);
    return result;
}
