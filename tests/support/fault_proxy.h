#ifndef REDFERRY_FAULT_PROXY_H
#define REDFERRY_FAULT_PROXY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A Unix socket between a client and its server, in a thread of its own, that cuts a connection
 * after just so many bytes, and can deliver what it has cut off later, when the client has long
 * come back on another connection.
 */
struct fault_proxy;

enum fault_direction { FAULT_NONE, FAULT_REQUESTS, FAULT_REPLIES };

struct fault_plan {
    enum fault_direction direction;
    int64_t cut_at;     /* once, after so many bytes in that direction */
    bool always;        /* of FAULT_REQUESTS: not once, but every connection */
    bool late;          /* of FAULT_REQUESTS: deliver the rest later */
    int64_t late_after; /* once so many bytes were requested on later connections */
};

/* Listen on path for connections to the socket target. Ends the process where that fails. */
struct fault_proxy *fault_proxy_start(const char *path, const char *target);

/* Begin to count anew, and follow plan. No client may be connected; what was not delivered yet
 * is dropped. */
void fault_proxy_arm(struct fault_proxy *proxy, const struct fault_plan *plan);

/* How many bytes went in a direction, and whether a connection was cut, since then. */
int64_t fault_proxy_count(struct fault_proxy *proxy, enum fault_direction direction);
bool fault_proxy_has_cut(struct fault_proxy *proxy);

void fault_proxy_stop(struct fault_proxy *proxy);

#endif
