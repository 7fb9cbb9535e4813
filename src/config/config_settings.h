#ifndef REDFERRY_CONFIG_SETTINGS_H
#define REDFERRY_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/*
 * Which settings there are. A setting is a line in one table, from which the environment's
 * names, the configuration file's keys and the program's options all come.
 */
enum config_kind {
    CONFIG_TEXT,
    CONFIG_SWITCH,
    CONFIG_DURATION,
    CONFIG_COUNT,
    CONFIG_CHOICE,
    CONFIG_DATABASE_URL,
    CONFIG_REDIS_URL
};

/* A line of the table. */
struct config_setting {
    const char *name; /* "lock-timeout": the long option; the key in redferry.yaml is the same
                         with '_' */
    char letter;      /* short option, or 0 */
    const char *argument;    /* "DURATION", or NULL for a switch */
    const char *environment; /* "REDFERRY_LOCK_TIMEOUT", or NULL */
    const char *fallback;    /* a second variable ("DATABASE_URL"), or NULL */
    const char *standard;    /* the default as text, or NULL */
    enum config_kind kind;
    const char *choices; /* "wait|fail|skip", or NULL */
    const char *help;    /* one line; NULL: no option of every command, only redferry.yaml says
                            it */
};

/* The table, *count lines; those without help stand at its end. */
const struct config_setting *config_settings(size_t *count);

/* The setting of this name, a line of the table; NULL: there is none. */
const struct config_setting *config_settings_find(const char *name);

/* Whether its value is a URL, which may hold a password. */
bool config_settings_is_url(const struct config_setting *setting);

/* The name of the setting that a wrong one was meant for, with '_' where it is written in a
 * file; NULL: none, or no memory. It may live in arena. */
const char *config_settings_nearest(struct arena *arena, const char *name, bool written);

#endif
