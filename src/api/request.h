#ifndef REDFERRY_REQUEST_H
#define REDFERRY_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "redferry/redferry.h"

struct session;
struct wish;

/* What a call's options ask for, as a wish. The session has read its ledger. Each returns 0, or
 * -1 with ferry->error: options that contradict each other, a VERSION that is none. */
int request_up(struct redferry *ferry, const struct session *session,
               const redferry_up_options *options, struct wish *wish);
int request_run(struct redferry *ferry, const struct session *session,
                const redferry_run_options *options, struct wish *wish);
int request_down(struct redferry *ferry, const struct session *session,
                 const redferry_down_options *options, struct wish *wish);

/* The versions that count texts name, each an argument called what; they live in
 * ferry->results. As above. */
int request_versions(struct redferry *ferry, const struct session *session, const char *what,
                     const char *const *texts, size_t count, int64_t **versions);

#endif
