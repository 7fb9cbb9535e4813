#ifndef REDFERRY_BATCH_H
#define REDFERRY_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agenda.h"
#include "buffer.h"
#include "error.h"
#include "reply.h"

struct row;
struct sink_step;

enum batch_verdict {
    BATCH_DUE,     /* answers are still to come */
    BATCH_CLEAN,   /* everything ran, without an error */
    BATCH_REFUSED, /* nothing ran, and sending it again may help */
    BATCH_FAILED   /* it did not run, or not all of it, and sending it again does not help */
};

/*
 * The rows of one Redis transaction: their commands in the wire's form, what names each row in
 * an error, and what the server answered. What it is framed with (MULTI, EXEC, …) and when it
 * is sent is the driver's. Caller's storage, reused for batch after batch; {0} is empty.
 */
struct batch {
    const struct sink_step *step;
    struct buffer bytes;  /* what is sent: the driver's frame around the rows' commands */
    struct buffer cursor; /* the last row's key as JSON */
    bool has_cursor;
    size_t rows;
    size_t commands;   /* the rows', without the frame */
    int64_t first_row; /* the number of its first row within the step, from 1 */
    struct buffer keys;

    /* The answers. */
    size_t replies; /* how many came; the driver counts */
    enum batch_verdict verdict;
    enum reply_trouble trouble; /* what a refusal asks for */
    bool is_read_only;          /* refused because this is no primary any more */
    struct tally ran;           /* what was executed */
    struct buffer failures;     /* numbers (size_t) of commands that failed in EXEC's array */
    struct error error;         /* why it is refused or failed; names row, command, reply */
};

/* Free what batch holds; it is empty and usable again. */
void batch_release(struct batch *batch);

/* Make it an empty batch of step (borrowed) whose first row has this number. */
void batch_begin(struct batch *batch, const struct sink_step *step, int64_t first_row);

/* Append the row's commands. Returns 0, or -1 with err naming the row; batch is then as it was
 * before. */
int batch_put(struct batch *batch, const struct row *row, struct error *err);

/* Keep the last row's key as JSON; NULL: none. Returns 0, or -1 with err: memory ran out, now
 * or while rows were put. */
int batch_close(struct batch *batch, const char *cursor, struct error *err);

/* Forget the answers: it is about to be sent, for the first time or again. */
void batch_expect(struct batch *batch);

/* Take an answer that is not the expected one, to what else the driver's frame has. */
void batch_blame(struct batch *batch, const struct reply *reply, const char *what);

/* Take the answer to MULTI; to the index-th of the rows' commands (from 0); to EXEC, whose
 * array has extra elements of the driver's behind the rows'. The last one gives the verdict. */
void batch_take_multi(struct batch *batch, const struct reply *reply);
void batch_take_queued(struct batch *batch, size_t index, const struct reply *reply);
void batch_take_exec(struct batch *batch, const struct reply *reply, size_t extra);

/* It ran, and its array was lost; which commands failed was found out otherwise, and is in
 * failures. Gives the verdict, with text as the reason of the first one. */
void batch_take_found(struct batch *batch, const char *text);

/* Fill err with code and text about the index-th of the rows' commands, which verb. Returns -1.
 */
int batch_error(const struct batch *batch, size_t index, int code, const char *verb,
                const char *text, struct error *err);

/* Give the verdict for a batch whose EXEC is never sent, because of what was answered. */
void batch_give_up(struct batch *batch);

#endif
