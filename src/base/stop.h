#ifndef REDFERRY_STOP_H
#define REDFERRY_STOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct error;

/*
 * The wish to stop, from a signal handler or another thread, seen by every wait below it. The
 * first request asks to stop at the next safe place; what is in flight may take STOP_GRACE_MS
 * more, then waits give up. A descriptor becomes readable with the request, so that no poll()
 * sleeps through it.
 */
enum { STOP_GRACE_MS = 3500 };

struct stop {
    atomic_int signal;        /* 0: nobody asked */
    _Atomic int64_t since_ms; /* clock_monotonic_ms() of the first request */
    int descriptor;           /* an eventfd, for poll(); -1 where there is none */
};

/* Prepare caller's storage. Returns -1 with err where no descriptor can be had. */
int stop_init(struct stop *stop, struct error *err);

/* Close the descriptor. Harmless on a stop whose init failed. */
void stop_release(struct stop *stop);

/* Ask for a stop because of signal (a number > 0). Safe in signal handlers and other threads.
 * Requests after the first change nothing. */
void stop_request(struct stop *stop, int signal);

/* Whether somebody asked. stop may be NULL: nobody can ask. */
bool stop_requested(const struct stop *stop);

/* Whether the grace for what is in flight is over. stop may be NULL. */
bool stop_overdue(const struct stop *stop);

/* Make *last the same request, overdue only in grace_ms from now: for the few words that are
 * still to be said where the grace of stop was used up. Holds no descriptor; needs no release.
 */
void stop_extend(struct stop *last, const struct stop *stop, int64_t grace_ms);

/* Fill err with "stopped by SIGTERM" (or its like) and ERROR_STOPPED + signal. Returns -1. */
int stop_error(const struct stop *stop, struct error *err);

/* What a wait waits for besides the stop and the time: a descriptor with poll()'s events. */
struct stop_poll {
    int descriptor; /* -1: none */
    short events;   /* POLLIN, POLLOUT */
    short revents;  /* out */
};

/*
 * poll() on count (at most 4) descriptors until one is ready, timeout_ms has passed (negative:
 * no limit), or a stop changes things. Returns 1: something is ready; 0: time passed; -1 with
 * err: the stop's grace is over, or poll itself failed. A first stop request does not end the
 * wait: it only bounds it by what is left of the grace; pass interruptible to have it return -1
 * at once instead. stop may be NULL.
 */
int stop_wait(const struct stop *stop, struct stop_poll *polls, int count, int64_t timeout_ms,
              bool interruptible, struct error *err);

/* Sleep for ms, ended early by a stop. Returns 0, or -1 with err where a stop was asked for. */
int stop_sleep(const struct stop *stop, int64_t ms, struct error *err);

#endif
