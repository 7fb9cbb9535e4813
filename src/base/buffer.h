#ifndef REDFERRY_BUFFER_H
#define REDFERRY_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Growable bytes. {0} is an empty buffer. Running out of memory is sticky: the buffer remembers
 * it, further appends do nothing, and who needs the bytes asks buffer_failed() once at the end.
 * The bytes move when the buffer grows; a pointer into it is good until the next append.
 */
struct buffer {
    char *bytes;
    size_t length;
    size_t
        capacity; /* more than length once there are bytes: the NUL of buffer_text() has room */
    bool failed;
};

/* Free the bytes; buf is empty and usable again. Harmless on {0}. */
void buffer_release(struct buffer *buf);

/* Set the length to 0, keep the memory, forget a failure. */
void buffer_clear(struct buffer *buf);

/* What buffer_reserve() does when the room is not there yet; for its use only. */
char *buffer_grow(struct buffer *buf, size_t extra);

/* Make room for extra more bytes behind the length and return where they go, or NULL when
 * memory ran out (and buf has failed). The caller writes there and then adds to buf->length
 * what it wrote. */
static inline char *buffer_reserve(struct buffer *buf, size_t extra)
{
    if (extra < buf->capacity - buf->length && !buf->failed) return buf->bytes + buf->length;
    return buffer_grow(buf, extra);
}

/* Copy length bytes to where there is room for them. Returns the place behind them. Up to 16,
 * as most values have, are two words that may overlap, which is less than a call. */
static inline char *bytes_put(char *to, const char *from, size_t length)
{
    if (length > 16) {
        memcpy(to, from, length);
    } else if (length >= 8) {
        uint64_t head, tail;
        memcpy(&head, from, 8);
        memcpy(&tail, from + length - 8, 8);
        memcpy(to, &head, 8);
        memcpy(to + length - 8, &tail, 8);
    } else if (length >= 4) {
        uint32_t head, tail;
        memcpy(&head, from, 4);
        memcpy(&tail, from + length - 4, 4);
        memcpy(to, &head, 4);
        memcpy(to + length - 4, &tail, 4);
    } else if (length > 0) {
        to[0] = from[0];
        to[length / 2] = from[length / 2];
        to[length - 1] = from[length - 1];
    }
    return to + length;
}

/* Append length bytes, which are not buf's own. */
static inline void buffer_append(struct buffer *buf, const void *bytes, size_t length)
{
    char *room = buffer_reserve(buf, length);
    if (room == NULL || length == 0) return;
    memcpy(room, bytes, length);
    buf->length += length;
}

/* Append one byte. */
static inline void buffer_append_char(struct buffer *buf, char c)
{
    char *room = buffer_reserve(buf, 1);
    if (room == NULL) return;
    *room = c;
    buf->length++;
}

/* Append a terminated text, which is not buf's own. */
void buffer_append_text(struct buffer *buf, const char *text);

/* Append length bytes as hexadecimal digits, two each. */
void buffer_append_hexadecimal(struct buffer *buf, const char *bytes, size_t length);

/* Append number in decimal. */
void buffer_append_integer(struct buffer *buf, int64_t number);

/* Append a printf-style text. */
void buffer_append_format(struct buffer *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Remove the first length bytes (at most all of them) and move the rest to the front. */
void buffer_consume(struct buffer *buf, size_t length);

/* Whether memory ran out since the last clear. */
bool buffer_failed(const struct buffer *buf);

/* The bytes with a NUL behind the last one, which does not count in length; NULL when buf has
 * failed. */
const char *buffer_text(struct buffer *buf);

#endif
