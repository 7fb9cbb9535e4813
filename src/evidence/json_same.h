#ifndef REDFERRY_JSON_SAME_H
#define REDFERRY_JSON_SAME_H

#include <stddef.h>

/* Whether two JSON texts say the same: spaces, the order of an object's keys and how a number
 * is written (1, 1.0, 1e0) do not count. Returns 1, or 0: they do not, or one of them is no
 * JSON.
 */
int json_same(const char *one, size_t one_length, const char *other, size_t other_length);

/* The same with each element of an array. Returns 1: all of them; 0: not, or it is no array;
 * -1: the array is empty. */
int json_same_each(const char *array, size_t array_length, const char *value,
                   size_t value_length);

#endif
