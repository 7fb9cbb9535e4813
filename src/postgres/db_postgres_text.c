/*
 * PostgreSQL's text, decoded where it lies: the escapes of COPY's text form, and the few types
 * whose text the two databases would otherwise spell differently.
 *
 * Everything only ever becomes shorter, so nothing is allocated. No connection is known here,
 * and no type: who calls says which form a value has.
 */
#include "db_postgres_text.h"

#include <stdbool.h>
#include <string.h>

#include "buffer.h"

/* What the letter behind a backslash stands for; 0: itself. COPY TO writes no others, and never
 * octal or hexadecimal escapes. */
static char unescaped(char letter)
{
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'v':
        return '\v';
    default:
        return letter;
    }
}

/* Undo the escapes of the field that begins at from. Returns where it ends: at a tab, or at
 * end; *length becomes what is left of it. */
static char *decode_field(char *from, char *end, size_t *length)
{
    char *begin = from;
    while (from < end && *from != '\t' && *from != '\\') from++;

    char *to = from;
    while (from < end && *from != '\t') {
        if (*from == '\\' && from + 1 < end) {
            from++;
            *to++ = unescaped(*from++);
        } else {
            *to++ = *from++;
        }
    }
    *length = (size_t)(to - begin);
    return from;
}

/* Where the field that begins at from ends, as decode_field(), in a line without a backslash.
 */
static char *find_end(char *from, char *end, size_t *length)
{
    char *tab = from < end ? memchr(from, '\t', (size_t)(end - from)) : NULL;
    if (tab == NULL) tab = end;
    *length = (size_t)(tab - from);
    return tab;
}

size_t db_postgres_text_split(char *line, size_t length, const struct columns *columns,
                              struct value *values)
{
    size_t fields = 0;
    if (length > 0 && line[length - 1] == '\n') length--;
    char *at = line;
    char *end = line + length;
    const bool escaped = length > 0 && memchr(line, '\\', length) != NULL;

    for (;;) {
        char *begin = at;
        bool is_null = escaped && end - at >= 2 && at[0] == '\\' && at[1] == 'N';
        size_t decoded;
        at = escaped ? decode_field(at, end, &decoded) : find_end(at, end, &decoded);
        if (fields < columns->count) {
            enum value_kind kind = columns->items[fields].kind;
            values[fields] =
                is_null ? (struct value){.kind = VALUE_NULL}
                        : (struct value){.kind = kind, .bytes = begin, .length = decoded};
        }
        fields++;
        if (at >= end) return fields;
        at++;
    }
}

static void convert_boolean(struct value *value)
{
    bool is_true = value->length > 0 && value->bytes[0] == 't';
    value->bytes = is_true ? "true" : "false";
    value->length = is_true ? 4 : 5;
}

static unsigned nibble(char digit)
{
    return (unsigned)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10) & 15;
}

/* The server was told to write bytea_output = hex. */
static void convert_bytes(char *bytes, struct value *value)
{
    if (value->length < 2 || bytes[0] != '\\' || bytes[1] != 'x') return;
    size_t length = value->length / 2 - 1;
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(nibble(bytes[2 * i + 2]) << 4 | nibble(bytes[2 * i + 3]));
    value->length = length;
}

/* The byte within a text of length bytes, looked for first where it usually is; or NULL. */
static char *find(char *bytes, size_t length, char byte, size_t usual)
{
    if (usual < length && bytes[usual] == byte) return bytes + usual;
    return memchr(bytes, byte, length);
}

/* "infinity" has neither a blank nor a zone and stays; years may be longer than four digits,
 * and " BC" may follow. The session's zone is UTC, so the offset is always +00. */
static void convert_timestamp(char *bytes, struct value *value, bool zone)
{
    enum { DATE = sizeof "2025-03-01" - 1, OFFSET = sizeof "+00" - 1 };
    char *blank = find(bytes, value->length, ' ', DATE);
    if (blank == NULL) return;
    *blank = 'T';
    if (!zone) return;

    char *end = bytes + value->length;
    char *offset = find(bytes, value->length, '+', value->length - OFFSET);
    if (offset == NULL || end - offset < OFFSET) return;
    *offset++ = 'Z';
    value->length -= OFFSET - 1;
    if (end - offset >= OFFSET)
        memmove(offset, offset + OFFSET - 1, (size_t)(end - offset) - 2);
}

void db_postgres_text_convert(enum db_postgres_form form, char *bytes, struct value *value)
{
    switch (form) {
    case FORM_AS_IT_STANDS:
        return;
    case FORM_BOOLEAN:
        convert_boolean(value);
        return;
    case FORM_BYTES:
        convert_bytes(bytes, value);
        return;
    case FORM_TIMESTAMP:
        convert_timestamp(bytes, value, false);
        return;
    case FORM_TIMESTAMPTZ:
        convert_timestamp(bytes, value, true);
        return;
    }
}

bool db_postgres_text_is_plain(const char *statement)
{
    for (const char *at = statement; *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80 || *at == '\\') return false;
    return true;
}

int db_postgres_text_append_literal(struct buffer *sql, const struct value *value)
{
    bool bytes = value->kind == VALUE_BYTES;
    if (!bytes && value->length > 0 && memchr(value->bytes, '\0', value->length) != NULL)
        return -1;

    buffer_append_char(sql, '\'');
    if (bytes) {
        buffer_append_text(sql, "\\x");
        buffer_append_hexadecimal(sql, value->bytes, value->length);
    }
    for (size_t i = 0; !bytes && i < value->length; i++) {
        if (value->bytes[i] == '\'') buffer_append_char(sql, '\'');
        buffer_append_char(sql, value->bytes[i]);
    }
    buffer_append_char(sql, '\'');
    return 0;
}
