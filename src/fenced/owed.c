/*
 * Commands that are owed, sent again.
 *
 * They may not run twice either. So `failed` is marked in the very transaction that they run
 * in, and is emptied by the next one, once their answers were read: whoever finds the mark
 * knows that they ran and that nobody knows how, and looks before anything is sent. What they
 * were kept for is arrears.c's.
 */
#include "owed.h"

#include <stdbool.h>
#include <stdint.h>
#include <strings.h>

#include "buffer.h"
#include "checkpoint.h"
#include "crash.h"
#include "delivery.h"
#include "error.h"
#include "fence.h"
#include "probe.h"
#include "resp.h"
#include "sink.h"

enum { SHOWN = 80 }; /* bytes of a key in a message */

/* What is owed, and what is known of it. */
struct owed {
    struct buffer commands; /* RESP */
    size_t count;
    bool is_unread;     /* it ran, and its answers were not read */
    struct tally ran;   /* what is not owed any more, since it was loaded */
    struct resp behind; /* what a batch held that ran behind `seen`, if it is that */
    bool is_behind;     /* it still is */
    size_t unknown;     /* the first that cannot be told; PROBE_NONE */
};

/* ---- the list --------------------------------------------------------------------------- */

static void count(struct owed *owed, const struct resp_command *command, int64_t sign)
{
    struct resp_command walk = *command;
    struct resp_argument name;
    const bool is_publish = resp_argument(&walk, &name) && name.length == 7 &&
                            strncasecmp(name.bytes, "PUBLISH", name.length) == 0;
    if (is_publish)
        owed->ran.messages_published += sign;
    else
        owed->ran.commands_sent += sign;
}

/* Take what is owed by the checkpoint that was found: the commands that it keeps, or else the
 * batch behind `seen`, which it has counted. Returns 0 or -1 with err. */
static int load(struct owed *owed, const struct checkpoint *found, struct error *err)
{
    struct resp resp = {found->failed, found->failed_length};
    struct resp_command command;
    owed->is_behind = owed->behind.length > 0 && !checkpoint_is_settled(found);
    owed->is_unread = found->failed_unread || owed->is_behind;
    owed->ran = (struct tally){0};
    if (owed->is_behind) resp = owed->behind;
    buffer_clear(&owed->commands);
    for (owed->count = 0; resp_next(&resp, &command); owed->count++) {
        buffer_append(&owed->commands, command.bytes, command.length);
        if (owed->is_behind) count(owed, &command, -1);
    }
    if (buffer_failed(&owed->commands)) return error_memory(err);
    if (resp.length == 0) return 0;
    return error_set(
        err, ERROR_OPERATOR,
        "what is to be sent again is no command: somebody changed the checkpoint; look at "
        "what is in Redis, then `redferry repair VERSION` begins anew");
}

/* Keep of it only what numbers (size_t, ascending) list; the rest has run. */
static void keep_only(struct owed *owed, const struct buffer *numbers)
{
    const size_t *next = (const size_t *)(const void *)numbers->bytes;
    const size_t *end = next + numbers->length / sizeof *next;
    struct resp resp = {owed->commands.bytes, owed->commands.length};
    struct resp_command command;
    struct buffer kept = {.failed = numbers->failed};
    owed->count = 0;
    for (size_t i = 0; resp_next(&resp, &command); i++) {
        if (next < end && *next == i) {
            next++;
            buffer_append(&kept, command.bytes, command.length);
            owed->count++;
        } else {
            count(owed, &command, 1);
        }
    }
    buffer_release(&owed->commands);
    owed->commands = kept;
}

/* Put which of the commands err is about in front of it: its name, for its arguments may be a
 * row's values. Returns -1. */
static int name_command(const struct owed *owed, size_t index, struct error *err)
{
    struct resp resp = {owed->commands.bytes, owed->commands.length};
    struct resp_command command;
    struct resp_argument name, key = {.bytes = "", .length = 0};
    for (size_t i = 0; resp_next(&resp, &command); i++) {
        if (i != index || !resp_argument(&command, &name)) continue;
        const bool has_key = resp_argument(&command, &key);
        const int shown = key.length < SHOWN ? (int)key.length : SHOWN;
        return error_prefix(
            err, "'%.*s%s%.*s', %zu of %zu commands that failed before: ", (int)name.length,
            name.bytes, has_key ? " " : "", shown, key.bytes, index + 1, owed->count);
    }
    return -1;
}

/* ---- sending ---------------------------------------------------------------------------- */

/* It ran, and nobody read how: leave what failed. Returns 0, or -1 with err. */
static int inspect(struct delivery *delivery, struct owed *owed, struct error *err)
{
    struct probe_finding finding = {0};
    if (delivery_probe(delivery, owed->commands.bytes, owed->commands.length, &finding, err) !=
        0)
        return -1;
    owed->unknown = finding.unknown;
    if (finding.unknown < owed->count) {
        (void)error_set(err, ERROR_OPERATOR, "%s", PROBE_UNKNOWN_TEXT);
        if (!owed->is_behind) (void)name_command(owed, finding.unknown, err);
        probe_release(&finding);
        return delivery_fail(delivery, err);
    }
    keep_only(owed, &finding.failed);
    owed->is_unread = false;
    probe_release(&finding);
    if (!buffer_failed(&owed->commands)) return 0;
    (void)error_memory(err);
    return delivery_fail(delivery, err);
}

/* Write down what is still owed, and count what is not. Returns 0, or -1 with err. */
static int write_down(struct delivery *delivery, struct owed *owed, struct error *err)
{
    const char *key = fence_key(delivery->fence);
    const struct checkpoint_mark from = delivery_mark(&delivery->known);
    struct checkpoint_mark to = from;
    struct buffer commands = {0};
    struct fence_work work = {.commands = 2};
    to.tally.commands_sent += owed->ran.commands_sent;
    to.tally.messages_published += owed->ran.messages_published;
    if (owed->is_behind) {
        to.seen = to.cursor;
        to.again = 0;
    }
    checkpoint_append_failed(&commands, key, owed->commands.bytes, owed->commands.length,
                             false);
    checkpoint_append_move(&commands, key, &to);
    work.bytes = commands.bytes;
    work.length = commands.length;
    int result = buffer_failed(&commands) ? error_memory(err)
                                          : delivery_work(delivery, &work, &from, &to, err);
    buffer_release(&commands);
    if (result != 0) return -1;
    crash_point("owed commands settled");
    if (owed->is_behind) {
        delivery->is_settled = true;
    } else {
        delivery->sink->tally.commands_sent += owed->ran.commands_sent;
        delivery->sink->tally.messages_published += owed->ran.messages_published;
    }
    owed->ran = (struct tally){0};
    owed->is_behind = false;
    owed->behind.length = 0;
    return 0;
}

/* Send it, marked. */
static enum fence_verdict send_marked(struct delivery *delivery, const struct owed *owed,
                                      struct fence_work *work, struct error *err)
{
    struct buffer commands = {0};
    enum fence_verdict verdict = FENCE_STOPPED;
    buffer_append(&commands, owed->commands.bytes, owed->commands.length);
    checkpoint_append_failed(&commands, fence_key(delivery->fence), owed->commands.bytes,
                             owed->commands.length, true);
    work->bytes = commands.bytes;
    work->length = commands.length;
    work->commands = owed->count + 1;
    if (buffer_failed(&commands))
        (void)error_memory(err);
    else
        verdict = fence_execute(delivery->fence, work, err);
    crash_point("owed commands sent");
    buffer_release(&commands);
    return verdict;
}

/* The fence is held anew: the checkpoint says what is owed now. Returns 0, or -1 with err. */
static int reload(struct delivery *delivery, struct owed *owed, struct error *err)
{
    const struct checkpoint *found = fence_checkpoint(delivery->fence);
    const struct checkpoint_mark known = delivery_mark(&delivery->known);
    if (!checkpoint_is_at(found, &known)) return delivery_fail_behind(delivery, err);
    return load(owed, found, err) == 0 ? 0 : delivery_fail(delivery, err);
}

/* Find out what is left of it, and write that down before it is sent: the next one who asks is
 * to be told the same. */
static int look_again(struct delivery *delivery, struct owed *owed, struct error *err)
{
    if (inspect(delivery, owed, err) == 0) return write_down(delivery, owed, err);
    if (delivery->failed || delivery_lose(delivery, err) != 0 ||
        delivery_retake(delivery, err) != 0)
        return -1;
    return reload(delivery, owed, err);
}

static int send_again(struct delivery *delivery, struct owed *owed, struct error *err)
{
    struct buffer failures = {0};
    struct fence_work work = {.failed = &failures};
    struct error why = {0};
    const enum fence_verdict verdict = send_marked(delivery, owed, &work, &why);
    int result = -1;
    if (verdict == FENCE_RAN || verdict == FENCE_FAILED) {
        keep_only(owed, &failures);
        result = write_down(delivery, owed, err);
    } else {
        *err = why;
        if (delivery_mend(delivery, verdict, &work, err) == 0)
            result = reload(delivery, owed, err);
    }
    if (verdict == FENCE_FAILED && result == 0) {
        *err = why;
        (void)name_command(owed, 0, err);
        result = delivery_fail(delivery, err);
    }
    buffer_release(&failures);
    return result;
}

static int send_all(struct delivery *delivery, struct owed *owed, struct error *err)
{
    int result = load(owed, fence_checkpoint(delivery->fence), err);
    while (result == 0 && owed->count > 0) {
        result =
            owed->is_unread ? look_again(delivery, owed, err) : send_again(delivery, owed, err);
    }
    buffer_release(&owed->commands);
    return result;
}

int owed_send(struct delivery *delivery, struct error *err)
{
    struct owed owed = {.unknown = PROBE_NONE};
    return send_all(delivery, &owed, err);
}

int owed_check(struct delivery *delivery, const struct resp *commands, size_t *unknown,
               struct error *err)
{
    struct owed owed = {.unknown = PROBE_NONE, .behind = *commands};
    const int result = send_all(delivery, &owed, err);
    *unknown = owed.unknown;
    return result;
}
