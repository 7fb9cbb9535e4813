/*
 * What reading shows of commands that ran unseen.
 *
 * Most commands can fail within a transaction for one reason only: their key holds another
 * type. (Arity and permissions are checked when a command is queued; a batch that did not pass
 * is not executed.) So the type that a key has afterwards tells; for the counters the value,
 * for an entry of a stream that it is there, for a key that was renamed that it is where it was
 * to go. The rules (probe_rule.c) say what must be seen. Whatever has none, is written in
 * another way, or stands beside a command of the same batch that replaces its key, or does to
 * it what would hide the failure, is not told: it is better to ask a person than to write a row
 * twice, or never.
 *
 * Nothing is written here, and nothing waits for one answer before it sends the next.
 */
#include "probe.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "command_facts.h"
#include "connection.h"
#include "error.h"
#include "pipeline.h"
#include "probe_rule.h"
#include "reply.h"
#include "resp.h"

/* Strings longer than this might have grown too long. */
static const int64_t long_string = INT64_C(256) * 1024 * 1024;

/* ---- cases ------------------------------------------------------------------------------ */

/* One command, and what is known of it. */
struct probed {
    enum probe_verdict verdict;
    const struct probe_rule *rule;
    struct resp_argument key;
    struct resp_command fields; /* of the entry that it adds */
};

/* A key that a command writes to, or a field in which it counts. */
struct touch {
    struct resp_argument key;
    struct resp_argument field; /* bytes NULL: it is the key */
    bool replaces;              /* what the key held does not matter to it */
    size_t by;                  /* the number of the command */
    unsigned effects;           /* enum probe_effect; once sorted, the first one of a place has
                                   those of all */
};

struct probe {
    struct probed *cases;
    size_t count;
    size_t next;           /* the case that the next answer is for */
    struct touch *touches; /* by key and field, those that replace it first */
    size_t touch_count;
    size_t touch_capacity;
    struct buffer reads;
    size_t read_count;
    struct error trouble; /* an answer that says nothing of any key */
};

static int compare_keys(const struct resp_argument *a, const struct resp_argument *b)
{
    const size_t length = a->length < b->length ? a->length : b->length;
    const int order = length == 0 ? 0 : memcmp(a->bytes, b->bytes, length);
    if (order != 0) return order;
    return a->length < b->length ? -1 : a->length > b->length;
}

static int compare_places(const struct touch *a, const struct touch *b)
{
    const int order = compare_keys(&a->key, &b->key);
    if (order != 0) return order;
    if (a->field.bytes == NULL || b->field.bytes == NULL)
        return (a->field.bytes != NULL) - (b->field.bytes != NULL);
    return compare_keys(&a->field, &b->field);
}

static int compare_touches(const void *one, const void *other)
{
    const struct touch *a = one, *b = other;
    const int order = compare_places(a, b);
    return order != 0 ? order : (int)b->replaces - (int)a->replaces;
}

/* The number of the first touch of the place (what else it says does not count); or of what
 * stands behind where it would be. */
static size_t find_first(const struct probe *probe, const struct touch *place)
{
    size_t low = 0, high = probe->touch_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_places(&probe->touches[middle], place) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether another command than the one of that number touches the key, or (replaces) has it
 * hold something else. */
static bool is_touched(const struct probe *probe, const struct resp_argument *key, size_t own,
                       bool replaces)
{
    const struct touch place = {.key = *key};
    for (size_t at = find_first(probe, &place); at < probe->touch_count; at++) {
        const struct touch *touch = &probe->touches[at];
        if (compare_places(touch, &place) != 0 || (replaces && !touch->replaces)) return false;
        if (touch->by != own) return true;
    }
    return false;
}

static unsigned effects_on(const struct probe *probe, const struct touch *place)
{
    const size_t at = find_first(probe, place);
    const bool is_there =
        at < probe->touch_count && compare_places(&probe->touches[at], place) == 0;
    return is_there ? probe->touches[at].effects : 0;
}

/* Bring the touches into their order, and the effects on each place together. */
static void sort_touches(struct probe *probe)
{
    struct touch *first = probe->touches;
    if (probe->touch_count == 0) return;
    qsort(probe->touches, probe->touch_count, sizeof *probe->touches, compare_touches);
    for (size_t i = 1; i < probe->touch_count; i++) {
        struct touch *touch = &probe->touches[i];
        if (compare_places(first, touch) != 0)
            first = touch;
        else
            first->effects |= touch->effects;
    }
}

static int note_touch(struct probe *probe, const struct touch *touch, struct error *err)
{
    if (probe->touch_count == probe->touch_capacity) {
        const size_t capacity = probe->touch_capacity == 0 ? 64 : 2 * probe->touch_capacity;
        void *grown = realloc(probe->touches, capacity * sizeof *touch);
        if (grown == NULL) return error_memory(err);
        probe->touches = grown;
        probe->touch_capacity = capacity;
    }
    probe->touches[probe->touch_count++] = *touch;
    return 0;
}

static bool is_in_field(const struct probe_rule *rule)
{
    return rule->look == PROBE_LOOK_FIELD_INTEGER || rule->look == PROBE_LOOK_FIELD_NUMBER;
}

/* Note the keys that the command of that number writes to, and the field in which it counts. */
static int note_keys(struct probe *probe, const struct probe_rule *rule,
                     const struct probe_words *words, size_t number, struct error *err)
{
    struct resp_command command = words->command;
    const unsigned effects = probe_rule_effects(rule);
    struct touch touch = {.replaces = rule->replaces != PROBE_KEEPS,
                          .by = number,
                          .effects = is_in_field(rule) ? 0 : effects};
    const bool is_one = rule->replaces == PROBE_KEEPS || rule->replaces == PROBE_REPLACES_KEY;
    const size_t step = rule->replaces == PROBE_REPLACES_SECOND ? 2 : 1;
    for (size_t at = 0; resp_argument(&command, &touch.key); at++) {
        if (at == 0 || (at - 1) % step != 0) continue;
        if (is_one && at > 1) break;
        if (note_touch(probe, &touch, err) != 0) return -1;
    }
    if (!is_in_field(rule)) return 0;
    const struct touch counted = {
        .key = words->at[1], .field = words->at[2], .by = number, .effects = effects};
    return note_touch(probe, &counted, err);
}

/* What the other commands do to the key, and to the field of the hash in which it counts. */
static unsigned effects_around(const struct probe *probe, const struct probe_rule *rule,
                               const struct probe_words *words)
{
    struct touch place = {.key = words->at[1]};
    const unsigned effects = effects_on(probe, &place);
    if (!is_in_field(rule)) return effects;
    place.field = words->at[2];
    return effects | effects_on(probe, &place);
}

/* Whether what the key holds says something about the command of that number alone. */
static bool speaks(const struct probe *probe, size_t number, const struct probe_words *words)
{
    const struct probe_rule *rule = probe->cases[number].rule;
    const bool is_moved =
        rule->look == PROBE_LOOK_MOVED || rule->look == PROBE_LOOK_MOVED_OR_BOTH;
    if (is_touched(probe, &words->at[1], number, !is_moved)) return false;
    if (is_moved) return !is_touched(probe, &words->at[2], number, false);
    return (effects_around(probe, rule, words) & probe_rule_hidden_by(rule)) == 0;
}

/* A command that only reads has nothing to lose. */
static bool only_reads(const struct resp_argument *name)
{
    const struct command_facts *facts = command_facts_find(name->bytes, name->length);
    return facts != NULL && facts->use == COMMAND_ALLOWED && !facts->writes;
}

/* What its arguments alone tell of the command of that number. */
static int judge_words(struct probe *probe, size_t number, const struct probe_words *words,
                       struct error *err)
{
    struct probed *probed = &probe->cases[number];
    probed->rule = probe_rule_find(words, &probed->verdict);
    probed->key = words->at[1];
    if (probed->rule == NULL) {
        probed->verdict = only_reads(&words->at[0]) ? PROBE_RAN : PROBE_UNKNOWN;
        return 0;
    }
    if (probed->verdict == PROBE_RAN && probed->rule->look != PROBE_LOOK_NOT)
        probed->verdict = PROBE_DUE;
    return note_keys(probe, probed->rule, words, number, err);
}

/* ---- reading ---------------------------------------------------------------------------- */

/* What reads a key, and the command's arguments that it takes: the key, and perhaps more. */
struct reading {
    const char *name;
    size_t count;
    size_t arguments[3];
};

static const struct reading readings[] = {
    [PROBE_LOOK_TYPE] = {"TYPE", 1, {1}},
    [PROBE_LOOK_TYPE_OR_NONE] = {"TYPE", 1, {1}},
    [PROBE_LOOK_LENGTH] = {"STRLEN", 1, {1}},
    [PROBE_LOOK_INTEGER] = {"GET", 1, {1}},
    [PROBE_LOOK_NUMBER] = {"GET", 1, {1}},
    [PROBE_LOOK_FIELD_INTEGER] = {"HGET", 2, {1, 2}},
    [PROBE_LOOK_FIELD_NUMBER] = {"HGET", 2, {1, 2}},
    /* A key that is named twice counts twice: which of both are there is seen at once. */
    [PROBE_LOOK_MOVED] = {"EXISTS", 3, {1, 1, 2}},
    [PROBE_LOOK_MOVED_OR_BOTH] = {"EXISTS", 3, {1, 1, 2}},
};

/* Append what is to be read of a command's key. */
static void append_read(struct probe *probe, struct probed *probed,
                        const struct probe_words *words)
{
    const struct reading *reading = &readings[probed->rule->look];
    const char *arguments[4] = {reading->name};
    size_t lengths[4];
    struct probe_entry entry;
    probe->read_count++;
    if (probed->rule->look == PROBE_LOOK_ENTRY) {
        (void)probe_entry_of(words, &entry);
        probed->fields = entry.fields;
        command_append(
            &probe->reads, 4,
            (const char *const[]){"XRANGE", probed->key.bytes, entry.id, entry.id},
            (const size_t[]){6, probed->key.length, strlen(entry.id), strlen(entry.id)});
        return;
    }
    lengths[0] = strlen(reading->name);
    for (size_t i = 0; i < reading->count; i++) {
        arguments[i + 1] = words->at[reading->arguments[i]].bytes;
        lengths[i + 1] = words->at[reading->arguments[i]].length;
    }
    command_append(&probe->reads, reading->count + 1, arguments, lengths);
}

static enum probe_verdict judge_type(const struct probe_rule *rule, const struct reply *reply)
{
    if (reply->type != REPLY_STATUS) return PROBE_UNKNOWN;
    if (strcmp(reply->text, "none") == 0)
        return rule->look == PROBE_LOOK_TYPE_OR_NONE ? PROBE_RAN : PROBE_UNKNOWN;
    return strcmp(reply->text, rule->type) == 0 ? PROBE_RAN : PROBE_FAILED;
}

static enum probe_verdict judge_value(const struct probe_rule *rule, const struct reply *reply)
{
    int64_t number = 0;
    if (reply->type != REPLY_TEXT) return PROBE_UNKNOWN;
    if (rule->look == PROBE_LOOK_NUMBER || rule->look == PROBE_LOOK_FIELD_NUMBER)
        return probe_is_number(reply->text, reply->length) ? PROBE_RAN : PROBE_UNKNOWN;
    if (!probe_is_integer(reply->text, reply->length, &number)) return PROBE_FAILED;
    return number > -PROBE_FAR_FROM_ZERO && number < PROBE_FAR_FROM_ZERO ? PROBE_RAN
                                                                         : PROBE_UNKNOWN;
}

/* An entry is there with other fields than ours: then ours is not, and never was. One that is
 * not there may have been read and removed. */
static enum probe_verdict judge_entry(struct resp_command fields, const struct reply *reply)
{
    struct resp_argument field;
    if (reply->type != REPLY_ARRAY || reply->count != 1) return PROBE_UNKNOWN;
    const struct reply *entry = reply + 1;
    if (entry->type != REPLY_ARRAY || entry->count != 2) return PROBE_UNKNOWN;
    const struct reply *found = entry + 1 + entry[1].span;
    const size_t count = found->type == REPLY_ARRAY ? found->count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct reply *text = reply_element(found, i);
        if (!resp_argument(&fields, &field) || text->type != REPLY_TEXT ||
            text->length != field.length || memcmp(text->text, field.bytes, field.length) != 0)
            return PROBE_FAILED;
    }
    return resp_argument(&fields, &field) ? PROBE_FAILED : PROBE_RAN;
}

/* How many of the key, twice, and the one that it was to become are there. */
static enum probe_verdict judge_move(enum probe_look look, const struct reply *reply)
{
    enum { OTHER = 1, BOTH = 3 };
    if (reply->type != REPLY_INTEGER) return PROBE_UNKNOWN;
    return reply->integer == OTHER ||
                   (reply->integer == BOTH && look == PROBE_LOOK_MOVED_OR_BOTH)
               ? PROBE_RAN
               : PROBE_UNKNOWN;
}

/* What the answer tells of the command. */
static enum probe_verdict judge_answer(const struct probed *probed, const struct reply *reply)
{
    const struct probe_rule *rule = probed->rule;
    if (reply->type == REPLY_ERROR)
        return reply_is_error(reply, "WRONGTYPE") ? PROBE_FAILED : PROBE_UNKNOWN;
    if (rule->look == PROBE_LOOK_TYPE || rule->look == PROBE_LOOK_TYPE_OR_NONE)
        return judge_type(rule, reply);
    if (rule->look == PROBE_LOOK_ENTRY) return judge_entry(probed->fields, reply);
    if (rule->look == PROBE_LOOK_MOVED || rule->look == PROBE_LOOK_MOVED_OR_BOTH)
        return judge_move(rule->look, reply);
    if (rule->look != PROBE_LOOK_LENGTH) return judge_value(rule, reply);
    return reply->type == REPLY_INTEGER && reply->integer > 0 && reply->integer < long_string
               ? PROBE_RAN
               : PROBE_UNKNOWN;
}

static int take(void *context, const struct reply *reply, struct error *err)
{
    struct probe *probe = context;
    (void)err;
    while (probe->cases[probe->next].verdict != PROBE_DUE) probe->next++;
    struct probed *probed = &probe->cases[probe->next++];
    probed->verdict = judge_answer(probed, reply);
    if (reply->type == REPLY_ERROR && reply_trouble(reply) == REPLY_PASSING)
        (void)reply_error(reply, &probe->trouble);
    return 0;
}

static int read_keys(struct probe *probe, struct connection *connection, struct error *err)
{
    struct pipeline *pipeline = NULL;
    if (probe->read_count == 0) return 0;
    if (buffer_failed(&probe->reads)) return error_memory(err);
    if (pipeline_new(&pipeline, connection, take, probe, err) != 0) return -1;
    int result = pipeline_send(pipeline, probe->reads.bytes, probe->reads.length,
                               probe->read_count, err);
    if (result == 0) result = pipeline_drain(pipeline, err);
    pipeline_free(pipeline);
    if (result != 0 || probe->trouble.code == ERROR_NONE) return result;
    /* A server that cannot serve now: as if it were not there, to be tried again. */
    *err = probe->trouble;
    err->code = ERROR_REDIS_UNREACHABLE;
    err->passing = true;
    return connection_break(connection, err);
}

/* ---- commands --------------------------------------------------------------------------- */

static size_t count_commands(struct resp resp)
{
    struct resp_command command;
    size_t count = 0;
    while (resp_next(&resp, &command)) count++;
    return count;
}

/* Judge all by their arguments, and prepare what is to be read. */
static int prepare(struct probe *probe, const struct resp *commands, struct error *err)
{
    struct resp resp = *commands;
    struct resp_command command;
    for (size_t i = 0; resp_next(&resp, &command); i++) {
        const struct probe_words words = probe_words_of(&command);
        if (judge_words(probe, i, &words, err) != 0) return -1;
    }
    sort_touches(probe);
    resp = *commands;
    for (size_t i = 0; resp_next(&resp, &command); i++) {
        struct probed *probed = &probe->cases[i];
        const struct probe_words words = probe_words_of(&command);
        if (probed->verdict == PROBE_DUE && !speaks(probe, i, &words))
            probed->verdict = PROBE_UNKNOWN;
        if (probed->verdict == PROBE_DUE) append_read(probe, probed, &words);
    }
    return 0;
}

static int report(const struct probe *probe, struct probe_finding *finding, struct error *err)
{
    *finding = (struct probe_finding){.unknown = PROBE_NONE};
    for (size_t i = 0; i < probe->count; i++) {
        if (probe->cases[i].verdict == PROBE_FAILED)
            buffer_append(&finding->failed, &i, sizeof i);
        if (probe->cases[i].verdict == PROBE_UNKNOWN && finding->unknown == PROBE_NONE)
            finding->unknown = i;
    }
    if (!buffer_failed(&finding->failed)) return 0;
    probe_release(finding);
    return error_memory(err);
}

int probe_commands(struct connection *connection, const char *bytes, size_t length,
                   struct probe_finding *finding, struct error *err)
{
    const struct resp commands = {bytes, length};
    struct probe probe = {.count = count_commands(commands)};
    int result = -1;
    *finding = (struct probe_finding){.unknown = PROBE_NONE};
    probe.cases = calloc(probe.count + 1, sizeof *probe.cases);
    if (probe.cases == NULL)
        (void)error_memory(err);
    else if (prepare(&probe, &commands, err) == 0 && read_keys(&probe, connection, err) == 0)
        result = report(&probe, finding, err);
    free(probe.cases);
    free(probe.touches);
    buffer_release(&probe.reads);
    return result;
}

void probe_release(struct probe_finding *finding)
{
    buffer_release(&finding->failed);
    finding->unknown = PROBE_NONE;
}
