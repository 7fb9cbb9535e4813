#ifndef REDFERRY_CMD_H
#define REDFERRY_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <redferry/redferry.h>

#include "document.h"
#include "option.h"

struct cmd_call;
struct json_t;
struct reference;
struct report;

/*
 * A command describes itself in one of these, at the foot of its cmd_NAME.c: from it come
 * `redferry help`, the options that are understood, and the check of how many arguments there
 * are. A new command is such a file, its line below, and its line in main.c's table.
 */
struct cmd {
    const char *name;
    const char *alias;     /* or NULL */
    const char *arguments; /* as usage shows them: "[VERSION]"; "" for none */
    const char *summary;   /* one line for the list of commands */
    const char *details;   /* for `help NAME`: paragraphs, each one line of text; or NULL */
    const struct option_line *options; /* its own; NULL: none */
    size_t least, most;                /* arguments */
    bool logs;                         /* --log-file is for it: it works, and may take long */
    int (*run)(struct cmd_call *call); /* returns an exit code */
};

/* What a command is given to run with, and what it leaves behind. All borrowed but document,
 * refusal, log and log_path. */
struct cmd_call {
    const struct cmd *const *commands; /* every command; ended by NULL */
    redferry *ferry;
    const struct option_set *options;
    const char *const *arguments;
    size_t count;
    struct report *report; /* for what goes to stderr */
    FILE *log;             /* --log-file, or NULL */
    char *log_path;
    FILE *out;      /* for results that people read */
    size_t columns; /* of out's terminal; 0: no terminal */
    bool coloured;  /* out may be */
    bool json;      /* print nothing to out, leave a document */
    bool quiet;
    struct json_t *document; /* what --json prints; NULL: the error alone */
    char *refusal; /* why the command line is not right; else the handle's error counts */
    bool is_told;  /* error and document were printed by another process */
};

/* clang-format off */
extern const struct cmd
    cmd_cancel,
    cmd_completion,
    cmd_doctor,
    cmd_down,
    cmd_help,
    cmd_history,
    cmd_init,
    cmd_lint,
    cmd_mark,
    cmd_new,
    cmd_pause,
    cmd_plan,
    cmd_redo,
    cmd_repair,
    cmd_resume,
    cmd_run,
    cmd_status,
    cmd_test,
    cmd_unmark,
    cmd_up,
    cmd_verify,
    cmd_watch;
/* clang-format on */

enum { CMD_ANY = 1000000 }; /* for most: as many as there are */

/* Put all that the program understands into *reference. Returns 0, with
 * free((void *)reference->commands) yours to do, or -1 where memory runs out. */
int cmd_reference(const struct cmd_call *call, struct reference *reference);

/* The command of a name or an alias, or NULL. */
const struct cmd *cmd_find(const struct cmd *const *commands, const char *name);

/* Say what is wrong with the command line. Returns REDFERRY_INVALID. */
int cmd_refuse(struct cmd_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Say that there is no such command, and which it may have meant. Returns REDFERRY_INVALID. */
int cmd_refuse_name(struct cmd_call *call, const char *name);

/* Print a result that is a sentence, and end its line; what is long goes on below, with its
 * words whole, where out is a terminal. Texts of others need not be escaped for it. */
void cmd_say(struct cmd_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The value of the command's own option, or NULL. */
const char *cmd_option(const struct cmd_call *call, const char *name);

/* Whether the command's own switch was given. */
bool cmd_switch(const struct cmd_call *call, const char *name);

/* Print or document what the command that options name would do, and pass the code on. */
int cmd_plan_show(struct cmd_call *call, const redferry_plan_options *options);

/* The line of a table of options by which a command is given that instead. */
#define CMD_DRY_RUN                                                                            \
    {                                                                                          \
        "dry-run", 0, NULL, "only show what would be done, as 'plan' does"                     \
    }

/* Print or document what a command did (outcome may be NULL) and pass its code on. lists say
 * in which words. */
int cmd_outcome(struct cmd_call *call, int code, const redferry_outcome *outcome,
                const struct document_lists *lists);

/* What redferry_pause() and its like are. */
typedef int (*cmd_ask)(redferry *ferry, const char *run, const redferry_petition **petition);

/* Ask a run for something, print or document what became of it, and return the code; done says
 * it of a run that obeyed ("paused"). */
int cmd_petition(struct cmd_call *call, cmd_ask ask, const char *done);

#endif
