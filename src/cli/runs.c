/*
 * Runs as a table: who ran what, when, where, for how long, and what became of it.
 */
#include "runs.h"

#include <inttypes.h>
#include <string.h>

#include "cmd.h"
#include "table.h"
#include "text.h"

static const struct table_column columns[] = {
    {.heading = "run", .right = true},
    {.heading = "version"},
    {.heading = "name", .least = 10, .dispensable = true},
    {.heading = "", .least = 0},
    {.heading = "status"},
    {.heading = "rows", .right = true, .dispensable = true},
    {.heading = "started", .dispensable = true},
    {.heading = "took", .right = true, .dispensable = true},
    {.heading = "by", .least = 6, .dispensable = true},
    {.heading = "host", .least = 6, .dispensable = true},
};

static enum screen_colour status_colour(const char *status)
{
    if (strcmp(status, "succeeded") == 0) return SCREEN_GREEN;
    if (strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0) return SCREEN_RED;
    return SCREEN_YELLOW;
}

static void add(struct table *table, const redferry_run_record *run)
{
    char id[24], version[24], rows[24], at[TEXT_TIME], took[TEXT_TIME];
    struct table_row *row = table_add(table);
    (void)snprintf(id, sizeof id, "%" PRId64, run->id);
    (void)snprintf(version, sizeof version, "%" PRId64, run->version);
    (void)snprintf(rows, sizeof rows, "%" PRId64, run->tally.rows_read);
    table_cell(table, row, id, SCREEN_PLAIN);
    table_cell(table, row, version, SCREEN_PLAIN);
    table_cell(table, row, run->name, SCREEN_PLAIN);
    table_cell(table, row, run->direction, SCREEN_PLAIN);
    table_cell(table, row, run->status, status_colour(run->status));
    table_cell(table, row, rows, SCREEN_PLAIN);
    table_cell(table, row, text_time(at, run->started_at), SCREEN_PLAIN);
    table_cell(table, row, text_between(took, run->started_at, run->finished_at), SCREEN_PLAIN);
    table_cell(table, row, run->operator_name, SCREEN_PLAIN);
    table_cell(table, row, run->host, SCREEN_PLAIN);
    table_below(table, row, "context: ", run->context);
    table_below(table, row, "error:   ", run->error);
}

void runs_print(const struct cmd_call *call, const redferry_run_record *runs, size_t count)
{
    struct table table = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
    };
    for (size_t i = 0; i < count; i++) add(&table, &runs[i]);
    if (count > 0) (void)table_print(&table, call->out, call->columns, call->coloured);
    table_release(&table);
}
