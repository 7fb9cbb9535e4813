/*
 * Growable bytes: what is too rare or too long to be inlined from the header.
 *
 * One buffer is reused for everything a connection sends, so it only ever grows, by doubling,
 * and is not given back between uses. There is no reading position here: who consumes piece by
 * piece keeps its own, and moves the rest to the front once.
 */
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

void buffer_release(struct buffer *buf)
{
    free(buf->bytes);
    *buf = (struct buffer){0};
}

void buffer_clear(struct buffer *buf)
{
    buf->length = 0;
    buf->failed = false;
}

char *buffer_grow(struct buffer *buf, size_t extra)
{
    size_t capacity = buf->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : buf->capacity;
    if (buf->failed) return NULL;

    while (capacity - buf->length <= extra && capacity <= PTRDIFF_MAX / 2) capacity *= 2;
    char *bytes = capacity - buf->length > extra ? realloc(buf->bytes, capacity) : NULL;
    if (bytes == NULL) {
        buf->failed = true;
        return NULL;
    }
    buf->bytes = bytes;
    buf->capacity = capacity;
    return buf->bytes + buf->length;
}

void buffer_append_text(struct buffer *buf, const char *text)
{
    buffer_append(buf, text, strlen(text));
}

void buffer_append_hexadecimal(struct buffer *buf, const char *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)bytes[i];
        buffer_append_char(buf, digits[byte >> 4]);
        buffer_append_char(buf, digits[byte & 15]);
    }
}

void buffer_append_integer(struct buffer *buf, int64_t number)
{
    char digits[20]; /* a sign and 19 digits */
    size_t start = sizeof digits;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do {
        digits[--start] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) digits[--start] = '-';
    buffer_append(buf, digits + start, sizeof digits - start);
}

void buffer_append_format(struct buffer *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);

    char *room = length < 0 ? NULL : buffer_reserve(buf, (size_t)length);
    if (room == NULL) {
        buf->failed = true;
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(room, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buf->length += (size_t)length;
}

void buffer_consume(struct buffer *buf, size_t length)
{
    if (length >= buf->length) {
        buf->length = 0;
        return;
    }
    memmove(buf->bytes, buf->bytes + length, buf->length - length);
    buf->length -= length;
}

bool buffer_failed(const struct buffer *buf)
{
    return buf->failed;
}

const char *buffer_text(struct buffer *buf)
{
    char *end = buffer_reserve(buf, 0);
    if (end == NULL) return NULL;
    *end = '\0';
    return buf->bytes;
}
