/*
 * The completion of zsh, in the words of its _arguments: options with what they do, the
 * command, and behind it what the command takes. It may lie in a directory of $fpath as
 * _redferry, or be sourced.
 */
#include <stdbool.h>
#include <string.h>

#include "completion.h"
#include "reference.h"

static const char HEAD[] =
    "#compdef redferry\n"
    "# Completion of redferry for zsh. Made by `redferry completion zsh`.\n"
    "\n"
    "# The migrations in the directory that the line names, else the environment.\n"
    "_redferry_versions()\n"
    "{\n"
    "    local directory=${opt_args[-m]:-${opt_args[--migrations]:-"
    "${REDFERRY_MIGRATIONS:-data_migrations}}}\n"
    "    local -a versions\n"
    "    versions=($~directory/[0-9]*.(yaml|yml)(N.:t:r))\n"
    "    versions=(${versions:#*.test})\n"
    "    compadd -a versions\n"
    "}\n"
    "\n";

/* What stands behind the second `:` of an argument's description. */
static const char *const actions[] = {
    [COMPLETION_NOTHING] = " ",
    [COMPLETION_VERSIONS] = "_redferry_versions",
    [COMPLETION_FILES] = "_files",
    [COMPLETION_DIRECTORIES] = "_files -/",
    [COMPLETION_COMMANDS] = "_redferry_commands",
};

/* ":URL: ", ":VERSION:_redferry_versions", ":wait|fail|skip:(wait fail skip)" */
static void put_argument(FILE *out, const char *argument)
{
    const enum completion_kind kind = completion_kind_of(argument);
    fprintf(out, "':%s:", argument);
    if (kind == COMPLETION_CHOICES) {
        fputs("(", out);
        completion_put_choices(out, argument);
        fputs(")'", out);
    } else {
        fprintf(out, "%s'", actions[kind]);
    }
}

/* '(-d --database)'{-d+,--database=}'[where rows are read from]'':URL: ' */
static void put_option(FILE *out, const struct option_line *line)
{
    const bool takes = line->argument != NULL;
    fputs("        ", out);
    if (line->letter != 0)
        fprintf(out, "'(-%c --%s)'{-%c%s,--%s%s}", line->letter, line->name, line->letter,
                takes ? "+" : "", line->name, takes ? "=" : "");
    else
        fprintf(out, "'--%s%s'", line->name, takes ? "=" : "");
    fputs("'['", out);
    completion_put_quoted(out, line->help, "[]\\");
    fputs("']'", out);
    if (takes) put_argument(out, line->argument);
    fputs("\n", out);
}

static void put_commands(const struct completion *completion)
{
    FILE *out = completion->out;
    fputs("_redferry_commands()\n{\n    local -a commands=(\n", out);
    for (const struct reference_command *command = completion->commands; command->name != NULL;
         command++) {
        const char *const names[] = {command->name, command->alias};
        for (size_t i = 0; i < 2 && names[i] != NULL; i++) {
            fprintf(out, "        %s:", names[i]);
            completion_put_quoted(out, command->summary, NULL);
            fputs("\n", out);
        }
    }
    fputs("    )\n    _describe command commands\n}\n\n", out);
}

/* The command on the line: the first word that is neither an option nor an option's value. */
static void put_search(const struct completion *completion)
{
    FILE *out = completion->out;
    fputs("    for ((i = 2; i < CURRENT; i++)); do\n"
          "        case $words[i] in\n"
          "            (",
          out);
    completion_each_valued(completion, completion_put_alternative);
    fputs("-) ((i++)) ;;\n"
          "            (-*) ;;\n"
          "            (*) command=$words[i]; break ;;\n"
          "        esac\n"
          "    done\n",
          out);
}

/* The command's own options and its arguments, added to what every command takes; the first
 * argument is the command itself. */
static void put_command(FILE *out, const struct reference_command *command)
{
    fprintf(out, "        %s", command->name);
    if (command->alias != NULL) fprintf(out, " | %s", command->alias);
    fputs(") own=('1: : '\n", out);
    for (const struct option_line *line = command->options; line != NULL && line->name != NULL;
         line++)
        put_option(out, line);
    if (*command->arguments != '\0') {
        fprintf(out, "        '%s'", strstr(command->arguments, "...") != NULL ? "*" : "2");
        put_argument(out, command->arguments);
        fputs("\n", out);
    }
    fputs("        ) ;;\n", out);
}

void completion_put_zsh(const struct completion *completion)
{
    FILE *out = completion->out;
    fputs(HEAD, out);
    put_commands(completion);
    fputs("_redferry()\n{\n"
          "    local curcontext=$curcontext command i\n"
          "    local -A opt_args\n"
          "    local -a options own=('1:command:_redferry_commands')\n",
          out);
    put_search(completion);
    fputs("    options=(\n", out);
    for (size_t i = 0; i < completion->option_count; i++)
        put_option(out, &completion->options[i]);
    fputs("    )\n"
          "    case $command in\n",
          out);
    for (const struct reference_command *command = completion->commands; command->name != NULL;
         command++)
        put_command(out, command);
    fputs("    esac\n"
          "    _arguments $options $own\n"
          "}\n"
          "\n"
          "if [[ $funcstack[1] == _redferry ]]; then\n"
          "    _redferry \"$@\"\n"
          "else\n"
          "    compdef _redferry redferry\n"
          "fi\n",
          out);
}
