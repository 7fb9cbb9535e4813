/*
 * Reading back, by a table of forms: what to send, and what the answer is held against.
 *
 * Verdicts are given part by part, since a command that is sent later may have written to one
 * field and not to another. What a difference looks like is put into words here as well, for
 * this is where both sides are at hand; values are shortened, and where two long ones begin
 * alike they are shown from where they part.
 *
 * Nothing is sent here, and nothing is known of rows.
 */
#include "reading.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "command_line.h"
#include "expectation.h"
#include "json_same.h"
#include "number.h"
#include "reply.h"
#include "resp.h"

enum { SHOWN = 80, SHOWN_BEFORE = 16 };

/* A number as Redis takes a score; what is behind the argument ends it. */
static int read_score(const char *bytes, size_t length, double *score)
{
    char *end = NULL;
    if (length == 0 || strchr(" \t\n\v\f\r", bytes[0]) != NULL) return -1;
    *score = strtod(bytes, &end);
    return end == bytes + length ? 0 : -1;
}

static const char no_member[] = "no member";

/* ---- the table of forms ----------------------------------------------------------------- */

enum {
    NAMES = 1, /* the names of the parts go into the reading command */
    GONE = 2,  /* nothing is to be there */
    ANY = 4    /* whatever is there will do */
};

struct form {
    const char *read; /* the command that reads it back */
    const char *part; /* what a part is called; NULL: it has no name */
    uint32_t stride;  /* arguments of a part */
    uint32_t name;    /* which of them is its name */
    uint32_t value;   /* which of them is its value */
    unsigned how;
    enum reading_effect effect;
    const char *wanted; /* what SQL says, where that is no value */
};

/* clang-format off */
#define FORM(name) [EXPECTATION_##name]
static const struct form forms[] = {
    FORM(VALUE)      = {"GET",        NULL,     1, 0, 0, 0,            READING_REPLACES, NULL},
    FORM(KEY)        = {"TYPE",       NULL,     1, 0, 0, ANY,          READING_CREATES, "a key"},
    FORM(NO_KEY)     = {"TYPE",       NULL,     1, 0, 0, GONE,         READING_REPLACES, "nothing"},
    FORM(FIELDS)     = {"HMGET",      "field",  2, 0, 1, NAMES,        READING_SETS, NULL},
    FORM(ANY_FIELD)  = {"HMGET",      "field",  2, 0, 1, NAMES | ANY,  READING_CREATES, "a value"},
    FORM(NO_FIELDS)  = {"HMGET",      "field",  1, 0, 0, NAMES | GONE, READING_REMOVES, "nothing"},
    FORM(MEMBERS)    = {"SMISMEMBER", "member", 1, 0, 0, NAMES | ANY,  READING_SETS, "a member"},
    FORM(NO_MEMBERS) = {"SMISMEMBER", "member", 1, 0, 0, NAMES | GONE, READING_REMOVES, no_member},
    FORM(SCORES)     = {"ZMSCORE",    "member", 2, 1, 0, NAMES,        READING_SETS, NULL},
    FORM(NO_SCORES)  = {"ZMSCORE",    "member", 1, 0, 0, NAMES | GONE, READING_REMOVES, "nothing"},
    FORM(TTL)        = {"PTTL",       NULL,     1, 0, 0, 0,            READING_TIMES, NULL},
    FORM(NO_TTL)     = {"PTTL",       NULL,     1, 0, 0, 0,            READING_TIMES, NULL},
    FORM(JSON)       = {"JSON.GET",   "path",   2, 0, 1, NAMES,        READING_REPLACES, NULL},
};
/* clang-format on */

static const struct form *form_of(const struct expectation *expectation)
{
    return &forms[expectation->form];
}

static const struct resp_argument *argument_of(const struct expectation *expectation,
                                               const struct arguments *arguments, size_t part,
                                               uint32_t which)
{
    return &arguments->items[expectation->first + part * form_of(expectation)->stride + which];
}

static bool is_ttl(const struct expectation *expectation, size_t at)
{
    return at == 1 || expectation->form == EXPECTATION_TTL ||
           expectation->form == EXPECTATION_NO_TTL;
}

enum reading_effect reading_effect(const struct expectation *expectation)
{
    return expectation->if_absent ? READING_CREATES : form_of(expectation)->effect;
}

size_t reading_parts(const struct expectation *expectation, size_t at)
{
    return at == 0 ? expectation->parts : 1;
}

const struct resp_argument *reading_name(const struct expectation *expectation,
                                         const struct arguments *arguments, size_t at,
                                         size_t part)
{
    const struct form *form = form_of(expectation);
    if (at > 0 || form->part == NULL) return NULL;
    return argument_of(expectation, arguments, part, form->name);
}

/* ---- reading back ----------------------------------------------------------------------- */

static void append_header(struct buffer *reads, char mark, size_t number)
{
    char *out = buffer_reserve(reads, 24);
    char digits[20];
    size_t count = 0;
    if (out == NULL) return;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    *out++ = mark;
    while (count > 0) *out++ = digits[--count];
    *out++ = '\r';
    *out++ = '\n';
    reads->length = (size_t)(out - reads->bytes);
}

static void append_argument(struct buffer *reads, const char *bytes, size_t length)
{
    append_header(reads, '$', length);
    char *out = buffer_reserve(reads, length + 2);
    if (out == NULL) return;
    out = bytes_put(out, bytes, length);
    *out++ = '\r';
    *out++ = '\n';
    reads->length = (size_t)(out - reads->bytes);
}

const char *reading_command(const struct expectation *expectation, size_t at)
{
    return at == 0 ? form_of(expectation)->read : "PTTL";
}

void reading_append(const struct expectation *expectation, const struct arguments *arguments,
                    struct buffer *reads)
{
    const struct form *form = form_of(expectation);
    const struct resp_argument *key = &arguments->items[expectation->key];
    append_header(reads, '*', 2 + ((form->how & NAMES) != 0 ? expectation->parts : 0));
    append_argument(reads, form->read, strlen(form->read));
    append_argument(reads, key->bytes, key->length);
    for (size_t i = 0; (form->how & NAMES) != 0 && i < expectation->parts; i++) {
        const struct resp_argument *name = argument_of(expectation, arguments, i, form->name);
        append_argument(reads, name->bytes, name->length);
    }
    if (expectation->replies < 2) return;
    append_header(reads, '*', 2);
    append_argument(reads, "PTTL", 4);
    append_argument(reads, key->bytes, key->length);
}

/* ---- judging ---------------------------------------------------------------------------- */

/* RedisJSON has no codes of its own. */
static bool is_no_path(const struct reply *reply)
{
    return reply->type == REPLY_ERROR && strstr(reply->text, "does not exist") != NULL;
}

bool reading_can_judge(const struct expectation *expectation, const struct reply *reply)
{
    if (reply->type != REPLY_ERROR || reply_is_error(reply, "WRONGTYPE")) return true;
    if (expectation->form != EXPECTATION_JSON) return false;
    return is_no_path(reply) || strstr(reply->text, "wrong Redis type") != NULL;
}

/* The answer for one part; NULL: an answer of another shape. */
static const struct reply *reply_of(const struct expectation *expectation,
                                    const struct reply *reply, size_t part)
{
    if ((form_of(expectation)->how & NAMES) == 0 || expectation->form == EXPECTATION_JSON)
        return reply;
    if (reply->type != REPLY_ARRAY || reply->count != expectation->parts) return NULL;
    return &reply[1 + part];
}

/* Whether the answer is that nothing is there: nil, 0 of SMISMEMBER, "none" of TYPE. */
static bool is_nothing(const struct reply *reply)
{
    return reply->type == REPLY_NIL || is_no_path(reply) ||
           (reply->type == REPLY_INTEGER && reply->integer == 0) ||
           (reply->type == REPLY_STATUS && reply_is_status(reply, "none"));
}

static enum reading_verdict judge_ttl(const struct expectation *expectation,
                                      const struct reply *reply)
{
    enum { NO_KEY = -2, NO_TTL = -1 };
    if (reply->type != REPLY_INTEGER) return READING_DIFFERENT;
    if (expectation->form == EXPECTATION_NO_TTL)
        return reply->integer < 0 ? READING_EQUAL : READING_DIFFERENT;
    if (reply->integer == NO_KEY)
        return expectation->may_be_gone || expectation->if_present ? READING_EQUAL
                                                                   : READING_MISSING;
    return reply->integer != NO_TTL && reply->integer <= expectation->most_ttl_ms
               ? READING_EQUAL
               : READING_DIFFERENT;
}

static enum reading_verdict judge_score(const struct expectation *expectation,
                                        const struct resp_argument *value,
                                        const struct reply *reply)
{
    double wanted = 0, found = 0;
    if (reply->type != REPLY_TEXT || read_score(value->bytes, value->length, &wanted) != 0 ||
        read_score(reply->text, reply->length, &found) != 0)
        return READING_DIFFERENT;
    if (found > wanted) return expectation->if_greater ? READING_EQUAL : READING_DIFFERENT;
    if (found < wanted) return expectation->if_less ? READING_EQUAL : READING_DIFFERENT;
    return READING_EQUAL;
}

static enum reading_verdict judge_json(const struct expectation *expectation,
                                       const struct arguments *arguments,
                                       const struct resp_argument *value,
                                       const struct reply *reply)
{
    const struct resp_argument *path = argument_of(expectation, arguments, 0, 0);
    int same = 0;
    if (reply->type != REPLY_TEXT) return READING_DIFFERENT;
    /* A path with $ may lead to several places, and is answered with an array. */
    if (path->length > 0 && path->bytes[0] == '$')
        same = json_same_each(reply->text, reply->length, value->bytes, value->length);
    else
        same = json_same(reply->text, reply->length, value->bytes, value->length);
    if (same < 0) return expectation->if_present ? READING_EQUAL : READING_MISSING;
    return same == 1 || expectation->if_absent ? READING_EQUAL : READING_DIFFERENT;
}

static enum reading_verdict judge_bytes(const struct resp_argument *value,
                                        const struct reply *reply)
{
    return reply->type == REPLY_TEXT && reply->length == value->length &&
                   (value->length == 0 || memcmp(reply->text, value->bytes, value->length) == 0)
               ? READING_EQUAL
               : READING_DIFFERENT;
}

/* What is there, held against what SQL names. */
static enum reading_verdict judge_found(const struct expectation *expectation,
                                        const struct arguments *arguments,
                                        const struct reply *reply, size_t part)
{
    const struct form *form = form_of(expectation);
    const struct resp_argument *value = argument_of(expectation, arguments, part, form->value);
    if (reply->type == REPLY_ERROR || (form->how & GONE) != 0) return READING_DIFFERENT;
    if (expectation->form == EXPECTATION_JSON)
        return judge_json(expectation, arguments, value, reply);
    if ((form->how & ANY) != 0 || expectation->if_absent) return READING_EQUAL;
    if (expectation->form == EXPECTATION_SCORES) return judge_score(expectation, value, reply);
    return judge_bytes(value, reply);
}

enum reading_verdict reading_judge(const struct expectation *expectation,
                                   const struct arguments *arguments, size_t at,
                                   const struct reply *reply, size_t part)
{
    enum reading_verdict verdict = READING_MISSING;
    if (is_ttl(expectation, at)) return judge_ttl(expectation, reply);
    if (reply->type != REPLY_ERROR) reply = reply_of(expectation, reply, part);
    if (reply == NULL) return READING_DIFFERENT;
    if (!is_nothing(reply))
        verdict = judge_found(expectation, arguments, reply, part);
    else if ((form_of(expectation)->how & GONE) != 0 || expectation->if_present ||
             expectation->may_be_gone)
        verdict = READING_EQUAL;
    return verdict;
}

/* ---- parts of one name ------------------------------------------------------------------ */

struct named_part {
    const struct resp_argument *name;
    size_t part;
};

static int compare_names(const struct resp_argument *one, const struct resp_argument *other)
{
    const size_t least = one->length < other->length ? one->length : other->length;
    const int order = least == 0 ? 0 : memcmp(one->bytes, other->bytes, least);
    if (order != 0 || one->length == other->length) return order;
    return one->length < other->length ? -1 : 1;
}

/* By name; of one name in their order. */
static int compare_parts(const void *left, const void *right)
{
    const struct named_part *one = left, *other = right;
    const int order = compare_names(one->name, other->name);
    if (order != 0) return order;
    return one->part < other->part ? -1 : one->part > other->part;
}

bool *reading_repeats(const struct expectation *expectation, const struct arguments *arguments)
{
    const size_t count = form_of(expectation)->part != NULL ? expectation->parts : 0;
    bool *repeats = calloc(expectation->parts + 1, sizeof *repeats);
    struct named_part *parts = calloc(count + 1, sizeof *parts);
    if (repeats == NULL || parts == NULL) {
        free(repeats);
        free(parts);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct named_part){reading_name(expectation, arguments, 0, i), i};
    qsort(parts, count, sizeof *parts, compare_parts);
    for (size_t i = 1; i < count; i++)
        if (compare_names(parts[i - 1].name, parts[i].name) == 0)
            repeats[parts[i - 1].part] = true;
    free(parts);
    return repeats;
}

/* ---- in words --------------------------------------------------------------------------- */

/* A byte within a character of UTF-8. */
static bool is_inside(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Append bytes from skip on. What is left out is shown outside the quotes. */
static void append_from(struct buffer *text, const char *bytes, size_t length, size_t skip)
{
    while (skip > 0 && skip < length && is_inside(bytes[skip])) skip--;
    size_t end = length - skip > SHOWN ? skip + SHOWN : length;
    for (size_t back = 0; back < 3 && end < length && end > skip && is_inside(bytes[end]);
         back++)
        end--;
    if (skip > 0) buffer_append_text(text, "…");
    const size_t before = text->length;
    command_line_append(text, bytes + skip, end - skip);
    const bool is_bare = !buffer_failed(text) && text->length > before &&
                         text->bytes[before] != '"' && text->bytes[before] != '\'';
    if (is_bare) {
        buffer_append_text(text, "\"\"");
        if (buffer_failed(text)) return;
        memmove(text->bytes + before + 1, text->bytes + before, text->length - before - 2);
        text->bytes[before] = '"';
    }
    if (end < length) buffer_append_text(text, "…");
    if (end - skip < length) buffer_append_format(text, " (%zu bytes)", length);
}

void reading_append_quoted(struct buffer *text, const char *bytes, size_t length)
{
    append_from(text, bytes, length, 0);
}

/* A name needs quotes only where a command line would. */
static void append_name(struct buffer *text, const struct resp_argument *name)
{
    if (name->length > SHOWN)
        append_from(text, name->bytes, name->length, 0);
    else
        command_line_append(text, name->bytes, name->length);
}

/* From where two values are shown: where they begin to differ, if that is far behind. */
static size_t where_to_begin(const struct resp_argument *value, const struct reply *reply)
{
    size_t common = 0;
    const size_t most = value->length < reply->length ? value->length : reply->length;
    while (common < most && value->bytes[common] == reply->text[common]) common++;
    return common > SHOWN - SHOWN_BEFORE ? common - SHOWN_BEFORE : 0;
}

static void append_ttl(struct buffer *text, int64_t ms)
{
    char duration[32];
    const int64_t round = ms >= 10000 ? ms - ms % 1000 : ms;
    buffer_append_text(text, number_duration_text(round, duration));
}

static void describe_ttl(const struct expectation *expectation, const struct reply *reply,
                         const struct reading_words *words)
{
    buffer_append_text(words->part, "TTL");
    if (expectation->form == EXPECTATION_NO_TTL) {
        buffer_append_text(words->sql, "none");
    } else {
        buffer_append_text(words->sql, "at most ");
        append_ttl(words->sql, expectation->most_ttl_ms);
    }
    if (reply->type != REPLY_INTEGER || reply->integer == -2)
        buffer_append_text(words->redis, "no such key");
    else if (reply->integer < 0)
        buffer_append_text(words->redis, "none");
    else
        append_ttl(words->redis, reply->integer);
}

/* What Redis says, where it has no value to be shown. Returns whether that is so. */
static bool describe_answer(const struct expectation *expectation, const struct reply *reply,
                            struct buffer *text)
{
    const bool is_member =
        expectation->form == EXPECTATION_MEMBERS || expectation->form == EXPECTATION_NO_MEMBERS;
    if (reply == NULL)
        buffer_append_text(text, "an answer of another shape");
    else if (reply->type == REPLY_ERROR && !is_no_path(reply))
        buffer_append_text(text, "a value of another type");
    else if (is_nothing(reply))
        buffer_append_text(text, is_member ? no_member : "nothing");
    else if (is_member)
        buffer_append_text(text, "a member");
    else if (reply->type == REPLY_STATUS)
        buffer_append_format(text, "a %s", reply->text);
    else
        return reply->type != REPLY_TEXT;
    return true;
}

void reading_describe(const struct expectation *expectation, const struct arguments *arguments,
                      size_t at, const struct reply *reply, size_t part,
                      const struct reading_words *words)
{
    const struct form *form = form_of(expectation);
    if (is_ttl(expectation, at)) {
        describe_ttl(expectation, reply, words);
        return;
    }
    const struct resp_argument *name = reading_name(expectation, arguments, at, part);
    const struct resp_argument *value = argument_of(expectation, arguments, part, form->value);
    if (reply->type != REPLY_ERROR) reply = reply_of(expectation, reply, part);
    const bool has_value = !describe_answer(expectation, reply, words->redis);
    const size_t skip = has_value && form->wanted == NULL ? where_to_begin(value, reply) : 0;
    if (name != NULL) {
        buffer_append_text(words->part, form->part);
        buffer_append_char(words->part, ' ');
        append_name(words->part, name);
    }
    if (form->wanted != NULL)
        buffer_append_text(words->sql, form->wanted);
    else
        append_from(words->sql, value->bytes, value->length, skip);
    if (has_value) append_from(words->redis, reply->text, reply->length, skip);
}
