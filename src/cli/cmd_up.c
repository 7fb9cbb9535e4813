/*
 * up: apply what is pending.
 */
#include "cmd.h"

static int run(struct cmd_call *call)
{
    static const struct document_lists lists = {.done = "applied"};
    const redferry_up_options options = {.to = cmd_option(call, "to")};
    const redferry_outcome *outcome = NULL;
    if (cmd_switch(call, "dry-run"))
        return cmd_plan_show(call, &(redferry_plan_options){.up = &options});
    int code = redferry_up(call->ferry, &options, &outcome);
    return cmd_outcome(call, code, outcome, &lists);
}

static const struct option_line options[] = {
    {"to", 0, "VERSION", "apply those up to VERSION; what lies above it stays pending"},
    {"background", 0, NULL,
     "go on in the background once a run has begun, logging to --log-file"},
    CMD_DRY_RUN,
    {0},
};

const struct cmd cmd_up = {
    .name = "up",
    .alias = "migrate",
    .arguments = "",
    .summary = "apply what is pending, in version order",
    .details = "A migration that stopped half-way is gone on with where it stopped. Where "
               "nothing is pending, nothing is written and no lock is taken; so this can run "
               "on every host, with every deploy. Manual migrations are left alone.",
    .options = options,
    .logs = true,
    .run = run,
};
