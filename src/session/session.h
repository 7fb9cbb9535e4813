#ifndef REDFERRY_SESSION_H
#define REDFERRY_SESSION_H

#include "agenda.h"
#include "arena.h"
#include "blockade.h"
#include "db.h"
#include "error.h"
#include "ledger.h"
#include "migration.h"
#include "progress.h"

struct config;
struct connection;
struct stop;

/*
 * What one command has open: the files, the ledger and its connections, Redis. Things are
 * opened when they are first needed, so that a command that finds nothing to do has opened one
 * SQL connection and nothing else.
 */
struct session {
    struct config *config; /* resolved; borrowed, as the next four */
    const struct stop *stop;
    struct listener listener;
    const char *tool_version;
    struct arena *results; /* borrowed: what the caller is given lives there */
    int64_t begun_ms;      /* monotonic, when the command began: --max-time counts from it */
    bool has_progressed;   /* a batch or a step is done: --max-time may stop the command */
    int64_t queued_ms;     /* monotonic, since when it waits for its turn, or before that for a
                              place on the server: --lock-timeout counts from it */
    int64_t told_ms;       /* monotonic, when the database was last said to be waited for; 0:
                              not since queued_ms */
    int64_t read_ms;       /* monotonic, just before the ledger was last read */
    bool queues;           /* it will want the lock, and waits for a place as for the lock */
    int64_t patience_ms;   /* how long a lock of somebody else's is waited for at most, whatever
                              --lock-timeout says; 0: as long as that */
    bool is_at_work;       /* a run is: whoever keeps it waiting is waited for */
    bool gives_up;         /* it only has to tell the ledger that it ended */
    struct db_watch watch; /* over the waits of all connections below; blockade_look(), while a
                              run is at work obedience_look() */
    struct blockade blockade; /* what it saw last */
    struct migrations migrations;
    struct ledger *ledger;
    struct db *db;             /* the ledger is read and written here */
    struct db *lock;           /* holds the lock; in PostgreSQL it does nothing else, in SQLite
                                  it is db; NULL: no lock */
    struct db *reader;         /* `read` without `from`; NULL until needed */
    bool will_read;            /* there is such a step: the reader may be opened ahead */
    struct connection *redis;  /* NULL until needed */
    struct error no_redis;     /* why session_try_redis() did not get one; or {0} */
    const char *database;      /* what Redis remembers the ledger's database by */
    const char *ledger_id;     /* NULL until session_ensure() */
    struct ledger_state state; /* as of the last session_read(), as is the agenda */
    struct agenda agenda;
    struct arena reading; /* where those two live */
    struct arena arena;   /* for the length of the command */
};

/* Close everything and free what the session holds. Harmless on {0}. */
void session_release(struct session *session);

/* Read all migration files. Returns 0, or -1 with err. */
int session_load(struct session *session, struct error *err);

/* How many rows somebody said that a batch of step is to have, by --batch or in the file; 0:
 * nobody did. */
int64_t session_batch_said(const struct session *session, const struct step *step);

/* How long to pause behind each of its batches, in milliseconds, as --pause or the file says. 0
 * without a `key`: it keeps no statement open meanwhile, and could not go on. */
int64_t session_pause_ms(const struct session *session, const struct step *step);

/* Whether db is the connection on which the ledger is read and written, or the one that holds
 * its lock. */
bool session_is_ledger(const struct session *session, const struct db *db);

/* Whether --max-time is over, though nothing may have been done yet. */
bool session_is_late(const struct session *session);

/* Whether --max-time is over. However short that is, a command does something: or what is
 * stopped by it again and again would never get to the end. */
bool session_is_over(const struct session *session);

/* Connect to the ledger's database, waiting for it as --wait says. A server that is starting,
 * or has too many connections, is waited for like the lock: by who will want that, within
 * --lock-timeout, and not with --on-lock fail or skip. Whoever waits for a server says so
 * (EVENT_WAITING), here and below. */
int session_connect(struct session *session, struct error *err);

/* Give the ledger's connection back for as long as there is nothing to ask: a crowd of those
 * who wait could otherwise keep the one that works from the further connections that it needs.
 */
void session_disconnect(struct session *session);

/* Connect again after session_disconnect(), as session_connect() does. Harmless without that.
 */
int session_reconnect(struct session *session, struct error *err);

/* Read the ledger and put it together with the files: state and agenda are new, what they held
 * is gone. */
int session_read(struct session *session, struct error *err);

/* Whether a glance at the ledger shows that everything is applied and finished off: 1 with the
 * agenda, whose items then have no runs; otherwise, and where anything failed or is strict
 * (with which Redis is asked about the ledger), 0, and session_read() is due; -1 with err where
 * another's lock, or a stop, ended it. */
int session_is_settled(struct session *session, struct error *err);

/* Try to take the lock: in PostgreSQL on a connection of its own, which is only opened where it
 * is free. What else a run connects to is then on its way. Returns 1: taken; 0: somebody else
 * has it; -1 with err, and session_disconnect() gives back what was taken. */
int session_take_lock(struct session *session, struct error *err);

/* Give the lock back. Harmless without one. */
void session_release_lock(struct session *session);

/* Connect to Redis where that is not done, and check that it can be written to. */
int session_open_redis(struct session *session, struct error *err);

/* The same for a command that only reads there: a replica will do, and nothing is asked that a
 * user with few permissions could not. */
int session_look_at_redis(struct session *session, struct error *err);

/* The same for a command that can do without: it waits for nobody, and where Redis has not
 * answered once, it is not asked again. Returns 0, or -1 with err. */
int session_try_redis(struct session *session, struct error *err);

/* Make what is absent of the ledger, and say who is going to write to it. */
int session_ensure(struct session *session, struct error *err);

/* The file as run_id had it: what the ledger keeps of it. *migration is yours to
 * migration_free(), NULL where the ledger keeps nothing. Returns 0, or -1 with err. */
int session_definition(struct session *session, int64_t run_id, struct migration **migration,
                       struct error *err);

/* The connection that a step without `from` reads on, opened where it is not; on a SQLite file
 * in rollback mode that is the ledger's. NULL with err. */
struct db *session_reader(struct session *session, struct error *err);

/* A new connection to the database whose URL the variable holds, for `from`. Yours to
 * db_close(); NULL with err. */
struct db *session_open_from(struct session *session, const char *variable, struct error *err);

#endif
