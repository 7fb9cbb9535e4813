/*
 * The rows of one Redis transaction, and what became of them.
 *
 * Shared by all sinks that write: putting rows, reading every answer, and saying in one line
 * which row's which command the server did not like, and why. A row is named by its key and a
 * command as its file says it, so that no other value of a row gets into a log. Nothing is sent
 * here, and whether to send again is decided by who sends.
 */
#include "batch.h"

#include <string.h>

#include "command.h"
#include "migration.h"
#include "row.h"
#include "row_key.h"
#include "sink.h"

enum { SHOWN = 200 };

void batch_release(struct batch *batch)
{
    buffer_release(&batch->bytes);
    buffer_release(&batch->cursor);
    buffer_release(&batch->keys);
    buffer_release(&batch->failures);
}

void batch_begin(struct batch *batch, const struct sink_step *step, int64_t first_row)
{
    buffer_clear(&batch->bytes);
    buffer_clear(&batch->cursor);
    buffer_clear(&batch->keys);
    batch->step = step;
    batch->has_cursor = false;
    batch->rows = 0;
    batch->commands = 0;
    batch->first_row = first_row;
    batch_expect(batch);
}

/* ---- naming rows ---- */

/* A step without a source runs once, for no row. */
static bool has_rows(const struct sink_step *step)
{
    return step->step->read != NULL;
}

static void append_row(struct buffer *text, const struct batch *batch, size_t index)
{
    if (batch->step->key_count > 0)
        row_key_append_logged(text, batch->step, &batch->keys, index);
    else
        buffer_append_integer(text, batch->first_row + (int64_t)index);
}

static int prefix_and_release(struct error *err, struct buffer *name)
{
    if (!buffer_failed(name) && name->length > 0)
        (void)error_prefix(err, "%s: ", buffer_text(name));
    buffer_release(name);
    return -1;
}

/* Put the index-th row in front of err. Returns -1. */
static int name_row(const struct batch *batch, size_t index, struct error *err)
{
    struct buffer name = {0};
    if (!has_rows(batch->step)) return -1;
    buffer_append_text(&name, "row ");
    append_row(&name, batch, index);
    return prefix_and_release(err, &name);
}

/* Put all rows in front of err. Returns -1. */
static int name_rows(const struct batch *batch, struct error *err)
{
    struct buffer name = {0};
    if (batch->rows == 0) return -1;
    if (batch->rows < 2 || !has_rows(batch->step)) return name_row(batch, 0, err);
    buffer_append_text(&name, "rows ");
    append_row(&name, batch, 0);
    buffer_append_text(&name, " to ");
    append_row(&name, batch, batch->rows - 1);
    return prefix_and_release(err, &name);
}

/* Put a row that is not in the batch yet in front of err. Returns -1. */
static int name_next_row(const struct batch *batch, const struct row *row, struct error *err)
{
    struct buffer name = {0};
    if (batch->step->key_count == 0 || row->columns->count == 0)
        return name_row(batch, batch->rows, err);
    buffer_append_text(&name, "row ");
    row_key_append(&name, batch->step, row);
    return prefix_and_release(err, &name);
}

/* Put the command as its file says it in front of err, cut where it is very long. */
static void name_command(const struct command *command, const char *verb, struct error *err)
{
    size_t length = strlen(command->text);
    bool is_cut = length > SHOWN;
    if (is_cut) length = SHOWN;
    while (is_cut && ((unsigned char)command->text[length] & 0xC0) == 0x80) length--;
    (void)error_prefix(err, "'%.*s%s' %s: ", (int)length, command->text, is_cut ? "…" : "",
                       verb);
}

/* ---- putting rows ---- */

int batch_put(struct batch *batch, const struct row *row, struct error *err)
{
    const struct step *step = batch->step->step;
    size_t length = batch->bytes.length;

    for (size_t i = 0; i < step->command_count; i++) {
        if (command_render(&step->commands[i], row, &batch->bytes, err) != 0) {
            batch->bytes.length = length;
            return name_next_row(batch, row, err);
        }
    }
    row_key_log(&batch->keys, batch->step, row);
    batch->commands += step->command_count;
    batch->rows++;
    return 0;
}

int batch_close(struct batch *batch, const char *cursor, struct error *err)
{
    batch->has_cursor = cursor != NULL;
    if (cursor != NULL) buffer_append_text(&batch->cursor, cursor);
    if (buffer_failed(&batch->bytes) || buffer_failed(&batch->keys) ||
        buffer_failed(&batch->cursor))
        return error_memory(err);
    return 0;
}

/* ---- taking answers ---- */

void batch_expect(struct batch *batch)
{
    batch->replies = 0;
    batch->verdict = BATCH_DUE;
    batch->trouble = REPLY_PASSING;
    batch->is_read_only = false;
    batch->ran = (struct tally){0};
    buffer_clear(&batch->failures);
    error_clear(&batch->error);
}

static bool has_error(const struct batch *batch)
{
    return batch->error.code != ERROR_NONE;
}

/* Whether an answer that asks for trouble says more than what was answered before: the first
 * one does, and one that waiting does not mend. */
static bool says_more(const struct batch *batch, enum reply_trouble trouble)
{
    return !has_error(batch) || (batch->trouble != REPLY_FINAL && trouble == REPLY_FINAL);
}

/* Fill the batch's error from an answer that was not the expected one. */
static void set_error(struct batch *batch, const struct reply *reply)
{
    batch->trouble = REPLY_FINAL;
    batch->is_read_only = false;
    if (reply->type != REPLY_ERROR) {
        (void)error_set(&batch->error, ERROR_FAILED, "an answer that does not belong there");
        return;
    }
    batch->trouble = reply_trouble(reply);
    batch->is_read_only = reply_is_error(reply, "READONLY");
    (void)reply_error(reply, &batch->error);
}

static enum reply_trouble trouble_of(const struct reply *reply)
{
    return reply->type == REPLY_ERROR ? reply_trouble(reply) : REPLY_FINAL;
}

/* The index-th of the rows' commands was answered with something that it should not be. */
static void blame(struct batch *batch, size_t index, const struct reply *reply,
                  const char *verb)
{
    const struct step *step = batch->step->step;
    if (!says_more(batch, trouble_of(reply))) return;
    set_error(batch, reply);
    name_command(&step->commands[index % step->command_count], verb, &batch->error);
    (void)name_row(batch, index / step->command_count, &batch->error);
}

void batch_blame(struct batch *batch, const struct reply *reply, const char *what)
{
    if (!says_more(batch, trouble_of(reply))) return;
    set_error(batch, reply);
    (void)error_prefix(&batch->error, "%s was refused: ", what);
    (void)name_rows(batch, &batch->error);
}

void batch_take_multi(struct batch *batch, const struct reply *reply)
{
    if (reply_is_status(reply, "OK")) return;
    batch_blame(batch, reply, "MULTI");
    /* The commands behind it were not held back then: some may have run. */
    batch->trouble = REPLY_FINAL;
}

void batch_take_queued(struct batch *batch, size_t index, const struct reply *reply)
{
    if (!reply_is_status(reply, "QUEUED")) blame(batch, index, reply, "was refused");
}

static void count_command(struct batch *batch, const struct command *command)
{
    if (command->is_publish)
        batch->ran.messages_published++;
    else
        batch->ran.commands_sent++;
}

/* All that ran is counted. */
static void end_taking(struct batch *batch)
{
    if (batch->rows > 0 && has_rows(batch->step)) batch->ran.rows_read = (int64_t)batch->rows;
    batch->verdict = has_error(batch) ? BATCH_FAILED : BATCH_CLEAN;
}

/* Read EXEC's array element by element. */
static void take_elements(struct batch *batch, const struct reply *array)
{
    const struct step *step = batch->step->step;
    const struct reply *element = array + 1;
    size_t of_row = 0; /* which of the row's commands */
    for (size_t i = 0; i < batch->commands; i++) {
        if (element->type == REPLY_ERROR) {
            blame(batch, i, element, "failed");
            buffer_append(&batch->failures, &i, sizeof i);
            batch->trouble = REPLY_FINAL;
        } else {
            count_command(batch, &step->commands[of_row]);
        }
        if (++of_row == step->command_count) of_row = 0;
        element += element->span;
    }
    end_taking(batch);
}

void batch_take_exec(struct batch *batch, const struct reply *reply, size_t extra)
{
    if (reply->type == REPLY_ARRAY && reply->count == batch->commands + extra) {
        take_elements(batch, reply);
        return;
    }
    /* "previous errors" are better told by themselves. */
    if (!has_error(batch) || reply->type != REPLY_ERROR) batch_blame(batch, reply, "EXEC");
    if (reply->type != REPLY_ERROR) batch->trouble = REPLY_FINAL;
    batch_give_up(batch);
}

int batch_error(const struct batch *batch, size_t index, int code, const char *verb,
                const char *text, struct error *err)
{
    const struct step *step = batch->step->step;
    (void)error_set(err, code, "%s", text);
    name_command(&step->commands[index % step->command_count], verb, err);
    return name_row(batch, index / step->command_count, err);
}

void batch_take_found(struct batch *batch, const char *text)
{
    const struct step *step = batch->step->step;
    const size_t *failures = (const size_t *)(const void *)batch->failures.bytes;
    const size_t failed = batch->failures.length / sizeof *failures;
    size_t next = 0;
    for (size_t i = 0; i < batch->commands; i++) {
        if (next < failed && failures[next] == i)
            next++;
        else
            count_command(batch, &step->commands[i % step->command_count]);
    }
    if (failed > 0)
        (void)batch_error(batch, failures[0], ERROR_FAILED, "failed", text, &batch->error);
    end_taking(batch);
}

void batch_give_up(struct batch *batch)
{
    batch->verdict = batch->trouble == REPLY_FINAL ? BATCH_FAILED : BATCH_REFUSED;
}
