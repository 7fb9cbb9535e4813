#ifndef REDFERRY_DB_LOOK_H
#define REDFERRY_DB_LOOK_H

#include <stdbool.h>

struct arena;
struct db;
struct error;

/*
 * Whether a database takes a query or a statement, found out by who merely looks: nothing is
 * read or written, and where another session has locked a table, nobody queues behind it for
 * longer than two seconds. Each works in a transaction of its own.
 */

/* Whether query can be read. Returns 0, or -1 with err, as db_describe() does. */
int db_look_query(struct db *db, const char *query, struct error *err);

/* The same without a role's row-level security: where that fails, rows may be hidden from it.
 * In SQLite nothing is. */
int db_look_query_unfiltered(struct db *db, const char *query, struct error *err);

/* Whether a statement is of a kind that can be planned without being run: DDL is not. */
bool db_look_can_plan(const char *sql);

/* Plan such a statement, which is when privileges are looked at, too. Returns 0, or -1 with
 * err. */
int db_look_statement(struct db *db, const char *sql, struct error *err);

/* Whether db could be written, as far as that shows without writing: no standby, no role whose
 * transactions only read, no file or directory that may not be written. Returns 0, or -1 with
 * err: ERROR_OPERATOR and "it is a standby, …", or as db_query(). */
int db_look_writable(struct db *db, struct error *err);

/* What of the SQLite file at path, and of what SQLite and the lock need beside it, may not be
 * written: "the file 'PATH' (why)" in arena; NULL: nothing. */
const char *db_look_unwritable_file(struct arena *arena, const char *path);

#endif
