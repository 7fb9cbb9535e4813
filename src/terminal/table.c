/*
 * Rows under headings.
 *
 * A table is kept whole until it is printed, because a column is as wide as its widest cell.
 * What does not fit is cut in the columns that can bear it; a version or a state is never cut,
 * the line rather wraps. Lines below a row (an error, the advice) are never cut either: they
 * are what the operator came for.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { GAP = 2, INDENT = 4 };

struct table_row *table_add(struct table *table)
{
    if (table->row_count == table->capacity) {
        size_t capacity = table->capacity > 0 ? 2 * table->capacity : 16;
        struct table_row *rows = reallocarray(table->rows, capacity, sizeof *rows);
        if (rows == NULL) {
            table->failed = true;
            return NULL;
        }
        table->rows = rows;
        table->capacity = capacity;
    }
    struct table_row *row = &table->rows[table->row_count++];
    *row = (struct table_row){0};
    return row;
}

void table_cell(struct table *table, struct table_row *row, const char *text,
                enum screen_colour colour)
{
    if (row == NULL) return;
    for (size_t i = 0; i < table->column_count; i++) {
        if (row->cells[i].text != NULL) continue;
        row->cells[i].text = strdup(text != NULL ? text : "-");
        row->cells[i].colour = colour;
        if (row->cells[i].text == NULL) table->failed = true;
        return;
    }
}

void table_below(struct table *table, struct table_row *row, const char *label,
                 const char *text)
{
    if (row == NULL || text == NULL) return;
    for (size_t i = 0; i < TABLE_BELOW; i++) {
        if (row->below[i] != NULL) continue;
        row->below[i] = text_format("%s%s", label, text);
        if (row->below[i] == NULL) table->failed = true;
        return;
    }
}

/* The text of a cell that memory may have failed. */
static const char *cell_text(const struct table_row *row, size_t column)
{
    return row->cells[column].text != NULL ? row->cells[column].text : "";
}

/* Take up every column's full width. */
static void measure(const struct table *table, size_t widths[TABLE_COLUMNS])
{
    for (size_t c = 0; c < table->column_count; c++) {
        widths[c] = text_width(table->columns[c].heading);
        for (size_t r = 0; r < table->row_count; r++) {
            size_t width = text_width(cell_text(&table->rows[r], c));
            if (width > widths[c]) widths[c] = width;
        }
    }
}

static size_t total_width(const struct table *table, const size_t widths[TABLE_COLUMNS])
{
    size_t total = 0;
    for (size_t c = 0; c < table->column_count; c++) {
        if (widths[c] > 0) total += widths[c] + (total > 0 ? GAP : 0);
    }
    return total;
}

/* Take one column off the widest column that can bear it. */
static bool shrink(const struct table *table, size_t widths[TABLE_COLUMNS])
{
    size_t widest = table->column_count;
    for (size_t c = 0; c < table->column_count; c++) {
        size_t least = table->columns[c].least;
        if (least == 0 || widths[c] <= least) continue;
        if (widest == table->column_count || widths[c] > widths[widest]) widest = c;
    }
    if (widest == table->column_count) return false;
    widths[widest]--;
    return true;
}

/* Leave the last dispensable column out: a width of 0 says so. */
static bool leave_out(const struct table *table, size_t widths[TABLE_COLUMNS])
{
    for (size_t c = table->column_count; c > 0; c--) {
        if (!table->columns[c - 1].dispensable || widths[c - 1] == 0) continue;
        widths[c - 1] = 0;
        return true;
    }
    return false;
}

/* Make the table fit: first shrink; where that is not enough, leave a column out and begin
 * again with full widths. */
static void fit(const struct table *table, size_t widths[TABLE_COLUMNS], size_t columns)
{
    size_t full[TABLE_COLUMNS];
    memcpy(full, widths, sizeof full);
    while (columns > 0) {
        memcpy(widths, full, sizeof full);
        while (total_width(table, widths) > columns && shrink(table, widths)) continue;
        if (total_width(table, widths) <= columns || !leave_out(table, full)) return;
    }
}

static void put_blanks(FILE *stream, size_t count)
{
    fprintf(stream, "%*s", (int)count, "");
}

/* Print one cell; the last one of a line leaves no blanks behind it. */
static void put_cell(FILE *stream, const char *text, const struct table_column *column,
                     size_t width, bool last)
{
    size_t own = text_width(text);
    size_t blanks = own < width ? width - own : 0;
    if (column->right) put_blanks(stream, blanks);
    (void)text_put_cut(stream, text, width);
    if (!column->right && !last) put_blanks(stream, blanks);
}

/* Print a row, or the headings where row is NULL. */
static void put_line(const struct table *table, FILE *stream,
                     const size_t widths[TABLE_COLUMNS], const struct table_row *row,
                     bool coloured)
{
    size_t last = table->column_count;
    while (last > 0 && widths[last - 1] == 0) last--;
    bool first = true;
    for (size_t c = 0; c < last; c++) {
        if (widths[c] == 0) continue;
        const char *text = row != NULL ? cell_text(row, c) : table->columns[c].heading;
        enum screen_colour colour = row != NULL ? row->cells[c].colour : SCREEN_FAINT;
        bool plain = colour == SCREEN_PLAIN;
        if (!first) put_blanks(stream, GAP);
        if (!plain) fputs(screen_colour(colour, coloured), stream);
        put_cell(stream, text, &table->columns[c], widths[c], c + 1 == last);
        if (!plain) fputs(screen_colour(SCREEN_PLAIN, coloured), stream);
        first = false;
    }
    fputs("\n", stream);
}

static void put_below(const struct table_row *row, FILE *stream)
{
    for (size_t i = 0; i < TABLE_BELOW && row->below[i] != NULL; i++) {
        put_blanks(stream, INDENT);
        text_put(stream, row->below[i]);
        fputs("\n", stream);
    }
}

int table_print(const struct table *table, FILE *stream, size_t columns, bool coloured)
{
    size_t widths[TABLE_COLUMNS] = {0};
    measure(table, widths);
    fit(table, widths, columns);
    put_line(table, stream, widths, NULL, coloured);
    for (size_t r = 0; r < table->row_count; r++) {
        put_line(table, stream, widths, &table->rows[r], coloured);
        put_below(&table->rows[r], stream);
    }
    return table->failed ? -1 : 0;
}

void table_release(struct table *table)
{
    for (size_t r = 0; r < table->row_count; r++) {
        for (size_t c = 0; c < TABLE_COLUMNS; c++) free(table->rows[r].cells[c].text);
        for (size_t i = 0; i < TABLE_BELOW; i++) free(table->rows[r].below[i]);
    }
    free(table->rows);
    table->rows = NULL;
    table->row_count = table->capacity = 0;
}
