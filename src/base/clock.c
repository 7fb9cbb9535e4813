/*
 * What time it is, and how long to wait.
 *
 * Deadlines and rates go by the monotonic clock, which nobody sets; dates go by the wall clock,
 * in UTC and in milliseconds, as the ledger keeps them. Sleeping is not here: a sleep must end
 * with a stop, so it is in stop.c.
 */
#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t nanoseconds(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now); /* cannot fail for the clocks used here */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_monotonic(void)
{
    return nanoseconds(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic() / 1000000;
}

int64_t clock_glance_ms(void)
{
#ifdef CLOCK_MONOTONIC_COARSE
    return nanoseconds(CLOCK_MONOTONIC_COARSE) / 1000000;
#else
    return clock_monotonic_ms();
#endif
}

int64_t clock_wall_ms(void)
{
    return nanoseconds(CLOCK_REALTIME) / 1000000;
}

/* Take wall_ms apart, in UTC. Returns the milliseconds within the second. */
static int to_date(int64_t wall_ms, struct tm *date)
{
    int64_t left = wall_ms % 1000;
    time_t seconds = (time_t)(wall_ms / 1000);
    if (left < 0) {
        left += 1000;
        seconds--;
    }
    if (gmtime_r(&seconds, date) == NULL) *date = (struct tm){.tm_mday = 1};
    return (int)left;
}

const char *clock_text(int64_t wall_ms, char text[CLOCK_TEXT_SIZE])
{
    struct tm date = {0};
    int left = to_date(wall_ms, &date);
    size_t length = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &date);
    (void)snprintf(text + length, CLOCK_TEXT_SIZE - length, ".%03dZ", left);
    return text;
}

int clock_parse(const char *text, int64_t *wall_ms)
{
    struct tm date = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &date);
    int64_t fraction = 0, weight = 100;
    if (rest == NULL) return -1;
    if (*rest == '.')
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, weight /= 10)
            fraction += (*rest - '0') * weight;
    if (strcmp(rest, "Z") != 0) return -1;
    *wall_ms = (int64_t)timegm(&date) * 1000 + fraction;
    return 0;
}

const char *clock_stamp(int64_t wall_ms, char text[CLOCK_TEXT_SIZE])
{
    struct tm date = {0};
    (void)to_date(wall_ms, &date);
    if (strftime(text, CLOCK_TEXT_SIZE, "%Y%m%d%H%M%S", &date) == 0) text[0] = '\0';
    return text;
}

/* Marsaglia's xorshift: enough to keep waiters apart, and nothing else is asked of it. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

int64_t clock_backoff_next(struct clock_backoff *backoff)
{
    if (backoff->random == 0) {
        /* Two waiters that start in one nanosecond still differ in where their stacks lie. */
        backoff->random =
            (uint64_t)clock_monotonic() ^ ((uint64_t)(uintptr_t)backoff << 20) ^ 1;
        if (backoff->random == 0) backoff->random = 1;
    }
    if (backoff->next_ms == 0) backoff->next_ms = backoff->first_ms;
    if (backoff->next_ms > backoff->most_ms) backoff->next_ms = backoff->most_ms;
    if (backoff->next_ms < 1) backoff->next_ms = 1;

    int64_t wait_ms = backoff->next_ms;
    backoff->next_ms = wait_ms > INT64_MAX / 2 ? INT64_MAX : wait_ms * 2;

    uint64_t quarter = (uint64_t)wait_ms / 4;
    return wait_ms - (int64_t)(next_random(&backoff->random) % (quarter + 1));
}
