/*
 * Small regular files, read whole.
 *
 * A program must not hang because a FIFO lies where a file was expected, nor fill memory with
 * a dump that was put into the wrong directory: so what is not a regular file is refused before
 * it is opened, and reading stops at a limit even where the file grows meanwhile. Directories
 * are read elsewhere.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "error.h"

/* What a file that is not regular is called. */
static const char *kind_text(mode_t mode)
{
    static const struct {
        mode_t mode;
        const char *text;
    } kinds[] = {
        {S_IFDIR, "a directory"}, {S_IFIFO, "a FIFO"},   {S_IFSOCK, "a socket"},
        {S_IFCHR, "a device"},    {S_IFBLK, "a device"},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if ((mode & S_IFMT) == kinds[i].mode) return kinds[i].text;
    return "something else";
}

static int refuse(struct error *err, const char *path, const char *why)
{
    return error_set(err, ERROR_INVALID, "%s: cannot be read: %s", path, why);
}

static int check_kind(const char *path, const struct stat *status, struct error *err)
{
    if (!S_ISREG(status->st_mode))
        return error_set(err, ERROR_INVALID, "%s: is %s, not a file", path,
                         kind_text(status->st_mode));
    if (status->st_size > FILE_MOST_BYTES)
        return error_set(err, ERROR_INVALID, "%s: is larger than 1 MiB", path);
    return 0;
}

/* Everything that descriptor gives, up to the limit and one byte, into bytes. Returns the
 * number of bytes, or -1 with errno. */
static ssize_t read_all(int descriptor, char *bytes, size_t most)
{
    size_t length = 0;

    while (length < most) {
        ssize_t got = read(descriptor, bytes + length, most - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

/* The file's bytes, and what the system knows of it. */
static int read_file(const char *path, struct arena *arena, char **bytes, size_t *length,
                     struct stat *status, struct error *err)
{
    int descriptor = -1, result = -1;
    size_t most = 0;
    ssize_t got = 0;

    if (stat(path, status) != 0) return refuse(err, path, strerror(errno));
    if (check_kind(path, status, err) != 0) return -1;
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0 || fstat(descriptor, status) != 0) {
        refuse(err, path, strerror(errno));
        goto done;
    }
    if (check_kind(path, status, err) != 0) goto done;

    most = (size_t)status->st_size + 1;
    *bytes = arena_alloc(arena, most + 1);
    if (*bytes == NULL) {
        error_memory(err);
        goto done;
    }
    got = read_all(descriptor, *bytes, most);
    if (got < 0) {
        refuse(err, path, strerror(errno));
    } else if ((size_t)got == most) {
        refuse(err, path, "it grew while it was read");
    } else {
        (*bytes)[got] = '\0';
        *length = (size_t)got;
        result = 0;
    }
done:
    if (descriptor >= 0) close(descriptor);
    return result;
}

int file_read(const char *path, struct arena *arena, char **bytes, size_t *length,
              struct error *err)
{
    struct stat status;
    return read_file(path, arena, bytes, length, &status, err);
}

static bool ends_line(char byte)
{
    return byte == '\n' || byte == '\r';
}

int file_read_secret(const char *path, struct arena *arena, char **text, int *open_to_all,
                     struct error *err)
{
    struct stat status;
    size_t length = 0;

    if (read_file(path, arena, text, &length, &status, err) != 0) return -1;
    *open_to_all = (status.st_mode & S_IROTH) != 0;
    while (length > 0 && ends_line((*text)[length - 1])) (*text)[--length] = '\0';
    if (length == 0) return error_set(err, ERROR_INVALID, "%s: is empty", path);
    if (memchr(*text, '\n', length) != NULL || strlen(*text) != length)
        return error_set(err, ERROR_INVALID, "%s: holds more than one line of text", path);
    return 0;
}

bool file_has_ending(const char *name, const char *ending)
{
    const size_t length = strlen(name), end = strlen(ending);
    return length > end && strcmp(name + length - end, ending) == 0;
}
