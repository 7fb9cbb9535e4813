#ifndef REDFERRY_URL_SQL_H
#define REDFERRY_URL_SQL_H

#include <stdbool.h>

struct url_reading;

/* Take postgres://… apart, whose scheme and bytes were looked at. Returns 0, or -1 with r's
 * error. */
int url_sql_postgresql(struct url_reading *r);

/* The same for sqlite:PATH and sqlite:///absolute. */
int url_sql_sqlite(struct url_reading *r);

/* Whether a text without a scheme is the path of a database's file: it says so by its ending,
 * and by not looking like anything with a password. */
bool url_sql_is_path(const char *text);

/* The database in the file path, a text of the arena's (NULL: there was no memory for it).
 * Returns 0, or -1 with r's error. */
int url_sql_use_path(const struct url_reading *r, const char *path);

#endif
