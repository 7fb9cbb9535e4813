/*
 * One YAML document, read strictly, as a small tree with places.
 *
 * libyaml's events are taken instead of its own tree, since only they tell anchors, tags and
 * styles apart. Whatever makes a document mean something else than it seems to (aliases, tags,
 * merge keys, duplicate keys, a second document) is refused. Every scalar is text: no yes/no,
 * no octal numbers, no null. What the texts mean is not decided here.
 */
#include "yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "arena.h"
#include "error.h"
#include "yaml_raw.h"
#include "yaml_syntax.h"

enum { DEEPEST = 32 };

/* A list or mapping that is being read. */
struct level {
    struct yaml_node *node;
    struct yaml_node *last; /* its last child */
    size_t children;
};

struct reader {
    struct yaml_source source;
    size_t skipped; /* bytes of a byte order mark in front */
    struct arena *arena;
    struct error *err;
    struct level levels[DEEPEST];
    size_t depth;
    struct yaml_node *root;
    size_t documents;
    size_t index;  /* libyaml counts characters: this many … */
    size_t offset; /* … are this many bytes */
};

/* ---- places ----------------------------------------------------------------------------- */

static int refuse(struct reader *reader, const yaml_mark_t *mark, const char *text)
{
    return error_at(reader->err, reader->source.file, (int)mark->line + 1,
                    (int)mark->column + 1, "%s", text);
}

/* The byte offset of mark. Marks come mostly in order, so the walk goes on where it stopped. */
static size_t offset_of(struct reader *reader, const yaml_mark_t *mark)
{
    if (mark->index < reader->index) reader->index = reader->offset = 0;
    reader->offset =
        yaml_raw_advance(&reader->source, reader->offset, mark->index - reader->index);
    reader->index = mark->index;
    return reader->offset + reader->skipped;
}

/* ---- nodes ------------------------------------------------------------------------------ */

static bool in_flow(const struct reader *reader)
{
    return reader->depth > 0 && reader->levels[reader->depth - 1].node->flow;
}

/* Whether the next node is a key. */
static bool is_key(const struct reader *reader)
{
    const struct level *level = NULL;

    if (reader->depth == 0) return false;
    level = &reader->levels[reader->depth - 1];
    return level->node->kind == YAML_MAPPING && level->children % 2 == 0;
}

/* A node that begins and ends with event, hung into the tree; NULL when memory runs out. */
static struct yaml_node *add_node(struct reader *reader, const yaml_event_t *event,
                                  enum yaml_kind kind)
{
    struct yaml_node *node = arena_alloc(reader->arena, sizeof *node);
    struct level *level = reader->depth > 0 ? &reader->levels[reader->depth - 1] : NULL;

    if (node == NULL) {
        error_memory(reader->err);
        return NULL;
    }
    node->kind = kind;
    node->flow = in_flow(reader);
    node->line = (int)event->start_mark.line + 1;
    node->column = (int)event->start_mark.column + 1;
    node->end_line = (int)event->end_mark.line + 1;
    node->offset = offset_of(reader, &event->start_mark);
    node->end_offset = offset_of(reader, &event->end_mark);
    if (level == NULL) {
        reader->root = node;
        return node;
    }
    if (level->last == NULL)
        level->node->first = node;
    else
        level->last->next = node;
    level->last = node;
    level->children++;
    level->node->count =
        level->node->kind == YAML_MAPPING ? (level->children + 1) / 2 : level->children;
    return node;
}

/* Anchors and tags give a node a meaning that its text does not have. */
static int check_properties(struct reader *reader, const yaml_event_t *event,
                            const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL)
        return refuse(reader, &event->start_mark,
                      "anchors are not allowed; put text that begins with '&' in quotes");
    if (tag != NULL)
        return refuse(reader, &event->start_mark,
                      "tags are not allowed; put text that begins with '!' in quotes");
    return 0;
}

static int open_level(struct reader *reader, const yaml_event_t *event, enum yaml_kind kind,
                      bool flow)
{
    struct yaml_node *node = NULL;

    if (is_key(reader)) return refuse(reader, &event->start_mark, "a key is a text");
    if (reader->depth == DEEPEST)
        return refuse(reader, &event->start_mark, "nested more than 32 levels deep");
    node = add_node(reader, event, kind);
    if (node == NULL) return -1;
    node->flow = flow;
    reader->levels[reader->depth++] = (struct level){.node = node};
    return 0;
}

static struct yaml_node *close_level(struct reader *reader, const yaml_event_t *event)
{
    struct yaml_node *node = reader->levels[--reader->depth].node;

    node->end_line = (int)event->end_mark.line + 1;
    node->end_offset = offset_of(reader, &event->end_mark);
    return node;
}

/* ---- duplicate keys --------------------------------------------------------------------- */

static int compare_keys(const void *left, const void *right)
{
    const struct yaml_node *a = *(struct yaml_node *const *)left;
    const struct yaml_node *b = *(struct yaml_node *const *)right;
    int order = strcmp(a->text, b->text);

    if (order != 0) return order;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

/* Sorting keeps a file of nothing but keys from taking the square of its time. */
static int check_duplicates(struct reader *reader, const struct yaml_node *mapping)
{
    const struct yaml_node **keys = NULL;
    size_t count = 0;
    int result = 0;

    if (mapping->count < 2) return 0;
    keys = calloc(mapping->count, sizeof(struct yaml_node *));
    if (keys == NULL) return error_memory(reader->err);
    for (const struct yaml_node *key = mapping->first; key != NULL; key = key->next->next)
        keys[count++] = key;
    qsort(keys, count, sizeof(struct yaml_node *), compare_keys);
    for (size_t i = 1; i < count && result == 0; i++)
        if (strcmp(keys[i - 1]->text, keys[i]->text) == 0)
            result =
                yaml_error(reader->err, reader->source.file, keys[i],
                           "the key '%s' is here for the second time; line %d has it already",
                           keys[i]->text, keys[i - 1]->line);
    free(keys);
    return result;
}

/* ---- events ----------------------------------------------------------------------------- */

static int on_nothing(struct reader *reader, const yaml_event_t *event)
{
    (void)reader;
    (void)event;
    return 0;
}

static int on_document(struct reader *reader, const yaml_event_t *event)
{
    if (event->data.document_start.version_directive != NULL ||
        event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end)
        return refuse(reader, &event->start_mark, "directives are not allowed");
    if (reader->documents++ > 0)
        return refuse(reader, &event->start_mark,
                      "a second document begins here; a file holds one");
    return 0;
}

static int on_alias(struct reader *reader, const yaml_event_t *event)
{
    return refuse(reader, &event->start_mark,
                  "aliases are not allowed; put text that begins with '*' in quotes");
}

static enum yaml_style style_of(yaml_scalar_style_t style)
{
    switch (style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return YAML_QUOTED;
    case YAML_LITERAL_SCALAR_STYLE:
        return YAML_LITERAL;
    case YAML_FOLDED_SCALAR_STYLE:
        return YAML_FOLDED;
    default:
        return YAML_PLAIN;
    }
}

static int check_key(struct reader *reader, const struct yaml_node *node)
{
    if (node->length == 0)
        return yaml_error(reader->err, reader->source.file, node, "a key is missing here");
    if (strlen(node->text) != node->length)
        return yaml_error(reader->err, reader->source.file, node,
                          "a NUL in a key is not allowed");
    if (node->style == YAML_PLAIN && strcmp(node->text, "<<") == 0)
        return yaml_error(reader->err, reader->source.file, node,
                          "merge keys ('<<') are not allowed");
    return 0;
}

static int on_scalar(struct reader *reader, const yaml_event_t *event)
{
    bool key = is_key(reader);
    struct yaml_node *node = NULL;

    if (check_properties(reader, event, event->data.scalar.anchor, event->data.scalar.tag) != 0)
        return -1;
    node = add_node(reader, event, YAML_TEXT);
    if (node == NULL) return -1;
    node->style = style_of(event->data.scalar.style);
    node->length = event->data.scalar.length;
    node->text = arena_copy(reader->arena, event->data.scalar.value, node->length);
    if (node->text == NULL) return error_memory(reader->err);
    return key ? check_key(reader, node) : 0;
}

static int on_list(struct reader *reader, const yaml_event_t *event)
{
    bool flow = event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;

    if (check_properties(reader, event, event->data.sequence_start.anchor,
                         event->data.sequence_start.tag) != 0)
        return -1;
    return open_level(reader, event, YAML_LIST, flow);
}

static int on_mapping(struct reader *reader, const yaml_event_t *event)
{
    bool flow = event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;

    if (check_properties(reader, event, event->data.mapping_start.anchor,
                         event->data.mapping_start.tag) != 0)
        return -1;
    return open_level(reader, event, YAML_MAPPING, flow);
}

static int on_list_end(struct reader *reader, const yaml_event_t *event)
{
    close_level(reader, event);
    return 0;
}

static int on_mapping_end(struct reader *reader, const yaml_event_t *event)
{
    return check_duplicates(reader, close_level(reader, event));
}

static int (*const handlers[])(struct reader *reader, const yaml_event_t *event) = {
    [YAML_NO_EVENT] = on_nothing,
    [YAML_STREAM_START_EVENT] = on_nothing,
    [YAML_STREAM_END_EVENT] = on_nothing,
    [YAML_DOCUMENT_START_EVENT] = on_document,
    [YAML_DOCUMENT_END_EVENT] = on_nothing,
    [YAML_ALIAS_EVENT] = on_alias,
    [YAML_SCALAR_EVENT] = on_scalar,
    [YAML_SEQUENCE_START_EVENT] = on_list,
    [YAML_SEQUENCE_END_EVENT] = on_list_end,
    [YAML_MAPPING_START_EVENT] = on_mapping,
    [YAML_MAPPING_END_EVENT] = on_mapping_end,
};

/* Take every event of the document, or stop at the first complaint. */
static int read_events(struct reader *reader, yaml_parser_t *parser)
{
    bool ended = false;
    int result = 0;

    while (result == 0 && !ended) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return yaml_syntax_error(reader->err, &reader->source, parser);
        ended = event.type == YAML_STREAM_END_EVENT;
        result = handlers[event.type](reader, &event);
        yaml_event_delete(&event);
    }
    return result;
}

/* UTF-16 is told by its mark; UTF-8's mark is no part of the document. */
static int skip_byte_order_mark(struct reader *reader)
{
    struct yaml_source *source = &reader->source;

    if (source->length >= 2 && (memcmp(source->bytes, "\xFF\xFE", 2) == 0 ||
                                memcmp(source->bytes, "\xFE\xFF", 2) == 0))
        return error_at(reader->err, source->file, 1, 1,
                        "this is UTF-16; save the file as UTF-8");
    if (source->length < 3 || memcmp(source->bytes, "\xEF\xBB\xBF", 3) != 0) return 0;
    reader->skipped = 3;
    source->bytes += 3;
    source->length -= 3;
    return 0;
}

/* libyaml ends a line at these, editors do not: text would be folded where nobody sees a line.
 */
static int check_line_breaks(struct reader *reader)
{
    static const struct {
        const char *bytes;
        const char *text;
    } breaks[] = {
        {"\xC2\x85", "U+0085 is not allowed; write it as \\N in \"…\""},
        {"\xE2\x80\xA8", "U+2028 is not allowed; write it as \\L in \"…\""},
        {"\xE2\x80\xA9", "U+2029 is not allowed; write it as \\P in \"…\""},
    };
    const struct yaml_source *source = &reader->source;

    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        const size_t length = strlen(breaks[i].bytes);
        const char *found = memchr(source->bytes, breaks[i].bytes[0], source->length);
        int line = 0, column = 0;
        if (found != NULL)
            found = memmem(source->bytes, source->length, breaks[i].bytes, length);
        if (found == NULL) continue;
        yaml_raw_place(source, (size_t)(found - source->bytes), &line, &column);
        return error_at(reader->err, source->file, line, column, "%s", breaks[i].text);
    }
    return 0;
}

int yaml_parse(const char *file, const char *bytes, size_t length, struct arena *arena,
               struct yaml_node **root, struct error *err)
{
    struct reader reader = {.source = {file, bytes, length}, .arena = arena, .err = err};
    yaml_parser_t parser;
    int result = -1;

    *root = NULL;
    if (skip_byte_order_mark(&reader) != 0 || check_line_breaks(&reader) != 0) return -1;
    if (!yaml_parser_initialize(&parser)) return error_memory(err);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)reader.source.bytes,
                                 reader.source.length);
    if (read_events(&reader, &parser) != 0) goto done;
    if (reader.root == NULL || (reader.root->kind == YAML_TEXT &&
                                reader.root->style == YAML_PLAIN && reader.root->length == 0)) {
        error_at(err, file, 1, 1, "the file is empty");
        goto done;
    }
    *root = reader.root;
    result = 0;
done:
    yaml_parser_delete(&parser);
    return result;
}

/* ---- asking ----------------------------------------------------------------------------- */

const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key,
                                 const struct yaml_node **name)
{
    for (const struct yaml_node *node = mapping->first; node != NULL; node = node->next->next) {
        if (strcmp(node->text, key) != 0) continue;
        if (name != NULL) *name = node;
        return node->next;
    }
    return NULL;
}

int yaml_error(struct error *err, const char *file, const struct yaml_node *node,
               const char *format, ...)
{
    char text[ERROR_MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_at(err, file, node->line, node->column, "%s", text);
}
