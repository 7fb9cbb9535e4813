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

/* So often more late than timely, before it counts as more than chance: which does not keep a
 * server idle for half of a long round trip, so that this counts twice. A batch that was not
 * enough becomes larger by half, at least. */
enum { LATE_ENOUGH = 3, CHANCE_US = 500, NS_PER_US = 1000 };

void growth_begin(struct growth *growth, int64_t rows, bool is_fixed)
{
    *growth = (struct growth){.rows = rows, .is_fixed = is_fixed, .busy_us = INT64_MAX};
}

/* So many rows that executing them fills a round trip: rows are worth the time that they took
 * so far. What else is done with them in the meantime, here and there, would let fewer do, and
 * how many is only found out by trying; but larger transactions than necessary leave the
 * server's caches. */
static int64_t wanted(const struct growth *growth, int64_t round_trip_us)
{
    const int64_t least_us = growth->rows * GROWTH_LEAST_NS / NS_PER_US + 1;
    const int64_t busy_us = growth->busy_us > least_us ? growth->busy_us : least_us;
    int64_t enough_us = round_trip_us;
    /* It was not enough, whatever was measured. */
    if (enough_us < busy_us * 3 / 2) enough_us = busy_us * 3 / 2;
    if (enough_us > GROWTH_MOST_BUSY_US) enough_us = GROWTH_MOST_BUSY_US;
    return growth->rows * enough_us / busy_us;
}

bool growth_is_likely(const struct growth *growth, int64_t round_trip_us)
{
    return !growth->is_fixed && !growth->is_tried && round_trip_us >= GROWTH_NEAR_US;
}

/* How much a late batch counts. */
static unsigned weight(const struct growth_sign *sign)
{
    const bool is_chance = sign->idle_us < CHANCE_US || sign->idle_us < sign->round_trip_us / 2;
    return is_chance ? 1 : 2;
}

void growth_note(struct growth *growth, const struct growth_sign *sign)
{
    if (growth->is_fixed || sign->rows < growth->rows || sign->round_trip_us < GROWTH_NEAR_US)
        return;
    if (sign->idle_us <= 0) {
        growth->is_tried = true;
        if (growth->late > 0) growth->late--;
        return;
    }
    /* Whatever else the machine does makes it look longer than it was. */
    const int64_t busy_us = sign->took_us - sign->round_trip_us;
    if (busy_us < growth->busy_us) growth->busy_us = busy_us;
    growth->late += weight(sign);
    if (growth->late < LATE_ENOUGH) return;
    const int64_t rows = wanted(growth, sign->round_trip_us);
    if (rows > growth->rows) growth_begin(growth, rows, false);
}
