#ifndef REDFERRY_DRAFT_WORDS_H
#define REDFERRY_DRAFT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"

struct arena;
struct draft_table;

/* A text in the making. */
struct draft {
    const struct draft_table *table;
    const char *prefix;
    struct arena *arena;
    struct buffer text;
    bool failed; /* memory ran out outside of both */
};

/* Append a name as SQL, in quotes where it needs them. */
void draft_words_identifier(struct buffer *buf, const char *name);

/* Append the table's name as SQL. */
void draft_words_table(struct draft *draft);

/* What a column is called in the query's result: itself, where a placeholder can say that.
 * NULL where memory runs out. */
const char *draft_words_result(const struct draft *draft, size_t column);

/* Whether ${*} leaves a column out, and how many it does. */
bool draft_words_is_hidden(const struct draft *draft, size_t column);
size_t draft_words_count_hidden(const struct draft *draft);

/* The columns that a row's Redis key is made of (DRAFT_KEY_MOST at most): the key's; else the
 * one column that may tell most. Returns how many. */
size_t draft_words_identity(const struct draft *draft, size_t *columns);

/* How many parts of the key may hold the ':' that separates them, and how many of those are
 * bytes, which cannot be written as JSON. */
size_t draft_words_count_open(const struct draft_table *table, size_t *bytes);

/* Whether the texts among the key's columns are written as JSON, which says where each ends: as
 * they are, 'a:b' and 'c' would be the same Redis key as 'a' and 'b:c'. A single one may stay.
 */
bool draft_words_is_guarded(const struct draft_table *table);

/* Whether this column is such a text. */
bool draft_words_is_json_part(const struct draft *draft, size_t column);

/* Whether text can stand in a block of YAML without quotes, and is not taken for anything but
 * text. */
bool draft_words_is_plain(const char *text);

/* Append a text as YAML, in quotes; in quotes where it needs them. NULL is one that there was
 * no memory for, which the draft remembers. */
void draft_words_quoted(struct draft *draft, const char *text);
void draft_words_scalar(struct draft *draft, const char *text);

/* What was appended behind begin, taken off again, terminated, in the arena; NULL where memory
 * runs out. */
const char *draft_words_take_back(struct draft *draft, size_t begin);

#endif
