/*
 * Words for what libyaml stumbles over.
 *
 * libyaml speaks of tokens and contexts; the person at the keyboard wrote a command with a ': '
 * in it. Each of libyaml's problems is a line in a table: what to say, at which of its two
 * marks, and whether the text in quotes would be right. A problem that is not in the table is
 * passed on.
 */
#include "yaml_syntax.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <yaml.h>

#include "arena.h"
#include "error.h"
#include "yaml_raw.h"

/* What is said about one of libyaml's problems. */
struct words {
    const char *problem;
    bool at_context; /* at the mark where it began, not where it was noticed */
    bool quote;      /* show the line's text in quotes */
    const char *text;
};

static const char TAB[] = "a tab cannot indent; use blanks";
static const char COLON[] = "': ' begins a mapping here; put the text in quotes";
static const char DIRECTIVE[] = "directives are not allowed";
static const char FLOW_LIST[] =
    "',' or ']' is expected here; text with any of [ ] { } , in it needs quotes";
static const char FLOW_MAPPING[] =
    "',' or '}' is expected here; text with any of [ ] { } , in it needs quotes";
static const char TAG[] = "tags are not allowed; put text that begins with '!' in quotes";

static const struct words table[] = {
    {"mapping values are not allowed in this context", false, true, COLON},
    {"could not find expected ':'", true, false,
     "this is neither 'key: value' nor an element of a list; a text of several lines begins "
     "with '|'"},
    {"did not find expected key", false, false,
     "a key is expected here; is the indentation right?"},
    {"did not find expected '-' indicator", false, false,
     "an element, '- …', is expected here; is the indentation right?"},
    {"did not find expected node content", false, false, "a value is expected here"},
    {"did not find expected <document start>", false, false,
     "the document ends before this; is the indentation right?"},
    {"did not find expected ',' or ']'", false, false, FLOW_LIST},
    {"did not find expected ',' or '}'", false, false, FLOW_MAPPING},
    {"block sequence entries are not allowed in this context", false, false,
     "a list begins on a line of its own"},
    {"mapping keys are not allowed in this context", false, false, "a key cannot stand here"},
    {"found character that cannot start any token", false, true,
     "a text cannot begin with this character; put it in quotes"},
    {"found a tab character where an indentation space is expected", false, false, TAB},
    {"found a tab character that violates indentation", false, false, TAB},
    {"found unexpected end of stream", true, false, "this quote is never closed"},
    {"found unexpected document indicator", true, false, "this quote is never closed"},
    {"found unknown escape character", false, false,
     "unknown escape in \"…\"; a backslash is written '\\\\', or the text put in '…'"},
    {"did not find expected hexdecimal number", false, false,
     "hexadecimal digits are expected behind \\x, \\u or \\U"},
    {"found invalid Unicode character escape code", false, false,
     "this escape names no Unicode character"},
    {"found an indentation indicator equal to 0", false, false,
     "the indentation behind '|' or '>' is a number from 1 to 9"},
    {"did not find expected comment or line break", false, false,
     "nothing may follow here on this line"},
    {"found unknown directive name", true, false, DIRECTIVE},
    {"found duplicate %YAML directive", false, false, DIRECTIVE},
    {"found duplicate %TAG directive", false, false, DIRECTIVE},
    {"found incompatible YAML document", false, false, DIRECTIVE},
    {"could not find expected directive name", true, false, DIRECTIVE},
    {"did not find expected alphabetic or numeric character", true, true,
     "a text cannot begin with '*' or '&'; put it in quotes"},
    {"found undefined tag handle", false, false, TAG},
    {"did not find expected tag URI", true, false, TAG},
    {"did not find expected '!'", true, false, TAG},
    {"did not find expected whitespace or line break", true, false, TAG},
};

static const struct words *find_words(const char *problem)
{
    for (size_t i = 0; problem != NULL && i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].problem, problem) == 0) return &table[i];
    return NULL;
}

/* Where the text of a line begins: behind "- " and "key: ". */
static size_t text_begin(const struct yaml_source *source, size_t offset)
{
    const char *bytes = source->bytes;
    size_t at = yaml_raw_line_begin(source, offset);
    size_t key = 0;

    for (;; at++) {
        if (at < offset && bytes[at] == '-' && bytes[at + 1] == ' ') continue;
        if (at >= offset || bytes[at] != ' ') break;
    }
    key = at;
    while (key < offset && (isalnum((unsigned char)bytes[key]) || bytes[key] == '_')) key++;
    return key > at && key < offset && bytes[key] == ':' && bytes[key + 1] == ' ' ? key + 2
                                                                                  : at;
}

/* Complain at offset, whose mark is given, with the line's text in quotes. */
static int error_quoting(struct error *err, const struct yaml_source *source,
                         const yaml_mark_t *mark, size_t begin, const char *words)
{
    struct arena arena = {0};
    const char *quoted = yaml_raw_quoted_line(source, begin, &arena);

    if (quoted == NULL)
        error_memory(err);
    else
        error_at(err, source->file, (int)mark->line + 1, (int)mark->column + 1, "%s: %s", words,
                 quoted);
    arena_release(&arena);
    return -1;
}

/* The element of a flow list or mapping around a "${" at offset: where it begins, and its
 * length. */
static size_t flow_element(const struct yaml_source *source, size_t offset, size_t *length)
{
    const char *bytes = source->bytes;
    size_t begin = offset, end = offset;
    size_t line_end = yaml_raw_line_end(source, offset);
    bool inside = false;

    while (begin > 0 && strchr(",[{\n", bytes[begin - 1]) == NULL &&
           !(bytes[begin - 1] == ' ' && begin > 1 && bytes[begin - 2] == ':'))
        begin--;
    while (begin < offset && bytes[begin] == ' ') begin++;
    while (end < line_end && (inside || strchr(",]}", bytes[end]) == NULL)) {
        if (bytes[end] == '$' && bytes[end + 1] == '{') inside = true;
        if (bytes[end] == '}') inside = false;
        end++;
    }
    while (end > begin && bytes[end - 1] == ' ') end--;
    *length = end - begin;
    return begin;
}

/* A "${" whose brace libyaml took for the beginning of a mapping. */
static int error_placeholder(struct error *err, const struct yaml_source *source, size_t offset)
{
    struct arena arena = {0};
    size_t length = 0;
    size_t begin = flow_element(source, offset, &length);
    const char *quoted = yaml_raw_quoted(&arena, source->bytes + begin, length);
    int line = 0, column = 0;

    yaml_raw_place(source, offset, &line, &column);
    if (quoted == NULL)
        error_memory(err);
    else
        error_at(err, source->file, line, column,
                 "within […] or {…} a placeholder needs quotes: %s", quoted);
    arena_release(&arena);
    return -1;
}

/* Where the sequence begins that a byte at offset breaks off. */
static size_t sequence_begin(const struct yaml_source *source, size_t offset)
{
    if (offset > 0) offset--;
    while (offset > 0 && ((unsigned char)source->bytes[offset] & 0xC0) == 0x80) offset--;
    return offset;
}

/* Bytes that are no text, found before any token is. */
static int error_bytes(struct error *err, const struct yaml_source *source,
                       const yaml_parser_t *parser)
{
    size_t offset = parser->problem_offset;
    int line = 1, column = 1;

    if (offset > source->length) offset = source->length;
    if (strstr(parser->problem, "trailing") != NULL) offset = sequence_begin(source, offset);
    yaml_raw_place(source, offset, &line, &column);
    if (strcmp(parser->problem, "control characters are not allowed") != 0)
        return error_at(err, source->file, line, column,
                        "this is not valid UTF-8 (byte 0x%02X)",
                        (unsigned)(unsigned char)source->bytes[offset]);
    if (parser->problem_value == 0)
        return error_at(err, source->file, line, column, "a NUL byte is not allowed");
    return error_at(
        err, source->file, line, column,
        "the control character U+%04X is not allowed; write it as an escape in \"…\"",
        (unsigned)parser->problem_value);
}

/* Whether nothing but blanks and line breaks follows offset. */
static bool at_end(const struct yaml_source *source, size_t offset)
{
    return offset + strspn(source->bytes + offset, " \t\r\n") >= source->length;
}

/* Whether a quote is closed right before offset, so that the text goes on behind it. */
static bool follows_quote(const struct yaml_source *source, size_t offset)
{
    size_t begin = yaml_raw_line_begin(source, offset);

    while (offset > begin && source->bytes[offset - 1] == ' ') offset--;
    return offset > begin && strchr("'\"", source->bytes[offset - 1]) != NULL;
}

/* Whether the line of offset goes on with a text that the line before it has begun: it is
 * neither an element nor a key, and the one before holds more than a key. */
static bool continues(const struct yaml_source *source, size_t offset)
{
    const char *bytes = source->bytes;
    size_t begin = yaml_raw_line_begin(source, offset);
    size_t before = begin > 0 ? begin - 1 : 0;
    size_t key = 0;

    while (before > 0 && strchr(" \r\n", bytes[before]) != NULL) before--;
    if (before == 0 || strchr(":-", bytes[before]) != NULL) return false;
    begin += strspn(bytes + begin, " ");
    if (bytes[begin] == '-' && bytes[begin + 1] == ' ') return false;
    key = begin;
    while (isalnum((unsigned char)bytes[key]) || bytes[key] == '_') key++;
    return key == begin || bytes[key] != ':';
}

/* Whether the line before that of offset ends in a comment behind some text. */
static bool follows_comment(const struct yaml_source *source, size_t offset)
{
    const char *bytes = source->bytes;
    size_t end = yaml_raw_line_begin(source, offset);
    size_t begin = 0;

    if (end == 0) return false;
    begin = yaml_raw_line_begin(source, --end);
    begin += strspn(bytes + begin, " ");
    for (size_t i = begin + 1; i < end; i++)
        if (bytes[i] == '#' && bytes[i - 1] == ' ') return true;
    return false;
}

/* Better words than the table's, where the bytes around the problem tell more. Returns -1 with
 * err, or 0 where they don't. */
static int error_nearby(struct error *err, const struct yaml_source *source,
                        const yaml_parser_t *parser, const struct words *words, size_t offset)
{
    const yaml_mark_t *context = &parser->context_mark;
    const yaml_mark_t *mark = words->at_context ? context : &parser->problem_mark;
    char at = source->bytes[offset];

    if (at == '{' && offset > 0 && source->bytes[offset - 1] == '$')
        return error_placeholder(err, source, offset - 1);
    if (at == '\t' && words->quote)
        return error_at(err, source->file, (int)mark->line + 1, (int)mark->column + 1, "%s",
                        TAB);
    if (words->text == FLOW_LIST || words->text == FLOW_MAPPING) {
        if (!at_end(source, offset)) return 0;
        return error_at(err, source->file, (int)context->line + 1, (int)context->column + 1,
                        "this '%c' is never closed", words->text == FLOW_LIST ? '[' : '{');
    }
    if (continues(source, offset) && (words->text == COLON || follows_comment(source, offset)))
        return error_at(
            err, source->file, (int)mark->line + 1, (int)mark->column + 1, "%s%s",
            words->text == COLON ? "': ' begins a mapping here"
                                 : "a comment ends the text before this",
            "; begin a text of several lines with '|', which keeps them as they are");
    if (words->at_context || words->quote || !follows_quote(source, offset)) return 0;
    return error_quoting(err, source, mark, text_begin(source, offset),
                         "text follows a closing quote; put quotes around all of it");
}

int yaml_syntax_error(struct error *err, const struct yaml_source *source,
                      const yaml_parser_t *parser)
{
    const struct words *words = find_words(parser->problem);
    const yaml_mark_t *mark = &parser->problem_mark;
    size_t offset = 0;

    if (parser->error == YAML_MEMORY_ERROR) return error_memory(err);
    if (parser->error == YAML_READER_ERROR) return error_bytes(err, source, parser);
    if (words == NULL)
        return error_at(err, source->file, (int)mark->line + 1, (int)mark->column + 1, "%s",
                        parser->problem);
    if (words->at_context) mark = &parser->context_mark;
    offset = yaml_raw_advance(source, 0, mark->index);
    if (error_nearby(err, source, parser, words, offset) != 0) return -1;
    if (words->quote)
        return error_quoting(err, source, mark, text_begin(source, offset), words->text);
    return error_at(err, source->file, (int)mark->line + 1, (int)mark->column + 1, "%s",
                    words->text);
}
