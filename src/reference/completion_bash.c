/*
 * The completion of bash: one function that finds the command among the words, and what may
 * stand at the cursor. It needs nothing of the package bash-completion.
 */
#include <stdbool.h>
#include <string.h>

#include "completion.h"
#include "reference.h"

/* What looks around in the shell. bash takes `--option=value` apart at the `=`. */
static const char HEAD[] =
    "# Completion of redferry for bash. Made by `redferry completion bash`.\n"
    "\n"
    "# The migrations in the directory that the line names, else the environment.\n"
    "_redferry_versions()\n"
    "{\n"
    "    local directory=${REDFERRY_MIGRATIONS:-data_migrations} i file\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "            -m | --migrations)\n"
    "                directory=${COMP_WORDS[i + 1]}\n"
    "                [[ $directory != '=' ]] || directory=${COMP_WORDS[i + 2]}\n"
    "                ;;\n"
    "        esac\n"
    "    done\n"
    "    for file in \"$directory\"/[0-9]*.yaml \"$directory\"/[0-9]*.yml; do\n"
    "        case $file in\n"
    "            *.test.yaml | *.test.yml) ;;\n"
    "            *) [[ ! -f $file ]] || { file=${file##*/}; printf '%s\\n' \"${file%.*}\"; } "
    ";;\n"
    "        esac\n"
    "    done\n"
    "}\n"
    "\n"
    "_redferry_offer() # WORD CHOICES\n"
    "{\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$2\" -- \"$1\")\n"
    "}\n"
    "\n";

/* How a kind is offered; COMPLETION_CHOICES by the words themselves. */
static const char *const offers[] = {
    [COMPLETION_NOTHING] = "return",
    [COMPLETION_VERSIONS] = "_redferry_offer \"$word\" \"$(_redferry_versions)\"; return",
    [COMPLETION_FILES] =
        "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return",
    [COMPLETION_DIRECTORIES] =
        "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$word\"); return",
    [COMPLETION_COMMANDS] = "_redferry_offer \"$word\" \"$commands\"; return",
};

static void put_offer(FILE *out, const char *argument)
{
    const enum completion_kind kind = completion_kind_of(argument);
    if (kind != COMPLETION_CHOICES) {
        fputs(offers[kind], out);
        return;
    }
    fputs("_redferry_offer \"$word\" '", out);
    completion_put_choices(out, argument);
    fputs("'; return", out);
}

static void put_value(FILE *out, const struct option_line *line)
{
    fputs("        ", out);
    completion_put_pattern(out, line);
    fputs(") ", out);
    put_offer(out, line->argument);
    fputs(" ;;\n", out);
}

static void put_names(const struct completion *completion)
{
    fputs("    local commands='", completion->out);
    for (const struct reference_command *command = completion->commands; command->name != NULL;
         command++) {
        const char *alias = command->alias;
        fprintf(completion->out, "%s%s%s%s", command == completion->commands ? "" : " ",
                command->name, alias != NULL ? " " : "", alias != NULL ? alias : "");
    }
    fputs("'\n    local options='", completion->out);
    for (size_t i = 0; i < completion->option_count; i++)
        fprintf(completion->out, "%s--%s", i == 0 ? "" : " ", completion->options[i].name);
    fputs("'\n", completion->out);
}

/* The command among the words before the cursor: the first that is neither an option nor an
 * option's value. */
static void put_search(const struct completion *completion)
{
    fputs("    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        case ${COMP_WORDS[i]} in\n"
          "            ",
          completion->out);
    completion_each_valued(completion, completion_put_alternative);
    fputs("-)\n"
          "                [[ ${COMP_WORDS[i + 1]-} != '=' ]] || ((i++))\n"
          "                ((i++))\n"
          "                ;;\n"
          "            -*) ;;\n"
          "            *) command=${COMP_WORDS[i]}; break ;;\n"
          "        esac\n"
          "    done\n",
          completion->out);
}

/* `up | migrate) options+=' --to'` */
static void put_own_options(const struct completion *completion)
{
    fputs("    case $command in\n", completion->out);
    for (const struct reference_command *command = completion->commands; command->name != NULL;
         command++) {
        if (command->options == NULL) continue;
        fprintf(completion->out, "        %s", command->name);
        if (command->alias != NULL) fprintf(completion->out, " | %s", command->alias);
        fputs(") options+='", completion->out);
        for (const struct option_line *line = command->options; line->name != NULL; line++)
            fprintf(completion->out, " --%s", line->name);
        fputs("' ;;\n", completion->out);
    }
    fputs("    esac\n", completion->out);
}

static void put_arguments(const struct completion *completion)
{
    fputs("    case $command in\n"
          "        '') _redferry_offer \"$word\" \"$commands\" ;;\n",
          completion->out);
    for (const struct reference_command *command = completion->commands; command->name != NULL;
         command++) {
        if (completion_kind_of(command->arguments) == COMPLETION_NOTHING) continue;
        fprintf(completion->out, "        %s", command->name);
        if (command->alias != NULL) fprintf(completion->out, " | %s", command->alias);
        fputs(") ", completion->out);
        put_offer(completion->out, command->arguments);
        fputs(" ;;\n", completion->out);
    }
    fputs("    esac\n", completion->out);
}

void completion_put_bash(const struct completion *completion)
{
    FILE *out = completion->out;
    fputs(HEAD, out);
    fputs("_redferry()\n{\n    local word=${COMP_WORDS[COMP_CWORD]} "
          "before=${COMP_WORDS[COMP_CWORD - 1]} command='' i\n",
          out);
    put_names(completion);
    fputs("    COMPREPLY=()\n"
          "    if [[ $word == '=' ]]; then\n"
          "        word=''\n"
          "    elif [[ $before == '=' ]]; then\n"
          "        before=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    fi\n",
          out);
    fputs("    case $before in\n", out);
    completion_each_valued(completion, put_value);
    fputs("    esac\n", out);
    put_search(completion);
    put_own_options(completion);
    fputs("    if [[ $word == -* ]]; then\n"
          "        _redferry_offer \"$word\" \"$options\"\n"
          "        return\n"
          "    fi\n",
          out);
    put_arguments(completion);
    fputs("}\n\ncomplete -F _redferry redferry\n", out);
}
