/*
 * The manual page redferry(1), in mdoc: what is said of commands, options, variables and exit
 * codes comes from the tables that `redferry help` is printed from, so that the page cannot
 * promise what is not there. What no table knows (what it is for, files, examples) stands here.
 */
#include "manual.h"

#include <stdbool.h>
#include <string.h>

#include <redferry/redferry.h>

#include "reference.h"

enum { LINE = 76 };

static const char HEAD[] =
    ".Dd November 22, 2026\n"
    ".Dt REDFERRY 1\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm redferry\n"
    ".Nd carry rows from PostgreSQL or SQLite to Redis exactly once\n"
    ".Sh SYNOPSIS\n"
    ".Nm\n"
    ".Op Ar options\n"
    ".Ar command\n"
    ".Op Ar arguments\n"
    ".Sh DESCRIPTION\n"
    ".Nm\n"
    "carries rows from a SQL database to Redis exactly once, and remembers that it\n"
    "did.\n"
    "What is carried is said in files of the directory\n"
    ".Pa data_migrations ,\n"
    "described in\n"
    ".Xr redferry-migration 5 ;\n"
    "what has been carried is recorded in tables of the database, described in\n"
    ".Xr redferry-ledger 5 .\n"
    ".Pp\n"
    "A release runs\n"
    ".Ic redferry up\n"
    "on every host before it starts.\n"
    "One of them works, the others wait for it; where nothing is pending, nothing is\n"
    "written.\n"
    "A migration that stopped half-way, whatever the reason, goes on where it\n"
    "stopped.\n"
    ".Pp\n"
    "Options stand before or after the command;\n"
    ".Fl Fl\n"
    "ends them.\n"
    "A\n"
    ".Ar VERSION\n"
    "is the number, number_name, or the file.\n"
    "A\n"
    ".Ar DURATION\n"
    "is a number with a unit, as in\n"
    ".Ql 50ms ,\n"
    ".Ql 2s ,\n"
    ".Ql 5m ,\n"
    ".Ql 24h\n"
    "or\n"
    ".Ql 7d ;\n"
    "or 0.\n"
    "A switch may be switched off again:\n"
    ".Fl Fl strict Ns =false .\n"
    ".Pp\n"
    "SIGINT, SIGTERM and SIGHUP finish the batch in flight, save where it stands, and\n"
    "end the command with 128 and the signal's number; the next\n"
    ".Ic up\n"
    "goes on.\n"
    "A second signal ends it at once.\n";

/* What is no setting's variable. */
static const char SURROUNDINGS[] =
    ".It Ev TERM\n"
    "where it is\n"
    ".Ql dumb ,\n"
    "there is neither colour nor a line that redraws.\n"
    ".It Ev COLUMNS\n"
    "how wide a terminal is that does not say so itself.\n"
    ".It Ev LC_ALL , LC_CTYPE , LANG\n"
    "whether the bar of the progress line may be drawn in blocks, as UTF-8.\n"
    ".It Ev REDFERRY_REDIS_SERVER\n"
    "the program that\n"
    ".Ic redferry test\n"
    "starts; by default the first redis-server or valkey-server in\n"
    ".Ev PATH .\n"
    ".It Ev TMPDIR\n"
    "where\n"
    ".Ic redferry test\n"
    "has its servers, instead of\n"
    ".Pa /tmp .\n"
    ".El\n"
    ".Pp\n"
    "PostgreSQL's own variables\n"
    ".Pq Ev PGHOST , PGPASSWORD , PGSERVICE No and so on\n"
    "count where the URL says nothing else.\n";

static const char FILES[] =
    ".Sh FILES\n"
    ".Bl -tag -width Ds\n"
    ".It Pa data_migrations/<version>_<name>.yaml\n"
    "a migration.\n"
    ".It Pa data_migrations/redferry.yaml\n"
    "settings: a key is an option's name with\n"
    ".Ql _\n"
    "for\n"
    ".Ql - .\n"
    ".It Pa <ledger>-redferry.lock\n"
    "beside a SQLite file that holds the ledger: the lock of whoever works.\n"
    ".It Pa redferry.log\n"
    "in the working directory: what\n"
    ".Fl Fl background\n"
    "has to tell, where\n"
    ".Fl Fl log-file\n"
    "names no other file.\n"
    ".El\n";

static const char TAIL[] =
    ".Sh EXAMPLES\n"
    "Make the directory and the ledger, and write the first migration:\n"
    ".Bd -literal -offset indent\n"
    "export REDFERRY_DATABASE=postgresql:///app REDFERRY_REDIS=redis://localhost\n"
    "redferry init\n"
    "redferry new migrate_flags_to_redis\n"
    ".Ed\n"
    ".Pp\n"
    "Before a release starts, on every host:\n"
    ".Bd -literal -offset indent\n"
    "redferry up --wait 30s\n"
    ".Ed\n"
    ".Pp\n"
    "Is everything carried?\n"
    ".Bd -literal -offset indent\n"
    "redferry status --check\n"
    ".Ed\n"
    ".Sh SEE ALSO\n"
    ".Xr psql 1 ,\n"
    ".Xr redis-cli 1 ,\n"
    ".Xr sqlite3 1 ,\n"
    ".Xr redferry-ledger 5 ,\n"
    ".Xr redferry-migration 5\n";

/* Text, each sentence on a line of its own, and no line longer than LINE, as mdoc wants it;
 * what roff would take for a request or an escape is taken apart. */
static void put_text(FILE *out, const char *text)
{
    size_t filled = 0;
    char before = '\0';
    for (; *text != '\0'; before = *text++) {
        if (filled == 0 && (*text == '.' || *text == '\'')) fputs("\\&", out);
        const bool ends =
            *text == ' ' && (before == '.' || filled + 1 + strcspn(text + 1, " \n") > LINE);
        if (*text == '\n') {
            fputs("\n.Pp\n", out);
        } else if (ends) {
            fputc('\n', out);
        } else if (*text == '\\') {
            fputs("\\e", out);
        } else {
            fputc(*text, out);
        }
        filled = *text == '\n' || ends ? 0 : filled + 1;
    }
    fputs("\n", out);
}

/* A word as a macro's argument. */
static void put_word(FILE *out, const char *text)
{
    fputs(" \"", out);
    for (; *text != '\0'; text++) fputs(*text == '"' ? "\\(dq" : (char[]){*text, '\0'}, out);
    fputc('"', out);
}

/* ".It Fl d , Fl Fl database Ar URL" */
static void put_option(FILE *out, const struct option_line *line)
{
    fputs(".It", out);
    if (line->letter != 0) fprintf(out, " Fl %c ,", line->letter);
    fprintf(out, " Fl Fl %s", line->name);
    if (line->argument != NULL) {
        fputs(" Ar", out);
        put_word(out, line->argument);
    }
    fputs("\n", out);
    put_text(out, line->help);
}

static void put_commands(FILE *out, const struct reference_command *commands)
{
    fputs(".Sh COMMANDS\n.Bl -tag -width Ds\n", out);
    for (const struct reference_command *command = commands; command->name != NULL; command++) {
        const struct option_line *line = command->options;
        fprintf(out, ".It Ic %s", command->name);
        if (command->alias != NULL) fprintf(out, " , Ic %s", command->alias);
        if (*command->arguments != '\0') {
            fputs(" Ar", out);
            put_word(out, command->arguments);
        }
        fputs("\n", out);
        put_text(out, command->summary);
        if (command->details != NULL) {
            fputs(".Pp\n", out);
            put_text(out, command->details);
        }
        if (line == NULL) continue;
        fputs(".Bl -tag -width Ds\n", out);
        for (; line->name != NULL; line++) put_option(out, line);
        fputs(".El\n", out);
    }
    fputs(".El\n", out);
}

static void put_settings(FILE *out, const struct reference *reference)
{
    const redferry_setting *settings = reference->settings;
    fputs(".Sh OPTIONS\n"
          "A flag wins over the environment, which wins over\n"
          ".Pa redferry.yaml\n"
          "in the directory of migrations, which wins over the default.\n"
          ".Bl -tag -width Ds\n",
          out);
    for (size_t i = 0; i < reference->setting_count; i++) {
        const struct option_line line = {settings[i].name, settings[i].letter,
                                         settings[i].argument, settings[i].help};
        put_option(out, &line);
        if (settings[i].argument == NULL || settings[i].standard == NULL) continue;
        fputs(".Pp\nDefault:", out);
        fprintf(out, " %s\n", settings[i].standard);
    }
    for (const struct option_line *line = reference->own; line->name != NULL; line++)
        put_option(out, line);
    fputs(".El\n", out);
}

static void put_environment(FILE *out, const redferry_setting *settings, size_t count)
{
    fputs(".Sh ENVIRONMENT\n"
          "Of two variables of one option the first wins.\n"
          "Each that holds a URL also exists with\n"
          ".Ql _FILE\n"
          "behind its name: the path of a file that holds it.\n"
          ".Bl -tag -width Ds\n",
          out);
    for (size_t i = 0; i < count; i++) {
        const char *const names[] = {settings[i].environment, settings[i].fallback};
        for (size_t j = 0; j < 2; j++)
            if (names[j] != NULL)
                fprintf(out, ".It Ev %s\nsee\n.Fl Fl %s .\n", names[j], settings[i].name);
    }
    fputs(SURROUNDINGS, out);
}

static void put_codes(FILE *out, const struct reference_code *line)
{
    fputs(".Sh EXIT STATUS\n.Bl -tag -width 128+n\n", out);
    for (; line->code != NULL; line++) {
        fprintf(out, ".It %s\n", line->code);
        put_text(out, line->meaning);
    }
    fputs(".El\n", out);
}

void manual_put(FILE *out, const struct reference *reference)
{
    fputs(HEAD, out);
    put_commands(out, reference->commands);
    put_settings(out, reference);
    put_environment(out, reference->settings, reference->setting_count);
    fputs(FILES, out);
    put_codes(out, reference->codes);
    fputs(TAIL, out);
}
