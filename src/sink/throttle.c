/*
 * Slowing down by itself.
 *
 * Waiting gives the time to others; smaller batches keep them waiting less, since nobody is
 * served while an EXEC runs. Which of the two helps is not known beforehand, so both are done:
 * quickly where an answer is late, and back again step by step. A batch whose size somebody
 * chose keeps it. How an answer is measured is the driver's affair, who waits is the step's.
 */
#include "throttle.h"

enum { NOT_WORTH_WAITING_US = 1000 };

void throttle_begin(struct throttle *throttle, int64_t rows, bool is_fixed)
{
    throttle->is_fixed = is_fixed;
    throttle->full = throttle->rows = rows;
}

/* First for as long as the answer took, then twice as long each time; and half the rows. */
static void slow_down(struct throttle *throttle)
{
    const int64_t least =
        throttle->full < THROTTLE_LEAST_ROWS ? throttle->full : THROTTLE_LEAST_ROWS;
    throttle->wait_us *= 2;
    if (throttle->wait_us < throttle->took_us) throttle->wait_us = throttle->took_us;
    if (throttle->wait_us > THROTTLE_LONGEST_US) throttle->wait_us = THROTTLE_LONGEST_US;
    if (throttle->is_fixed) return;
    throttle->rows /= 2;
    if (throttle->rows < least) throttle->rows = least;
}

static void recover(struct throttle *throttle)
{
    const bool waits = throttle->wait_us > 0;
    throttle->wait_us /= 2;
    if (throttle->wait_us < NOT_WORTH_WAITING_US) throttle->wait_us = 0;
    if (waits) return;
    throttle->rows += throttle->rows / 4 + 1;
    if (throttle->rows > throttle->full) throttle->rows = throttle->full;
}

void throttle_note(struct throttle *throttle, int64_t least_us, int64_t most_us)
{
    if (throttle->limit_us == 0) return;
    throttle->took_us = most_us <= throttle->limit_us ? most_us : least_us;
    if (least_us > throttle->limit_us)
        slow_down(throttle);
    else if (most_us <= throttle->limit_us)
        recover(throttle);
}

bool throttle_is_on(const struct throttle *throttle)
{
    return throttle->wait_us > 0 || throttle->rows < throttle->full;
}
