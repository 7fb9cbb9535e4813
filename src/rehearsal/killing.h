#ifndef REDFERRY_KILLING_H
#define REDFERRY_KILLING_H

#include <stddef.h>
#include <stdint.h>

struct play;
struct stage;
struct verdict;

/* How often a run is to be killed. */
struct killing_wish {
    size_t kills;
    uint64_t seed; /* of the moments; the same one repeats them, as nearly as can be */
};

/*
 * Kill the run that applies a migration at random moments, each time from the beginning, have
 * it gone on with to its end, and hold what came of it against a run that nobody disturbed:
 * Redis, SQL, and who heard what. Ends with the first that came to something else; what that
 * was is in verdict.
 */
void killing_perform(struct stage *stage, const struct play *play,
                     const struct killing_wish *wish, struct verdict *verdict);

#endif
