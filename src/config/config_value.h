#ifndef REDFERRY_CONFIG_VALUE_H
#define REDFERRY_CONFIG_VALUE_H

struct config;
struct config_setting;
struct error;

/* Who said it; a later one wins. */
enum config_source { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG };

/* What was said of one setting. Texts live in the config's arena or its environment. */
struct config_value {
    const char *text; /* NULL: nothing */
    enum config_source source;
    const char *origin;    /* "--database", "DATABASE_URL", "FILE:3:11": begins complaints */
    const char *open_file; /* a file that holds it and that everybody may read, or NULL */
    const char *shown;     /* the text as it may be shown */
    const struct error *fault; /* a URL of the environment that cannot be one, or NULL */
};

/* What was said of a setting, a line of the table. */
struct config_value *config_value_of(const struct config *config,
                                     const struct config_setting *setting);

/* The same of the setting called name, which there must be. */
struct config_value *config_value_named(const struct config *config, const char *name);

/* Keep what a source says (copied; its texts are not), unless one that wins over it has spoken.
 */
void config_value_keep(struct config *config, const struct config_setting *setting,
                       const struct config_value *said);

/* Judge a value by the setting's kind, and put it where target points: an int64_t, a bool, an
 * enum config_on_lock, a struct url or a text. NULL only judges, and then any text may be a
 * URL. value gets the text as it may be shown. Returns 0, or -1 with err (ERROR_INVALID) that
 * begins with where it was said. */
int config_value_judge(struct config *config, const struct config_setting *setting,
                       struct config_value *value, void *target, struct error *err);

#endif
