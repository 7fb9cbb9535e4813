/*
 * A row: names × values. Both are borrowed, so that a row costs nothing but the bytes that the
 * database already holds. Nothing here outlives the row.
 */
#include "row.h"

#include <string.h>

#include "buffer.h"
#include "json.h"

int columns_find(const struct columns *columns, const char *name)
{
    for (size_t i = 0; i < columns->count; i++)
        if (strcmp(columns->items[i].name, name) == 0) return (int)i;
    return -1;
}

void columns_append_names(struct buffer *buf, const struct columns *columns)
{
    for (size_t i = 0; i < columns->count; i++) {
        if (i > 0) buffer_append(buf, ", ", 2);
        buffer_append_text(buf, columns->items[i].name);
    }
}

int row_append_json(struct buffer *buf, const struct row *row)
{
    char separator = '{';
    for (size_t i = 0; i < row->columns->count; i++) {
        const char *name = row->columns->items[i].name;
        if (name[0] == '_') continue;
        buffer_append_char(buf, separator);
        separator = ',';
        if (json_append_string(buf, name, strlen(name)) != 0) return (int)i;
        buffer_append_char(buf, ':');
        if (value_append_json(buf, &row->values[i]) != 0) return (int)i;
    }
    if (separator == '{') buffer_append_char(buf, separator);
    buffer_append_char(buf, '}');
    return -1;
}
