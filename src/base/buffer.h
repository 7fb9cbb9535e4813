#ifndef REDFERRY_BUFFER_H
#define REDFERRY_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Growable bytes. {0} is an empty buffer. Running out of memory is sticky: the buffer remembers it,
 * further appends do nothing, and who needs the bytes asks buffer_failed() once at the end.
 * The bytes move when the buffer grows; a pointer into it is good until the next append.
 */
struct buffer {
    char *bytes;
    size_t length;
    size_t capacity;
    bool failed;
};

/* Free the bytes; buf is empty and usable again. Harmless on {0}. */
void buffer_release(struct buffer *buf);

/* Set the length to 0, keep the memory, forget a failure. */
void buffer_clear(struct buffer *buf);

/* Make room for extra more bytes behind the length and return where they go, or NULL when memory ran
 * out (and buf has failed). The caller writes there and then adds to buf->length what it wrote. */
char *buffer_reserve(struct buffer *buf, size_t extra);

/* Append length bytes, one byte, a terminated text, a decimal integer. */
void buffer_append(struct buffer *buf, const void *bytes, size_t length);
void buffer_append_char(struct buffer *buf, char c);
void buffer_append_text(struct buffer *buf, const char *text);
void buffer_append_integer(struct buffer *buf, int64_t number);

/* Append a printf-style text. */
void buffer_append_format(struct buffer *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Remove the first length bytes (at most all of them) and move the rest to the front. */
void buffer_consume(struct buffer *buf, size_t length);

/* Whether memory ran out since the last clear. */
bool buffer_failed(const struct buffer *buf);

/* The bytes with a NUL behind the last one, which does not count in length; NULL when buf has failed. */
const char *buffer_text(struct buffer *buf);

#endif
