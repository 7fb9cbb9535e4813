/*
 * Scaffold: the directory, and a migration with its test, so that an author starts from
 * something that `lint` and `test` accept and that says in its comments what may be written. It
 * asks no database anything.
 *
 * The first line of each file names a schema by a path from that file, so that it is found on
 * every machine on which the directory is checked out.
 */
#include "scaffold.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "error.h"

enum { NAME_MOST = 100 };

#define MIGRATION_SCHEMA "# yaml-language-server: $schema=.redferry/migration.schema.json\n"
#define TEST_SCHEMA      "# yaml-language-server: $schema=.redferry/migration-test.schema.json\n"

const char scaffold_migration_schema[] = MIGRATION_SCHEMA;
const char scaffold_test_schema[] = TEST_SCHEMA;

const struct scaffold_texts scaffold_example = {
    .migration = MIGRATION_SCHEMA
    "# What this migration does, in one line.\n"
    "description: Copy the feature flags to Redis\n"
    "\n"
    "up:\n"
    "  - name: flags\n"
    "    # One query; its rows are carried in the order of the key.\n"
    "    read: SELECT name, enabled FROM feature_flags\n"
    "    # Unique and not null: what makes the step exactly-once and able to go on where\n"
    "    # it stopped.\n"
    "    key: name\n"
    "    # Redis commands, once per row. ${column}, ${column:-if null}, ${column|json},\n"
    "    # ${*|json}.\n"
    "    write:\n"
    "      - HSET flag:${name} enabled ${enabled}\n"
    "    # Told to subscribers, once per row, in the same transaction.\n"
    "    # publish:\n"
    "    #   channel: flags\n"
    "    #   message: ${*|json}\n"
    "\n"
    "# What undoes it; without it `redferry down` refuses.\n"
    "down:\n"
    "  - name: flags\n"
    "    read: SELECT name FROM feature_flags\n"
    "    key: name\n"
    "    write:\n"
    "      - DEL flag:${name}\n",
    .test = TEST_SCHEMA
    "# What the migration beside this file does to rows that are made up here: `redferry\n"
    "# test` applies it on servers of its own, twice, undoes it, and applies it again.\n"
    "given:\n"
    "  # The tables that the migration reads, and rows with all that may be in them.\n"
    "  sql: |\n"
    "    CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean NOT NULL);\n"
    "    INSERT INTO feature_flags VALUES ('2fa_sms', true), ('new_search', false);\n"
    "  # What Redis holds before.\n"
    "  # redis:\n"
    "  #   - SET greeting hello\n"
    "\n"
    "expect:\n"
    "  # A command that only looks, and its reply: a text, a list, a mapping; null is nil.\n"
    "  redis:\n"
    "    - HGETALL flag:2fa_sms: {enabled: 'true'}\n"
    "    - HGET flag:new_search enabled: 'false'\n"
    "  # All messages, in the order sent.\n"
    "  # published:\n"
    "  #   - flags: '{\"name\":\"2fa_sms\",\"enabled\":true}'\n"
    "  # What a query answers: one value, a list of them, or a list of rows.\n"
    "  # sql:\n"
    "  #   - SELECT count(*) FROM feature_flags: 2\n"
    "\n"
    "after_down:\n"
    "  redis:\n"
    "    - EXISTS flag:2fa_sms flag:new_search: 0\n",
};

int scaffold_directory(const char *directory, struct error *err)
{
    struct stat status;
    if (mkdir(directory, 0777) == 0) return 1;
    if (errno == EEXIST && stat(directory, &status) == 0 && S_ISDIR(status.st_mode)) return 0;
    if (errno == EEXIST)
        return error_set(err, ERROR_INVALID, "'%s' is there already, and is no directory",
                         directory);
    return error_set(err, ERROR_INVALID, "cannot make the directory '%s': %s", directory,
                     strerror(errno));
}

/* What a person typed, as part of a file's name. */
static int clean_name(const char *name, char clean[NAME_MOST + 1], struct error *err)
{
    size_t length = 0;
    bool has_word = false;
    for (const char *c = name; *c != '\0'; c++) {
        const unsigned char byte = (unsigned char)*c;
        const bool blank = byte == ' ' || byte == '-' || byte == '_';
        if (!blank && (byte > 0x7F || !isalnum(byte)))
            return error_set(err, ERROR_INVALID,
                             "'%s' cannot be a migration's name: use letters, digits and '_'",
                             name);
        if (length == NAME_MOST)
            return error_set(err, ERROR_INVALID, "a migration's name has at most %d characters",
                             NAME_MOST);
        has_word = has_word || !blank;
        clean[length++] = blank ? '_' : (char)tolower(byte);
    }
    clean[length] = '\0';
    if (!has_word) return error_set(err, ERROR_INVALID, "a migration needs a name");
    return 0;
}

/* A file that was not there before. */
static int write_new(const char *path, const char *text, struct error *err)
{
    const size_t length = strlen(text);
    const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0)
        return error_set(err, ERROR_INVALID, "cannot write '%s': %s", path, strerror(errno));
    const ssize_t written = write(file, text, length);
    const int failed = written != (ssize_t)length ? (written < 0 ? errno : ENOSPC) : 0;
    if (close(file) == 0 && failed == 0) return 0;
    unlink(path);
    return error_set(err, ERROR_FAILED, "cannot write '%s': %s", path,
                     strerror(failed != 0 ? failed : errno));
}

/* Whether some file of the directory has this version already. */
static bool is_taken(DIR *listing, const char *stamp)
{
    const size_t length = strlen(stamp);
    const struct dirent *file = NULL;
    rewinddir(listing);
    while ((file = readdir(listing)) != NULL)
        if (strncmp(file->d_name, stamp, length) == 0 &&
            !isdigit((unsigned char)file->d_name[length]))
            return true;
    return false;
}

/* A version that no file has: now, or a little later. */
static int find_stamp(const char *directory, char stamp[CLOCK_TEXT_SIZE], struct error *err)
{
    int64_t now_ms = clock_wall_ms();
    DIR *listing = opendir(directory);
    if (listing == NULL && errno == ENOENT)
        return error_set(err, ERROR_INVALID,
                         "there is no migrations directory '%s'; 'redferry init' makes it, "
                         "--migrations names another",
                         directory);
    if (listing == NULL)
        return error_set(err, ERROR_INVALID, "%s: cannot be read: %s", directory,
                         strerror(errno));
    clock_stamp(now_ms, stamp);
    while (is_taken(listing, stamp)) clock_stamp(now_ms += 1000, stamp);
    closedir(listing);
    return 0;
}

/* The test is first: alone it does no harm, should the second never be written. */
static int write_both(const struct scaffold_texts *texts, const struct scaffold_files *files,
                      struct error *err)
{
    if (files->test != NULL && write_new(files->test, texts->test, err) != 0) return -1;
    if (write_new(files->migration, texts->migration, err) == 0) return 0;
    if (files->test != NULL) unlink(files->test);
    return -1;
}

int scaffold_write(const char *directory, const char *name, const struct scaffold_texts *texts,
                   struct arena *arena, struct scaffold_files *files, struct error *err)
{
    char clean[NAME_MOST + 1];
    char stamp[CLOCK_TEXT_SIZE];
    *files = (struct scaffold_files){0};
    if (clean_name(name, clean, err) != 0 || find_stamp(directory, stamp, err) != 0) return -1;
    files->migration = arena_format(arena, "%s/%s_%s.yaml", directory, stamp, clean);
    if (texts->test != NULL)
        files->test = arena_format(arena, "%s/%s_%s.test.yaml", directory, stamp, clean);
    if (files->migration == NULL || (texts->test != NULL && files->test == NULL))
        return error_memory(err);
    return write_both(texts, files, err);
}
