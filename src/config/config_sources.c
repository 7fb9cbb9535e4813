/*
 * What the environment and redferry.yaml say of settings.
 *
 * All of a file is judged, whether it wins or not: who wrote it meant it for us. Of the
 * environment, which is shared with other programs, only what nothing wins over is looked at.
 * NAME_FILE keeps a secret out of both. Which source wins is config_value's to know.
 */
#include "config_sources.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "arena.h"
#include "config.h"
#include "config_settings.h"
#include "config_value.h"
#include "error.h"
#include "file.h"
#include "yaml.h"

static const char FILE_NAME[] = "redferry.yaml";

enum { LONGEST_NAME = 32 };

/* ---- the environment ------------------------------------------------------------------- */

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

int config_sources_variable(struct config *config, const char *name, struct config_value *said,
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
static int read_setting(struct config *config, const struct config_setting *setting,
                        struct error *err)
{
    const char *const names[] = {setting->environment, setting->fallback};

    for (size_t i = 0; i < 2; i++) {
        struct config_value said = {.source = CONFIG_ENVIRONMENT, .origin = names[i]};
        if (names[i] == NULL) continue;
        if (config_settings_is_url(setting)) {
            if (config_sources_variable(config, names[i], &said, err) != 0) return -1;
        } else {
            said.text = look_up(config, names[i], "");
        }
        if (said.text == NULL) continue;
        /* NO_COLOR counts whatever it says. */
        if (i > 0 && setting->kind == CONFIG_SWITCH) said.text = "true";
        config_value_keep(config, setting, &said);
        return 0;
    }
    return 0;
}

int config_sources_environment(struct config *config, struct error *err)
{
    size_t count = 0;
    const struct config_setting *settings = config_settings(&count);

    for (size_t i = 0; i < count; i++)
        if (config->values[i].text == NULL && read_setting(config, &settings[i], err) != 0)
            return -1;
    return 0;
}

/* ---- redferry.yaml --------------------------------------------------------------------- */

/* The setting that a key of the file names, or NULL. */
static const struct config_setting *find_key(const char *key)
{
    char name[LONGEST_NAME];
    size_t length = strlen(key);

    if (length >= sizeof name || strchr(key, '-') != NULL) return NULL;
    for (size_t i = 0; i <= length; i++) name[i] = key[i] == '_' ? '-' : key[i];
    return config_settings_find(name);
}

static int refuse_key(struct config *config, const char *path, const struct yaml_node *key,
                      struct error *err)
{
    const char *nearest = config_settings_nearest(&config->arena, key->text, true);

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
    const struct config_setting *setting = find_key(key->text);

    if (setting == NULL) return refuse_key(config, path, key, err);
    if (strcmp(key->text, "config") == 0)
        return yaml_error(err, path, key, "'config' names a file like this one; give --config");
    if (node->kind != YAML_TEXT || strlen(node->text) != node->length)
        return yaml_error(err, path, node, "'%s' is a text", key->text);
    if (node->length == 0) return yaml_error(err, path, node, "'%s' is empty", key->text);
    said.text = node->text;
    said.origin = arena_format(&config->arena, "%s:%d:%d", path, node->line, node->column);
    if (said.origin == NULL) return error_memory(err);
    if (config_value_judge(config, setting, &said, NULL, err) != 0) return -1;
    config_value_keep(config, setting, &said);
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
    size_t count = 0;

    if (file_read(path, &config->arena, &bytes, &length, err) != 0) return -1;
    if (yaml_parse(path, bytes, length, &config->arena, &root, err) != 0) return -1;
    if (root->kind != YAML_MAPPING)
        return yaml_error(err, path, root, "settings are a mapping of keys and values");
    for (const struct yaml_node *key = root->first; key != NULL; key = key->next->next)
        if (read_pair(config, path, key, err) != 0) return -1;
    if (!is_open_to_all(path)) return 0;
    (void)config_settings(&count);
    for (size_t i = 0; i < count; i++)
        if (config->values[i].source == CONFIG_FILE) config->values[i].open_file = path;
    return 0;
}

int config_sources_files(struct config *config, struct error *err)
{
    const struct config_value *migrations = config_value_named(config, "migrations");
    const char *path = config_value_named(config, "config")->text;
    const char *directory = migrations->text;
    struct stat status;

    if (path != NULL) return read_file(config, path, err);
    if (directory == NULL) directory = config_settings_find("migrations")->standard;
    path = arena_format(&config->arena, "%s/%s", directory, FILE_NAME);
    if (path == NULL) return error_memory(err);
    if (stat(path, &status) != 0 && (errno == ENOENT || errno == ENOTDIR)) return 0;
    if (read_file(config, path, err) != 0) return -1;
    if (migrations->source != CONFIG_FILE) return 0;
    return error_set(
        err, ERROR_INVALID,
        "%s: 'migrations' cannot be set here: this file was found in that directory",
        migrations->origin);
}
