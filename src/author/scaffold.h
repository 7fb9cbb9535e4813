#ifndef REDFERRY_SCAFFOLD_H
#define REDFERRY_SCAFFOLD_H

struct arena;
struct error;

/* Make the directory of migrations where it is absent. Returns 1: made; 0: it was there; -1
 * with err. */
int scaffold_directory(const char *directory, struct error *err);

/*
 * Write directory/<UTC stamp>_<name>.yaml, a valid migration with comments, ready to be edited;
 * *path (arena) becomes its path. name is what a person types: blanks and '-' become '_',
 * letters become lower case. Never overwrites. Returns 0, or -1 with err: a name that cannot be
 * a file's, a file or another migration of this version that is there already, no directory.
 */
int scaffold_migration(const char *directory, const char *name, struct arena *arena,
                       const char **path, struct error *err);

#endif
