#ifndef REDFERRY_FINDING_H
#define REDFERRY_FINDING_H

#include <stdbool.h>
#include <stddef.h>

struct arguments;
struct comparison_finding;
struct comparison_line;
struct connection;
struct error;
struct expectation;
struct reply;

/*
 * What was found: counts in the lines, and of the first differences words (comparison.h). Told
 * of commands one by one, in the order in which they were sent.
 */
struct findings;

/* One reply to what reads an expectation back. Borrowed during a call. */
struct answer {
    const struct expectation *expectation;
    const struct arguments *arguments; /* its command's */
    struct comparison_line *line;      /* its command's; where it is counted */
    const struct reply *reply;
    size_t at; /* which of its replies, from 0 */
};

/* Returns 0 with *out yours to findings_free(), or -1 with err. The first limit differences are
 * kept in words. */
int findings_new(struct findings **out, size_t limit, struct error *err);

/* NULL is harmless. */
void findings_free(struct findings *findings);

/* Judge a reply; with the last one of its expectation that is counted. Returns 0, or -1 with
 * err (no memory). */
int findings_take(struct findings *findings, const struct answer *answer, struct error *err);

/* A command that cannot be read back has perhaps overwritten what earlier ones left. */
void findings_pass(struct findings *findings, const struct comparison_line *line,
                   const struct arguments *arguments);

/* Whether some difference is still in dispute. */
bool findings_are_open(const struct findings *findings);

/* Whether there were more of them than can be watched. */
bool findings_have_overflowed(const struct findings *findings);

/* The first differences, *count of them. connection: to be asked for the type of what is where
 * something else should be; NULL: not. Borrowed until the next call and no longer than
 * findings.
 */
const struct comparison_finding *findings_shown(struct findings *findings,
                                                struct connection *connection, size_t *count);

#endif
