/*
 * lint: check files without connecting, and tell what each step can promise; explain the rules.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_lint_sarif.h"
#include "screen.h"
#include "table.h"
#include "text.h"

enum {
    PAGE_COLUMNS = 80, /* where there is no terminal */
    INDENT = 4
};

static const struct table_column columns[] = {
    {.heading = "version"},
    {.heading = "name", .least = 10, .dispensable = true},
    {.heading = ""},
    {.heading = "step"},
    {.heading = "step's name", .least = 8, .dispensable = true},
    {.heading = "guarantee"},
};

static enum screen_colour colour_of(const char *severity)
{
    return strcmp(severity, "error") == 0     ? SCREEN_RED
           : strcmp(severity, "warning") == 0 ? SCREEN_YELLOW
                                              : SCREEN_PLAIN;
}

/* FILE:LINE:COLUMN: severity: text [CODE]; where a terminal is narrower than that, the place on
 * a line of its own. */
static void put_finding(struct cmd_call *call, const redferry_finding *finding)
{
    const char *file = finding->file != NULL ? finding->file : "";
    char *place = finding->line > 0
                      ? text_format("%s:%d:%d", file, finding->line, finding->column)
                      : text_format("%s", file);
    char *text = text_format("%s [%s]", finding->text, finding->code);
    const size_t severity = strlen(finding->severity) + strlen(": ");
    const bool fits = place == NULL || text == NULL || call->columns == 0 ||
                      strlen(place) + strlen(": ") + severity + strlen(text) <= call->columns;
    text_put(call->out, place != NULL ? place : "");
    fputs(fits ? ": " : ":\n", call->out);
    if (!fits) fprintf(call->out, "%*s", INDENT, "");
    fprintf(call->out, "%s%s:%s ", screen_colour(colour_of(finding->severity), call->coloured),
            finding->severity, screen_colour(SCREEN_PLAIN, call->coloured));
    if (fits) {
        text_put(call->out, text != NULL ? text : "");
        fputs("\n", call->out);
    } else {
        text_put_wrapped(call->out, text, INDENT + severity, call->columns);
    }
    free(place);
    free(text);
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
    char files[TEXT_COUNT], errors[TEXT_COUNT], warnings[TEXT_COUNT], notes[TEXT_COUNT];
    for (size_t i = 0; i < report->count; i++) {
        const bool is_note = strcmp(report->findings[i].severity, "note") == 0;
        if (!is_note || !call->quiet) put_finding(call, &report->findings[i]);
    }
    for (size_t i = 0; i < report->promise_count; i++) add(&table, &report->promises[i]);
    if (report->promise_count > 0)
        (void)table_print(&table, call->out, call->columns, call->coloured);
    table_release(&table);
    char *total =
        text_format("%s checked: %s, %s%s%s", text_count(files, (int64_t)report->files, "file"),
                    text_count(errors, (int64_t)report->errors, "error"),
                    text_count(warnings, (int64_t)report->warnings, "warning"),
                    report->notes > 0 ? ", " : "",
                    report->notes > 0 ? text_count(notes, (int64_t)report->notes, "note") : "");
    text_put_wrapped(call->out, total != NULL ? total : "", 0,
                     call->columns > 0 ? call->columns : SIZE_MAX);
    free(total);
}

/* ---- the rules -------------------------------------------------------------------------- */

static const struct table_column rule_columns[] = {
    {.heading = "code"},
    {.heading = "severity", .dispensable = true},
    {.heading = "finds that", .least = 30},
};

static void print_rules(struct cmd_call *call, const redferry_rule *rules, size_t count)
{
    struct table table = {
        .columns = rule_columns,
        .column_count = sizeof rule_columns / sizeof rule_columns[0],
    };
    for (size_t i = 0; i < count; i++) {
        struct table_row *row = table_add(&table);
        table_cell(&table, row, rules[i].code, SCREEN_PLAIN);
        table_cell(&table, row, rules[i].severity, colour_of(rules[i].severity));
        table_cell(&table, row, rules[i].summary, SCREEN_PLAIN);
    }
    (void)table_print(&table, call->out, call->columns, call->coloured);
    table_release(&table);
}

/* Print an example, every line of it further to the right. */
static void put_example(FILE *stream, const char *heading, const char *example)
{
    fprintf(stream, "\n%s\n\n", heading);
    while (*example != '\0') {
        const size_t length = strcspn(example, "\n");
        fprintf(stream, "    %.*s\n", (int)length, example);
        example += length + (example[length] == '\n');
    }
}

static void print_rule(struct cmd_call *call, const redferry_rule *rule)
{
    const size_t width = call->columns > 0 ? call->columns : PAGE_COLUMNS;
    fprintf(call->out, "%s %s (%s%s%s)\n\n", rule->code, rule->name,
            screen_colour(colour_of(rule->severity), call->coloured), rule->severity,
            screen_colour(SCREEN_PLAIN, call->coloured));
    text_put_wrapped(call->out, rule->summary, 0, width);
    fputs("\n", call->out);
    text_put_wrapped(call->out, rule->explanation, 0, width);
    put_example(call->out, "Wrong", rule->wrong);
    put_example(call->out, "Right", rule->right);
}

/* The rules of the codes that were given, or all of them. */
static int explain(struct cmd_call *call)
{
    const redferry_rule *rules = NULL;
    size_t count = 0;
    if (call->count > 1) return cmd_refuse(call, "'--explain' takes one code, or none");
    const char *code = call->count == 1 ? call->arguments[0] : NULL;
    const int result = redferry_lint_rules(call->ferry, code, &rules, &count);
    if (result != REDFERRY_OK) return result;
    if (call->json)
        call->document = document_rules(rules, count);
    else if (code != NULL)
        print_rule(call, rules);
    else
        print_rules(call, rules, count);
    return REDFERRY_OK;
}

/* Print what was found for code review. */
static int print_sarif(struct cmd_call *call, const redferry_lint_report *report, int code)
{
    char *directory = getcwd(NULL, 0);
    char *root = directory != NULL ? cmd_lint_sarif_root(directory) : NULL;
    int result = REDFERRY_FAILED;
    if (root != NULL &&
        document_print(cmd_lint_sarif(report, directory, root), call->out, false) == 0)
        result = code;
    free(directory);
    free(root);
    return result;
}

static int run(struct cmd_call *call)
{
    const redferry_lint_report *report = NULL;
    const bool sarif = cmd_switch(call, "sarif");
    if (sarif && (call->json || cmd_switch(call, "explain")))
        return cmd_refuse(call, "'--sarif' is another document than %s",
                          call->json ? "--json's" : "'--explain'");
    if (cmd_switch(call, "explain")) return explain(call);
    /* The database of the settings is not asked: most who lint have none at hand. */
    const int code =
        cmd_option(call, "database") != NULL
            ? redferry_lint_with_database(call->ferry, call->arguments, call->count, &report)
            : redferry_lint(call->ferry, call->arguments, call->count, &report);
    if (report == NULL) return code;
    if (sarif) return print_sarif(call, report, code);
    if (call->json)
        call->document = document_lint(report, code);
    else
        print(call, report);
    return code;
}

static const struct option_line options[] = {
    {"explain", 0, NULL, "print the rule with this code instead; without one, all rules"},
    {"sarif", 0, NULL, "print the findings as SARIF 2.1.0, which code review shows in place"},
    {0},
};

const struct cmd cmd_lint = {
    .name = "lint",
    .arguments = "[FILE...]",
    .summary = "check migration files without connecting",
    .details = "Prints each finding as FILE:LINE:COLUMN with the code of its rule, and which "
               "guarantee each step gets. Without a FILE the whole directory is checked. Exits "
               "with 2 where there is an error among the findings, with --strict also where "
               "there is a warning. A comment `# redferry: allow CODE` on a finding's line "
               "silences it; 'redferry lint --explain CODE' says what a rule is about. With "
               "--database on the command line, queries and statements are prepared there as "
               "well, columns, types and an index for each `key` looked for, and nothing is "
               "written.",
    .options = options,
    .most = CMD_ANY,
    .run = run,
};
