#ifndef REDFERRY_JSON_H
#define REDFERRY_JSON_H

#include <stddef.h>

struct buffer;

/*
 * JSON text, appended to a buffer. The caller writes brackets, colons and commas; what needs
 * care, quoting, is here. No layout: the shortest form, UTF-8, only what must be escaped is
 * escaped (quote, backslash, control characters as \n \r \t \b \f or \u00xx).
 */

/* Append length bytes as a JSON string. Returns 0, or -1 where they are not valid UTF-8
 * (overlong forms, surrogates and what lies above U+10FFFF included); buf is then as it was. */
int json_append_string(struct buffer *buf, const char *bytes, size_t length);

/* Whether length bytes are valid UTF-8, as above. Returns 1 or 0. */
int json_is_utf8(const char *bytes, size_t length);

#endif
