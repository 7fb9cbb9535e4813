#ifndef REDFERRY_PETITION_H
#define REDFERRY_PETITION_H

#include <stdbool.h>
#include <stdint.h>

#include "agenda.h"

struct error;
struct session;

/* What became of a petition. */
enum petition_end {
    PETITION_NONE,      /* there was no run to ask, or it could not be asked */
    PETITION_OBEYED,    /* the run did so */
    PETITION_MOOT,      /* it was so already: nothing was asked */
    PETITION_RECORDED,  /* the run had crashed, and counts as cancelled now */
    PETITION_WAITING,   /* asked, and not obeyed yet */
    PETITION_OVERTAKEN, /* somebody else asked for something else since */
    PETITION_ENDED,     /* the run had ended, or ended before it could obey */
    PETITION_CRASHED    /* the run has crashed, and obeys nobody */
};

/* What an operator asks for, and the answer. Texts live in session->results. */
struct petition {
    enum request request; /* in */
    int64_t run_id;       /* in; 0: the one that is running */
    enum petition_end end;
    struct run run;        /* as it was seen last; id 0: there is none */
    enum request replaced; /* whose request was replaced; REQUEST_NONE: nobody's */
    const char *replaced_by, *replaced_at;
    const char *next; /* of a run that is cancelled: what to type; else NULL */
};

/*
 * Ask a run to pause, to go on, or to end as cancelled, through the ledger, and wait a few
 * seconds for it to obey. The session is connected. Returns 0 (obeyed, moot or recorded), or -1
 * with err, which says what to type: ERROR_INVALID: no such run; ERROR_OPERATOR: nothing runs,
 * it has ended or crashed, somebody asked otherwise; ERROR_INCOMPLETE: not obeyed yet;
 * ERROR_LOCKED: an `sql` step keeps the run's row, nothing was asked. The petition is filled in
 * either way.
 */
int petition_make(struct session *session, struct petition *petition, struct error *err);

/* Whether run still says how its migration stands: none came after it, nor was it marked as
 * applied since. Asks the ledger. */
bool petition_is_latest(const struct session *session, const struct run *run);

/* What goes on with run, which has stopped, into text, for behind a semicolon: of one that
 * another came after, or that was marked as applied since, it says only what shows how its
 * migration stands. Returns text. */
enum { PETITION_COMMAND_SIZE = 80 };
const char *petition_next(const struct session *session, const struct run *run,
                          char text[PETITION_COMMAND_SIZE]);

/* Fill err (ERROR_OPERATOR): run has crashed; what to type. Returns -1. */
int petition_crashed(const struct session *session, const struct run *run, struct error *err);

#endif
