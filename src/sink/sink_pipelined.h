#ifndef REDFERRY_SINK_PIPELINED_H
#define REDFERRY_SINK_PIPELINED_H

struct connection;
struct error;
struct sink;

/*
 * Open the sink that streams: every batch is one MULTI … EXEC, several are in flight at once,
 * every +OK, +QUEUED and element of EXEC's array is read. No checkpoint and no fence: a step
 * that stops half-way starts over. connection (borrowed) must not be used by others while
 * batches are in flight. Returns 0 with *out yours to sink_close(), or -1 with err.
 */
int sink_pipelined_open(struct sink **out, struct connection *connection, struct error *err);

#endif
