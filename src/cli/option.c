/*
 * The command line, taken apart.
 *
 * What may be given is said in tables: the library's settings, and each command's own options.
 * getopt_long() does the reading, with all of them at once: so an option may stand before the
 * command it belongs to, and a command is found wherever it stands. Whether a command has the
 * option is asked afterwards (option_stray). Two of getopt_long's habits are not wanted here:
 * an abbreviated option would change its meaning with a later release, and POSIXLY_CORRECT
 * would change what stands where.
 *
 * Values are not looked at: the library knows what a duration or a VERSION is.
 */
#include "option.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <redferry/redferry.h>

#include "text.h"

const struct option_line option_own[] = {
    {"help", 'h', NULL, "explain the program, or the command"},
    {"version", 'V', NULL, "print the release"},
    {0},
};

enum {
    FIRST_LONG = 256, /* what getopt_long returns for the first line; letters lie below */
    WORD = 1,         /* what it returns for something that is no option */
    LETTERS = 2 + 2 * 128
};

/* The tables put together, as getopt_long wants them. */
struct reader {
    struct option *longs;
    struct option_line *lines; /* beside longs */
    bool *is_setting;          /* beside longs */
    int count;
    char letters[LETTERS + 2];
    size_t letter_count;
};

static void reader_release(struct reader *reader)
{
    free(reader->longs);
    free(reader->lines);
    free(reader->is_setting);
}

/* Take a line in, once. A setting's switch may be given a value (--strict=false), since the
 * environment may have switched it on. */
static void reader_add(struct reader *reader, struct option_line line, bool is_setting)
{
    for (int i = 0; i < reader->count; i++) {
        if (strcmp(reader->lines[i].name, line.name) == 0) return;
    }
    int i = reader->count++;
    reader->lines[i] = line;
    reader->is_setting[i] = is_setting;
    reader->longs[i] = (struct option){
        .name = line.name,
        .has_arg = line.argument != NULL ? required_argument
                   : is_setting          ? optional_argument
                                         : no_argument,
        .val = FIRST_LONG + i,
    };
    if (line.letter == 0 || reader->letter_count + 2 > LETTERS) return;
    reader->letters[reader->letter_count++] = line.letter;
    if (line.argument != NULL) reader->letters[reader->letter_count++] = ':';
}

static size_t count_lines(const struct option_line *table)
{
    size_t count = 0;
    while (table[count].name != NULL) count++;
    return count;
}

/* Put the tables together. Returns -1 when memory runs out. */
static int reader_fill(struct reader *reader, const struct option_known *known)
{
    size_t count = known->setting_count + count_lines(option_own);
    for (size_t i = 0; known->tables[i] != NULL; i++) count += count_lines(known->tables[i]);

    reader->longs = calloc(count + 1, sizeof *reader->longs);
    reader->lines = calloc(count + 1, sizeof *reader->lines);
    reader->is_setting = calloc(count + 1, sizeof *reader->is_setting);
    if (reader->longs == NULL || reader->lines == NULL || reader->is_setting == NULL) return -1;

    /* '-': everything in the order in which it stands; ':': tell what misses its argument. */
    reader->letters[reader->letter_count++] = '-';
    reader->letters[reader->letter_count++] = ':';
    for (size_t i = 0; i < known->setting_count; i++) {
        const redferry_setting *setting = &known->settings[i];
        struct option_line line = {setting->name, setting->letter, setting->argument, NULL};
        reader_add(reader, line, true);
    }
    for (size_t i = 0; option_own[i].name != NULL; i++)
        reader_add(reader, option_own[i], false);
    for (size_t i = 0; known->tables[i] != NULL; i++) {
        for (const struct option_line *line = known->tables[i]; line->name != NULL; line++)
            reader_add(reader, *line, false);
    }
    return 0;
}

/* The line of what getopt_long returned or complained of; NULL: none. */
static const struct option_line *find(const struct reader *reader, int code)
{
    if (code >= FIRST_LONG && code < FIRST_LONG + reader->count)
        return &reader->lines[code - FIRST_LONG];
    for (int i = 0; i < reader->count && code > 0; i++) {
        if (reader->lines[i].letter == code) return &reader->lines[i];
    }
    return NULL;
}

/* Keep the first complaint (taken over); without memory there is none to keep. */
static void complain(struct option_set *set, char *error)
{
    if (set->error == NULL) {
        set->error = error;
    } else {
        free(error);
    }
}

/* Complain of a word that begins with '-' and is no option. */
static void complain_unknown(struct option_set *set, const struct reader *reader,
                             const char *word)
{
    const char *name = word + strspn(word, "-");
    char *bare = strndup(name, strcspn(name, "="));
    struct text_nearest nearest = {.word = bare};
    for (int i = 0; i < reader->count && bare != NULL; i++)
        text_nearest_offer(&nearest, reader->lines[i].name);

    int length = (int)(strcspn(word, "="));
    complain(set,
             nearest.name != NULL
                 ? text_format("unknown option '%.*s'; do you mean '--%s'?", length, word,
                               nearest.name)
                 : text_format("unknown option '%.*s'; see 'redferry help'", length, word));
    free(bare);
}

/* Complain of what getopt_long stumbled over; word is the element it stands in. */
static void complain_stumbled(struct option_set *set, const struct reader *reader, int code,
                              const char *word)
{
    const struct option_line *line = find(reader, optopt);
    if (code == ':' && line != NULL) {
        complain(set,
                 text_format("option '--%s' needs a value: %s", line->name, line->argument));
    } else if (line != NULL) {
        complain(set, text_format("option '--%s' takes no value", line->name));
    } else if (optopt >= '0' && optopt <= '9') {
        complain(set, text_format("'-%c' is no option; a number stands without '-'", optopt));
    } else if (optopt != 0) {
        complain(set, text_format("unknown option '-%c'; see 'redferry help'", optopt));
    } else {
        complain_unknown(set, reader, word);
    }
}

/* The element of argv in which the option that was just read stands. */
static const char *element(char **argv)
{
    bool apart = optarg != NULL && optind >= 2 && optarg == argv[optind - 1];
    return argv[optind - (apart ? 2 : 1)];
}

/* Whether word spells a long option out. */
static bool is_spelt_out(const char *word, const char *name)
{
    size_t length = strcspn(word + 2, "=");
    return strlen(name) == length && strncmp(word + 2, name, length) == 0;
}

/* Take in one option that getopt_long knew. */
static void take_option(struct option_set *set, const struct reader *reader, int code,
                        const char *word)
{
    const struct option_line *line = find(reader, code);
    if (line == NULL) return;
    if (code >= FIRST_LONG && !is_spelt_out(word, line->name)) {
        complain_unknown(set, reader, word);
        return;
    }
    set->given[set->count++] = (struct option_given){
        .name = line->name,
        .value = optarg != NULL ? optarg : "true",
        .is_setting = reader->is_setting[line - reader->lines],
    };
}

int option_parse(struct option_set *set, const struct option_known *known, int argc,
                 char **argv)
{
    struct reader reader = {0};
    int code = 0, result = -1;
    size_t most = 0; /* a word of argv holds at most as many options as it has letters */
    for (int i = 0; i < argc; i++) most += strlen(argv[i]) + 1;

    *set = (struct option_set){0};
    set->given = calloc(most + 1, sizeof *set->given);
    set->words = calloc((size_t)argc + 1, sizeof *set->words);
    if (set->given == NULL || set->words == NULL) goto done;
    if (reader_fill(&reader, known) != 0) goto done;

    opterr = 0;
    optind = 0; /* GNU: begin anew, also with the order */
    while ((code = getopt_long(argc, argv, reader.letters, reader.longs, NULL)) != -1) {
        if (code == WORD) {
            set->words[set->word_count++] = optarg;
        } else if (code == '?' || code == ':') {
            complain_stumbled(set, &reader, code, argv[optind - 1]);
            if (set->error == NULL) goto done;
        } else {
            take_option(set, &reader, code, element(argv));
        }
    }
    while (optind < argc) set->words[set->word_count++] = argv[optind++];
    result = set->error != NULL ? -1 : 0;
done:
    reader_release(&reader);
    return result;
}

void option_release(struct option_set *set)
{
    free(set->given);
    free(set->words);
    free(set->error);
    *set = (struct option_set){0};
}

const char *option_value(const struct option_set *set, const char *name)
{
    for (size_t i = set->count; i > 0; i--) {
        if (strcmp(set->given[i - 1].name, name) == 0) return set->given[i - 1].value;
    }
    return NULL;
}

const char *option_stray(const struct option_set *set, const struct option_line *table)
{
    for (size_t i = 0; i < set->count; i++) {
        const char *name = set->given[i].name;
        const struct option_line *line = table;
        if (set->given[i].is_setting) continue;
        while (line != NULL && line->name != NULL && strcmp(line->name, name) != 0) line++;
        if (line == NULL || line->name == NULL) return name;
    }
    return NULL;
}
