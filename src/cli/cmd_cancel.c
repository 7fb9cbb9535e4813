/*
 * cancel: end a run for good, but with its checkpoint: an operator decides what comes next.
 */
#include "cmd.h"

static int run(struct cmd_call *call)
{
    return cmd_petition(call, redferry_cancel, "cancelled");
}

const struct cmd cmd_cancel = {
    .name = "cancel",
    .arguments = "[RUN]",
    .summary = "end a run at its next batch, from anywhere",
    .details = "RUN is a run's number; without it, the one that is running. Up then "
               "leaves the migration alone, until run VERSION goes on with it or down "
               "--only VERSION undoes it. A run that has crashed is recorded as "
               "cancelled at once. Waits a few seconds for the run to obey.",
    .most = 1,
    .run = run,
};
