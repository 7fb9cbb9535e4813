/*
 * verify: read the sources again, and compare with what Redis holds now. What is compared is
 * counted command by command; what is not is named with its reason; of what differs the first
 * are shown as SQL says them and as Redis says them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "report.h"
#include "table.h"
#include "text.h"

enum { MOST_SHOWN = 100000, SHOWN = 10 };

static const struct table_column columns[] = {
    {.heading = "version", .dispensable = true},
    {.heading = "step", .right = true, .dispensable = true},
    {.heading = "command", .least = 8},
    {.heading = "equal", .right = true},
    {.heading = "different", .right = true},
    {.heading = "missing", .right = true},
    {.heading = "overwritten", .right = true, .dispensable = true},
};

/* Whether anything of it was compared. */
static bool is_compared(const redferry_comparison *line)
{
    return line->command != NULL &&
           (line->reason == NULL ||
            line->equal + line->different + line->missing + line->overwritten > 0);
}

static void add_number(struct table *table, struct table_row *row, int64_t number,
                       enum screen_colour colour)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRId64, number);
    table_cell(table, row, digits, number > 0 ? colour : SCREEN_PLAIN);
}

static void add(struct table *table, const redferry_comparison *line)
{
    struct table_row *row = table_add(table);
    char version[24];
    (void)snprintf(version, sizeof version, "%" PRId64, line->version);
    table_cell(table, row, version, SCREEN_PLAIN);
    add_number(table, row, line->step, SCREEN_PLAIN);
    table_cell(table, row, line->command, SCREEN_PLAIN);
    add_number(table, row, line->equal, SCREEN_GREEN);
    add_number(table, row, line->different, SCREEN_RED);
    add_number(table, row, line->missing, SCREEN_RED);
    add_number(table, row, line->overwritten, SCREEN_PLAIN);
    if (line->untold > 0) table_below(table, row, "not all of it: ", line->reason);
}

static void put_table(struct cmd_call *call, const redferry_verify_report *report)
{
    struct table table = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
    };
    for (size_t i = 0; i < report->count; i++)
        if (is_compared(&report->comparisons[i])) add(&table, &report->comparisons[i]);
    if (table.row_count > 0)
        (void)table_print(&table, call->out, call->columns, call->coloured);
    table_release(&table);
}

/* "20200211131900 step 2 'cleanup': RPUSH …: not compared: why" */
static void put_passed_over(FILE *out, const redferry_comparison *line)
{
    fprintf(out, "%" PRId64, line->version);
    if (line->step > 0) fprintf(out, " step %d", line->step);
    if (line->step > 0 && line->command == NULL) {
        fputs(" '", out);
        text_put(out, line->step_name);
        fputs("'", out);
    }
    if (line->command != NULL) {
        fputs(" '", out);
        text_put(out, line->command);
        fputs("'", out);
    }
    fputs(": not compared: ", out);
    text_put(out, line->reason);
    fputs("\n", out);
}

static void put_difference(struct cmd_call *call, const redferry_difference *difference)
{
    FILE *out = call->out;
    fprintf(out, "%s%s%s ", screen_colour(SCREEN_RED, call->coloured),
            difference->missing ? "missing" : "different",
            screen_colour(SCREEN_PLAIN, call->coloured));
    text_put(out, difference->key);
    if (difference->part != NULL) {
        fputs(" ", out);
        text_put(out, difference->part);
    }
    fprintf(out, "  (%" PRId64 " step %d '", difference->version, difference->step);
    text_put(out, difference->command);
    fputs("')\n  SQL says   ", out);
    text_put(out, difference->sql);
    fputs("\n  Redis says ", out);
    text_put(out, difference->redis);
    if (difference->hint != NULL) {
        fputs("; ", out);
        text_put(out, difference->hint);
    }
    fputs("\n", out);
}

static void put_sums(struct cmd_call *call, const redferry_verify_report *report)
{
    char rows[TEXT_COUNT], migrations[TEXT_COUNT], took[TEXT_TIME], overwritten[64] = "";
    if (report->overwritten > 0)
        (void)snprintf(overwritten, sizeof overwritten,
                       ", %" PRId64 " overwritten by later commands", report->overwritten);
    cmd_say(call,
            "%" PRId64 " equal, %" PRId64 " different, %" PRId64 " missing%s: %s of %s in %s%s",
            report->equal, report->different, report->missing, overwritten,
            text_count(rows, report->rows, "row"),
            text_count(migrations, (int64_t)report->migrations, "migration"),
            text_duration(took, report->seconds),
            report->complete ? "" : "; not everything was compared");
}

static void print(struct cmd_call *call, const redferry_verify_report *report)
{
    const int64_t wrong = report->different + report->missing;
    if (report->count == 0 && report->complete) {
        fputs("nothing to verify: nothing is applied\n", call->out);
        return;
    }
    put_table(call, report);
    for (size_t i = 0; i < report->count; i++)
        if (!is_compared(&report->comparisons[i]))
            put_passed_over(call->out, &report->comparisons[i]);
    for (size_t i = 0; i < report->difference_count; i++)
        put_difference(call, &report->differences[i]);
    if (report->difference_count > 0 && (int64_t)report->difference_count < wrong)
        fprintf(call->out, "and %" PRId64 " more (--limit shows more of them)\n",
                wrong - (int64_t)report->difference_count);
    put_sums(call, report);
}

static int run(struct cmd_call *call)
{
    const redferry_verify_report *report = NULL;
    const char *limit = cmd_option(call, "limit");
    int64_t most = SHOWN;
    if (limit != NULL && text_number(limit, 0, MOST_SHOWN, &most) != 0)
        return cmd_refuse(call, "--limit: '%s' is not a number from 0 to %d", limit,
                          MOST_SHOWN);
    const redferry_verify_options options = {
        .versions = call->arguments,
        .version_count = call->count,
        .limit = (size_t)most,
    };
    const int code = redferry_verify(call->ferry, &options, &report);
    if (report == NULL) return code;
    report_finish(call->report);
    if (call->json)
        call->document = document_verify(report, code, redferry_error(call->ferry));
    else
        print(call, report);
    return code;
}

static const struct option_line options[] = {
    {"limit", 0, "NUMBER", "how many differences to show [default 10]"},
    {0},
};

const struct cmd cmd_verify = {
    .name = "verify",
    .arguments = "[VERSION...]",
    .summary = "compare what SQL says with what Redis holds",
    .details = "Reads the sources of the applied migrations (or of exactly these) again, and "
               "compares what their commands would leave with what Redis holds now. Shows the "
               "first differences, and names what cannot be compared. Exits with 8 where "
               "something differs or is missing. Writes nothing.",
    .options = options,
    .most = CMD_ANY,
    .run = run,
};
