/*
 * What the commands have in common: being found by name, refusing a command line, and telling
 * what was done. Nothing here knows a particular command.
 */
#include "cmd.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"
#include "report.h"
#include "signals.h"
#include "text.h"

static const struct reference_code codes[] = {
    {"0", "done, or nothing to do"},
    {"1", "a migration failed"},
    {"2", "usage, configuration, or an invalid migration file"},
    {"3", "not everything is applied yet: status --check, --max-time, --on-lock skip"},
    {"4", "an operator is needed; do not retry"},
    {"5", "a lock was not obtained in time: redferry's own, a schema migration's, or another "
          "program's"},
    {"6", "the SQL database is unreachable"},
    {"7", "Redis is unreachable"},
    {"8", "a comparison found differences, or a test failed"},
    {"128+n", "stopped by signal n; the next 'up' goes on"},
    {0},
};

int cmd_reference(const struct cmd_call *call, struct reference *reference)
{
    size_t count = 0;
    while (call->commands[count] != NULL) count++;
    struct reference_command *commands = calloc(count + 1, sizeof *commands);
    if (commands == NULL) return -1;
    for (size_t i = 0; i < count; i++) {
        const struct cmd *cmd = call->commands[i];
        commands[i] = (struct reference_command){.name = cmd->name,
                                                 .alias = cmd->alias,
                                                 .arguments = cmd->arguments,
                                                 .summary = cmd->summary,
                                                 .details = cmd->details,
                                                 .options = cmd->options};
    }
    *reference = (struct reference){.commands = commands, .own = option_own, .codes = codes};
    reference->settings = redferry_settings(call->ferry, &reference->setting_count);
    return 0;
}

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

void cmd_say(struct cmd_call *call, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) text = NULL;
    va_end(arguments);
    if (call->columns > 0 && text != NULL) {
        text_put_wrapped(call->out, text, 0, call->columns);
    } else {
        text_put(call->out, text != NULL ? text : "out of memory");
        fputs("\n", call->out);
    }
    free(text);
}

const char *cmd_option(const struct cmd_call *call, const char *name)
{
    return option_value(call->options, name);
}

bool cmd_switch(const struct cmd_call *call, const char *name)
{
    return option_value(call->options, name) != NULL;
}

/* What an earlier run has left to be said; the message was perhaps none. */
static void print_announced(struct cmd_call *call, const redferry_outcome *outcome)
{
    const size_t told = call->report->done;
    for (size_t i = 0; i < outcome->announced_count; i++) {
        const redferry_done *done = &outcome->announced[i];
        report_done(call->report, done,
                    done->tally.messages_published > 0 ? "announced" : "finished off", true);
    }
    call->report->done = told;
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
    print_announced(call, outcome);
    if (code == REDFERRY_OK && outcome->done_count == 0 && outcome->announced_count == 0 &&
        !call->quiet)
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

/* ---- a run that is not one's own -------------------------------------------------------- */

/* Where it stands, or, of one that is cancelled, what is next: ": step 1 'flags', 2 rows so
 * far". Yours to free; NULL: nothing, or no memory. */
static char *describe_rest(const redferry_petition *petition)
{
    const redferry_run_record *run = petition->run;
    char rows[TEXT_COUNT];
    if (petition->next != NULL) return text_format(": %s", petition->next);
    if (run->step == 0) return NULL;
    return text_format(": step %" PRId64 " '%s', %s so far", run->step,
                       run->step_name != NULL ? run->step_name : "",
                       text_count(rows, run->tally.rows_read, "row"));
}

/* "run 3 (1_flags) is paused already, by ana" */
static void print_moot(struct cmd_call *call, const redferry_run_record *run)
{
    const bool has_asker = run->requested_by != NULL && strcmp(run->status, "running") != 0;
    cmd_say(call, "run %" PRId64 " (%" PRId64 "_%s) is %s already%s%s", run->id, run->version,
            run->name != NULL ? run->name : "", run->status, has_asker ? ", by " : "",
            has_asker ? run->requested_by : "");
}

static void print_petition(struct cmd_call *call, const redferry_petition *petition,
                           const char *done)
{
    const redferry_run_record *run = petition->run;
    if (strcmp(petition->result, "moot") == 0) {
        print_moot(call, run);
        return;
    }
    const bool has_crashed = strcmp(petition->result, "recorded") == 0;
    char *rest = describe_rest(petition);
    cmd_say(call, "%s run %" PRId64 " (%" PRId64 "_%s)%s%s", done, run->id, run->version,
            run->name != NULL ? run->name : "", has_crashed ? ", which had crashed" : "",
            rest != NULL ? rest : "");
    free(rest);
}

static void print_replaced(struct cmd_call *call, const redferry_petition *petition)
{
    cmd_say(call, "this replaced the `%s` that %s asked for at %s", petition->replaced,
            petition->replaced_by != NULL ? petition->replaced_by : "somebody",
            petition->replaced_at != NULL ? petition->replaced_at : "an unknown time");
}

int cmd_petition(struct cmd_call *call, cmd_ask ask, const char *done)
{
    const redferry_petition *petition = NULL;
    signals_install(call->ferry, NULL); /* no batch of ours is in flight */
    const int code = ask(call->ferry, call->count > 0 ? call->arguments[0] : NULL, &petition);
    if (petition == NULL) return code;
    if (call->json) {
        call->document = document_petition(petition, code, redferry_error(call->ferry));
    } else if (!call->quiet) {
        if (code == REDFERRY_OK) print_petition(call, petition, done);
        if (petition->replaced != NULL) print_replaced(call, petition);
    }
    return code;
}
