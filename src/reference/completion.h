#ifndef REDFERRY_COMPLETION_H
#define REDFERRY_COMPLETION_H

#include <stddef.h>
#include <stdio.h>

struct option_line;
struct reference;
struct reference_command;

/*
 * What a shell has to know to complete a command line: every command and option, from the
 * tables that the program itself goes by. Each shell has a file that puts it into its words.
 */
struct completion {
    FILE *out;
    const struct reference_command *commands; /* borrowed; ended by NULL */
    struct option_line *options; /* of every command: the settings, then the program's own */
    size_t option_count;
};

/* What may stand in an argument's place. */
enum completion_kind {
    COMPLETION_NOTHING, /* it cannot be known: a URL, a name */
    COMPLETION_VERSIONS,
    COMPLETION_FILES,
    COMPLETION_DIRECTORIES,
    COMPLETION_COMMANDS,
    COMPLETION_CHOICES /* the words of "wait|fail|skip" */
};

/* Fill completion from reference; out and reference's tables are borrowed. Returns 0, or -1
 * where memory runs out. */
int completion_init(struct completion *completion, FILE *out,
                    const struct reference *reference);

/* Free what completion holds. */
void completion_release(struct completion *completion);

/* What may stand where usage shows argument: "VERSION", "[FILE...]", "wait|fail|skip"; NULL and
 * "": nothing. */
enum completion_kind completion_kind_of(const char *argument);

/* Call put with completion->out and each option that takes a value, once where several commands
 * have it. */
void completion_each_valued(const struct completion *completion,
                            void (*put)(FILE *out, const struct option_line *line));

/* Write an option as a pattern of case: "-d | --database". */
void completion_put_pattern(FILE *out, const struct option_line *line);

/* The same with " | " behind it: another pattern follows. */
void completion_put_alternative(FILE *out, const struct option_line *line);

/* Write the words of "wait|fail|skip", or of "[bash|zsh]", with a blank between them. */
void completion_put_choices(FILE *out, const char *argument);

/* Write text within single quotes, as the shells of the Bourne family read them. Where escaped
 * is not NULL, a character that stands in it gets a backslash. */
void completion_put_quoted(FILE *out, const char *text, const char *escaped);

/* Write the whole script of a shell. */
void completion_put_bash(const struct completion *completion);
void completion_put_zsh(const struct completion *completion);
void completion_put_fish(const struct completion *completion);

#endif
