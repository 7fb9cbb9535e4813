/*
 * Memory that dies together.
 *
 * A parsed migration is hundreds of small texts and arrays with one life: they are cut from
 * chunks in turn and given back at once. Nothing is freed alone, nothing moves. What is larger
 * than a chunk gets one of its own. Not for memory that lives a row long: that is what a reused
 * buffer is for.
 */
#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 4096 - 64 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t size;
    max_align_t bytes[];
};

void arena_release(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunks;
    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *arena = (struct arena){0};
}

/* A zeroed chunk with room for size bytes; NULL when memory runs out. */
static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
    size_t room = size < CHUNK_SIZE ? CHUNK_SIZE : size;
    struct arena_chunk *chunk =
        room > PTRDIFF_MAX - sizeof *chunk ? NULL : calloc(1, sizeof *chunk + room);
    if (chunk == NULL) {
        arena->failed = true;
        return NULL;
    }
    chunk->size = room;

    /* A chunk for one large thing goes second: the first one has room left. */
    struct arena_chunk **place = &arena->chunks;
    if (size > CHUNK_SIZE && *place != NULL) place = &(*place)->next;
    chunk->next = *place;
    *place = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t alignment = _Alignof(max_align_t);
    if (size > PTRDIFF_MAX) {
        arena->failed = true;
        return NULL;
    }
    size_t rounded = (size + alignment - 1) / alignment * alignment;
    /* Even nothing gets an address of its own. */
    if (rounded == 0) rounded = alignment;

    struct arena_chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->size - chunk->used < rounded) chunk = add_chunk(arena, rounded);
    if (chunk == NULL) return NULL;
    void *bytes = (char *)chunk->bytes + chunk->used;
    chunk->used += rounded;
    return bytes;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    if (size > 0 && count > PTRDIFF_MAX / size) {
        arena->failed = true;
        return NULL;
    }
    return arena_alloc(arena, count * size);
}

char *arena_copy(struct arena *arena, const void *bytes, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    if (copy != NULL && length > 0) memcpy(copy, bytes, length);
    return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
    return text == NULL ? NULL : arena_copy(arena, text, strlen(text));
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        arena->failed = true;
        return NULL;
    }

    char *text = arena_alloc(arena, (size_t)length + 1);
    if (text == NULL) return NULL;
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}
