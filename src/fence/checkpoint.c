/*
 * The checkpoint, to and from its hash in Redis.
 *
 * Numbers are decimal, texts as they are, and a field that says nothing is not there. What
 * cannot be read is 0 or empty rather than an error: whether a strange checkpoint is a leftover
 * or a reason to stop is decided by who knows the ledger. Nothing is sent here.
 */
#include "checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "command.h"
#include "error.h"
#include "number.h"
#include "reply.h"

enum { DIGITS = 24, MOST_ARGUMENTS = 24 };

/* In front of `failed`, whose commands begin with '*', where their answers were not read. */
static const char unread_mark = '?';

char *checkpoint_key(const char *ledger_id, int64_t version)
{
    char *key = NULL;
    return asprintf(&key, "redferry:{%s}:%" PRId64, ledger_id, version) < 0 ? NULL : key;
}

char *checkpoint_trace_key(const char *ledger_id)
{
    char *key = NULL;
    return asprintf(&key, CHECKPOINT_TRACE_KEY, ledger_id) < 0 ? NULL : key;
}

void checkpoint_release(struct checkpoint *checkpoint)
{
    free(checkpoint->storage);
    *checkpoint = (struct checkpoint){0};
}

/* ---- reading ---- */

enum field {
    FIELD_FENCE,
    FIELD_ORIGIN,
    FIELD_DIRECTION,
    FIELD_CHECKSUM,
    FIELD_STEP,
    FIELD_CURSOR,
    FIELD_SEEN,
    FIELD_ROWS,
    FIELD_COMMANDS,
    FIELD_PUBLISHED,
    FIELD_AGAIN,
    FIELD_FAILED,
    FIELDS
};

static const char *const field_names[FIELDS] = {
    "fence", "origin", "direction", "checksum",  "step",  "cursor",
    "seen",  "rows",   "commands",  "published", "again", "failed"};

struct text {
    const char *bytes;
    size_t length;
};

/* The values of the known fields, borrowed from reply. Returns 0 or -1 with err. */
static int collect(struct text texts[FIELDS], const struct reply *reply, struct error *err)
{
    const struct reply *name = reply + 1;
    if (reply->type != REPLY_ARRAY || reply->count % 2 != 0)
        return error_set(err, ERROR_FAILED, "the checkpoint: an answer that is no hash");
    for (size_t i = 0; i < reply->count; i += 2) {
        const struct reply *value = name + name->span;
        for (size_t field = 0; field < FIELDS; field++) {
            if (name->type != REPLY_TEXT || value->type != REPLY_TEXT) continue;
            if (strcmp(name->text, field_names[field]) == 0)
                texts[field] = (struct text){value->text, value->length};
        }
        name = value + value->span;
    }
    return 0;
}

static int64_t number_of(const struct text *text)
{
    int64_t number = 0;
    if (text->bytes != NULL)
        (void)number_parse(text->bytes, text->length, 0, INT64_MAX, &number);
    return number;
}

static int64_t run_of(const struct text *fence)
{
    const char *dot = fence->bytes == NULL ? NULL : memchr(fence->bytes, '.', fence->length);
    if (dot == NULL) return 0;
    return number_of(&(struct text){fence->bytes, (size_t)(dot - fence->bytes)});
}

/* A terminated copy of text at *room, which moves behind it; instead: where there is none. */
static const char *keep(const struct text *text, char **room, const char *instead)
{
    char *copy = *room;
    if (text->bytes == NULL) return instead;
    memcpy(copy, text->bytes, text->length);
    copy[text->length] = '\0';
    *room += text->length + 1;
    return copy;
}

/* Copy the texts into storage of checkpoint's own. Returns 0 or -1 with err. */
static int keep_texts(struct checkpoint *out, const struct text texts[FIELDS],
                      struct error *err)
{
    size_t size = FIELDS;
    for (size_t field = 0; field < FIELDS; field++) size += texts[field].length;
    char *room = out->storage = malloc(size);
    if (room == NULL) return error_memory(err);
    out->fence = keep(&texts[FIELD_FENCE], &room, "");
    out->checksum = keep(&texts[FIELD_CHECKSUM], &room, "");
    out->cursor = keep(&texts[FIELD_CURSOR], &room, NULL);
    out->seen = keep(&texts[FIELD_SEEN], &room, NULL);
    out->failed = keep(&texts[FIELD_FAILED], &room, NULL);
    out->failed_length = texts[FIELD_FAILED].length;
    return 0;
}

static void see_failed(struct checkpoint *out)
{
    if (out->failed_length > 0 && out->failed[0] == unread_mark) {
        out->failed_unread = true;
        out->failed++;
        out->failed_length--;
    }
    if (out->failed_length == 0) out->failed = NULL;
}

int checkpoint_parse(struct checkpoint *out, const struct reply *reply, struct error *err)
{
    struct text texts[FIELDS] = {0};
    *out = (struct checkpoint){0};
    if (collect(texts, reply, err) != 0 || keep_texts(out, texts, err) != 0) return -1;
    const struct text *direction = &texts[FIELD_DIRECTION];
    out->present = reply->count > 0;
    out->fence_run = run_of(&texts[FIELD_FENCE]);
    out->origin = number_of(&texts[FIELD_ORIGIN]);
    out->down = direction->length == 4 && memcmp(direction->bytes, "down", 4) == 0;
    out->step = number_of(&texts[FIELD_STEP]);
    out->tally.rows_read = number_of(&texts[FIELD_ROWS]);
    out->tally.commands_sent = number_of(&texts[FIELD_COMMANDS]);
    out->tally.messages_published = number_of(&texts[FIELD_PUBLISHED]);
    out->again = number_of(&texts[FIELD_AGAIN]);
    see_failed(out);
    return 0;
}

static struct text text_of(const char *bytes)
{
    return (struct text){bytes, bytes == NULL ? 0 : strlen(bytes)};
}

int checkpoint_copy(struct checkpoint *out, const struct checkpoint *from, struct error *err)
{
    const struct text texts[FIELDS] = {
        [FIELD_FENCE] = text_of(from->fence),
        [FIELD_CHECKSUM] = text_of(from->checksum),
        [FIELD_CURSOR] = text_of(from->cursor),
        [FIELD_SEEN] = text_of(from->seen),
        [FIELD_FAILED] = {from->failed, from->failed_length},
    };
    *out = *from;
    return keep_texts(out, texts, err);
}

/* ---- comparing ---- */

static bool same_text(const char *one, const char *other)
{
    if (one == NULL || other == NULL) return one == other;
    return strcmp(one, other) == 0;
}

bool checkpoint_is_settled(const struct checkpoint *checkpoint)
{
    return checkpoint->cursor == NULL || same_text(checkpoint->cursor, checkpoint->seen);
}

bool checkpoint_is_at(const struct checkpoint *checkpoint, const struct checkpoint_mark *mark)
{
    return checkpoint->present && checkpoint->step == mark->step &&
           checkpoint->tally.rows_read == mark->tally.rows_read &&
           checkpoint->tally.commands_sent == mark->tally.commands_sent &&
           checkpoint->tally.messages_published == mark->tally.messages_published &&
           same_text(checkpoint->cursor, mark->cursor);
}

/* ---- writing ---- */

/* The arguments of one command. */
struct words {
    size_t count;
    const char *arguments[MOST_ARGUMENTS];
    char digits[8][DIGITS];
    size_t numbers;
};

static void add(struct words *words, const char *word)
{
    words->arguments[words->count++] = word;
}

static void add_text(struct words *words, enum field field, const char *text)
{
    if (text == NULL) return;
    add(words, field_names[field]);
    add(words, text);
}

static void add_number(struct words *words, enum field field, int64_t number)
{
    char *digits = words->digits[words->numbers++];
    char *at = digits + DIGITS - 1;
    uint64_t rest = (uint64_t)number;
    *at = '\0';
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    add_text(words, field, at);
}

static struct words begin(const char *name, const char *key)
{
    return (struct words){.count = 2, .arguments = {name, key}};
}

static void end(const struct words *words, struct buffer *out)
{
    command_append_texts(out, words->count, words->arguments);
}

static void add_mark(struct words *words, const struct checkpoint_mark *mark)
{
    add_number(words, FIELD_STEP, mark->step);
    add_text(words, FIELD_CURSOR, mark->cursor);
    add_text(words, FIELD_SEEN, mark->seen);
    add_number(words, FIELD_ROWS, mark->tally.rows_read);
    add_number(words, FIELD_COMMANDS, mark->tally.commands_sent);
    add_number(words, FIELD_PUBLISHED, mark->tally.messages_published);
    add_number(words, FIELD_AGAIN, mark->again);
}

void checkpoint_append_move(struct buffer *out, const char *key,
                            const struct checkpoint_mark *mark)
{
    struct words words = begin("HSET", key);
    add_mark(&words, mark);
    end(&words, out);
}

size_t checkpoint_append_mark(struct buffer *out, const char *key,
                              const struct checkpoint_mark *mark)
{
    struct words words = begin("HDEL", key);
    add(&words, field_names[FIELD_CURSOR]);
    add(&words, field_names[FIELD_SEEN]);
    end(&words, out);
    checkpoint_append_move(out, key, mark);
    return 2;
}

size_t checkpoint_append_fresh(struct buffer *out, const char *key,
                               const struct checkpoint *checkpoint)
{
    const struct checkpoint_mark mark = {.step = checkpoint->step, .tally = checkpoint->tally};
    struct words words = begin("DEL", key);
    end(&words, out);
    words = begin("HSET", key);
    add_text(&words, FIELD_FENCE, checkpoint->fence);
    add_number(&words, FIELD_ORIGIN, checkpoint->origin);
    add_text(&words, FIELD_DIRECTION, checkpoint->down ? "down" : "up");
    add_text(&words, FIELD_CHECKSUM, checkpoint->checksum);
    add_mark(&words, &mark);
    end(&words, out);
    return 2;
}

void checkpoint_append_failed(struct buffer *out, const char *key, const char *commands,
                              size_t length, bool is_unread)
{
    const char *const name = field_names[FIELD_FAILED];
    struct words words = begin("HDEL", key);
    struct buffer value = {0};
    if (length == 0) {
        add(&words, name);
        end(&words, out);
        return;
    }
    if (is_unread) buffer_append_char(&value, unread_mark);
    buffer_append(&value, commands, length);
    const char *const arguments[] = {"HSET", key, name, value.bytes};
    const size_t lengths[] = {4, strlen(key), strlen(name), value.length};
    if (value.failed)
        out->failed = true;
    else
        command_append(out, 4, arguments, lengths);
    buffer_release(&value);
}

/* ---- the trace ---- */

static const char trace_database[] = "database";
static const char trace_first_run[] = "first_run";
static const char trace_last_run[] = "last_run";
static const char trace_last_write[] = "last_write";

size_t checkpoint_append_trace(struct buffer *out, const char *key,
                               const struct checkpoint_trace *trace)
{
    char first[DIGITS], last[DIGITS];
    (void)snprintf(first, sizeof first, "%" PRId64, trace->first_run);
    (void)snprintf(last, sizeof last, "%" PRId64, trace->last_run);
    command_append_texts(out, 8,
                         (const char *const[]){"HSET", key, trace_database, trace->database,
                                               trace_last_write, trace->last_write,
                                               trace_last_run, last});
    command_append_texts(out, 4, (const char *const[]){"HSETNX", key, trace_first_run, first});
    return 2;
}

int checkpoint_parse_trace(struct checkpoint_trace *out, const struct reply *reply,
                           struct error *err)
{
    const struct reply *name = reply + 1;
    *out = (struct checkpoint_trace){0};
    if (reply->type == REPLY_ERROR) return reply_error(reply, err);
    if (reply->type != REPLY_ARRAY || reply->count % 2 != 0)
        return error_set(err, ERROR_FAILED, "an answer that does not belong there");
    for (size_t i = 0; i < reply->count; i += 2) {
        const struct reply *value = name + name->span;
        if (name->type != REPLY_TEXT || value->type != REPLY_TEXT)
            return error_set(err, ERROR_FAILED, "an answer that does not belong there");
        if (strcmp(name->text, trace_database) == 0) out->database = value->text;
        if (strcmp(name->text, trace_last_write) == 0) out->last_write = value->text;
        if (strcmp(name->text, trace_first_run) == 0)
            (void)number_parse(value->text, value->length, 1, INT64_MAX, &out->first_run);
        if (strcmp(name->text, trace_last_run) == 0)
            (void)number_parse(value->text, value->length, 1, INT64_MAX, &out->last_run);
        name = value + value->span;
    }
    return 0;
}
