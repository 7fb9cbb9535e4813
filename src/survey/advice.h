#ifndef REDFERRY_ADVICE_H
#define REDFERRY_ADVICE_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct session;

/* What would mend a migration that is not as it should be. */
struct advice {
    const char *text; /* the next command to type and what it does; NULL: nothing is needed */
    bool is_refused; /* what stopped is not gone on with as it is, or what is pending not begun,
                        and text says why */
    bool is_barred;  /* nor is it looked at, as the files are now, and text says why */
    bool is_lost;    /* its checkpoint is gone from Redis, and it starts over */
};

/*
 * Advise on each item of the session's agenda, in its order: by the decisions that the command
 * itself would make. Redis is asked for checkpoints, without waiting, where one is given and
 * something has stopped or is pending; what it does not tell goes by what the ledger last
 * heard. Writes nothing. Returns 0 with *out, an array as long as the agenda in
 * session->results, or -1 with err.
 */
int advice_give(struct session *session, const struct advice **out, struct error *err);

/*
 * Put into blocked, which a selection has filled because of this version, the same advice: what
 * the selection says goes by the ledger alone, and would be refused where Redis or the file
 * says otherwise, or where only the ledger knows how what it stopped at is undone. Asks and
 * writes as advice_give(). Returns 0, or -1 with err.
 */
int advice_on_block(struct session *session, int64_t version, struct error *blocked,
                    struct error *err);

#endif
