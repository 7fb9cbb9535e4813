/*
 * Everything that a Redis holds, read key by key.
 *
 * It is what `applied twice` is judged by: a test's expectations look where their author
 * looked, and a counter that moved on somewhere else would pass. Each type is read by the
 * command that tells all of it; of a module's type DUMP is all that is known. What has no order
 * is put into one.
 *
 * Not read: functions; and of a consumer group when its entries were delivered and its
 * consumers last seen, which counts from the moment of the run. What two states have in common
 * is not judged here (drift.c).
 */
#include "redis_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "clock.h"
#include "command.h"
#include "command_facts.h"
#include "connection.h"
#include "error.h"
#include "likeness.h"
#include "reply.h"

/* ---- types ------------------------------------------------------------------------------ */

static const struct redis_state_type types[] = {
    {"string", {"GET", "%"}, 2, REDIS_WHOLE, ""},
    {"list", {"LRANGE", "%", "0", "-1"}, 4, REDIS_ELEMENTS, "element"},
    {"set", {"SMEMBERS", "%"}, 2, REDIS_MEMBERS, "member"},
    {"hash", {"HGETALL", "%"}, 2, REDIS_PAIRS, "field"},
    {"zset", {"ZRANGE", "%", "0", "-1", "WITHSCORES"}, 5, REDIS_PAIRS, "member"},
    {"stream", {"XINFO", "STREAM", "%", "FULL", "COUNT", "0"}, 6, REDIS_ENTRIES, "entry"},
    {NULL, {"DUMP", "%"}, 2, REDIS_WHOLE, ""},
};

const struct redis_state_type *redis_state_type_of(const char *name)
{
    const struct redis_state_type *type = types;
    while (type->name != NULL && strcmp(type->name, name) != 0) type++;
    return type;
}

static void append_question(struct buffer *bytes, const struct redis_state_key *key)
{
    const struct redis_state_type *type = redis_state_type_of(key->type);
    const char *words[6];
    size_t lengths[6];
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
    if (command_is_own_key(name->text, name->length)) return 0;
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

/* ---- streams ---------------------------------------------------------------------------- */

static int unknown_form(const char *command, struct error *err)
{
    return error_set(err, ERROR_FAILED, "%s was answered in an unknown form", command);
}

/* What stands behind a name in an array of names and values; NULL where the name is not there.
 */
static const struct reply *find(const struct reply *array, const char *name)
{
    const struct reply *element = array + 1;
    for (size_t i = 0; array->type == REPLY_ARRAY && i + 1 < array->count; i += 2) {
        const struct reply *value = element + element->span;
        if (element->text != NULL && strcmp(element->text, name) == 0) return value;
        element = value + value->span;
    }
    return NULL;
}

static struct test_value name_of(const char *text)
{
    return (struct test_value){.kind = TEST_TEXT, .text = text, .length = strlen(text)};
}

/* A list or mapping with room for count items, and none in it. */
static int make_tree(enum test_value_kind kind, size_t count, struct arena *arena,
                     struct test_value *out, struct error *err)
{
    *out = (struct test_value){.kind = kind};
    out->items = arena_array(arena, count + 1, sizeof *out->items);
    return out->items != NULL ? 0 : error_memory(err);
}

/* The names of consumers. */
static int read_consumers(const struct reply *consumers, struct arena *arena,
                          struct test_value *out, struct error *err)
{
    const struct reply *one = consumers + 1;
    if (make_tree(TEST_LIST, consumers->count, arena, out, err) != 0) return -1;
    for (size_t i = 0; i < consumers->count; i++, one += one->span) {
        const struct reply *name = find(one, "name");
        if (name == NULL) return unknown_form("XINFO", err);
        if (likeness_of_reply(name, NULL, arena, &out->items[out->count++], err) != 0)
            return -1;
    }
    likeness_sort(out, false);
    return 0;
}

/* Entries that are pending: their id, whose they are, and how often they were delivered. */
static int read_pending(const struct reply *pending, struct arena *arena,
                        struct test_value *out, struct error *err)
{
    static const size_t told[] = {0, 1, 3}; /* 2 is when */
    const struct reply *one = pending + 1;
    if (make_tree(TEST_LIST, pending->count, arena, out, err) != 0) return -1;
    for (size_t i = 0; i < pending->count; i++, one += one->span) {
        struct test_value *entry = &out->items[out->count++];
        if (make_tree(TEST_LIST, 3, arena, entry, err) != 0) return -1;
        for (; entry->count < 3; entry->count++) {
            const struct reply *element = reply_element(one, told[entry->count]);
            if (element == NULL) return unknown_form("XINFO", err);
            if (likeness_of_reply(element, NULL, arena, &entry->items[entry->count], err) != 0)
                return -1;
        }
    }
    return 0;
}

/* A consumer group, as a mapping (in the order of its names) of what has a say in what it
 * delivers next. */
static int read_group(const struct reply *group, struct arena *arena, struct test_value *out,
                      struct error *err)
{
    const struct reply *last = find(group, "last-delivered-id");
    const struct reply *consumers = find(group, "consumers");
    const struct reply *pending = find(group, "pending");
    if (pending == NULL) pending = find(group, "pel"); /* as documented */
    if (last == NULL || consumers == NULL || pending == NULL) return unknown_form("XINFO", err);
    if (make_tree(TEST_MAPPING, 6, arena, out, err) != 0) return -1;
    out->items[0] = name_of("consumers");
    out->items[2] = name_of("last-delivered-id");
    out->items[4] = name_of("pending");
    out->count = 6;
    return likeness_of_reply(last, NULL, arena, &out->items[3], err) != 0 ||
                   read_consumers(consumers, arena, &out->items[1], err) != 0 ||
                   read_pending(pending, arena, &out->items[5], err) != 0
               ? -1
               : 0;
}

static int read_stream(struct redis_state_key *key, const struct reply *stream,
                       struct arena *arena, struct error *err)
{
    const struct reply *entries = find(stream, "entries"), *groups = find(stream, "groups");
    if (entries == NULL || groups == NULL) return unknown_form("XINFO", err);
    if (likeness_of_reply(entries, NULL, arena, &key->value, err) != 0 ||
        make_tree(TEST_MAPPING, 2 * groups->count, arena, &key->groups, err) != 0)
        return -1;
    const struct reply *one = groups + 1;
    for (size_t i = 0; i < groups->count; i++, one += one->span) {
        struct test_value *items = &key->groups.items[key->groups.count];
        const struct reply *name = find(one, "name");
        if (name == NULL) return unknown_form("XINFO", err);
        if (likeness_of_reply(name, NULL, arena, &items[0], err) != 0 ||
            read_group(one, arena, &items[1], err) != 0)
            return -1;
        key->groups.count += 2;
    }
    likeness_sort(&key->groups, false);
    return 0;
}

/* ---- TTLs of fields --------------------------------------------------------------------- */

enum { FIELDS_AT_ONCE = 1000 };

static bool is_hash(const struct redis_state_key *key)
{
    return strcmp(key->type, "hash") == 0;
}

/* Whether fields can have TTLs: they can since Redis 7.4 and Valkey 9. */
static int ask_for_field_ttls(struct connection *connection, bool *known, struct error *err)
{
    const struct reply *reply = NULL;
    if (connection_ask(connection, &reply, err, "COMMAND", "INFO", "HPTTL",
                       (const char *)NULL) != 0)
        return -1;
    const struct reply *info = reply_element(reply, 0);
    *known = info != NULL && info->type == REPLY_ARRAY;
    return 0;
}

/* How many fields of the hash's pairs a question that begins with this one is about. */
static size_t fields_at_once(const struct redis_state_key *key, size_t first)
{
    const size_t left = key->value.count / 2 - first;
    return left < FIELDS_AT_ONCE ? left : FIELDS_AT_ONCE;
}

static void append_field_questions(struct buffer *bytes, const struct redis_state_key *key)
{
    const char *words[FIELDS_AT_ONCE + 4] = {"HPTTL", key->name, "FIELDS"};
    size_t lengths[FIELDS_AT_ONCE + 4] = {5, key->length, 6};
    for (size_t first = 0; first < key->value.count / 2; first += FIELDS_AT_ONCE) {
        char number[24];
        const size_t count = fields_at_once(key, first);
        (void)snprintf(number, sizeof number, "%zu", count);
        words[3] = number;
        lengths[3] = strlen(number);
        for (size_t i = 0; i < count; i++) {
            words[4 + i] = key->value.items[2 * (first + i)].text;
            lengths[4 + i] = key->value.items[2 * (first + i)].length;
        }
        command_append(bytes, 4 + count, words, lengths);
    }
}

static int take_field_answers(struct redis_state_key *key, struct connection *connection,
                              struct arena *arena, struct error *err)
{
    const size_t fields = key->value.count / 2;
    bool any = false;
    int64_t *ttls_ms = arena_array(arena, fields + 1, sizeof *ttls_ms);
    if (ttls_ms == NULL) return error_memory(err);
    for (size_t first = 0; first < fields; first += FIELDS_AT_ONCE) {
        const struct reply *reply = NULL;
        const size_t count = fields_at_once(key, first);
        if (await(connection, &reply, err) != 0) return -1;
        if (reply->type == REPLY_NIL) continue; /* the key expired */
        if (reply->type != REPLY_ARRAY || reply->count != count)
            return unknown_form("HPTTL", err);
        for (size_t i = 0; i < count; i++) {
            ttls_ms[first + i] = reply[1 + i].integer;
            any = any || ttls_ms[first + i] >= 0;
        }
    }
    if (any) key->field_ttls_ms = ttls_ms;
    return 0;
}

/* Of all hashes among count keys, in one write. */
static int read_field_ttls(struct redis_state *state, struct redis_state_key *keys,
                           size_t count, struct connection *connection, struct error *err)
{
    struct buffer bytes = {0};
    for (size_t i = 0; i < count; i++)
        if (is_hash(&keys[i])) append_field_questions(&bytes, &keys[i]);
    if (bytes.length == 0) return 0;
    int result = buffer_failed(&bytes)
                     ? error_memory(err)
                     : connection_call_all(connection, bytes.bytes, bytes.length, err);
    for (size_t i = 0; i < count && result == 0; i++)
        if (is_hash(&keys[i]))
            result = take_field_answers(&keys[i], connection, &state->arena, err);
    buffer_release(&bytes);
    return result;
}

/* ---- all of it -------------------------------------------------------------------------- */

static int take_value(struct redis_state_key *key, const struct reply *reply,
                      struct arena *arena, struct error *err)
{
    static const struct test_value mapping = {.kind = TEST_MAPPING};
    const enum redis_state_parts parts = redis_state_type_of(key->type)->parts;
    if (parts == REDIS_ENTRIES) return read_stream(key, reply, arena, err);
    const struct test_value *shape = parts == REDIS_PAIRS ? &mapping : NULL;
    if (likeness_of_reply(reply, shape, arena, &key->value, err) != 0) return -1;
    if (parts == REDIS_PAIRS || parts == REDIS_MEMBERS) likeness_sort(&key->value, false);
    return 0;
}

/* Whether a key expired since its type was asked for: XINFO makes an error of that. */
static bool is_gone(const struct reply *reply)
{
    return reply->type == REPLY_ERROR && strstr(reply->text, "no such key") != NULL;
}

/* Values of count keys, whose types are known, in one write. */
static int read_values(struct redis_state *state, struct redis_state_key *keys, size_t count,
                       struct connection *connection, struct error *err)
{
    struct buffer bytes = {0};
    const struct reply *reply = NULL;
    for (size_t i = 0; i < count; i++) append_question(&bytes, &keys[i]);
    int result = buffer_failed(&bytes)
                     ? error_memory(err)
                     : connection_call_all(connection, bytes.bytes, bytes.length, err);
    for (size_t i = 0; i < count && result == 0; i++) {
        result = connection_answer(connection, &reply, err);
        if (result == 0 && is_gone(reply)) continue;
        if (result == 0 && reply->type == REPLY_ERROR) result = reply_error(reply, err);
        if (result == 0) result = take_value(&keys[i], reply, &state->arena, err);
    }
    buffer_release(&bytes);
    return result;
}

int redis_state_take(struct redis_state *state, struct connection *connection,
                     struct error *err)
{
    enum { AT_ONCE = 500 };
    bool fields_expire = false;
    redis_state_release(state);
    state->taken_ms = clock_wall_ms();
    if (ask_for_field_ttls(connection, &fields_expire, err) != 0 ||
        list_keys(state, connection, err) != 0)
        return -1;
    for (size_t at = 0; at < state->count; at += AT_ONCE) {
        struct redis_state_key *keys = &state->keys[at];
        const size_t left = state->count - at, count = left < AT_ONCE ? left : AT_ONCE;
        if (read_types(state, keys, count, connection, err) != 0 ||
            read_values(state, keys, count, connection, err) != 0)
            return -1;
        if (fields_expire && read_field_ttls(state, keys, count, connection, err) != 0)
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
                          aside ? "1" : "0", COMMAND_OWN_KEY, (const char *)NULL);
}
