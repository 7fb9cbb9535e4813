#ifndef REDFERRY_DB_POSTGRES_TYPES_H
#define REDFERRY_DB_POSTGRES_TYPES_H

#include "db_postgres_text.h"
#include "db_postgres_wire.h"

/* The kind of a value of a built-in type, and the form of its text; VALUE_TEXT as it stands for
 * any other. */
enum value_kind db_postgres_types_kind(Oid oid, enum db_postgres_form *form);

/* The form of the text of a column that db_postgres_types_describe() described. */
enum db_postgres_form db_postgres_types_form(const struct column *column);

/* Have the server describe the columns of query without running it: names, kinds, types,
 * whether plain; in the transaction that is open. They live in arena. Returns 0, or -1 with
 * err.
 */
int db_postgres_types_describe(struct postgres *pg, const char *query, struct arena *arena,
                               struct columns *columns, struct error *err);

#endif
