#ifndef REDFERRY_VERIFIER_H
#define REDFERRY_VERIFIER_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct session;
struct verification;

/* Which migrations are to be verified. */
struct verify_wish {
    const int64_t *versions; /* exactly these, which must be applied */
    size_t version_count;    /* 0: every applied one */
    size_t limit;            /* so many differences are told in words */
};

/*
 * Read the sources of applied migrations again, and compare with what Redis holds now; write
 * nothing. What differs is no failure here. Returns 0, or -1 with err: a version that is not
 * applied (ERROR_INCOMPLETE), a server that cannot be reached, a query of a version that was
 * asked for by name that does not run any more.
 */
int verifier_run(struct session *session, const struct verify_wish *wish,
                 struct verification *out, struct error *err);

#endif
