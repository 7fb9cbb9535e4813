#ifndef REDFERRY_TEMPLATE_H
#define REDFERRY_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "row.h"

struct arena;
struct buffer;
struct error;

/*
 * flag:${name}: literal text and placeholders, compiled once and filled in from each row.
 *   ${column}  ${column:-text}  ${column|json}  ${*}  ${*|json}  $${ for a literal ${
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

#endif
