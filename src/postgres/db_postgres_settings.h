#ifndef REDFERRY_DB_POSTGRES_SETTINGS_H
#define REDFERRY_DB_POSTGRES_SETTINGS_H

#include "db_postgres_wire.h"

struct buffer;

/* Append what begins a transaction and sets for it all that SPEC §4, "Reading", names: several
 * statements, without a semicolon at the end. The connection is open. */
void db_postgres_settings_append(const struct postgres *pg, enum db_access access,
                                 struct buffer *sql);

/* The same with the encoding only, for a transaction that reads integers, booleans and text. */
void db_postgres_settings_append_encoding(struct buffer *sql);

#endif
