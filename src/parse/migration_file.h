#ifndef REDFERRY_MIGRATION_FILE_H
#define REDFERRY_MIGRATION_FILE_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct migration;
struct reader_keys;

/* Take "20200211131900_flags.yaml" apart: *version, and *name (its beginning within file_name)
 * with *name_length. Returns 1; 0 where it has no leading integer, -1 where that does not fit 1
 * … 2^63-1. */
int migration_file_name(const char *file_name, int64_t *version, const char **name,
                        size_t *name_length);

/*
 * Read the definition of a migration (SPEC §1) from length bytes. file names it in complaints,
 * version and name are what its file name (or the ledger) says. Returns 0 with *out yours to
 * migration_free(), or -1 with err: FILE:LINE:COLUMN: what is wrong and, where it can, what
 * would be right.
 */
struct migration_source {
    const char *file;
    int64_t version;
    const char *name;
    const char *bytes;
    size_t length;
};
int migration_file_parse(struct migration **out, const struct migration_source *source,
                         struct error *err);

/* The keys of the index-th kind of mapping that a migration is made of ("a migration", "a
 * step", …), or NULL behind the last: for who describes the format elsewhere. */
const struct reader_keys *migration_file_keys(size_t index);

#endif
