#ifndef REDFERRY_SINK_FENCED_H
#define REDFERRY_SINK_FENCED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fence.h"

struct checkpoint;
struct connection;
struct error;
struct sink;
struct step;
struct tally;

/*
 * Exactly once: every batch is one transaction that also moves the checkpoint, and that runs
 * only while this sink's fence stands in it. What is put here is written once, whatever is cut,
 * suspended or sent again; or the sink fails, and the checkpoint says where to go on.
 */

struct sink_fenced_options {
    struct fence_options fence; /* its connection is nobody else's until sink_close() */
    int64_t max_latency_us; /* what the answer to a batch's EXEC may take before the run is to
                               slow down (sink_throttle()); 0: that is not looked at */
};

/* Take the fence, and have it confirmed. Returns 0 with *out yours to sink_close(), or -1 with
 * err. options are copied. Once the sink has failed, it says the same error until it is closed,
 * and writes nothing more. A step without a source gets the cursor "[]". */
int sink_fenced_open(struct sink **out, const struct sink_fenced_options *options,
                     struct error *err);

/* The checkpoint as it was when the fence was taken at opening, or in sink_fenced_go_back().
 * Borrowed until then, or until sink_close(). */
const struct checkpoint *sink_fenced_checkpoint(const struct sink *sink);

/* What all that is settled comes to, whichever run did it. */
struct tally sink_fenced_total(const struct sink *sink);

/* The checkpoint's `seen` is behind its `cursor` (checkpoint_is_settled()): the answers to the
 * last batch that ran were never read. Where its step is idempotent, go back to `seen` by
 * sink_fenced_repeat(). Otherwise give the commands of the rows from `seen` (exclusive)
 * to `cursor` here, rendered again (RESP): what reading shows to have failed is kept and sent
 * again, as by sink_fenced_send_failed(). Returns 0: the checkpoint is settled; or -1 with err:
 * ERROR_OPERATOR where reading does not tell, *unknown then being the number of the first such
 * command, for naming its row (else SIZE_MAX). */
int sink_fenced_check_unread(struct sink *sink, const char *bytes, size_t length,
                             size_t *unknown, struct error *err);

/* Send the checkpoint's `failed` commands, before any step; those that fail again are kept, and
 * it is an error. Returns 0 also where there are none; or -1 with err. */
int sink_fenced_send_failed(struct sink *sink, struct error *err);

/* Close the current step, as soon as all of its batches are known to be clean: the checkpoint
 * stands at the beginning of next_step then. After sink_close_batch(). Returns 0 or -1 with
 * err. */
int sink_fenced_end_step(struct sink *sink, int64_t next_step, struct error *err);

/* Have rows carried again: the checkpoint goes back within step, and its counters go with it,
 * to its `seen`; or, where it has no key, to its beginning (NULL). Nothing may be in flight.
 * Returns 0 or -1 with err. */
int sink_fenced_repeat(struct sink *sink, const struct step *step, const char *seen,
                       struct error *err);

/* Move the checkpoint within its step, counters as they are, to believe `cursor`. NULL: none.
 * Nothing may be in flight. Returns 0 or -1 with err. */
int sink_fenced_set_position(struct sink *sink, const char *cursor, const char *seen,
                             struct error *err);

/* Finish: in one transaction, send the messages (commands in RESP, possibly none) and delete
 * the checkpoint. Found deleted after that was sent: it is done. Returns 0 or -1 with err. */
int sink_fenced_finish(struct sink *sink, const char *bytes, size_t length, size_t commands,
                       struct error *err);

/* Forget the rows that are not on their way yet: whoever has to stop ends what it has begun,
 * and begins nothing more. To be followed by sink_flush(); the step is not complete then. */
void sink_fenced_drop_unsent(struct sink *sink);

/* Whether the sink's failure is that Redis came back with an older checkpoint, or that `decide`
 * had it begin afresh after a reconnection: rows that it was given are not written, and have to
 * be read again from where the checkpoint stands now. */
bool sink_fenced_went_back(const struct sink *sink);

/* After such a failure: forget it, and all rows that were put. sink_fenced_checkpoint() says
 * where to go on. The fence is held. Returns 0 or -1 with err. */
int sink_fenced_go_back(struct sink *sink, struct error *err);

#endif
