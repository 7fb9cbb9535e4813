/*
 * mark: record as applied without running.
 */
#include "cmd.h"

static int run(struct cmd_call *call)
{
    static const struct document_lists lists = {.done = "marked", .brief = true};
    const char *to = cmd_option(call, "to");
    const redferry_outcome *outcome = NULL;
    if (to != NULL && call->count > 0)
        return cmd_refuse(call, "'mark' takes VERSIONs or '--to', not both");
    if (to == NULL && call->count == 0)
        return cmd_refuse(call, "'mark' needs a VERSION, or '--to VERSION' for a baseline");

    const char *const *versions = to != NULL ? &to : call->arguments;
    size_t count = to != NULL ? 1 : call->count;
    int code = redferry_mark(call->ferry, versions, count, to != NULL, &outcome);
    return cmd_outcome(call, code, outcome, &lists);
}

static const struct option_line options[] = {
    {"to", 0, "VERSION", "every one up to VERSION: a baseline"},
    {0},
};

const struct cmd cmd_mark = {
    .name = "mark",
    .arguments = "VERSION...",
    .summary = "record as applied without running",
    .details = "For what was carried over by other means. Redis is not touched.",
    .options = options,
    .most = CMD_ANY,
    .run = run,
};
