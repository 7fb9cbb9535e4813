#ifndef REDFERRY_ROW_H
#define REDFERRY_ROW_H

#include <stddef.h>

#include "value.h"

/* One column of a query's result. The texts belong to whoever made the columns. */
struct column {
    const char *name;
    enum value_kind kind; /* what its values are, where that is known before a row is seen; else
                             VALUE_TEXT */
    const char *type; /* the database's own name of the type, for casts and messages; "" where
                         it has none */
    bool plain; /* two values are equal to the database exactly where kind and bytes are the
                   same, or both are the same number */
};

struct columns {
    const struct column *items;
    size_t count;
};

/* One row: names × values, borrowed until the source is asked for the next one. */
struct row {
    const struct columns *columns;
    const struct value *values; /* columns->count of them */
};

/* The index of the column called name, or -1. Names are compared exactly. */
int columns_find(const struct columns *columns, const char *name);

/* Append the names as "a, b, c", for messages. */
void columns_append_names(struct buffer *buf, const struct columns *columns);

/* Append the row as one JSON object in column order, leaving out columns whose name begins with
 * '_'. Returns the index of the column whose text is not valid UTF-8, or -1 where all went
 * well. */
int row_append_json(struct buffer *buf, const struct row *row);

#endif
