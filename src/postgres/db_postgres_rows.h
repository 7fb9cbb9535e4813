#ifndef REDFERRY_DB_POSTGRES_ROWS_H
#define REDFERRY_DB_POSTGRES_ROWS_H

#include "db_postgres_wire.h"

/* Rows of a whole result, which becomes theirs in any case. Returns 0, or -1 with err. */
int db_postgres_rows_new(struct db_rows **out, struct postgres *pg, PGresult *result,
                         struct error *err);

/* Send copy: COPY (…) TO STDOUT, perhaps behind what begins its transaction, and what ends it;
 * in_transaction is set already. columns are borrowed. Returns 0, or -1 with err. */
int db_postgres_rows_stream(struct db_rows **out, struct postgres *pg, const char *copy,
                            const struct columns *columns, struct error *err);

/* Functions of struct db_ops. */
enum db_next db_postgres_rows_next(struct db_rows *rows, bool wait, struct row *row,
                                   struct error *err);
int db_postgres_rows_descriptor(const struct db_rows *rows);
struct value db_postgres_rows_raw(const struct db_rows *rows, size_t column);
void db_postgres_rows_close(struct db_rows *rows);

#endif
