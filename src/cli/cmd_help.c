/*
 * help: explain the program, or one command. `redferry --help` and `redferry COMMAND --help`
 * come here as well.
 *
 * Nothing about a command or an option is written here: it is printed from the tables that the
 * program itself goes by, so that help cannot promise what is not there. docs/commands.md is
 * compared with this text by a test.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "text.h"

enum {
    COMMAND_INDENT = 24,
    OPTION_INDENT = 28,
    CODE_INDENT = 9,
    LEAST_COLUMNS = 50,
    PAGE_COLUMNS = 80 /* where there is no terminal */
};

static const struct {
    const char *code, *meaning;
} codes[] = {
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
};

/* Print an entry: what it is called (filled columns so far), then what it does, from indent on.
 * Where there is no room for both on a line, what it does begins the next one. */
static void put_entry(FILE *stream, size_t filled, size_t indent, const char *help,
                      size_t columns)
{
    if (filled + 2 > indent) {
        fputs("\n", stream);
        filled = 0;
    }
    fprintf(stream, "%*s", (int)(indent - filled), "");
    text_put_wrapped(stream, help, indent, columns > LEAST_COLUMNS ? columns : LEAST_COLUMNS);
}

/* Print an option's forms: "  -d, --database URL". Returns the columns filled. */
static size_t put_forms(FILE *stream, const struct option_line *line)
{
    int filled = line->letter != 0 ? fprintf(stream, "  -%c, --%s", line->letter, line->name)
                                   : fprintf(stream, "      --%s", line->name);
    if (line->argument != NULL) filled += fprintf(stream, " %s", line->argument);
    return filled > 0 ? (size_t)filled : 0;
}

static void put_option(FILE *stream, const struct option_line *line, size_t columns)
{
    put_entry(stream, put_forms(stream, line), OPTION_INDENT, line->help, columns);
}

/* Print a setting with where else it comes from: "help [VARIABLE, VARIABLE; default]". */
static void put_setting(FILE *stream, const redferry_setting *setting, size_t columns)
{
    struct option_line line = {setting->name, setting->letter, setting->argument, NULL};
    const char *parts[] = {setting->environment, setting->fallback,
                           setting->argument != NULL ? setting->standard : NULL};
    const char *before[] = {" [", ", ", "; default "};
    char help[512];
    size_t filled = put_forms(stream, &line);
    size_t length = (size_t)snprintf(help, sizeof help, "%s", setting->help);
    bool open = false;
    for (size_t i = 0; i < 3 && length < sizeof help; i++) {
        if (parts[i] == NULL) continue;
        const char *link = open ? before[i] : i == 2 ? " [default " : " [";
        length += (size_t)snprintf(help + length, sizeof help - length, "%s%s", link, parts[i]);
        open = true;
    }
    if (open && length < sizeof help) (void)snprintf(help + length, sizeof help - length, "]");
    put_entry(stream, filled, OPTION_INDENT, help, columns);
}

static void put_commands(FILE *stream, const struct cmd *const *commands, size_t columns)
{
    fputs("\nCommands\n", stream);
    for (; *commands != NULL; commands++) {
        const char *alias = (*commands)->alias;
        int filled = fprintf(stream, "  %s%s%s", (*commands)->name, alias != NULL ? ", " : "",
                             alias != NULL ? alias : "");
        put_entry(stream, (size_t)filled, COMMAND_INDENT, (*commands)->summary, columns);
    }
}

static void put_options(FILE *stream, const redferry *ferry, size_t columns)
{
    size_t count = 0;
    const redferry_setting *settings = redferry_settings(ferry, &count);
    fputs("\nOptions\n", stream);
    for (size_t i = 0; i < count; i++) put_setting(stream, &settings[i], columns);
    for (size_t i = 0; option_own[i].name != NULL; i++)
        put_option(stream, &option_own[i], columns);
}

static void put_program(FILE *stream, const struct cmd *const *commands, const redferry *ferry,
                        size_t columns)
{
    text_put_wrapped(stream,
                     "redferry carries rows from PostgreSQL or SQLite to Redis exactly once, "
                     "and remembers that it did.\n\n"
                     "usage: redferry [options] <command> [arguments]",
                     0, columns);
    put_commands(stream, commands, columns);
    put_options(stream, ferry, columns);

    fputs("\nExit codes\n", stream);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        put_entry(stream, (size_t)fprintf(stream, "  %s", codes[i].code), CODE_INDENT,
                  codes[i].meaning, columns);
    fputs("\n", stream);
    text_put_wrapped(
        stream,
        "Options stand before or after the command; '--' ends them. A VERSION is "
        "the number, number_name, or the file. 'redferry help COMMAND' tells more.",
        0, columns);
}

/* Print the arguments and options as usage shows them. */
static void put_synopsis(FILE *stream, const struct cmd *cmd)
{
    fprintf(stream, "usage: redferry %s", cmd->name);
    if (*cmd->arguments != '\0') fprintf(stream, " %s", cmd->arguments);
    for (const struct option_line *line = cmd->options; line != NULL && line->name != NULL;
         line++) {
        const char *argument = line->argument;
        fprintf(stream, " [--%s%s%s]", line->name, argument != NULL ? " " : "",
                argument != NULL ? argument : "");
    }
    fputs("\n", stream);
    if (cmd->alias != NULL) fprintf(stream, "alias: redferry %s\n", cmd->alias);
}

static void put_command(FILE *stream, const struct cmd *cmd, size_t columns)
{
    put_synopsis(stream, cmd);
    fputs("\n", stream);
    text_put_wrapped(stream, cmd->summary, 0, columns);
    if (cmd->details != NULL) {
        fputs("\n", stream);
        text_put_wrapped(stream, cmd->details, 0, columns);
    }
    if (cmd->options != NULL) {
        fputs("\nOptions\n", stream);
        for (const struct option_line *line = cmd->options; line->name != NULL; line++)
            put_option(stream, line, columns);
    }
    fputs("\nThe options of every command: redferry help\n", stream);
}

static void put(struct cmd_call *call, FILE *stream, const struct cmd *cmd, size_t columns)
{
    if (cmd != NULL) {
        put_command(stream, cmd, columns);
    } else {
        put_program(stream, call->commands, call->ferry, columns);
    }
}

static int run(struct cmd_call *call)
{
    const struct cmd *cmd = NULL;
    size_t columns = call->columns > 0 ? call->columns : PAGE_COLUMNS;
    if (call->count > 0) {
        cmd = cmd_find(call->commands, call->arguments[0]);
        if (cmd == NULL) return cmd_refuse_name(call, call->arguments[0]);
    }
    if (!call->json) {
        put(call, call->out, cmd, columns);
        return REDFERRY_OK;
    }

    char *page = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&page, &length);
    if (stream == NULL) return cmd_refuse(call, "out of memory");
    put(call, stream, cmd, columns);
    if (fclose(stream) == 0) call->document = document_texts(REDFERRY_OK, "help", page, NULL);
    free(page);
    return REDFERRY_OK;
}

const struct cmd cmd_help = {
    .name = "help",
    .arguments = "[COMMAND]",
    .summary = "explain the program, or a command",
    .most = 1,
    .run = run,
};
