/*
 * Settings from four places: defaults < redferry.yaml < environment < flags.
 *
 * A setting is a line of one table. What is said of it is kept as text, with the place where it
 * was said; only what wins is judged, so that a flag helps against a wrong variable. Settings
 * that the library itself has no use for (--json, --quiet) are kept for the floors above.
 * Nothing is connected to, and no text of a URL gets into a message.
 */
#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buffer.h"
#include "error.h"
#include "file.h"
#include "number.h"
#include "yaml.h"

static const char FILE_NAME[] = "redferry.yaml";

/* ---- the table -------------------------------------------------------------------------- */

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

enum { SETTINGS = sizeof settings / sizeof *settings };

/* Where a setting's value goes; those without a line here are for the floors above. */
static const struct target {
    const char *name;
    size_t offset;
} targets[] = {
    {"database",      offsetof(struct config, database)},
    {"redis",         offsetof(struct config, redis)},
    {"migrations",    offsetof(struct config, migrations)},
    {"ledger",        offsetof(struct config, ledger)},
    {"ledger-table",  offsetof(struct config, ledger_table)},
    {"operator",      offsetof(struct config, operator_name)},
    {"context",       offsetof(struct config, context)},
    {"on-lock",       offsetof(struct config, on_lock)},
    {"lock-timeout",  offsetof(struct config, lock_timeout_ms)},
    {"during-schema-migration", offsetof(struct config, during_schema_migration)},
    {"wait",          offsetof(struct config, wait_ms)},
    {"max-time",      offsetof(struct config, max_time_ms)},
    {"batch",         offsetof(struct config, batch)},
    {"pause",         offsetof(struct config, pause_ms)},
    {"strict",        offsetof(struct config, strict)},
    {"resume-within", offsetof(struct config, resume_within_ms)},
    {"retry-for",     offsetof(struct config, retry_for_ms)},
    {"max-redis-latency", offsetof(struct config, max_redis_latency_ms)},
    {"wait-replicas", offsetof(struct config, wait_replicas)},
    {"wait-aof",      offsetof(struct config, wait_aof)},
    {"allow-repeats", offsetof(struct config, allow_repeats)},
    {"tests",         offsetof(struct config, tests)},
};
/* clang-format on */

/* What was said of one setting. Texts live in the config's arena or its environment. */
struct config_value {
    const char *text; /* NULL: nothing */
    enum config_source source;
    const char *origin;    /* "--database", "DATABASE_URL", "FILE:3:11": begins complaints */
    const char *open_file; /* a file that holds it and that everybody may read, or NULL */
    const char *shown;     /* the text as it may be shown */
    const struct error *fault; /* a URL of the environment that cannot be one, or NULL */
};

const struct config_setting *config_settings(size_t *count)
{
    *count = SETTINGS;
    return settings;
}

/* The index of the setting of this name, or -1. */
static int find_setting(const char *name)
{
    for (int i = 0; i < SETTINGS; i++)
        if (strcmp(settings[i].name, name) == 0) return i;
    return -1;
}

static bool is_url(const struct config_setting *setting)
{
    return setting->kind == CONFIG_DATABASE_URL || setting->kind == CONFIG_REDIS_URL;
}

/* Keep what a source says, unless one that wins over it has spoken. */
static void keep(struct config *config, int index, const struct config_value *said)
{
    struct config_value *value = &config->values[index];
    if (value->text == NULL || value->source <= said->source) *value = *said;
}

/* ---- judging one value ------------------------------------------------------------------ */

/* Begin a complaint with where the value was said. Returns -1. */
static int refuse(struct error *err, const struct config_value *value, const char *expected)
{
    return error_set(err, ERROR_INVALID, "%s: '%s' is not %s", value->origin, value->text,
                     expected);
}

/* The position of text among "a|b|c", or -1. */
static int find_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);

    for (int i = 0;; i++) {
        size_t choice = strcspn(choices, "|");
        if (choice == length && memcmp(choices, text, length) == 0) return i;
        if (choices[choice] == '\0') return -1;
        choices += choice + 1;
    }
}

enum { MOST_BATCH = 1000000000, LONGEST_NAME = 32 };

/* Judge a value, and put it where target points; NULL only judges. */
static int take_number(const struct config_setting *setting, const struct config_value *value,
                       int64_t *target, struct error *err)
{
    int64_t number = 0;

    if (setting->kind == CONFIG_DURATION) {
        if (number_parse_duration(value->text, &number) != 0)
            return refuse(err, value,
                          "a duration: a number and a unit, as in 50ms, 2s, 5m, 24h");
    } else if (number_parse(value->text, strlen(value->text), 1, MOST_BATCH, &number) != 0) {
        return refuse(err, value, "a number from 1 to 1000000000");
    }
    if (target != NULL) *target = number;
    return 0;
}

static int take_switch(const struct config_value *value, bool *target, struct error *err)
{
    int flag = 0;

    if (number_parse_flag(value->text, &flag) != 0) return refuse(err, value, "true or false");
    if (target != NULL) *target = flag;
    return 0;
}

static int take_choice(const struct config_setting *setting, const struct config_value *value,
                       enum config_on_lock *target, struct error *err)
{
    int choice = find_choice(setting->choices, value->text);

    if (choice < 0)
        return error_set(err, ERROR_INVALID, "%s: '%s' is none of %s", value->origin,
                         value->text, setting->choices);
    if (target != NULL) *target = (enum config_on_lock)choice;
    return 0;
}

static int take_text(const struct config_value *value, const char **target, struct error *err)
{
    if (value->text[0] == '\0') return refuse(err, value, "a text with something in it");
    if (target != NULL) *target = value->text;
    return 0;
}

/* A URL is taken apart when all is known; until then any text may be one. */
static int take_url(struct config *config, const struct config_setting *setting,
                    struct config_value *value, struct url *target, struct error *err)
{
    int (*parse)(struct url *, const char *, const char *, struct arena *, struct error *) =
        setting->kind == CONFIG_REDIS_URL ? url_parse_redis : url_parse_database;

    if (target == NULL) return 0;
    if (parse(target, value->text, value->origin, &config->arena, err) != 0) return -1;
    value->shown = target->redacted;
    return 0;
}

static int take(struct config *config, const struct config_setting *setting,
                struct config_value *value, void *target, struct error *err)
{
    value->shown = value->text;
    switch (setting->kind) {
    case CONFIG_DURATION:
    case CONFIG_COUNT:
        return take_number(setting, value, target, err);
    case CONFIG_SWITCH:
        return take_switch(value, target, err);
    case CONFIG_CHOICE:
        return take_choice(setting, value, target, err);
    case CONFIG_DATABASE_URL:
    case CONFIG_REDIS_URL:
        return take_url(config, setting, value, target, err);
    default:
        return take_text(value, target, err);
    }
}

/* ---- flags ------------------------------------------------------------------------------ */

void config_init(struct config *config)
{
    *config = (struct config){.max_time_ms = -1, .pause_ms = -1};
    config->values = arena_array(&config->arena, SETTINGS, sizeof *config->values);
}

void config_release(struct config *config)
{
    arena_release(&config->arena);
    *config = (struct config){0};
}

/* The setting that a wrong name was meant for, or NULL; with '_' where it is written in a file.
 */
static const char *nearest_setting(struct arena *arena, const char *name, bool written)
{
    const char *names[SETTINGS];

    for (int i = 0; i < SETTINGS; i++) {
        char *copy = arena_text(arena, settings[i].name);
        if (copy == NULL) return NULL;
        for (char *c = copy; written && *c != '\0'; c++)
            if (*c == '-') *c = '_';
        names[i] = copy;
    }
    return error_nearest(name, names, SETTINGS);
}

int config_set(struct config *config, const char *name, const char *value, struct error *err)
{
    struct config_value said = {.source = CONFIG_FLAG};
    int index = find_setting(name);

    if (config->values == NULL) return error_memory(err);
    if (index < 0) {
        const char *nearest = nearest_setting(&config->arena, name, false);
        return error_set(err, ERROR_INVALID, "there is no setting '%s'%s%s%s", name,
                         nearest != NULL ? "; did you mean '" : "",
                         nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
    }
    said.text = arena_text(&config->arena, value);
    said.origin = arena_format(&config->arena, "--%s", name);
    if (said.text == NULL || said.origin == NULL) return error_memory(err);
    if (take(config, &settings[index], &said, NULL, err) != 0) return -1;
    keep(config, index, &said);
    return 0;
}

/* ---- the environment -------------------------------------------------------------------- */

int config_read_environment(struct config *config, const char *const *environment,
                            struct error *err)
{
    (void)err;
    config->environment = environment;
    return 0;
}

/* The value of a variable; NULL where it is not set or empty. */
static const char *look_up(const struct config *config, const char *name, const char *suffix)
{
    size_t length = strlen(name), suffix_length = strlen(suffix);

    for (size_t i = 0; config->environment != NULL && config->environment[i] != NULL; i++) {
        const char *variable = config->environment[i];
        if (strncmp(variable, name, length) != 0 ||
            strncmp(variable + length, suffix, suffix_length) != 0 ||
            variable[length + suffix_length] != '=')
            continue;
        variable += length + suffix_length + 1;
        return variable[0] != '\0' ? variable : NULL;
    }
    return NULL;
}

/* Read a variable that NAME_FILE may stand in for into *said; its text stays NULL where neither
 * is set. */
static int read_variable(struct config *config, const char *name, struct config_value *said,
                         struct error *err)
{
    const char *path = look_up(config, name, "_FILE");
    char *text = NULL;
    int open_to_all = 0;

    said->text = look_up(config, name, "");
    said->origin = name;
    if (path == NULL) return 0;
    if (said->text != NULL)
        return error_set(err, ERROR_INVALID, "%s and %s_FILE are both set; unset one of them",
                         name, name);
    said->origin = arena_format(&config->arena, "%s_FILE", name);
    if (said->origin == NULL) return error_memory(err);
    if (file_read_secret(path, &config->arena, &text, &open_to_all, err) != 0)
        return error_prefix(err, "%s: ", said->origin);
    said->text = text;
    if (open_to_all) said->open_file = path;
    return 0;
}

/* What the environment says of one setting. */
static int read_setting(struct config *config, int index, struct error *err)
{
    const struct config_setting *setting = &settings[index];
    const char *const names[] = {setting->environment, setting->fallback};

    for (size_t i = 0; i < 2; i++) {
        struct config_value said = {.source = CONFIG_ENVIRONMENT, .origin = names[i]};
        if (names[i] == NULL) continue;
        if (is_url(setting)) {
            if (read_variable(config, names[i], &said, err) != 0) return -1;
        } else {
            said.text = look_up(config, names[i], "");
        }
        if (said.text == NULL) continue;
        /* NO_COLOR counts whatever it says. */
        if (i > 0 && setting->kind == CONFIG_SWITCH) said.text = "true";
        keep(config, index, &said);
        return 0;
    }
    return 0;
}

static int read_environment(struct config *config, struct error *err)
{
    for (int i = 0; i < SETTINGS; i++)
        if (config->values[i].text == NULL && read_setting(config, i, err) != 0) return -1;
    return 0;
}

const char *config_variable(struct config *config, const char *name, bool *failed,
                            struct error *err)
{
    struct config_value said = {0};

    *failed = read_variable(config, name, &said, err) != 0;
    return *failed ? NULL : said.text;
}

/* ---- redferry.yaml ---------------------------------------------------------------------- */

/* The index of the setting that a key of the file names, or -1. */
static int find_key(const char *key)
{
    char name[LONGEST_NAME];
    size_t length = strlen(key);

    if (length >= sizeof name || strchr(key, '-') != NULL) return -1;
    for (size_t i = 0; i <= length; i++) name[i] = key[i] == '_' ? '-' : key[i];
    return find_setting(name);
}

static int refuse_key(struct config *config, const char *path, const struct yaml_node *key,
                      struct error *err)
{
    const char *nearest = nearest_setting(&config->arena, key->text, true);

    if (nearest == NULL)
        return yaml_error(err, path, key, "unknown key '%s'; the keys are the options' names",
                          key->text);
    return yaml_error(err, path, key, "unknown key '%s'; did you mean '%s'?", key->text,
                      nearest);
}

/* One key and its value. All of them are judged, whether they win or not. */
static int read_pair(struct config *config, const char *path, const struct yaml_node *key,
                     struct error *err)
{
    const struct yaml_node *node = key->next;
    struct config_value said = {.source = CONFIG_FILE};
    int index = find_key(key->text);

    if (index < 0) return refuse_key(config, path, key, err);
    if (strcmp(key->text, "config") == 0)
        return yaml_error(err, path, key, "'config' names a file like this one; give --config");
    if (node->kind != YAML_TEXT || strlen(node->text) != node->length)
        return yaml_error(err, path, node, "'%s' is a text", key->text);
    if (node->length == 0) return yaml_error(err, path, node, "'%s' is empty", key->text);
    said.text = node->text;
    said.origin = arena_format(&config->arena, "%s:%d:%d", path, node->line, node->column);
    if (said.origin == NULL) return error_memory(err);
    if (take(config, &settings[index], &said, NULL, err) != 0) return -1;
    keep(config, index, &said);
    return 0;
}

/* Whether everybody may read the file. */
static bool is_open_to_all(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

static int read_file(struct config *config, const char *path, struct error *err)
{
    char *bytes = NULL;
    size_t length = 0;
    struct yaml_node *root = NULL;

    if (file_read(path, &config->arena, &bytes, &length, err) != 0) return -1;
    if (yaml_parse(path, bytes, length, &config->arena, &root, err) != 0) return -1;
    if (root->kind != YAML_MAPPING)
        return yaml_error(err, path, root, "settings are a mapping of keys and values");
    for (const struct yaml_node *key = root->first; key != NULL; key = key->next->next)
        if (read_pair(config, path, key, err) != 0) return -1;
    if (!is_open_to_all(path)) return 0;
    for (int i = 0; i < SETTINGS; i++)
        if (config->values[i].source == CONFIG_FILE) config->values[i].open_file = path;
    return 0;
}

/* The file that --config names must be there; the one beside the migrations may. */
static int read_files(struct config *config, struct error *err)
{
    const char *path = config->values[find_setting("config")].text;
    const char *directory = config->values[find_setting("migrations")].text;
    int index = find_setting("migrations");
    struct stat status;

    if (path != NULL) return read_file(config, path, err);
    if (directory == NULL) directory = settings[index].standard;
    path = arena_format(&config->arena, "%s/%s", directory, FILE_NAME);
    if (path == NULL) return error_memory(err);
    if (stat(path, &status) != 0 && (errno == ENOENT || errno == ENOTDIR)) return 0;
    if (read_file(config, path, err) != 0) return -1;
    if (config->values[index].source != CONFIG_FILE) return 0;
    return error_set(
        err, ERROR_INVALID,
        "%s: 'migrations' cannot be set here: this file was found in that directory",
        config->values[index].origin);
}

/* ---- all together ----------------------------------------------------------------------- */

/*
 * The environment is shared with other programs: a DATABASE_URL that is not for us is no reason
 * to refuse a command that needs no database. It is kept for config_require() to complain of.
 */
static int put_off(struct config *config, const struct config_setting *setting,
                   struct config_value *value, const struct error *err)
{
    struct error *fault = NULL;
    if (!is_url(setting) || value->source != CONFIG_ENVIRONMENT || err->code != ERROR_INVALID)
        return -1;
    fault = arena_alloc(&config->arena, sizeof *fault);
    if (fault == NULL) return -1;
    *fault = *err;
    value->fault = fault;
    value->shown = NULL;
    return 0;
}

/* Judge what wins, and put it into the fields. */
static int fill_fields(struct config *config, struct error *err)
{
    for (int i = 0; i < SETTINGS; i++) {
        struct config_value *value = &config->values[i];
        void *target = NULL;
        if (value->text == NULL) value->text = settings[i].standard;
        if (value->text == NULL) continue;
        for (size_t j = 0; j < sizeof targets / sizeof *targets; j++)
            if (strcmp(targets[j].name, settings[i].name) == 0)
                target = (char *)config + targets[j].offset;
        if (take(config, &settings[i], value, target, err) == 0) continue;
        if (put_off(config, &settings[i], value, err) != 0) return -1;
        error_clear(err);
    }
    return 0;
}

int config_require(const struct config *config, const char *name, struct error *err)
{
    const int index = find_setting(name);
    const struct config_setting *setting = &settings[index];
    const struct config_value *value = &config->values[index];
    if (value->fault != NULL) {
        *err = *value->fault;
        return -1;
    }
    if (value->text != NULL) return 0;
    return error_set(err, ERROR_INVALID, "no %s: give --%s %s, or set %s%s%s",
                     setting->kind == CONFIG_REDIS_URL ? "Redis" : name, name,
                     setting->argument, setting->environment,
                     setting->fallback != NULL ? " or " : "",
                     setting->fallback != NULL ? setting->fallback : "");
}

static void fill_urls(struct config *config)
{
    const char *ledger = config->values[find_setting("ledger")].text;
    const char *database = config->values[find_setting("database")].text;

    config->has_database = database != NULL;
    config->has_redis = config->values[find_setting("redis")].text != NULL;
    config->ledger_is_database =
        ledger == NULL || (database != NULL && strcmp(ledger, database) == 0);
    if (ledger == NULL) config->ledger = config->database;
}

static int fill_host(struct config *config, struct error *err)
{
    char host[256] = "";

    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') strcpy(host, "localhost");
    config->host = arena_text(&config->arena, host);
    return config->host != NULL ? 0 : error_memory(err);
}

/* A line for each password that others may see. */
static int warn(struct config *config, const char **warnings, struct error *err)
{
    struct buffer lines = {0};
    const struct url *const urls[] = {&config->database, &config->redis, &config->ledger};
    const char *const names[] = {"database", "redis", "ledger"};

    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        int index = find_setting(names[i]);
        const struct config_value *value = &config->values[index];
        if (value->text == NULL || !urls[i]->has_password) continue;
        if (value->source == CONFIG_FLAG)
            buffer_append_format(
                &lines,
                "a password in %s can be seen by everybody on this host; %s or "
                "%s_FILE keep it\n",
                value->origin, settings[index].environment, settings[index].environment);
        if (value->open_file != NULL)
            buffer_append_format(&lines,
                                 "%s holds a password, and everybody may read it; chmod o-r "
                                 "mends that\n",
                                 value->open_file);
    }
    if (lines.length > 0)
        *warnings = arena_copy(&config->arena, lines.bytes, lines.length - 1);
    else
        *warnings = NULL;
    if (buffer_failed(&lines) || (lines.length > 0 && *warnings == NULL)) error_memory(err);
    buffer_release(&lines);
    return err->code == ERROR_NONE ? 0 : -1;
}

int config_resolve(struct config *config, const char **warnings, struct error *err)
{
    const char *unheard = NULL;

    if (config->values == NULL) return error_memory(err);
    error_clear(err);
    if (read_environment(config, err) != 0 || read_files(config, err) != 0 ||
        fill_fields(config, err) != 0 || fill_host(config, err) != 0)
        return -1;
    fill_urls(config);
    return warn(config, warnings != NULL ? warnings : &unheard, err);
}

/* Who a user is may have to be asked of a server: only where it goes on record. */
const char *config_operator(struct config *config)
{
    char storage[4096];
    struct passwd entry, *found = NULL;
    struct config_value *value = &config->values[find_setting("operator")];

    if (config->operator_name != NULL) return config->operator_name;
    if (getpwuid_r(geteuid(), &entry, storage, sizeof storage, &found) == 0 && found != NULL)
        config->operator_name =
            arena_format(&config->arena, "%s@%s", entry.pw_name, config->host);
    else
        config->operator_name =
            arena_format(&config->arena, "%lu@%s", (unsigned long)geteuid(), config->host);
    value->text = value->shown = config->operator_name;
    return config->operator_name;
}

const char *config_text(struct config *config, const char *name)
{
    int index = find_setting(name);
    if (index < 0 || config->values == NULL) return NULL;
    if (strcmp(name, "operator") == 0) return config_operator(config);
    return config->values[index].shown;
}
