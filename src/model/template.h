#ifndef REDFERRY_TEMPLATE_H
#define REDFERRY_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"
#include "row.h"

struct arena;
struct error;

/*
 * flag:${name}: literal text and placeholders, compiled once and filled in from each row.
 *   ${column}  ${column:-text}  ${column|json}  ${*}  ${*|json}  $${ for a literal ${
 * A column's name ends at the first '}', '|' or ':-'; a query gives a column with such a name
 * another one (AS). In :-text, \} stands for }, and $${ for ${.
 * A template lives in the arena it was parsed into. Parsing knows no columns; binding finds
 * each placeholder's column in a query's result; rendering needs a row of just that result.
 */
struct template;

/* Parse length bytes. ${*} is accepted and must be the whole template (template_is_pairs()).
 * Returns 0 with *out in arena, or -1 with err (ERROR_INVALID, no place in it): an unclosed or
 * empty placeholder, an unknown suffix, with what would be right. */
int template_parse(struct template **out, const char *text, size_t length, struct arena *arena,
                   struct error *err);

/* Whether it is ${*} alone: names and values as arguments of their own. Such a template is
 * rendered by its command, not by template_render(). */
bool template_is_pairs(const struct template *template);

/* Whether it holds no placeholder at all; then *text (borrowed, terminated) and *length are
 * what it says. */
bool template_is_literal(const struct template *template, const char **text, size_t *length);

/* The literal bytes in front of the first placeholder, borrowed: "flag:" of flag:${name}. */
void template_prefix(const struct template *template, const char **text, size_t *length);

/* Append the template as it was written, "flag:${name}". */
void template_append(const struct template *template, struct buffer *buf);

/* The names of the columns that placeholders ask for: the index-th, borrowed, or NULL behind
 * the last. */
const char *template_column(const struct template *template, size_t index);

/* Find each placeholder's column. Returns 0, or -1 with err (ERROR_INVALID): "unknown column
 * 'x'; the query has a, b". May be called again with other columns. */
int template_bind(struct template *template, const struct columns *columns, struct error *err);

/* Append the bytes for row to buf. Returns 0, or -1 with err (ERROR_FAILED) naming the column:
 * a NULL where none may be, JSON that is not UTF-8, no memory. buf then holds part of it. */
int template_render(const struct template *template, const struct row *row, struct buffer *buf,
                    struct error *err);

enum template_piece_kind {
    TEMPLATE_LITERAL,
    TEMPLATE_VALUE,      /* ${column}, ${column:-text} */
    TEMPLATE_VALUE_JSON, /* ${column|json} */
    TEMPLATE_ROW_JSON,   /* ${*|json} */
    TEMPLATE_PAIRS       /* ${*} */
};

/* What a template is made of, for commands, which lay out its bytes themselves. */
struct template_piece {
    enum template_piece_kind kind;
    const char *text; /* a literal's bytes; a placeholder's column, terminated, or "*" */
    size_t length;
    const char *otherwise; /* what stands for a NULL; NULL: nothing does */
    size_t otherwise_length;
    size_t column; /* the column's index, once it is bound */
};

/* The pieces, in order, borrowed. */
const struct template_piece *template_pieces(const struct template *template, size_t *count);

/* Fill err with "column 'x' is NULL; …" for a placeholder. Returns -1. */
int template_null_error(const struct template_piece *piece, struct error *err);

/*
 * A template in the making, for who finds its text inside another notation: a command line has
 * quotes and escapes around placeholders, and what an escape made is never a placeholder.
 * {0} is an empty draft. Running out of memory is sticky and shows when the draft is finished.
 */
struct template_draft {
    struct buffer text;  /* literal bytes, and placeholders as written */
    struct buffer spans; /* where in it the placeholders stand */
};

/* Free it. Harmless on {0}. */
void template_draft_release(struct template_draft *draft);

/* Append one literal byte. */
void template_draft_char(struct template_draft *draft, char c);

/* Where text begins with a placeholder or with $${, append that. Returns how many bytes of text
 * it took, 0 where text begins with neither, or -1 with err (ERROR_INVALID): an unclosed
 * placeholder. */
long template_draft_take(struct template_draft *draft, const char *text, size_t length,
                         struct error *err);

/* Compile the draft and empty it. Returns as template_parse() does. */
int template_draft_finish(struct template_draft *draft, struct template **out,
                          struct arena *arena, struct error *err);

#endif
