/*
 * Settings from four places: defaults < redferry.yaml < environment < flags.
 *
 * Here they are put together into the fields that the floors above read. What is said of a
 * setting is kept as text, with the place where it was said; only what wins is judged, so that
 * a flag helps against a wrong variable. Nothing is connected to, and no text of a URL gets
 * into a message.
 */
#include "config.h"

#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "buffer.h"
#include "config_settings.h"
#include "config_sources.h"
#include "config_value.h"
#include "error.h"

/* clang-format off */
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

void config_init(struct config *config)
{
    size_t count = 0;

    (void)config_settings(&count);
    *config = (struct config){.max_time_ms = -1, .pause_ms = -1};
    config->values = arena_array(&config->arena, count, sizeof *config->values);
}

void config_release(struct config *config)
{
    arena_release(&config->arena);
    *config = (struct config){0};
}

int config_set(struct config *config, const char *name, const char *value, struct error *err)
{
    struct config_value said = {.source = CONFIG_FLAG};
    const struct config_setting *setting = config_settings_find(name);

    if (config->values == NULL) return error_memory(err);
    if (setting == NULL) {
        const char *nearest = config_settings_nearest(&config->arena, name, false);
        return error_set(err, ERROR_INVALID, "there is no setting '%s'%s%s%s", name,
                         nearest != NULL ? "; did you mean '" : "",
                         nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
    }
    said.text = arena_text(&config->arena, value);
    said.origin = arena_format(&config->arena, "--%s", name);
    if (said.text == NULL || said.origin == NULL) return error_memory(err);
    if (config_value_judge(config, setting, &said, NULL, err) != 0) return -1;
    config_value_keep(config, setting, &said);
    return 0;
}

int config_read_environment(struct config *config, const char *const *environment,
                            struct error *err)
{
    (void)err;
    config->environment = environment;
    return 0;
}

const char *config_variable(struct config *config, const char *name, bool *failed,
                            struct error *err)
{
    struct config_value said = {0};

    *failed = config_sources_variable(config, name, &said, err) != 0;
    return *failed ? NULL : said.text;
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
    if (!config_settings_is_url(setting) || value->source != CONFIG_ENVIRONMENT ||
        err->code != ERROR_INVALID)
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
    size_t count = 0;
    const struct config_setting *settings = config_settings(&count);

    for (size_t i = 0; i < count; i++) {
        struct config_value *value = &config->values[i];
        void *target = NULL;
        if (value->text == NULL) value->text = settings[i].standard;
        if (value->text == NULL) continue;
        for (size_t j = 0; j < sizeof targets / sizeof *targets; j++)
            if (strcmp(targets[j].name, settings[i].name) == 0)
                target = (char *)config + targets[j].offset;
        if (config_value_judge(config, &settings[i], value, target, err) == 0) continue;
        if (put_off(config, &settings[i], value, err) != 0) return -1;
        error_clear(err);
    }
    return 0;
}

int config_require(const struct config *config, const char *name, struct error *err)
{
    const struct config_setting *setting = config_settings_find(name);
    const struct config_value *value = config_value_of(config, setting);
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
    const char *ledger = config_value_named(config, "ledger")->text;
    const char *database = config_value_named(config, "database")->text;

    config->has_database = database != NULL;
    config->has_redis = config_value_named(config, "redis")->text != NULL;
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
        const struct config_setting *setting = config_settings_find(names[i]);
        const struct config_value *value = config_value_of(config, setting);
        if (value->text == NULL || !urls[i]->has_password) continue;
        if (value->source == CONFIG_FLAG)
            buffer_append_format(
                &lines,
                "a password in %s can be seen by everybody on this host; %s or "
                "%s_FILE keep it\n",
                value->origin, setting->environment, setting->environment);
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
    if (config_sources_environment(config, err) != 0 ||
        config_sources_files(config, err) != 0 || fill_fields(config, err) != 0 ||
        fill_host(config, err) != 0)
        return -1;
    fill_urls(config);
    return warn(config, warnings != NULL ? warnings : &unheard, err);
}

/* Who a user is may have to be asked of a server: only where it goes on record. */
const char *config_operator(struct config *config)
{
    char storage[4096];
    struct passwd entry, *found = NULL;
    struct config_value *value = config_value_named(config, "operator");

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
    const struct config_setting *setting = config_settings_find(name);
    if (setting == NULL || config->values == NULL) return NULL;
    if (strcmp(name, "operator") == 0) return config_operator(config);
    return config_value_of(config, setting)->shown;
}
