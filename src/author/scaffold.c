/*
 * Scaffold: the directory and the first lines of a migration, so that an author starts from
 * something that `lint` accepts and that says in its comments what may be written. It asks no
 * database anything.
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

static const char template[] =
    "# What this migration does, in one line.\n"
    "description: Copy the feature flags to Redis\n"
    "\n"
    "up:\n"
    "  - name: flags\n"
    "    # One query; its rows are carried in the order of the key.\n"
    "    read: SELECT name, enabled FROM feature_flags\n"
    "    # Unique and not null: what makes the step exactly-once and able to go on where it "
    "stopped.\n"
    "    key: name\n"
    "    # Redis commands, once per row. ${column}, ${column:-if null}, ${column|json}, "
    "${*|json}.\n"
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
    "      - DEL flag:${name}\n";

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
    for (const char *c = name; *c != '\0'; c++) {
        const unsigned char byte = (unsigned char)*c;
        const bool blank = byte == ' ' || byte == '-' || byte == '_';
        if (!blank && !isalnum(byte))
            return error_set(err, ERROR_INVALID,
                             "'%s' cannot be a migration's name: use letters, digits and '_'",
                             name);
        if (length == NAME_MOST)
            return error_set(err, ERROR_INVALID, "a migration's name has at most %d characters",
                             NAME_MOST);
        clean[length++] = blank ? '_' : (char)tolower(byte);
    }
    clean[length] = '\0';
    if (length == 0) return error_set(err, ERROR_INVALID, "a migration needs a name");
    return 0;
}

static int write_new(const char *path, const char *text, size_t length, struct error *err)
{
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
static bool is_taken(const char *directory, const char *stamp)
{
    const size_t length = strlen(stamp);
    const struct dirent *file = NULL;
    bool taken = false;
    DIR *listing = opendir(directory);
    while (listing != NULL && !taken && (file = readdir(listing)) != NULL)
        taken = strncmp(file->d_name, stamp, length) == 0 &&
                !isdigit((unsigned char)file->d_name[length]);
    if (listing != NULL) closedir(listing);
    return taken;
}

int scaffold_migration(const char *directory, const char *name, struct arena *arena,
                       const char **path, struct error *err)
{
    char clean[NAME_MOST + 1];
    char stamp[CLOCK_TEXT_SIZE];
    if (clean_name(name, clean, err) != 0) return -1;
    int64_t now_ms = clock_wall_ms();
    clock_stamp(now_ms, stamp);
    while (is_taken(directory, stamp)) clock_stamp(now_ms += 1000, stamp);
    *path = arena_format(arena, "%s/%s_%s.yaml", directory, stamp, clean);
    if (*path == NULL) return error_memory(err);
    return write_new(*path, template, sizeof template - 1, err);
}
