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
    {"5", "a lock was not obtained in time: redferry's own, or a schema migration's"},
    {"6", "the SQL database is unreachable"},
    {"7", "Redis is unreachable"},
    {"8", "a comparison found differences"},
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

/* ---- a run that is not one's own -------------------------------------------------------- */

/* "run 3 (1_flags)" */
static void put_run(FILE *out, const redferry_run_record *run)
{
    fprintf(out, "run %" PRId64 " (%" PRId64 "_", run->id, run->version);
    text_put(out, run->name != NULL ? run->name : "");
    fputs(")", out);
}

/* Where it stands, or, of one that is cancelled, what is next. */
static void put_rest(FILE *out, const redferry_petition *petition)
{
    const redferry_run_record *run = petition->run;
    char buf[TEXT_COUNT];
    if (strcmp(petition->request, "cancel") == 0 && strcmp(run->direction, "down") == 0)
        fprintf(out, ": `redferry down --only %" PRId64 "` goes on", run->version);
    else if (strcmp(petition->request, "cancel") == 0)
        fprintf(out,
                ": `redferry run %" PRId64 "` goes on, `redferry down --only %" PRId64
                "` undoes it",
                run->version, run->version);
    else if (run->step > 0) {
        fprintf(out, ": step %" PRId64 " '", run->step);
        text_put(out, run->step_name != NULL ? run->step_name : "");
        fprintf(out, "', %s so far", text_count(buf, run->tally.rows_read, "row"));
    }
}

static void print_petition(struct cmd_call *call, const redferry_petition *petition,
                           const char *done)
{
    FILE *out = call->out;
    const redferry_run_record *run = petition->run;
    const bool is_moot = strcmp(petition->result, "moot") == 0;
    if (is_moot) {
        put_run(out, run);
        fprintf(out, " is %s already", run->status);
    } else {
        fprintf(out, "%s ", done);
        put_run(out, run);
        if (strcmp(petition->result, "recorded") == 0) fputs(", which had crashed", out);
        put_rest(out, petition);
    }
    if (is_moot && run->requested_by != NULL && strcmp(run->status, "running") != 0) {
        fputs(", by ", out);
        text_put(out, run->requested_by);
    }
    fputs("\n", out);
}

static void print_replaced(struct cmd_call *call, const redferry_petition *petition)
{
    fprintf(call->out, "this replaced the `%s` that ", petition->replaced);
    text_put(call->out, petition->replaced_by != NULL ? petition->replaced_by : "somebody");
    fprintf(call->out, " asked for at %s\n",
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
