/*
 * resume: have a paused run go on.
 */
#include "cmd.h"

static int run(struct cmd_call *call)
{
    return cmd_petition(call, redferry_resume, "resumed");
}

const struct cmd cmd_resume = {
    .name = "resume",
    .arguments = "[RUN]",
    .summary = "have a paused run go on, from anywhere",
    .details = "RUN is a run's number; without it, the one that is paused. Waits a few "
               "seconds for the run to obey.",
    .most = 1,
    .run = run,
};
