#ifndef REDFERRY_TURN_H
#define REDFERRY_TURN_H

#include <stdbool.h>

struct error;
struct session;

/* What a runner waits for its turn to do. */
struct turn {
    /* Whether there is still something to do, going by the session's agenda; NULL: there always
     * is. */
    bool (*needed)(const struct session *session, const void *question);
    const void *question;
    /* It would do the same as the runner it waits for, and so ends as that one ends. */
    bool shares_fate;
};

/*
 * Wait until it is this runner's turn (SPEC §3, "One at a time"): take the ledger's lock,
 * polling, and reading the ledger again meanwhile. The session has read its ledger once. Who is
 * waited for is told as an event, once, and then the time that passed.
 *
 * Returns 1: this runner has the lock, and the session's agenda was read under it; 0: nothing
 * is needed any more (no lock is held); -1 with err: ERROR_LOCKED or, with --on-lock skip,
 * ERROR_INCOMPLETE where it takes too long; with shares_fate the code and the message of a run
 * that was waited for and failed, or was cancelled: forty hosts must not fail in turn.
 */
int turn_take(struct session *session, const struct turn *turn, struct error *err);

/* Who holds the lock, going by what the session last read: "ana on host db1 (pid 12), running
 * 1_x since …". The text is words' or constant. */
const char *turn_describe_holder(const struct session *session, struct error *words);

#endif
