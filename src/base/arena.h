#ifndef REDFERRY_ARENA_H
#define REDFERRY_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Memory that dies together: everything that belongs to one migration, one document, one
 * answer. {0} is an empty arena. Addresses stay where they are until arena_release().
 */
struct arena {
    struct arena_chunk *chunks;
    bool failed; /* memory ran out at least once */
};

/* Free everything that was allocated from arena; it is empty and usable again. Harmless on {0}.
 */
void arena_release(struct arena *arena);

/* size zeroed bytes, aligned for any type, owned by arena; NULL when memory runs out. */
void *arena_alloc(struct arena *arena, size_t size);

/* count × size zeroed bytes, checked for overflow; NULL when memory runs out. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A copy of length bytes with a NUL behind it; NULL when memory runs out. */
char *arena_copy(struct arena *arena, const void *bytes, size_t length);

/* A copy of a terminated text; NULL for NULL and when memory runs out. */
char *arena_text(struct arena *arena, const char *text);

/* A printf-style text; NULL when memory runs out. */
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
