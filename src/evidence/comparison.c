/*
 * Rows' commands held against what is in Redis.
 *
 * A command is rendered as it would be sent, made out (expectation.h), and what reads it back
 * (reading.h) goes into the open chunk. Chunks leave without waiting for the answers to those
 * before them; their commands stay until the answers are in, which need them to be judged.
 *
 * Commands that cannot be read back take their place in this: nothing is sent for them, but
 * they may have overwritten what those before them left, and finding.h is told of them in turn.
 *
 * Nothing is retried, and nothing is written.
 */
#include "comparison.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "clock.h"
#include "command.h"
#include "connection.h"
#include "error.h"
#include "expectation.h"
#include "finding.h"
#include "pipeline.h"
#include "reading.h"
#include "reply.h"
#include "resp.h"
#include "template.h"

enum {
    CHUNK_BYTES = 96 * 1024,
    KEPT_BYTES = 1024 * 1024, /* of a chunk's memory, for the next one */
    MOST_IN_FLIGHT = 8,
    MOST_BYTES_IN_FLIGHT = 4 * 1024 * 1024,
    CHUNKS = MOST_IN_FLIGHT + 1, /* and the open one */
};

/* One expectation of one row's command, or (with no replies) a command that only overwrites. */
struct unit {
    struct expectation expectation;
    struct comparison_line *line;
    size_t at; /* where its command begins in the chunk's bytes */
};

struct chunk {
    struct buffer bytes; /* the commands, which are not sent */
    struct buffer reads; /* what is sent instead */
    struct unit *units;
    size_t count;
    size_t capacity;
    size_t replies; /* to all of them */
    size_t judged;  /* units that are done with */
    size_t seen;    /* replies to the one behind those */
};

struct comparison {
    struct connection *connection;
    struct pipeline *pipeline;
    struct chunk chunks[CHUNKS];
    struct chunk *spare[CHUNKS];
    size_t spare_count;
    struct chunk *open; /* NULL: none */
    struct chunk *queue[MOST_IN_FLIGHT];
    size_t queued;
    size_t queued_bytes;
    int64_t now_ms; /* wall clock, as of the open chunk's beginning */

    struct resp_argument *words; /* scratch for one command's arguments */
    size_t word_capacity;
    struct findings *findings;

    bool has_failed;
    struct error failure;
};

struct comparison_line comparison_line(const struct command *command)
{
    const char *name = NULL;
    size_t length = 0;
    struct comparison_line line = {.command = command};
    if (!command->is_publish && template_is_literal(command->arguments[0], &name, &length))
        line.rule = expectation_rule(name, length);
    if (line.rule == NULL) line.reason = expectation_reason(command);
    return line;
}

/* ---- failing ---------------------------------------------------------------------------- */

static int check(const struct comparison *self, struct error *err)
{
    if (!self->has_failed) return 0;
    *err = self->failure;
    return -1;
}

static int fail(struct comparison *self, const struct error *err)
{
    self->failure = *err;
    self->has_failed = true;
    return -1;
}

/* ---- arguments -------------------------------------------------------------------------- */

/* Take a rendered command apart. Returns 0, or -1 with err: no memory. */
static int split(struct comparison *self, const struct chunk *chunk, size_t at,
                 struct arguments *arguments, struct error *err)
{
    struct resp rest = {chunk->bytes.bytes + at, chunk->bytes.length - at};
    struct resp_command command;
    size_t count = 0;
    if (!resp_next(&rest, &command)) return error_memory(err);
    if (command.count > self->word_capacity) {
        struct resp_argument *words = realloc(self->words, command.count * sizeof *words);
        if (words == NULL) return error_memory(err);
        self->words = words;
        self->word_capacity = command.count;
    }
    while (resp_argument(&command, &self->words[count])) count++;
    *arguments = (struct arguments){self->words, count};
    return 0;
}

/* ---- taking replies --------------------------------------------------------------------- */

/* Memory that a huge value took is given back. */
static void empty_chunk(struct chunk *chunk)
{
    struct buffer *const buffers[] = {&chunk->bytes, &chunk->reads};
    for (size_t i = 0; i < 2; i++) {
        if (buffers[i]->capacity > KEPT_BYTES) buffer_release(buffers[i]);
        buffer_clear(buffers[i]);
    }
    chunk->count = chunk->replies = chunk->judged = chunk->seen = 0;
}

static size_t size_of(const struct chunk *chunk)
{
    return chunk->bytes.length + chunk->reads.length;
}

static void retire(struct comparison *self)
{
    struct chunk *chunk = self->queue[0];
    self->queued--;
    self->queued_bytes -= size_of(chunk);
    memmove(self->queue, self->queue + 1, self->queued * sizeof(struct chunk *));
    empty_chunk(chunk);
    self->spare[self->spare_count++] = chunk;
}

/* Pass over the units that no reply comes for, up to the next one that waits for its own. */
static int advance(struct comparison *self, struct error *err)
{
    while (self->queued > 0) {
        struct chunk *chunk = self->queue[0];
        struct arguments arguments;
        for (; chunk->judged < chunk->count; chunk->judged++) {
            const struct unit *unit = &chunk->units[chunk->judged];
            if (unit->expectation.replies > 0) return 0;
            if (!findings_are_open(self->findings)) continue;
            if (split(self, chunk, unit->at, &arguments, err) != 0) return -1;
            findings_pass(self->findings, unit->line, &arguments);
        }
        retire(self);
    }
    return 0;
}

/* An error reply that says nothing of the key. */
static int refuse(const struct unit *unit, size_t at, const struct reply *reply,
                  struct error *err)
{
    const bool is_passing = reply_trouble(reply) == REPLY_PASSING;
    (void)reply_error(reply, err);
    if (is_passing) err->code = ERROR_REDIS_UNREACHABLE;
    err->passing = is_passing;
    return error_prefix(err, "'%s' was refused: ", reading_command(&unit->expectation, at));
}

/* A Redis without the module says of JSON.GET that it does not know it. */
static bool lacks_module(const struct unit *unit, const struct reply *reply)
{
    return unit->expectation.form == EXPECTATION_JSON && reply->type == REPLY_ERROR &&
           strstr(reply->text, "unknown command") != NULL;
}

static int take_reply(struct comparison *self, struct chunk *chunk, const struct reply *reply,
                      struct error *err)
{
    const struct unit *unit = &chunk->units[chunk->judged];
    struct arguments arguments;
    const struct answer answer = {.expectation = &unit->expectation,
                                  .arguments = &arguments,
                                  .line = unit->line,
                                  .reply = reply,
                                  .at = chunk->seen};
    if (lacks_module(unit, reply)) {
        unit->line->rule = NULL;
        unit->line->reason = "this Redis has no JSON.GET: it lacks the module for JSON";
    } else if (!reading_can_judge(&unit->expectation, reply)) {
        return refuse(unit, answer.at, reply, err);
    } else if (split(self, chunk, unit->at, &arguments, err) != 0 ||
               findings_take(self->findings, &answer, err) != 0) {
        return -1;
    }
    if (++chunk->seen < unit->expectation.replies) return 0;
    chunk->judged++;
    chunk->seen = 0;
    return 0;
}

static int take(void *context, const struct reply *reply, struct error *err)
{
    struct comparison *self = context;
    if (take_reply(self, self->queue[0], reply, err) != 0) return -1;
    return advance(self, err);
}

/* ---- sending ---------------------------------------------------------------------------- */

static int pump(struct comparison *self, int descriptor, int64_t timeout_ms, struct error *err)
{
    const int ready = pipeline_pump(self->pipeline, descriptor, timeout_ms, err);
    return ready < 0 ? fail(self, err) : ready;
}

/* Send the open chunk once there is room for it in flight. */
static int send_chunk(struct comparison *self, struct error *err)
{
    struct chunk *chunk = self->open;
    if (chunk == NULL || chunk->count == 0) return 0;
    if (buffer_failed(&chunk->bytes) || buffer_failed(&chunk->reads)) {
        (void)error_memory(err);
        return fail(self, err);
    }
    while (self->queued == MOST_IN_FLIGHT ||
           (self->queued > 0 && self->queued_bytes + size_of(chunk) > MOST_BYTES_IN_FLIGHT))
        if (pump(self, -1, -1, err) < 0) return -1;
    self->open = NULL;
    self->queue[self->queued++] = chunk;
    self->queued_bytes += size_of(chunk);
    if (pipeline_send(self->pipeline, chunk->reads.bytes, chunk->reads.length, chunk->replies,
                      err) != 0 ||
        advance(self, err) != 0)
        return fail(self, err);
    return pump(self, -1, 0, err) < 0 ? -1 : 0;
}

/* ---- putting rows ----------------------------------------------------------------------- */

static struct unit *add_unit(struct chunk *chunk)
{
    if (chunk->count == chunk->capacity) {
        const size_t capacity = chunk->capacity == 0 ? 256 : 2 * chunk->capacity;
        struct unit *units = realloc(chunk->units, capacity * sizeof *units);
        if (units == NULL) return NULL;
        chunk->units = units;
        chunk->capacity = capacity;
    }
    return &chunk->units[chunk->count++];
}

/* Add what the command that begins at is expected to leave. */
static int add_units(struct comparison *self, struct comparison_line *line, size_t at,
                     struct error *err)
{
    struct chunk *chunk = self->open;
    struct arguments arguments;
    int made = line->rule != NULL ? 1 : -1;
    if (buffer_failed(&chunk->bytes)) return error_memory(err);
    if (made > 0 && split(self, chunk, at, &arguments, err) != 0) return -1;
    for (size_t index = 0; made != 0; index++) {
        struct unit unit = {.line = line, .at = at};
        const char *reason = NULL;
        if (line->rule != NULL)
            made = expectation_make(&unit.expectation, line->rule, &arguments, index,
                                    self->now_ms, &reason);
        if (made == 0) break;
        struct unit *added = add_unit(chunk);
        if (added == NULL) return error_memory(err);
        if (made < 0) unit.expectation.replies = 0;
        *added = unit;
        if (made < 0 && line->rule != NULL) {
            line->untold++;
            if (line->reason == NULL) line->reason = reason;
        }
        if (made < 0) break;
        reading_append(&unit.expectation, &arguments, &chunk->reads);
        chunk->replies += unit.expectation.replies;
    }
    return 0;
}

static int put_commands(struct comparison *self, struct comparison_line *lines, size_t count,
                        const struct row *row, struct error *err)
{
    struct chunk *chunk = self->open;
    for (size_t i = 0; i < count; i++) {
        const size_t at = chunk->bytes.length;
        if (lines[i].rule == NULL && !expectation_may_overwrite(lines[i].command)) continue;
        if (command_render(lines[i].command, row, &chunk->bytes, err) != 0) return -1;
        if (add_units(self, &lines[i], at, err) != 0) return fail(self, err);
    }
    return 0;
}

int comparison_put(struct comparison *self, struct comparison_line *lines, size_t count,
                   const struct row *row, struct error *err)
{
    if (check(self, err) != 0) return -1;
    if (self->open == NULL) {
        self->open = self->spare[--self->spare_count];
        self->now_ms = clock_wall_ms();
    }
    if (put_commands(self, lines, count, row, err) != 0) return -1;
    return size_of(self->open) >= CHUNK_BYTES ? send_chunk(self, err) : 0;
}

int comparison_wait(struct comparison *self, int descriptor, int64_t timeout_ms,
                    struct error *err)
{
    if (check(self, err) != 0) return -1;
    /* While the database keeps us waiting, Redis need not. */
    if (self->queued == 0 && send_chunk(self, err) != 0) return -1;
    return pump(self, descriptor, timeout_ms, err);
}

int comparison_flush(struct comparison *self, struct error *err)
{
    if (check(self, err) != 0 || send_chunk(self, err) != 0) return -1;
    while (self->queued > 0)
        if (pump(self, -1, -1, err) < 0) return -1;
    return 0;
}

/* ---- a comparison ----------------------------------------------------------------------- */

int comparison_open(struct comparison **out, struct connection *connection, size_t limit,
                    struct error *err)
{
    struct comparison *self = calloc(1, sizeof *self);
    *out = NULL;
    if (self == NULL) return error_memory(err);
    self->connection = connection;
    for (size_t i = CHUNKS; i > 0; i--) self->spare[self->spare_count++] = &self->chunks[i - 1];
    if (findings_new(&self->findings, limit, err) != 0 ||
        pipeline_new(&self->pipeline, connection, take, self, err) != 0) {
        comparison_close(self);
        return -1;
    }
    *out = self;
    return 0;
}

bool comparison_has_failed(const struct comparison *self)
{
    return self->has_failed;
}

bool comparison_is_open(const struct comparison *self)
{
    return findings_are_open(self->findings);
}

bool comparison_has_overflowed(const struct comparison *self)
{
    return findings_have_overflowed(self->findings);
}

const struct comparison_finding *comparison_findings(struct comparison *self, size_t *count)
{
    return findings_shown(self->findings, self->has_failed ? NULL : self->connection, count);
}

void comparison_close(struct comparison *self)
{
    if (self == NULL) return;
    pipeline_free(self->pipeline);
    for (size_t i = 0; i < CHUNKS; i++) {
        buffer_release(&self->chunks[i].bytes);
        buffer_release(&self->chunks[i].reads);
        free(self->chunks[i].units);
    }
    findings_free(self->findings);
    free(self->words);
    free(self);
}
