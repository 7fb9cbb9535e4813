#ifndef REDFERRY_DRAFT_H
#define REDFERRY_DRAFT_H

#include <stdbool.h>

struct arena;
struct draft_table;
struct error;
struct scaffold_texts;

/* Whether Redis keys may begin with prefix where ${columns} follow it. Returns 0, or -1 with
 * err. */
int draft_check_prefix(const char *prefix, struct error *err);

/* Whether rows of table may get the same Redis key in the migration that draft_write() makes:
 * several columns of its key are bytes, which nothing keeps apart. Texts are. */
bool draft_keys_may_meet(const struct draft_table *table);

/*
 * Write the migration that copies table, a hash a row under keys that begin with prefix (NULL:
 * the table's name and ':'), and its test around two rows that are made up. Both texts live in
 * arena. Returns 0, or -1 with err (no memory).
 */
int draft_write(struct scaffold_texts *out, const struct draft_table *table, const char *prefix,
                struct arena *arena, struct error *err);

#endif
