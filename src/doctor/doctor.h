#ifndef REDFERRY_DOCTOR_H
#define REDFERRY_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct advice;
struct arena;
struct command;
struct error;
struct migration;
struct session;

/* What is to be thought of something that was looked at. */
enum doctor_verdict { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_PROBLEM, DOCTOR_VERDICTS };

/* "ok", "warning", "problem". */
const char *doctor_verdict_text(enum doctor_verdict verdict);

/* One line of what the doctor says. Texts live in the doctor's arena. */
struct doctor_finding {
    enum doctor_verdict verdict;
    const char *examination; /* "persistence" */
    const char *text;
    const char *advice; /* what mends it, or NULL */
};

/* What a PostgreSQL server says of itself. */
struct doctor_postgres {
    int64_t version; /* 150006 */
    const char *role;
    bool is_standby;   /* in recovery */
    bool is_read_only; /* default_transaction_read_only */
    int64_t room;      /* how many connections it has for ordinary roles */
    int64_t used;      /* of those */
    int64_t role_room; /* for this role; -1: no limit */
    int64_t role_used;
    bool is_remote, is_encrypted;
    bool has_pooler; /* who let us in is not who answers */
};

/* What a file of SQLite's is like. */
struct doctor_sqlite {
    const char *path;
    const char *journal;     /* "wal", "delete", … */
    const char *not_written; /* what of file, directory and lock file we may not write; NULL */
    int64_t free_bytes;      /* -1: not known */
    bool is_on_read_only_disk;
    bool has_ledger; /* or it is not known */
};

/* What a Redis says of itself. */
struct doctor_redis {
    int major, minor;      /* of its version */
    const char *no_config; /* why CONFIG was refused, or NULL */
    const char *save;      /* when it makes snapshots, "": never; NULL: not known */
    int64_t replicas;      /* that are connected */
    bool has_aof;
    bool snapshot_failed; /* the last one */
    bool aof_failed;      /* the last writing */
    const char *policy;   /* maxmemory-policy, or NULL */
    int64_t used, limit;  /* bytes; limit 0: none */
    int64_t machine;      /* bytes of the machine's memory; 0: not known */
};

/* A command of a pending migration, as it would be sent for one of its first rows. */
struct doctor_sample {
    const struct migration *migration;
    const struct command *command;
    const char *bytes; /* in RESP */
    size_t length;
};

/* How much the pending migrations are about to add. */
struct doctor_load {
    double rows, bytes;
    bool is_partial; /* of some steps it cannot be known yet */
};

/*
 * Looks at both servers, the ledger and the files as an operator would before a deploy, and
 * writes nothing anywhere. The first four fields are the caller's to fill in.
 */
struct doctor {
    struct session *session; /* begun, with nothing open; borrowed */
    const char *warnings;    /* config_resolve()'s, or NULL */
    struct arena *arena;     /* where the findings live */
    struct doctor_finding *findings;
    size_t count, capacity;
    size_t counts[DOCTOR_VERDICTS];
    const char *examination;                  /* the one at work */
    bool has_files, has_database, has_ledger; /* what can be looked at */
    bool has_source; /* the database that rows come from, by default the ledger's */
    bool lock_held;
    const struct advice *advices; /* on the agenda's items; NULL: not known yet */
    int64_t database_ahead_ms;    /* of this host's clock */
    struct doctor_postgres postgres;
    struct doctor_sqlite sqlite;
    struct doctor_redis redis;
    struct doctor_sample *samples;
    size_t sample_count, sample_capacity;
    struct doctor_load load;
};

/* Do every examination; what cannot be reached is a finding. Returns 0, or -1 with err: a stop,
 * or no memory. */
int doctor_examine(struct doctor *doctor, struct error *err);

/* Add a finding of the examination at work, a printf-style text. Running out of memory shows in
 * the arena. */
void doctor_find(struct doctor *doctor, enum doctor_verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Say what mends the finding added last. */
void doctor_advise(struct doctor *doctor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Judge a clock that is ahead of this host's by so much (negative: behind). */
void doctor_judge_clock(struct doctor *doctor, const char *whose, int64_t ahead_ms);

/* Room for one more in an array of count elements of size bytes with room for *capacity, which
 * moves to the doctor's arena when it grows. Returns the array, or NULL when memory runs out.
 */
void *doctor_grow(struct doctor *doctor, void *array, size_t count, size_t *capacity,
                  size_t size);

/* "1.5 GiB", in text. Returns text. */
enum { DOCTOR_SIZE_TEXT = 32 };
const char *doctor_size_text(double bytes, char text[DOCTOR_SIZE_TEXT]);

#endif
