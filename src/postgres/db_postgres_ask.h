#ifndef REDFERRY_DB_POSTGRES_ASK_H
#define REDFERRY_DB_POSTGRES_ASK_H

#include "db_postgres_wire.h"

/* The function of struct db_ops. */
int db_postgres_ask(struct db *db, const struct db_questions *questions, struct error *err);

#endif
