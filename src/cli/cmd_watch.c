/*
 * watch: follow a run from beside. What it does is told by the same events as that of an own
 * run; a run that is not to be followed any more is shown as it ended.
 */
#include <inttypes.h>
#include <string.h>

#include "cmd.h"
#include "signals.h"
#include "text.h"

/* "run 3 (1_flags, up): succeeded, 2000 rows, at 2025-03-01 09:00:00" */
static void print(struct cmd_call *call, const redferry_run_record *run)
{
    char count[TEXT_COUNT], at[TEXT_TIME];
    const bool has_ended = run->finished_at != NULL;
    cmd_say(call, "run %" PRId64 " (%" PRId64 "_%s, %s): %s, %s%s%s", run->id, run->version,
            run->name != NULL ? run->name : "", run->direction, run->status,
            text_count(count, run->tally.rows_read, "row"), has_ended ? ", at " : "",
            has_ended ? text_time(at, run->finished_at) : "");
}

static int run(struct cmd_call *call)
{
    const redferry_watch_report *report = NULL;
    const bool is_named = call->count > 0;
    signals_install(call->ferry, NULL); /* what stops is the watching */
    const int code = redferry_watch(call->ferry, is_named ? call->arguments[0] : NULL, &report);
    if (report == NULL) return code;
    if (call->json) {
        call->document = document_watch(report, code, redferry_error(call->ferry));
    } else if (!call->quiet && !report->followed) {
        if (!is_named && !report->crashed && (report->run != NULL || code == REDFERRY_OK))
            cmd_say(call, "nothing is running%s",
                    report->run != NULL ? "; the latest:" : ", and nothing ever ran");
        if (report->run != NULL) print(call, report->run);
    }
    return code;
}

const struct cmd cmd_watch = {
    .name = "watch",
    .arguments = "[RUN]",
    .summary = "follow a run's progress, from anywhere",
    .details = "RUN is a run's number, as history shows it; without it, the one that is "
               "running, or else the latest is shown. Only reads the ledger. To stop watching "
               "(Ctrl-C) does not stop the run. The exit code says how the run ended: 0 "
               "succeeded, 1 failed, 3 interrupted or crashed, 4 cancelled.",
    .most = 1,
    .run = run,
};
