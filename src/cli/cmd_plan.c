/*
 * plan: what a command would do, and none of it done. The dry runs of up, run, down and redo
 * are shown here as well.
 *
 * A page for a person who decides: one migration after the other, each fact under its label. On
 * a terminal it is folded to the terminal's width; in a file every fact is one line, so that a
 * command can be copied as it stands. What a row holds may be as long as it likes: here it is
 * cut, and --json has all of it.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "screen.h"
#include "text.h"

enum { MIGRATION_INDENT = 2, STEP_INDENT = 5, LABEL = 11, COMMAND_INDENT = 7, LONGEST = 2000 };

/* Where lines end: nowhere in a file. */
static size_t width_of(const struct cmd_call *call)
{
    return call->columns > 0 ? call->columns : SIZE_MAX;
}

static void put_coloured(const struct cmd_call *call, enum screen_colour colour,
                         const char *text)
{
    fputs(screen_colour(colour, call->coloured), call->out);
    fputs(text, call->out);
    fputs(screen_colour(SCREEN_PLAIN, call->coloured), call->out);
}

static void put_label(const struct cmd_call *call, const char *label)
{
    fprintf(call->out, "%*s", STEP_INDENT, "");
    put_coloured(call, SCREEN_FAINT, label);
    fprintf(call->out, "%*s", LABEL - (int)strlen(label), "");
}

/* A label and what is behind it; nothing where there is nothing. */
static void put_fact(const struct cmd_call *call, const char *label, const char *text)
{
    if (text == NULL || *text == '\0') return;
    put_label(call, label);
    text_put_wrapped(call->out, text, STEP_INDENT + LABEL, width_of(call));
}

static void put_format(const struct cmd_call *call, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put_format(const struct cmd_call *call, const char *label, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) >= 0) put_fact(call, label, text);
    va_end(arguments);
    free(text);
}

/* Patterns and commands under one label, every blank of them. */
static void put_facts(const struct cmd_call *call, const char *label, const char *const *texts,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put_label(call, i == 0 ? label : "");
        text_put_folded(call->out, texts[i], STEP_INDENT + LABEL, width_of(call));
    }
}

/* A complaint stands out. */
static void put_error(const struct cmd_call *call, size_t indent, const char *text)
{
    if (text == NULL) return;
    fprintf(call->out, "%*s", (int)indent, "");
    put_coloured(call, SCREEN_RED, "error:");
    fputs(" ", call->out);
    text_put_wrapped(call->out, text, indent + strlen("error: "), width_of(call));
}

/* ---- a step -------------------------------------------------------------------------------
 */

static void put_command(const struct cmd_call *call, const char *text)
{
    const size_t length = strlen(text);
    fprintf(call->out, "%*s", COMMAND_INDENT, "");
    if (length <= LONGEST) {
        text_put_folded(call->out, text, COMMAND_INDENT, width_of(call));
        return;
    }
    size_t end = LONGEST;
    while (((unsigned char)text[end] & 0xC0) == 0x80) end--;
    char *cut = text_format("%.*s.. (%zu bytes more, which --json shows)", (int)end, text,
                            length - end);
    text_put_folded(call->out, cut != NULL ? cut : "", COMMAND_INDENT, width_of(call));
    free(cut);
}

/* The first rows, each under its name; what runs once has none. */
static void put_rows(const struct cmd_call *call, const redferry_plan_step *step)
{
    for (size_t i = 0; i < step->rows_shown_count; i++) {
        const redferry_plan_row *row = &step->rows_shown[i];
        char *name = row->key != NULL     ? text_format("for %s:", row->key)
                     : step->read != NULL ? text_format("for row %zu:", i + 1)
                                          : text_format("once:");
        fprintf(call->out, "%*s", STEP_INDENT, "");
        text_put_folded(call->out, name != NULL ? name : "", STEP_INDENT, width_of(call));
        free(name);
        for (size_t j = 0; j < row->command_count; j++) put_command(call, row->commands[j]);
    }
}

/* "about 1200 rows, about 1.5 s"; in text. */
static void amount_text(char *text, size_t size, int64_t rows, bool is_exact, double seconds)
{
    char count[TEXT_COUNT], duration[TEXT_TIME];
    const char *about = is_exact ? "" : "about ";
    if (rows < 0)
        (void)snprintf(text, size, "how many is not known");
    else if (seconds < 0)
        (void)snprintf(text, size, "%s%s", about, text_count(count, rows, "row"));
    else
        (void)snprintf(text, size, "%s%s, about %s", about, text_count(count, rows, "row"),
                       text_duration(duration, seconds));
}

/* The columns, and whether an index has their order. */
static void put_key(const struct cmd_call *call, const redferry_plan_step *step)
{
    char *text = NULL;
    const char *index = step->index == NULL               ? ""
                        : strcmp(step->index, "yes") == 0 ? " (an index serves its order)"
                                                          : " (no index: everything is sorted "
                                                            "before the first row)";
    for (size_t i = 0; i < step->key_count; i++) {
        char *longer = text_format("%s%s%s%s", text != NULL ? text : "", i > 0 ? ", " : "",
                                   step->key[i], i + 1 == step->key_count ? index : "");
        free(text);
        text = longer;
    }
    put_fact(call, "key", text);
    free(text);
}

static void put_source(const struct cmd_call *call, const redferry_plan_step *step)
{
    char amount[3 * TEXT_COUNT];
    put_fact(call, "reads", step->read);
    if (step->from != NULL) put_format(call, "from", "the database in %s", step->from);
    put_key(call, step);
    if (step->keeps_writers_out)
        put_fact(call, "",
                 "nobody else can write to this SQLite file while the step reads; WAL "
                 "mode, or a key with an index, lets them");
    amount_text(amount, sizeof amount, step->rows, step->is_counted, step->seconds);
    if (step->is_known) put_fact(call, "rows", amount);
}

/* What a command would change in Redis, under the command as its file has it. */
static void put_comparison(const struct cmd_call *call, const redferry_plan_step *step)
{
    for (size_t i = 0; i < step->comparison_count; i++) {
        const redferry_plan_comparison *line = &step->comparisons[i];
        const int64_t told = line->fresh + line->equal + line->different + line->overwritten;
        put_facts(call, i == 0 ? "in Redis" : "", &line->command, 1);
        if (line->reason == NULL || told > 0)
            put_format(call, "", "%" PRId64 " new, %" PRId64 " equal, %" PRId64 " different",
                       line->fresh, line->equal, line->different);
        if (line->overwritten > 0)
            put_format(call, "", "%" PRId64 " overwritten by later rows", line->overwritten);
        if (line->reason != NULL) put_format(call, "", "not compared: %s", line->reason);
    }
}

/* A line of its own, which may be longer than the screen is wide. */
static void put_title(const struct cmd_call *call, enum screen_colour colour, size_t indent,
                      char *text)
{
    fputs(screen_colour(colour, call->coloured), call->out);
    text_put_wrapped(call->out, text != NULL ? text : "", indent, width_of(call));
    fputs(screen_colour(SCREEN_PLAIN, call->coloured), call->out);
    free(text);
}

static void put_step_title(const struct cmd_call *call, const redferry_plan_step *step)
{
    const bool is_done = strcmp(step->progress, "done") == 0;
    const bool is_refused = strcmp(step->guarantee, "refused") == 0;
    const char *promise = is_done                                ? "done"
                          : strcmp(step->guarantee, "none") == 0 ? "no guarantee "
                                                                   "(--allow-repeats)"
                                                                 : step->guarantee;
    const bool goes_on = !is_done && step->cursor != NULL;
    fprintf(call->out, "  %d. ", step->step);
    put_title(call,
              is_done      ? SCREEN_GREEN
              : is_refused ? SCREEN_RED
                           : SCREEN_PLAIN,
              STEP_INDENT,
              text_format("%s: %s%s%s", step->name, promise, goes_on ? ", goes on behind " : "",
                          goes_on ? step->cursor : ""));
}

static void put_step(const struct cmd_call *call, const redferry_plan_step *step)
{
    put_step_title(call, step);
    if (strcmp(step->progress, "done") == 0) return;
    put_fact(call, "runs", step->sql);
    if (step->read != NULL) put_source(call, step);
    put_facts(call, "touches", step->touches, step->touch_count);
    put_facts(call, "tells", step->channels, step->channel_count);
    put_facts(call, "not known", step->opaque, step->opaque_count);
    if (!step->is_known)
        put_format(call, "rows", "known after %s", step->after);
    else if (step->after != NULL && step->sql == NULL)
        put_format(call, "as of now", "%s comes first, and may change this", step->after);
    put_rows(call, step);
    put_comparison(call, step);
    put_error(call, STEP_INDENT, step->error);
}

/* ---- a migration --------------------------------------------------------------------------
 */

/* Where a stopped one goes on. Yours to free(). */
static char *place_text(const redferry_plan_migration *migration)
{
    char rows[TEXT_COUNT];
    (void)text_count(rows, migration->rows_done, "row");
    if (migration->step > (int64_t)migration->step_count)
        return text_format(" behind its last step (%s before)", rows);
    return text_format(" in step %" PRId64 " (%s before)", migration->step, rows);
}

/* The first line: which, which way, and where it begins. */
static void put_heading(const struct cmd_call *call, const redferry_plan_migration *migration)
{
    static const struct {
        const char *begins, *text;
    } ways[] = {
        {"start", "from the start"},
        {"resume", "goes on"},
        {"restart", "starts over"},
        {"refused", "refused"},
        {"announce", "applied, and only its end is left"},
    };
    const bool goes_on = strcmp(migration->begins, "resume") == 0;
    const char *way = "", *direction = migration->down ? "down, " : "up, ";
    char *place = goes_on ? place_text(migration) : NULL;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(ways[i].begins, migration->begins) == 0) way = ways[i].text;
    if (strcmp(migration->begins, "announce") == 0) direction = "";
    put_title(call, SCREEN_PLAIN, MIGRATION_INDENT,
              text_format("%" PRId64 "_%s: %s%s%s", migration->version, migration->name,
                          direction, way, place != NULL ? place : ""));
    free(place);
}

/* A paragraph of the migration's. */
static void put_remark(const struct cmd_call *call, const char *text)
{
    if (text == NULL) return;
    fprintf(call->out, "%*s", MIGRATION_INDENT, "");
    text_put_wrapped(call->out, text, MIGRATION_INDENT, width_of(call));
}

/* How many rows in all, and what their time is reckoned with. */
static void put_total(const struct cmd_call *call, const redferry_plan_migration *migration)
{
    char amount[3 * TEXT_COUNT];
    char *text = NULL;
    size_t sources = 0, counted = 0;
    for (size_t i = 0; i < migration->step_count; i++) {
        const redferry_plan_step *step = &migration->steps[i];
        if (step->read == NULL || strcmp(step->progress, "done") == 0) continue;
        sources++;
        counted += step->is_counted;
    }
    if (sources == 0) return;
    amount_text(amount, sizeof amount, migration->rows, counted == sources, migration->seconds);
    if (migration->rows >= 0 && migration->rate_of != NULL)
        text = text_format("rows: %s (%.0f rows/s: %s)", amount, migration->rows_per_second,
                           migration->rate_of);
    else if (migration->rows >= 0 && counted < sources)
        text = text_format("rows: %s; no run yet to reckon the time with", amount);
    else
        text = text_format("rows: %s", amount);
    put_remark(call, text);
    free(text);
}

static void put_unreached(const struct cmd_call *call, const redferry_plan_migration *migration)
{
    char *text = migration->unreached != NULL
                     ? text_format("not reached: %s", migration->unreached)
                     : NULL;
    put_remark(call, text);
    free(text);
}

static void put_migration(const struct cmd_call *call, const redferry_plan_migration *migration)
{
    put_heading(call, migration);
    put_remark(call, migration->description);
    put_unreached(call, migration);
    put_total(call, migration);
    for (size_t i = 0; i < migration->note_count; i++) put_remark(call, migration->notes[i]);
    for (size_t i = 0; i < migration->step_count; i++) put_step(call, &migration->steps[i]);
    for (size_t i = 0; i < migration->announcement_count; i++) {
        if (i == 0) put_remark(call, "then, once it is recorded as applied:");
        put_command(call, migration->announcements[i]);
    }
    bool is_told = false;
    for (size_t i = 0; i < migration->step_count; i++)
        is_told = is_told || (migration->error != NULL && migration->steps[i].error != NULL &&
                              strcmp(migration->steps[i].error, migration->error) == 0);
    if (!is_told) put_error(call, MIGRATION_INDENT, migration->error);
    fputs("\n", call->out);
}

/* The last line: what the command would do today, and what not. */
static void put_sum(const struct cmd_call *call, const redferry_plan_report *report)
{
    char count[TEXT_COUNT];
    int64_t begun = 0, refused = 0, unreached = 0;
    for (size_t i = 0; i < report->count; i++) {
        const redferry_plan_migration *migration = &report->migrations[i];
        if (migration->unreached != NULL)
            unreached++;
        else if (strcmp(migration->begins, "refused") == 0)
            refused++;
        else
            begun++;
    }
    fprintf(call->out, "%s to do", text_count(count, begun, "migration"));
    if (refused > 0) fprintf(call->out, ", %" PRId64 " refused", refused);
    if (unreached > 0) fprintf(call->out, ", %" PRId64 " not reached", unreached);
    fputs("; nothing was written\n", call->out);
}

static void print(const struct cmd_call *call, const redferry_plan_report *report, int code)
{
    for (size_t i = 0; i < report->count; i++) put_migration(call, &report->migrations[i]);
    if (report->blocked != NULL) {
        put_coloured(call, SCREEN_RED, "in the way:");
        fputs(" ", call->out);
        text_put_wrapped(call->out, report->blocked, strlen("in the way: "), width_of(call));
    }
    if (report->count > 0)
        put_sum(call, report);
    else if (report->blocked == NULL && code == REDFERRY_OK)
        fputs("nothing to do\n", call->out);
}

int cmd_plan_show(struct cmd_call *call, const redferry_plan_options *options)
{
    const redferry_plan_report *report = NULL;
    const int code = redferry_plan(call->ferry, options, &report);
    if (report == NULL) return code;
    if (call->json)
        call->document = document_plan(report, code, redferry_error(call->ferry));
    else
        print(call, report, code);
    return code;
}

static int run(struct cmd_call *call)
{
    const redferry_up_options up = {.to = cmd_option(call, "to")};
    const redferry_run_options these = {.versions = call->arguments,
                                        .version_count = call->count};
    redferry_plan_options options = {.compare = cmd_switch(call, "compare")};
    if (up.to != NULL && call->count > 0)
        return cmd_refuse(call, "'plan' takes VERSIONs or '--to', not both");
    if (call->count > 0)
        options.run = &these;
    else
        options.up = &up;
    return cmd_plan_show(call, &options);
}

static const struct option_line options[] = {
    {"to", 0, "VERSION", "only those up to VERSION, as 'up --to' does"},
    {"compare", 0, NULL, "read everything, and count what is new, equal, different in Redis"},
    {0},
};

const struct cmd cmd_plan = {
    .name = "plan",
    .arguments = "[VERSION...]",
    .summary = "show what 'up' would do, against live data",
    .details = "Shows each step's guarantee, about how many rows it has and how long that may "
               "take, whether an index serves its key, which keys in Redis it touches, and the "
               "commands of the first three rows as they would be sent. With a VERSION: what "
               "'run' would do. Writes nothing anywhere, and needs no Redis but for --compare "
               "and to see where a migration that stopped would go on. Ends with the exit code "
               "that the command itself would end with, as far as that shows beforehand.",
    .options = options,
    .most = CMD_ANY,
    .run = run,
};
