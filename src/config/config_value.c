/*
 * What was said of one setting: where, by whom, and whether it fits.
 *
 * It is kept as text, with the place where it was said, which begins every complaint. URLs are
 * taken apart by their own room, and no text of one gets into a message of ours.
 */
#include "config_value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "config.h"
#include "config_settings.h"
#include "error.h"
#include "number.h"
#include "url.h"

struct config_value *config_value_of(const struct config *config,
                                     const struct config_setting *setting)
{
    size_t count = 0;
    return &config->values[setting - config_settings(&count)];
}

struct config_value *config_value_named(const struct config *config, const char *name)
{
    return config_value_of(config, config_settings_find(name));
}

void config_value_keep(struct config *config, const struct config_setting *setting,
                       const struct config_value *said)
{
    struct config_value *value = config_value_of(config, setting);
    if (value->text == NULL || value->source <= said->source) *value = *said;
}

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

enum { MOST_BATCH = 1000000000 };

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

int config_value_judge(struct config *config, const struct config_setting *setting,
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
