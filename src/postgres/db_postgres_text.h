#ifndef REDFERRY_DB_POSTGRES_TEXT_H
#define REDFERRY_DB_POSTGRES_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "row.h"

struct buffer;

/* How PostgreSQL's own text of a value becomes the text that both databases share. */
enum db_postgres_form {
    FORM_AS_IT_STANDS,
    FORM_BOOLEAN,    /* t, f → true, false */
    FORM_BYTES,      /* \x6162 → the bytes */
    FORM_TIMESTAMP,  /* 2025-03-01 09:00:00 → 2025-03-01T09:00:00 */
    FORM_TIMESTAMPTZ /* 2025-03-01 09:00:00+00 → 2025-03-01T09:00:00Z */
};

/*
 * Split one line of COPY's text form, length bytes, at its tabs, and undo its escapes in place.
 * Where there are as many columns, the fields become values of the columns' kinds, or
 * VALUE_NULL, that borrow from line. Returns how many fields there are.
 */
size_t db_postgres_text_split(char *line, size_t length, const struct columns *columns,
                              struct value *values);

/* Give value, whose bytes are bytes, its form in place. Its kind is the caller's. */
void db_postgres_text_convert(enum db_postgres_form form, char *bytes, struct value *value);

/* Whether a statement means the same under all settings, so that it may come in one message
 * with what makes them: a message is decoded, and cut into words, as a whole. */
bool db_postgres_text_is_plain(const char *statement);

/* Append value, not NULL, as a literal in quotes, for standard_conforming_strings = on. Returns
 * 0, or -1 for a text with a NUL, which PostgreSQL cannot hold. */
int db_postgres_text_append_literal(struct buffer *sql, const struct value *value);

#endif
