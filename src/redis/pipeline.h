#ifndef REDFERRY_PIPELINE_H
#define REDFERRY_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

struct connection;
struct error;
struct reply;

/*
 * Commands in flight, full duplex: writes and reads at once, and never waits for an answer
 * before sending the next. Bytes to be sent are borrowed, not copied; every reply is handed to
 * one function, in order, exactly one per command.
 */
struct pipeline;

enum { PIPELINE_PATIENCE_MS = 30000 };

/* Takes one reply (borrowed). Returns 0 to go on, or -1 with err, which ends the pump that
 * called it; the next one goes on with the reply behind. */
typedef int (*pipeline_take)(void *context, const struct reply *reply, struct error *err);

/* Returns 0 with *out yours to pipeline_free(), or -1 with err. connection is borrowed, and
 * used by nobody else while something is in flight. */
int pipeline_new(struct pipeline **out, struct connection *connection, pipeline_take take,
                 void *context, struct error *err);

/* Forget what is in flight: the connection is of no use then, and fails until it is reopened.
 * NULL is harmless. */
void pipeline_free(struct pipeline *pipeline);

/* How long answers that are due may keep away, without a byte moving in either direction,
 * before the connection counts as lost; PIPELINE_PATIENCE_MS at first. */
void pipeline_set_patience(struct pipeline *pipeline, int64_t patience_ms);

/* Queue length bytes that hold so many whole commands. The bytes stay yours and must not move
 * or change until pipeline_unwritten() says that they left: spans leave in order. Returns 0, or
 * -1 with err (no memory). Sends nothing yet. */
int pipeline_send(struct pipeline *pipeline, const char *bytes, size_t length, size_t commands,
                  struct error *err);

/* Write what the wire takes and read what it has. Where nothing moves: wait up to timeout_ms
 * (0: do not wait; negative: no limit, but return at once where there is nothing to wait for)
 * for the wire, or for descriptor (-1: none) to be readable. Returns 1 where descriptor is
 * readable, 0 otherwise, or -1 with err: lost connection, a stop's grace over, no byte for too
 * long, or what take said. */
int pipeline_pump(struct pipeline *pipeline, int descriptor, int64_t timeout_ms,
                  struct error *err);

/* How many spans are not wholly written yet, and how many replies are still to come. */
size_t pipeline_unwritten(const struct pipeline *pipeline);
size_t pipeline_unanswered(const struct pipeline *pipeline);

/* Pump until everything is written and answered. Returns 0 or -1 with err. */
int pipeline_drain(struct pipeline *pipeline, struct error *err);

#endif
