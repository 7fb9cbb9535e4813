/*
 * Everything that a Redis holds, read and compared key by key.
 *
 * It is what `applied twice` is judged by: a test's expectations look where their author
 * looked, and a counter that moved on somewhere else would pass. Each type is read by the
 * command that tells all of it; of a module's type DUMP is all that is known. What has no order
 * is put into one. TTLs run while things are compared, so they may be some seconds apart.
 *
 * Not compared: consumer groups of streams, TTLs of single fields of a hash, functions.
 */
#include "redis_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "clock.h"
#include "command.h"
#include "connection.h"
#include "error.h"
#include "likeness.h"
#include "number.h"
#include "reply.h"
#include "verdict.h"

enum { TOLERANCE_MS = 5000 };

static const char OWN[] = "redferry:";

/* ---- types ------------------------------------------------------------------------------ */

/* How a type is read, and how it is compared. */
struct type {
    const char *name;
    const char *words[5]; /* "%" stands for the key */
    size_t count;
    enum { WHOLE, ELEMENTS, MEMBERS, PAIRS, ENTRIES } parts;
    const char *part; /* what a part is called */
};

static const struct type types[] = {
    {"string", {"GET", "%"}, 2, WHOLE, ""},
    {"list", {"LRANGE", "%", "0", "-1"}, 4, ELEMENTS, "element"},
    {"set", {"SMEMBERS", "%"}, 2, MEMBERS, "member"},
    {"hash", {"HGETALL", "%"}, 2, PAIRS, "field"},
    {"zset", {"ZRANGE", "%", "0", "-1", "WITHSCORES"}, 5, PAIRS, "member"},
    {"stream", {"XRANGE", "%", "-", "+"}, 4, ENTRIES, "entry"},
    {NULL, {"DUMP", "%"}, 2, WHOLE, ""},
};

static const struct type *type_of(const char *name)
{
    const struct type *type = types;
    while (type->name != NULL && strcmp(type->name, name) != 0) type++;
    return type;
}

static void append_question(struct buffer *bytes, const struct redis_state_key *key)
{
    const struct type *type = type_of(key->type);
    const char *words[5];
    size_t lengths[5];
    for (size_t i = 0; i < type->count; i++) {
        const bool is_key = strcmp(type->words[i], "%") == 0;
        words[i] = is_key ? key->name : type->words[i];
        lengths[i] = is_key ? key->length : strlen(type->words[i]);
    }
    command_append(bytes, type->count, words, lengths);
}

/* ---- reading ---------------------------------------------------------------------------- */

void redis_state_release(struct redis_state *state)
{
    free(state->keys);
    arena_release(&state->arena);
    *state = (struct redis_state){0};
}

static int add_key(struct redis_state *state, const struct reply *name, struct error *err)
{
    const size_t own = sizeof OWN - 1;
    if (name->length >= own && memcmp(name->text, OWN, own) == 0) return 0;
    if (state->count == state->room) {
        const size_t room = state->room > 0 ? 2 * state->room : 64;
        struct redis_state_key *keys = realloc(state->keys, room * sizeof *keys);
        if (keys == NULL) return error_memory(err);
        state->keys = keys;
        state->room = room;
    }
    const char *text = arena_copy(&state->arena, name->text, name->length);
    if (text == NULL) return error_memory(err);
    state->keys[state->count++] =
        (struct redis_state_key){.name = text, .length = name->length, .ttl_ms = -1};
    return 0;
}

static int by_name(const void *left, const void *right)
{
    const struct redis_state_key *one = left, *other = right;
    const size_t common = one->length < other->length ? one->length : other->length;
    const int order = memcmp(one->name, other->name, common);
    if (order != 0) return order;
    return (one->length > other->length) - (one->length < other->length);
}

/* SCAN may tell of a key more than once. */
static void sort_keys(struct redis_state *state)
{
    size_t kept = 0;
    if (state->count > 1) qsort(state->keys, state->count, sizeof *state->keys, by_name);
    for (size_t i = 0; i < state->count; i++)
        if (kept == 0 || by_name(&state->keys[kept - 1], &state->keys[i]) != 0)
            state->keys[kept++] = state->keys[i];
    state->count = kept;
}

static int list_keys(struct redis_state *state, struct connection *connection,
                     struct error *err)
{
    char cursor[32] = "0";
    do {
        const struct reply *reply = NULL;
        if (connection_ask(connection, &reply, err, "SCAN", cursor, "COUNT", "1000",
                           (const char *)NULL) != 0)
            return -1;
        const struct reply *next = reply_element(reply, 0), *names = reply_element(reply, 1);
        if (next == NULL || names == NULL || next->length >= sizeof cursor)
            return error_set(err, ERROR_FAILED, "SCAN was answered in an unknown form");
        memcpy(cursor, next->text, next->length + 1);
        const struct reply *name = names + 1;
        for (size_t i = 0; i < names->count; i++, name += name->span)
            if (add_key(state, name, err) != 0) return -1;
    } while (strcmp(cursor, "0") != 0);
    sort_keys(state);
    return 0;
}

static int await(struct connection *connection, const struct reply **reply, struct error *err)
{
    if (connection_answer(connection, reply, err) != 0) return -1;
    return (*reply)->type == REPLY_ERROR ? reply_error(*reply, err) : 0;
}

/* Types and TTLs of count keys, in one write. */
static int read_types(struct redis_state *state, struct redis_state_key *keys, size_t count,
                      struct connection *connection, struct error *err)
{
    struct buffer bytes = {0};
    const struct reply *reply = NULL;
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        command_append(&bytes, 2, (const char *const[]){"TYPE", keys[i].name},
                       (const size_t[]){4, keys[i].length});
        command_append(&bytes, 2, (const char *const[]){"PTTL", keys[i].name},
                       (const size_t[]){4, keys[i].length});
    }
    result = buffer_failed(&bytes)
                 ? error_memory(err)
                 : connection_call_all(connection, bytes.bytes, bytes.length, err);
    for (size_t i = 0; i < count && result == 0; i++) {
        result = await(connection, &reply, err);
        if (result == 0) keys[i].type = arena_text(&state->arena, reply->text);
        if (result == 0 && keys[i].type == NULL) result = error_memory(err);
        if (result == 0) result = await(connection, &reply, err);
        if (result == 0) keys[i].ttl_ms = reply->integer;
    }
    buffer_release(&bytes);
    return result;
}

/* Values of count keys, whose types are known, in one write. */
static int read_values(struct redis_state *state, struct redis_state_key *keys, size_t count,
                       struct connection *connection, struct error *err)
{
    static const struct test_value mapping = {.kind = TEST_MAPPING};
    struct buffer bytes = {0};
    const struct reply *reply = NULL;
    for (size_t i = 0; i < count; i++) append_question(&bytes, &keys[i]);
    int result = buffer_failed(&bytes)
                     ? error_memory(err)
                     : connection_call_all(connection, bytes.bytes, bytes.length, err);
    for (size_t i = 0; i < count && result == 0; i++) {
        const struct type *type = type_of(keys[i].type);
        result = await(connection, &reply, err);
        if (result == 0)
            result = likeness_of_reply(reply, type->parts == PAIRS ? &mapping : NULL,
                                       &state->arena, &keys[i].value, err);
        if (result == 0 && (type->parts == PAIRS || type->parts == MEMBERS))
            likeness_sort(&keys[i].value, false);
    }
    buffer_release(&bytes);
    return result;
}

int redis_state_take(struct redis_state *state, struct connection *connection,
                     struct error *err)
{
    enum { AT_ONCE = 500 };
    redis_state_release(state);
    state->taken_ms = clock_wall_ms();
    if (list_keys(state, connection, err) != 0) return -1;
    for (size_t at = 0; at < state->count; at += AT_ONCE) {
        struct redis_state_key *keys = &state->keys[at];
        const size_t left = state->count - at, count = left < AT_ONCE ? left : AT_ONCE;
        if (read_types(state, keys, count, connection, err) != 0 ||
            read_values(state, keys, count, connection, err) != 0)
            return -1;
    }
    return 0;
}

/* One script, so that nobody meets half of it; the database it selects is its own affair. */
int redis_state_set_aside(struct connection *connection, bool aside, struct error *err)
{
    static const char script[] =
        "redis.call('SELECT', ARGV[1]) "
        "for _, key in ipairs(redis.call('KEYS', ARGV[3] .. '*')) do "
        "if redis.call('MOVE', key, ARGV[2]) == 0 then error('MOVE ' .. key) end end";
    const struct reply *reply = NULL;
    return connection_ask(connection, &reply, err, "EVAL", script, "0", aside ? "0" : "1",
                          aside ? "1" : "0", OWN, (const char *)NULL);
}

/* ---- comparing -------------------------------------------------------------------------- */

struct comparing {
    const struct redis_state_manner *manner;
    struct verdict *verdict;
    struct error *err;
    int64_t elapsed_ms; /* from one state to the other */
    bool failed;
};

/* A text of a difference, or words where there is no value. */
struct side {
    const struct test_value *value;
    const char *words;
};

static const char *show(struct buffer *text, const struct side *side)
{
    if (side->value != NULL)
        likeness_append(text, side->value);
    else
        buffer_append_text(text, side->words);
    return buffer_text(text);
}

/* Note a difference of key, or of the part of it that part names (NULL: all of it). */
static void note(struct comparing *comparing, const struct redis_state_key *key,
                 const char *part, const struct test_value *name, const struct side *expected,
                 const struct side *got)
{
    struct buffer what = {0}, one = {0}, other = {0};
    buffer_append_text(&what, "key ");
    likeness_append_text(&what, key->name, key->length);
    if (part != NULL) buffer_append_format(&what, ", %s", part);
    if (name != NULL) {
        buffer_append_char(&what, ' ');
        likeness_append(&what, name);
    }
    const struct verdict_difference difference = {
        .moment = comparing->manner->moment,
        .what = buffer_text(&what),
        .expected = show(&one, expected),
        .got = show(&other, got),
    };
    if (difference.what == NULL || difference.expected == NULL || difference.got == NULL) {
        comparing->failed = true;
        (void)error_memory(comparing->err);
    } else {
        verdict_add(comparing->verdict, &difference);
    }
    buffer_release(&what);
    buffer_release(&one);
    buffer_release(&other);
}

/* Parts that have names: fields with values, or members without. Both lists are in order. */
static void compare_named(struct comparing *comparing, const struct redis_state_key *expected,
                          const struct redis_state_key *got, const struct type *type)
{
    const size_t width = type->parts == PAIRS ? 2 : 1;
    const struct side none = {.words = "nothing"}, there = {.words = "there"};
    const struct test_value *one = expected->value.items, *other = got->value.items;
    const struct test_value *end = one + expected->value.count;
    const struct test_value *other_end = other + got->value.count;
    while (one < end || other < other_end) {
        const int order = one == end           ? 1
                          : other == other_end ? -1
                                               : likeness_compare(one, other);
        const struct side left =
            width == 2 && order <= 0 ? (struct side){.value = one + 1} : there;
        const struct side right =
            width == 2 && order >= 0 ? (struct side){.value = other + 1} : there;
        if (order < 0)
            note(comparing, expected, type->part, one, &left, &none);
        else if (order > 0)
            note(comparing, expected, type->part, other, &none, &right);
        else if (width == 2 && likeness_compare(one + 1, other + 1) != 0)
            note(comparing, expected, type->part, one, &left, &right);
        if (order <= 0) one += width;
        if (order >= 0) other += width;
    }
}

/* Whether an id of a stream was made of the time, in the rehearsal itself. */
static bool is_of_now(const struct test_value *id, int64_t since_ms)
{
    int64_t time = 0;
    const char *dash = id->kind == TEST_TEXT ? memchr(id->text, '-', id->length) : NULL;
    return since_ms > 0 && dash != NULL &&
           number_parse(id->text, (size_t)(dash - id->text), 0, INT64_MAX, &time) == 0 &&
           time >= since_ms;
}

/* Whether two entries of a stream, [id, [field, value, …]], say the same. */
static bool is_same_entry(const struct test_value *one, const struct test_value *other,
                          int64_t since_ms)
{
    if (likeness_compare(one, other) == 0) return true;
    return one->kind == TEST_LIST && other->kind == TEST_LIST && one->count == 2 &&
           other->count == 2 && is_of_now(&one->items[0], since_ms) &&
           is_of_now(&other->items[0], since_ms) &&
           likeness_compare(&one->items[1], &other->items[1]) == 0;
}

/* Parts that have places. */
static void compare_placed(struct comparing *comparing, const struct redis_state_key *expected,
                           const struct redis_state_key *got, const struct type *type)
{
    const int64_t since_ms = type->parts == ENTRIES ? comparing->manner->since_ms : 0;
    const struct test_value *one = &expected->value, *other = &got->value;
    for (size_t i = 0; i < one->count || i < other->count; i++) {
        const struct side left = {.value = i < one->count ? &one->items[i] : NULL,
                                  .words = "nothing"};
        const struct side right = {.value = i < other->count ? &other->items[i] : NULL,
                                   .words = "nothing"};
        char part[48];
        if (left.value != NULL && right.value != NULL &&
            is_same_entry(left.value, right.value, since_ms))
            continue;
        (void)snprintf(part, sizeof part, "%s %zu", type->part, i);
        note(comparing, expected, part, NULL, &left, &right);
    }
}

static bool is_near(const struct comparing *comparing, int64_t expected, int64_t got)
{
    const int64_t later = expected - comparing->elapsed_ms;
    if (expected < 0 || got < 0) return expected == got;
    return (got - expected <= TOLERANCE_MS && expected - got <= TOLERANCE_MS) ||
           (got - later <= TOLERANCE_MS && later - got <= TOLERANCE_MS);
}

static const char *ttl_words(char words[48], int64_t ttl_ms)
{
    if (ttl_ms < 0)
        (void)snprintf(words, 48, "none");
    else
        (void)snprintf(words, 48, "%" PRId64 ".%03d s", ttl_ms / 1000, (int)(ttl_ms % 1000));
    return words;
}

static void compare_ttls(struct comparing *comparing, const struct redis_state_key *expected,
                         const struct redis_state_key *got)
{
    char one[48], other[48];
    if (is_near(comparing, expected->ttl_ms, got->ttl_ms)) return;
    const struct side left = {.words = ttl_words(one, expected->ttl_ms)};
    const struct side right = {.words = ttl_words(other, got->ttl_ms)};
    note(comparing, expected, "TTL", NULL, &left, &right);
}

static void compare_keys(struct comparing *comparing, const struct redis_state_key *expected,
                         const struct redis_state_key *got)
{
    const struct type *type = type_of(expected->type);
    if (strcmp(expected->type, got->type) != 0) {
        const struct side left = {.words = expected->type}, right = {.words = got->type};
        note(comparing, expected, "type", NULL, &left, &right);
        return;
    }
    compare_ttls(comparing, expected, got);
    if (likeness_compare(&expected->value, &got->value) == 0) return;
    if (type->parts == PAIRS || type->parts == MEMBERS) {
        compare_named(comparing, expected, got, type);
    } else if (type->parts == ELEMENTS || type->parts == ENTRIES) {
        compare_placed(comparing, expected, got, type);
    } else {
        const struct side left = {.value = &expected->value}, right = {.value = &got->value};
        note(comparing, expected, NULL, NULL, &left, &right);
    }
}

int redis_state_compare(const struct redis_state *expected, const struct redis_state *got,
                        const struct redis_state_manner *manner, struct verdict *verdict,
                        struct error *err)
{
    struct comparing comparing = {.manner = manner, .verdict = verdict, .err = err};
    const struct side none = {.words = "no such key"};
    size_t i = 0, j = 0;
    comparing.elapsed_ms = got->taken_ms - expected->taken_ms;
    while (i < expected->count || j < got->count) {
        const struct redis_state_key *one = &expected->keys[i], *other = &got->keys[j];
        const int order = i == expected->count ? 1 : j == got->count ? -1 : by_name(one, other);
        const struct side left = {.value = order <= 0 ? &one->value : NULL};
        const struct side right = {.value = order >= 0 ? &other->value : NULL};
        if (order < 0)
            note(&comparing, one, NULL, NULL, &left, &none);
        else if (order > 0)
            note(&comparing, other, NULL, NULL, &none, &right);
        else
            compare_keys(&comparing, one, other);
        if (order <= 0) i++;
        if (order >= 0) j++;
    }
    return comparing.failed ? -1 : 0;
}
