/*
 * JSON held against JSON.
 *
 * A document that was sent comes back in another text: RedisJSON leaves out blanks, keeps keys
 * in an order of its own, and writes numbers as it likes. So texts are read (by jansson) and
 * what they say is compared. Numbers are compared as numbers, whichever of JSON's ways they are
 * written in: jansson's own json_equal() takes 1 and 1.0 for different. Whole numbers of more
 * than 64 bits are compared as floats, as RedisJSON keeps them.
 */
#include "json_same.h"

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

static json_t *read_json(const char *bytes, size_t length)
{
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t why;
    json_t *json = json_loadb(bytes, length, flags, &why);
    return json != NULL ? json
                        : json_loadb(bytes, length, flags | JSON_DECODE_INT_AS_REAL, &why);
}

static bool are_same(const json_t *one, const json_t *other);

static bool are_same_objects(const json_t *one, const json_t *other)
{
    const char *name = NULL;
    json_t *value = NULL;
    if (json_object_size(one) != json_object_size(other)) return false;
    /* Its arguments are not const, and it changes nothing. */
    json_object_foreach((json_t *)(uintptr_t)one, name, value)
    {
        const json_t *match = json_object_get(other, name);
        if (match == NULL || !are_same(value, match)) return false;
    }
    return true;
}

static bool are_same_arrays(const json_t *one, const json_t *other)
{
    const size_t size = json_array_size(one);
    if (size != json_array_size(other)) return false;
    for (size_t i = 0; i < size; i++)
        if (!are_same(json_array_get(one, i), json_array_get(other, i))) return false;
    return true;
}

/* A document is at most as deep as jansson reads it (2048). */
static bool are_same(const json_t *one, const json_t *other)
{
    if (json_is_integer(one) && json_is_integer(other))
        return json_integer_value(one) == json_integer_value(other);
    if (json_is_number(one) && json_is_number(other))
        return !(json_number_value(one) < json_number_value(other)) &&
               !(json_number_value(one) > json_number_value(other));
    if (json_typeof(one) != json_typeof(other)) return false;
    if (json_is_object(one)) return are_same_objects(one, other);
    if (json_is_array(one)) return are_same_arrays(one, other);
    return json_equal(one, other) != 0;
}

int json_same(const char *one, size_t one_length, const char *other, size_t other_length)
{
    json_t *first = read_json(one, one_length);
    json_t *second = read_json(other, other_length);
    const int result = first != NULL && second != NULL && are_same(first, second);
    json_decref(first);
    json_decref(second);
    return result;
}

int json_same_each(const char *array, size_t array_length, const char *value,
                   size_t value_length)
{
    json_t *matches = read_json(array, array_length);
    json_t *wanted = read_json(value, value_length);
    int result = 0;
    if (json_is_array(matches) && wanted != NULL) {
        const size_t count = json_array_size(matches);
        result = count == 0 ? -1 : 1;
        for (size_t i = 0; i < count; i++)
            if (!are_same(json_array_get(matches, i), wanted)) result = 0;
    }
    json_decref(matches);
    json_decref(wanted);
    return result;
}
