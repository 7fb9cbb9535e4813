/*
 * Redis commands as migrations say them, filled in from rows straight into the wire's form.
 *
 * This is the innermost loop of the program: once a row, once a command. So everything that no
 * row changes, the name, literal arguments, their lengths, is laid out when the command is
 * parsed, and a row only adds lengths and copies bytes into the one buffer that is sent.
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
#include "command_line.h"
#include "error.h"
#include "template.h"

/* What Redis takes as one argument unless it is configured otherwise. */
static const size_t most_bytes = (size_t)512 * 1024 * 1024;

static const char own_prefix[] = "redferry:";

/* "$536870912\r\n" and "*1048576\r\n" are shorter. */
enum { HEADER_SIZE = 24, OWN_PREFIX_LENGTH = sizeof(own_prefix) - 1, SHOWN = 200 };

/* What is looked at in an argument once it is filled in. */
enum key_check {
    KEY_NONE,
    KEY_PERHAPS, /* of an unknown command: it may not be one of redferry's own keys */
    KEY_CERTAIN  /* nor may it be empty */
};

/* How an argument that each row fills in is laid out. */
enum slot_kind {
    SLOT_MEASURED, /* its length is the sum of its pieces' */
    SLOT_JSON,     /* its length is known once it is rendered */
    SLOT_PAIRS     /* ${*}: several arguments */
};

/* Bytes that no row changes. FIXED_ROOM of them are there in any case, so that a short run is
 * copied without looking at its length. */
enum { FIXED_ROOM = 32 };

struct fixed {
    const char *bytes;
    size_t length;
};

/* One placeholder, and the fixed bytes in front of it. */
struct part {
    struct fixed before;
    const struct template_piece *piece;
};

/* An argument that each row fills in, and the fixed bytes in front of it. An argument begins
 * with the CRLF that ends the line before it; so all that is fixed around a value is one run of
 * bytes. */
struct slot {
    struct fixed before; /* its predecessors, up to the '$' of its own length */
    enum slot_kind kind;
    const struct template *template;
    struct part *parts; /* the CRLF behind its length is the first one's */
    size_t part_count;
    struct fixed after;    /* literal bytes behind the last placeholder */
    size_t literal_length; /* of all its literal pieces */
    size_t position;       /* among the arguments */
    enum key_check key;
};

/* A column as ${*} gives it: before holds the name, up to the '$' of the value's length. */
struct pair {
    struct fixed before;
    const char *name;
    size_t name_length;
    size_t column;
};

/* A command laid out for the wire: before and slot in turn, then the tail. */
struct layout {
    struct slot *slots;
    size_t slot_count;
    size_t stars; /* how many of them are ${*}; where there are any, the number of arguments
                     differs from row to row, and "*N" is not part of the fixed bytes */
    struct fixed tail;
    struct pair *pairs; /* what ${*} stands for, once the columns are bound */
    size_t pair_count;
    struct arena *arena;
};

/* ---- the wire's form --------------------------------------------------------------------- */

/* Without a scratch array: a stack to be guarded would cost every caller that it is inlined in.
 */
static char *put_long_number(char *out, size_t number)
{
    size_t digits = 1;
    for (size_t rest = number; rest >= 10; rest /= 10) digits++;
    for (size_t at = digits; at > 0; number /= 10) out[--at] = (char)('0' + number % 10);
    return out + digits;
}

/* Write the number. Returns the place behind it. Most lengths are below 100. */
static inline char *put_number(char *out, size_t number)
{
    if (number >= 100) return put_long_number(out, number);
    if (number >= 10) *out++ = (char)('0' + number / 10);
    *out++ = (char)('0' + number % 10);
    return out;
}

/* Write fixed bytes where there is room for FIXED_ROOM more than them. */
static inline char *put_fixed(char *out, const struct fixed *fixed)
{
    if (fixed->length <= FIXED_ROOM)
        memcpy(out, fixed->bytes, FIXED_ROOM);
    else
        memcpy(out, fixed->bytes, fixed->length);
    return out + fixed->length;
}

/* Append the letter that says what the number is of, the number, and CRLF. */
static void append_header(struct buffer *buf, char type, size_t number)
{
    char *out = buffer_reserve(buf, HEADER_SIZE);
    if (out == NULL) return;
    *out = type;
    out = bytes_put(put_number(out + 1, number), "\r\n", 2);
    buf->length = (size_t)(out - buf->bytes);
}

static void append_argument(struct buffer *buf, const char *bytes, size_t length)
{
    append_header(buf, '$', length);
    buffer_append(buf, bytes, length);
    buffer_append(buf, "\r\n", 2);
}

void command_append(struct buffer *buf, size_t count, const char *const *arguments,
                    const size_t *lengths)
{
    append_header(buf, '*', count);
    for (size_t i = 0; i < count; i++) append_argument(buf, arguments[i], lengths[i]);
}

void command_append_texts(struct buffer *buf, size_t count, const char *const *arguments)
{
    append_header(buf, '*', count);
    for (size_t i = 0; i < count; i++) append_argument(buf, arguments[i], strlen(arguments[i]));
}

/* ---- laying out -------------------------------------------------------------------------- */

/* What to look for in each argument; NULL when memory runs out. */
static enum key_check *find_keys(const struct command *command, struct arena *arena)
{
    size_t count = command->argument_count;
    enum key_check *checks = arena_array(arena, count, sizeof(*checks));
    size_t *positions = arena_array(arena, count, sizeof(*positions));
    if (checks == NULL || positions == NULL) return NULL;
    for (size_t i = 0; command->facts == NULL && i < count; i++) checks[i] = KEY_PERHAPS;
    size_t found = command_keys(command, positions, count);
    for (size_t i = 0; i < found && i < count; i++) checks[positions[i]] = KEY_CERTAIN;
    return checks;
}

/* Append an argument as it stands between others: with the CRLF of the line before it, without
 * its own. */
static void append_fixed(struct buffer *fixed, const char *bytes, size_t length)
{
    buffer_append(fixed, "\r\n", 2);
    append_header(fixed, '$', length);
    buffer_append(fixed, bytes, length);
}

/* Move what buf holds into the arena. Returns 0, or -1 when memory runs out. */
static int settle(struct buffer *buf, struct fixed *fixed, struct arena *arena)
{
    char *bytes = arena_alloc(arena, buf->length + FIXED_ROOM);
    if (bytes == NULL || buffer_failed(buf)) return -1;
    if (buf->length > 0) memcpy(bytes, buf->bytes, buf->length);
    *fixed = (struct fixed){bytes, buf->length};
    buf->length = 0;
    return 0;
}

static enum slot_kind kind_of(const struct template_piece *pieces, size_t count)
{
    if (count == 1 && pieces->kind == TEMPLATE_PAIRS) return SLOT_PAIRS;
    for (size_t i = 0; i < count; i++)
        if (pieces[i].kind != TEMPLATE_LITERAL && pieces[i].kind != TEMPLATE_VALUE)
            return SLOT_JSON;
    return SLOT_MEASURED;
}

/* Lay out the pieces of a measured slot. */
static int add_parts(struct slot *slot, const struct template_piece *pieces, size_t count,
                     struct buffer *fixed, struct arena *arena)
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
        struct part *part = &slot->parts[slot->part_count++];
        part->piece = &pieces[i];
        if (settle(fixed, &part->before, arena) != 0) return -1;
    }
    return settle(fixed, &slot->after, arena);
}

static int add_slot(const struct command *command, size_t position, enum key_check key,
                    struct buffer *fixed)
{
    struct layout *layout = command->compiled;
    struct slot *slot = &layout->slots[layout->slot_count++];
    size_t count = 0;
    slot->template = command->arguments[position];
    slot->position = position;
    slot->key = key;
    const struct template_piece *pieces = template_pieces(slot->template, &count);
    slot->kind = kind_of(pieces, count);
    if (slot->kind == SLOT_PAIRS)
        layout->stars++;
    else
        buffer_append(fixed, "\r\n$", 3);
    if (settle(fixed, &slot->before, layout->arena) != 0) return -1;
    if (slot->kind != SLOT_MEASURED) return 0;
    return add_parts(slot, pieces, count, fixed, layout->arena);
}

static int lay_out_arguments(const struct command *command, struct buffer *fixed,
                             struct error *err)
{
    struct layout *layout = command->compiled;
    const enum key_check *checks = find_keys(command, layout->arena);
    if (checks == NULL) return error_memory(err);
    for (size_t i = 0; i < command->argument_count; i++) {
        const char *text = NULL;
        size_t length = 0;
        if (template_is_literal(command->arguments[i], &text, &length)) {
            if (length == 0 && checks[i] == KEY_CERTAIN)
                return error_set(err, ERROR_INVALID, "argument %zu is a key, and empty", i);
            append_fixed(fixed, text, length);
        } else if (add_slot(command, i, checks[i], fixed) != 0) {
            return error_memory(err);
        }
    }
    buffer_append(fixed, "\r\n", 2);
    return settle(fixed, &layout->tail, layout->arena) == 0 ? 0 : error_memory(err);
}

static int lay_out(struct command *command, struct arena *arena, struct error *err)
{
    struct buffer fixed = {0};
    struct layout *layout = arena_alloc(arena, sizeof(*layout));
    if (layout == NULL) return error_memory(err);
    command->compiled = layout;
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
    return lay_out(command, arena, err);
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

/* Lay out the names that ${*} gives. */
static int bind_pairs(struct layout *layout, const struct columns *columns, struct error *err)
{
    struct buffer fixed = {0};
    int result = 0;
    layout->pair_count = 0;
    if (layout->stars == 0) return 0;
    layout->pairs = arena_array(layout->arena, columns->count + 1, sizeof(*layout->pairs));
    for (size_t i = 0; layout->pairs != NULL && i < columns->count; i++) {
        const char *name = columns->items[i].name;
        struct pair *pair = &layout->pairs[layout->pair_count];
        if (name[0] == '_') continue;
        *pair = (struct pair){.name = name, .name_length = strlen(name), .column = i};
        append_fixed(&fixed, name, pair->name_length);
        buffer_append(&fixed, "\r\n$", 3);
        if (settle(&fixed, &pair->before, layout->arena) != 0) result = -1;
        layout->pair_count++;
    }
    buffer_release(&fixed);
    return layout->pairs == NULL || result != 0 ? error_memory(err) : 0;
}

int command_bind(struct command *command, const struct columns *columns, struct error *err)
{
    for (size_t i = 0; i < command->argument_count; i++)
        if (template_bind(command->arguments[i], columns, err) != 0)
            return in_command(command, err);
    return bind_pairs(command->compiled, columns, err) == 0 ? 0 : in_command(command, err);
}

/* ---- rendering --------------------------------------------------------------------------- */

/* One command being filled in from one row. */
struct filling {
    const struct command *command;
    const struct row *row;
    struct buffer *buf;
    struct error *err;
};

static int argument_error(const struct filling *f, const struct slot *slot, const char *column,
                          const char *what)
{
    if (column == NULL) column = template_column(slot->template, 0);
    if (column == NULL) column = "*";
    return error_set(f->err, ERROR_FAILED, "argument %zu (column '%s') %s", slot->position,
                     column, what);
}

static const char too_long[] = "is over 512 MB, more than Redis takes";

/* What is wrong with these bytes where they are a key, or NULL. */
static const char *key_problem(enum key_check check, const char *bytes, size_t length)
{
    if (check == KEY_CERTAIN && length == 0) return "is a key, and empty";
    if (check != KEY_NONE && length >= OWN_PREFIX_LENGTH &&
        memcmp(bytes, own_prefix, OWN_PREFIX_LENGTH) == 0)
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
static size_t measure(const struct filling *f, const struct slot *slot)
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

static int fill_measured(const struct filling *f, const struct slot *slot, enum key_check check)
{
    const size_t length = measure(f, slot);
    if (length == FAILED) return -1;
    char *out = buffer_reserve(f->buf, slot->before.length + HEADER_SIZE + length + FIXED_ROOM);
    if (out == NULL) return error_memory(f->err);

    out = put_number(put_fixed(out, &slot->before), length);
    for (size_t i = 0; i < slot->part_count; i++) {
        const struct part *part = &slot->parts[i];
        const struct text text = text_of(part->piece, f->row);
        out = put_fixed(out, &part->before);
        out = bytes_put(out, text.bytes, text.length);
    }
    out = put_fixed(out, &slot->after);
    f->buf->length = (size_t)(out - f->buf->bytes);
    const char *problem = key_problem(check, out - length, length);
    return problem == NULL ? 0 : argument_error(f, slot, NULL, problem);
}

/* How long JSON gets is known when it is there: it is rendered behind room for the longest
 * length, and moved up to the one it gets. */
static int fill_json(const struct filling *f, const struct slot *slot, enum key_check check)
{
    struct buffer *buf = f->buf;
    buffer_append(buf, slot->before.bytes, slot->before.length);
    size_t begin = buf->length;
    if (buffer_reserve(buf, HEADER_SIZE) == NULL) return error_memory(f->err);
    buf->length += HEADER_SIZE;
    if (template_render(slot->template, f->row, buf, f->err) != 0) return -1;

    const char *rendered = buf->bytes + begin + HEADER_SIZE;
    size_t length = buf->length - begin - HEADER_SIZE;
    if (length > most_bytes) return argument_error(f, slot, NULL, too_long);
    char *bytes = bytes_put(put_number(buf->bytes + begin, length), "\r\n", 2);
    memmove(bytes, rendered, length);
    buf->length = (size_t)(bytes - buf->bytes) + length;
    const char *problem = key_problem(check, bytes, length);
    return problem == NULL ? 0 : argument_error(f, slot, NULL, problem);
}

static int fill(const struct filling *f, const struct slot *slot, enum key_check check)
{
    return slot->kind == SLOT_MEASURED ? fill_measured(f, slot, check)
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
static inline enum key_check check_at(const struct key_range *keys, const struct slot *slot,
                                      size_t position)
{
    if (keys->step == 0) return slot->key != KEY_NONE ? KEY_PERHAPS : KEY_NONE;
    bool is_key = position <= keys->last && position >= keys->first &&
                  (position - keys->first) % keys->step == 0;
    return is_key ? KEY_CERTAIN : KEY_NONE;
}

/* How many pairs the row has, and how many bytes they may take. */
static size_t count_pairs(const struct layout *layout, const struct row *row, size_t *bytes)
{
    size_t count = 0;
    *bytes = 0;
    for (size_t i = 0; i < layout->pair_count; i++) {
        const struct pair *pair = &layout->pairs[i];
        const struct value *value = &row->values[pair->column];
        if (value->kind == VALUE_NULL) continue;
        *bytes += pair->before.length + HEADER_SIZE + value->length;
        count++;
    }
    return count;
}

/* Whether an argument at position or behind it may be a key. */
static bool may_hold_keys(const struct key_range *keys, const struct slot *slot,
                          size_t position)
{
    return keys->step == 0 ? slot->key != KEY_NONE : position <= keys->last;
}

/* What is wrong with a pair whose name is the argument at position. */
static const char *pair_problem(const struct pair *pair, const struct value *value,
                                const struct key_range *keys, const struct slot *slot,
                                size_t position)
{
    const char *problem =
        key_problem(check_at(keys, slot, position), pair->name, pair->name_length);
    if (problem != NULL) return problem;
    return key_problem(check_at(keys, slot, position + 1), value->bytes, value->length);
}

/* Append names and values, for which bytes are enough; the first name becomes the argument at
 * position. */
static int fill_pairs(const struct filling *f, const struct slot *slot, size_t position,
                      const struct key_range *keys, size_t bytes)
{
    const struct layout *layout = f->command->compiled;
    const bool has_keys = may_hold_keys(keys, slot, position);
    char *out = buffer_reserve(f->buf, slot->before.length + bytes + FIXED_ROOM);
    if (out == NULL) return error_memory(f->err);
    out = put_fixed(out, &slot->before);
    for (size_t i = 0; i < layout->pair_count; i++) {
        const struct pair *pair = &layout->pairs[i];
        const struct value *value = &f->row->values[pair->column];
        const char *problem = value->length > most_bytes ? too_long : NULL;
        if (value->kind == VALUE_NULL) continue;
        if (problem == NULL && has_keys)
            problem = pair_problem(pair, value, keys, slot, position);
        if (problem != NULL) return argument_error(f, slot, pair->name, problem);
        out = put_fixed(out, &pair->before);
        out = bytes_put(put_number(out, value->length), "\r\n", 2);
        out = bytes_put(out, value->bytes, value->length);
        position += 2;
    }
    f->buf->length = (size_t)(out - f->buf->bytes);
    return 0;
}

static int fill_among_pairs(const struct filling *f, const struct layout *layout)
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
    char *out = buffer_reserve(f->buf, HEADER_SIZE);
    if (out == NULL) return error_memory(f->err);
    *out = '*';
    f->buf->length = (size_t)(put_number(out + 1, all) - f->buf->bytes);
    for (size_t i = 0; i < layout->slot_count; i++) {
        const struct slot *slot = &layout->slots[i];
        size_t position = slot->position + shift;
        if (slot->kind == SLOT_PAIRS) {
            if (fill_pairs(f, slot, position, &keys, bytes) != 0) return -1;
            shift += more;
        } else if (fill(f, slot, check_at(&keys, slot, position)) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- a command --------------------------------------------------------------------------- */

static int fill_all(const struct filling *f, const struct layout *layout)
{
    if (layout->stars > 0) {
        if (fill_among_pairs(f, layout) != 0) return -1;
    } else {
        for (size_t i = 0; i < layout->slot_count; i++)
            if (fill(f, &layout->slots[i], layout->slots[i].key) != 0) return -1;
    }
    char *out = buffer_reserve(f->buf, layout->tail.length + FIXED_ROOM);
    if (out == NULL) return error_memory(f->err);
    f->buf->length = (size_t)(put_fixed(out, &layout->tail) - f->buf->bytes);
    return 0;
}

int command_render(const struct command *command, const struct row *row, struct buffer *buf,
                   struct error *err)
{
    struct filling filling = {.command = command, .row = row, .buf = buf, .err = err};
    size_t length = buf->length;
    if (fill_all(&filling, command->compiled) == 0) return 0;
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
