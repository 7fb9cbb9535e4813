#ifndef REDFERRY_KEEPER_H
#define REDFERRY_KEEPER_H

#include <stddef.h>
#include <sys/types.h>

struct error;
struct stop;

/*
 * Work that is done by processes of their own, several at a time, and a keeper that takes away
 * whatever they leave, however they end, and however we do.
 */
struct keeper_work {
    size_t count;          /* pieces of it */
    size_t at_once;        /* at least 1 */
    const char *directory; /* what is in it, and itself, is removed at the end */
    /* In a process of its own, which ends with it. Its stderr is DIRECTORY/INDEX.log. */
    void (*perform)(void *context, size_t index);
    /* In whoever is left, once no process is: what else is to be taken away. Or NULL. */
    int (*sweep)(void *context, struct error *err);
    void *context;
};

/* {.socket = -1} is one that was never opened. */
struct keeper {
    const struct keeper_work *work;
    pid_t pid;
    int socket; /* to it; its end is what it waits for */
};

/* Begin the work (borrowed until keeper_close()). The process forks, and has no threads of
 * redferry's; nothing that may not be used on both sides of a fork is open. Returns 0, or -1
 * with err. */
int keeper_open(struct keeper *keeper, const struct keeper_work *work, struct error *err);

/* Wait until a piece is done: *index is which, *status what waitpid() says of its process.
 * Returns 0, or -1 with err: it could not begin, a stop, the keeper is gone. */
int keeper_next(struct keeper *keeper, const struct stop *stop, size_t *index, int *status,
                struct error *err);

enum { KEEPER_STATUS_SIZE = 96 };

/* What waitpid() says of a process, for people: "was killed by signal 25 (File size limit
 * exceeded)", "ended with exit code 1". Returns text. */
const char *keeper_status_text(int status, char text[KEEPER_STATUS_SIZE]);

/* End what is not done, and wait until nothing is left: no process, no directory, nothing to be
 * swept. Where the keeper is gone, that is done here. Returns 0, or -1 with err that says what
 * may be left. Harmless where it was not opened. */
int keeper_close(struct keeper *keeper, struct error *err);

#endif
