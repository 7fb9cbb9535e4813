/*
 * Signals become a wish to stop.
 *
 * The first one lets the batch in flight end, so that what Redis holds and what the ledger says
 * agree and the next `up` goes on from there; the second one is for whoever cannot wait, and
 * costs only that the next runner notices later. SIGHUP counts too, unless our parent had it
 * ignored (nohup). SIGQUIT keeps its effect.
 */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <redferry/redferry.h>

static const int stopping[] = {SIGINT, SIGTERM, SIGHUP};

enum { STOPPING = sizeof stopping / sizeof stopping[0] };

/* The program's only mutable global: a handler can be handed nothing else. The pointers change
 * only while no handler can run. */
static struct {
    volatile sig_atomic_t caught;
    redferry *ferry;
    const char *notice;
} state;

static void on_signal(int number)
{
    int saved = errno;
    if (state.caught) _exit(REDFERRY_STOPPED + number);
    state.caught = 1;
    redferry_stop(state.ferry, number);
    if (state.notice != NULL) {
        ssize_t ignored = write(STDERR_FILENO, state.notice, strlen(state.notice));
        (void)ignored;
    }
    errno = saved;
}

void signals_fill(sigset_t *set)
{
    (void)sigemptyset(set);
    for (int i = 0; i < STOPPING; i++) (void)sigaddset(set, stopping[i]);
}

void signals_install(redferry *ferry, const char *notice)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    state.ferry = ferry;
    state.notice = notice;

    signals_fill(&action.sa_mask);
    for (int i = 0; i < STOPPING; i++) {
        if (sigaction(stopping[i], NULL, &before) != 0) continue;
        bool unwanted = stopping[i] == SIGHUP && before.sa_handler == SIG_IGN;
        if (!unwanted) (void)sigaction(stopping[i], &action, NULL);
    }
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

void signals_hush(void)
{
    sigset_t stops, before;
    signals_fill(&stops);
    (void)sigprocmask(SIG_BLOCK, &stops, &before);
    state.notice = NULL;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

void signals_release(void)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    struct sigaction before;
    for (int i = 0; i < STOPPING; i++) {
        if (sigaction(stopping[i], NULL, &before) != 0) continue;
        if (before.sa_handler == on_signal) (void)sigaction(stopping[i], &usual, NULL);
    }
    state.ferry = NULL;
    state.notice = NULL;
}
