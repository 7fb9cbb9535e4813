#ifndef REDFERRY_ANNOUNCEMENT_H
#define REDFERRY_ANNOUNCEMENT_H

#include <stdint.h>

struct entry;
struct error;
struct migration;
struct session;
struct sink;

/*
 * Finishing off: one transaction behind the fence sends the top-level `publish` and removes the
 * checkpoint; then the ledger says `announced`.
 */

/* What was applied. */
struct announcement {
    const struct migration *migration;
    int64_t run_id; /* by this run */
    int64_t rows;   /* what its template calls ${rows} */
};

/* Finish off what was just applied through sink, which has nothing in flight. Returns 0 or -1
 * with err. */
int announcement_send(struct session *session, struct sink *sink,
                      const struct announcement *announcement, struct error *err);

/* Finish off what another runner applied (entry) and did not come to. The message is sent at
 * least once. The session has Redis and the lock. Returns 0 or -1 with err. */
int announcement_send_late(struct session *session, const struct migration *migration,
                           const struct entry *entry, struct error *err);

#endif
