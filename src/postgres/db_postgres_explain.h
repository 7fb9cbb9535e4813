#ifndef REDFERRY_DB_POSTGRES_EXPLAIN_H
#define REDFERRY_DB_POSTGRES_EXPLAIN_H

#include "db_postgres_wire.h"

/* The function `forecast` of struct db_ops. */
int db_postgres_explain(struct db *db, const char *query, const struct value *parameters,
                        size_t count, struct db_forecast *out, struct error *err);

#endif
