#ifndef REDFERRY_DB_H
#define REDFERRY_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "row.h"

struct arena;
struct buffer;
struct error;
struct stop;
struct url;

/*
 * One connection to a SQL database: the front that everybody calls. What differs between the
 * engines is behind it, in db_postgres.c and db_sqlite.c, each a table of functions.
 *
 * A PostgreSQL connection that was lost is made anew by the next db_begin() and its like; what
 * was open on it is gone, and whoever was in the middle of it has been told.
 *
 * Errors: ERROR_SQL_UNREACHABLE where there is no connection (any more), ERROR_STOPPED where a
 * stop's grace ran out in a wait, else ERROR_FAILED with the server's own message (and its hint
 * and position where it has them). `passing` is set in err where waiting may help (too many
 * connections, starting up, locked).
 */
struct db;

enum db_dialect { DB_POSTGRESQL, DB_SQLITE };
enum db_access { DB_READ, DB_WRITE };

/* Connect. stop (borrowed, may be NULL) bounds every wait below. A SQLite file is never
 * created. Returns 0 with *out yours to db_close(), or -1 with err; url's parameters that libpq
 * does not know are ERROR_INVALID and name the variable to use. No message shows a password. */
int db_open(struct db **out, const struct url *url, const struct stop *stop, struct error *err);

/* The same for a connection that is not needed yet: where there is a server, it is on its way
 * when this returns, and db_connect() is due before anything else is asked of it. */
int db_open_ahead(struct db **out, const struct url *url, const struct stop *stop,
                  struct error *err);

/* Wait until db is connected; make the connection anew where it was lost. Returns 0, or -1 with
 * err as db_open() does. */
int db_connect(struct db *db, struct error *err);

/* Roll back what is open, release the lock, disconnect, free. NULL is harmless. */
void db_close(struct db *db);

/* Let another stop (borrowed, may be NULL) bound the waits from now on. */
void db_use_stop(struct db *db, const struct stop *stop);

/*
 * Who looks up while a connection keeps us waiting: for its server's answer, or for another
 * program's lock on a SQLite file.
 */
enum { DB_WATCH_EVERY_MS = 250 };

struct db_watch {
    /* Called every DB_WATCH_EVERY_MS of a wait, with how long it has lasted; must leave db
     * itself alone. Returns 0: wait on; 1: wait on, also for longer than SQLite is waited for
     * by itself; or -1 with err, with which the wait ends at once. */
    int (*look)(struct db *db, int64_t waited_ms, void *context, struct error *err);
    void *context;
};

/* Have watch (borrowed; NULL: nobody) look up from now on. */
void db_set_watch(struct db *db, const struct db_watch *watch);

enum db_dialect db_dialect(const struct db *db);

/* What db_open() would connect to. */
enum db_dialect db_dialect_of(const struct url *url);

/* The real path of a SQLite file; NULL: it is none. Borrowed. */
const char *db_path(const struct db *db);

/* "PostgreSQL 15.6", "SQLite 3.40.1". Borrowed. */
const char *db_server(const struct db *db);

/* The number that the server gave this session when it let us in; 0 where there is none. That
 * of a pooler is not the one that its server knows the session by. */
int64_t db_backend(const struct db *db);

/*
 * Begin a transaction, READ COMMITTED, that reads only or may write (SQLite: DEFERRED with
 * query_only, or IMMEDIATE). In PostgreSQL it sets for itself all that the text of values and
 * the durability of the ledger depend on (SPEC §4, "Reading").
 */
int db_begin(struct db *db, enum db_access access, struct error *err);
int db_commit(struct db *db, struct error *err);

/* Never fails: where the server does not answer, the connection is given up. Harmless without a
 * transaction. */
void db_rollback(struct db *db);

/*
 * Run one statement with bound parameters ($1 … in PostgreSQL, ?1 … in SQLite); *changed (may
 * be NULL) becomes the number of rows it changed. More than one statement is refused. Returns
 * 0, or -1 with err.
 */
int db_execute(struct db *db, const char *sql, const struct value *parameters, size_t count,
               int64_t *changed, struct error *err);

/* Run one statement as it stands, outside any transaction and under the server's own settings:
 * for scratch databases, what makes and fills them. Not within a transaction. Returns 0, or -1
 * with err. */
int db_execute_alone(struct db *db, const char *sql, struct error *err);

/* Rows of one statement, one at a time. */
struct db_rows;

enum db_next { DB_FAILED = -1, DB_END = 0, DB_ROW = 1, DB_AGAIN = 2 };

/* Run one statement for its rows, few of them: the ledger's own questions; where no transaction
 * is open, it may only read. *out is yours to db_rows_close(), in SQLite before the transaction
 * ends where the statement writes. */
int db_query(struct db *db, const char *sql, const struct value *parameters, size_t count,
             struct db_rows **out, struct error *err);

/* Parameters of a statement. */
struct db_parameters {
    const struct value *values;
    size_t count;
};

/* Questions to be asked in one go. take is given every row (borrowed until it returns) of every
 * query, counted from 0, in their order; it returns 0, or -1 with err, which ends it. */
struct db_questions {
    const char *const *queries;             /* of which each gives rows, or might */
    const struct db_parameters *parameters; /* each query's, or NULL: none has any */
    size_t count;                           /* at most 8 */
    enum db_access access;                  /* DB_READ, unless one writes */
    bool any_types; /* or else the columns are integers, booleans or text */
    int (*take)(void *context, size_t query, const struct row *row, struct error *err);
    void *context;
};

/* Ask them in one transaction of their own, in PostgreSQL in one round trip, but for what is
 * beyond ASCII. Without any_types it is not settled how other types read, nor how a server that
 * is set to another encoding reads the queries: beyond ASCII it may find nothing. Returns 0, or
 * -1 with err, after some rows may have been taken; where take failed, what was asked to be
 * written may have been written all the same. */
int db_ask(struct db *db, const struct db_questions *questions, struct error *err);

/* The columns that one query would give: names, kinds, types, whether plain; in a transaction
 * of its own where none is open. Refused: what is not a query, two statements, a statement that
 * writes. The columns live in arena. */
int db_describe(struct db *db, const char *query, struct arena *arena, struct columns *columns,
                struct error *err);

/*
 * Stream the rows of query, however many, read-only, as one statement with one snapshot, in a
 * transaction of its own that ends with the rows (PostgreSQL: COPY (query) TO STDOUT in READ
 * ONLY; SQLite: the statement is the transaction, so that the same connection may write the
 * ledger meanwhile; in PostgreSQL no other transaction may be open). parameters are those that
 * db_append_parameter() put into query; columns, what db_describe() said of it, are borrowed
 * until the end.
 */
int db_stream(struct db *db, const char *query, const struct value *parameters, size_t count,
              const struct columns *columns, struct db_rows **out, struct error *err);

/* Append to a query for db_stream() what stands for its index-th (from 1) parameter: "?1" in
 * SQLite, a quoted literal with a cast to column's type in PostgreSQL, whose COPY takes no
 * parameters. Returns 0, or -1 with err. */
int db_append_parameter(struct db *db, struct buffer *query, size_t index,
                        const struct value *value, const struct column *column,
                        struct error *err);

/* Append name as a quoted identifier. */
void db_append_identifier(struct buffer *sql, const char *name);

/*
 * The next row into *row (borrowed until the next call): DB_ROW, DB_END, DB_FAILED with err,
 * or, where wait is false and the row is still on its way, DB_AGAIN: poll db_rows_descriptor()
 * for POLLIN and call again. Values are in the text form of SPEC §1.
 */
enum db_next db_rows_next(struct db_rows *rows, bool wait, struct row *row, struct error *err);

/* What to poll after DB_AGAIN; -1 for an engine that never says it. */
int db_rows_descriptor(const struct db_rows *rows);

/* The current row's value as the database holds it, to be given back as a parameter: in SQLite
 * with its storage class (INTEGER, FLOAT, TEXT, BYTES, NULL). Borrowed as the row is. */
struct value db_rows_raw(const struct db_rows *rows, size_t column);

/* End the rows, read to the end or not (an unfinished stream is cancelled). NULL is harmless.
 */
void db_rows_close(struct db_rows *rows);

/* Whether an open statement of db keeps other connections from writing (SQLite in rollback
 * mode). Returns 1, 0, or -1 with err. */
int db_reading_blocks_writers(struct db *db, struct error *err);

/* Whether both are connections to one and the same SQLite file. */
bool db_is_same_file(const struct db *one, const struct db *other);

/* What a database expects of reading a query, going by its statistics. */
struct db_forecast {
    int64_t rows; /* about how many; -1: it does not say (SQLite says so only of the whole of a
                     table that ANALYZE has counted) */
    bool sorts;   /* it would have to sort for the query's order: no index serves that; not of
                     a table that it knows to be empty, which says nothing of an index */
    bool made;    /* and none could: the rows that it sorts are made by the query itself */
};

/* Ask for it; nothing is run or counted. query and its parameters are as for db_stream(); it is
 * asked in a transaction of its own. Returns 0, or -1 with err. */
int db_forecast(struct db *db, const char *query, const struct value *parameters, size_t count,
                struct db_forecast *out, struct error *err);

/*
 * The lock of one runner per ledger. name is the ledger's full name; SQLite's lock is a file
 * beside the database. In PostgreSQL the lock is taken with pg_try_advisory_xact_lock in a READ
 * COMMITTED transaction, which stays open on this connection: a db that holds the lock is used
 * for nothing else. Never waits. Returns 1: taken; 0: somebody else has it; -1 with err.
 */
int db_lock_try(struct db *db, const char *name, struct error *err);

/* Let others see who holds the lock that db has taken: have db hold the lock called name as
 * well, for as long, so that db_lock_held() of it answers. Returns 0, or -1 with err. */
int db_lock_sign(struct db *db, const char *name, struct error *err);

/* Whether this connection still has its lock, asking the server (which also keeps the
 * connection alive). Returns 0, or -1 with err (ERROR_OPERATOR). */
int db_lock_check(struct db *db, struct error *err);

/* The same as far as it can be known without asking the server: quick enough for every batch,
 * and enough to notice a server that ended the connection, or a lock file that was removed. */
int db_lock_glance(struct db *db, struct error *err);

/* Give the lock back. Harmless without one. */
void db_lock_release(struct db *db);

/* Whether anybody holds the lock called name, without taking it. Returns 1, 0, or -1 with err.
 */
int db_lock_held(struct db *db, const char *name, struct error *err);

#endif
