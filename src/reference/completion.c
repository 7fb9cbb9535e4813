/*
 * What the completions of all shells have in common: the tables put together, and what may
 * stand where usage shows VERSION or wait|fail|skip.
 *
 * The scripts hold what the tables say today, as text: pressing TAB must not connect to
 * anything, nor depend on a program that answers. Only the versions are looked up, as the names
 * of the files in the directory of migrations.
 */
#include "completion.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <redferry/redferry.h>

#include "reference.h"

int completion_init(struct completion *completion, FILE *out, const struct reference *reference)
{
    const redferry_setting *setting = reference->settings;
    const size_t settings = reference->setting_count;
    size_t own = 0;
    while (reference->own[own].name != NULL) own++;
    *completion = (struct completion){.out = out, .commands = reference->commands};
    completion->options = calloc(settings + own + 1, sizeof *completion->options);
    if (completion->options == NULL) return -1;
    for (size_t i = 0; i < settings; i++)
        completion->options[i] = (struct option_line){setting[i].name, setting[i].letter,
                                                      setting[i].argument, setting[i].help};
    memcpy(completion->options + settings, reference->own, own * sizeof *reference->own);
    completion->option_count = settings + own;
    return 0;
}

void completion_release(struct completion *completion)
{
    free(completion->options);
    *completion = (struct completion){0};
}

/* The words that usage shows, and what they stand for. */
static const struct {
    const char *word;
    enum completion_kind kind;
} words[] = {
    {"VERSION", COMPLETION_VERSIONS},
    {"FILE", COMPLETION_FILES},
    {"DIR", COMPLETION_DIRECTORIES},
    {"COMMAND", COMPLETION_COMMANDS},
};

/* Where the word of "[FILE...]" begins, and in *length how long it is. */
static const char *bare(const char *argument, size_t *length)
{
    argument += strspn(argument, "[");
    *length = strcspn(argument, ".] ");
    return argument;
}

enum completion_kind completion_kind_of(const char *argument)
{
    size_t length = 0;
    if (argument == NULL) return COMPLETION_NOTHING;
    const char *word = bare(argument, &length);
    if (memchr(word, '|', length) != NULL) return COMPLETION_CHOICES;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].word) == length && memcmp(words[i].word, word, length) == 0)
            return words[i].kind;
    return COMPLETION_NOTHING;
}

void completion_put_choices(FILE *out, const char *argument)
{
    size_t length = 0;
    const char *word = bare(argument, &length);
    for (size_t i = 0; i < length; i++) fputc(word[i] == '|' ? ' ' : word[i], out);
}

void completion_put_quoted(FILE *out, const char *text, const char *escaped)
{
    fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (escaped != NULL && strchr(escaped, *text) != NULL) fputc('\\', out);
        if (*text == '\'') {
            fputs("'\\''", out);
        } else {
            fputc(*text, out);
        }
    }
    fputc('\'', out);
}

/* Whether an option of this name stands in the table of an earlier command: `--to` is the same
 * in all. */
static bool is_told(const struct completion *completion,
                    const struct reference_command *command, const char *name)
{
    for (const struct reference_command *other = completion->commands; other != command;
         other++)
        for (const struct option_line *line = other->options;
             line != NULL && line->name != NULL; line++)
            if (strcmp(line->name, name) == 0) return true;
    return false;
}

void completion_each_valued(const struct completion *completion,
                            void (*put)(FILE *out, const struct option_line *line))
{
    for (size_t i = 0; i < completion->option_count; i++)
        if (completion->options[i].argument != NULL)
            put(completion->out, &completion->options[i]);
    for (const struct reference_command *command = completion->commands; command->name != NULL;
         command++)
        for (const struct option_line *line = command->options;
             line != NULL && line->name != NULL; line++)
            if (line->argument != NULL && !is_told(completion, command, line->name))
                put(completion->out, line);
}

void completion_put_pattern(FILE *out, const struct option_line *line)
{
    if (line->letter != 0) fprintf(out, "-%c | ", line->letter);
    fprintf(out, "--%s", line->name);
}

void completion_put_alternative(FILE *out, const struct option_line *line)
{
    completion_put_pattern(out, line);
    fputs(" | ", out);
}
