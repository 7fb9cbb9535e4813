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

/* So often more late than timely, before it counts as more than chance. */
enum { LATE_ENOUGH = 3, CHANCE_US = 500, NS_PER_US = 1000 };

/* Executing a command takes a server at most so many times as long as taking it in. Where all
 * of a small batch is answered at once, that is all there is to go by. */
enum { MOST_TO_EXECUTE = 3 };

void growth_begin(struct growth *growth, int64_t rows, bool is_fixed)
{
    *growth = (struct growth){.rows = rows, .is_fixed = is_fixed, .busy_us = INT64_MAX};
}

static int64_t larger(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

/* So many rows that taking in their commands fills a round trip and a quarter of one, since
 * neither the line nor we are always in time. How much of it those of today fill is what is not
 * idle of it. A batch that was not enough becomes larger by half, at least; but executing one
 * is not to take too long. */
static int64_t wanted(const struct growth *growth, int64_t round_trip_us)
{
    const int64_t rows = growth->rows;
    const int64_t busy_us =
        larger(growth->busy_us, rows * GROWTH_LEAST_NS / NS_PER_US + MOST_TO_EXECUTE);
    const int64_t filled_us = larger(growth->filled_us, busy_us / MOST_TO_EXECUTE);
    const int64_t enough = larger(rows * round_trip_us * 5 / 4 / filled_us, rows * 3 / 2);
    const int64_t most = rows * GROWTH_MOST_BUSY_US / busy_us;
    return enough < most ? enough : most;
}

bool growth_is_likely(const struct growth *growth, int64_t round_trip_us)
{
    return !growth->is_fixed && !growth->is_tried && round_trip_us >= GROWTH_NEAR_US;
}

/* How much a late batch counts. Half of a long round trip is plain; but where it was more than
 * a whole one, it was we who were late. */
static unsigned weight(const struct growth_sign *sign)
{
    const int64_t trip_us = sign->round_trip_us;
    const bool is_plain = sign->idle_us >= CHANCE_US && sign->idle_us >= trip_us / 2 &&
                          sign->idle_us <= trip_us + trip_us / 4;
    return is_plain ? LATE_ENOUGH : 1;
}

/* What comes in time by so little is late the next time. */
static bool is_late(const struct growth_sign *sign)
{
    return sign->is_followed && sign->idle_us > -sign->round_trip_us / 8;
}

void growth_note(struct growth *growth, const struct growth_sign *sign)
{
    if (growth->is_fixed || sign->rows < growth->rows || sign->round_trip_us < GROWTH_NEAR_US)
        return;
    if (!is_late(sign)) {
        growth->is_tried = true;
        if (growth->late > 0) growth->late--;
        return;
    }
    /* Whatever else the machine does makes it look longer than it was, and more idle. */
    const int64_t busy_us = sign->took_us - sign->round_trip_us;
    if (busy_us < growth->busy_us) growth->busy_us = busy_us;
    growth->filled_us = larger(growth->filled_us, sign->round_trip_us - sign->idle_us);
    growth->late += weight(sign);
    if (growth->late < LATE_ENOUGH) return;
    const int64_t rows = wanted(growth, sign->round_trip_us);
    if (rows > growth->rows) growth_begin(growth, rows, false);
}
