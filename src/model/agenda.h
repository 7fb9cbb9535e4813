#ifndef REDFERRY_AGENDA_H
#define REDFERRY_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct arena;
struct migration;
struct migrations;

/* Counts of what was done: by a run so far, or by all runs of an applied migration. */
struct tally {
    int64_t rows_read;
    int64_t rows_changed;
    int64_t commands_sent;
    int64_t messages_published;
};

/* A row of data_migrations. Texts are borrowed; NULL where SQL has NULL. Times are ISO 8601 in
 * UTC. */
struct entry {
    int64_t version;
    const char *name;
    const char *checksum;
    int64_t run_id; /* 0: marked by hand */
    struct tally tally;
    const char *redis;
    const char *applied_by;
    const char *applied_at;
    const char *announced_at; /* NULL: not finished off yet */
};

enum run_status {
    RUN_RUNNING,
    RUN_PAUSED,
    RUN_SUCCEEDED,
    RUN_FAILED,
    RUN_INTERRUPTED,
    RUN_CANCELLED
};

/* What an operator may ask of a run. */
enum request { REQUEST_NONE, REQUEST_PAUSE, REQUEST_RESUME, REQUEST_CANCEL };

/* A row of data_migration_runs. As above. */
struct run {
    int64_t id;
    int64_t version;
    const char *name;
    bool down; /* direction */
    enum run_status status;
    enum request request;                    /* what is asked of it and not obeyed yet */
    const char *requested_by, *requested_at; /* who asked last, obeyed or not */
    int64_t step;                            /* from 1; 0: NULL */
    const char *step_name, *cursor;
    int64_t rows_total; /* -1: NULL */
    struct tally tally;
    const char *redis;
    int64_t origin; /* 0: NULL */
    bool is_closed; /* a `mark` has said since that its version is applied */
    const char *error;
    const char *operator_name, *context, *host;
    int64_t pid;
    const char *tool_version;
    const char *checksum, *definition; /* definition: only where it was asked for */
    const char *started_at, *updated_at, *finished_at;
    int64_t ended_ms_ago;   /* finished_at by the database's clock; INT64_MAX: NULL */
    int64_t took_ms;        /* from its beginning to its end, or until now, by the same clock */
    const char *stopped_at; /* of a version's latest run that did not succeed: when one of those
                               that go on with each other last got on; NULL: there is nothing to
                               go on with, or it was not asked */
};

/* Whether somebody has said since run began that its version is applied (`mark`), and be it
 * that he has taken that back; entry is the version's, or NULL. */
bool run_is_past(const struct run *run, const struct entry *entry);

/* How many bytes of run's error say what happened. What stands behind them, where the run knew
 * that, is what to type next, as it was then ("; `redferry up` goes on"). 0: there is none. */
size_t run_error_length(const struct run *run);

/* Whether a run says of itself that it goes on: running, or paused. */
bool run_is_alive(const struct run *run);

/* What the ledger keeps of err, with which a run failed, into text: the message, and behind it
 * its exit code, where that is not 1: "… (exit code 7)". Returns text. And back: fill err with
 * what run, which failed, has kept; 1 where it keeps no code. */
enum { RUN_ERROR_SIZE = ERROR_MESSAGE_SIZE + 32 };
const char *run_error_text(const struct error *err, char text[RUN_ERROR_SIZE]);
void run_error_read(const struct run *run, struct error *err);

/* The word that SQL has for status, and back (-1 for another word). */
const char *run_status_text(enum run_status status);
int run_status_parse(const char *text);

/* The same for request; REQUEST_NONE is NULL. */
const char *request_text(enum request request);
int request_parse(const char *text);

/* What status shows. */
enum state {
    STATE_PENDING,
    STATE_RUNNING,
    STATE_PAUSED,
    STATE_CRASHED,
    STATE_FAILED,
    STATE_INTERRUPTED,
    STATE_CANCELLED,
    STATE_HALF_UNDONE,
    STATE_APPLIED,
    STATE_MODIFIED,
    STATE_MISSING
};

const char *state_text(enum state state);

/* One version: its file, its entry, its latest run, any of which may be NULL (not all), and
 * what follows. */
struct agenda_item {
    int64_t version;
    const char *name;
    const struct migration *migration;
    const struct entry *entry;
    const struct run *run;
    enum state state;
    bool pending;       /* `up` would take it up: has a file, is not manual; pending, failed,
                           interrupted or crashed */
    bool stopped;       /* it goes on: an unfinished up run is there */
    bool unannounced;   /* applied, and announced_at is NULL */
    bool below_applied; /* pending, and a higher version is applied */
};

/* Everything known, in version order. */
struct agenda {
    struct agenda_item *items;
    size_t count;
    size_t pending; /* how many are */
    size_t applied; /* how many have an entry */
    size_t unannounced;
};

/* What the ledger says: all entries, and the latest run of each version that has one, both by
 * version. */
struct record {
    const struct entry *entries;
    size_t entry_count;
    const struct run *runs;
    size_t run_count;
    bool lock_held; /* somebody holds the lock now; a run that says running is then alive */
    const struct run *holder; /* of those that say so, the one whose process that is; NULL: it
                                 is another, or nobody */
};

/* The newest of its runs; 0: there is none. */
int64_t record_newest_run(const struct record *record);

/* Put files and ledger together. The items live in arena and borrow from both. Returns 0, or -1
 * with err (no memory). */
int agenda_build(struct agenda *agenda, const struct migrations *migrations,
                 const struct record *record, struct arena *arena, struct error *err);

/* The item of version, or NULL. */
struct agenda_item *agenda_find(const struct agenda *agenda, int64_t version);

#endif
