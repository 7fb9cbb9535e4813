/*
 * The table of settings.
 *
 * Its order is the order in which the program's options are told. Settings that the library
 * itself has no use for (--json, --quiet) are kept for the floors above. What a value may be is
 * judged elsewhere, by its kind.
 */
#include "config_settings.h"

#include <string.h>

#include "arena.h"
#include "error.h"

/* clang-format off */
static const struct config_setting settings[] = {
    {"database", 'd', "URL", "REDFERRY_DATABASE", "DATABASE_URL", NULL, CONFIG_DATABASE_URL, NULL,
     "where rows are read from: postgresql://…, sqlite:PATH"},
    {"redis", 'r', "URL", "REDFERRY_REDIS", "REDIS_URL", NULL, CONFIG_REDIS_URL, NULL,
     "where they go: redis://host:port/db, unix:///path, rediss://…"},
    {"migrations", 'm', "DIR", "REDFERRY_MIGRATIONS", NULL, "data_migrations", CONFIG_TEXT, NULL,
     "the directory of migrations"},
    {"ledger", 0, "URL", "REDFERRY_LEDGER", NULL, NULL, CONFIG_DATABASE_URL, NULL,
     "another database for the ledger"},
    {"ledger-table", 0, "NAME", "REDFERRY_LEDGER_TABLE", NULL, "data_migrations", CONFIG_TEXT, NULL,
     "the ledger's table; the others are NAME_runs and NAME_ledger"},
    {"operator", 0, "NAME", "REDFERRY_OPERATOR", NULL, NULL, CONFIG_TEXT, NULL,
     "who is recorded as running this; else user@host"},
    {"context", 0, "TEXT", "REDFERRY_CONTEXT", NULL, NULL, CONFIG_TEXT, NULL,
     "why, for the record: a ticket, a release"},
    {"on-lock", 0, "wait|fail|skip", "REDFERRY_ON_LOCK", NULL, "wait", CONFIG_CHOICE,
     "wait|fail|skip", "what to do while another run holds the lock"},
    {"lock-timeout", 0, "DURATION", "REDFERRY_LOCK_TIMEOUT", NULL, "5m", CONFIG_DURATION, NULL,
     "how long to wait for the lock"},
    {"during-schema-migration", 0, NULL, "REDFERRY_DURING_SCHEMA_MIGRATION", NULL, "false",
     CONFIG_SWITCH, NULL, "work although a schema migration is in progress"},
    {"wait", 0, "DURATION", "REDFERRY_WAIT", NULL, "0", CONFIG_DURATION, NULL,
     "how long to wait for both servers to answer"},
    {"max-time", 0, "DURATION", "REDFERRY_MAX_TIME", NULL, NULL, CONFIG_DURATION, NULL,
     "stop at the end of a batch after this long"},
    {"batch", 0, "ROWS", NULL, NULL, NULL, CONFIG_COUNT, NULL,
     "rows in one Redis transaction, instead of the step's own number"},
    {"pause", 0, "DURATION", NULL, NULL, NULL, CONFIG_DURATION, NULL,
     "wait between batches, instead of the step's own pause"},
    {"strict", 0, NULL, "REDFERRY_STRICT", NULL, "false", CONFIG_SWITCH, NULL,
     "refuse (exit 4) what would be a warning"},
    {"resume-within", 0, "DURATION", "REDFERRY_RESUME_WITHIN", NULL, "24h", CONFIG_DURATION, NULL,
     "how old a stopped migration may be for 'up' to go on with it"},
    {"retry-for", 0, "DURATION", "REDFERRY_RETRY_FOR", NULL, "30s", CONFIG_DURATION, NULL,
     "how long to try a batch again while Redis is busy or loading"},
    {"max-redis-latency", 0, "DURATION", "REDFERRY_MAX_REDIS_LATENCY", NULL, NULL, CONFIG_DURATION,
     NULL, "slow down while Redis takes longer than this to answer"},
    {"wait-replicas", 0, "NUMBER", "REDFERRY_WAIT_REPLICAS", NULL, NULL, CONFIG_COUNT, NULL,
     "a migration is applied once so many replicas have its writes"},
    {"wait-aof", 0, NULL, "REDFERRY_WAIT_AOF", NULL, "false", CONFIG_SWITCH, NULL,
     "a migration is applied once Redis has its writes on disk"},
    {"allow-repeats", 0, NULL, NULL, NULL, "false", CONFIG_SWITCH, NULL,
     "run steps without a key although their commands must not be repeated"},
    {"config", 0, "FILE", NULL, NULL, NULL, CONFIG_TEXT, NULL,
     "settings, instead of redferry.yaml in the directory of migrations"},
    {"json", 0, NULL, "REDFERRY_JSON", NULL, "false", CONFIG_SWITCH, NULL,
     "print the result as one JSON document"},
    {"log-format", 0, "text|json", "REDFERRY_LOG_FORMAT", NULL, "text", CONFIG_CHOICE, "text|json",
     "how messages and progress are written"},
    {"log-file", 0, "FILE", "REDFERRY_LOG_FILE", NULL, NULL, CONFIG_TEXT, NULL,
     "where up, run, down and redo write messages and progress, instead of stderr"},
    {"quiet", 'q', NULL, "REDFERRY_QUIET", NULL, "false", CONFIG_SWITCH, NULL,
     "say nothing but errors and warnings"},
    {"verbose", 'v', NULL, "REDFERRY_VERBOSE", NULL, "false", CONFIG_SWITCH, NULL,
     "say more, row values included"},
    {"no-progress", 0, NULL, "REDFERRY_NO_PROGRESS", NULL, "false", CONFIG_SWITCH, NULL,
     "show no progress"},
    {"no-color", 0, NULL, "REDFERRY_NO_COLOR", "NO_COLOR", "false", CONFIG_SWITCH, NULL,
     "use no colour"},
    /* whether 'new' writes a test */
    {"tests", 0, NULL, NULL, NULL, "true", CONFIG_SWITCH, NULL, NULL},
};
/* clang-format on */

enum { SETTINGS = sizeof settings / sizeof *settings };

const struct config_setting *config_settings(size_t *count)
{
    *count = SETTINGS;
    return settings;
}

const struct config_setting *config_settings_find(const char *name)
{
    for (size_t i = 0; i < SETTINGS; i++)
        if (strcmp(settings[i].name, name) == 0) return &settings[i];
    return NULL;
}

bool config_settings_is_url(const struct config_setting *setting)
{
    return setting->kind == CONFIG_DATABASE_URL || setting->kind == CONFIG_REDIS_URL;
}

const char *config_settings_nearest(struct arena *arena, const char *name, bool written)
{
    const char *names[SETTINGS];

    for (size_t i = 0; i < SETTINGS; i++) {
        char *copy = arena_text(arena, settings[i].name);
        if (copy == NULL) return NULL;
        for (char *c = copy; written && *c != '\0'; c++)
            if (*c == '-') *c = '_';
        names[i] = copy;
    }
    return error_nearest(name, names, SETTINGS);
}
