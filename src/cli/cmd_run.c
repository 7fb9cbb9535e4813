/*
 * run: apply exactly these, also the manual ones and those that `up` leaves to an operator.
 */
#include "cmd.h"

static int run(struct cmd_call *call)
{
    static const struct document_lists lists = {.done = "applied"};
    const redferry_run_options options = {
        .versions = call->arguments,
        .version_count = call->count,
        .again = cmd_switch(call, "again"),
        .all = cmd_switch(call, "all"),
    };
    const redferry_outcome *outcome = NULL;
    if (options.all && !options.again)
        return cmd_refuse(call, "'run --all' needs '--again': 'redferry run --all --again' "
                                "carries everything that is applied once more");
    if (options.all && call->count > 0) return cmd_refuse(call, "'run --all' takes no VERSION");
    if (!options.all && call->count == 0)
        return cmd_refuse(call, "'run' needs a VERSION; see 'redferry help run'");

    if (cmd_switch(call, "dry-run"))
        return cmd_plan_show(call, &(redferry_plan_options){.run = &options});
    int code = redferry_run(call->ferry, &options, &outcome);
    return cmd_outcome(call, code, outcome, &lists);
}

static const struct option_line options[] = {
    {"again", 0, NULL, "once more from the start, also where it is applied"},
    {"all", 0, NULL, "every applied migration; with --again"},
    {"background", 0, NULL,
     "go on in the background once a run has begun, logging to --log-file"},
    CMD_DRY_RUN,
    {0},
};

const struct cmd cmd_run = {
    .name = "run",
    .arguments = "VERSION...",
    .summary = "apply or go on with exactly these migrations",
    .details = "What is applied already is left as it is, unless --again is given. Manual "
               "migrations, cancelled ones, and those that stopped too long ago for 'up' are "
               "run too.",
    .options = options,
    .most = CMD_ANY,
    .logs = true,
    .run = run,
};
