#ifndef REDFERRY_SOURCE_KEY_H
#define REDFERRY_SOURCE_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"
#include "value.h"

struct error;

/* The key of one row, kept beyond it: values as the database holds them. Caller's storage. */
struct source_key {
    struct value *values; /* count of them; they borrow from bytes */
    size_t count;
    struct buffer bytes;
    bool present; /* false: no key is kept yet */
};

/* Prepare for keys of count values. Returns 0, or -1 with err (no memory). */
int source_key_init(struct source_key *key, size_t count, struct error *err);

/* Free what key holds. Harmless on {0}. */
void source_key_release(struct source_key *key);

/* Keep a copy of values. Returns 0, or -1 with err (no memory). */
int source_key_keep(struct source_key *key, const struct value *values, struct error *err);

/* Whether values are the kept key: the same bytes of the same kind, or the same number. */
bool source_key_equals(const struct source_key *key, const struct value *values);

/*
 * Append the kept key as a JSON array that keeps the types of its values: an integer; a text as
 * a string, or {"text":"<hex>"} where it is not UTF-8; {"real":"0.1"}; {"blob":"<hex>"}.
 */
void source_key_write(const struct source_key *key, struct buffer *json);

/* Keep the key that source_key_write() wrote. Returns 0, or -1 with err: not such a text, or
 * not of count values. */
int source_key_read(struct source_key *key, const char *json, struct error *err);

/* Append count values as an error names a row: 'a' or ('a', 3), shortened where long. */
void source_key_append_text(struct buffer *text, const struct value *values, size_t count);

#endif
