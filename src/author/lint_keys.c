/*
 * Which keys commands write, as patterns: what one command writes and a later one of the same
 * migration undoes, and what `down` forgets (rules RF307, RF310, RF311, RF502).
 *
 * Two keys are taken for the same where their literal text is the same and placeholders stand
 * in the same places, whatever their columns are called. Where the keys are is said by
 * command_facts.c; what becomes of them, by the table below. A command that is in neither is
 * left alone.
 */
#include "lint_keys.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "buffer.h"
#include "command.h"
#include "command_facts.h"
#include "lint_text.h"
#include "template.h"

enum { WILD = '\1' };

/* ---- what commands do ------------------------------------------------------------------- */

/* Which of a command's keys its effect is on; the others are read, or go. */
enum target { EVERY_KEY, FIRST_KEY, LAST_KEY };

/* clang-format off */
static const struct effect {
    const char *name;
    enum lint_effect effect;
    enum lint_type type;
    enum target target;
    enum lint_effect others;
} effects[] = {
    {"APPEND", LINT_ADDS, LINT_STRING, EVERY_KEY, LINT_READS},
    {"BITFIELD", LINT_ADDS, LINT_STRING, EVERY_KEY, LINT_READS},
    {"BITOP", LINT_REPLACES, LINT_STRING, FIRST_KEY, LINT_READS},
    {"COPY", LINT_ADDS, LINT_ANY, LAST_KEY, LINT_READS},
    {"DECR", LINT_ADDS, LINT_STRING, EVERY_KEY, LINT_READS},
    {"DECRBY", LINT_ADDS, LINT_STRING, EVERY_KEY, LINT_READS},
    {"DEL", LINT_REMOVES, LINT_ANY, EVERY_KEY, LINT_READS},
    {"GEOADD", LINT_ADDS, LINT_SORTED_SET, EVERY_KEY, LINT_READS},
    {"GEOSEARCHSTORE", LINT_REPLACES, LINT_SORTED_SET, FIRST_KEY, LINT_READS},
    {"GETDEL", LINT_REMOVES, LINT_STRING, EVERY_KEY, LINT_READS},
    {"GETSET", LINT_REPLACES, LINT_STRING, EVERY_KEY, LINT_READS},
    {"HDEL", LINT_TOUCHES, LINT_HASH, EVERY_KEY, LINT_READS},
    {"HINCRBY", LINT_ADDS, LINT_HASH, EVERY_KEY, LINT_READS},
    {"HINCRBYFLOAT", LINT_ADDS, LINT_HASH, EVERY_KEY, LINT_READS},
    {"HMSET", LINT_ADDS, LINT_HASH, EVERY_KEY, LINT_READS},
    {"HSET", LINT_ADDS, LINT_HASH, EVERY_KEY, LINT_READS},
    {"HSETEX", LINT_ADDS, LINT_HASH, EVERY_KEY, LINT_READS},
    {"HSETNX", LINT_ADDS, LINT_HASH, EVERY_KEY, LINT_READS},
    {"INCR", LINT_ADDS, LINT_STRING, EVERY_KEY, LINT_READS},
    {"INCRBY", LINT_ADDS, LINT_STRING, EVERY_KEY, LINT_READS},
    {"INCRBYFLOAT", LINT_ADDS, LINT_STRING, EVERY_KEY, LINT_READS},
    {"JSON.MERGE", LINT_ADDS, LINT_JSON, EVERY_KEY, LINT_READS},
    {"JSON.SET", LINT_ADDS, LINT_JSON, EVERY_KEY, LINT_READS},
    {"LMOVE", LINT_ADDS, LINT_LIST, LAST_KEY, LINT_TOUCHES},
    {"LPUSH", LINT_ADDS, LINT_LIST, EVERY_KEY, LINT_READS},
    {"LREM", LINT_TOUCHES, LINT_LIST, EVERY_KEY, LINT_READS},
    {"LSET", LINT_TOUCHES, LINT_LIST, EVERY_KEY, LINT_READS},
    {"LTRIM", LINT_TOUCHES, LINT_LIST, EVERY_KEY, LINT_READS},
    {"MSET", LINT_REPLACES, LINT_STRING, EVERY_KEY, LINT_READS},
    {"MSETNX", LINT_ADDS, LINT_STRING, EVERY_KEY, LINT_READS},
    {"PFADD", LINT_ADDS, LINT_STRING, EVERY_KEY, LINT_READS},
    {"PFMERGE", LINT_ADDS, LINT_STRING, FIRST_KEY, LINT_READS},
    {"PSETEX", LINT_REPLACES, LINT_STRING, EVERY_KEY, LINT_READS},
    {"RENAME", LINT_REPLACES, LINT_ANY, LAST_KEY, LINT_REMOVES},
    {"RENAMENX", LINT_ADDS, LINT_ANY, LAST_KEY, LINT_REMOVES},
    {"RESTORE", LINT_REPLACES, LINT_ANY, EVERY_KEY, LINT_READS},
    {"RPOPLPUSH", LINT_ADDS, LINT_LIST, LAST_KEY, LINT_TOUCHES},
    {"RPUSH", LINT_ADDS, LINT_LIST, EVERY_KEY, LINT_READS},
    {"SADD", LINT_ADDS, LINT_SET, EVERY_KEY, LINT_READS},
    {"SDIFFSTORE", LINT_REPLACES, LINT_SET, FIRST_KEY, LINT_READS},
    {"SET", LINT_REPLACES, LINT_STRING, EVERY_KEY, LINT_READS},
    {"SETBIT", LINT_ADDS, LINT_STRING, EVERY_KEY, LINT_READS},
    {"SETEX", LINT_REPLACES, LINT_STRING, EVERY_KEY, LINT_READS},
    {"SETNX", LINT_ADDS, LINT_STRING, EVERY_KEY, LINT_READS},
    {"SETRANGE", LINT_ADDS, LINT_STRING, EVERY_KEY, LINT_READS},
    {"SINTERSTORE", LINT_REPLACES, LINT_SET, FIRST_KEY, LINT_READS},
    {"SMOVE", LINT_ADDS, LINT_SET, LAST_KEY, LINT_TOUCHES},
    {"SREM", LINT_TOUCHES, LINT_SET, EVERY_KEY, LINT_READS},
    {"SUNIONSTORE", LINT_REPLACES, LINT_SET, FIRST_KEY, LINT_READS},
    {"UNLINK", LINT_REMOVES, LINT_ANY, EVERY_KEY, LINT_READS},
    {"XADD", LINT_ADDS, LINT_STREAM, EVERY_KEY, LINT_READS},
    {"XDEL", LINT_TOUCHES, LINT_STREAM, EVERY_KEY, LINT_READS},
    {"XTRIM", LINT_TOUCHES, LINT_STREAM, EVERY_KEY, LINT_READS},
    {"ZADD", LINT_ADDS, LINT_SORTED_SET, EVERY_KEY, LINT_READS},
    {"ZDIFFSTORE", LINT_REPLACES, LINT_SORTED_SET, FIRST_KEY, LINT_READS},
    {"ZINCRBY", LINT_ADDS, LINT_SORTED_SET, EVERY_KEY, LINT_READS},
    {"ZINTERSTORE", LINT_REPLACES, LINT_SORTED_SET, FIRST_KEY, LINT_READS},
    {"ZRANGESTORE", LINT_REPLACES, LINT_SORTED_SET, FIRST_KEY, LINT_READS},
    {"ZREM", LINT_TOUCHES, LINT_SORTED_SET, EVERY_KEY, LINT_READS},
    {"ZUNIONSTORE", LINT_REPLACES, LINT_SORTED_SET, FIRST_KEY, LINT_READS},
};
/* clang-format on */

static const char *const type_names[] = {
    [LINT_ANY] = "key",       [LINT_STRING] = "string",     [LINT_HASH] = "hash",
    [LINT_LIST] = "list",     [LINT_SET] = "set",           [LINT_SORTED_SET] = "sorted set",
    [LINT_STREAM] = "stream", [LINT_JSON] = "JSON document"};

/* What the command of these facts does; a writing one that is not in the table does something
 * to its keys. */
static struct effect effect_of(const struct command_facts *facts)
{
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++)
        if (strcmp(effects[i].name, facts->name) == 0) return effects[i];
    return (struct effect){.effect = facts->writes ? LINT_TOUCHES : LINT_READS};
}

bool lint_keys_has_word(const struct command *command, size_t position, const char *word)
{
    for (; position < command->argument_count; position++)
        if (command_is_word(command, position, word)) return true;
    return false;
}

static bool is_called(const struct command *command, const char *const *names)
{
    for (; *names != NULL; names++)
        if (command_is_word(command, 0, *names)) return true;
    return false;
}

enum lint_expiry lint_keys_expiry(const struct command *command)
{
    static const char *const after[] = {"EXPIRE",  "PEXPIRE",  "SETEX", "PSETEX",
                                        "HEXPIRE", "HPEXPIRE", NULL};
    static const char *const at[] = {"EXPIREAT", "PEXPIREAT", "HEXPIREAT", "HPEXPIREAT", NULL};
    static const char *const optional[] = {"SET", "GETEX", "HSETEX", "HGETEX", NULL};
    const size_t first = command_is_word(command, 0, "SET") ? 3 : 2;
    if (is_called(command, after)) return LINT_EXPIRES_AFTER;
    if (is_called(command, at)) return LINT_EXPIRES_AT;
    if (!is_called(command, optional)) return LINT_NO_EXPIRY;
    if (lint_keys_has_word(command, first, "EX") || lint_keys_has_word(command, first, "PX"))
        return LINT_EXPIRES_AFTER;
    return lint_keys_has_word(command, first, "EXAT") ||
                   lint_keys_has_word(command, first, "PXAT")
               ? LINT_EXPIRES_AT
               : LINT_NO_EXPIRY;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* A key's text with WILD for each run of placeholders; NULL where memory runs out. */
static const char *shape_of(const struct template *key, struct arena *arena)
{
    struct buffer shape = {0};
    size_t count = 0;
    const struct template_piece *pieces = template_pieces(key, &count);
    for (size_t i = 0; i < count; i++) {
        const bool is_wild = shape.length > 0 && shape.bytes[shape.length - 1] == WILD;
        if (pieces[i].kind == TEMPLATE_LITERAL)
            buffer_append(&shape, pieces[i].text, pieces[i].length);
        else if (!is_wild)
            buffer_append_char(&shape, WILD);
    }
    const char *copy =
        buffer_failed(&shape) ? NULL : arena_copy(arena, shape.bytes, shape.length);
    buffer_release(&shape);
    return copy;
}

static struct lint_ends ends_of(const char *shape)
{
    const char *last = strrchr(shape, WILD);
    struct lint_ends ends = {.length = strlen(shape), .is_wild = last != NULL};
    ends.head = last != NULL ? (size_t)(strchr(shape, WILD) - shape) : ends.length;
    ends.tail = last != NULL ? strlen(last + 1) : ends.length;
    return ends;
}

/* SET … NX makes a key that is not there, SET … XX changes one that is. */
static void heed_options(struct lint_key *key)
{
    if (!command_is_word(key->command, 0, "SET")) return;
    if (lint_keys_has_word(key->command, 3, "NX")) key->effect = LINT_ADDS;
    if (lint_keys_has_word(key->command, 3, "XX")) key->effect = LINT_TOUCHES;
}

/* Whether a command may write keys that nobody sees: a module's, a script, ${*} for keys. */
static bool hides_keys(const struct command *command)
{
    static const char *const pairs[] = {"MSET", "MSETNX", NULL};
    if (command->facts == NULL) return true;
    if (is_called(command, pairs))
        return command->argument_count > 1 && template_is_pairs(command->arguments[1]);
    return command->facts->writes && command->facts->count_at == 2 &&
           command->facts->first_key == 0;
}

static int read_command(struct lint_keys *keys, const struct step *step,
                        const struct command *command, struct arena *arena)
{
    size_t *positions = arena_array(arena, command->argument_count, sizeof *positions);
    if (positions == NULL) return -1;
    if (hides_keys(command)) keys->has_unknown = true;
    if (command->facts == NULL) return 0;
    const struct effect effect = effect_of(command->facts);
    const size_t count = command_keys(command, positions, command->argument_count);
    for (size_t i = 0; i < count && i < command->argument_count; i++) {
        const struct template *key = command->arguments[positions[i]];
        const bool is_target = effect.target == EVERY_KEY ||
                               (effect.target == FIRST_KEY && i == 0) ||
                               (effect.target == LAST_KEY && i + 1 == count && count > 1);
        const enum lint_effect done = is_target ? effect.effect : effect.others;
        if (done == LINT_READS || template_is_pairs(key)) continue;
        struct lint_key *item = &keys->items[keys->count++];
        *item = (struct lint_key){.step = step,
                                  .command = command,
                                  .key = key,
                                  .shape = shape_of(key, arena),
                                  .effect = done,
                                  .type = effect.type};
        if (item->shape == NULL) return -1;
        item->ends = ends_of(item->shape);
        heed_options(item);
    }
    return 0;
}

/* ---- those of one shape ------------------------------------------------------------------ */

static int by_shape(const void *left, const void *right)
{
    const struct lint_key *one = *(const struct lint_key *const *)left;
    const struct lint_key *other = *(const struct lint_key *const *)right;
    const int order = strcmp(one->shape, other->shape);
    return order != 0 ? order : (one > other) - (one < other);
}

/* What stands behind each key, from the last one to the first. */
static void link_backwards(const struct lint_keys *keys)
{
    const struct lint_key *stays = NULL; /* the next of its shape that does not remove it */
    bool goes = false;
    for (size_t i = keys->count; i-- > 0;) {
        struct lint_key *key = keys->sorted[i];
        const struct lint_key *next = i + 1 < keys->count ? keys->sorted[i + 1] : NULL;
        if (next == NULL || strcmp(next->shape, key->shape) != 0) {
            next = stays = NULL;
            goes = false;
        }
        key->goes_later = goes;
        if (next != NULL && next->step == key->step)
            key->later = next->later;
        else
            key->later = stays != NULL ? stays->step : NULL;
        if (key->effect == LINT_REMOVES)
            goes = true;
        else
            stays = key;
    }
}

static void link_fillers(const struct lint_keys *keys)
{
    size_t end = 0;
    for (size_t begin = 0; begin < keys->count; begin = end) {
        const struct lint_key *filler = NULL;
        const char *shape = keys->sorted[begin]->shape;
        for (end = begin; end < keys->count; end++) {
            if (strcmp(keys->sorted[end]->shape, shape) != 0) break;
            if (filler == NULL && keys->sorted[end]->effect == LINT_ADDS)
                filler = keys->sorted[end];
        }
        for (size_t i = begin; i < end; i++) keys->sorted[i]->filler = filler;
    }
}

static int sort(struct lint_keys *keys, struct arena *arena)
{
    keys->sorted = arena_array(arena, keys->count + 1, sizeof *keys->sorted);
    if (keys->sorted == NULL) return -1;
    for (size_t i = 0; i < keys->count; i++) keys->sorted[i] = &keys->items[i];
    if (keys->count > 1) qsort(keys->sorted, keys->count, sizeof *keys->sorted, by_shape);
    link_backwards(keys);
    link_fillers(keys);
    return 0;
}

int lint_keys_read(struct lint_keys *keys, const struct step *steps, size_t count,
                   struct arena *arena)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < steps[i].command_count; j++)
            most += steps[i].commands[j].argument_count;
    *keys = (struct lint_keys){.items = arena_array(arena, most + 1, sizeof *keys->items)};
    if (keys->items == NULL) return -1;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < steps[i].command_count; j++)
            if (read_command(keys, &steps[i], &steps[i].commands[j], arena) != 0) return -1;
    return sort(keys, arena);
}

/* How many keys stand before those of a command, or (behind) before those behind it. */
static size_t count_before(const struct lint_keys *keys, const struct step *step,
                           const struct command *command, bool behind)
{
    size_t low = 0, high = keys->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct lint_key *key = &keys->items[middle];
        const bool same = key->step == step && (command == NULL || key->command == command);
        const bool before =
            key->step != step ? key->step < step : command != NULL && key->command < command;
        if (before || (same && behind))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct lint_key *lint_keys_of(const struct lint_keys *keys, const struct step *step,
                                    const struct command *command, size_t *count)
{
    const size_t begin = count_before(keys, step, command, false);
    *count = count_before(keys, step, command, true) - begin;
    return keys->items + begin;
}

/* ---- several commands, one key ---------------------------------------------------------- */

/* Whether a command takes away the time at which its key would expire. */
static bool forgets_expiry(const struct command *command)
{
    static const char *const names[] = {"SET", "GETSET", "MSET", NULL};
    return is_called(command, names) && lint_keys_expiry(command) == LINT_NO_EXPIRY &&
           !lint_keys_has_word(command, 3, "KEEPTTL");
}

/* What has become of a key so far, command by command. */
struct past {
    const struct lint_key *writer;  /* wrote it last; NULL: it is gone, or was never written */
    const struct lint_key *expirer; /* gave it the time at which it expires, or NULL */
};

/* Whether two commands write one field of a hash, by its name. */
static bool share_field(const struct command *one, const struct command *other)
{
    static const char *const names[] = {"HSET", "HMSET", NULL};
    enum { MOST = 100 };
    if (!is_called(one, names) || !is_called(other, names)) return false;
    for (size_t i = 2; i < one->argument_count && i < MOST; i += 2) {
        const char *field = NULL, *text = NULL;
        size_t length = 0, size = 0;
        if (template_is_pairs(one->arguments[i])) return false;
        if (!template_is_literal(one->arguments[i], &field, &length)) continue;
        for (size_t j = 2; j < other->argument_count && j < MOST; j += 2) {
            if (template_is_pairs(other->arguments[j])) break;
            if (template_is_literal(other->arguments[j], &text, &size) && size == length &&
                memcmp(text, field, size) == 0)
                return true;
        }
    }
    return false;
}

/* Whether a command names the fields or members that it writes only when it has a row. */
static bool is_open(const struct command *command)
{
    static const char *const hashes[] = {"HSET", "HMSET", NULL};
    static const char *const sorted_sets[] = {"ZADD", "GEOADD", NULL};
    const char *text = NULL;
    size_t length = 0;
    if (is_called(command, sorted_sets)) return true;
    for (size_t i = 2; is_called(command, hashes) && i < command->argument_count; i += 2)
        if (!template_is_literal(command->arguments[i], &text, &length)) return true;
    return false;
}

/* Whether what two steps add to one key may be the same field or member, which only the later
 * one's value is left of. */
static bool may_meet(const struct lint_key *one, const struct lint_key *other)
{
    return one->step != other->step && one->type == other->type && one->effect == LINT_ADDS &&
           other->effect == LINT_ADDS && (is_open(one->command) || is_open(other->command));
}

/* Say what later does to what was done to the same key before. */
static void compare(const struct lint_subject *subject, const struct past *past,
                    const struct lint_key *later)
{
    const struct lint_place place = lint_text_command(subject, later->command);
    const struct lint_key *writer = past->writer;
    const bool replaces = later->effect == LINT_REPLACES;
    if (writer != NULL && writer->command == later->command) return;
    if (replaces && past->expirer != NULL && forgets_expiry(later->command))
        lint_report_add(subject->report, "RF307", place,
                        "'%s' takes away the TTL that '%s' in line %d gave the key",
                        later->command->text, past->expirer->command->text,
                        past->expirer->command->line);
    else if (writer != NULL && (replaces || share_field(writer->command, later->command)))
        lint_report_add(
            subject->report, "RF311", place,
            "'%s' writes the same keys as '%s' in line %d, and replaces what that wrote",
            later->command->text, writer->command->text, writer->command->line);
    else if (!replaces && writer != NULL && writer->type != LINT_ANY &&
             later->type != LINT_ANY && writer->type != later->type)
        lint_report_add(subject->report, "RF310", place,
                        "'%s' needs a %s, and '%s' in line %d makes a %s of the same key",
                        later->command->text, type_names[later->type], writer->command->text,
                        writer->command->line, type_names[writer->type]);
    else if (writer != NULL && may_meet(writer, later))
        lint_report_soften(
            lint_report_add(subject->report, "RF311", place,
                            "'%s' writes the same keys as '%s' in line %d: where both have one "
                            "%s, it has the later one's value",
                            later->command->text, writer->command->text, writer->command->line,
                            later->type == LINT_HASH ? "field" : "member"),
            LINT_NOTE);
}

static void follow(struct past *past, const struct lint_key *key)
{
    if (key->effect == LINT_REMOVES || key->effect == LINT_REPLACES) *past = (struct past){0};
    if (key->effect == LINT_ADDS || key->effect == LINT_REPLACES) past->writer = key;
    if (lint_keys_expiry(key->command) != LINT_NO_EXPIRY) past->expirer = key;
}

static void check_one_direction(const struct lint_subject *subject,
                                const struct lint_keys *keys)
{
    struct past past = {0};
    for (size_t i = 0; i < keys->count; i++) {
        const struct lint_key *key = keys->sorted[i];
        if (i > 0 && strcmp(keys->sorted[i - 1]->shape, key->shape) != 0)
            past = (struct past){0};
        if (key->effect != LINT_REMOVES) compare(subject, &past, key);
        follow(&past, key);
    }
}

/* ---- down ------------------------------------------------------------------------------- */

/* Whether some text may fit both shapes, judged by their ends. */
static bool overlap(const struct lint_key *one, const struct lint_key *other)
{
    const struct lint_ends *a = &one->ends, *b = &other->ends;
    const size_t head = a->head < b->head ? a->head : b->head;
    const size_t tail = a->tail < b->tail ? a->tail : b->tail;
    if (memcmp(one->shape + a->length - tail, other->shape + b->length - tail, tail) != 0 ||
        memcmp(one->shape, other->shape, head) != 0)
        return false;
    if (!a->is_wild && !b->is_wild) return a->length == b->length;
    return (a->is_wild || a->length >= b->head + b->tail) &&
           (b->is_wild || b->length >= a->head + a->tail);
}

/* Whether one of those keys whose shapes begin with length bytes of text may be this one. */
static bool is_touched_among(const struct lint_keys *keys, const char *text, size_t length,
                             const struct lint_key *key)
{
    size_t low = 0, high = keys->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strncmp(keys->sorted[middle]->shape, text, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < keys->count; low++) {
        if (strncmp(keys->sorted[low]->shape, text, length) != 0) break;
        if (overlap(keys->sorted[low], key)) return true;
    }
    return false;
}

/* Whether any of the keys may be this one. What stands in front of the first wildcard of both
 * has to agree as far as it goes: so it is one of those that begin as this one does, or whose
 * wildcard comes earlier, behind one of the beginnings of this one. */
static bool is_touched(const struct lint_keys *keys, const struct lint_key *key,
                       struct arena *arena)
{
    enum { MOST = 256 }; /* there are few keys that are longer */
    const size_t head = key->ends.head;
    if (head > MOST) return is_touched_among(keys, "", 0, key);
    if (is_touched_among(keys, key->shape, head, key)) return true;
    char *text = arena_copy(arena, key->shape, head);
    if (text == NULL) return true; /* which the arena remembers */
    for (size_t length = head; length-- > 0;) {
        text[length] = WILD;
        if (is_touched_among(keys, text, length + 1, key)) return true;
    }
    return false;
}

static void check_down(const struct lint_subject *subject, const struct lint_keys *up,
                       const struct lint_keys *down)
{
    struct buffer text = {0};
    const char *before = NULL;
    for (size_t i = 0; i < up->count; i++) {
        const struct lint_key *key = up->sorted[i];
        const bool writes = key->effect == LINT_ADDS || key->effect == LINT_REPLACES;
        const bool again = before != NULL && strcmp(before, key->shape) == 0;
        if (!writes || again) continue;
        before = key->shape;
        if (key->goes_later || is_touched(down, key, &subject->report->scratch)) continue;
        text.length = 0;
        template_append(key->key, &text);
        lint_report_add(subject->report, "RF502", lint_text_command(subject, key->command),
                        "step '%s': '%s' writes '%s', and `down` does not touch it",
                        key->step->name, key->command->text,
                        buffer_text(&text) != NULL ? buffer_text(&text) : "");
    }
    if (buffer_failed(&text)) subject->report->failed = true;
    buffer_release(&text);
}

void lint_keys_check(const struct lint_subject *subject)
{
    const struct migration *migration = subject->migration;
    struct arena *arena = &subject->report->scratch;
    struct lint_keys up, down;
    if (lint_keys_read(&up, migration->up.items, migration->up.count, arena) != 0 ||
        lint_keys_read(&down, migration->down.items, migration->down.count, arena) != 0) {
        subject->report->failed = true;
        return;
    }
    check_one_direction(subject, &up);
    check_one_direction(subject, &down);
    if (migration->has_down && !down.has_unknown) check_down(subject, &up, &down);
    if (!migration->has_down)
        lint_report_add(subject->report, "RF501", (struct lint_place){.file = migration->file},
                        "there is no `down`: what this migration does cannot be rolled back");
}
