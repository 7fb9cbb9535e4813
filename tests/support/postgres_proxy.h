#ifndef REDFERRY_POSTGRES_PROXY_H
#define REDFERRY_POSTGRES_PROXY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A Unix socket between PostgreSQL and its clients, in a thread of its own, that understands
 * where a message begins and ends, and does one thing wrong, once.
 *
 * A *message* is one of the protocol's, from a client. A *request* is what the server answers
 * as a whole: the start of a connection, a simple query, the messages up to a Sync. A *remark*
 * is a message from the server that tells something (not that it parsed, bound, is ready), or
 * several of one type behind each other.
 */
struct postgres_proxy;

enum postgres_fault {
    POSTGRES_NO_FAULT,
    POSTGRES_CUT_MESSAGE, /* the n-th message does not arrive: the connection is cut */
    POSTGRES_CUT_ANSWER,  /* the n-th request is carried out, and cut before its answer */
    POSTGRES_CUT_ALL,     /* the same, and all other connections are cut with it */
    POSTGRES_CUT_OTHERS,  /* all other connections are cut, and the n-th request passes */
    POSTGRES_CUT_REMARK,  /* cut behind the n-th remark */
    POSTGRES_KILL_BEFORE, /* the backend is terminated before it hears the n-th request */
    POSTGRES_KILL_AFTER,  /* …after it carried it out; that is all the client hears */
    POSTGRES_LATE,        /* all are cut, and the n-th request arrives later all the same */
    POSTGRES_FAULTS
};

struct postgres_plan {
    enum postgres_fault fault;
    int64_t at;         /* n, from 1 */
    bool every_remark;  /* each message from the server is a remark */
    int64_t late_after; /* of POSTGRES_LATE: so many requests later, or when all is silent */
};

/* Listen on path for connections to the socket target, with the database url for terminating
 * backends. Ends the process where that fails. */
struct postgres_proxy *postgres_proxy_start(const char *path, const char *target,
                                            const char *url);

/* Begin to count anew, and follow plan. No client may be connected. */
void postgres_proxy_arm(struct postgres_proxy *proxy, const struct postgres_plan *plan);

/* Whether the fault has struck since then. */
bool postgres_proxy_has_struck(struct postgres_proxy *proxy);

/* Deliver what is still held, and wait until the server has done with it. */
void postgres_proxy_settle(struct postgres_proxy *proxy);

void postgres_proxy_stop(struct postgres_proxy *proxy);

#endif
