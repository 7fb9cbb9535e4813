#ifndef REDFERRY_OPTION_H
#define REDFERRY_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "reference.h"

struct redferry_setting;

/* Everything that may stand on the command line. All borrowed. */
struct option_known {
    const struct redferry_setting *settings;
    size_t setting_count;
    const struct option_line *const *tables; /* the commands' options; ended by NULL */
};

/* An option that was given. */
struct option_given {
    const char *name;
    const char *value; /* "true" for a switch */
    bool is_setting;   /* of the library; otherwise of a command */
};

/* A command line, taken apart. The texts are argv's and the tables'. */
struct option_set {
    struct option_given *given;
    size_t count;
    const char **words; /* the command, if any, and its arguments */
    size_t word_count;
    char *error; /* what is wrong with the line, or NULL */
};

/* The options that the program itself adds to the settings. */
extern const struct option_line option_own[];

/* Take argv apart. Options may stand anywhere before a `--`; they are looked for to the end
 * also behind a mistake, so that --json is known. Returns 0, or -1 with set->error (NULL:
 * memory ran out). */
int option_parse(struct option_set *set, const struct option_known *known, int argc,
                 char **argv);

/* Free what set holds. Harmless on {0}. */
void option_release(struct option_set *set);

/* The value of an option that was given last, or NULL. */
const char *option_value(const struct option_set *set, const char *name);

/* The first option of a command that is given but not in table (may be NULL), or NULL. */
const char *option_stray(const struct option_set *set, const struct option_line *table);

#endif
