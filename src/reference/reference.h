#ifndef REDFERRY_REFERENCE_H
#define REDFERRY_REFERENCE_H

#include <stddef.h>

struct redferry_setting;

/*
 * What the program understands, as tables: of these the command line is read, help is printed,
 * and shells and the manual are told.
 */

/* A line of a command's option table; the table ends with a line without a name. */
struct option_line {
    const char *name;     /* "to" for --to */
    char letter;          /* short form, or 0 */
    const char *argument; /* "VERSION"; NULL: a switch */
    const char *help;     /* one line */
};

/* A command, as it describes itself. */
struct reference_command {
    const char *name;
    const char *alias;                 /* or NULL */
    const char *arguments;             /* as usage shows them: "[VERSION]"; "" for none */
    const char *summary;               /* one line */
    const char *details;               /* paragraphs, each one line of text; or NULL */
    const struct option_line *options; /* its own; NULL: none */
};

/* What the program exits with. */
struct reference_code {
    const char *code, *meaning;
};

/* All of it. Everything is borrowed. */
struct reference {
    const struct reference_command *commands; /* ended by one without a name */
    const struct redferry_setting *settings;  /* options of every command */
    size_t setting_count;
    const struct option_line *own;      /* and those that are no settings */
    const struct reference_code *codes; /* ended by one without a code */
};

#endif
