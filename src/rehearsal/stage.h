#ifndef REDFERRY_STAGE_H
#define REDFERRY_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "audience.h"
#include "config.h"
#include "url.h"

struct connection;
struct db;
struct error;
struct migration_test;

/* What the stages of one command have in common. Borrowed by each of them. */
struct stage_plan {
    const char *redis_server;       /* the program's path */
    const char *const *environment; /* its variables; ended by NULL */
    const struct url *postgres;     /* a server for scratch databases; NULL: SQLite */
    const char *token;              /* what all their names begin with */
    bool allow_repeats;             /* as the settings say, as is the next */
    int64_t batch;                  /* 0: the step's own */
    int64_t timeout_ms;             /* what stage_begin() gives; 0: for ever */
};

/* What was begun last, in memory that others see: whoever dies of it cannot tell any more. */
struct stage_slate {
    int64_t begun_ns; /* on the monotonic clock */
    char moment[64];
    int untold; /* errno, where its verdict could not be written */
};

/*
 * The servers that one migration is rehearsed on: a Redis of its own, and scratch databases. It
 * belongs to a process that has nothing else to do: what it starts dies with that process.
 */
struct stage {
    const struct stage_plan *plan;
    const char *directory; /* of its own */
    struct stage_slate *slate;
    size_t number;    /* which stage it is: part of its databases' names */
    pid_t redis_pid;  /* 0: none */
    int redis_status; /* what waitpid() said of it, once it ended by itself */
    struct url redis_url;
    struct connection *redis; /* for setting and looking */
    struct audience audience;
    struct config config; /* what a run on this stage is told; of what was set last */
    size_t databases;     /* how many were made so far */
    const char **made;    /* those of what was set last */
    size_t made_count;
    struct arena arena;   /* for the stage's length */
    struct arena setting; /* for that of what was set last */
};

/* Start Redis in directory (borrowed, as plan and slate are), and listen. Returns 0, or -1 with
 * err (ERROR_INVALID: the program does not serve as a Redis); stage_close() is due in both
 * cases. */
int stage_open(struct stage *stage, const struct stage_plan *plan, const char *directory,
               size_t number, struct stage_slate *slate, struct error *err);

/* Something is begun that may take the plan's time and no more: SIGALRM then ends this process,
 * whatever it waits for, and with it what it has started. */
void stage_begin(struct stage *stage, const char *moment);

/* Say what is done now, of what was begun. */
void stage_say(struct stage *stage, const char *moment);

/* Make everything as the test says that it was given: new databases, an empty Redis, filled.
 * What was set before is gone. Returns 0, or -1 with err: FILE:LINE:COLUMN where a statement or
 * a command of the test is refused. */
int stage_set(struct stage *stage, const struct migration_test *test, struct error *err);

/* A connection to the database that was set. Yours to db_close(); NULL with err. */
struct db *stage_database(const struct stage *stage, struct error *err);

/* Where Redis has ended by itself, say so in front of err, which something failed with. */
void stage_look_after(struct stage *stage, struct error *err);

/* Stop Redis and drop what is there. Harmless on {0}. */
void stage_close(struct stage *stage);

#endif
