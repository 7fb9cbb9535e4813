/*
 * doctor: what would stand in the way of a deploy, before it. Writes nothing anywhere.
 *
 * One line each, so that a log can be searched; on a terminal a line goes on below itself where
 * it is too long.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "screen.h"
#include "text.h"

enum { INDENT = 9, NARROW = 20 /* a terminal on which indenting helps nobody */ };

static enum screen_colour verdict_colour(const char *verdict)
{
    if (strcmp(verdict, "problem") == 0) return SCREEN_RED;
    return strcmp(verdict, "warning") == 0 ? SCREEN_YELLOW : SCREEN_GREEN;
}

/* warning  redis persistence: is off: …; CONFIG SET appendonly yes */
static void put(struct cmd_call *call, const redferry_examination *item)
{
    char *line =
        text_format("%s: %s%s%s", item->name, item->text, item->advice != NULL ? "; " : "",
                    item->advice != NULL ? item->advice : "");
    fprintf(call->out, "%s%s%s%*s",
            screen_colour(verdict_colour(item->verdict), call->coloured), item->verdict,
            screen_colour(SCREEN_PLAIN, call->coloured), INDENT - (int)strlen(item->verdict),
            "");
    if (line == NULL) {
        text_put(call->out, item->name);
        fputs("\n", call->out);
    } else if (call->columns >= INDENT + NARROW) {
        text_put_wrapped(call->out, line, INDENT, call->columns);
    } else {
        text_put(call->out, line);
        fputs("\n", call->out);
    }
    free(line);
}

static void print(struct cmd_call *call, const redferry_doctor_report *report)
{
    char warnings[TEXT_COUNT], problems[TEXT_COUNT];
    for (size_t i = 0; i < report->count; i++)
        if (!call->quiet || strcmp(report->items[i].verdict, "ok") != 0)
            put(call, &report->items[i]);
    if (call->quiet) return;
    fprintf(call->out, "%zu ok, %s, %s\n", report->ok,
            text_count(warnings, (int64_t)report->warnings, "warning"),
            text_count(problems, (int64_t)report->problems, "problem"));
}

static int run(struct cmd_call *call)
{
    const redferry_doctor_report *report = NULL;
    int code = redferry_doctor(call->ferry, &report);
    if (report == NULL) return code;
    if (call->json) {
        call->document = document_doctor(report, code);
    } else {
        print(call, report);
    }
    return code;
}

const struct cmd cmd_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "check both servers, privileges, the lock, the ledger and its checkpoints",
    .details =
        "Says of each thing whether it is ok, a warning or a problem, and what mends it. "
        "Writes "
        "nothing anywhere. A server that cannot be reached is a problem; the rest is looked at "
        "all the same.\n"
        "Exits with 4 where there is a problem; with --strict also where there is a warning. "
        "With "
        "-q what is ok is left out.",
    .run = run,
};
