/*
 * The completion of fish: a line for each command and each option.
 */
#include "completion.h"
#include "reference.h"

static const char HEAD[] =
    "# Completion of redferry for fish. Made by `redferry completion fish`.\n"
    "\n"
    "# The migrations in the directory that the line names, else the environment.\n"
    "function __redferry_versions\n"
    "    set -l directory data_migrations\n"
    "    set -q REDFERRY_MIGRATIONS; and set directory $REDFERRY_MIGRATIONS\n"
    "    set -l words (commandline -opc)\n"
    "    for i in (seq (count $words))\n"
    "        if contains -- $words[$i] -m --migrations; and set -q words[(math $i + 1)]\n"
    "            set directory $words[(math $i + 1)]\n"
    "        end\n"
    "        string match -q -- '--migrations=*' $words[$i]\n"
    "        and set directory (string replace -- --migrations= '' $words[$i])\n"
    "    end\n"
    "    for file in $directory/*.yaml $directory/*.yml\n"
    "        string match -q -r '\\.test\\.ya?ml$' -- $file\n"
    "        or string match -r '^[0-9].*(?=\\.ya?ml$)' -- (string split / -- $file)[-1]\n"
    "    end\n"
    "end\n"
    "\n"
    "# The command on the line: the first word that is neither an option nor an option's "
    "value.\n"
    "function __redferry_command\n"
    "    set -l value\n"
    "    for word in (commandline -opc)[2..-1]\n"
    "        if set -q value[1]\n"
    "            set -e value[1]\n"
    "        else if contains -- $word $__redferry_valued\n"
    "            set value next\n"
    "        else if not string match -q -- '-*' $word\n"
    "            echo $word\n"
    "            return 0\n"
    "        end\n"
    "    end\n"
    "    return 1\n"
    "end\n"
    "\n"
    "function __redferry_is\n"
    "    set -l command (__redferry_command)\n"
    "    and contains -- $command $argv\n"
    "end\n"
    "\n"
    "complete -c redferry -f\n";

/* What completes an argument. */
static const char *const offers[] = {
    [COMPLETION_NOTHING] = " -x",
    [COMPLETION_VERSIONS] = " -x -a '(__redferry_versions)'",
    [COMPLETION_FILES] = " -r -F",
    [COMPLETION_DIRECTORIES] = " -x -a '(__fish_complete_directories)'",
    [COMPLETION_COMMANDS] = " -x -a \"$__redferry_commands\"",
};

static void put_offer(FILE *out, const char *argument)
{
    const enum completion_kind kind = completion_kind_of(argument);
    if (kind != COMPLETION_CHOICES) {
        fputs(offers[kind], out);
        return;
    }
    fputs(" -x -a '", out);
    completion_put_choices(out, argument);
    fputs("'", out);
}

/* Within single quotes fish reads \\ and \', and nothing else. */
static void put_text(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

/* "complete -c redferry", of command alone where that is not NULL. */
static void put_beginning(FILE *out, const struct reference_command *command)
{
    fputs("complete -c redferry", out);
    if (command == NULL) return;
    fprintf(out, " -n '__redferry_is %s%s%s'", command->name, command->alias != NULL ? " " : "",
            command->alias != NULL ? command->alias : "");
}

static void put_option(FILE *out, const struct reference_command *command,
                       const struct option_line *line)
{
    put_beginning(out, command);
    if (line->letter != 0) fprintf(out, " -s %c", line->letter);
    fprintf(out, " -l %s", line->name);
    if (line->argument != NULL) put_offer(out, line->argument);
    fputs(" -d ", out);
    put_text(out, line->help);
    fputs("\n", out);
}

static void put_command(FILE *out, const struct reference_command *command)
{
    const char *const names[] = {command->name, command->alias};
    for (size_t i = 0; i < 2 && names[i] != NULL; i++) {
        fprintf(out, "complete -c redferry -n 'not __redferry_command >/dev/null' -a %s -d ",
                names[i]);
        put_text(out, command->summary);
        fputs("\n", out);
    }
    for (const struct option_line *line = command->options; line != NULL && line->name != NULL;
         line++)
        put_option(out, command, line);
    if (completion_kind_of(command->arguments) == COMPLETION_NOTHING) return;
    put_beginning(out, command);
    put_offer(out, command->arguments);
    fputs("\n", out);
}

/* " -d --database" */
static void put_valued(FILE *out, const struct option_line *line)
{
    if (line->letter != 0) fprintf(out, " -%c", line->letter);
    fprintf(out, " --%s", line->name);
}

void completion_put_fish(const struct completion *completion)
{
    FILE *out = completion->out;
    fputs(HEAD, out);
    fputs("set -g __redferry_commands", out);
    for (const struct reference_command *command = completion->commands; command->name != NULL;
         command++) {
        fprintf(out, " %s", command->name);
        if (command->alias != NULL) fprintf(out, " %s", command->alias);
    }
    fputs("\n", out);
    fputs("set -g __redferry_valued", out);
    completion_each_valued(completion, put_valued);
    fputs("\n", out);
    for (size_t i = 0; i < completion->option_count; i++)
        put_option(out, NULL, &completion->options[i]);
    for (const struct reference_command *command = completion->commands; command->name != NULL;
         command++)
        put_command(out, command);
}
