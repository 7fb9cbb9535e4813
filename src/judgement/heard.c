/*
 * What was heard, held against what should have been: in order against what a test's file
 * expects, in any order against what was heard of a run that nobody disturbed.
 *
 * One message that is missing does not make all behind it wrong: the two lists are brought
 * together again as early as can be. Who listens, and to what, is not known here (audience.c).
 */
#include "heard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "contrast.h"
#include "error.h"
#include "likeness.h"
#include "test_expectation.h"
#include "verdict.h"

void heard_release(struct heard *heard)
{
    free(heard->items);
    arena_release(&heard->arena);
    *heard = (struct heard){0};
}

int heard_keep(struct heard *heard, const struct heard_message *message, struct error *err)
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

/* ---- what should have been heard -------------------------------------------------------- */

static bool is_same_channel(const struct heard_message *one, const struct heard_message *other)
{
    return one->channel_length == other->channel_length &&
           memcmp(one->channel, other->channel, one->channel_length) == 0;
}

static bool is_same(const struct heard_message *one, const struct heard_message *other)
{
    return is_same_channel(one, other) && one->message_length == other->message_length &&
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

/* Of one long message that should be another, to the same channel, what differs. */
static int note_contrast(const struct comparing *comparing, const struct test_message *expected,
                         const struct heard_message *got, struct error *err)
{
    static const struct likeness_rule as_it_stands = {0};
    const struct test_value one = {
        .kind = TEST_TEXT, .text = expected->message, .length = expected->message_length};
    const struct test_value other = {
        .kind = TEST_TEXT, .text = got->message, .length = got->message_length};
    const struct contrast contrast = {&one, &other, &as_it_stands};
    struct buffer what = {0};
    buffer_append_text(&what, "published to ");
    likeness_append_text(&what, got->channel, got->channel_length);
    const struct verdict_difference difference = {.line = expected->line,
                                                  .column = expected->column,
                                                  .moment = comparing->moment,
                                                  .what = buffer_text(&what)};
    const int result = difference.what != NULL
                           ? contrast_note(&contrast, &difference, comparing->verdict, err)
                           : error_memory(err);
    buffer_release(&what);
    return result;
}

static int note(const struct comparing *comparing, const struct test_message *expected,
                const struct heard_message *got, struct error *err)
{
    enum { SHORT = 60 };
    struct buffer one = {0}, other = {0};
    const struct heard_message wanted =
        expected != NULL ? as_heard(expected) : (struct heard_message){0};
    if (expected != NULL && got != NULL && is_same_channel(&wanted, got) &&
        (wanted.message_length > SHORT || got->message_length > SHORT))
        return note_contrast(comparing, expected, got, err);
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
 * again, as few as possible. Where they do not within sight, all of both. */
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

int heard_compare(const struct heard *heard, const struct test_expectation *expected,
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

static const struct heard_message **sorted(const struct heard *heard, struct arena *arena)
{
    const struct heard_message **list =
        arena_array(arena, heard->count + 1, sizeof(struct heard_message *));
    for (size_t i = 0; list != NULL && i < heard->count; i++) list[i] = &heard->items[i];
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
static bool may_repeat(const struct heard_promise *promise, const struct heard_message *message)
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

int heard_compare_again(const struct heard *heard, const struct heard_promise *promise,
                        const char *moment, struct verdict *verdict, struct error *err)
{
    struct arena arena = {0};
    const struct heard *undisturbed = promise->undisturbed;
    const struct heard_message **wanted = sorted(undisturbed, &arena);
    const struct heard_message **got = sorted(heard, &arena);
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
