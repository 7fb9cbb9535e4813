/*
 * What the readers of migrations and of their tests have in common: mappings by a table of
 * keys, texts, SQL, commands and notifications.
 *
 * A complaint is made where the node is still at hand, so that it has its place. A command is
 * split and compiled by command.c and judged by command_facts.c; here it only gets its line and
 * column.
 */
#include "reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "buffer.h"
#include "command.h"
#include "command_facts.h"
#include "error.h"
#include "sql_text.h"
#include "template.h"
#include "yaml.h"

static const char WHOLE_ROW[] = "${*|json}";

int reader_error(struct reader *reader, const struct yaml_node *node, const char *format, ...)
{
    char text[ERROR_MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return yaml_error(reader->err, reader->source.file, node, "%s", text);
}

/* ---- mappings and texts ----------------------------------------------------------------- */

static int complain_unknown(struct reader *reader, const struct yaml_node *name,
                            const struct reader_keys *keys)
{
    const char *names[16];
    const char *nearest = NULL;
    struct buffer known = {0};

    for (size_t i = 0; i < keys->count; i++) {
        names[i] = keys->items[i].name;
        buffer_append_format(&known, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    nearest = error_nearest(name->text, names, keys->count);
    if (nearest != NULL)
        reader_error(reader, name, "unknown key '%s'; did you mean '%s'?", name->text, nearest);
    else if (buffer_text(&known) != NULL)
        reader_error(reader, name, "unknown key '%s'; %s has %s", name->text, keys->owner,
                     buffer_text(&known));
    else
        error_memory(reader->err);
    buffer_release(&known);
    return -1;
}

/* Read every key of node into object. */
int reader_mapping(struct reader *reader, const struct yaml_node *node,
                   const struct reader_keys *keys, void *object)
{
    if (node->kind != YAML_MAPPING)
        return reader_error(reader, node, "%s is a mapping of keys and values", keys->owner);
    for (const struct yaml_node *name = node->first; name != NULL; name = name->next->next) {
        const struct reader_key *key = NULL;
        for (size_t i = 0; i < keys->count; i++)
            if (strcmp(keys->items[i].name, name->text) == 0) key = &keys->items[i];
        if (key == NULL) return complain_unknown(reader, name, keys);
        reader->name = name;
        if (key->read(reader, name->next, object) != 0) return -1;
    }
    return 0;
}

/* A value that must be a text with something in it, without NUL. */
static int check_text(struct reader *reader, const struct yaml_node *node, const char *what)
{
    if (node->kind != YAML_TEXT)
        return yaml_raw_not_text(&reader->source, node, what, reader->err);
    if (yaml_raw_check_comment(&reader->source, node, what, reader->err) != 0) return -1;
    if (strlen(node->text) != node->length)
        return reader_error(reader, node, "the %s holds a NUL", what);
    if (node->text[strspn(node->text, " \t\r\n")] == '\0')
        return reader_error(reader, node, "the %s is empty", what);
    return 0;
}

/* A text of one line that can be shown on a terminal, copied into the arena. A newline that '|'
 * leaves at the end does not count. */
int reader_line(struct reader *reader, const struct yaml_node *node, const char *what,
                const char **text)
{
    size_t length = node->length;

    if (node->kind != YAML_TEXT) return reader_error(reader, node, "the %s is a text", what);
    while (length > 0 && node->text[length - 1] == '\n') length--;
    if (length == 0) return reader_error(reader, node, "the %s is empty", what);
    if (memchr(node->text, '\n', length) != NULL)
        return reader_error(reader, node, "the %s is one line", what);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)node->text[i] < ' ' || node->text[i] == 0x7F)
            return reader_error(reader, node, "the %s holds a control character", what);
    *text = arena_copy(reader->arena, node->text, length);
    return *text != NULL ? 0 : error_memory(reader->err);
}

int reader_switch(struct reader *reader, const struct yaml_node *node, const char *key,
                  bool *value)
{
    const char *text = node->kind == YAML_TEXT ? node->text : "";

    *value = strcmp(text, "true") == 0;
    if (*value || strcmp(text, "false") == 0) return 0;
    return reader_error(reader, node, "'%s' is true or false", key);
}

int reader_check_variable(struct reader *reader, const struct yaml_node *node, const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

    if (strspn(name, letters) > 0 && name[strspn(name, all)] == '\0') return 0;
    return reader_error(reader, node,
                        "'from' takes the name of an environment variable that holds the URL");
}

/* ---- SQL -------------------------------------------------------------------------------- */

static struct place place_of(const struct yaml_node *node)
{
    return (struct place){node->line, node->column};
}

int reader_check_sql(struct reader *reader, const struct yaml_node *node, const char *what,
                     struct sql_text *scan)
{
    if (check_text(reader, node, what) != 0) return -1;
    if (yaml_raw_check_query(&reader->source, node, what, reader->err) != 0) return -1;
    *scan = sql_text_scan(node->text, node->length);
    if (scan->unclosed != NULL)
        return reader_error(reader, node, "the %s leaves a %s unclosed", what, scan->unclosed);
    if (scan->statements == 0) return reader_error(reader, node, "the %s is empty", what);
    return 0;
}

int reader_statement(struct reader *reader, const struct yaml_node *node, const char *what,
                     const char **sql, struct place *place)
{
    struct sql_text scan;

    if (reader_check_sql(reader, node, what, &scan) != 0) return -1;
    if (scan.statements > 1) {
        yaml_raw_text_place(&reader->source, node, scan.second, &place->line, &place->column);
        return error_at(reader->err, reader->source.file, place->line, place->column,
                        "a second statement begins here; a %s is one", what);
    }
    yaml_raw_text_place(&reader->source, node, 0, &place->line, &place->column);
    *sql = arena_copy(reader->arena, node->text, scan.end);
    return *sql != NULL ? 0 : error_memory(reader->err);
}

int reader_query(struct reader *reader, const struct yaml_node *node, const char *key,
                 const char **sql, struct place *place)
{
    struct sql_text scan;

    if (reader_statement(reader, node, "query", sql, place) != 0) return -1;
    scan = sql_text_scan(*sql, strlen(*sql));
    if (sql_text_is_query(&scan, *sql)) return 0;
    yaml_raw_text_place(&reader->source, node, scan.begin, &place->line, &place->column);
    return error_at(reader->err, reader->source.file, place->line, place->column,
                    "'%s' takes a query, which begins with SELECT, WITH, VALUES or TABLE%s%s",
                    key, scan.keyword[0] != '\0' ? ", not with " : "", scan.keyword);
}

/* ---- commands --------------------------------------------------------------------------- */

/* Put the place in front of a complaint that was made without one. */
static int add_place(struct reader *reader, struct place place)
{
    if (reader->err->code != ERROR_INVALID) return -1; /* memory, which has no place */
    return error_prefix(reader->err, "%s:%d:%d: ", reader->source.file, place.line,
                        place.column);
}

/* Room for one more command, zeroed; NULL when memory runs out. */
static struct command *add_command(struct reader *reader, struct commands *commands)
{
    if (commands->count == commands->capacity) {
        size_t capacity = commands->capacity > 0 ? 2 * commands->capacity : 4;
        struct command *items = arena_array(reader->arena, capacity, sizeof *items);
        if (items == NULL) {
            error_memory(reader->err);
            return NULL;
        }
        if (commands->count > 0)
            memcpy(items, commands->items, commands->count * sizeof *items);
        commands->items = items;
        commands->capacity = capacity;
    }
    return &commands->items[commands->count++];
}

/* What every command must pass, once it is compiled. */
static int check_command(struct reader *reader, struct command *command, struct place place)
{
    const char *refusal = command_refusal(command);
    const char *name = "";
    size_t length = 0;

    command->line = place.line;
    command->column = place.column;
    if (refusal == NULL) return 0;
    template_is_literal(command->arguments[0], &name, &length);
    return error_at(reader->err, reader->source.file, place.line, place.column,
                    "'%.*s' is refused: %s", (int)length, name, refusal);
}

/* One command as it would be typed. */
static int read_command_line(struct reader *reader, struct commands *commands, const char *text,
                             size_t length, struct place place)
{
    struct command *command = NULL;

    if (text[0] == '#')
        return error_at(reader->err, reader->source.file, place.line, place.column,
                        "a comment cannot stand among the commands; write it above them");
    command = add_command(reader, commands);
    if (command == NULL) return -1;
    if (command_parse(command, text, length, reader->arena, reader->err) != 0)
        return add_place(reader, place);
    return check_command(reader, command, place);
}

/* The lines of a text, each a command; blank ones are nothing. */
static int read_command_lines(struct reader *reader, struct commands *commands,
                              const struct yaml_node *node)
{
    size_t begin = 0;

    while (begin < node->length) {
        const char *line = node->text + begin;
        const char *end = memchr(line, '\n', node->length - begin);
        size_t length = end != NULL ? (size_t)(end - line) : node->length - begin;
        size_t blanks = strspn(line, " \t\r");
        if (blanks < length) {
            struct place place;
            yaml_raw_text_place(&reader->source, node, begin + blanks, &place.line,
                                &place.column);
            if (read_command_line(reader, commands, line + blanks, length - blanks, place) != 0)
                return -1;
        }
        begin += length + 1;
    }
    return 0;
}

/* One command as a text of its own. */
static int read_command_text(struct reader *reader, struct commands *commands,
                             const struct yaml_node *node)
{
    size_t begin = strspn(node->text, " \t\r\n");
    size_t end = node->length;
    struct place place = place_of(node);

    while (end > begin && strchr(" \t\r\n", node->text[end - 1]) != NULL) end--;
    yaml_raw_text_place(&reader->source, node, begin, &place.line, &place.column);
    if (node->style == YAML_LITERAL && memchr(node->text + begin, '\n', end - begin) != NULL)
        return reader_error(
            reader, node, "an element of '%s' is one command; give each an element of its own",
            commands->key);
    return read_command_line(reader, commands, node->text + begin, end - begin, place);
}

/* One command as a list of its arguments. */
static int read_command_list(struct reader *reader, struct commands *commands,
                             const struct yaml_node *node)
{
    const char **arguments = arena_array(reader->arena, node->count + 1, sizeof *arguments);
    size_t *lengths = arena_array(reader->arena, node->count + 1, sizeof *lengths);
    struct command *command = NULL;
    size_t count = 0;

    if (arguments == NULL || lengths == NULL) return error_memory(reader->err);
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        if (item->kind != YAML_TEXT)
            return yaml_raw_not_text(&reader->source, item, "argument", reader->err);
        if (yaml_raw_check_comment(&reader->source, item, "argument", reader->err) != 0)
            return -1;
        if (item->length == 0 && item->style == YAML_PLAIN)
            return reader_error(reader, item,
                                "nothing stands here; an empty argument is written ''");
        arguments[count] = item->text;
        lengths[count++] = item->length;
    }
    command = add_command(reader, commands);
    if (command == NULL) return -1;
    if (command_parse_list(command, arguments, lengths, count, reader->arena, reader->err) != 0)
        return add_place(reader, place_of(node));
    return check_command(reader, command, place_of(node));
}

static int check_command_text(struct reader *reader, const struct yaml_node *node)
{
    if (node->kind == YAML_TEXT && node->text[strspn(node->text, " \t\r\n")] == '\0' &&
        yaml_raw_check_comment(&reader->source, node, "command", reader->err) == 0)
        return reader_error(reader, node, "a command is missing here");
    if (node->kind != YAML_TEXT)
        return yaml_raw_not_text(&reader->source, node, "command", reader->err);
    if (yaml_raw_check_comment(&reader->source, node, "command", reader->err) != 0) return -1;
    return yaml_raw_check_one_line(&reader->source, node, "command", reader->err);
}

int reader_command(struct reader *reader, const struct yaml_node *node,
                   struct commands *commands)
{
    if (check_command_text(reader, node) != 0) return -1;
    return read_command_text(reader, commands, node);
}

int reader_commands(struct reader *reader, const struct yaml_node *value,
                    struct commands *commands)
{
    if (value->kind != YAML_LIST) {
        if (check_command_text(reader, value) != 0) return -1;
        return read_command_lines(reader, commands, value);
    }
    if (value->count == 0)
        return reader_error(reader, value, "'%s' has no command", commands->key);
    for (const struct yaml_node *item = value->first; item != NULL; item = item->next) {
        if (item->kind == YAML_LIST) {
            if (read_command_list(reader, commands, item) != 0) return -1;
            continue;
        }
        if (reader_command(reader, item, commands) != 0) return -1;
    }
    return 0;
}

/* ---- notifications ---------------------------------------------------------------------- */

/* What {channel, message} says. */
struct notification {
    const struct yaml_node *channel;
    const struct yaml_node *message;
};

static int read_channel(struct reader *reader, const struct yaml_node *value, void *object)
{
    ((struct notification *)object)->channel = value;
    return check_text(reader, value, "channel");
}

static int read_message(struct reader *reader, const struct yaml_node *value, void *object)
{
    ((struct notification *)object)->message = value;
    if (value->kind == YAML_TEXT && value->style != YAML_PLAIN && value->length == 0) return 0;
    return check_text(reader, value, "message");
}

static const struct reader_key notification_keys[] = {
    {"channel", READER_TEXT, read_channel},
    {"message", READER_TEXT, read_message},
};

const struct reader_keys reader_notification_keys = {
    "a 'publish'", notification_keys, sizeof notification_keys / sizeof *notification_keys};

static int read_notification(struct reader *reader, struct commands *commands,
                             const struct yaml_node *node)
{
    struct notification notification = {0};
    struct command *command = NULL;
    const char *message = WHOLE_ROW;
    struct place place = place_of(node);

    if (node->kind == YAML_TEXT) {
        if (read_channel(reader, node, &notification) != 0) return -1;
    } else if (reader_mapping(reader, node, &reader_notification_keys, &notification) != 0) {
        return -1;
    }
    if (notification.channel == NULL)
        return reader_error(reader, node, "'publish' needs a 'channel'");
    if (notification.message != NULL) message = notification.message->text;
    command = add_command(reader, commands);
    if (command == NULL) return -1;
    if (command_parse_publish(command, notification.channel->text, message, reader->arena,
                              reader->err) != 0)
        return add_place(reader, place);
    for (size_t i = 1; i < command->argument_count; i++)
        if (template_is_pairs(command->arguments[i]))
            return error_at(reader->err, reader->source.file, place.line, place.column,
                            "'publish' takes ${*|json}; ${*} is several arguments");
    return check_command(reader, command, place);
}

int reader_notifications(struct reader *reader, const struct yaml_node *value,
                         struct commands *commands)
{
    if (value->kind != YAML_LIST) return read_notification(reader, commands, value);
    if (value->count == 0) return reader_error(reader, value, "'publish' has no channel");
    for (const struct yaml_node *item = value->first; item != NULL; item = item->next)
        if (read_notification(reader, commands, item) != 0) return -1;
    return 0;
}
