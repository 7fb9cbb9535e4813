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

/* An argument that each row fills in, and the fixed bytes in front of it: its predecessors, and
 * the end of the line before it. */
struct slot {
    const char *before;
    size_t before_length;
    const struct template *template;
    const struct template_piece *pieces;
    size_t piece_count;
    size_t literal_length; /* of all its literal pieces */
    size_t position;       /* among the arguments */
    enum key_check key;
    bool measured; /* its length is the sum of its pieces' */
};

/* A command laid out for the wire: before and slot in turn, then the tail. */
struct layout {
    struct slot *slots;
    size_t slot_count;
    size_t pairs; /* how many of them are ${*}; where there are any, the number of arguments
                     differs from row to row, and "*N\r\n" is not part of the fixed bytes */
    const char *tail;
    size_t tail_length;
};

/* ---- the wire's form --------------------------------------------------------------------- */

/* Write the type's letter, the number and CRLF. Returns the place behind them. */
static char *put_header(char *out, char type, size_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    *out++ = type;
    memcpy(out, digits + at, sizeof(digits) - at);
    out += sizeof(digits) - at;
    *out++ = '\r';
    *out++ = '\n';
    return out;
}

static void append_header(struct buffer *buf, char type, size_t number)
{
    char *out = buffer_reserve(buf, HEADER_SIZE);
    if (out != NULL) buf->length += (size_t)(put_header(out, type, number) - out);
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

static void slot_set(struct slot *slot, const struct template *template)
{
    slot->template = template;
    slot->pieces = template_pieces(template, &slot->piece_count);
    slot->measured = true;
    for (size_t i = 0; i < slot->piece_count; i++) {
        const struct template_piece *piece = &slot->pieces[i];
        if (piece->kind == TEMPLATE_LITERAL) slot->literal_length += piece->length;
        if (piece->kind != TEMPLATE_LITERAL && piece->kind != TEMPLATE_VALUE)
            slot->measured = false;
    }
}

/* Move what fixed holds into the arena. */
static const char *settle(struct buffer *fixed, size_t *length, struct arena *arena)
{
    const char *bytes = arena_copy(arena, fixed->length > 0 ? fixed->bytes : "", fixed->length);
    *length = fixed->length;
    fixed->length = 0;
    return bytes;
}

static int add_slot(const struct command *command, size_t position, struct buffer *fixed,
                    struct arena *arena, struct error *err)
{
    struct layout *layout = command->compiled;
    struct slot *slot = &layout->slots[layout->slot_count++];
    slot_set(slot, command->arguments[position]);
    slot->position = position;
    slot->before = settle(fixed, &slot->before_length, arena);
    if (slot->before == NULL || buffer_failed(fixed)) return error_memory(err);
    if (template_is_pairs(slot->template))
        layout->pairs++;
    else
        buffer_append(fixed, "\r\n", 2);
    return 0;
}

static int lay_out_arguments(const struct command *command, struct buffer *fixed,
                             struct arena *arena, struct error *err)
{
    struct layout *layout = command->compiled;
    const enum key_check *checks = find_keys(command, arena);
    if (checks == NULL) return error_memory(err);
    for (size_t i = 0; i < command->argument_count; i++) {
        const char *text = NULL;
        size_t length = 0;
        if (template_is_literal(command->arguments[i], &text, &length)) {
            if (length == 0 && checks[i] == KEY_CERTAIN)
                return error_set(err, ERROR_INVALID, "argument %zu is a key, and empty", i);
            append_argument(fixed, text, length);
            continue;
        }
        if (add_slot(command, i, fixed, arena, err) != 0) return -1;
        layout->slots[layout->slot_count - 1].key = checks[i];
    }
    layout->tail = settle(fixed, &layout->tail_length, arena);
    return layout->tail == NULL || buffer_failed(fixed) ? error_memory(err) : 0;
}

static int lay_out(struct command *command, struct arena *arena, struct error *err)
{
    struct buffer fixed = {0};
    struct layout *layout = arena_alloc(arena, sizeof(*layout));
    if (layout == NULL) return error_memory(err);
    command->compiled = layout;
    layout->slots = arena_array(arena, command->argument_count, sizeof(*layout->slots));
    if (layout->slots == NULL) return error_memory(err);

    bool pairs = false;
    for (size_t i = 0; i < command->argument_count; i++)
        pairs = pairs || template_is_pairs(command->arguments[i]);
    if (!pairs) append_header(&fixed, '*', command->argument_count);
    int result = lay_out_arguments(command, &fixed, arena, err);
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

int command_bind(struct command *command, const struct columns *columns, struct error *err)
{
    for (size_t i = 0; i < command->argument_count; i++)
        if (template_bind(command->arguments[i], columns, err) != 0)
            return in_command(command, err);
    return 0;
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

/* Add up the length of a measured slot. */
static int measure(const struct filling *f, const struct slot *slot, size_t *length)
{
    size_t sum = slot->literal_length;
    for (size_t i = 0; i < slot->piece_count; i++) {
        const struct template_piece *piece = &slot->pieces[i];
        if (piece->kind == TEMPLATE_LITERAL) continue;
        const struct value *value = &f->row->values[piece->column];
        if (value->kind == VALUE_NULL && piece->otherwise == NULL)
            return template_null_error(piece, f->err);
        sum += value->kind == VALUE_NULL ? piece->otherwise_length : value->length;
        if (sum > most_bytes) return argument_error(f, slot, piece->text, too_long);
    }
    *length = sum;
    return 0;
}

static char *put_bytes(char *out, const char *bytes, size_t length)
{
    if (length > 0) memcpy(out, bytes, length);
    return out + length;
}

static char *put_piece(char *out, const struct template_piece *piece, const struct row *row)
{
    if (piece->kind == TEMPLATE_LITERAL) return put_bytes(out, piece->text, piece->length);
    const struct value *value = &row->values[piece->column];
    if (value->kind == VALUE_NULL)
        return put_bytes(out, piece->otherwise, piece->otherwise_length);
    return put_bytes(out, value->bytes, value->length);
}

static int fill_measured(const struct filling *f, const struct slot *slot, enum key_check check)
{
    size_t length = 0;
    if (measure(f, slot, &length) != 0) return -1;
    char *begin = buffer_reserve(f->buf, slot->before_length + HEADER_SIZE + length);
    if (begin == NULL) return error_memory(f->err);

    char *out = put_bytes(begin, slot->before, slot->before_length);
    char *bytes = out = put_header(out, '$', length);
    for (size_t i = 0; i < slot->piece_count; i++)
        out = put_piece(out, &slot->pieces[i], f->row);
    f->buf->length += (size_t)(out - begin);
    const char *problem = key_problem(check, bytes, length);
    return problem == NULL ? 0 : argument_error(f, slot, NULL, problem);
}

/* How long JSON gets is known when it is there: it is rendered behind room for the longest
 * header, and moved up to the one it gets. */
static int fill_json(const struct filling *f, const struct slot *slot, enum key_check check)
{
    struct buffer *buf = f->buf;
    buffer_append(buf, slot->before, slot->before_length);
    size_t begin = buf->length;
    if (buffer_reserve(buf, HEADER_SIZE) == NULL) return error_memory(f->err);
    buf->length += HEADER_SIZE;
    if (template_render(slot->template, f->row, buf, f->err) != 0) return -1;

    const char *rendered = buf->bytes + begin + HEADER_SIZE;
    size_t length = buf->length - begin - HEADER_SIZE;
    if (length > most_bytes) return argument_error(f, slot, NULL, too_long);
    char *bytes = put_header(buf->bytes + begin, '$', length);
    memmove(bytes, rendered, length);
    buf->length = (size_t)(bytes - buf->bytes) + length;
    const char *problem = key_problem(check, bytes, length);
    return problem == NULL ? 0 : argument_error(f, slot, NULL, problem);
}

static int fill(const struct filling *f, const struct slot *slot, enum key_check check)
{
    return slot->measured ? fill_measured(f, slot, check) : fill_json(f, slot, check);
}

/* ---- ${*} -------------------------------------------------------------------------------- */

static bool is_pair(const struct row *row, size_t column)
{
    return row->values[column].kind != VALUE_NULL && row->columns->items[column].name[0] != '_';
}

static size_t count_pairs(const struct row *row)
{
    size_t count = 0;
    for (size_t i = 0; i < row->columns->count; i++) count += is_pair(row, i) ? 1 : 0;
    return count;
}

/* What to look for in the argument at position of all, now that ${*} made more of them than the
 * migration names. Facts count from either end. */
static enum key_check check_among(const struct filling *f, const struct slot *slot,
                                  size_t position, size_t all)
{
    const struct command_facts *facts = f->command->facts;
    if (facts == NULL || facts->first_key == 0)
        return slot->key != KEY_NONE ? KEY_PERHAPS : KEY_NONE;
    size_t first = (size_t)facts->first_key;
    size_t last =
        facts->last_key < 0 ? all - (size_t)-facts->last_key : (size_t)facts->last_key;
    bool is_key = position >= first && position <= last &&
                  (position - first) % (size_t)facts->key_step == 0;
    return is_key ? KEY_CERTAIN : KEY_NONE;
}

/* Append names and values; the first name becomes the argument at position of all. */
static int fill_pairs(const struct filling *f, const struct slot *slot, size_t position,
                      size_t all)
{
    buffer_append(f->buf, slot->before, slot->before_length);
    for (size_t i = 0; i < f->row->columns->count; i++) {
        if (!is_pair(f->row, i)) continue;
        const char *name = f->row->columns->items[i].name;
        const struct value *value = &f->row->values[i];
        size_t length = strlen(name);
        enum key_check check = check_among(f, slot, position++, all);
        const char *problem = key_problem(check, name, length);
        check = check_among(f, slot, position++, all);
        if (problem == NULL) problem = key_problem(check, value->bytes, value->length);
        if (value->length > most_bytes) problem = too_long;
        if (problem != NULL) return argument_error(f, slot, name, problem);
        append_argument(f->buf, name, length);
        append_argument(f->buf, value->bytes, value->length);
    }
    return 0;
}

static int fill_among_pairs(const struct filling *f, const struct layout *layout)
{
    size_t pairs = count_pairs(f->row);
    if (pairs == 0)
        return error_set(f->err, ERROR_FAILED,
                         "'${*}' has nothing to give: every column is NULL or begins with '_'");
    size_t more = 2 * pairs - 1; /* arguments that a ${*} stands for, but itself */
    size_t all = f->command->argument_count + layout->pairs * more;
    size_t shift = 0;
    append_header(f->buf, '*', all);
    for (size_t i = 0; i < layout->slot_count; i++) {
        const struct slot *slot = &layout->slots[i];
        size_t position = slot->position + shift;
        if (template_is_pairs(slot->template)) {
            if (fill_pairs(f, slot, position, all) != 0) return -1;
            shift += more;
        } else if (fill(f, slot, check_among(f, slot, position, all)) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- a command --------------------------------------------------------------------------- */

static int fill_all(const struct filling *f, const struct layout *layout)
{
    if (layout->pairs > 0) {
        if (fill_among_pairs(f, layout) != 0) return -1;
    } else {
        for (size_t i = 0; i < layout->slot_count; i++)
            if (fill(f, &layout->slots[i], layout->slots[i].key) != 0) return -1;
    }
    buffer_append(f->buf, layout->tail, layout->tail_length);
    return f->buf->failed ? error_memory(f->err) : 0;
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
