#ifndef REDFERRY_GREETING_H
#define REDFERRY_GREETING_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct buffer;
struct reply;
struct url;

/*
 * What a server is told and asked before anything else (AUTH, CLIENT SETNAME, SELECT, PING,
 * INFO, ROLE), in one write, and what its answers mean. {0} is one that was not said yet.
 */
enum { GREETING_WORDS = 6 };

struct greeting {
    bool is_said[GREETING_WORDS]; /* what there was a reason to say */
    size_t heard;                 /* the words whose answers are known, or were not said */

    /* Good once all is heard. */
    char version[32];   /* "7.0.15"; "" where the server does not say it */
    struct error unfit; /* why the server may not be written to, or {0}; of a replica
                           ERROR_OPERATOR and passing */
};

/* Append the greeting for url, in RESP. Forgets what was said and heard before. */
void greeting_append(struct greeting *greeting, const struct url *url, struct buffer *out);

/* Whether there are answers still to come. */
bool greeting_is_due(const struct greeting *greeting);

/* Take the next answer. Returns 0, or -1 with err (ERROR_REDIS_UNREACHABLE, err->passing where
 * trying again may help; of a password that is missing or wrong ERROR_OPERATOR) where the
 * connection is of no use. */
int greeting_hear(struct greeting *greeting, const struct url *url, const struct reply *reply,
                  struct error *err);

#endif
