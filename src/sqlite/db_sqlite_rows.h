#ifndef REDFERRY_DB_SQLITE_ROWS_H
#define REDFERRY_DB_SQLITE_ROWS_H

#include <sqlite3.h>

#include "db_driver.h"
#include "error.h"

/*
 * One SQLite connection. Only the db_sqlite modules include this.
 */
struct sqlite {
    struct db db;
    const struct stop *stop; /* borrowed, or NULL */
    sqlite3 *connection;
    char *path; /* with its links resolved */
    char server[48];
    bool in_transaction;
    bool reads_only;       /* query_only is on, for the transaction that is open */
    int64_t busy_since_ms; /* when the current wait for another's lock began */
    int64_t busy_until_ms; /* how long it may last at least, as who watches says */
    int64_t watched_ms;    /* monotonic: when db.watch looked up last in it */
    struct error refusal;  /* with what that ended it; or {0} */
    bool is_open;          /* the file was read: it is a database */
    int lock;              /* descriptor of the lock file, or -1 */
    int64_t lock_offset;   /* the byte that is locked in it */
};

/* Fill err with what SQLite says of its last error. statement is the text that a position
 * counts in, or NULL. Returns -1. */
int db_sqlite_rows_error(struct sqlite *lite, const char *statement, struct error *err);

/* Compile one statement and bind its parameters; the bytes are copied. Returns 0 with *out
 * yours to sqlite3_finalize(), or -1 with err: more than one statement, none, too many
 * parameters. */
int db_sqlite_rows_prepare(struct sqlite *lite, const char *sql, const struct value *parameters,
                           size_t count, sqlite3_stmt **out, struct error *err);

/* Rows of a statement, which becomes theirs in any case. columns are borrowed; NULL: ask the
 * statement. Returns 0, or -1 with err. */
int db_sqlite_rows_new(struct db_rows **out, struct sqlite *lite, sqlite3_stmt *statement,
                       const struct columns *columns, struct error *err);

/* The columns of a statement; they live in arena. Returns 0, or -1 with err (no memory). */
int db_sqlite_rows_describe(struct sqlite *lite, sqlite3_stmt *statement, struct arena *arena,
                            struct columns *columns, struct error *err);

/* Functions of struct db_ops. */
enum db_next db_sqlite_rows_next(struct db_rows *rows, bool wait, struct row *row,
                                 struct error *err);
int db_sqlite_rows_descriptor(const struct db_rows *rows);
struct value db_sqlite_rows_raw(const struct db_rows *rows, size_t column);
void db_sqlite_rows_close(struct db_rows *rows);

#endif
