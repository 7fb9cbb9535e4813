#ifndef REDFERRY_SELECTION_H
#define REDFERRY_SELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct agenda_item;
struct arena;
struct session;

/* One migration that a command will attempt. */
struct choice {
    int64_t version;
    bool down;
    bool again;  /* also where the ledger says that nothing is to be done */
    bool afresh; /* from the first step, whatever a run that stopped has done */
};

/* What a command will attempt, in order, and what stands in its way behind that. */
struct selection {
    struct choice *items;
    size_t count;
    struct error blocked; /* code ERROR_NONE: nothing does */
    int64_t blocked_by;   /* that version; 0: none */
};

/* Which versions a command was asked for. */
struct wish {
    enum { WISH_UP, WISH_RUN, WISH_DOWN } kind;
    int64_t to;              /* WISH_UP: none above it; WISH_DOWN: all above it; 0: not said */
    int64_t only;            /* WISH_DOWN: exactly this one; 0: not said */
    int64_t count;           /* WISH_DOWN: the last so many applied */
    const int64_t *versions; /* WISH_RUN: exactly these */
    size_t version_count;
    bool again; /* WISH_RUN: from the start, also where applied */
    bool all;   /* WISH_RUN: every applied one */
};

/* Turn a VERSION argument (the number, number_name, or the file) into *version. It must be
 * known, by a file or by the ledger. Returns 0, or -1 with err (ERROR_INVALID) that begins with
 * what (an option's or argument's name). */
int selection_resolve(const struct session *session, const char *what, const char *text,
                      int64_t *version, struct error *err);

/* What wish means on the session's agenda. The list lives in arena. Returns 0, or -1 with err.
 */
int selection_make(struct selection *selection, const struct session *session,
                   const struct wish *wish, struct arena *arena, struct error *err);

/* Whether it stopped, in a step or on the way back to it, longer ago than --resume-within: by
 * now the application may have newer values in Redis, and `up` leaves it alone. Attempts since
 * then that came to nothing make it no younger. */
bool selection_is_stale(const struct session *session, const struct agenda_item *item);

/* Whether `up` would stop at it, going by the ledger: cancelled, half undone, or stale. What a
 * checkpoint in Redis makes of it is not known here. */
bool selection_stops_up(const struct session *session, const struct agenda_item *item);

#endif
