#ifndef REDFERRY_DOCTOR_SQL_H
#define REDFERRY_DOCTOR_SQL_H

struct db;
struct doctor;
struct error;
struct row;

/* The doctor's examinations of the SQL side. Each returns 0, its findings added, or -1 with
 * err: it could not be done. */

/* Connect to the ledger's database, and to the one that rows come from where that is another;
 * read what the server, or the file, is like. */
int doctor_sql_connect(struct doctor *doctor, struct error *err);

/* Whether it can be written: judge what was read. So do the next three. */
int doctor_sql_writes(struct doctor *doctor, struct error *err);

/* Whether it has enough connections left for a run. */
int doctor_sql_connections(struct doctor *doctor, struct error *err);

/* Whether others on the way can read what it sends. */
int doctor_sql_encryption(struct doctor *doctor, struct error *err);

/* Whether its clock and ours agree. */
int doctor_sql_clock(struct doctor *doctor, struct error *err);

/* Whether another tool migrates the schema now. */
int doctor_sql_schema(struct doctor *doctor, struct error *err);

/* Ask db for rows and hand each to take, in the transaction that is open or in one of its own.
 * Returns 0, or -1 with err. */
int doctor_sql_ask(struct db *db, const char *sql,
                   int (*take)(void *context, const struct row *row, struct error *err),
                   void *context, struct error *err);

#endif
