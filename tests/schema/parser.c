/*
 * What the parser knows, told to the tests of the authors' schemas, which are written in
 * another language: its tables of keys, and what it says of files. It judges as the program
 * does, but each file alone, and nothing but its form.
 *
 *   parser keys                   the tables, as JSON: by the kind of file, a list of mappings,
 *                                 each with its owner and what each key accepts; the settings;
 *                                 the placeholders of an announcement
 *   parser migration|test|settings
 *                                 for each text on stdin, which is its length, a newline and
 *                                 its bytes, a line: what is wrong with it, or nothing
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "config_settings.h"
#include "error.h"
#include "migration.h"
#include "migration_file.h"
#include "reader.h"
#include "row.h"
#include "test_file.h"

/* ---- the tables ------------------------------------------------------------------------- */

static json_t *accepted(unsigned accepts)
{
    json_t *kinds = json_array();

    if (accepts & READER_TEXT) json_array_append_new(kinds, json_string("text"));
    if (accepts & READER_LIST) json_array_append_new(kinds, json_string("list"));
    if (accepts & READER_MAPPING) json_array_append_new(kinds, json_string("mapping"));
    return kinds;
}

static json_t *mappings(const struct reader_keys *(*kind)(size_t index))
{
    json_t *all = json_array();
    const struct reader_keys *keys = NULL;

    for (size_t i = 0; (keys = kind(i)) != NULL; i++) {
        json_t *names = json_object();
        for (size_t j = 0; j < keys->count; j++)
            json_object_set_new(names, keys->items[j].name, accepted(keys->items[j].accepts));
        json_array_append_new(all,
                              json_pack("{s:s, s:o}", "owner", keys->owner, "keys", names));
    }
    return all;
}

static json_t *all_settings(void)
{
    static const char *const kinds[] = {
        [CONFIG_TEXT] = "text",           [CONFIG_SWITCH] = "switch",
        [CONFIG_DURATION] = "duration",   [CONFIG_COUNT] = "count",
        [CONFIG_CHOICE] = "choice",       [CONFIG_DATABASE_URL] = "database URL",
        [CONFIG_REDIS_URL] = "Redis URL",
    };
    size_t count = 0;
    const struct config_setting *settings = config_settings(&count);
    json_t *all = json_object();

    for (size_t i = 0; i < count; i++)
        json_object_set_new(all, settings[i].name,
                            json_pack("{s:s, s:s?, s:s?, s:s?}", "kind",
                                      kinds[settings[i].kind], "help", settings[i].help,
                                      "standard", settings[i].standard, "choices",
                                      settings[i].choices));
    return all;
}

/* What the template of a migration's own `publish` knows. */
static json_t *announcement(void)
{
    const struct columns *columns = migration_announcement_columns();
    json_t *names = json_array();

    for (size_t i = 0; i < columns->count; i++)
        json_array_append_new(names, json_string(columns->items[i].name));
    return names;
}

static int tell_keys(void)
{
    json_t *all = json_pack("{s:o, s:o, s:o, s:o}", "migration", mappings(migration_file_keys),
                            "test", mappings(test_file_keys), "settings", all_settings(),
                            "announcement", announcement());
    int result = json_dumpf(all, stdout, JSON_INDENT(2));

    json_decref(all);
    return result == 0 ? 0 : 1;
}

/* ---- what it says of a text ------------------------------------------------------------- */

static int judge_migration(char *bytes, size_t length, struct error *err)
{
    struct migration_source source = {"f.yaml", 1, "name", bytes, length};
    struct migration *migration = NULL;
    int result = migration_file_parse(&migration, &source, err);

    migration_free(migration);
    return result;
}

static int judge_test(char *bytes, size_t length, struct error *err)
{
    struct migration_test *test = NULL;
    int result = test_file_parse(&test, "f.test.yaml", bytes, length, err);

    migration_test_free(test);
    return result;
}

/* Settings are read from a file: one that is only in memory. */
static int judge_settings(char *bytes, size_t length, struct error *err)
{
    struct config config;
    char path[64];
    int file = memfd_create("settings", MFD_CLOEXEC);
    int result = -1;

    config_init(&config);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (file < 0 || write(file, bytes, length) != (ssize_t)length)
        error_set(err, ERROR_FAILED, "no file in memory");
    else if (config_set(&config, "config", path, err) == 0)
        result = config_resolve(&config, NULL, err);
    config_release(&config);
    if (file >= 0) close(file);
    return result;
}

static int judge(int (*judges)(char *bytes, size_t length, struct error *err))
{
    char line[32];

    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t length = strtoul(line, NULL, 10);
        char *bytes = calloc(1, length + 1);
        struct error err = {0};
        if (bytes == NULL || fread(bytes, 1, length, stdin) != length) {
            free(bytes);
            return 1;
        }
        puts(judges(bytes, length, &err) == 0 ? "" : err.message);
        free(bytes);
        if (err.code != ERROR_NONE && err.code != ERROR_INVALID) return 1;
    }
    return 0;
}

int main(int count, char **arguments)
{
    static const struct {
        const char *kind;
        int (*judges)(char *bytes, size_t length, struct error *err);
    } kinds[] = {
        {"migration", judge_migration}, {"test", judge_test}, {"settings", judge_settings}};

    if (count == 2 && strcmp(arguments[1], "keys") == 0) return tell_keys();
    for (size_t i = 0; count == 2 && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(arguments[1], kinds[i].kind) == 0) return judge(kinds[i].judges);
    fputs("usage: parser keys | migration | test | settings\n", stderr);
    return 2;
}
