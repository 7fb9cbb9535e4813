/*
 * unmark: forget that a migration was applied, without undoing it.
 */
#include "cmd.h"

static int run(struct cmd_call *call)
{
    static const struct document_lists lists = {.done = "unmarked", .brief = true};
    const redferry_outcome *outcome = NULL;
    int code = redferry_unmark(call->ferry, call->arguments, call->count, &outcome);
    return cmd_outcome(call, code, outcome, &lists);
}

const struct cmd cmd_unmark = {
    .name = "unmark",
    .arguments = "VERSION...",
    .summary = "record as not applied without undoing",
    .details = "The next 'up' applies it again. Redis is not touched; the history stays.",
    .least = 1,
    .most = CMD_ANY,
    .run = run,
};
