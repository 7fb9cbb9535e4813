/*
 * Running out of memory, on purpose: the linker's --wrap puts these in front of the allocator.
 *
 * For one thread at a time; free() is left alone.
 */
#include "alloc_fail.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *bytes, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *bytes, size_t size);

static size_t seen;
static size_t failing; /* 0: none */
static bool failing_forever;
static bool happened;

void alloc_fail_at(size_t nth, bool forever)
{
    seen = 0;
    failing = nth;
    failing_forever = forever;
    happened = false;
}

void alloc_fail_never(void)
{
    alloc_fail_at(0, false);
}

bool alloc_fail_happened(void)
{
    return happened;
}

static bool fails(void)
{
    seen++;
    if (failing == 0 || seen < failing || (seen > failing && !failing_forever)) return false;
    happened = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *bytes, size_t size)
{
    return fails() ? NULL : __real_realloc(bytes, size);
}
