#ifndef REDFERRY_DOCTOR_CHECKPOINTS_H
#define REDFERRY_DOCTOR_CHECKPOINTS_H

#include <stdint.h>

struct agenda_item;
struct checkpoint;
struct doctor;
struct error;

/* The doctor's examinations of what Redis and the ledger say of each other. Each returns 0, its
 * findings added, or -1 with err: it could not be done. */

/* Whether this Redis is the one that the ledger knows, and this ledger as new as the Redis. */
int doctor_checkpoints_trace(struct doctor *doctor, struct error *err);

/* Whether each run that stopped has its checkpoint, and each checkpoint its run. */
int doctor_checkpoints(struct doctor *doctor, struct error *err);

/* What a checkpoint that was found means beside the ledger's item (NULL: it knows nothing of
 * the version) and the newest run that it knows. Pure. */
enum doctor_match {
    DOCTOR_FITS,
    DOCTOR_LEFT_OVER, /* nothing is unfinished that it could be of */
    DOCTOR_FROM_LATER /* a run wrote it that this ledger does not know: it was restored? */
};
enum doctor_match doctor_checkpoints_match(const struct agenda_item *item,
                                           const struct checkpoint *found, int64_t newest_run);

#endif
