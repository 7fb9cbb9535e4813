/*
 * status: every migration and its state. Writes nothing anywhere.
 */
#include <inttypes.h>
#include <string.h>

#include "cmd.h"
#include "table.h"
#include "text.h"

static const struct table_column columns[] = {
    {.heading = "version"},
    {.heading = "name", .least = 10},
    {.heading = "state"},
    {.heading = "applied at", .dispensable = true},
    {.heading = "by", .least = 6, .dispensable = true},
    {.heading = "rows", .right = true, .dispensable = true},
};

/* States that are neither good news nor bad have no colour. */
static const struct {
    const char *state;
    enum screen_colour colour;
} colours[] = {
    {"applied", SCREEN_GREEN},   {"pending", SCREEN_YELLOW},  {"running", SCREEN_YELLOW},
    {"paused", SCREEN_YELLOW},   {"modified", SCREEN_YELLOW}, {"interrupted", SCREEN_YELLOW},
    {"crashed", SCREEN_RED},     {"failed", SCREEN_RED},      {"cancelled", SCREEN_RED},
    {"half_undone", SCREEN_RED},
};

static enum screen_colour state_colour(const char *state)
{
    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++) {
        if (strcmp(colours[i].state, state) == 0) return colours[i].colour;
    }
    return SCREEN_PLAIN;
}

/* What the state alone does not say. */
static const char *remark(const redferry_migration *migration)
{
    if (migration->unannounced) return "applied, but not finished off; any 'up' does that";
    if (migration->below_applied) return "a migration above it is applied already";
    if (migration->manual && migration->applied_at == NULL)
        return "manual: only 'run' applies it";
    return NULL;
}

static void add(struct table *table, const redferry_migration *migration)
{
    char version[24], rows[24], at[TEXT_TIME];
    struct table_row *row = table_add(table);
    bool ran = migration->run_id != 0 || migration->tally.rows_read != 0;
    (void)snprintf(version, sizeof version, "%" PRId64, migration->version);
    (void)snprintf(rows, sizeof rows, "%" PRId64, migration->tally.rows_read);
    table_cell(table, row, version, SCREEN_PLAIN);
    table_cell(table, row, migration->name, SCREEN_PLAIN);
    table_cell(table, row, migration->state, state_colour(migration->state));
    table_cell(table, row, text_time(at, migration->applied_at), SCREEN_PLAIN);
    table_cell(table, row, migration->applied_by, SCREEN_PLAIN);
    table_cell(table, row, ran ? rows : NULL, SCREEN_PLAIN);
    table_below(table, row, "note:  ", remark(migration));
    table_below(table, row, "error: ", migration->error);
    table_below(table, row, "next:  ", migration->advice);
}

static void print(struct cmd_call *call, const redferry_status_report *report)
{
    struct table table = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
    };
    for (size_t i = 0; i < report->count; i++) add(&table, &report->migrations[i]);
    if (report->count > 0) (void)table_print(&table, call->out, call->columns, call->coloured);
    fprintf(call->out, "%zu pending, %zu applied\n", report->pending, report->applied);
    table_release(&table);
}

/* Whether a migration is done with: applied and finished off, or left to be run by hand. What
 * is running, cancelled or half undone is not. */
static bool is_settled(const redferry_migration *migration)
{
    static const char *const settled[] = {"applied", "modified", "missing"};
    for (size_t i = 0; i < sizeof settled / sizeof *settled; i++)
        if (strcmp(migration->state, settled[i]) == 0) return !migration->unannounced;
    return migration->manual;
}

static bool has_work(const redferry_status_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        if (!is_settled(&report->migrations[i])) return true;
    return report->pending > 0;
}

static int run(struct cmd_call *call)
{
    const redferry_status_report *report = NULL;
    const char *version = call->count > 0 ? call->arguments[0] : NULL;
    int code = redferry_status(call->ferry, version, &report);
    if (report == NULL) return code;
    if (call->json) {
        call->document = document_status(report, code, redferry_error(call->ferry));
    } else {
        print(call, report);
    }
    if (code == REDFERRY_OK && cmd_switch(call, "check") && has_work(report))
        return REDFERRY_INCOMPLETE;
    return code;
}

static const struct option_line options[] = {
    {"check", 0, NULL, "exit with 3 where not everything is applied"},
    {0},
};

const struct cmd cmd_status = {
    .name = "status",
    .arguments = "[VERSION]",
    .summary = "show every migration and its state",
    .details = "Writes nothing. Where a Redis is given and answers, it is asked whether it is "
               "the one that the applied migrations were written to.",
    .options = options,
    .most = 1,
    .run = run,
};
