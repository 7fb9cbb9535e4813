#ifndef REDFERRY_SINK_PIPELINED_H
#define REDFERRY_SINK_PIPELINED_H

#include <stdint.h>

struct connection;
struct error;
struct sink;

enum { SINK_RETRY_FOR_MS = 30000 };

/*
 * Open the sink that streams: every batch is one MULTI … EXEC, several are in flight at once,
 * every +OK, +QUEUED and element of EXEC's array is read. No checkpoint and no fence: a step
 * that stops half-way starts over. A batch that was refused as a whole is sent again: where the
 * server cannot serve just now (LOADING, BUSY, READONLY …), for up to retry_for_ms; where it is
 * short of something (OOM, MISCONF, NOREPLICAS), for about two seconds. Once it has failed, the
 * sink says the same error until it is closed. connection (borrowed) must not be used by others
 * while batches are in flight. Returns 0 with *out yours to sink_close(), or -1 with err.
 */
int sink_pipelined_open(struct sink **out, struct connection *connection, int64_t retry_for_ms,
                        struct error *err);

#endif
