/*
 * The wish to stop, and the waits that see it.
 *
 * Every wait of the program, for a socket, for a lock, for a pause, goes through stop_wait(),
 * so that SIGTERM is answered in seconds wherever it hits. What a stop means for the work
 * (finish the batch, save, release) is not decided here, only how long a wait may still last.
 * Signal handlers are not installed here either: that is the program's business, never the
 * library's.
 */
#include "stop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

/* A signal handler may only touch what needs no lock. */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2,
               "stop_request() is called from signal handlers");

enum { MOST_POLLS = 4 };

int stop_init(struct stop *stop, struct error *err)
{
    atomic_init(&stop->signal, 0);
    atomic_init(&stop->since_ms, 0);
    stop->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop->descriptor >= 0) return 0;
    return error_set(err, ERROR_FAILED, "cannot create an event descriptor: %s",
                     strerror(errno));
}

void stop_release(struct stop *stop)
{
    if (stop->descriptor >= 0) (void)close(stop->descriptor);
    stop->descriptor = -1;
}

void stop_request(struct stop *stop, int signal)
{
    int saved = errno;
    int64_t nobody = 0;
    int none = 0;
    const uint64_t one = 1;

    /* The time first: who sees the signal must find the time as well. */
    (void)atomic_compare_exchange_strong(&stop->since_ms, &nobody, clock_monotonic_ms() + 1);
    if (atomic_compare_exchange_strong(&stop->signal, &none, signal) && stop->descriptor >= 0) {
        ssize_t written = write(stop->descriptor, &one, sizeof one);
        (void)written; /* a counter that is full is readable as well */
    }
    errno = saved;
}

bool stop_requested(const struct stop *stop)
{
    return stop != NULL && atomic_load(&stop->signal) != 0;
}

/* What is left of the grace, in milliseconds; INT64_MAX where nobody asked for a stop. */
static int64_t grace_left(const struct stop *stop)
{
    if (!stop_requested(stop)) return INT64_MAX;
    return atomic_load(&stop->since_ms) + STOP_GRACE_MS - clock_monotonic_ms();
}

bool stop_overdue(const struct stop *stop)
{
    return grace_left(stop) <= 0;
}

void stop_extend(struct stop *last, const struct stop *stop, int64_t grace_ms)
{
    atomic_init(&last->signal, atomic_load(&stop->signal));
    atomic_init(&last->since_ms, clock_monotonic_ms() + grace_ms - STOP_GRACE_MS);
    last->descriptor = -1;
}

int stop_error(const struct stop *stop, struct error *err)
{
    int signal = stop == NULL ? 0 : atomic_load(&stop->signal);
    const char *name = sigabbrev_np(signal);
    if (name == NULL)
        return error_set(err, ERROR_STOPPED + signal, "stopped by signal %d", signal);
    return error_set(err, ERROR_STOPPED + signal, "stopped by SIG%s", name);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Fill fds from polls, and the stop's descriptor behind them. Returns how many there are. */
static nfds_t fill(struct pollfd *fds, const struct stop_poll *polls, int count,
                   const struct stop *stop)
{
    nfds_t filled = 0;
    for (int i = 0; i < count; i++) {
        fds[filled++] = (struct pollfd){.fd = polls[i].descriptor, .events = polls[i].events};
    }
    /* Once it is readable it stays so: from then on it would only keep poll() from waiting. */
    if (stop != NULL && !stop_requested(stop)) {
        fds[filled++] = (struct pollfd){.fd = stop->descriptor, .events = POLLIN};
    }
    return filled;
}

/* Hand back what poll() found. Returns whether one of the caller's descriptors is ready. */
static bool hand_back(const struct pollfd *fds, struct stop_poll *polls, int count)
{
    bool ready = false;
    for (int i = 0; i < count; i++) {
        polls[i].revents = fds[i].revents;
        if (fds[i].revents != 0) ready = true;
    }
    return ready;
}

int stop_wait(const struct stop *stop, struct stop_poll *polls, int count, int64_t timeout_ms,
              bool interruptible, struct error *err)
{
    struct pollfd fds[MOST_POLLS + 1];
    int64_t begun = clock_monotonic_ms();
    if (count > MOST_POLLS) {
        return error_set(err, ERROR_FAILED, "cannot wait for %d descriptors, at most %d", count,
                         MOST_POLLS);
    }

    for (;;) {
        nfds_t filled = fill(fds, polls, count, stop);
        if (stop_requested(stop) && (interruptible || stop_overdue(stop)))
            return stop_error(stop, err);

        int64_t left = timeout_ms < 0 ? INT64_MAX : timeout_ms - (clock_monotonic_ms() - begun);
        int64_t wait_ms = least(least(left < 0 ? 0 : left, grace_left(stop)), INT_MAX);
        if (wait_ms < 0) wait_ms = 0;
        int found =
            poll(fds, filled, wait_ms == INT_MAX && left == INT64_MAX ? -1 : (int)wait_ms);
        if (found < 0 && errno != EINTR)
            return error_set(err, ERROR_FAILED, "poll failed: %s", strerror(errno));
        if (found >= 0 && hand_back(fds, polls, count)) return 1;
        if (timeout_ms >= 0 && clock_monotonic_ms() - begun >= timeout_ms) return 0;
    }
}

int stop_sleep(const struct stop *stop, int64_t ms, struct error *err)
{
    return stop_wait(stop, NULL, 0, ms < 0 ? 0 : ms, true, err) < 0 ? -1 : 0;
}
