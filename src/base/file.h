#ifndef REDFERRY_FILE_H
#define REDFERRY_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;

enum { FILE_MOST_BYTES = 1024 * 1024 };

/* Read a whole regular file of at most FILE_MOST_BYTES into arena: *bytes (terminated) and
 * *length. A FIFO, a device, a directory or a larger file is refused without blocking on it.
 * Returns 0, or -1 with err (ERROR_INVALID) naming path. */
int file_read(const char *path, struct arena *arena, char **bytes, size_t *length,
              struct error *err);

/* The content of a one-line file (a secret): as file_read(), without the newlines at its end,
 * as editors and `echo` leave them; anything on a second line is refused. *open_to_all becomes
 * 1 where everybody may read the file, else 0. */
int file_read_secret(const char *path, struct arena *arena, char **text, int *open_to_all,
                     struct error *err);

/* Whether a file's name ends in ending (".yaml"), with something in front of it. */
bool file_has_ending(const char *name, const char *ending);

#endif
