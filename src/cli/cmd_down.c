/*
 * down: undo what was applied.
 *
 * The number of migrations is refused where it can only be a version: whoever types
 * `down 20200211131900` wants one migration undone, not every one there is.
 */
#include "cmd.h"
#include "text.h"

enum { MOST_AT_ONCE = 9999 };

static int run(struct cmd_call *call)
{
    static const struct document_lists lists = {.undone = "undone"};
    redferry_down_options options = {
        .to = cmd_option(call, "to"),
        .only = cmd_option(call, "only"),
    };
    const redferry_outcome *outcome = NULL;
    int64_t number = 0;
    bool by_version = options.to != NULL || options.only != NULL;
    if (options.to != NULL && options.only != NULL)
        return cmd_refuse(call, "'down' takes '--to' or '--only', not both");
    if (by_version && call->count > 0)
        return cmd_refuse(call, "'down' takes a number or '--to' or '--only', not both");
    if (call->count > 0 && text_number(call->arguments[0], 1, INT64_MAX, &number) != 0)
        return cmd_refuse(call,
                          "'%s' is not a number of migrations from 1 to %d; a version is named "
                          "with '--to' or '--only'",
                          call->arguments[0], MOST_AT_ONCE);
    if (number > MOST_AT_ONCE)
        return cmd_refuse(call,
                          "'%s' is no likely number of migrations; to undo this version, "
                          "'redferry down --only %s'",
                          call->arguments[0], call->arguments[0]);
    options.count = number;

    if (cmd_switch(call, "dry-run"))
        return cmd_plan_show(call, &(redferry_plan_options){.down = &options});
    int code = redferry_down(call->ferry, &options, &outcome);
    return cmd_outcome(call, code, outcome, &lists);
}

static const struct option_line options[] = {
    {"to", 0, "VERSION", "undo those above VERSION"},
    {"only", 0, "VERSION", "undo exactly this one, also one that stopped half-way"},
    CMD_DRY_RUN,
    {0},
};

const struct cmd cmd_down = {
    .name = "down",
    .alias = "rollback",
    .arguments = "[N]",
    .summary = "undo the last N applied (default 1), newest application first",
    .details = "A migration without 'down' cannot be undone. Where the file is gone, the "
               "definition that was stored when it ran is used.",
    .options = options,
    .most = 1,
    .logs = true,
    .run = run,
};
