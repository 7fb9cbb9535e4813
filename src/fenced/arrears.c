/*
 * Commands that failed within a transaction.
 *
 * Redis runs a transaction to its end whatever fails within it, so a row that failed stands
 * among rows that did not. They cannot be told apart later by the checkpoint's cursor, which is
 * behind all of them; so either all of them can run again, or the ones that failed are written
 * down. Sending them again is owed.c's.
 */
#include "arrears.h"

#include "batch.h"
#include "buffer.h"
#include "checkpoint.h"
#include "crash.h"
#include "delivery.h"
#include "error.h"
#include "fence.h"
#include "flight.h"
#include "migration.h"
#include "probe.h"
#include "resp.h"
#include "sink.h"

/* ---- a batch ---------------------------------------------------------------------------- */

/* The rows' commands of batch. */
static struct resp rows_of(const struct delivery *delivery, const struct flight_batch *batch)
{
    const size_t at = delivery->flight.frame.length;
    return (struct resp){batch->batch.bytes.bytes + at, batch->rows_end - at};
}

/* The commands of batch that failed, in RESP, into failed; and what is left of tally. */
static void pick_failed(const struct delivery *delivery, const struct flight_batch *batch,
                        struct buffer *failed, struct tally *tally)
{
    const struct step *step = batch->batch.step->step;
    const struct buffer *failures = &batch->batch.failures;
    const size_t *next = (const size_t *)(const void *)failures->bytes;
    const size_t *end = next + failures->length / sizeof *next;
    struct resp resp = rows_of(delivery, batch);
    struct resp_command command;
    for (size_t i = 0; next < end && resp_next(&resp, &command); i++) {
        if (i != *next) continue;
        next++;
        buffer_append(failed, command.bytes, command.length);
        if (step->commands[i % step->command_count].is_publish)
            tally->messages_published--;
        else
            tally->commands_sent--;
    }
}

/* Keep them, to be sent before anything else. Returns 0 or -1 with err. */
static int keep_failed(struct delivery *delivery, struct flight_batch *batch, struct error *err)
{
    const char *key = fence_key(delivery->fence);
    const struct checkpoint_mark from = delivery_mark_behind(batch);
    struct checkpoint_mark to = from;
    struct buffer failed = {0};
    struct buffer commands = {0};
    struct fence_work work = {.commands = 2};
    int result = 0;
    to.seen = to.cursor;
    pick_failed(delivery, batch, &failed, &to.tally);
    checkpoint_append_failed(&commands, key, failed.bytes, failed.length, false);
    checkpoint_append_move(&commands, key, &to);
    work.bytes = commands.bytes;
    work.length = commands.length;
    if (buffer_failed(&failed) || buffer_failed(&commands) ||
        buffer_failed(&batch->batch.failures))
        result = error_memory(err);
    else
        result = delivery_work(delivery, &work, &from, &to, err);
    buffer_release(&failed);
    buffer_release(&commands);
    return result;
}

/* Set the checkpoint back to where all was clean, so that the batch runs again. */
static int set_back(struct delivery *delivery, struct flight_batch *batch, struct error *err)
{
    const struct checkpoint_mark from = delivery_mark_behind(batch);
    struct checkpoint_mark to = delivery_mark(&delivery->known);
    to.step = from.step;
    to.seen = to.cursor;
    return delivery_move(delivery, &from, &to, err);
}

/* Leave no transaction open. Where the connection is lost over that, what it left behind may be
 * gone as well: nothing is written down of a batch that Redis has forgotten. */
static int leave_flight(struct delivery *delivery, struct flight_batch *batch,
                        struct error *err)
{
    if (flight_abandon(&delivery->flight, err) == 0) return 0;
    if (delivery_lose(delivery, err) != 0 || delivery_retake(delivery, err) != 0) return -1;
    const struct checkpoint_mark behind = delivery_mark_behind(batch);
    if (checkpoint_is_at(fence_checkpoint(delivery->fence), &behind)) return 0;
    return delivery_fail_behind(delivery, err);
}

int arrears_settle(struct delivery *delivery, struct flight_batch *batch, struct error *err)
{
    const struct error why = batch->batch.error;
    crash_point("commands failed");
    int kept = leave_flight(delivery, batch, err);
    if (kept == 0 && delivery->is_repeatable)
        kept = set_back(delivery, batch, err);
    else if (kept == 0 && batch->batch.has_cursor) /* else the step starts over anyway */
        kept = keep_failed(delivery, batch, err);
    /* Only these say more than what failed first, which is what is to be mended. */
    if (kept != 0 && (delivery->went_back || err->code == ERROR_OPERATOR)) return -1;
    *err = why;
    return delivery_fail(delivery, err);
}

/* ---- looking ---------------------------------------------------------------------------- */

int arrears_check(struct delivery *delivery, struct flight_batch *batch, struct error *err)
{
    struct batch *rows = &batch->batch;
    const struct resp commands = rows_of(delivery, batch);
    struct probe_finding finding = {0};
    batch_expect(rows);
    if (delivery_probe(delivery, commands.bytes, commands.length, &finding, err) != 0)
        return -1;
    if (finding.unknown < rows->commands) {
        probe_release(&finding);
        (void)batch_error(rows, finding.unknown, ERROR_OPERATOR, "may have failed",
                          PROBE_UNKNOWN_TEXT, err);
        return delivery_fail(delivery, err);
    }
    buffer_append(&rows->failures, finding.failed.bytes, finding.failed.length);
    probe_release(&finding);
    batch_take_found(rows, PROBE_FAILED_TEXT);
    return rows->verdict == BATCH_CLEAN ? 0 : arrears_settle(delivery, batch, err);
}
