/*
 * redo: down and up of the last one, for whoever is writing a migration.
 */
#include "cmd.h"

static int run(struct cmd_call *call)
{
    static const struct document_lists lists = {.done = "applied", .undone = "undone"};
    const redferry_outcome *outcome = NULL;
    if (cmd_switch(call, "dry-run"))
        return cmd_plan_show(call, &(redferry_plan_options){.redo = true});
    int code = redferry_redo(call->ferry, &outcome);
    return cmd_outcome(call, code, outcome, &lists);
}

static const struct option_line options[] = {
    CMD_DRY_RUN,
    {0},
};

const struct cmd cmd_redo = {
    .name = "redo",
    .arguments = "",
    .summary = "undo the last one applied, and apply it again",
    .logs = true,
    .options = options,
    .run = run,
};
