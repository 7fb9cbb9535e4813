/*
 * Cancelling a statement that runs at the server.
 *
 * PQcancel() makes a connection of its own and blocks for as long as the network likes, which
 * is just when a stop is in a hurry. So a thread does it, and where that takes longer than a
 * moment the thread is left behind; it touches nothing but what it was given, and frees that
 * itself.
 */
#include "db_postgres_cancel.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { WAIT_MS = 500 };

struct cancellation {
    PGcancel *cancel;
    int done; /* an eventfd of its own */
};

static void *run_cancellation(void *argument)
{
    struct cancellation *cancellation = argument;
    const uint64_t one = 1;
    char reason[256];

    (void)PQcancel(cancellation->cancel, reason, (int)sizeof reason);
    PQfreeCancel(cancellation->cancel);
    ssize_t written = write(cancellation->done, &one, sizeof one);
    (void)written;
    close(cancellation->done);
    free(cancellation);
    return NULL;
}

/* Hand the cancellation to a thread. Returns whether it began; it frees itself then. */
static bool begin_cancellation(struct cancellation *cancellation)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool begun = pthread_create(&thread, NULL, run_cancellation, cancellation) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (begun) pthread_detach(thread);
    return begun;
}

bool db_postgres_cancel(PGconn *connection)
{
    struct cancellation *cancellation = NULL;
    int done = -1;
    if (PQtransactionStatus(connection) != PQTRANS_ACTIVE) return true;

    PGcancel *cancel = PQgetCancel(connection);
    done = eventfd(0, EFD_CLOEXEC);
    cancellation = malloc(sizeof *cancellation);
    if (cancel == NULL || done < 0 || cancellation == NULL) goto failed;
    *cancellation = (struct cancellation){.cancel = cancel, .done = dup(done)};
    if (cancellation->done < 0) goto failed;
    if (!begin_cancellation(cancellation)) {
        close(cancellation->done);
        goto failed;
    }
    bool asked = poll(&(struct pollfd){.fd = done, .events = POLLIN}, 1, WAIT_MS) == 1;
    close(done);
    return asked;

failed:
    PQfreeCancel(cancel);
    free(cancellation);
    if (done >= 0) close(done);
    return false;
}
