#ifndef REDFERRY_DB_SQLITE_FILE_H
#define REDFERRY_DB_SQLITE_FILE_H

#include <stdbool.h>

struct db;
struct error;
struct sqlite;

/* Whether path is a file at all. Returns 0, or -1 with err (ERROR_SQL_UNREACHABLE). */
int db_sqlite_file_check(const char *path, struct error *err);

/* Whether its file system is mounted read-only. */
bool db_sqlite_file_is_read_only(const struct sqlite *lite);

/* Whether its header says that it is in WAL mode; false where it cannot be read. Also where the
 * connection could not be opened all the way. */
bool db_sqlite_file_has_wal(const struct sqlite *lite);

/* What helps who may not write to the file, or beside it, as the end of a message ("; …"). A
 * constant. */
const char *db_sqlite_file_advice(const struct sqlite *lite);

/* Functions of struct db_ops. */
int db_sqlite_file_lock_try(struct db *db, const char *name, struct error *err);
int db_sqlite_file_lock_sign(struct db *db, const char *name, struct error *err);
int db_sqlite_file_lock_check(struct db *db, struct error *err);
void db_sqlite_file_lock_release(struct db *db);
int db_sqlite_file_lock_held(struct db *db, const char *name, struct error *err);

#endif
