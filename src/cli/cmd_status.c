/*
 * status: every migration and its state. Writes nothing anywhere.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "runs.h"
#include "table.h"
#include "text.h"

enum { FACT_INDENT = 12 };

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

/* "applied     2025-03-01 09:00:00": a fact of one migration; nothing where text is NULL. */
static void put_fact(struct cmd_call *call, const char *label, const char *text)
{
    if (text == NULL) return;
    fprintf(call->out, "%-12s", label);
    text_put_wrapped(call->out, text, FACT_INDENT,
                     call->columns > 0 ? call->columns : SIZE_MAX);
}

/* A fact that is put together; text is taken over. */
static void put_made(struct cmd_call *call, const char *label, char *text)
{
    put_fact(call, label, text);
    free(text);
}

/* The file as it ran, a little indented, so that it is told apart from what is said about it.
 */
static void put_definition(struct cmd_call *call, const redferry_status_report *report)
{
    const char *line = report->definition;
    fprintf(call->out, "\nthe file as run %" PRId64 " had it\n", report->definition_run);
    while (*line != '\0') {
        const size_t length = strcspn(line, "\n");
        char *copy = strndup(line, length);
        if (copy != NULL && length > 0) {
            fputs("    ", call->out);
            text_put(call->out, copy);
        }
        fputs("\n", call->out);
        free(copy);
        line += length + (line[length] == '\n');
    }
}

/* One migration, in full: what is known of it, its runs, the file as it ran. */
static void print_one(struct cmd_call *call, const redferry_status_report *report)
{
    const redferry_migration *migration = &report->migrations[0];
    const redferry_tally *tally = &migration->tally;
    const bool applied = migration->applied_at != NULL;
    char at[TEXT_TIME];
    put_made(call, "version", text_format("%" PRId64, migration->version));
    put_fact(call, "name", migration->name);
    put_fact(call, "state", migration->state);
    put_fact(call, "description", migration->description);
    put_fact(call, "file", migration->file != NULL ? migration->file : "none");
    if (applied) {
        put_made(call, "applied",
                 text_format("%s by %s", text_time(at, migration->applied_at),
                             migration->applied_by));
        put_fact(call, "finished", text_time(at, migration->announced_at));
        put_fact(call, "redis", migration->redis);
        put_fact(call, "checksum", migration->checksum);
    }
    if (applied || migration->run_id != 0)
        put_made(call, "rows",
                 text_format("%" PRId64 " read, %" PRId64 " changed; %" PRId64
                             " commands, %" PRId64 " messages",
                             tally->rows_read, tally->rows_changed, tally->commands_sent,
                             tally->messages_published));
    put_fact(call, "note", remark(migration));
    put_fact(call, "error", migration->error);
    put_fact(call, "next", migration->advice);
    if (report->run_count > 0) {
        fputs("\n", call->out);
        runs_print(call, report->runs, report->run_count);
    }
    if (report->definition != NULL) put_definition(call, report);
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
    } else if (version != NULL && report->count == 1) {
        print_one(call, report);
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
    .details =
        "Writes nothing. Of one VERSION it tells all that is known: who applied it, when "
        "and where to, its runs, and the file as it ran, also where that is gone. Where a "
        "Redis is given and answers, it is asked whether it is "
        "the one that the applied migrations were written to.",
    .options = options,
    .most = 1,
    .run = run,
};
