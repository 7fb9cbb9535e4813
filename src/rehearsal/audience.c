/*
 * Who hears what a migration publishes: a subscriber to every channel, as real as any.
 *
 * What a client is sent comes in the order in which it happened. So a PING that is answered
 * says that everything published before it is there: nobody waits for luck, and nothing that
 * comes late is missed. While a migration runs nobody reads here; Redis keeps what was said,
 * and the private server is told to keep any amount of it.
 *
 * Shard channels cannot be subscribed to by pattern, and which there will be nobody knows
 * beforehand. So for a migration that may speak on them the same connection is a MONITOR as
 * well, which is told of every SPUBLISH, a script's included, in its place among the messages.
 * It is told of every other command, too, which is why it is no MONITOR otherwise.
 */
#include "audience.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buffer.h"
#include "command.h"
#include "command_facts.h"
#include "command_line.h"
#include "connection.h"
#include "error.h"
#include "likeness.h"
#include "migration.h"
#include "reply.h"
#include "template.h"
#include "test_file.h"
#include "verdict.h"

/* ---- listening -------------------------------------------------------------------------- */

/* Send one command, whose answers are awaited one by one. */
static int say(struct audience *audience, size_t count, const char *const *words,
               struct error *err)
{
    struct buffer bytes = {0};
    int result = -1;
    command_append_texts(&bytes, count, words);
    if (buffer_failed(&bytes))
        (void)error_memory(err);
    else
        result = connection_call_all(audience->connection, bytes.bytes, bytes.length, err);
    buffer_release(&bytes);
    return result;
}

/* Send a command, and take its answer. */
static int ask(struct audience *audience, size_t count, const char *const *words,
               struct error *err)
{
    const struct reply *reply = NULL;
    if (say(audience, count, words, err) != 0 ||
        connection_answer(audience->connection, &reply, err) != 0)
        return -1;
    return reply->type == REPLY_ERROR ? reply_error(reply, err) : 0;
}

static int subscribe(struct audience *audience, struct error *err)
{
    static const char *const words[] = {"PSUBSCRIBE", "*"};
    return ask(audience, 2, words, err);
}

int audience_open(struct audience *audience, const struct url *url, const struct stop *stop,
                  struct error *err)
{
    *audience = (struct audience){0};
    if (connection_open(&audience->connection, url, stop, err) != 0) return -1;
    return subscribe(audience, err);
}

/* A subscriber may not become a MONITOR, but a MONITOR a subscriber. */
static int become_monitor(struct audience *audience, struct error *err)
{
    static const char *const words[] = {"MONITOR"};
    if (connection_reopen(audience->connection, err) != 0) return -1;
    return ask(audience, 1, words, err) == 0 ? subscribe(audience, err) : -1;
}

/* Whether a command may send to a shard channel: of what scripts and modules do, nothing is
 * known. */
static bool may_reach_shards(const struct command *command)
{
    static const char *const names[] = {"SPUBLISH", "EVAL", "EVALSHA", "FCALL"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (command_is_word(command, 0, names[i])) return true;
    return command->facts == NULL;
}

static bool may_any_reach_shards(const struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        for (size_t j = 0; j < steps->items[i].command_count; j++)
            if (may_reach_shards(&steps->items[i].commands[j])) return true;
    return false;
}

int audience_attend(struct audience *audience, const struct migration *migration,
                    struct error *err)
{
    const bool shards =
        may_any_reach_shards(&migration->up) || may_any_reach_shards(&migration->down);
    return shards ? become_monitor(audience, err) : 0;
}

void audience_close(struct audience *audience)
{
    connection_close(audience->connection);
    *audience = (struct audience){0};
}

void heard_release(struct heard *heard)
{
    free(heard->items);
    arena_release(&heard->arena);
    *heard = (struct heard){0};
}

static bool begins_with(const struct reply *array, const char *word)
{
    const struct reply *first = reply_element(array, 0);
    return first != NULL && first->text != NULL && strcmp(first->text, word) == 0;
}

static int keep(struct heard *heard, const struct heard_message *message, struct error *err)
{
    if (heard->count == heard->room) {
        const size_t room = heard->room > 0 ? 2 * heard->room : 64;
        struct heard_message *items = realloc(heard->items, room * sizeof *items);
        if (items == NULL) return error_memory(err);
        heard->items = items;
        heard->room = room;
    }
    heard->items[heard->count++] = (struct heard_message){
        .channel = arena_copy(&heard->arena, message->channel, message->channel_length),
        .channel_length = message->channel_length,
        .message = arena_copy(&heard->arena, message->message, message->message_length),
        .message_length = message->message_length,
    };
    return heard->arena.failed ? error_memory(err) : 0;
}

/* pmessage, pattern, channel, message. */
static int keep_message(struct heard *heard, const struct reply *array, struct error *err)
{
    const struct reply *channel = reply_element(array, 2), *message = reply_element(array, 3);
    if (channel == NULL || message == NULL) return 0;
    const struct heard_message item = {channel->text, channel->length, message->text,
                                       message->length};
    return keep(heard, &item, err);
}

/* The words of a command as MONITOR quotes them: as redis-cli does, but for placeholders, which
 * it does not know. */
static int read_words(const char *words, struct command_line *line, struct arena *arena,
                      struct error *err)
{
    struct buffer text = {0};
    for (; *words != '\0'; words++) {
        if (*words == '$')
            buffer_append_text(&text, "\\x24");
        else
            buffer_append_char(&text, *words);
    }
    const int result = buffer_failed(&text)
                           ? error_memory(err)
                           : command_line_split(line, text.bytes, text.length, arena, err);
    buffer_release(&text);
    return result;
}

/* Keep the message where a MONITOR's line, `TIME [DATABASE CLIENT] "SPUBLISH" "…" "…"`, is of
 * one. */
static int keep_shard_message(struct heard *heard, const struct reply *status,
                              struct error *err)
{
    static const char name[] = "\"SPUBLISH\" ";
    struct command_line line;
    struct heard_message item = {0};
    const char *words = strstr(status->text, "] \"");
    if (words == NULL || strncasecmp(words + 2, name, sizeof name - 1) != 0) return 0;
    if (read_words(words + 2, &line, &heard->arena, err) != 0) return -1;
    if (line.count != 3 ||
        !template_is_literal(line.arguments[1], &item.channel, &item.channel_length) ||
        !template_is_literal(line.arguments[2], &item.message, &item.message_length))
        return error_set(err, ERROR_FAILED, "MONITOR tells in an unknown form: %s",
                         status->text);
    return keep(heard, &item, err);
}

int audience_take(struct audience *audience, struct heard *heard, struct error *err)
{
    static const char *const words[] = {"PING", "all of it"};
    const struct reply *reply = NULL;
    heard_release(heard);
    if (say(audience, 2, words, err) != 0) return -1;
    for (;;) {
        if (connection_answer(audience->connection, &reply, err) != 0) return -1;
        if (begins_with(reply, "pong")) return 0;
        if (begins_with(reply, "pmessage") && keep_message(heard, reply, err) != 0) return -1;
        if (reply->type == REPLY_STATUS && keep_shard_message(heard, reply, err) != 0)
            return -1;
    }
}

/* ---- what should have been heard -------------------------------------------------------- */

static bool is_same(const struct heard_message *one, const struct heard_message *other)
{
    return one->channel_length == other->channel_length &&
           one->message_length == other->message_length &&
           memcmp(one->channel, other->channel, one->channel_length) == 0 &&
           memcmp(one->message, other->message, one->message_length) == 0;
}

static struct heard_message as_heard(const struct test_message *message)
{
    return (struct heard_message){message->channel, message->channel_length, message->message,
                                  message->message_length};
}

/* "channel: message", as it is shown; "nothing" for none. */
static void append_message(struct buffer *text, const struct heard_message *message)
{
    if (message == NULL) {
        buffer_append_text(text, "no message");
        return;
    }
    likeness_append_text(text, message->channel, message->channel_length);
    buffer_append_text(text, ": ");
    likeness_append_text(text, message->message, message->message_length);
}

/* Where messages are compared, and of what they are told. */
struct comparing {
    const struct test_expectation *expected;
    const struct heard *heard;
    const char *moment;
    struct verdict *verdict;
};

static int note(const struct comparing *comparing, const struct test_message *expected,
                const struct heard_message *got, struct error *err)
{
    struct buffer one = {0}, other = {0};
    const struct heard_message wanted =
        expected != NULL ? as_heard(expected) : (struct heard_message){0};
    append_message(&one, expected != NULL ? &wanted : NULL);
    append_message(&other, got);
    const struct verdict_difference difference = {
        .line = expected != NULL ? expected->line : comparing->expected->published_line,
        .column = expected != NULL ? expected->column : comparing->expected->published_column,
        .moment = comparing->moment,
        .what = "published",
        .expected = buffer_text(&one),
        .got = buffer_text(&other),
    };
    const bool failed = difference.expected == NULL || difference.got == NULL;
    if (!failed) verdict_add(comparing->verdict, &difference);
    buffer_release(&one);
    buffer_release(&other);
    return failed ? error_memory(err) : 0;
}

/* How far expected messages and heard ones may be out of step to be brought together again. */
enum { SIGHT = 200 };

/* Between two lists that differ from here on: how many of each to pass over until they agree
 * again, as few as possible. Where they do not within sight, one of each. */
static void find_agreement(const struct comparing *comparing, size_t at, size_t heard_at,
                           size_t *skip, size_t *heard_skip)
{
    const size_t left = comparing->expected->message_count - at;
    const size_t heard_left = comparing->heard->count - heard_at;
    for (size_t sum = 1; sum < SIGHT; sum++) {
        for (size_t i = 0; i <= sum; i++) {
            if (i >= left || sum - i >= heard_left) continue;
            const struct heard_message wanted =
                as_heard(&comparing->expected->messages[at + i]);
            if (!is_same(&wanted, &comparing->heard->items[heard_at + sum - i])) continue;
            *skip = i;
            *heard_skip = sum - i;
            return;
        }
    }
    *skip = left;
    *heard_skip = heard_left;
}

/* Tell of so many of each that do not agree, side by side. */
static int note_stretch(const struct comparing *comparing, size_t at, size_t heard_at,
                        size_t skip, size_t heard_skip, struct error *err)
{
    for (size_t i = 0; i < skip || i < heard_skip; i++) {
        const struct test_message *expected =
            i < skip ? &comparing->expected->messages[at + i] : NULL;
        const struct heard_message *got =
            i < heard_skip ? &comparing->heard->items[heard_at + i] : NULL;
        if (note(comparing, expected, got, err) != 0) return -1;
    }
    return 0;
}

int audience_compare(const struct heard *heard, const struct test_expectation *expected,
                     const char *moment, struct verdict *verdict, struct error *err)
{
    const struct comparing comparing = {expected, heard, moment, verdict};
    size_t at = 0, heard_at = 0;
    while (at < expected->message_count || heard_at < heard->count) {
        size_t skip = 0, heard_skip = 0;
        if (at < expected->message_count && heard_at < heard->count) {
            const struct heard_message wanted = as_heard(&expected->messages[at]);
            if (is_same(&wanted, &heard->items[heard_at])) {
                at++;
                heard_at++;
                continue;
            }
        }
        find_agreement(&comparing, at, heard_at, &skip, &heard_skip);
        if (note_stretch(&comparing, at, heard_at, skip, heard_skip, err) != 0) return -1;
        at += skip;
        heard_at += heard_skip;
    }
    return 0;
}

/* ---- a run that was disturbed ----------------------------------------------------------- */

static int by_message(const void *left, const void *right)
{
    const struct heard_message *one = *(const struct heard_message *const *)left;
    const struct heard_message *other = *(const struct heard_message *const *)right;
    const size_t channel = one->channel_length < other->channel_length ? one->channel_length
                                                                       : other->channel_length;
    const size_t message = one->message_length < other->message_length ? one->message_length
                                                                       : other->message_length;
    int order = memcmp(one->channel, other->channel, channel);
    if (order == 0)
        order = (one->channel_length > other->channel_length) -
                (one->channel_length < other->channel_length);
    if (order == 0) order = memcmp(one->message, other->message, message);
    if (order == 0)
        order = (one->message_length > other->message_length) -
                (one->message_length < other->message_length);
    return order;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whether two messages say the same but for their numbers. */
static bool differ_in_numbers(const struct heard_message *one,
                              const struct heard_message *other)
{
    const char *a = one->message, *b = other->message;
    const char *a_end = a + one->message_length, *b_end = b + other->message_length;
    if (one->channel_length != other->channel_length ||
        memcmp(one->channel, other->channel, one->channel_length) != 0)
        return false;
    while (a < a_end && b < b_end) {
        if (is_digit(*a) && is_digit(*b)) {
            while (a < a_end && is_digit(*a)) a++;
            while (b < b_end && is_digit(*b)) b++;
        } else if (*a++ != *b++) {
            return false;
        }
    }
    return a == a_end && b == b_end;
}

/* What a message counts as: one of the last ones that only its numbers tell it from, or itself.
 */
static const struct heard_message *counts_as(const struct audience_promise *promise,
                                             const struct heard_message *message)
{
    const struct heard *undisturbed = promise->undisturbed;
    for (size_t i = 0; promise->numbers_vary && i < promise->often; i++) {
        if (i == undisturbed->count) break;
        const struct heard_message *last = &undisturbed->items[undisturbed->count - 1 - i];
        if (differ_in_numbers(last, message)) return last;
    }
    return message;
}

static const struct heard_message **
sorted(const struct heard *heard, const struct audience_promise *promise, struct arena *arena)
{
    const struct heard_message **list =
        arena_array(arena, heard->count + 1, sizeof(struct heard_message *));
    for (size_t i = 0; list != NULL && i < heard->count; i++)
        list[i] = counts_as(promise, &heard->items[i]);
    if (list != NULL && heard->count > 1)
        qsort(list, heard->count, sizeof(struct heard_message *), by_message);
    return list;
}

/* How many of list from at on are message. */
static size_t count_same(const struct heard_message **list, size_t count, size_t at,
                         const struct heard_message *message)
{
    size_t same = 0;
    while (at + same < count && is_same(list[at + same], message)) same++;
    return same;
}

/* Whether a message may come more often than once, being among the last ones. */
static bool may_repeat(const struct audience_promise *promise,
                       const struct heard_message *message)
{
    const struct heard *undisturbed = promise->undisturbed;
    if (!promise->once) return true;
    for (size_t i = 0; i < promise->often && i < undisturbed->count; i++)
        if (is_same(&undisturbed->items[undisturbed->count - 1 - i], message)) return true;
    return false;
}

static int note_times(struct verdict *verdict, const char *moment,
                      const struct heard_message *message, size_t expected, size_t got,
                      bool at_least, struct error *err)
{
    char times[48], got_times[48];
    struct buffer what = {0};
    (void)snprintf(times, sizeof times, "%s%zu times", at_least ? "at least " : "", expected);
    (void)snprintf(got_times, sizeof got_times, "%zu times", got);
    buffer_append_text(&what, "published ");
    append_message(&what, message);
    const struct verdict_difference difference = {
        .moment = moment, .what = buffer_text(&what), .expected = times, .got = got_times};
    const bool failed = difference.what == NULL;
    if (!failed) verdict_add(verdict, &difference);
    buffer_release(&what);
    return failed ? error_memory(err) : 0;
}

int audience_compare_again(const struct heard *heard, const struct audience_promise *promise,
                           const char *moment, struct verdict *verdict, struct error *err)
{
    struct arena arena = {0};
    const struct heard *undisturbed = promise->undisturbed;
    const struct heard_message **wanted = sorted(undisturbed, promise, &arena);
    const struct heard_message **got = sorted(heard, promise, &arena);
    size_t i = 0, j = 0;
    int result = wanted != NULL && got != NULL ? 0 : error_memory(err);
    while (result == 0 && (i < undisturbed->count || j < heard->count)) {
        const int order = i == undisturbed->count ? 1
                          : j == heard->count     ? -1
                                                  : by_message(&wanted[i], &got[j]);
        const struct heard_message *message = order <= 0 ? wanted[i] : got[j];
        const size_t expected = count_same(wanted, undisturbed->count, i, message);
        const size_t times = count_same(got, heard->count, j, message);
        const bool repeats = may_repeat(promise, message) && expected > 0;
        if (repeats ? times < expected : times != expected)
            result = note_times(verdict, moment, message, expected, times, repeats, err);
        i += expected;
        j += times;
    }
    arena_release(&arena);
    return result;
}
