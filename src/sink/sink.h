#ifndef REDFERRY_SINK_H
#define REDFERRY_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agenda.h"
#include "row.h"

struct connection;
struct error;
struct step;
struct throttle;

/*
 * Commands in: each row's commands, collected into batches; a batch is one Redis transaction.
 * Drivers differ in what they promise; each says everything in one struct sink_ops at the foot
 * of its file.
 */
struct sink;

/* The step whose rows come next. All borrowed until sink_flush(). */
struct sink_step {
    const struct step *step; /* its commands are bound to the rows' columns */
    const size_t
        *key_columns; /* where the key's columns stand in a row, for naming a row in an error */
    size_t key_count; /* 0: rows are named by their number */
    int64_t batch;    /* rows that a batch begins with, at least 1 */
    bool is_fixed;    /* and is to stay with */
};

/* Begin a step. Nothing may be in flight. */
int sink_begin(struct sink *sink, const struct sink_step *step, struct error *err);

/* Add the row's commands to the open batch. Nothing of it is sent before sink_close_batch().
 * Returns 0, or -1 with err naming the row's key and column. */
int sink_put(struct sink *sink, const struct row *row, struct error *err);

/* Whether the open batch has reached its size in bytes (MIGRATION_BATCH_BYTES). */
bool sink_full(const struct sink *sink);

/* How many rows a batch of this step is to have by now (growth.h). */
int64_t sink_batch_rows(const struct sink *sink);

/* How the run is to slow down by now; NULL: this driver does not look at that. Borrowed; what
 * it says changes with every answer. */
const struct throttle *sink_throttle(const struct sink *sink);

/* Close the open batch and hand it to the wire, without waiting for its answers; waits only
 * where too many batches are in flight. cursor: the last row's key as JSON, or NULL. An empty
 * batch is not sent. Returns 0, or -1 with err, which may be about an earlier batch: every
 * reply is read. */
int sink_close_batch(struct sink *sink, const char *cursor, struct error *err);

/* Whether sink_close_batch() would not have to wait, and sink_flush() would not. Whoever has
 * something else to do calls sink_wait() until then. */
bool sink_has_room(const struct sink *sink);
bool sink_is_flushed(const struct sink *sink);

/* Drop the open batch unsent. */
void sink_drop_batch(struct sink *sink);

/* Let the wire move, until descriptor (-1: none) is readable or timeout_ms has passed. Returns
 * 1: readable; 0; or -1 with err. */
int sink_wait(struct sink *sink, int descriptor, int64_t timeout_ms, struct error *err);

/* Wait until every closed batch is answered and was clean. Returns 0 or -1 with err. */
int sink_flush(struct sink *sink, struct error *err);

/* What has been executed and answered so far, by the whole sink; rows_changed stays 0.
 * Borrowed. */
const struct tally *sink_tally(const struct sink *sink);

/* Add to that; or, of what is to be done again, take away. */
void sink_recount(struct sink *sink, const struct tally *more);

/* The cursor of the last batch that was answered clean in this step, or NULL. Borrowed until
 * the next call on sink. */
const char *sink_cursor(const struct sink *sink);

/* Forget what is in flight and free. NULL is harmless. */
void sink_close(struct sink *sink);

/* What a driver offers: the functions above, one by one. A driver's own struct begins with
 * struct sink. */
struct sink_ops {
    int (*begin)(struct sink *sink, const struct sink_step *step, struct error *err);
    int (*put)(struct sink *sink, const struct row *row, struct error *err);
    bool (*full)(const struct sink *sink);
    int (*close_batch)(struct sink *sink, const char *cursor, struct error *err);
    bool (*has_room)(const struct sink *sink);
    bool (*is_flushed)(const struct sink *sink);
    void (*drop_batch)(struct sink *sink);
    int (*wait)(struct sink *sink, int descriptor, int64_t timeout_ms, struct error *err);
    int (*flush)(struct sink *sink, struct error *err);
    void (*close)(struct sink *sink);
};

struct sink {
    const struct sink_ops *ops;
    struct tally tally;
    const char *cursor;
    int64_t batch_rows;
    const struct throttle *throttle; /* or NULL */
};

#endif
