/*
 * Batches that grow with the distance to Redis.
 *
 * What is measured is what it is about: a server that stands idle while rows are waiting. The
 * length of the round trip itself is no measure, since the body of the next batch is under way
 * during it. Batches never shrink again: a size that was needed once does no harm, and one that
 * swings to and fro would be hard to explain. What closes a batch earlier (its size in bytes)
 * is not known here; such a batch says nothing about more rows.
 */
#include "growth.h"

/* So often more late than timely, before it counts as more than chance. */
enum { LATE_ENOUGH = 3 };

void growth_begin(struct growth *growth, int64_t rows, bool is_fixed)
{
    *growth = (struct growth){.rows = rows, .is_fixed = is_fixed, .busy_us = INT64_MAX};
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
    /* Twice the rows take twice as long. */
    if (++growth->late < LATE_ENOUGH || growth->busy_us > GROWTH_MOST_BUSY_US / 2) return;
    growth_begin(growth, growth->rows * 2, false);
}
