#ifndef REDFERRY_CHECKPOINT_H
#define REDFERRY_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agenda.h"

struct buffer;
struct error;
struct reply;

/*
 * How far a migration has come, as Redis has it: a hash that is written in the same transaction
 * as the data. This is the hash as data; who may write it is fence.h's.
 */
struct checkpoint {
    bool present;
    bool is_own;          /* the sink that asks has written `fence` itself */
    int64_t fence_run;    /* the run in `fence`; 0: cannot be read */
    const char *fence;    /* "<run id>.<random>.<connection number>"; "" where there is none */
    int64_t origin;       /* the run that created it; 0: cannot be read */
    bool down;            /* direction */
    const char *checksum; /* "" where there is none */
    int64_t step;         /* from 1: the step it stands in; steps before are closed */
    const char *cursor;   /* JSON of the last executed batch's last key in `step` ("[]": the one
                             batch of a step without a source); NULL: none */
    const char *seen;     /* JSON: up to which batch EXEC's array was read and was clean; NULL:
                             none */
    struct tally tally;   /* rows, commands, published: by the whole origin up to `cursor` */
    int64_t again;        /* rows of these that are to be carried again where that may be: those
                             of the batch behind `seen`; of a step without a key all of it */
    const char *failed;   /* commands to send again, in RESP; NULL: none */
    size_t failed_length;
    bool failed_unread; /* they were sent again, and the answers were not read */
    char *storage;      /* what the texts live in; checkpoint.c's own */
};

/* The key of the checkpoint of version; yours to free(), NULL where memory runs out. */
char *checkpoint_key(const char *ledger_id, int64_t version);

/* Free what it holds; it is {0} again. */
void checkpoint_release(struct checkpoint *checkpoint);

/* Read an answer to HGETALL. Returns 0 with *out yours to checkpoint_release() (out->present
 * false: there is none), or -1 with err. */
int checkpoint_parse(struct checkpoint *out, const struct reply *reply, struct error *err);

/* Make out, which holds nothing, the same as from. Returns 0 or -1 with err (no memory). */
int checkpoint_copy(struct checkpoint *out, const struct checkpoint *from, struct error *err);

/* Whether EXEC's array of its last batch was read and clean, so that a batch may follow. */
bool checkpoint_is_settled(const struct checkpoint *checkpoint);

/* Where a migration stands. */
struct checkpoint_mark {
    int64_t step;
    const char *cursor; /* NULL: none */
    const char *seen;   /* NULL: none */
    struct tally tally;
    int64_t again; /* as the checkpoint's */
};

/* Whether checkpoint stands there; `seen` and `again` do not matter. */
bool checkpoint_is_at(const struct checkpoint *checkpoint, const struct checkpoint_mark *mark);

/* Append, in RESP, the one command that moves the checkpoint in key to mark behind a batch; a
 * cursor or seen that is NULL is left alone. */
void checkpoint_append_move(struct buffer *out, const char *key,
                            const struct checkpoint_mark *mark);

/* The same, but a cursor or seen that is NULL is removed. Returns how many commands these are.
 */
size_t checkpoint_append_mark(struct buffer *out, const char *key,
                              const struct checkpoint_mark *mark);

/* Append what writes checkpoint, which has nothing done and nothing failed, over whatever is in
 * key. Returns how many commands these are. */
size_t checkpoint_append_fresh(struct buffer *out, const char *key,
                               const struct checkpoint *checkpoint);

/* Append the command that keeps commands (RESP, length bytes) to be sent again; is_unread: they
 * are being sent again, in this very transaction. length 0: forget them. */
void checkpoint_append_failed(struct buffer *out, const char *key, const char *commands,
                              size_t length, bool is_unread);

/*
 * What stays in Redis for good, in a hash of the ledger's own: that this ledger has written
 * here. A Redis without it was emptied, or is another one.
 */
#define CHECKPOINT_TRACE_KEY "redferry:{%s}" /* of the ledger's id */

struct checkpoint_trace {
    const char
        *database;     /* the label of the ledger's database that wrote last; NULL: no trace */
    int64_t first_run; /* the first run that wrote here; 0: not known */
    int64_t last_run;  /* the last one; 0: not known */
    const char *last_write; /* when, ISO 8601 in UTC; or NULL */
};

/* The key of the trace; yours to free(), NULL where memory runs out. */
char *checkpoint_trace_key(const char *ledger_id);

/* Append what brings the trace in key up to date: the first run stays the first one. Returns
 * how many commands these are. */
size_t checkpoint_append_trace(struct buffer *out, const char *key,
                               const struct checkpoint_trace *trace);

/* Read an answer to HGETALL. The texts are borrowed from reply. Returns 0, or -1 with err where
 * that is none: an error reply, or something that is no hash. */
int checkpoint_parse_trace(struct checkpoint_trace *out, const struct reply *reply,
                           struct error *err);

#endif
