#ifndef REDFERRY_VALUE_H
#define REDFERRY_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;

/* What a SQL value is, as far as its text and its JSON depend on it. */
enum value_kind {
    VALUE_NULL,
    VALUE_TEXT,    /* text, and every type that is shown by the database's own text */
    VALUE_BYTES,   /* bytea, BLOB: raw bytes */
    VALUE_INTEGER, /* decimal */
    VALUE_NUMERIC, /* decimal with a fraction, or NaN, Infinity, -Infinity */
    VALUE_FLOAT,   /* the shortest text that reads back the same */
    VALUE_BOOLEAN, /* "true" or "false" */
    VALUE_JSON     /* a JSON document as it stands */
};

/* One SQL cell: its kind and its text in the form that both databases share. The bytes are
 * borrowed and may hold anything, NUL included. NULL has no bytes. */
struct value {
    enum value_kind kind;
    const char *bytes;
    size_t length;
};

enum { VALUE_FLOAT_SIZE = 32 };

/* A value of kind VALUE_TEXT over a terminated text; VALUE_NULL for NULL. */
struct value value_text(const char *text);

/* A value of kind VALUE_INTEGER whose digits are written to text (at least 24 bytes), which the
 * value borrows. */
struct value value_integer(int64_t number, char text[24]);

/* Whether the value is this text, and not NULL. */
bool value_is(const struct value *value, const char *text);

/* Append the value as JSON: text quoted, finite numbers and booleans bare, NaN and infinities
 * quoted, JSON as it stands, NULL as null. Returns 0, or -1 where the text is not valid UTF-8.
 */
int value_append_json(struct buffer *buf, const struct value *value);

/* Write the shortest decimal text that reads back as number, laid out as PostgreSQL lays out a
 * float8 (1e+15, 0.0001, 1e-05, NaN, Infinity, -0). Returns the length; text is terminated. */
size_t value_float_text(double number, char text[VALUE_FLOAT_SIZE]);

#endif
