#ifndef REDFERRY_DB_BLOCKER_H
#define REDFERRY_DB_BLOCKER_H

#include <stdbool.h>

struct db;
struct error;

/* Whether db, which keeps us waiting, itself waits for a lock that somebody else holds, and who
 * that is, into words: "psql (role ana, pid 4711, in a transaction since …)", of SQLite, which
 * does not tell, "another program". Asked on a connection of its own, for a moment at most;
 * what cannot be asked, or seen, counts as no lock. To be called by a db_watch. */
bool db_blocker_find(struct db *db, struct error *words);

#endif
