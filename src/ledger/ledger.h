#ifndef REDFERRY_LEDGER_H
#define REDFERRY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agenda.h"
#include "db.h"

struct arena;
struct error;

/*
 * What has been done: the three tables of SPEC §2, over either database. Every statement is a
 * file in sql/<dialect>/.
 */
struct ledger;

enum { LEDGER_LAYOUT = 1 };

/* Who writes: goes into every run row. Texts are borrowed. */
struct ledger_author {
    const char *operator_name; /* or NULL: ledger_sign() comes before the first writing */
    const char *context;       /* or NULL */
    const char *host;
    int64_t pid;
    const char *tool_version;
};

/* Use db (borrowed) for the ledger whose table is called table ("data_migrations", "NAME", or
 * in PostgreSQL "schema.NAME"). The others are then NAME_runs and NAME_ledger; beside a
 * data_migrations, in any schema, they keep their own names. The texts of author are borrowed.
 * Asks the database nothing yet. Returns 0 with *out yours to ledger_close(), or -1 with err: a
 * name that cannot be one. */
int ledger_open(struct ledger **out, struct db *db, const char *table,
                const struct ledger_author *author, struct error *err);

/* A ledger without a connection, for nothing but ledger_creation_sql() and ledger_close(). */
int ledger_open_to_print(struct ledger **out, enum db_dialect dialect, const char *table,
                         struct error *err);

/* Frees the ledger, not its db. NULL is harmless. */
void ledger_close(struct ledger *ledger);

/* Say who writes from now on (borrowed), where that was not known yet. */
void ledger_sign(struct ledger *ledger, const char *operator_name);

/* Go on with another connection to the same database. */
void ledger_use(struct ledger *ledger, struct db *db);

/* The ledger's full name, the same for every runner however it spelled the table: the name of
 * its lock. Known after any reading or writing; NULL before. Borrowed. */
const char *ledger_lock_name(const struct ledger *ledger);

/* What whoever holds that lock signs it with (db_lock_sign()), a process of pid on host: by it
 * ledger_read() knows whose run is at work, and not one that crashed before. Borrowed from
 * arena; NULL when memory runs out. */
const char *ledger_holder_name(const struct ledger *ledger, const char *host, int64_t pid,
                               struct arena *arena);

/* What ledger_read() found. */
struct ledger_state {
    bool present;         /* the tables exist */
    int64_t layout;       /* 0: not present, or the one row is not filled yet */
    const char *id;       /* or NULL */
    const char *lost;     /* why nothing may be written: the entries are gone, and their history
                             is there; or NULL */
    struct record record; /* entries, and each version's latest run; lock_held and holder are
                             asked where a run says it runs */
};

/*
 * Read the ledger, in one read-only transaction: everything in *state lives in arena. Tables
 * that do not exist are an empty ledger. Returns 0, or -1 with err: a foreign table of that
 * name (ERROR_OPERATOR; names the columns that are missing and points to --ledger-table),
 * missing privileges (ERROR_OPERATOR with the GRANT). A newer layout is read as far as its
 * entries mean the same: version, name and checksum; they count as announced, there are no
 * runs, and all other texts are NULL.
 */
int ledger_read(struct ledger *ledger, struct ledger_state *state, struct arena *arena,
                struct error *err);

/*
 * The same at a glance, in one round trip (two where names are looked for in several schemas),
 * where the ledger is as it mostly is: there, of a layout that we know, of fewer than a
 * thousand runs, and each version's latest run succeeded. Then 1, and *state (in arena)
 * has what decides whether anything is left to do: no runs, of its entries the version, the
 * name, the checksum, and whether they are announced; no id. Otherwise 0, or -1 with err, and
 * it takes ledger_read() to know.
 */
int ledger_glance(struct ledger *ledger, struct ledger_state *state, struct arena *arena,
                  struct error *err);

/* Runs, newest first; all, or those of version (> 0), or the one with id run_id (> 0; with its
 * definition). *runs lives in arena. */
int ledger_history(struct ledger *ledger, int64_t version, int64_t run_id, struct arena *arena,
                   struct run **runs, size_t *count, struct error *err);

/* One run as it stands now (0: the one that says it runs, else the latest), in arena and
 * without its definition. *crashed: it says that it runs, and nobody holds the lock. Returns 1,
 * 0 where there is none, or -1 with err. */
int ledger_follow(struct ledger *ledger, int64_t run_id, struct arena *arena, struct run *run,
                  bool *crashed, struct error *err);

/* Make the tables that are absent and fill the one row of data_migration_ledger. Under the
 * lock. Refuses (ERROR_OPERATOR) a newer layout, saying which release is needed; tables of
 * another shape; missing privileges, with the GRANT; a lost data_migrations whose history is
 * still there. A role that may not CREATE works where the tables exist. Returns 0 with *id
 * (arena) the ledger's UUID, or -1 with err. */
int ledger_ensure(struct ledger *ledger, struct arena *arena, const char **id,
                  struct error *err);

/* Whether ledger_ensure() would find no fault, asked without writing. Returns 0, or -1 with
 * err, as there. */
int ledger_check(struct ledger *ledger, struct error *err);

/* What is left of that where state, which was read under the lock, has the ledger whole:
 * whether it may be written to. Returns 1; 0: ledger_ensure() is due; -1 with err. */
int ledger_is_ready(struct ledger *ledger, const struct ledger_state *state, struct error *err);

/* Refuse (ERROR_OPERATOR) to write to a ledger of a layout newer than this release knows,
 * saying which release is needed; else 0. Asks nothing: layout is what ledger_read() found. */
int ledger_check_layout(const struct ledger *ledger, int64_t layout, struct error *err);

/* The statements that ledger_ensure() would run on an empty database, as one text for people.
 * Borrowed from arena; NULL when memory runs out. */
const char *ledger_creation_sql(struct ledger *ledger, struct arena *arena);

/* Record version as applied (announced) without running it. Begins like every writing command:
 * locks the ledger's row, ends running runs. Returns 1, 0 where it already is applied, -1 with
 * err. */
int ledger_mark(struct ledger *ledger, const struct migration *migration, struct error *err);

/* Forget that version was applied. Returns 1, 0 where it was not applied, -1 with err. */
int ledger_unmark(struct ledger *ledger, int64_t version, struct error *err);

/* Set the checksum of an applied version (NULL: leave it), and have its runs that stopped since
 * it last succeeded leave nothing to go on with. Returns 1, 0 where neither was needed, -1 with
 * err.
 */
int ledger_repair(struct ledger *ledger, int64_t version, const char *checksum,
                  struct error *err);

#endif
