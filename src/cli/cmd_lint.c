/*
 * lint: check files without connecting, and tell what each step can promise.
 */
#include <inttypes.h>
#include <string.h>

#include "cmd.h"
#include "screen.h"
#include "table.h"
#include "text.h"

static const struct table_column columns[] = {
    {.heading = "version"},
    {.heading = "name", .least = 10, .dispensable = true},
    {.heading = ""},
    {.heading = "step"},
    {.heading = "step's name", .least = 8, .dispensable = true},
    {.heading = "guarantee"},
};

static bool is_error(const redferry_finding *finding)
{
    return strcmp(finding->severity, "error") == 0;
}

/* FILE:LINE:COLUMN: severity: text */
static void put_finding(struct cmd_call *call, const redferry_finding *finding)
{
    enum screen_colour colour = is_error(finding) ? SCREEN_RED : SCREEN_YELLOW;
    text_put(call->out, finding->file != NULL ? finding->file : "");
    if (finding->line > 0) fprintf(call->out, ":%d:%d", finding->line, finding->column);
    fprintf(call->out, ": %s%s:%s ", screen_colour(colour, call->coloured), finding->severity,
            screen_colour(SCREEN_PLAIN, call->coloured));
    text_put(call->out, finding->text);
    fputs("\n", call->out);
}

static void add(struct table *table, const redferry_promise *promise)
{
    char version[24], step[24];
    struct table_row *row = table_add(table);
    bool refused = strcmp(promise->guarantee, "refused") == 0;
    (void)snprintf(version, sizeof version, "%" PRId64, promise->version);
    (void)snprintf(step, sizeof step, "%d", promise->step);
    table_cell(table, row, version, SCREEN_PLAIN);
    table_cell(table, row, promise->name, SCREEN_PLAIN);
    table_cell(table, row, promise->down ? "down" : "up", SCREEN_PLAIN);
    table_cell(table, row, step, SCREEN_PLAIN);
    table_cell(table, row, promise->step_name, SCREEN_PLAIN);
    table_cell(table, row, promise->guarantee, refused ? SCREEN_RED : SCREEN_PLAIN);
}

static void print(struct cmd_call *call, const redferry_lint_report *report)
{
    struct table table = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
    };
    char files[64], errors[64], others[64];
    int64_t error_count = 0;
    for (size_t i = 0; i < report->count; i++) {
        put_finding(call, &report->findings[i]);
        error_count += is_error(&report->findings[i]);
    }
    for (size_t i = 0; i < report->promise_count; i++) add(&table, &report->promises[i]);
    if (report->promise_count > 0)
        (void)table_print(&table, call->out, call->columns, call->coloured);
    fprintf(call->out, "%s checked: %s, %s\n",
            text_count(files, (int64_t)report->files, "file"),
            text_count(errors, error_count, "error"),
            text_count(others, (int64_t)report->count - error_count, "warning"));
    table_release(&table);
}

static int run(struct cmd_call *call)
{
    const redferry_lint_report *report = NULL;
    int code = redferry_lint(call->ferry, call->arguments, call->count, &report);
    bool found = report != NULL && (code == REDFERRY_OK || report->count > 0);
    if (!found) return code;
    if (call->json) {
        call->document = document_lint(report, code);
    } else {
        print(call, report);
    }
    return code;
}

const struct cmd cmd_lint = {
    .name = "lint",
    .arguments = "[FILE...]",
    .summary = "check migration files without connecting",
    .details = "Prints each finding as FILE:LINE:COLUMN, and which guarantee each step gets. "
               "Without a FILE the whole directory is checked. Exits with 2 where there is an "
               "error among the findings.",
    .most = CMD_ANY,
    .run = run,
};
