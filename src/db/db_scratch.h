#ifndef REDFERRY_DB_SCRATCH_H
#define REDFERRY_DB_SCRATCH_H

#include <stddef.h>

struct db;
struct error;
struct stop;
struct url;

/*
 * Databases on a PostgreSQL that exist for a while only. Their names begin with a token that
 * nothing else's does; that is how they are found again, and who made them. url is where the
 * server is reached, by a database that is not touched.
 */

/* db_open(), which waits for up to 30 seconds where the server has no room for another
 * connection just now. */
int db_scratch_open(struct db **out, const struct url *url, const struct stop *stop,
                    struct error *err);

/* Whether the role may make any; *room is how many connections it can have just now. stop (may
 * be NULL) ends the waits. Returns 0, or -1 with err (ERROR_INVALID: it may not;
 * ERROR_SQL_UNREACHABLE; a stop). */
int db_scratch_check(const struct url *url, const struct stop *stop, size_t *room,
                     struct error *err);

/* Make one called name, empty, with the encoding and the locale of the database of url. token
 * is what name begins with; both need no quotes. Returns 0 or -1 with err. */
int db_scratch_create(const struct url *url, const char *token, const char *name,
                      struct error *err);

/* Drop count of them where they are there, whoever uses them. Returns 0 or -1 with err. */
int db_scratch_drop(const struct url *url, const char *const *names, size_t count,
                    struct error *err);

/* End who makes one just now, and drop all whose name begins with token. Returns 0 or -1 with
 * err. */
int db_scratch_sweep(const struct url *url, const char *token, struct error *err);

#endif
