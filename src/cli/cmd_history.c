/*
 * history: the runs, newest first: who ran what, when, for how long, and what became of it.
 */
#include "cmd.h"
#include "runs.h"
#include "text.h"

static int run(struct cmd_call *call)
{
    const redferry_history_report *report = NULL;
    const char *version = call->count > 0 ? call->arguments[0] : NULL;
    int code = redferry_history(call->ferry, version, &report);
    if (code != REDFERRY_OK || report == NULL) return code;
    if (call->json) {
        call->document = document_history(report);
    } else {
        char count[TEXT_COUNT];
        runs_print(call, report->runs, report->count);
        fprintf(call->out, "%s\n", text_count(count, (int64_t)report->count, "run"));
    }
    return code;
}

const struct cmd cmd_history = {
    .name = "history",
    .arguments = "[VERSION]",
    .summary = "show the runs, newest first",
    .details =
        "Every attempt, up or down, is kept, with its operator, host, context and error. "
        "'status VERSION' shows the file as it ran as well; the document of --json has "
        "target and figures.",
    .most = 1,
    .run = run,
};
