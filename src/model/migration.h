#ifndef REDFERRY_MIGRATION_H
#define REDFERRY_MIGRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "command.h"
#include "digest.h"

enum { MIGRATION_DEFAULT_BATCH = 1000, MIGRATION_BATCH_BYTES = 1024 * 1024 };

/* One thing a migration does: rows of a source × commands, or commands once, or one SQL
 * statement. */
struct step {
    int number;       /* from 1 */
    const char *name; /* as written, or "step N" */
    int line, column;
    const char *read; /* the query, without its trailing ';'; NULL: no source */
    int read_line, read_column;
    const char *from; /* environment variable with another database's URL, or NULL */
    const char **key; /* key_count column names; NULL where key_count is 0 */
    size_t key_count;
    struct command *commands; /* what `write` says, then what `publish` says */
    size_t command_count;
    size_t write_count; /* how many of them are `write`'s */
    const char
        *sql; /* the statement of a step without source, or NULL; such a step has no commands */
    int sql_line, sql_column;
    int64_t batch;    /* rows in one Redis transaction; 0: not said */
    int64_t pause_ms; /* between batches; -1: not said */
};

struct steps {
    struct step *items;
    size_t count;
};

/* One file of data_migrations/, or one definition that a ledger kept. Everything in it lives in
 * its arena. */
struct migration {
    int64_t version;
    const char *name;
    const char *file;       /* the path as complaints show it */
    const char *definition; /* the file's bytes with BOM and CRLF normalised, terminated */
    size_t definition_length;
    char checksum[DIGEST_TEXT_SIZE]; /* of definition */
    const char *description;         /* or NULL */
    bool manual;
    struct steps up;
    struct steps down;
    bool has_down;
    struct command *announcements; /* the top-level `publish` */
    size_t announcement_count;
    struct arena arena;
};

/* Free a migration and everything in it. NULL is harmless. */
void migration_free(struct migration *migration);

/* Migrations in version order. */
struct migrations {
    struct migration **items;
    size_t count;
};

/* Free all of them and the list. Harmless on {0}. */
void migrations_release(struct migrations *list);

/* The migration with this version, or NULL. Borrowed. */
struct migration *migrations_find(const struct migrations *list, int64_t version);

/* What can be promised of a step, worked out before it starts. */
enum guarantee {
    GUARANTEE_EXACTLY_ONCE,  /* a `key`, or no source: resumes at the batch */
    GUARANTEE_AT_LEAST_ONCE, /* no `key`, idempotent commands only: starts over */
    GUARANTEE_REFUSED /* no `key`, and a command that must not be repeated: the step is refused
                       */
};

/* The guarantee of step. With GUARANTEE_REFUSED, *culprit (may be NULL) is the command that
 * must not be repeated. */
enum guarantee step_guarantee(const struct step *step, const struct command **culprit);

/* "exactly once", "at least once", "refused". */
const char *guarantee_text(enum guarantee guarantee);

/* Whether every command of the step is idempotent (an `sql` step never is). */
bool step_is_idempotent(const struct step *step);

/* What is to be said behind "`down` undoes it" of one that is not applied to its end: that it
 * takes back also what was never delivered, which does harm; or "" where its commands are
 * idempotent (what its `sql` steps do is not known) or migration is NULL. A constant. */
const char *migration_undoing_caveat(const struct migration *migration);

/* What to type for version, which was cancelled on its way up, into text. definition is what
 * would undo it, the file's or the one that the ledger keeps (NULL: none is known); has_file:
 * whether there is one to go on with. Returns text. */
enum { MIGRATION_REMEDY_SIZE = 384 };
const char *migration_cancelled_remedy(int64_t version, const struct migration *definition,
                                       bool has_file, char text[MIGRATION_REMEDY_SIZE]);

/* Whether two steps do the same: source, key, commands and statement; not what they are called,
 * nor the size of their batches. */
bool step_is_same(const struct step *one, const struct step *other);

/* The columns that a top-level `publish` knows: version, name, rows. */
const struct columns *migration_announcement_columns(void);

#endif
