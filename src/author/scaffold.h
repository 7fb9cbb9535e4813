#ifndef REDFERRY_SCAFFOLD_H
#define REDFERRY_SCAFFOLD_H

struct arena;
struct error;

/* Make the directory of migrations where it is absent. Returns 1: made; 0: it was there; -1
 * with err. */
int scaffold_directory(const char *directory, struct error *err);

/* The text of a migration and of its test. */
struct scaffold_texts {
    const char *migration;
    const char *test; /* NULL: none */
};

/* Where they were written. */
struct scaffold_files {
    const char *migration;
    const char *test; /* NULL: none */
};

/* The first line of every migration, and of every test: where an editor finds what may stand in
 * them. Ends in a newline. */
extern const char scaffold_migration_schema[];
extern const char scaffold_test_schema[];

/* An example with comments, ready to be edited, which passes `lint` and `test` as it is. */
extern const struct scaffold_texts scaffold_example;

/*
 * Write directory/<UTC stamp>_<name>.yaml and its .test.yaml; their paths are in arena. name is
 * what a person types: blanks and '-' become '_', letters become lower case. Nothing is
 * overwritten, and where one cannot be written, neither is there. Returns 0, or -1 with err: a
 * name that cannot be a file's, no directory.
 */
int scaffold_write(const char *directory, const char *name, const struct scaffold_texts *texts,
                   struct arena *arena, struct scaffold_files *files, struct error *err);

#endif
