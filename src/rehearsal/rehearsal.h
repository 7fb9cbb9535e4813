#ifndef REDFERRY_REHEARSAL_H
#define REDFERRY_REHEARSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "migration.h"
#include "verdict.h"

struct config;
struct error;
struct migration_test;
struct stop;

/* One migration, its test, and what came of it. */
struct rehearsed {
    const struct migration *migration;
    struct migration_test *test; /* NULL: it has none */
    struct verdict verdict;
    bool is_done;
};

/* What is asked for. All borrowed. */
struct rehearsal_wish {
    struct config *config; /* directory, environment, and what steps may do */
    const struct stop *stop;
    const char *const *files; /* migrations, tests, or VERSIONs; none: the whole directory */
    size_t file_count;
    const char *database; /* the URL of a PostgreSQL; NULL: SQLite */
    size_t jobs;          /* at a time; 0: as many as there are processors */
    size_t kills;         /* how often each run is killed */
    uint64_t seed;        /* of when */
    int64_t timeout_ms;   /* what a test may take, and each going over behind a kill; 0: any */
    /* Told of each in order, as soon as it is its turn. Or NULL. */
    void (*tell)(void *context, const struct rehearsed *rehearsed);
    void *context;
};

/* Everything that was rehearsed, in version order. {0} is empty. */
struct rehearsal {
    struct rehearsed *items;
    size_t count;
    struct migrations migrations; /* theirs */
    struct migrations directory;  /* where VERSIONs were looked up */
    struct arena arena;
};

/* Read the files, then rehearse them on scratch servers. The process forks: no threads of the
 * caller's may hold locks. Returns 0, whatever came of each; or -1 with err: ERROR_INVALID
 * where a file is wrong, a server is missing or may not be used; ERROR_SQL_UNREACHABLE; a stop.
 * *rehearsal says what was done, and is yours to rehearsal_release() in both cases. */
int rehearsal_perform(struct rehearsal *rehearsal, const struct rehearsal_wish *wish,
                      struct error *err);

/* Harmless on {0}. */
void rehearsal_release(struct rehearsal *rehearsal);

#endif
