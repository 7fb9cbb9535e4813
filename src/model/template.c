/*
 * Templates: text with placeholders, taken apart once into pieces and filled in from each row.
 *
 * What a value holds is never looked at: a value cannot end an argument, open a quote or become
 * a placeholder, whatever its bytes are. There are no conditions, no functions and no nesting
 * either: that is what the query is for.
 *
 * A draft separates finding the placeholders from compiling them, so that a command line's
 * quotes and escapes are undone by who knows them, and nothing is interpreted twice.
 */
#include "template.h"

#include <string.h>

#include "arena.h"
#include "error.h"

struct template
{
    struct template_piece *pieces;
    size_t count;
};

struct span {
    size_t begin, end;
};

/* How much of a placeholder an error shows. */
enum { SHOWN = 60 };

static int shown(size_t length)
{
    return length < SHOWN ? (int)length : SHOWN;
}

static bool begins_with(const char *text, size_t length, const char *with, size_t with_length)
{
    return length >= with_length && memcmp(text, with, with_length) == 0;
}

static const char *find(const char *text, size_t length, const char *what)
{
    return memmem(text, length, what, strlen(what));
}

/* ---- drafts ------------------------------------------------------------------------------ */

void template_draft_release(struct template_draft *draft)
{
    buffer_release(&draft->text);
    buffer_release(&draft->spans);
}

void template_draft_char(struct template_draft *draft, char c)
{
    buffer_append_char(&draft->text, c);
}

/* Behind the '}' of the placeholder that text begins with; 0 where it has none. */
static size_t placeholder_end(const char *text, size_t length)
{
    bool in_default = false;
    for (size_t at = 2; at < length; at++) {
        if (text[at] == '}') return at + 1;
        if (!in_default && begins_with(text + at, length - at, "${", 2)) return 0;
        if (!in_default && begins_with(text + at, length - at, ":-", 2)) in_default = true;
        if (in_default && begins_with(text + at, length - at, "\\}", 2)) at++;
    }
    return 0;
}

static int unclosed_error(const char *text, size_t length, struct error *err)
{
    size_t word = 2;
    while (word < length && strchr(" \t\r\n\"'", text[word]) == NULL && text[word] != '$')
        word++;
    return error_set(err, ERROR_INVALID,
                     "unclosed placeholder '%.*s': a '}' is missing (a literal '${' is written "
                     "'$${')",
                     shown(word), text);
}

long template_draft_take(struct template_draft *draft, const char *text, size_t length,
                         struct error *err)
{
    if (begins_with(text, length, "$${", 3)) {
        buffer_append(&draft->text, "${", 2);
        return 3;
    }
    if (!begins_with(text, length, "${", 2)) return 0;
    size_t end = placeholder_end(text, length);
    if (end == 0) return unclosed_error(text, length, err);
    struct span span = {draft->text.length, draft->text.length + end};
    buffer_append(&draft->spans, &span, sizeof(span));
    buffer_append(&draft->text, text, end);
    return (long)end;
}

/* ---- compiling --------------------------------------------------------------------------- */

/* Copy the text behind ':-' with its escapes undone. */
static int compile_default(struct template_piece *piece, const char *text, size_t length,
                           struct arena *arena, struct error *err)
{
    char *otherwise = arena_copy(arena, text, length);
    if (otherwise == NULL) return error_memory(err);
    size_t used = 0;
    for (size_t at = 0; at < length; at++) {
        const char *rest = text + at;
        size_t left = length - at;
        if (begins_with(rest, left, "${", 2))
            return error_set(
                err, ERROR_INVALID,
                "a placeholder inside the ':-' text of '${%s}'; let the query choose "
                "(COALESCE), or write '$${' for a literal '${'",
                piece->text);
        if (begins_with(rest, left, "$${", 3)) {
            otherwise[used++] = '$';
            otherwise[used++] = '{';
            at += 2;
        } else if (begins_with(rest, left, "\\}", 2)) {
            otherwise[used++] = '}';
            at += 1;
        } else {
            otherwise[used++] = *rest;
        }
    }
    piece->otherwise = otherwise;
    piece->otherwise_length = used;
    return 0;
}

static int suffix_error(const char *text, size_t length, struct error *err)
{
    return error_set(err, ERROR_INVALID,
                     "unknown suffix in '${%.*s}'; known are '|json' and, for NULL, ':-text'",
                     shown(length), text);
}

/* Compile ${*} and ${*|json}, what text, without the braces, begins with. */
static int compile_row(struct template_piece *piece, const char *text, size_t length,
                       struct error *err)
{
    if (length == 1)
        piece->kind = TEMPLATE_PAIRS;
    else if (length == strlen("*|json") && memcmp(text, "*|json", length) == 0)
        piece->kind = TEMPLATE_ROW_JSON;
    else
        return error_set(err, ERROR_INVALID,
                         "unknown suffix in '${%.*s}'; the row is '${*}' or '${*|json}'",
                         shown(length), text);
    piece->text = "*";
    piece->length = 1;
    return 0;
}

/* Compile one placeholder; text is what stands between its braces. */
static int compile_placeholder(struct template_piece *piece, const char *text, size_t length,
                               struct arena *arena, struct error *err)
{
    const char *colon = find(text, length, ":-");
    size_t name = colon != NULL ? (size_t)(colon - text) : length;
    const char *bar = memchr(text, '|', name);
    if (bar != NULL) name = (size_t)(bar - text);

    if (name == 0)
        return error_set(err, ERROR_INVALID,
                         "a placeholder without a column: '${%.*s}' (a literal '${' is written "
                         "'$${')",
                         shown(length), text);
    if (memchr(text, '\0', name) != NULL)
        return error_set(err, ERROR_INVALID, "a NUL byte in the name of a column");
    if (name == 1 && text[0] == '*') return compile_row(piece, text, length, err);

    piece->kind = TEMPLATE_VALUE;
    piece->text = arena_copy(arena, text, name);
    piece->length = name;
    if (piece->text == NULL) return error_memory(err);
    if (bar != NULL) {
        if (length - name != strlen("|json") || memcmp(bar, "|json", length - name) != 0)
            return suffix_error(text, length, err);
        piece->kind = TEMPLATE_VALUE_JSON;
    } else if (colon != NULL) {
        return compile_default(piece, colon + 2, length - name - 2, arena, err);
    }
    return 0;
}

static void compile_literal(struct template *template, const char *text, size_t length)
{
    if (length == 0) return;
    template->pieces[template->count++] =
        (struct template_piece){.kind = TEMPLATE_LITERAL, .text = text, .length = length};
}

static int compile(struct template *template, const struct template_draft *draft,
                   struct arena *arena, struct error *err)
{
    const struct span *spans = (const void *)draft->spans.bytes;
    size_t span_count = draft->spans.length / sizeof(*spans);
    size_t length = draft->text.length;
    const char *text = arena_copy(arena, length > 0 ? draft->text.bytes : "", length);
    template->pieces = arena_array(arena, 2 * span_count + 1, sizeof(*template->pieces));
    if (text == NULL || template->pieces == NULL) return error_memory(err);

    size_t at = 0;
    for (size_t i = 0; i < span_count; i++) {
        compile_literal(template, text + at, spans[i].begin - at);
        struct template_piece *piece = &template->pieces[template->count++];
        size_t begin = spans[i].begin + 2;
        if (compile_placeholder(piece, text + begin, spans[i].end - 1 - begin, arena, err) != 0)
            return -1;
        at = spans[i].end;
        if (piece->kind == TEMPLATE_PAIRS && (at != length || begin != 2))
            return error_set(err, ERROR_INVALID,
                             "'${*}' must be an argument of its own, not a part of '%.*s'; the "
                             "row as one text is '${*|json}'",
                             shown(length), text);
    }
    compile_literal(template, text + at, length - at);
    return 0;
}

int template_draft_finish(struct template_draft *draft, struct template **out,
                          struct arena *arena, struct error *err)
{
    struct template *template = arena_alloc(arena, sizeof(*template));
    bool failed =
        template == NULL || buffer_failed(&draft->text) || buffer_failed(&draft->spans);
    int result = failed ? error_memory(err) : compile(template, draft, arena, err);
    if (result == 0) *out = template;
    buffer_clear(&draft->text);
    buffer_clear(&draft->spans);
    return result;
}

int template_parse(struct template **out, const char *text, size_t length, struct arena *arena,
                   struct error *err)
{
    struct template_draft draft = {0};
    int result = 0;
    for (size_t at = 0; at < length;) {
        long taken = template_draft_take(&draft, text + at, length - at, err);
        if (taken < 0) {
            result = -1;
            goto done;
        }
        if (taken == 0) template_draft_char(&draft, text[at]);
        at += taken > 0 ? (size_t)taken : 1;
    }
    result = template_draft_finish(&draft, out, arena, err);
done:
    template_draft_release(&draft);
    return result;
}

/* ---- looking at a template --------------------------------------------------------------- */

const struct template_piece *template_pieces(const struct template *template, size_t *count)
{
    *count = template->count;
    return template->pieces;
}

bool template_is_pairs(const struct template *template)
{
    return template->count == 1 && template->pieces[0].kind == TEMPLATE_PAIRS;
}

bool template_is_literal(const struct template *template, const char **text, size_t *length)
{
    template_prefix(template, text, length);
    return template->count == 0 ||
           (template->count == 1 && template->pieces[0].kind == TEMPLATE_LITERAL);
}

void template_prefix(const struct template *template, const char **text, size_t *length)
{
    bool literal = template->count > 0 && template->pieces[0].kind == TEMPLATE_LITERAL;
    *text = literal ? template->pieces[0].text : "";
    *length = literal ? template->pieces[0].length : 0;
}

/* Append literal bytes, inside a placeholder or not, so that they read as such. */
static void append_literal(struct buffer *buf, const char *text, size_t length, bool is_inside)
{
    for (size_t i = 0; i < length; i++) {
        if (is_inside && text[i] == '}') buffer_append_char(buf, '\\');
        if (text[i] == '$' && i + 1 < length && text[i + 1] == '{')
            buffer_append_char(buf, '$');
        buffer_append_char(buf, text[i]);
    }
}

void template_append(const struct template *template, struct buffer *buf)
{
    static const char *const ends[] = {
        [TEMPLATE_VALUE] = "}",
        [TEMPLATE_VALUE_JSON] = "|json}",
        [TEMPLATE_ROW_JSON] = "|json}",
        [TEMPLATE_PAIRS] = "}",
    };
    for (size_t i = 0; i < template->count; i++) {
        const struct template_piece *piece = &template->pieces[i];
        if (piece->kind == TEMPLATE_LITERAL) {
            append_literal(buf, piece->text, piece->length, false);
            continue;
        }
        buffer_append_text(buf, "${");
        buffer_append(buf, piece->text, piece->length);
        if (piece->otherwise != NULL) {
            buffer_append_text(buf, ":-");
            append_literal(buf, piece->otherwise, piece->otherwise_length, true);
        }
        buffer_append_text(buf, ends[piece->kind]);
    }
}

static bool has_column(const struct template_piece *piece)
{
    return piece->kind == TEMPLATE_VALUE || piece->kind == TEMPLATE_VALUE_JSON;
}

const char *template_column(const struct template *template, size_t index)
{
    for (size_t i = 0; i < template->count; i++)
        if (has_column(&template->pieces[i]) && index-- == 0) return template->pieces[i].text;
    return NULL;
}

/* ---- filling in -------------------------------------------------------------------------- */

static int unknown_column_error(const char *name, const struct columns *columns,
                                struct error *err)
{
    struct buffer names = {0};
    columns_append_names(&names, columns);
    const char *text = buffer_text(&names);
    if (columns->count == 0)
        error_set(err, ERROR_INVALID, "unknown column '%s'; there is no row here", name);
    else
        error_set(err, ERROR_INVALID, "unknown column '%s'; the query has %s", name,
                  text != NULL ? text : "others");
    buffer_release(&names);
    return -1;
}

int template_bind(struct template *template, const struct columns *columns, struct error *err)
{
    for (size_t i = 0; i < template->count; i++) {
        struct template_piece *piece = &template->pieces[i];
        if (!has_column(piece)) continue;
        int column = columns_find(columns, piece->text);
        if (column < 0) return unknown_column_error(piece->text, columns, err);
        piece->column = (size_t)column;
    }
    return 0;
}

int template_null_error(const struct template_piece *piece, struct error *err)
{
    return error_set(err, ERROR_FAILED,
                     "column '%s' is NULL; '${%s:-text}' puts a text in its place", piece->text,
                     piece->text);
}

static int utf8_error(const char *column, struct error *err)
{
    return error_set(err, ERROR_FAILED,
                     "column '%s' is not valid UTF-8, and JSON must be; encode it in the query",
                     column);
}

static int render_value(const struct template_piece *piece, const struct value *value,
                        struct buffer *buf, struct error *err)
{
    if (value->kind != VALUE_NULL)
        buffer_append(buf, value->bytes, value->length);
    else if (piece->otherwise != NULL)
        buffer_append(buf, piece->otherwise, piece->otherwise_length);
    else
        return template_null_error(piece, err);
    return 0;
}

static int render_piece(const struct template_piece *piece, const struct row *row,
                        struct buffer *buf, struct error *err)
{
    int column = -1;
    switch (piece->kind) {
    case TEMPLATE_LITERAL:
        buffer_append(buf, piece->text, piece->length);
        return 0;
    case TEMPLATE_VALUE:
        return render_value(piece, &row->values[piece->column], buf, err);
    case TEMPLATE_VALUE_JSON:
        if (value_append_json(buf, &row->values[piece->column]) != 0)
            return utf8_error(piece->text, err);
        return 0;
    case TEMPLATE_ROW_JSON:
        column = row_append_json(buf, row);
        return column < 0 ? 0 : utf8_error(row->columns->items[column].name, err);
    case TEMPLATE_PAIRS:
        break;
    }
    return error_set(
        err, ERROR_INVALID,
        "'${*}' is several arguments where one text is wanted; the row as one text "
        "is '${*|json}'");
}

int template_render(const struct template *template, const struct row *row, struct buffer *buf,
                    struct error *err)
{
    for (size_t i = 0; i < template->count; i++)
        if (render_piece(&template->pieces[i], row, buf, err) != 0) return -1;
    return buffer_failed(buf) ? error_memory(err) : 0;
}
