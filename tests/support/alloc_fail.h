#ifndef REDFERRY_ALLOC_FAIL_H
#define REDFERRY_ALLOC_FAIL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Running out of memory, on purpose. A test that includes this header is linked so that every
 * malloc, calloc and realloc of redferry's own passes here; those of the libraries it uses do
 * not.
 *
 *     for (size_t nth = 1;; nth++) {
 *         alloc_fail_at(nth, false);
 *         … the work …
 *         if (!alloc_fail_happened()) break;   // it needs fewer than nth allocations
 *         … it said "out of memory", and leaked nothing …
 *     }
 *     alloc_fail_never();
 */

/* Let the nth allocation from now on fail, counting from 1; forever: and all that follow it. */
void alloc_fail_at(size_t nth, bool forever);

/* Let none fail. */
void alloc_fail_never(void);

/* Whether one has failed since alloc_fail_at(). */
bool alloc_fail_happened(void);

#endif
