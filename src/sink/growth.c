/*
 * Batches that grow with the distance to Redis.
 *
 * Whether they grow depends on what it is about: a server that is seen to stand idle while rows
 * are waiting. A long round trip alone is no reason, since the body of the next batch is under
 * way during it; it only tells how far they grow. Batches never shrink again: a size that was
 * needed once does no harm, and one that swings to and fro would be hard to explain. What
 * closes a batch earlier (its size in bytes) is not known here; such a batch says nothing about
 * more rows.
 */
#include "growth.h"

/* So often more late than timely, before it counts as more than chance; and half as many rows
 * again as should do, since nothing of this is exact. */
enum { LATE_ENOUGH = 3, SPARE_PERCENT = 50, LEAST_BUSY_US = 50 };

void growth_begin(struct growth *growth, int64_t rows, bool is_fixed)
{
    *growth = (struct growth){.rows = rows, .is_fixed = is_fixed, .busy_us = INT64_MAX};
}

/* To queue a batch takes a server about as long as to execute it, and that is to fill a round
 * trip. Rows, then, are worth the time that they took so far. */
static int64_t wanted(const struct growth *growth, int64_t round_trip_us)
{
    const int64_t busy_us = growth->busy_us > LEAST_BUSY_US ? growth->busy_us : LEAST_BUSY_US;
    int64_t enough_us = round_trip_us * (100 + SPARE_PERCENT) / 100;
    /* It was not enough, whatever was measured. */
    if (enough_us < 2 * busy_us) enough_us = 2 * busy_us;
    if (enough_us > GROWTH_MOST_BUSY_US) enough_us = GROWTH_MOST_BUSY_US;
    return growth->rows * enough_us / busy_us;
}

void growth_note(struct growth *growth, const struct growth_sign *sign)
{
    if (growth->is_fixed || sign->rows < growth->rows || sign->round_trip_us < GROWTH_NEAR_US)
        return;
    if (!sign->was_late) {
        if (growth->late > 0) growth->late--;
        return;
    }
    /* Whatever else the machine does makes it look longer than it was. */
    const int64_t busy_us = sign->took_us - sign->round_trip_us;
    if (busy_us < growth->busy_us) growth->busy_us = busy_us;
    if (++growth->late < LATE_ENOUGH) return;
    const int64_t rows = wanted(growth, sign->round_trip_us);
    if (rows > growth->rows) growth_begin(growth, rows, false);
}
