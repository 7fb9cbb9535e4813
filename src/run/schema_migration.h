#ifndef REDFERRY_SCHEMA_MIGRATION_H
#define REDFERRY_SCHEMA_MIGRATION_H

struct error;
struct session;
struct turn;

/*
 * Wait until it is this runner's turn, as turn_take() does, and no schema migration is in
 * progress in the databases that are read and written (SPEC §5). One is looked for under the
 * lock, and waited for without it: for at most 30 s, and not past --lock-timeout. What it is
 * and who holds it is told as an event, once, and then the time that passed.
 *
 * Returns what turn_take() does; -1 with err (ERROR_LOCKED, or ERROR_INCOMPLETE with --on-lock
 * skip) where a schema migration is in progress for too long. With --during-schema-migration
 * nobody looks.
 */
int schema_migration_take_turn(struct session *session, const struct turn *turn,
                               struct error *err);

/* Whether one is in progress now, asked once and by nobody in turn. Returns 1 with words
 * ("Rails (rake, role app, pid 12)") and *remedy, the command that takes away what one that
 * crashed has left, or NULL; 0; or -1 with err (ERROR_FAILED: the database does not let us
 * look). */
int schema_migration_see(struct session *session, struct error *words, const char **remedy,
                         struct error *err);

#endif
