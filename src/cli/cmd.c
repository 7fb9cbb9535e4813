/*
 * What the commands have in common: being found by name, refusing a command line, and telling
 * what was done. Nothing here knows a particular command.
 */
#include "cmd.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "text.h"

const struct cmd *cmd_find(const struct cmd *const *commands, const char *name)
{
    for (; *commands != NULL; commands++) {
        const char *alias = (*commands)->alias;
        if (strcmp((*commands)->name, name) == 0) return *commands;
        if (alias != NULL && strcmp(alias, name) == 0) return *commands;
    }
    return NULL;
}

int cmd_refuse(struct cmd_call *call, const char *format, ...)
{
    va_list arguments;
    free(call->refusal);
    call->refusal = NULL;
    va_start(arguments, format);
    if (vasprintf(&call->refusal, format, arguments) < 0) call->refusal = NULL;
    va_end(arguments);
    if (call->refusal != NULL) text_hide_secrets(call->refusal);
    return REDFERRY_INVALID;
}

int cmd_refuse_name(struct cmd_call *call, const char *name)
{
    struct text_nearest nearest = {.word = name};
    for (const struct cmd *const *cmd = call->commands; *cmd != NULL; cmd++) {
        text_nearest_offer(&nearest, (*cmd)->name);
        text_nearest_offer(&nearest, (*cmd)->alias);
    }
    if (nearest.name != NULL)
        return cmd_refuse(call, "unknown command '%s'; do you mean '%s'?", name, nearest.name);
    return cmd_refuse(call, "unknown command '%s'; see 'redferry help'", name);
}

const char *cmd_option(const struct cmd_call *call, const char *name)
{
    return option_value(call->options, name);
}

bool cmd_switch(const struct cmd_call *call, const char *name)
{
    return option_value(call->options, name) != NULL;
}

/* Print the lines that no event has printed yet. */
static void print_outcome(struct cmd_call *call, int code, const redferry_outcome *outcome,
                          const struct document_lists *lists)
{
    bool both = lists->done != NULL && lists->undone != NULL;
    for (size_t i = call->report->done; i < outcome->done_count; i++) {
        const redferry_done *done = &outcome->done[i];
        const char *only = lists->done != NULL ? lists->done : lists->undone;
        const char *word = both ? (done->undone ? lists->undone : lists->done) : only;
        report_done(call->report, done, word, lists->brief);
    }
    if (code == REDFERRY_OK && outcome->done_count == 0 && !call->quiet)
        fputs("nothing to do\n", call->out);
}

int cmd_outcome(struct cmd_call *call, int code, const redferry_outcome *outcome,
                const struct document_lists *lists)
{
    if (call->json) {
        call->document = document_outcome(lists, outcome, code, redferry_error(call->ferry));
    } else if (outcome != NULL) {
        print_outcome(call, code, outcome, lists);
    }
    return code;
}
