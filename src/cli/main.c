/*
 * redferry, the program: a table of commands, and the way from a command line to an exit code.
 *
 * The library does the work; the commands word it; here the two are brought together. Whatever
 * goes wrong ends in one place (finish), so that with --json there is one document on stdout
 * whatever happened, and so that a result that could not be written is not a success.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "background.h"
#include "cmd.h"
#include "document.h"
#include "option.h"
#include "report.h"
#include "screen.h"
#include "signals.h"
#include "text.h"

/* Every command, in the order of `redferry help`. */
/* clang-format off */
static const struct cmd *const commands[] = {
    &cmd_init,
    &cmd_new,
    &cmd_lint, &cmd_plan,
    &cmd_test,
    &cmd_up,
    &cmd_run,
    &cmd_down,
    &cmd_redo,
    &cmd_status,
    &cmd_history,
    &cmd_watch,
    &cmd_pause,
    &cmd_resume,
    &cmd_cancel,
    &cmd_doctor,
    &cmd_verify,
    &cmd_mark,
    &cmd_unmark,
    &cmd_repair,
    &cmd_completion,
    &cmd_help,
    NULL,
};
/* clang-format on */

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static const char STOPPING[] =
    "\nredferry: stopping once what is in flight is done; a second signal stops at once\n";

extern char **environ;

/* A closed 0, 1 or 2 would be given to the next file that is opened, and what we print would
 * land in a database. What stands in its place is opened the wrong way round, so that use
 * still fails. */
static int hold_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) != -1) continue;
        if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) return -1;
    }
    return 0;
}

/* Take the command line apart, knowing every command's options. */
static int read_options(struct option_set *options, const redferry *ferry, int argc,
                        char **argv)
{
    const struct option_line *tables[COMMANDS];
    size_t count = 0, table_count = 0;
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (commands[i]->options != NULL) tables[table_count++] = commands[i]->options;
    }
    tables[table_count] = NULL;
    const redferry_setting *settings = redferry_settings(ferry, &count);
    const struct option_known known = {
        .settings = settings, .setting_count = count, .tables = tables};
    return option_parse(options, &known, argc, argv);
}

/* Hand the settings among the options to the library, all of them: a later one may be --json.
 * Returns the first failure's code, with the refusal set. */
static int apply_settings(struct cmd_call *call)
{
    int code = redferry_set_environment(call->ferry, (const char *const *)environ);
    if (code != REDFERRY_OK) (void)cmd_refuse(call, "%s", redferry_error(call->ferry));
    for (size_t i = 0; i < call->options->count; i++) {
        const struct option_given *given = &call->options->given[i];
        if (!given->is_setting) continue;
        int one = redferry_set(call->ferry, given->name, given->value);
        if (one == REDFERRY_OK || code != REDFERRY_OK) continue;
        (void)cmd_refuse(call, "%s", redferry_error(call->ferry));
        code = one;
    }
    return code;
}

/* What a setting amounts to. Where the settings as a whole are not right, the flag still
 * counts, or else the variable: they say how to tell what is wrong. */
static const char *setting(struct cmd_call *call, const char *name)
{
    size_t count = 0;
    const redferry_setting *settings = redferry_settings(call->ferry, &count);
    const char *value = redferry_get(call->ferry, name);
    if (value == NULL) value = option_value(call->options, name);
    for (size_t i = 0; i < count && value == NULL; i++) {
        if (strcmp(settings[i].name, name) == 0 && settings[i].environment != NULL)
            value = getenv(settings[i].environment);
    }
    return value;
}

static bool is_set(struct cmd_call *call, const char *name)
{
    static const char *const words[] = {"true", "yes", "on", "1"};
    const char *value = setting(call, name);
    for (size_t i = 0; value != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(value, words[i]) == 0) return true;
    }
    return false;
}

/* Settle how results and reports look. context (yours to free) is what the manner borrows. */
static void choose_manner(struct cmd_call *call, struct report_manner *manner, char **context)
{
    const char *format = setting(call, "log-format");
    bool no_color = false;
    manner->json = format != NULL && strcmp(format, "json") == 0;
    manner->quiet = is_set(call, "quiet");
    manner->verbose = is_set(call, "verbose") && !manner->quiet;
    manner->progress = !is_set(call, "no-progress") && !manner->quiet;
    manner->redraws = manner->progress && !manner->json && screen_is_terminal(stderr);
    no_color = is_set(call, "no-color");
    manner->coloured = !no_color && screen_is_coloured(stderr);
    manner->unicode = screen_is_unicode();

    call->json = is_set(call, "json");
    call->quiet = manner->quiet;
    call->coloured = !no_color && screen_is_coloured(stdout);
    call->columns = screen_is_terminal(stdout) ? screen_columns(stdout) : 0;

    const char *text = setting(call, "context");
    *context = text != NULL ? strdup(text) : NULL;
    manner->context = *context;
}

/* Tell in a log what would go to stderr, where that is wanted. A command for the background
 * does so only once it is there. Returns REDFERRY_OK, or the refusal's code. */
static int open_log(struct cmd_call *call, bool background)
{
    const char *path = setting(call, "log-file");
    if (path == NULL && background) path = BACKGROUND_LOG;
    if (path == NULL) return REDFERRY_OK;
    call->log_path = strdup(path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    call->log = fd >= 0 ? fdopen(fd, "a") : NULL;
    if (call->log == NULL || call->log_path == NULL)
        return cmd_refuse(call, "cannot open the log file '%s': %s", path, strerror(errno));
    (void)setvbuf(call->log, NULL, _IOLBF, 0);
    if (!background) report_to_log(call->report, call->log, stderr);
    return REDFERRY_OK;
}

/* Check a command line's arguments and run its command. */
static int run_command(struct cmd_call *call, const struct cmd *cmd)
{
    const char *stray = option_stray(call->options, cmd->options);
    if (stray != NULL)
        return cmd_refuse(call, "'%s' has no option '--%s'; see 'redferry help %s'", cmd->name,
                          stray, cmd->name);
    if (call->count < cmd->least)
        return cmd_refuse(call, "'%s' needs %s; see 'redferry help %s'", cmd->name,
                          cmd->arguments, cmd->name);
    if (call->count > cmd->most)
        return cmd_refuse(call, "'%s' does not take '%s'; see 'redferry help %s'", cmd->name,
                          call->arguments[cmd->most], cmd->name);
    /* What is only shown is shown here. */
    const bool background = cmd_switch(call, "background") && !cmd_switch(call, "dry-run");
    const int code = cmd->logs ? open_log(call, background) : REDFERRY_OK;
    if (code != REDFERRY_OK) return code;
    return background ? background_run(call, cmd->run) : cmd->run(call);
}

/* Alone: whoever has typed more than that means something else. */
static int print_version(struct cmd_call *call)
{
    const char *stray = option_stray(call->options, option_own);
    if (call->options->word_count > 0)
        return cmd_refuse(call, "'--version' does not take '%s'; see 'redferry help'",
                          call->options->words[0]);
    if (stray != NULL)
        return cmd_refuse(call, "'--version' does not take '--%s'; see 'redferry help'", stray);
    if (call->json) {
        call->document =
            document_texts(REDFERRY_OK, "version", redferry_version(), (const char *)NULL);
    } else {
        fprintf(call->out, "redferry %s\n", redferry_version());
    }
    return REDFERRY_OK;
}

/* Find out which command is meant, and run it. */
static int dispatch(struct cmd_call *call)
{
    const struct option_set *options = call->options;
    const char *help[2] = {options->word_count > 0 ? options->words[0] : NULL, NULL};
    if (option_value(options, "version") != NULL) return print_version(call);
    if (option_value(options, "help") != NULL) {
        call->arguments = help;
        call->count = options->word_count > 0 ? 1 : 0;
        return cmd_help.run(call);
    }
    if (options->word_count == 0)
        return cmd_refuse(call, "which command? 'redferry help' lists them");

    const struct cmd *cmd = cmd_find(commands, options->words[0]);
    if (cmd == NULL) return cmd_refuse_name(call, options->words[0]);
    call->arguments = options->words + 1;
    call->count = options->word_count - 1;
    return run_command(call, cmd);
}

/* Whether who read our stdout is gone. Asked of the descriptor, since the stream may have
 * stumbled long ago and errno has forgotten why. */
static bool has_reader_left(FILE *out)
{
    struct pollfd end = {.fd = fileno(out), .events = POLLOUT};
    return poll(&end, 1, 0) == 1 && (end.revents & (POLLERR | POLLHUP)) != 0;
}

/* Write what is left to write, and see that all was written. Who closed our stdout while we
 * worked did not want the rest: that is no failure of the command. */
static int flush_results(struct cmd_call *call, int code)
{
    errno = 0;
    bool failed = fflush(call->out) != 0 || ferror(call->out);
    int reason = errno;
    if (!failed || reason == EPIPE || has_reader_left(call->out)) return code;
    char *text = text_format("cannot write the result%s%s", reason != 0 ? ": " : "",
                             reason != 0 ? strerror(reason) : "");
    if (text != NULL) report_error(call->report, text);
    free(text);
    return code == REDFERRY_OK ? REDFERRY_INVALID : code;
}

/* Tell the error, print the document, and settle the exit code. */
static int finish(struct cmd_call *call, int code)
{
    const char *error = call->refusal;
    if (call->is_told) return code;
    if (error == NULL && call->ferry != NULL) error = redferry_error(call->ferry);
    if (error == NULL || (code == REDFERRY_FAILED && *error == '\0')) error = "out of memory";
    report_finish(call->report);
    if (call->json) {
        struct json_t *document = call->document;
        if (document == NULL) document = document_error(error, code);
        call->document = NULL;
        if (document_print(document, call->out, false) != 0 && code == REDFERRY_OK)
            code = REDFERRY_FAILED;
    }
    if (code != REDFERRY_OK && *error != '\0') report_error(call->report, error);
    return flush_results(call, code);
}

/* Everything from a parsed command line to its exit code. */
static int run_program(struct cmd_call *call)
{
    struct report_manner manner = {0};
    char *context = NULL;
    redferry_on_event(call->ferry, report_event, call->report);
    int code = apply_settings(call);
    choose_manner(call, &manner, &context);
    bool tells = !call->json && !manner.quiet;
    report_start(call->report, &manner, tells ? call->out : NULL);

    if (call->options->error != NULL) code = cmd_refuse(call, "%s", call->options->error);
    /* The newline at its head ends the progress line, where one is drawn. */
    const char *notice = manner.redraws ? STOPPING : STOPPING + 1;
    signals_install(call->ferry, manner.json ? NULL : notice);
    if (code == REDFERRY_OK) code = dispatch(call);
    signals_release();
    code = finish(call, code);
    free(context);
    return code;
}

int main(int argc, char **argv)
{
    struct option_set options = {0};
    struct report report;
    struct cmd_call call = {.commands = commands, .report = &report, .options = &options};
    int code = REDFERRY_FAILED;
    if (hold_standard_streams() != 0) return REDFERRY_INVALID;

    /* A line at a time, so that those of many hosts do not mingle in one log. */
    (void)setvbuf(stderr, NULL, _IOLBF, 0);
    call.out = stdout;
    report_init(&report, stderr);
    call.ferry = redferry_new();
    bool ready = call.ferry != NULL &&
                 (read_options(&options, call.ferry, argc, argv) == 0 || options.error != NULL);
    code = ready ? run_program(&call) : finish(&call, code);
    report_release(&report);
    redferry_free(call.ferry);
    if (call.log != NULL) (void)fclose(call.log);
    free(call.log_path);
    free(call.refusal);
    option_release(&options);
    return code;
}
