#ifndef REDFERRY_TABLE_H
#define REDFERRY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "screen.h"

/*
 * Rows under headings, in columns as wide as their widest cell. Where a terminal is narrower,
 * the columns that may shrink do, then those that may go missing do, from the last.
 */
struct table_column {
    const char *heading;
    bool right;   /* aligned to the right */
    size_t least; /* may shrink to this; 0: may not */
    bool dispensable;
};

enum { TABLE_COLUMNS = 10, TABLE_BELOW = 4 };

struct table_cell {
    char *text;
    enum screen_colour colour;
};

struct table_row {
    struct table_cell cells[TABLE_COLUMNS];
    char *below[TABLE_BELOW]; /* lines under the row; NULL: no more */
};

struct table {
    const struct table_column *columns; /* borrowed */
    size_t column_count;
    struct table_row *rows;
    size_t row_count, capacity;
    bool failed; /* memory ran out */
};

/* A new row, with empty cells; NULL when memory runs out. Good until the next one. */
struct table_row *table_add(struct table *table);

/* Set the row's next empty cell to a copy of text (NULL: "-"). row may be NULL. */
void table_cell(struct table *table, struct table_row *row, const char *text,
                enum screen_colour colour);

/* Add a line that stands under the row: label, then text in full. Nothing where row or text is
 * NULL, or TABLE_BELOW lines are there. */
void table_below(struct table *table, struct table_row *row, const char *label,
                 const char *text);

/* Print the table in at most columns (0: no limit). Returns -1 when memory had run out. */
int table_print(const struct table *table, FILE *stream, size_t columns, bool coloured);

/* Free the rows. Harmless on an empty table. */
void table_release(struct table *table);

#endif
