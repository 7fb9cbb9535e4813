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
#include "manual.h"
#include "reference.h"
#include "text.h"

enum {
    COMMAND_INDENT = 24,
    OPTION_INDENT = 28,
    CODE_INDENT = 9,
    NARROW_INDENT = 8,
    NARROW_COLUMNS = 60, /* in fewer, what an entry does stands below its name */
    LEAST_COLUMNS = 30,
    PAGE_COLUMNS = 80 /* where there is no terminal */
};

/* Print an entry: what it is called (filled columns so far), then what it does, from indent on.
 * Where there is no room for both on a line, what it does begins the next one. */
static void put_entry(FILE *stream, size_t filled, size_t indent, const char *help,
                      size_t columns)
{
    if (columns < NARROW_COLUMNS && indent > CODE_INDENT) indent = NARROW_INDENT;
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

static void put_commands(FILE *stream, const struct reference_command *command, size_t columns)
{
    fputs("\nCommands\n", stream);
    for (; command->name != NULL; command++) {
        const char *alias = command->alias;
        int filled = fprintf(stream, "  %s%s%s", command->name, alias != NULL ? ", " : "",
                             alias != NULL ? alias : "");
        put_entry(stream, (size_t)filled, COMMAND_INDENT, command->summary, columns);
    }
}

static void put_options(FILE *stream, const struct reference *reference, size_t columns)
{
    fputs("\nOptions\n", stream);
    for (size_t i = 0; i < reference->setting_count; i++)
        put_setting(stream, &reference->settings[i], columns);
    for (const struct option_line *line = reference->own; line->name != NULL; line++)
        put_option(stream, line, columns);
}

static void put_program(FILE *stream, const struct reference *reference, size_t columns)
{
    text_put_wrapped(stream,
                     "redferry carries rows from PostgreSQL or SQLite to Redis exactly once, "
                     "and remembers that it did.\n\n"
                     "usage: redferry [options] <command> [arguments]",
                     0, columns);
    put_commands(stream, reference->commands, columns);
    put_options(stream, reference, columns);

    fputs("\nExit codes\n", stream);
    for (const struct reference_code *line = reference->codes; line->code != NULL; line++)
        put_entry(stream, (size_t)fprintf(stream, "  %s", line->code), CODE_INDENT,
                  line->meaning, columns);
    fputs("\n", stream);
    text_put_wrapped(
        stream,
        "Options stand before or after the command; '--' ends them. A VERSION is "
        "the number, number_name, or the file. 'redferry help COMMAND' tells more.",
        0, columns);
}

/* Print the arguments and options as usage shows them; columns 0: on one line. */
static void put_synopsis(FILE *stream, const struct cmd *cmd, size_t columns)
{
    int filled = fprintf(stream, "usage: redferry %s", cmd->name);
    if (*cmd->arguments != '\0') filled += fprintf(stream, " %s", cmd->arguments);
    for (const struct option_line *line = cmd->options; line != NULL && line->name != NULL;
         line++) {
        char option[64];
        const char *argument = line->argument;
        const int length =
            snprintf(option, sizeof option, " [--%s%s%s]", line->name,
                     argument != NULL ? " " : "", argument != NULL ? argument : "");
        const bool breaks = columns > 0 && (size_t)(filled + length) > columns;
        if (breaks) filled = fprintf(stream, "\n%*s", NARROW_INDENT - 1, "") - 1;
        filled += fprintf(stream, "%s", option);
    }
    fputs("\n", stream);
    if (cmd->alias != NULL) fprintf(stream, "alias: redferry %s\n", cmd->alias);
}

static void put_command(const struct cmd_call *call, FILE *stream, const struct cmd *cmd,
                        size_t columns)
{
    put_synopsis(stream, cmd, call->columns);
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
    fputs("\n", stream);
    text_put_wrapped(stream, "The options of every command: redferry help", 0, columns);
}

/* Write the page that is asked for: cmd's, or where that is NULL the program's. Returns -1
 * where memory runs out. */
static int put(struct cmd_call *call, FILE *stream, const struct cmd *cmd)
{
    const size_t columns = call->columns > 0 ? call->columns : PAGE_COLUMNS;
    struct reference reference;
    if (cmd != NULL) {
        put_command(call, stream, cmd, columns);
        return 0;
    }
    if (cmd_reference(call, &reference) != 0) return -1;
    if (cmd_switch(call, "man"))
        manual_put(stream, &reference);
    else
        put_program(stream, &reference, columns);
    free((void *)reference.commands);
    return 0;
}

static int run(struct cmd_call *call)
{
    const struct cmd *cmd = NULL;
    char *page = NULL;
    size_t length = 0;
    if (call->count > 0 && cmd_switch(call, "man"))
        return cmd_refuse(call, "'help --man' is one page for all commands");
    if (call->count > 0) {
        cmd = cmd_find(call->commands, call->arguments[0]);
        if (cmd == NULL) return cmd_refuse_name(call, call->arguments[0]);
    }
    FILE *stream = call->json ? open_memstream(&page, &length) : call->out;
    if (stream == NULL || put(call, stream, cmd) != 0) return cmd_refuse(call, "out of memory");
    if (!call->json) return REDFERRY_OK;
    if (fclose(stream) == 0) call->document = document_texts(REDFERRY_OK, "help", page, NULL);
    free(page);
    return REDFERRY_OK;
}

static const struct option_line options[] = {
    {"man", 0, NULL, "print the source of the manual page redferry(1), in mdoc"},
    {0},
};

const struct cmd cmd_help = {
    .name = "help",
    .arguments = "[COMMAND]",
    .summary = "explain the program, or a command",
    .options = options,
    .most = 1,
    .run = run,
};
