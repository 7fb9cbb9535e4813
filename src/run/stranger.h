#ifndef REDFERRY_STRANGER_H
#define REDFERRY_STRANGER_H

#include <stdbool.h>

struct checkpoint_trace;
struct error;
struct session;

/*
 * Whether Redis and the ledger know each other. Each run leaves a trace of its ledger in Redis
 * (checkpoint_trace); where it is missing, what the ledger calls applied is not there.
 */
enum stranger {
    STRANGER_NOT_ASKED,    /* nothing was carried yet, or Redis does not answer */
    STRANGER_KNOWN,        /* everything that is applied was written to this Redis */
    STRANGER_UNKNOWN,      /* something that is applied was not */
    STRANGER_OTHER_SOURCE, /* it was, but another database with this ledger wrote here since */
    STRANGER_AHEAD /* the last run that wrote here is none that the ledger knows: restored? */
};

/* "known", "unknown", "other_database", "ahead"; NULL where it was not asked. */
const char *stranger_text(enum stranger stranger);

/* Read the trace in Redis, which the session has open; its texts are borrowed until Redis is
 * asked again. Returns 0, or -1 with err where there is no answer. */
int stranger_ask(const struct session *session, struct checkpoint_trace *trace,
                 struct error *err);

/* Whether there is anything to ask about: a Redis is given, and the ledger has a name in it and
 * runs that this release can read. */
bool stranger_is_to_be_asked(const struct session *session);

/* Warn of what is odd about it. Returns 0; where is_strict, -1 with err (ERROR_OPERATOR)
 * instead of a warning. */
int stranger_check(const struct session *session, const struct checkpoint_trace *trace,
                   bool is_strict, struct error *err);

/* Whether the last run that wrote to Redis is one that the ledger knows: a ledger that was
 * restored from a backup would carry again what is in Redis already. Returns 0, or -1 with err
 * (ERROR_OPERATOR); insists (the version was named): a warning instead. Where the ledger as it
 * was read does not know the run, SQL is asked whether it has begun since. */
int stranger_check_restored(const struct session *session, const struct checkpoint_trace *trace,
                            bool insists, struct error *err);

/* Whether that is so, for who only looks: *restored, in silence, false where no Redis is given
 * or it does not answer. Returns 0, or -1 with err: a stop, or SQL's. */
int stranger_look_restored(struct session *session, bool *restored, struct error *err);

/* Ask and check, for a command that only looks: connects where a Redis is configured and there
 * is something to ask, waits for nobody, and says in a note why there is no answer (with
 * --strict in a warning). Returns 0 with *found, or -1 with err as above: ERROR_OPERATOR, or a
 * stop. */
int stranger_look(struct session *session, enum stranger *found, struct error *err);

#endif
