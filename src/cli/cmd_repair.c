/*
 * repair: accept a file as it is now, or give up what a run that stopped has left.
 */
#include "cmd.h"

static int run(struct cmd_call *call)
{
    static const struct document_lists lists = {.done = "repaired", .brief = true};
    const redferry_outcome *outcome = NULL;
    int code = redferry_repair(call->ferry, call->arguments[0], &outcome);
    return cmd_outcome(call, code, outcome, &lists);
}

const struct cmd cmd_repair = {
    .name = "repair",
    .arguments = "VERSION",
    .summary = "accept a modified file's new checksum; clear a stopped run's checkpoint",
    .details = "For a file that was changed after it was applied, where the change makes no "
               "difference to what it did. For a migration that stopped half-way, its "
               "checkpoint is removed: the next run begins at step 1 again, whatever was "
               "delivered before. Nothing is run.",
    .least = 1,
    .most = 1,
    .run = run,
};
