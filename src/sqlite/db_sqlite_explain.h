#ifndef REDFERRY_DB_SQLITE_EXPLAIN_H
#define REDFERRY_DB_SQLITE_EXPLAIN_H

#include "db_driver.h"

/* The function `forecast` of struct db_ops. */
int db_sqlite_explain(struct db *db, const char *query, const struct value *parameters,
                      size_t count, struct db_forecast *out, struct error *err);

#endif
