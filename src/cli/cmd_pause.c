/*
 * pause: have a run pause, wherever it runs. What happens then is the run's affair; here it is
 * only asked for.
 */
#include "cmd.h"

static int run(struct cmd_call *call)
{
    return cmd_petition(call, redferry_pause, "paused");
}

const struct cmd cmd_pause = {
    .name = "pause",
    .arguments = "[RUN]",
    .summary = "have a run pause at its next batch, from anywhere",
    .details = "RUN is a run's number, as history and status --json show it; without "
               "it, the one that is running. A paused run keeps no statement and no "
               "snapshot open, and goes on behind its last row with resume; a step "
               "without a key starts over. Waits a few seconds for the run to obey.",
    .most = 1,
    .run = run,
};
