#ifndef REDFERRY_PROBE_H
#define REDFERRY_PROBE_H

#include <stddef.h>

#include "buffer.h"

struct connection;
struct error;

/*
 * Whether commands succeeded, found out afterwards by reading. It is asked where a transaction
 * is known to have run, but its answers were lost: then RPUSH failed if its key is no list now,
 * and did not if it is one.
 */
struct probe_finding {
    struct buffer
        failed;     /* numbers (size_t, ascending) of commands that cannot have succeeded */
    size_t unknown; /* the first that cannot be told; PROBE_NONE: all can */
};

#define PROBE_NONE ((size_t)-1)

/* How to say it. */
#define PROBE_FAILED_TEXT                                                                      \
    "its answer was lost with the connection, but what its key holds shows that it failed"
#define PROBE_UNKNOWN_TEXT                                                                     \
    "its answer was lost with the connection, and its key does not show whether it failed: "   \
    "look whether it is there; `redferry repair VERSION` then begins anew, `redferry down "    \
    "--only VERSION` undoes it, also what was never delivered"

/* Look at the commands (RESP, length bytes) of one transaction, the last that has written to
 * their keys. Nothing is in flight. Returns 0 with *finding yours to probe_release(), or -1
 * with err. */
int probe_commands(struct connection *connection, const char *bytes, size_t length,
                   struct probe_finding *finding, struct error *err);

void probe_release(struct probe_finding *finding);

#endif
