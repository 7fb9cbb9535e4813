/*
 * Redis commands as migrations say them, filled in from rows straight into the wire's form.
 *
 * This is the innermost loop of the program: once a row, once a command. So everything that no
 * row changes, the name, literal arguments, their lengths, is laid out when the command is
 * parsed (command_layout), and a row only adds lengths and copies bytes into the one buffer
 * that is sent.
 *
 * A command is not judged here (command_facts does that), but for what only a row can show: an
 * empty key, a key of redferry's own, a value that Redis would not take. Arity and options are
 * the server's to check.
 */
#include "command.h"

#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "buffer.h"
#include "command_facts.h"
#include "command_layout.h"
#include "command_line.h"
#include "error.h"
#include "template.h"

/* What Redis takes as one argument unless it is configured otherwise. */
static const size_t most_bytes = (size_t)512 * 1024 * 1024;

enum { SHOWN = 200 };

/* ---- the wire's form --------------------------------------------------------------------- */

static void append_argument(struct buffer *buf, const char *bytes, size_t length)
{
    command_layout_append_header(buf, '$', length);
    buffer_append(buf, bytes, length);
    buffer_append(buf, "\r\n", 2);
}

void command_append(struct buffer *buf, size_t count, const char *const *arguments,
                    const size_t *lengths)
{
    command_layout_append_header(buf, '*', count);
    for (size_t i = 0; i < count; i++) append_argument(buf, arguments[i], lengths[i]);
}

void command_append_texts(struct buffer *buf, size_t count, const char *const *arguments)
{
    command_layout_append_header(buf, '*', count);
    for (size_t i = 0; i < count; i++) append_argument(buf, arguments[i], strlen(arguments[i]));
}

/* ---- parsing ----------------------------------------------------------------------------- */

/* What all ways of writing a command come to. */
static int finish(struct command *command, struct arena *arena, struct error *err)
{
    const char *name = NULL;
    size_t length = 0;
    if (command->text == NULL) return error_memory(err);
    if (command->argument_count == 0) return error_set(err, ERROR_INVALID, "an empty command");
    if (!template_is_literal(command->arguments[0], &name, &length))
        return error_set(err, ERROR_INVALID,
                         "a placeholder in the name of the command; it must be literal");
    if (length == 0) return error_set(err, ERROR_INVALID, "the command's name is empty");
    if (memchr(name, '\0', length) != NULL)
        return error_set(err, ERROR_INVALID, "a NUL byte in the name of the command");
    command->facts = command_facts_find(name, length);
    return command_layout_make(command, arena, err);
}

/* A copy on one line, without the blanks around it. */
static const char *one_line(const char *line, size_t length, struct arena *arena)
{
    while (length > 0 && strchr(" \t\r\n", line[0]) != NULL) line++, length--;
    while (length > 0 && strchr(" \t\r\n", line[length - 1]) != NULL) length--;
    char *text = arena_copy(arena, line, length);
    for (size_t i = 0; text != NULL && i < length; i++)
        if ((unsigned char)text[i] < ' ') text[i] = ' ';
    return text;
}

int command_parse(struct command *out, const char *line, size_t length, struct arena *arena,
                  struct error *err)
{
    struct command_line split = {0};
    *out = (struct command){0};
    if (command_line_split(&split, line, length, arena, err) != 0) return -1;
    out->arguments = split.arguments;
    out->argument_count = split.count;
    out->text = one_line(line, length, arena);
    return finish(out, arena, err);
}

int command_parse_list(struct command *out, const char *const *arguments, const size_t *lengths,
                       size_t count, struct arena *arena, struct error *err)
{
    struct buffer line = {0};
    int result = -1;
    *out = (struct command){.argument_count = count};
    out->arguments = arena_array(arena, count, sizeof(*out->arguments));
    if (count > 0 && out->arguments == NULL) {
        error_memory(err);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        if (template_parse(&out->arguments[i], arguments[i], lengths[i], arena, err) != 0)
            goto done;
        if (i > 0) buffer_append_char(&line, ' ');
        command_line_append(&line, arguments[i], lengths[i]);
    }
    out->text = arena_text(arena, buffer_text(&line));
    result = finish(out, arena, err);
done:
    buffer_release(&line);
    return result;
}

int command_parse_publish(struct command *out, const char *channel, const char *message,
                          struct arena *arena, struct error *err)
{
    const char *const arguments[] = {"PUBLISH", channel, message};
    const size_t lengths[] = {strlen("PUBLISH"), strlen(channel), strlen(message)};
    if (command_parse_list(out, arguments, lengths, 3, arena, err) != 0) return -1;
    for (size_t i = 1; i < 3; i++)
        if (template_is_pairs(out->arguments[i]))
            return error_set(
                err, ERROR_INVALID,
                "'${*}' is several arguments, and a %s is one; the row as one text "
                "is '${*|json}'",
                i == 1 ? "channel" : "message");
    out->is_publish = true;
    return 0;
}

/* Put the command in front of the message, cut where it would leave the message no room. */
static int in_command(const struct command *command, struct error *err)
{
    size_t length = strlen(command->text);
    if (length <= SHOWN) return error_prefix(err, "'%s': ", command->text);
    length = SHOWN;
    while ((command->text[length] & 0xC0) == 0x80) length--;
    return error_prefix(err, "'%.*s…': ", (int)length, command->text);
}

int command_bind(struct command *command, const struct columns *columns, struct error *err)
{
    for (size_t i = 0; i < command->argument_count; i++)
        if (template_bind(command->arguments[i], columns, err) != 0)
            return in_command(command, err);
    return command_layout_bind(command->layout, columns, err) == 0 ? 0
                                                                   : in_command(command, err);
}

/* ---- rendering --------------------------------------------------------------------------- */

/* One command being filled in from one row. */
struct filling {
    const struct command *command;
    const struct row *row;
    struct buffer *buf;
    struct error *err;
};

static int argument_error(const struct filling *f, const struct command_slot *slot,
                          const char *column, const char *what)
{
    if (column == NULL) column = template_column(slot->template, 0);
    if (column == NULL) column = "*";
    return error_set(f->err, ERROR_FAILED, "argument %zu (column '%s') %s", slot->position,
                     column, what);
}

static const char too_long[] = "is over 512 MB, more than Redis takes";

/* What is wrong with these bytes where they are a key, or NULL. */
static const char *key_problem(enum command_key check, const char *bytes, size_t length)
{
    if (check == COMMAND_KEY_CERTAIN && length == 0) return "is a key, and empty";
    if (check != COMMAND_KEY_NONE && command_is_own_key(bytes, length))
        return "begins with 'redferry:'; such keys are redferry's own";
    return NULL;
}

/* What a row has for a placeholder. */
struct text {
    const char *bytes;
    size_t length;
};

static inline struct text text_of(const struct template_piece *piece, const struct row *row)
{
    const struct value *value = &row->values[piece->column];
    if (value->kind == VALUE_NULL)
        return (struct text){piece->otherwise, piece->otherwise_length};
    return (struct text){value->bytes, value->length};
}

#define FAILED SIZE_MAX

/* The length of a measured slot, or FAILED with the error. */
static size_t measure(const struct filling *f, const struct command_slot *slot)
{
    size_t sum = slot->literal_length;
    for (size_t i = 0; i < slot->part_count; i++) {
        const struct template_piece *piece = slot->parts[i].piece;
        const struct text text = text_of(piece, f->row);
        if (text.bytes == NULL && f->row->values[piece->column].kind == VALUE_NULL) {
            (void)template_null_error(piece, f->err);
            return FAILED;
        }
        sum += text.length;
        if (sum > most_bytes) {
            (void)argument_error(f, slot, piece->text, too_long);
            return FAILED;
        }
    }
    return sum;
}

static int fill_measured(const struct filling *f, const struct command_slot *slot,
                         enum command_key check)
{
    const size_t length = measure(f, slot);
    if (length == FAILED) return -1;
    char *out = buffer_reserve(f->buf, slot->before.length + COMMAND_HEADER_SIZE + length +
                                           COMMAND_FIXED_ROOM);
    if (out == NULL) return error_memory(f->err);

    out = command_layout_put_number(command_layout_put_fixed(out, &slot->before), length);
    for (size_t i = 0; i < slot->part_count; i++) {
        const struct command_part *part = &slot->parts[i];
        const struct text text = text_of(part->piece, f->row);
        out = command_layout_put_fixed(out, &part->before);
        out = bytes_put(out, text.bytes, text.length);
    }
    out = command_layout_put_fixed(out, &slot->after);
    f->buf->length = (size_t)(out - f->buf->bytes);
    const char *problem = key_problem(check, out - length, length);
    return problem == NULL ? 0 : argument_error(f, slot, NULL, problem);
}

/* How long JSON gets is known when it is there: it is rendered behind room for the longest
 * length, and moved up to the one it gets. */
static int fill_json(const struct filling *f, const struct command_slot *slot,
                     enum command_key check)
{
    struct buffer *buf = f->buf;
    buffer_append(buf, slot->before.bytes, slot->before.length);
    size_t begin = buf->length;
    if (buffer_reserve(buf, COMMAND_HEADER_SIZE) == NULL) return error_memory(f->err);
    buf->length += COMMAND_HEADER_SIZE;
    if (template_render(slot->template, f->row, buf, f->err) != 0) return -1;

    const char *rendered = buf->bytes + begin + COMMAND_HEADER_SIZE;
    size_t length = buf->length - begin - COMMAND_HEADER_SIZE;
    if (length > most_bytes) return argument_error(f, slot, NULL, too_long);
    char *bytes = bytes_put(command_layout_put_number(buf->bytes + begin, length), "\r\n", 2);
    memmove(bytes, rendered, length);
    buf->length = (size_t)(bytes - buf->bytes) + length;
    const char *problem = key_problem(check, bytes, length);
    return problem == NULL ? 0 : argument_error(f, slot, NULL, problem);
}

static int fill(const struct filling *f, const struct command_slot *slot,
                enum command_key check)
{
    return slot->kind == COMMAND_SLOT_MEASURED ? fill_measured(f, slot, check)
                                               : fill_json(f, slot, check);
}

/* ---- ${*} -------------------------------------------------------------------------------- */

/* Where the keys are among the arguments that a row makes of a command, now that ${*} made more
 * of them than the migration names; step is 0 where the facts do not say. Facts count from
 * either end. */
struct key_range {
    size_t first;
    size_t last;
    size_t step;
};

static struct key_range key_range_of(const struct command_facts *facts, size_t all)
{
    if (facts == NULL || facts->first_key == 0) return (struct key_range){0};
    return (struct key_range){
        .first = (size_t)facts->first_key,
        .last = facts->last_key < 0 ? all - (size_t)-facts->last_key : (size_t)facts->last_key,
        .step = (size_t)facts->key_step,
    };
}

/* What to look for in the argument at position. */
static inline enum command_key check_at(const struct key_range *keys,
                                        const struct command_slot *slot, size_t position)
{
    if (keys->step == 0)
        return slot->key != COMMAND_KEY_NONE ? COMMAND_KEY_PERHAPS : COMMAND_KEY_NONE;
    bool is_key = position <= keys->last && position >= keys->first &&
                  (position - keys->first) % keys->step == 0;
    return is_key ? COMMAND_KEY_CERTAIN : COMMAND_KEY_NONE;
}

/* How many pairs the row has, and how many bytes they may take. */
static size_t count_pairs(const struct command_layout *layout, const struct row *row,
                          size_t *bytes)
{
    size_t count = 0;
    *bytes = 0;
    for (size_t i = 0; i < layout->pair_count; i++) {
        const struct command_pair *pair = &layout->pairs[i];
        const struct value *value = &row->values[pair->column];
        if (value->kind == VALUE_NULL) continue;
        *bytes += pair->before.length + COMMAND_HEADER_SIZE + value->length;
        count++;
    }
    return count;
}

/* Whether an argument at position or behind it may be a key. */
static bool may_hold_keys(const struct key_range *keys, const struct command_slot *slot,
                          size_t position)
{
    return keys->step == 0 ? slot->key != COMMAND_KEY_NONE : position <= keys->last;
}

/* What is wrong with a pair whose name is the argument at position. */
static const char *pair_problem(const struct command_pair *pair, const struct value *value,
                                const struct key_range *keys, const struct command_slot *slot,
                                size_t position)
{
    const char *problem =
        key_problem(check_at(keys, slot, position), pair->name, pair->name_length);
    if (problem != NULL) return problem;
    return key_problem(check_at(keys, slot, position + 1), value->bytes, value->length);
}

/* Append names and values, for which bytes are enough; the first name becomes the argument at
 * position. */
static int fill_pairs(const struct filling *f, const struct command_slot *slot, size_t position,
                      const struct key_range *keys, size_t bytes)
{
    const struct command_layout *layout = f->command->layout;
    const bool has_keys = may_hold_keys(keys, slot, position);
    char *out = buffer_reserve(f->buf, slot->before.length + bytes + COMMAND_FIXED_ROOM);
    if (out == NULL) return error_memory(f->err);
    out = command_layout_put_fixed(out, &slot->before);
    for (size_t i = 0; i < layout->pair_count; i++) {
        const struct command_pair *pair = &layout->pairs[i];
        const struct value *value = &f->row->values[pair->column];
        const char *problem = value->length > most_bytes ? too_long : NULL;
        if (value->kind == VALUE_NULL) continue;
        if (problem == NULL && has_keys)
            problem = pair_problem(pair, value, keys, slot, position);
        if (problem != NULL) return argument_error(f, slot, pair->name, problem);
        out = command_layout_put_fixed(out, &pair->before);
        out = bytes_put(command_layout_put_number(out, value->length), "\r\n", 2);
        out = bytes_put(out, value->bytes, value->length);
        position += 2;
    }
    f->buf->length = (size_t)(out - f->buf->bytes);
    return 0;
}

static int fill_among_pairs(const struct filling *f, const struct command_layout *layout)
{
    size_t bytes = 0;
    size_t pairs = count_pairs(layout, f->row, &bytes);
    if (pairs == 0)
        return error_set(f->err, ERROR_FAILED,
                         "'${*}' has nothing to give: every column is NULL or begins with '_'");
    size_t more = 2 * pairs - 1; /* arguments that a ${*} stands for, but itself */
    size_t all = f->command->argument_count + layout->stars * more;
    const struct key_range keys = key_range_of(f->command->facts, all);
    size_t shift = 0;
    char *out = buffer_reserve(f->buf, COMMAND_HEADER_SIZE);
    if (out == NULL) return error_memory(f->err);
    *out = '*';
    f->buf->length = (size_t)(command_layout_put_number(out + 1, all) - f->buf->bytes);
    for (size_t i = 0; i < layout->slot_count; i++) {
        const struct command_slot *slot = &layout->slots[i];
        size_t position = slot->position + shift;
        if (slot->kind == COMMAND_SLOT_PAIRS) {
            if (fill_pairs(f, slot, position, &keys, bytes) != 0) return -1;
            shift += more;
        } else if (fill(f, slot, check_at(&keys, slot, position)) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- a command --------------------------------------------------------------------------- */

static int fill_all(const struct filling *f, const struct command_layout *layout)
{
    if (layout->stars > 0) {
        if (fill_among_pairs(f, layout) != 0) return -1;
    } else {
        for (size_t i = 0; i < layout->slot_count; i++)
            if (fill(f, &layout->slots[i], layout->slots[i].key) != 0) return -1;
    }
    char *out = buffer_reserve(f->buf, layout->tail.length + COMMAND_FIXED_ROOM);
    if (out == NULL) return error_memory(f->err);
    f->buf->length = (size_t)(command_layout_put_fixed(out, &layout->tail) - f->buf->bytes);
    return 0;
}

int command_render(const struct command *command, const struct row *row, struct buffer *buf,
                   struct error *err)
{
    struct filling filling = {.command = command, .row = row, .buf = buf, .err = err};
    size_t length = buf->length;
    if (fill_all(&filling, command->layout) == 0) return 0;
    buf->length = length;
    return in_command(command, err);
}

/* Read the number of the header at bytes. Returns the place behind its CRLF. */
static const char *read_header(const char *bytes, size_t *number)
{
    *number = 0;
    for (bytes++; *bytes != '\r'; bytes++) *number = *number * 10 + (size_t)(*bytes - '0');
    return bytes + 2;
}

int command_render_text(const struct command *command, const struct row *row,
                        struct buffer *buf, struct error *err)
{
    struct buffer wire = {0};
    size_t count = 0;
    int result = command_render(command, row, &wire, err);
    if (result != 0) goto done;
    const char *at = read_header(wire.bytes, &count);
    for (size_t i = 0; i < count; i++) {
        size_t length = 0;
        at = read_header(at, &length);
        if (i > 0) buffer_append_char(buf, ' ');
        command_line_append(buf, at, length);
        at += length + 2;
    }
    if (buffer_failed(buf)) result = error_memory(err);
done:
    buffer_release(&wire);
    return result;
}
