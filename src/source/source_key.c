/*
 * Keys of rows: kept, compared with the next row's, and written down as a cursor.
 *
 * A cursor is compared with the database's own values when a step goes on, perhaps days later,
 * so it must come back exactly as it was, type and all: in SQLite 1, 1.0 and '1' are different
 * keys. JSON has integers and texts; what it lacks (bytes, floats that read back the same,
 * texts that are not UTF-8) becomes an object with one member that says what it is.
 */
#include "source_key.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "json.h"

enum { MOST_SHOWN = 120 };

int source_key_init(struct source_key *key, size_t count, struct error *err)
{
    *key = (struct source_key){.count = count};
    key->values = calloc(count + 1, sizeof *key->values);
    return key->values == NULL ? error_memory(err) : 0;
}

void source_key_release(struct source_key *key)
{
    free(key->values);
    buffer_release(&key->bytes);
    *key = (struct source_key){0};
}

/* Let the values, whose bytes lie one behind the other, point to them: appending moved them. */
static int settle(struct source_key *key, struct error *err)
{
    const char *at = buffer_text(&key->bytes);
    key->present = at != NULL;
    if (at == NULL) return error_memory(err);
    for (size_t i = 0; i < key->count; i++) {
        key->values[i].bytes = at;
        at += key->values[i].length;
    }
    return 0;
}

int source_key_keep(struct source_key *key, const struct value *values, struct error *err)
{
    size_t length = 0;
    for (size_t i = 0; i < key->count; i++) length += values[i].length;
    buffer_clear(&key->bytes);
    char *at = buffer_reserve(&key->bytes, length);
    key->present = at != NULL;
    if (at == NULL) return error_memory(err);
    key->bytes.length = length;
    for (size_t i = 0; i < key->count; i++) {
        key->values[i] = (struct value){values[i].kind, at, values[i].length};
        at = bytes_put(at, values[i].bytes, values[i].length);
    }
    return 0;
}

/* ---- comparing -------------------------------------------------------------------------- */

static bool is_number(const struct value *value)
{
    return value->kind == VALUE_INTEGER || value->kind == VALUE_FLOAT;
}

static double as_double(const struct value *value)
{
    char text[VALUE_FLOAT_SIZE] = "";
    memcpy(text, value->bytes, value->length < sizeof text ? value->length : sizeof text - 1);
    return strtod(text, NULL);
}

/* An integer and a float, exactly: a float holds only some of the integers beyond 2^53. */
static bool same_mixed(const struct value *integer, const struct value *real)
{
    char text[VALUE_FLOAT_SIZE] = "";
    double number = as_double(real);
    memcpy(text, integer->bytes,
           integer->length < sizeof text ? integer->length : sizeof text - 1);
    /* -2^63 is a double, 2^63 - 1 is none */
    if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0)) return false;
    return number == (double)(int64_t)number && (int64_t)number == strtoll(text, NULL, 10);
}

/* What is not equal differs at the end more often: neighbours in an order begin alike. */
static bool same_bytes(const struct value *a, const struct value *b)
{
    if (a->length != b->length) return false;
    if (a->length == 0) return true;
    const size_t last = a->length - 1;
    return a->bytes[last] == b->bytes[last] && memcmp(a->bytes, b->bytes, last) == 0;
}

static bool same(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_FLOAT && b->kind == VALUE_FLOAT) return as_double(a) == as_double(b);
    if (a->kind == b->kind) return same_bytes(a, b);
    if (!is_number(a) || !is_number(b)) return false;
    return a->kind == VALUE_INTEGER ? same_mixed(a, b) : same_mixed(b, a);
}

bool source_key_equals(const struct source_key *key, const struct value *values)
{
    if (!key->present) return false;
    for (size_t i = 0; i < key->count; i++) {
        if (!same(&key->values[i], &values[i])) return false;
    }
    return true;
}

/* ---- as JSON ---------------------------------------------------------------------------- */

static void append_hex(struct buffer *buf, const struct value *value)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < value->length; i++) {
        unsigned char byte = (unsigned char)value->bytes[i];
        buffer_append_char(buf, digits[byte >> 4]);
        buffer_append_char(buf, digits[byte & 15]);
    }
}

static void write_value(const struct value *value, struct buffer *json)
{
    if (value->kind == VALUE_INTEGER) {
        buffer_append(json, value->bytes, value->length);
    } else if (value->kind == VALUE_FLOAT) {
        buffer_append_text(json, "{\"real\":\"");
        buffer_append(json, value->bytes, value->length);
        buffer_append_text(json, "\"}");
    } else if (value->kind == VALUE_BYTES || !json_is_utf8(value->bytes, value->length)) {
        buffer_append_text(json, value->kind == VALUE_BYTES ? "{\"blob\":\"" : "{\"text\":\"");
        append_hex(json, value);
        buffer_append_text(json, "\"}");
    } else {
        (void)json_append_string(json, value->bytes, value->length);
    }
}

void source_key_write(const struct source_key *key, struct buffer *json)
{
    for (size_t i = 0; i < key->count; i++) {
        buffer_append_char(json, i == 0 ? '[' : ',');
        write_value(&key->values[i], json);
    }
    buffer_append_char(json, ']');
}

static int nibble(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = digit == '\0' ? NULL : strchr(digits, digit);
    return found == NULL ? -1 : (int)(found - digits);
}

static int append_unhexed(struct buffer *bytes, const char *hex, size_t length)
{
    if (length % 2 != 0) return -1;
    for (size_t i = 0; i < length; i += 2) {
        int high = nibble(hex[i]), low = nibble(hex[i + 1]);
        if (high < 0 || low < 0) return -1;
        buffer_append_char(bytes, (char)(high << 4 | low));
    }
    return 0;
}

/* The object's one member: which kind it says the value is. */
static int read_marked(const json_t *object, enum value_kind *kind, struct buffer *bytes)
{
    static const struct {
        const char *name;
        enum value_kind kind;
    } marks[] = {{"real", VALUE_FLOAT}, {"blob", VALUE_BYTES}, {"text", VALUE_TEXT}};

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const json_t *member = json_object_get(object, marks[i].name);
        const char *text = json_string_value(member);
        if (text == NULL || json_object_size(object) != 1) continue;
        *kind = marks[i].kind;
        if (*kind != VALUE_FLOAT)
            return append_unhexed(bytes, text, json_string_length(member));
        buffer_append_text(bytes, text);
        return 0;
    }
    return -1;
}

static int read_value(const json_t *json, struct value *value, struct buffer *bytes)
{
    size_t begin = bytes->length;
    int status = 0;
    if (json_is_integer(json)) {
        value->kind = VALUE_INTEGER;
        buffer_append_integer(bytes, json_integer_value(json));
    } else if (json_is_string(json)) {
        value->kind = VALUE_TEXT;
        buffer_append(bytes, json_string_value(json), json_string_length(json));
    } else {
        status = json_is_object(json) ? read_marked(json, &value->kind, bytes) : -1;
    }
    value->length = bytes->length - begin;
    return status;
}

int source_key_read(struct source_key *key, const char *json, struct error *err)
{
    json_error_t reason;
    int status = 0;
    json_t *array = json_loads(json, JSON_ALLOW_NUL, &reason);
    buffer_clear(&key->bytes);
    if (!json_is_array(array) || json_array_size(array) != key->count) status = -1;
    for (size_t i = 0; status == 0 && i < key->count; i++)
        status = read_value(json_array_get(array, i), &key->values[i], &key->bytes);
    json_decref(array);
    if (status != 0)
        return error_set(
            err, ERROR_OPERATOR,
            "the cursor %.200s does not fit the step's `key`; look at what is in Redis, then "
            "`redferry repair VERSION` begins anew",
            json);
    return settle(key, err);
}

/* ---- for people ------------------------------------------------------------------------- */

static bool is_bare(const struct value *value)
{
    return is_number(value) || value->kind == VALUE_NUMERIC || value->kind == VALUE_BOOLEAN;
}

/* As SQL would write it; a byte that ends a C text becomes a blank. */
static void append_value(struct buffer *text, const struct value *value)
{
    struct value shown = *value;
    if (value->kind == VALUE_NULL) {
        buffer_append_text(text, "NULL");
        return;
    }
    if (shown.length > MOST_SHOWN) shown.length = MOST_SHOWN;
    while (shown.length < value->length && shown.length > 0 &&
           ((unsigned char)shown.bytes[shown.length] & 0xC0) == 0x80)
        shown.length--;

    if (!is_bare(value)) buffer_append_text(text, value->kind == VALUE_BYTES ? "'\\x" : "'");
    if (value->kind == VALUE_BYTES)
        append_hex(text, &shown);
    else
        for (size_t i = 0; i < shown.length; i++)
            buffer_append_char(text, shown.bytes[i] == '\0' ? ' ' : shown.bytes[i]);
    if (shown.length < value->length) buffer_append_text(text, "…");
    if (!is_bare(value)) buffer_append_char(text, '\'');
}

void source_key_append_text(struct buffer *text, const struct value *values, size_t count)
{
    if (count > 1) buffer_append_char(text, '(');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) buffer_append_text(text, ", ");
        append_value(text, &values[i]);
    }
    if (count > 1) buffer_append_char(text, ')');
}
