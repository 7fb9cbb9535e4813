#ifndef REDFERRY_HANDLE_H
#define REDFERRY_HANDLE_H

#include <stdbool.h>

#include "redferry/redferry.h"

#include "arena.h"
#include "config.h"
#include "error.h"
#include "session.h"
#include "stop.h"

/* What a handle is: settings, the wish to stop, who is told, and what the last call gave out.
 */
struct redferry {
    struct config config;
    bool resolved;        /* config_resolve() was done */
    const char *warnings; /* what it warned of, or NULL; the config's */
    struct stop stop;
    redferry_event_fn callback;
    void *payload;
    redferry_event place; /* the run at work, as it was last told of; {0}: none */
    struct error error;
    redferry_setting *settings; /* config's table in the public form */
    size_t setting_count;
    struct arena results; /* what the last call gave out */
};

/* Begin a call: forget the last one's error and results, put the settings together, and prepare
 * *session (yours to handle_end()). Returns 0, or -1 with ferry->error. */
int handle_begin(struct redferry *ferry, struct session *session);

/* End a call: release the session. Returns what the call is to return: result 0 is REDFERRY_OK,
 * else the error's code. */
int handle_end(struct redferry *ferry, struct session *session, int result);

/* Whether a call only looks, and is told at once that the server has no room, or works, and
 * waits for its turn. */
enum handle_aim { HANDLE_LOOK, HANDLE_WORK };

/* Begin a call on the ledger: as handle_begin(), and read the files, connect, and read the
 * ledger. Returns 0 or -1; handle_end() is due in both cases. */
int handle_open(struct redferry *ferry, struct session *session, enum handle_aim aim);

/* The same for a call that works, but mostly finds nothing to do: where a glance shows that, it
 * is all that is read of the ledger. */
int handle_open_briefly(struct redferry *ferry, struct session *session);

/* Begin a call that is about runs alone: as handle_begin(), and connect, without the
 * migrations' files. Returns 0 or -1; handle_end() is due in both cases. */
int handle_open_ledger(struct redferry *ferry, struct session *session);

/* A run in the public form; its texts are borrowed. */
redferry_run_record handle_record(const struct run *run);

/* A tally in the public form. */
redferry_tally handle_tally(const struct tally *tally);

#endif
