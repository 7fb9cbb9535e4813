#ifndef REDFERRY_DB_POSTGRES_WIRE_H
#define REDFERRY_DB_POSTGRES_WIRE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "db_driver.h"

/*
 * One libpq connection, never waited for in libpq: every wait is a poll that a stop can end.
 * Only the db_postgres modules include this.
 */
struct postgres {
    struct db db;
    const struct stop *stop; /* borrowed, or NULL */
    char *url;               /* holds the password */
    PGconn *connection;      /* NULL: lost or given up; the next transaction makes it anew */
    PGconn *coming;          /* the connection being made, or NULL */
    PostgresPollingStatusType awaited; /* what coming waits for */
    char server[64];                   /* "PostgreSQL 15.6" */
    bool in_transaction;
    bool streaming; /* the open transaction is a stream's */
    bool writing;   /* the open transaction was begun to write */
    bool locked;    /* holds the lock lock_key, in the transaction that is open */
    int64_t lock_key;
    int odd_collations; /* whether texts that differ may be equal: 1, 0, or -1: not asked yet */
};

/* Let libpq read the URL. Returns 0, or -1 with err (ERROR_INVALID), which quotes no more of
 * the URL than the name of an unknown parameter. */
int db_postgres_wire_check(const struct url *url, struct error *err);

/* Begin to connect where there is no connection, as far as that needs no waiting. What goes
 * wrong is told by db_postgres_wire_connect(). */
void db_postgres_wire_start(struct postgres *pg);

/* Connect where there is no connection, or end what was begun. Returns 0, or -1 with err
 * (ERROR_SQL_UNREACHABLE).
 */
int db_postgres_wire_connect(struct postgres *pg, struct error *err);

/* Give the connection up, and with it its transaction and its lock. */
void db_postgres_wire_drop(struct postgres *pg);

/* The same, and give up the connection being made. */
void db_postgres_wire_close(struct postgres *pg);

/* Send what libpq has buffered, all of it. sent is what its PQsend…() returned. Returns 0, or
 * -1 with err, the connection dropped. */
int db_postgres_wire_send(struct postgres *pg, int sent, struct error *err);

/* Wait until the server has sent something, at most timeout_ms (negative: no limit), and take
 * it in. Returns 1; 0 where the time has passed; -1 with err, the connection dropped. */
int db_postgres_wire_receive(struct postgres *pg, int64_t timeout_ms, struct error *err);

/*
 * Take the results of what was sent, all of them. *out (may be NULL) becomes the last one,
 * yours to PQclear(). statement is the text that a position in an error counts in, or NULL.
 * Returns 0, or -1 with err and *out NULL.
 */
int db_postgres_wire_collect(struct postgres *pg, const char *statement, PGresult **out,
                             struct error *err);

/* The same, keeping every result that has rows, of which there have to be count: results[0] …
 * are yours to PQclear(). Returns 0, or -1 with err and all of them NULL. */
int db_postgres_wire_collect_rows(struct postgres *pg, PGresult **results, size_t count,
                                  struct error *err);

/* Send sql, any number of statements without parameters, and collect. Returns 0 or -1 with err.
 */
int db_postgres_wire_run(struct postgres *pg, const char *sql, struct error *err);

/* Fill err from a result that is an error. statement as above. Returns -1. */
int db_postgres_wire_error(struct postgres *pg, const PGresult *result, const char *statement,
                           struct error *err);

/* Fill err with what libpq says of the broken connection, and drop it. Returns -1. */
int db_postgres_wire_lost(struct postgres *pg, struct error *err);

#endif
