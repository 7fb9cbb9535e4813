/*
 * A command laid out for the wire, before its first row.
 *
 * Everything that no row changes, the name, literal arguments, their lengths, the names that
 * ${*} gives, becomes runs of fixed bytes, so that a row only adds lengths and copies bytes.
 * Filling in is command.c's; what is written here is written once a migration.
 */
#include "command_layout.h"

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "buffer.h"
#include "command.h"
#include "command_facts.h"
#include "error.h"
#include "row.h"
#include "template.h"

/* Without a scratch array: a stack to be guarded would cost every caller that it is inlined in.
 */
char *command_layout_put_long(char *out, size_t number)
{
    size_t digits = 1;
    for (size_t rest = number; rest >= 10; rest /= 10) digits++;
    for (size_t at = digits; at > 0; number /= 10) out[--at] = (char)('0' + number % 10);
    return out + digits;
}

void command_layout_append_header(struct buffer *buf, char type, size_t number)
{
    char *out = buffer_reserve(buf, COMMAND_HEADER_SIZE);
    if (out == NULL) return;
    *out = type;
    out = bytes_put(command_layout_put_number(out + 1, number), "\r\n", 2);
    buf->length = (size_t)(out - buf->bytes);
}

/* What to look for in each argument; NULL when memory runs out. */
static enum command_key *find_keys(const struct command *command, struct arena *arena)
{
    size_t count = command->argument_count;
    enum command_key *checks = arena_array(arena, count, sizeof(*checks));
    size_t *positions = arena_array(arena, count, sizeof(*positions));
    if (checks == NULL || positions == NULL) return NULL;
    for (size_t i = 0; command->facts == NULL && i < count; i++)
        checks[i] = COMMAND_KEY_PERHAPS;
    size_t found = command_keys(command, positions, count);
    for (size_t i = 0; i < found && i < count; i++) checks[positions[i]] = COMMAND_KEY_CERTAIN;
    return checks;
}

/* Append an argument as it stands between others: with the CRLF of the line before it, without
 * its own. */
static void append_fixed(struct buffer *fixed, const char *bytes, size_t length)
{
    buffer_append(fixed, "\r\n", 2);
    command_layout_append_header(fixed, '$', length);
    buffer_append(fixed, bytes, length);
}

/* Move what buf holds into the arena. Returns 0, or -1 when memory runs out. */
static int settle(struct buffer *buf, struct command_fixed *fixed, struct arena *arena)
{
    char *bytes = arena_alloc(arena, buf->length + COMMAND_FIXED_ROOM);
    if (bytes == NULL || buffer_failed(buf)) return -1;
    if (buf->length > 0) memcpy(bytes, buf->bytes, buf->length);
    *fixed = (struct command_fixed){bytes, buf->length};
    buf->length = 0;
    return 0;
}

static enum command_slot_kind kind_of(const struct template_piece *pieces, size_t count)
{
    if (count == 1 && pieces->kind == TEMPLATE_PAIRS) return COMMAND_SLOT_PAIRS;
    for (size_t i = 0; i < count; i++)
        if (pieces[i].kind != TEMPLATE_LITERAL && pieces[i].kind != TEMPLATE_VALUE)
            return COMMAND_SLOT_JSON;
    return COMMAND_SLOT_MEASURED;
}

/* Lay out the pieces of a measured slot. */
static int add_parts(struct command_slot *slot, const struct template_piece *pieces,
                     size_t count, struct buffer *fixed, struct arena *arena)
{
    slot->parts = arena_array(arena, count, sizeof(*slot->parts));
    if (slot->parts == NULL) return -1;
    buffer_append(fixed, "\r\n", 2);
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].kind == TEMPLATE_LITERAL) {
            slot->literal_length += pieces[i].length;
            buffer_append(fixed, pieces[i].text, pieces[i].length);
            continue;
        }
        struct command_part *part = &slot->parts[slot->part_count++];
        part->piece = &pieces[i];
        if (settle(fixed, &part->before, arena) != 0) return -1;
    }
    return settle(fixed, &slot->after, arena);
}

static int add_slot(const struct command *command, size_t position, enum command_key key,
                    struct buffer *fixed)
{
    struct command_layout *layout = command->layout;
    struct command_slot *slot = &layout->slots[layout->slot_count++];
    size_t count = 0;
    slot->template = command->arguments[position];
    slot->position = position;
    slot->key = key;
    const struct template_piece *pieces = template_pieces(slot->template, &count);
    slot->kind = kind_of(pieces, count);
    if (slot->kind == COMMAND_SLOT_PAIRS)
        layout->stars++;
    else
        buffer_append(fixed, "\r\n$", 3);
    if (settle(fixed, &slot->before, layout->arena) != 0) return -1;
    if (slot->kind != COMMAND_SLOT_MEASURED) return 0;
    return add_parts(slot, pieces, count, fixed, layout->arena);
}

static int lay_out_arguments(const struct command *command, struct buffer *fixed,
                             struct error *err)
{
    struct command_layout *layout = command->layout;
    const enum command_key *checks = find_keys(command, layout->arena);
    if (checks == NULL) return error_memory(err);
    for (size_t i = 0; i < command->argument_count; i++) {
        const char *text = NULL;
        size_t length = 0;
        if (template_is_literal(command->arguments[i], &text, &length)) {
            if (length == 0 && checks[i] == COMMAND_KEY_CERTAIN)
                return error_set(err, ERROR_INVALID, "argument %zu is a key, and empty", i);
            append_fixed(fixed, text, length);
        } else if (add_slot(command, i, checks[i], fixed) != 0) {
            return error_memory(err);
        }
    }
    buffer_append(fixed, "\r\n", 2);
    return settle(fixed, &layout->tail, layout->arena) == 0 ? 0 : error_memory(err);
}

int command_layout_make(struct command *command, struct arena *arena, struct error *err)
{
    struct buffer fixed = {0};
    struct command_layout *layout = arena_alloc(arena, sizeof(*layout));
    if (layout == NULL) return error_memory(err);
    command->layout = layout;
    layout->arena = arena;
    layout->slots = arena_array(arena, command->argument_count, sizeof(*layout->slots));
    if (layout->slots == NULL) return error_memory(err);

    bool has_stars = false;
    for (size_t i = 0; i < command->argument_count; i++)
        has_stars = has_stars || template_is_pairs(command->arguments[i]);
    if (!has_stars) {
        buffer_append_char(&fixed, '*');
        buffer_append_integer(&fixed, (int64_t)command->argument_count);
    }
    int result = lay_out_arguments(command, &fixed, err);
    buffer_release(&fixed);
    return result;
}

int command_layout_bind(struct command_layout *layout, const struct columns *columns,
                        struct error *err)
{
    struct buffer fixed = {0};
    int result = 0;
    layout->pair_count = 0;
    if (layout->stars == 0) return 0;
    layout->pairs = arena_array(layout->arena, columns->count + 1, sizeof(*layout->pairs));
    for (size_t i = 0; layout->pairs != NULL && i < columns->count; i++) {
        const char *name = columns->items[i].name;
        struct command_pair *pair = &layout->pairs[layout->pair_count];
        if (name[0] == '_') continue;
        *pair = (struct command_pair){.name = name, .name_length = strlen(name), .column = i};
        append_fixed(&fixed, name, pair->name_length);
        buffer_append(&fixed, "\r\n$", 3);
        if (settle(&fixed, &pair->before, layout->arena) != 0) result = -1;
        layout->pair_count++;
    }
    buffer_release(&fixed);
    return layout->pairs == NULL || result != 0 ? error_memory(err) : 0;
}
