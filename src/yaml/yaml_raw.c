/*
 * The document's own bytes, for what its tree no longer tells: comments that were dropped,
 * lines that were folded, mappings that a ': ' made.
 *
 * YAML gives some of a command's characters a meaning of its own, and takes them away in
 * silence. A migration that writes half of what it says is worse than one that is refused, so
 * these checks look at the raw line around a node and show the form in quotes. They do not
 * parse YAML again: libyaml has already said where each node begins and ends.
 */
#include "yaml_raw.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "buffer.h"
#include "error.h"
#include "yaml.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* ---- lines and places ------------------------------------------------------------------- */

size_t yaml_raw_advance(const struct yaml_source *source, size_t offset, size_t count)
{
    while (count > 0 && offset < source->length) {
        offset++;
        while (offset < source->length && is_continuation(source->bytes[offset])) offset++;
        count--;
    }
    return offset;
}

size_t yaml_raw_line_begin(const struct yaml_source *source, size_t offset)
{
    while (offset > 0 && !is_break(source->bytes[offset - 1])) offset--;
    return offset;
}

size_t yaml_raw_line_end(const struct yaml_source *source, size_t offset)
{
    while (offset < source->length && !is_break(source->bytes[offset])) offset++;
    return offset;
}

void yaml_raw_place(const struct yaml_source *source, size_t offset, int *line, int *column)
{
    const char *bytes = source->bytes;
    size_t begin = yaml_raw_line_begin(source, offset);

    *line = 1;
    *column = 1;
    for (size_t i = 0; i < begin; i++)
        if (bytes[i] == '\n' || (bytes[i] == '\r' && bytes[i + 1] != '\n')) ++*line;
    for (size_t i = begin; i < offset; i++)
        if (!is_continuation(bytes[i])) ++*column;
}

void yaml_raw_text_place(const struct yaml_source *source, const struct yaml_node *node,
                         size_t text_offset, int *line, int *column)
{
    const char *text = node->text;
    size_t begin = text_offset, length = 0, raw = node->offset;

    *line = node->line;
    *column = node->column;
    if (node->style == YAML_PLAIN && node->line == node->end_line)
        for (size_t i = 0; i < text_offset; i++)
            if (!is_continuation(text[i])) ++*column;
    if (node->style != YAML_LITERAL) return;
    while (begin > 0 && text[begin - 1] != '\n') begin--;
    for (size_t i = 0; i <= begin; i++) {
        if (i > 0 && text[i - 1] != '\n') continue;
        raw = yaml_raw_line_end(source, raw);
        raw += raw + 1 < source->length && source->bytes[raw] == '\r' ? 2 : 1;
        ++*line;
    }
    while (begin + length < node->length && text[begin + length] != '\n') length++;
    if (raw > source->length) raw = source->length;
    *column = 1;
    for (size_t i = raw, last = yaml_raw_line_end(source, raw) - length; i < last; i++)
        ++*column;
    for (size_t i = begin; i < text_offset; i++)
        if (!is_continuation(text[i])) ++*column;
}

/* ---- the form in quotes ----------------------------------------------------------------- */

const char *yaml_raw_quoted(struct arena *arena, const char *bytes, size_t length)
{
    struct buffer buf = {0};
    bool has_single = memchr(bytes, '\'', length) != NULL;
    bool has_double = memchr(bytes, '"', length) != NULL || memchr(bytes, '\\', length) != NULL;
    char quote = has_single && !has_double ? '"' : '\'';
    const char *text = NULL;

    buffer_append_char(&buf, quote);
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == quote) buffer_append_char(&buf, quote);
        buffer_append_char(&buf, bytes[i]);
    }
    buffer_append_char(&buf, quote);
    if (!buffer_failed(&buf)) text = arena_copy(arena, buf.bytes, buf.length);
    buffer_release(&buf);
    return text;
}

const char *yaml_raw_quoted_line(const struct yaml_source *source, size_t offset,
                                 struct arena *arena)
{
    size_t end = yaml_raw_line_end(source, offset);

    while (offset < end && is_blank(source->bytes[offset])) offset++;
    while (end > offset && is_blank(source->bytes[end - 1])) end--;
    return yaml_raw_quoted(arena, source->bytes + offset, end - offset);
}

/* Complain at node: the words, then the node's first line (in flow style: the node) in quotes.
 */
static int refuse(const struct yaml_source *source, const struct yaml_node *node,
                  const char *words, struct error *err)
{
    struct arena arena = {0};
    const char *bytes = source->bytes + node->offset;
    const char *quoted = NULL;

    if (node->flow || bytes[0] == '{')
        quoted = yaml_raw_quoted(&arena, bytes, node->end_offset - node->offset);
    else
        quoted = yaml_raw_quoted_line(source, node->offset, &arena);
    if (quoted == NULL)
        error_memory(err);
    else
        yaml_error(err, source->file, node, "%s: %s", words, quoted);
    arena_release(&arena);
    return -1;
}

/* ---- what YAML takes away --------------------------------------------------------------- */

int yaml_raw_check_comment(const struct yaml_source *source, const struct yaml_node *node,
                           const char *what, struct error *err)
{
    const char *bytes = source->bytes;
    size_t end = yaml_raw_line_end(source, node->end_offset);
    size_t at = node->end_offset;
    char words[128];

    if (node->kind != YAML_TEXT || node->style != YAML_PLAIN) return 0;
    while (at < end && is_blank(bytes[at])) at++;
    if (at == end || bytes[at] != '#') return 0;
    if (at + 1 < end && is_blank(bytes[at + 1]) &&
        memmem(bytes + at, end - at, "${", 2) == NULL)
        return 0;
    if (node->end_line > node->line)
        return yaml_error(
            err, source->file, node,
            "what follows the '#' in line %d is a comment to YAML; if it belongs to "
            "the %s, begin that with '|', which keeps its lines",
            node->end_line, what);
    snprintf(words, sizeof words,
             "what follows the '#' is a comment to YAML; if it belongs to the %s, put "
             "quotes around it",
             what);
    return refuse(source, node, words, err);
}

/* How many lines of the file, blank ones not counted, a text that is not plain '|' comes from.
 */
static size_t count_lines(const struct yaml_source *source, const struct yaml_node *node)
{
    size_t at = node->offset, count = 0;

    if (node->style == YAML_FOLDED) at = yaml_raw_line_end(source, at);
    while (at < node->end_offset) {
        size_t end = yaml_raw_line_end(source, at);
        if (end > node->end_offset) end = node->end_offset;
        while (at < end && is_blank(source->bytes[at])) at++;
        if (at < end) count++;
        at = end + 1;
    }
    return count;
}

int yaml_raw_check_one_line(const struct yaml_source *source, const struct yaml_node *node,
                            const char *what, struct error *err)
{
    if (node->kind != YAML_TEXT || node->style == YAML_LITERAL) return 0;
    if (count_lines(source, node) <= 1) return 0;
    return yaml_error(
        err, source->file, node,
        "this %s goes on in the next line, which YAML makes one line of; write it on "
        "one line, or several with '|'",
        what);
}

int yaml_raw_check_query(const struct yaml_source *source, const struct yaml_node *node,
                         const char *what, struct error *err)
{
    if (node->kind != YAML_TEXT || node->style == YAML_LITERAL) return 0;
    if (memmem(node->text, node->length, "--", 2) == NULL) return 0;
    if (count_lines(source, node) <= 1) return 0;
    return yaml_error(
        err, source->file, node,
        "YAML makes one line of this %s, so that a '--' would hide all that follows; "
        "begin it with '|', which keeps its lines",
        what);
}

int yaml_raw_not_text(const struct yaml_source *source, const struct yaml_node *node,
                      const char *what, struct error *err)
{
    char words[128];

    if (node->kind == YAML_LIST)
        return yaml_error(err, source->file, node, "a %s is a text, not a list", what);
    snprintf(words, sizeof words, "%s makes a mapping of this %s; put it in quotes",
             source->bytes[node->offset] == '{' ? "'{'" : "': '", what);
    return refuse(source, node, words, err);
}
